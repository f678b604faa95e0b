//! What a run says as it goes: past facts, in order, each once.
//!
//! [`run`](crate::run()) hands every [`Event`] by reference to one callback; a terminal, a file and a
//! test all read the same stream, and a new consumer changes nothing here. No event is raised per
//! iteration or per request: those are counted, and a [`Tick`] says every second how far the counts
//! have come. What stands at the end is a [`Finished`].

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use metrics::{Collected, Verdict};
use plan::Plan;

use crate::failures::FailureKind;
use crate::finished::{CallError, Finished, GivenUp, StopReason};
use crate::search::Step;

/// A fact about the run, and when it came to be one.
#[derive(Debug)]
pub struct Event {
    /// Time since [`EventKind::RunStarted`].
    pub elapsed: Duration,
    /// What happened.
    pub kind: EventKind,
}

/// What happened.
///
/// ```text
/// RunStarted
///   VusMade…            how far the making of VUs has come, the last one with all of them
///   SetupStarted        absent where there is none to run
///   SetupFinished       or SetupFailed: then nothing stands between it and RunFinished
///   LoadStarted         the clock of the load starts
///     ScenarioStarted, ScenarioFinished    once each and scenario
///     StepFinished                         once each load that a search tries
///     Measured, Tick                       each second, and once at the end
///     IterationFailed                      the first of each distinct failure
///     ScenarioGivenUp                      where a script breaks too often
///   LoadFinished
///   TeardownStarted     absent where there is none to run
///   TeardownFinished
///   Measured            what came after the load
/// RunFinished
/// ```
///
/// [`EventKind::StopRequested`] may stand anywhere, and again when a worse reason follows.
#[derive(Debug)]
pub enum EventKind {
    /// The run began. Always the first event.
    RunStarted {
        /// What is to be run.
        plan: Arc<Plan>,
        /// How many worker threads share its VUs.
        workers: usize,
    },
    /// VUs were made ahead of the load, or could not be.
    VusMade {
        /// How many there are.
        made: u32,
        /// How many could not be made; why stands in [`Finished::unmade`].
        unmade: u32,
        /// How many are to be made before the load starts.
        total: u32,
    },
    /// The script's `setup` was called.
    SetupStarted,
    /// The script's `setup` returned.
    SetupFinished {
        /// How long it took.
        took: Duration,
    },
    /// The script's `setup` did not succeed: the run ends without load.
    SetupFailed {
        /// How long it took.
        took: Duration,
        /// Why it failed.
        error: CallError,
    },
    /// The clock of the load started: scenarios' start times count from here.
    LoadStarted,
    /// A scenario's start time came.
    ScenarioStarted {
        /// Its place in [`Plan::scenarios`].
        scenario: usize,
    },
    /// A scenario's last VU has ended.
    ScenarioFinished {
        /// Its place in [`Plan::scenarios`].
        scenario: usize,
    },
    /// A scenario's script broke too often: the scenario ends as if its time had come. The others go on.
    ScenarioGivenUp {
        /// Its place in [`Plan::scenarios`].
        scenario: usize,
        /// What is to be said of it.
        verdict: GivenUp,
    },
    /// A search for the breakpoint has kept up a load for its time.
    StepFinished {
        /// The scenario's place in [`Plan::scenarios`].
        scenario: usize,
        /// What came of it.
        step: Step,
    },
    /// What was measured since this was last said.
    Measured(Box<Measured>),
    /// Another second of load has passed, or the load has ended.
    Tick(Tick),
    /// An iteration, or the start of a VU, failed in a way not seen before in this run. Later failures
    /// of the same kind and message are counted only; the counts stand in [`Finished::failures`].
    IterationFailed {
        /// The scenario's name.
        scenario: String,
        /// The VU's number in the run.
        vu: u32,
        /// In which way it failed.
        kind: FailureKind,
        /// Why, in the script's or the engine's words.
        message: String,
    },
    /// The run was asked to end early.
    StopRequested {
        /// By whom, and why.
        reason: StopReason,
    },
    /// The last scenario has ended; all that VUs recorded is recorded.
    LoadFinished,
    /// The script's `teardown` was called.
    TeardownStarted,
    /// The script's `teardown` ended.
    TeardownFinished {
        /// How long it took.
        took: Duration,
        /// Why it failed, where it did.
        error: Option<CallError>,
    },
    /// The run is over. Always the last event.
    RunFinished(Box<Finished>),
}

/// What was measured in a second, or about one. All of them together are what stands at the end.
#[derive(Debug)]
pub struct Measured {
    /// When: time since [`EventKind::LoadStarted`]. What `setup` did is in the first, and what came after the load is in
    /// one without any time at the end.
    pub time: Range<Duration>,
    /// What: by metric, and by series if [`RunSpec::by_series`](crate::RunSpec::by_series) asked for that.
    pub collected: Collected,
}

/// How far the run has come.
#[derive(Clone, Debug)]
pub struct Tick {
    /// Time since [`EventKind::LoadStarted`].
    pub elapsed: Duration,
    /// VUs active at this moment.
    pub vus: u32,
    /// VUs made and not yet gone: the most that could be active.
    pub vus_max: u32,
    /// Iterations that ended by themselves so far, well or not.
    pub iterations: u64,
    /// Iterations cut off so far.
    pub interrupted: u64,
    /// Iterations that no VU was free for so far.
    pub dropped: u64,
    /// HTTP requests so far.
    pub requests: u64,
    /// Each scenario, in the order of [`Plan::scenarios`].
    pub scenarios: Vec<ScenarioProgress>,
    /// Each threshold as it stood when they were last evaluated; empty before the first time.
    pub verdicts: Arc<[Verdict]>,
}

/// How far one scenario has come.
#[derive(Clone, Debug, PartialEq)]
pub struct ScenarioProgress {
    /// What it is doing.
    pub state: ScenarioState,
    /// Its VUs active at this moment.
    pub vus: u32,
    /// Its VUs made and not yet gone.
    pub vus_max: u32,
    /// Its iterations that ended by themselves so far, well or not.
    pub iterations: u64,
    /// How many iterations it is to run, where it has a fixed number.
    pub iterations_planned: Option<u64>,
    /// Time since its start, at most its `duration`.
    pub elapsed: Duration,
    /// How long it runs, or at most where it has a fixed number of iterations. Without graceful stop.
    pub duration: Duration,
    /// How much of it is done, by iterations where their number is fixed, else by time: 0 to 1.
    pub progress: f64,
}

/// What a scenario is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScenarioState {
    /// Its start time has not come.
    Waiting,
    /// It starts iterations.
    Running,
    /// It starts no more iterations; those running may finish within its graceful stop.
    Stopping,
    /// All its VUs have ended.
    Finished,
}
