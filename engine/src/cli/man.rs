//! `wasmload man`: the manual pages, from the same definitions as `--help`. For those who package it.

use std::io;

use clap::{Args, CommandFactory as _};
use clap_mangen::Man as Page;

use super::{Cli, print};
use crate::exit::ExitCode;
use crate::fault::Fault;

/// Print the manual page
#[derive(Debug, Args)]
#[command(after_help = "Example: wasmload man | man -l -")]
pub(crate) struct Man {
    /// Print the page of this subcommand
    subcommand: Option<String>,
}

impl Man {
    pub(crate) fn execute(self) -> Result<ExitCode, Fault> {
        print(&page(self.subcommand.as_deref())?)
    }
}

fn page(subcommand: Option<&str>) -> Result<String, Fault> {
    let mut command = Cli::command();
    // Gives the subcommands their full names.
    command.build();
    let command = match subcommand {
        None => command,
        Some(name) => command.find_subcommand(name).cloned().ok_or_else(|| {
            Fault::new(ExitCode::InvalidConfig, format!("there is no subcommand `{name}`"))
                .hint("`wasmload --help` lists them")
        })?,
    };
    let mut page = Vec::new();
    let rendered: io::Result<()> = Page::new(command).render(&mut page);
    rendered.map_err(|error| {
        Fault::new(ExitCode::Unexpected, "failed to render the page").detail(error.to_string())
    })?;
    Ok(String::from_utf8_lossy(&page).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_subcommand_has_a_page_and_runs_says_the_exit_codes() {
        let whole = page(None).unwrap();
        assert!(whole.contains("wasmload\\-run(1)"), "{whole}");
        assert!(!whole.contains("wasmload\\-man(1)"), "this one is for packagers");
        for subcommand in
            ["run", "plan", "build", "inspect", "new", "demo", "schema", "completions"]
        {
            let page = page(Some(subcommand)).unwrap();
            assert!(page.contains(&format!(".TH wasmload-{subcommand} 1")), "{page}");
        }
        assert!(page(Some("run")).unwrap().contains("a threshold was crossed"));
        assert!(page(Some("sprint")).is_err());
    }
}
