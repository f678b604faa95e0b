//! `wasmload plan`: what a run would do, without running anything.

use std::path::PathBuf;

use clap::{ArgMatches, Args};
use output::plan_text;

use super::grants::GrantFlags;
use super::options::{LAYERS, OptionFlags};
use super::print;
use super::voice::Voice;
use crate::assemble;
use crate::code_cache::CodeCacheFlags;
use crate::exit::ExitCode;
use crate::fault::Fault;

/// Show what would be run, when and with how many users, without running it
#[derive(Clone, Debug, Args)]
#[command(after_long_help = after_help())]
pub(crate) struct Plan {
    /// As for `run`; it is asked for its own options, and nothing else of it runs. Without one, the other
    /// options alone are shown
    pub(crate) script: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) options: OptionFlags,

    #[command(flatten)]
    pub(crate) grants: GrantFlags,

    #[command(flatten)]
    pub(crate) code_cache: CodeCacheFlags,

    #[command(flatten)]
    pub(crate) voice: Voice,
}

fn after_help() -> String {
    format!(
        "{LAYERS}\n\nExamples:\n  wasmload plan script.wasm --vus 50 --duration 2m\n  \
         wasmload plan --preset load\n  wasmload plan --config options.json\n"
    )
}

impl Plan {
    pub(crate) fn execute(self) -> Result<ExitCode, Fault> {
        self.voice.obey();
        let plan = assemble::plan(&self)?;
        let colour = output::coloured(&std::io::stdout(), self.voice.no_color);
        print(&plan_text::text(&plan, plan_text::columns_of_stdout(), colour))
    }

    /// Notes which values the environment gave.
    pub(super) fn told_apart(&mut self, matches: &ArgMatches) {
        self.options.told_apart(matches);
    }
}
