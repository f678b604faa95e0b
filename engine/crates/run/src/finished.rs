//! What stands when a run is over: all that a summary and an exit code are made of.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use metrics::{Timeline, Totals, Verdict};
use plan::Plan;
use thiserror::Error;
use vu::{SetupData, Trap};

use crate::failures::Failure;
use crate::search::Searched;

/// A run that is over, however it ended.
#[derive(Debug)]
pub struct Finished {
    /// What was run.
    pub plan: Arc<Plan>,
    /// How long the load lasted, from the first scenario's clock to the end of the last VU. Without
    /// the making of VUs, `setup` and `teardown`, so that a count divided by it is the rate delivered.
    pub elapsed: Duration,
    /// Everything recorded.
    pub totals: Totals,
    /// The same over time.
    pub timeline: Timeline,
    /// The most VUs of each scenario that were at work at one time, in the plan's order; they are counted each second.
    pub most_vus: Vec<u32>,
    /// How many worker threads shared the VUs.
    pub workers: usize,
    /// Each threshold's verdict over the whole run; where a scenario searched, over the highest load that
    /// held.
    pub verdicts: Vec<Verdict>,
    /// What the scenario that searched for the breakpoint found, where there was one.
    pub search: Option<Searched>,
    /// The distinct failures of iterations and of VUs' starts, the most frequent first.
    pub failures: Vec<Failure>,
    /// The VUs that could not be made, by reason.
    pub unmade: Vec<Unmade>,
    /// The scenarios that were ended because their script broke too often.
    pub given_up: Vec<GivenUp>,
    /// Why it ended before its time, where it did.
    pub stop: Option<StopReason>,
    /// What `setup` returned; nothing where it did not run.
    pub setup_data: SetupData,
    /// Why `setup` failed, where it did; then there was no load.
    pub setup_error: Option<CallError>,
    /// Why `teardown` failed, where it did.
    pub teardown_error: Option<CallError>,
    /// Worker threads that broke down, and how: the engine's own faults. Their VUs were lost, what
    /// they had recorded was not.
    pub faults: Vec<String>,
}

/// A scenario that was ended because its script broke too often. Fits "failed: …".
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "the scenario `{scenario}` was ended: its script broke more than {allowed} times (`--max-restarts` raises it)"
)]
pub struct GivenUp {
    /// Its name.
    pub scenario: String,
    /// How often its script was allowed to.
    pub allowed: u32,
}

/// VUs that could not be made, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unmade {
    /// Why, in the words of whoever makes them.
    pub reason: String,
    /// How many.
    pub count: u32,
}

/// Why a run ended before its time.
///
/// In the order of precedence: the first reason given stands, until a worse one comes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum StopReason {
    /// Nothing was left to do, because this came to its end. The scenarios were drained, and `teardown`
    /// ran; it is no failure.
    Exhausted(String),
    /// Thresholds with `abortOnFail` were crossed: these, as the options name them. The scenarios
    /// were drained.
    ThresholdCrossed(Vec<String>),
    /// Someone interrupted it once: the scenarios were drained, and `teardown` ran.
    Interrupted,
    /// The script asked for it, in these words: iterations were cut off, and `teardown` ran.
    Aborted(String),
    /// Someone interrupted it twice: everything was cut off, `teardown` included.
    CutOff,
}

impl fmt::Display for StopReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exhausted(what) => f.write_str(what),
            Self::ThresholdCrossed(metrics) => {
                write!(f, "thresholds with abortOnFail were crossed on `{}`", metrics.join("`, `"))
            }
            Self::Interrupted => f.write_str("interrupted"),
            Self::Aborted(reason) if reason.is_empty() => f.write_str("aborted by the script"),
            Self::Aborted(reason) => write!(f, "aborted by the script: {reason}"),
            Self::CutOff => f.write_str("interrupted twice"),
        }
    }
}

/// Why `setup` or `teardown` failed. Fits "failed to run setup: …".
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CallError {
    /// The script said so.
    #[error("{0}")]
    Failed(String),
    /// The script broke.
    #[error("{0}")]
    Trapped(Trap),
    /// It took longer than it may.
    #[error("not done within {0:?}")]
    TimedOut(Duration),
    /// The script asked for the run to end.
    #[error("aborted by the script: {0}")]
    Aborted(String),
    /// It was cut off by a second interrupt.
    #[error("interrupted")]
    CutOff,
    /// The engine itself broke.
    #[error("engine fault: {0}")]
    Panicked(String),
}
