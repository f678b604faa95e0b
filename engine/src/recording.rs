//! `--record-failures`: what it takes before a run, and what is said of it after.

use std::hash::{BuildHasher as _, RandomState};
use std::path::Path;
use std::sync::Arc;

use host::{Engine, EngineError, Inspection, Layout, Recordings};
use output::{Screen, Severity};

use crate::cli::record::Record;
use crate::exit::ExitCode;
use crate::fault::Fault;

/// How many recordings are said by name.
const SHOWN: usize = 5;

/// What the chance of a run comes from if nobody says it: short enough to be typed.
pub(crate) fn drawn_seed() -> u64 {
    RandomState::new().hash_one("seed") >> 32
}

/// The engine for a run with these flags, and so much stack for each VU.
pub(crate) fn engine(record: &Record, stack: u64, layout: Layout) -> Result<Engine, EngineError> {
    match record.record_failures {
        Some(_) => Engine::recording_with_stack(stack, layout),
        None => Engine::with_stack(stack, layout),
    }
}

/// Who keeps recordings, if any are asked for.
///
/// Refuses a script whose calls are not all recorded, and a folder that cannot be written to.
pub(crate) fn recordings(
    record: &Record,
    script: &Inspection,
    seed: u64,
) -> Result<Option<Arc<Recordings>>, Fault> {
    let Some(most) = record.record_failures else { return Ok(None) };
    if let Some(import) = script.imports.iter().find(|import| import.starts_with("wasi:http/")) {
        let message = "`--record-failures` does not cover scripts that ask by `wasi:http`";
        return Err(Fault::new(ExitCode::InvalidConfig, message)
            .detail(format!("the script imports {import}"))
            .hint("what it does by the contract's `http` is recorded"));
    }
    let recordings = Recordings::create(&record.record_failures_to, most.into(), seed);
    recordings
        .map(|recordings| Some(Arc::new(recordings)))
        .map_err(|error| Fault::failed_to(ExitCode::InvalidConfig, &error))
}

/// Says which recordings there are after a run, and how one is run again. `script` is what was typed for it.
pub(crate) fn tell(recordings: &Recordings, script: &Path, screen: &Screen) {
    let files = recordings.files();
    let script = script.display();
    for file in files.iter().take(SHOWN) {
        let file = file.display();
        screen.message(Severity::Info, &format!("recorded: wasmload replay {file} {script}"));
    }
    match files.len().saturating_sub(SHOWN) {
        0 if files.is_empty() => screen.message(Severity::Info, "no failure was recorded"),
        0 => {}
        more => screen.message(Severity::Info, &format!("recorded: {more} more beside them")),
    }
    for remark in recordings.remarks() {
        screen.message(Severity::Warning, &remark);
    }
}
