//! `wasmload build`: guest sources in, a component out.

use std::path::PathBuf;

use clap::Args;

use super::print;
use crate::code_cache::CodeCacheFlags;
use crate::exit::ExitCode;
use crate::fault::Fault;
use crate::script;

/// Compile a script, and print where the component is
#[derive(Debug, Args)]
pub(crate) struct Build {
    /// A project's folder, or a file: of Rust one that is the root of a target, of Go one in a module; .js, .ts, .py and .c files
    /// stand alone, too
    source: PathBuf,

    /// Copy the component here
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

impl Build {
    pub(crate) fn execute(self) -> Result<ExitCode, Fault> {
        let built = script::build(&self.source, &CodeCacheFlags::default())?;
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
