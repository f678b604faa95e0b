//! `wasmload report`: makes reports of a result that was kept.

use std::path::PathBuf;

use clap::Args;
use output::{Out, StoredResult, out};

use super::voice::Voice;
use crate::exit::ExitCode;
use crate::fault::Fault;

/// Make reports of the result of an earlier run
#[derive(Clone, Debug, Args)]
#[command(after_long_help = "Examples:\n  wasmload run script.wasm --out summary=result.json\n  \
    wasmload report result.json --out html=report.html --out junit=junit.xml\n")]
pub(crate) struct Report {
    /// What `wasmload run --out summary=FILE` wrote, packed or not
    result: PathBuf,

    /// Which report, and where to: html, junit, markdown or summary. May be given again; - is standard output
    #[arg(short = 'o', long, value_name = "KIND=FILE", required = true)]
    out: Vec<Out>,

    #[command(flatten)]
    voice: Voice,
}

impl Report {
    pub(crate) fn execute(self) -> Result<ExitCode, Fault> {
        self.voice.obey();
        let mut refused = Fault::new(ExitCode::InvalidConfig, "not every output is a report");
        for out in self.out.iter().filter(|out| !out.is_report()) {
            refused = refused.detail(format!(
                "`{}` needs every sample of the run, and a result does not have them",
                out.kind()
            ));
        }
        if self.out.iter().any(|out| !out.is_report()) {
            let names: Vec<_> = out::reports().collect();
            return Err(refused.hint(format!("reports are {}", names.join(", "))));
        }
        let result = StoredResult::read(&self.result)
            .map_err(|error| Fault::failed_to(ExitCode::InvalidConfig, &error))?;
        for out in &self.out {
            out.render(&result)
                .map_err(|error| Fault::failed_to(ExitCode::InvalidConfig, &error))?;
        }
        Ok(ExitCode::Success)
    }
}
