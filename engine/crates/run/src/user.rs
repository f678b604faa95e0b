//! One VU: a task that takes iterations from wherever they come from, until it is to leave.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use metrics::Recorder;
use tokio::sync::mpsc;
use tokio::time::Instant;
use vu::{Iteration, Outcome, SetupData, Vu};

use crate::board::ScenarioBoard;
use crate::control::Controller;
use crate::failures::{FailureKind, Failures, bounded};
use crate::moment::milliseconds;
use crate::orders::Message;
use crate::rein::{Attended, Order, Rein, attend, attend_end};
use crate::series::ScenarioSeries;
use crate::source::{Look, Numbers, Source, Ticket};

/// How long a VU whose `start` failed waits before it tries again, where nobody else sets the pace: a
/// target that refuses every login is asked once a second by each user, not as fast as it can refuse.
const PAUSE: Duration = Duration::from_secs(1);

/// What the VUs of a scenario on one worker share.
pub(crate) struct Surroundings {
    pub(crate) scenario: usize,
    pub(crate) board: Arc<ScenarioBoard>,
    pub(crate) recorder: Recorder,
    pub(crate) series: ScenarioSeries,
    pub(crate) failures: Rc<RefCell<Failures>>,
    pub(crate) messages: mpsc::Sender<Message>,
    pub(crate) controller: Controller,
    pub(crate) numbers: Numbers,
    pub(crate) data: SetupData,
}

/// Drives a VU until it is to leave.
pub(crate) async fn user<V: Vu>(
    mut vu: V,
    number: u32,
    mut source: impl Source,
    rein: Rc<Rein>,
    around: Rc<Surroundings>,
) {
    let mut user = User { number, rein: &rein, around: &around, iterations: 0 };
    let mut started = false;
    let mut active = false;
    loop {
        let now = Instant::now();
        let look = source.look(&rein, now);
        set_active(&mut active, look == Look::Iterate, &around.board);
        match look {
            Look::Iterate => {}
            Look::Rest => {
                rein.changed().await;
                continue;
            }
            Look::Leave => break,
        }
        let Some(ticket) = source.take(&around.numbers) else { break };
        if !started {
            started = user.start(&mut vu).await;
            if !started {
                source.done();
                user.pause(&source).await;
                continue;
            }
        }
        // After a trap or an interruption the script is a fresh one that has not been started.
        started = user.iterate(&mut vu, ticket).await;
        source.done();
    }
    set_active(&mut active, false, &around.board);
    if started && rein.order() != Order::Cut {
        // How it ends changes nothing any more.
        let _: Attended<()> = attend_end(&rein, vu.stop()).await;
    }
    drop(vu);
    around.board.lose();
}

fn set_active(active: &mut bool, is: bool, board: &ScenarioBoard) {
    if *active != is {
        *active = is;
        if is { board.activate() } else { board.rest() }
    }
}

struct User<'a> {
    number: u32,
    rein: &'a Rein,
    around: &'a Surroundings,
    iterations: u64,
}

impl User<'_> {
    /// Whether the script is ready to iterate. A start that fails costs the iteration it was for.
    async fn start<V: Vu>(&self, vu: &mut V) -> bool {
        let (kind, message) = match attend(self.rein, vu.start(&self.around.data)).await {
            Attended::Ready { value: Outcome::Completed, .. } => return true,
            Attended::Interrupted => return false,
            Attended::Ready { value: Outcome::Aborted(reason), .. } => {
                self.around.controller.abort(reason);
                return false;
            }
            Attended::Ready { value: Outcome::Failed(message), .. } => {
                (FailureKind::StartFailed, message)
            }
            Attended::Ready { value: Outcome::Trapped(trap), .. } => {
                self.around.recorder.record(self.around.series.traps, 1.0);
                (FailureKind::Trapped, trap.to_string())
            }
            Attended::Panicked(message) => (FailureKind::Panicked, message),
        };
        self.around.recorder.record(self.around.series.failed, 1.0);
        self.fail(kind, message);
        false
    }

    /// Waits until a start is worth trying again.
    async fn pause<S: Source>(&self, _source: &S) {
        if S::PAUSES {
            // An order to end or to rest shortens the wait; an older word to go does not.
            let ordered = async {
                while self.rein.order() == Order::Go {
                    self.rein.changed().await;
                }
            };
            let _ = tokio::time::timeout(PAUSE, ordered).await;
        } else {
            tokio::task::yield_now().await;
        }
    }

    /// Runs one iteration and records it; whether the script can go on as it is.
    async fn iterate<V: Vu>(&mut self, vu: &mut V, ticket: Ticket) -> bool {
        let began = Instant::now();
        let lag = ticket.due.map(|due| began.saturating_duration_since(due));
        let iteration = Iteration {
            number: ticket.number,
            number_in_vu: self.iterations,
            lag: lag.unwrap_or_default(),
        };
        self.iterations += 1;
        let attended = attend(self.rein, vu.iterate(&iteration)).await;
        let took = began.elapsed();

        let series = &self.around.series;
        let mut batch = self.around.recorder.batch();
        if let Some(lag) = lag {
            batch.record(series.lag, milliseconds(lag));
        }
        let (outcome, waited) = match attended {
            Attended::Interrupted => {
                batch.record(series.interrupted, 1.0);
                return false;
            }
            Attended::Ready { value, waited } => (Ok(value), waited),
            Attended::Panicked(message) => (Err(message), true),
        };
        batch.record(series.iterations, 1.0);
        batch.record(series.duration, milliseconds(took));
        let failure = match outcome {
            Ok(Outcome::Completed) => None,
            Ok(Outcome::Failed(message)) => Some((FailureKind::Failed, message)),
            Ok(Outcome::Trapped(trap)) => {
                batch.record(series.traps, 1.0);
                Some((FailureKind::Trapped, trap.to_string()))
            }
            Ok(Outcome::Aborted(reason)) => {
                drop(batch);
                self.around.controller.abort(reason);
                return false;
            }
            Err(message) => Some((FailureKind::Panicked, message)),
        };
        if failure.is_some() {
            batch.record(series.failed, 1.0);
        }
        drop(batch);
        let goes_on = matches!(&failure, None | Some((FailureKind::Failed, _)));
        if let Some((kind, message)) = failure {
            self.fail(kind, message);
        }
        if !waited {
            // An iteration that never waits would keep its worker from everything else.
            tokio::task::yield_now().await;
        }
        goes_on
    }

    /// Counts a failure, and tells the controller of the first of its kind.
    fn fail(&self, kind: FailureKind, message: String) {
        let message = bounded(message);
        if self.around.failures.borrow_mut().count(kind, &message, 1) {
            let (scenario, vu) = (self.around.scenario, self.number);
            // A controller with a thousand messages to read can do without this one: it is counted.
            let _ =
                self.around.messages.try_send(Message::FailureSeen { scenario, vu, kind, message });
        }
    }
}
