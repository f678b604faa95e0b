//! The flags of `run` that say which failures are recorded.

use std::path::PathBuf;

use clap::Args;

/// The most recordings. Arbitrary: more than anybody replays, each of some megabytes.
const MOST: i64 = 1_000;

/// Which failures are recorded, and where.
#[derive(Clone, Debug, Args)]
pub(crate) struct Record {
    /// Record so many failed iterations, different failures first, to be run again by `wasmload replay`
    ///
    /// The host calls of each VU are logged in memory from the birth of its instance: some hundred bytes for a request,
    /// and what the script reads of bodies. A VU whose log has reached 1 MiB is given a fresh instance, and started
    /// again, after the iteration; an iteration that is told more than 16 MiB is not recorded. Recordings hold what
    /// was sent and received, and are readable by you only.
    #[arg(long, env = "WASMLOAD_RECORD_FAILURES", hide_env_values = true, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=MOST))]
    pub(crate) record_failures: Option<u16>,

    /// The folder for recordings; it is made if it is not there
    #[arg(
        long,
        env = "WASMLOAD_RECORD_FAILURES_TO",
        hide_env_values = true,
        value_name = "FOLDER",
        default_value = "wasmload-recordings"
    )]
    pub(crate) record_failures_to: PathBuf,
}
