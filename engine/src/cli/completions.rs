//! `wasmload completions`: what a shell needs to complete our flags.

use clap::{Args, CommandFactory as _};
use clap_complete::Shell;

use super::{Cli, print};
use crate::exit::ExitCode;
use crate::fault::Fault;

/// Print the completions for a shell
#[derive(Debug, Args)]
#[command(after_help = "Example: wasmload completions bash > /etc/bash_completion.d/wasmload")]
pub(crate) struct Completions {
    shell: Shell,
}

impl Completions {
    pub(crate) fn execute(self) -> Result<ExitCode, Fault> {
        print(&completions(self.shell))
    }
}

fn completions(shell: Shell) -> String {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "wasmload", &mut script);
    String::from_utf8_lossy(&script).into_owned()
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum as _;

    use super::*;

    #[test]
    fn every_shell_completes_our_flags() {
        for shell in Shell::value_variants() {
            let script = completions(*shell);
            for flag in ["summary-export", "no-teardown", "capacity"] {
                assert!(script.contains(flag), "{shell}: {flag}");
            }
        }
    }
}
