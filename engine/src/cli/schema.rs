//! `wasmload schema`: the JSON Schemas of what is read and written.

use clap::{Args, ValueEnum};

use super::print_json;
use crate::exit::ExitCode;
use crate::fault::Fault;

/// Print the JSON Schema of a file format
#[derive(Debug, Args)]
pub(crate) struct Schema {
    /// Of which file
    #[arg(value_enum)]
    of: Format,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    /// What `run --config` reads and a script's `options` gives
    Options,
    /// What `--policy` reads
    Policy,
    /// What `run --summary-export` writes
    Summary,
    /// What `run --out summary=FILE` writes
    Result,
}

impl Schema {
    pub(crate) fn execute(self) -> Result<ExitCode, Fault> {
        print_json(&match self.of {
            Format::Options => plan::schema(),
            Format::Policy => plan::policy_schema(),
            Format::Summary => output::summary_json::schema(),
            Format::Result => output::stored::schema(),
        })
    }
}
