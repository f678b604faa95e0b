//! `wasmload build`: guest sources in, a component out.

use std::path::PathBuf;

use clap::Args;

use super::print;
use crate::exit::ExitCode;
use crate::fault::Fault;
use crate::script;

/// Compile a script, and print where the component is
#[derive(Debug, Args)]
pub(crate) struct Build {
    /// A project's folder (with a Cargo.toml, a pyproject.toml, a Makefile or a go.mod), a .py, .c or .go file, or a .rs file that is the root of a target
    source: PathBuf,

    /// Copy the component here
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

impl Build {
    pub(crate) fn execute(self) -> Result<ExitCode, Fault> {
        let built = script::build(&self.source)?;
        let component = match self.output {
            None => built,
            Some(output) => {
                std::fs::copy(&built, &output).map_err(|error| {
                    let output = output.display();
                    Fault::new(ExitCode::Unexpected, format!("failed to write `{output}`"))
                        .detail(error.to_string())
                })?;
                output
            }
        };
        print(&format!("{}\n", component.display()))
    }
}
