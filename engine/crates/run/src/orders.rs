//! What the controller and its workers say to each other: little, and seldom.
//!
//! Down goes one value that all workers watch, [`Orders`]. A worker that looks late sees the latest of
//! what it missed. Times are not sent: each worker works out its scenarios' ends from the
//! plan and the moment the load started. Up come [`Message`]s, a handful a scenario; what is counted
//! per iteration goes through the worker's metric shard instead.

use tokio::sync::watch;
use tokio::time::Instant;
use vu::SetupData;

use crate::failures::{FailureKind, Failures};
use crate::finished::Unmade;

/// How many messages may wait for the controller. They are a few a scenario and worker, so that this
/// is not reached unless the controller is stuck; then workers wait, VUs do not.
pub(crate) const MESSAGES: usize = 1_024;

/// What the workers are to do.
#[derive(Clone, Debug, Default)]
pub(crate) struct Orders {
    /// When the load started and with what; `None` before.
    pub(crate) load: Option<Load>,
    /// How far the run has come.
    pub(crate) phase: Phase,
    /// How many VUs somebody has asked for, by scenario; `None` where its plan's number stands.
    pub(crate) levels: Vec<Option<u32>>,
    /// Whether VUs that are controlled are to rest.
    pub(crate) paused: bool,
    /// What the scenario that searches is to do.
    pub(crate) search: SearchOrder,
    /// The scenarios that are to end because their script broke too often.
    pub(crate) given_up: Vec<usize>,
}

/// What the scenario that searches is to do; no other one looks at it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum SearchOrder {
    /// Start nothing.
    #[default]
    Rest,
    /// Keep up a load, from a moment on.
    Keep { load: u32, since: Instant },
    /// End: it has been found.
    End,
}

impl Orders {
    /// How many of a scenario's VUs are to be at work, where that is controlled.
    pub(crate) fn level(&self, scenario: usize, planned: u32) -> u32 {
        if self.paused {
            return 0;
        }
        self.levels.get(scenario).copied().flatten().unwrap_or(planned)
    }
}

/// The start of the load.
#[derive(Clone, Debug)]
pub(crate) struct Load {
    /// When it was, or is to be.
    pub(crate) started: Instant,
    /// What `setup` returned.
    pub(crate) data: SetupData,
}

/// How far the run has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    /// Scenarios run as planned.
    #[default]
    Planned,
    /// Every scenario ends as if its time had come.
    Drain,
    /// Every VU is cut off.
    Cut,
}

/// What a worker has to say.
#[derive(Debug)]
pub(crate) enum Message {
    /// It has made its VUs, or failed to.
    Prepared { worker: usize },
    /// An iteration failed in a way this worker has not seen before.
    FailureSeen { scenario: usize, vu: u32, kind: FailureKind, message: String },
    /// A scenario's script has broken too often.
    GivenUp { scenario: usize },
    /// Its part of a scenario has ended.
    ScenarioDone { scenario: usize },
    /// All its parts have ended, and all it recorded is recorded. Its last message.
    Left { worker: usize, failures: Box<Failures>, unmade: Vec<Unmade> },
    /// It broke down. Its last message.
    Lost { worker: usize, fault: String },
}

/// Waits until a scenario is to end before its time. A controller that is gone ends it.
pub(crate) async fn ended(orders: &mut watch::Receiver<Orders>, scenario: usize) {
    let is_over =
        |orders: &Orders| orders.phase >= Phase::Drain || orders.given_up.contains(&scenario);
    let _ = orders.wait_for(is_over).await;
}

/// Waits until the run has come to `phase`. A controller that is gone cuts off.
pub(crate) async fn reached(orders: &mut watch::Receiver<Orders>, phase: Phase) {
    let _ = orders.wait_for(|orders| orders.phase >= phase).await;
}
