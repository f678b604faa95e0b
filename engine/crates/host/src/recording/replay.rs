//! Runs a script against a recording: no target, no waiting, the same answers.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use vu::{Identity, Iteration, Outcome, Scenario, SetupData, Vu as _};

use crate::log::{Level, LogGate, LogLine};
use crate::recording::player::{Player, Stopped};
use crate::recording::tape::{Call, Ended};
use crate::recording::{Course, Recording};
use crate::script::Script;

/// What came of a replay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replayed {
    /// Whether it is what was recorded.
    pub verdict: Verdict,
    /// How many host calls were answered from the recording since the call that was recorded began.
    pub answered: usize,
}

/// Whether a replay showed what was recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The same failure, in the same words, after the same host calls.
    Same,
    /// The script was cut off then, and now has come as far: to this host call, which was never answered.
    WaitsToo(String),
    /// The script was cut off then, by its time or by a limit, and now computes on after the last answer, too.
    ComputesToo,
    /// It made the same host calls, and ended otherwise; how is told.
    EndedOtherwise(String),
    /// It made another host call than it did, or none where it did.
    Diverged(Divergence),
    /// It made the same host calls, and did not end in the time that it had.
    DidNotEnd,
}

/// The first host call that was another one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Divergence {
    /// How many host calls of the same call into the script were answered before.
    pub after: usize,
    /// What was recorded.
    pub expected: String,
    /// What came.
    pub came: String,
}

impl fmt::Display for Divergence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { after, expected, came } = self;
        write!(f, "after {after} host calls\n  recorded: {expected}\n  came:     {came}")
    }
}

impl Verdict {
    /// Whether what was recorded was shown, as far as it can be.
    #[must_use]
    pub fn is_reproduced(&self) -> bool {
        matches!(self, Self::Same | Self::WaitsToo(_) | Self::ComputesToo)
    }
}

/// What a replay is to show, and how exactly.
#[derive(Clone, Copy, Debug)]
pub struct Replaying {
    /// Calls by which the script only says something (messages, checks, metrics) may be others than they were: it is
    /// another script, which is to do better.
    pub is_lenient: bool,
    /// The messages of all calls into the script are told, and not only those of the one that failed; and each host
    /// call of that one.
    pub is_verbose: bool,
    /// How long a call into the script may take.
    pub limit: Duration,
}

/// Something to be shown while a script is replayed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// A message of the script.
    Log(LogLine),
    /// A host call.
    Call {
        /// Its name and arguments, in short.
        asked: String,
        /// What it returned, in short.
        answered: String,
    },
}

impl Script {
    /// Runs what was recorded again, from the birth of its instance to the failure.
    ///
    /// The script must have been loaded by [`Engine::replaying`](crate::Engine::replaying). What is to be shown is handed
    /// to `show` as it comes.
    pub async fn replay(
        &self,
        recording: &Recording,
        replaying: Replaying,
        show: impl Fn(Told) + Send + Sync + 'static,
    ) -> Replayed {
        let Replaying { is_lenient, is_verbose, limit } = replaying;
        let show = Arc::new(show);
        let player = Player::new(recording, Arc::clone(&self.functions), is_lenient);
        let calls = player.calls();
        let player = Arc::new(Mutex::new(player));
        let is_shown = Arc::new(AtomicBool::new(is_verbose));
        let (shown, on_log) = (Arc::clone(&is_shown), Arc::clone(&show));
        let log = LogGate::unthinned(Level::Debug, move |line| {
            if shown.load(Ordering::Relaxed) {
                on_log(Told::Log(line));
            }
        });
        let mut vu = self.user_on(
            identity(recording, &calls),
            log,
            "requests: this is a replay",
            Course::Replayed(Arc::clone(&player)),
        );
        let data: SetupData = recording.data.as_slice().into();
        let mut verdict = Verdict::Same;
        for (place, (call, recorded)) in calls.iter().enumerate() {
            if place + 1 == calls.len() {
                is_shown.store(true, Ordering::Relaxed);
                if is_verbose {
                    let show = Arc::clone(&show);
                    let on_call = move |asked, answered| show(Told::Call { asked, answered });
                    player.lock().tell(Box::new(on_call));
                }
            }
            let outcome = match call {
                Call::Start => tokio::time::timeout(limit, vu.start(&data)).await,
                Call::Iterate { number, number_in_vu, flow } => {
                    let flow = flow_number(&calls, flow);
                    let (number, number_in_vu) = (*number, *number_in_vu);
                    let lag = Duration::ZERO;
                    let iteration = Iteration { number, number_in_vu, flow, lag };
                    tokio::time::timeout(limit, vu.iterate(&iteration)).await
                }
            };
            verdict = self::verdict(outcome.ok().as_ref(), recorded, &mut player.lock());
            if verdict != Verdict::Same {
                break;
            }
        }
        let answered = player.lock().answered();
        Replayed { verdict, answered }
    }
}

/// What came of one call; none if it did not end.
fn verdict(outcome: Option<&Outcome>, recorded: &Ended, player: &mut Player) -> Verdict {
    // A trap may be that of a limit, too.
    let was_cut_off = matches!(recorded, Ended::TimedOut(_) | Ended::Trapped(_));
    match (player.stopped(), outcome) {
        (Some(Stopped::Diverged(divergence)), _) => return Verdict::Diverged(divergence.clone()),
        (Some(Stopped::Waits(call)), _) => return Verdict::WaitsToo(call.clone()),
        (None, None) if was_cut_off && player.is_at_end() => return Verdict::ComputesToo,
        (None, None) => return Verdict::DidNotEnd,
        (None, Some(_)) => {}
    }
    player.ends();
    if let Some(Stopped::Diverged(divergence)) = player.stopped() {
        return Verdict::Diverged(divergence.clone());
    }
    match outcome.map(Ended::from) {
        Some(ended) if ended == *recorded => Verdict::Same,
        Some(ended) => Verdict::EndedOtherwise(ended.to_string()),
        None => Verdict::DidNotEnd,
    }
}

/// Who ran it. Its flows are those that were run.
fn identity(recording: &Recording, calls: &[(Call, Ended)]) -> Identity {
    let header = &recording.header;
    let scenario = Scenario {
        name: header.scenario.clone(),
        flows: flows(calls).map(ToOwned::to_owned).collect(),
        env: header.env.clone(),
        ..Scenario::default()
    };
    Identity { vu: header.vu, worker: 0, scenario: Arc::new(scenario) }
}

/// The flows of all calls, some more than once.
fn flows(calls: &[(Call, Ended)]) -> impl Iterator<Item = &str> {
    calls.iter().filter_map(|(call, _)| match call {
        Call::Iterate { flow, .. } => Some(flow.as_str()),
        Call::Start => None,
    })
}

fn flow_number(calls: &[(Call, Ended)], flow: &str) -> usize {
    flows(calls).position(|known| known == flow).unwrap_or_default()
}
