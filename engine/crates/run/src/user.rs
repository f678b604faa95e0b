//! One VU: a task that takes iterations from wherever they come from, until it is to leave.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use metrics::{Recorder, Tags, builtin};
use plan::{Flows, Isolation, Length, Life, SplitMix64};
use tokio::sync::mpsc;
use tokio::time::Instant;
use vu::{Iteration, Outcome, SetupData, Vu};

use crate::board::ScenarioBoard;
use crate::control::Controller;
use crate::failures::{FailureKind, Failures, bounded};
use crate::moment::{after, milliseconds};
use crate::orders::Message;
use crate::rein::{Attended, Order, Rein, attend, attend_end};
use crate::series::ScenarioSeries;
use crate::source::{Look, Numbers, Source, Ticket};

/// How long a VU whose `start` failed waits before it tries again, where nobody else sets the pace: a
/// target that refuses every login is asked once a second by each user, not as fast as it can refuse.
const PAUSE: Duration = Duration::from_secs(1);

/// How long a VU waits whose script broke twice in a row; twice as long each further time, up to [`PAUSE`]. Once is
/// nothing; again and again is a fresh instance each time, which costs others their share of the worker.
const RECOVERY: Duration = Duration::from_millis(10);

/// The limit that an iteration reaches which takes too long, as it is counted.
const ITERATION_TIME: &str = "iteration-time";

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
    pub(crate) flows: Flows,
    pub(crate) life: Life,
    /// Tags on what is recorded of its iterations.
    pub(crate) tags: Tags,
    /// How often its script may break, on all workers together.
    pub(crate) restarts: u32,
    /// What the run's chance comes from, if that is decided.
    pub(crate) seed: Option<u64>,
}

impl Surroundings {
    /// Takes note that the script has broken, and tells the controller when that was once too often.
    fn break_down(&self) {
        if self.board.break_down() > u64::from(self.restarts) && !self.board.give_up(true) {
            let scenario = self.scenario;
            if self.messages.try_send(Message::GivenUp { scenario }).is_err() {
                // The next one tells.
                self.board.give_up(false);
            }
        }
    }

    /// Counts a failure of a VU, and tells the controller of the first of its kind.
    pub(crate) fn fail(&self, vu: u32, kind: FailureKind, message: String) {
        let message = bounded(message);
        if self.failures.borrow_mut().count(kind, &message, 1) {
            let scenario = self.scenario;
            // A controller with a thousand messages to read can do without this one: it is counted.
            let _ = self.messages.try_send(Message::FailureSeen { scenario, vu, kind, message });
        }
    }
}

/// Drives a VU until it is to leave.
pub(crate) async fn user<V: Vu>(
    mut vu: V,
    number: u32,
    mut source: impl Source,
    rein: Rc<Rein>,
    around: Rc<Surroundings>,
) {
    let random = SplitMix64::new(seed(around.seed, number));
    let mut user = User { number, rein: &rein, around: &around, iterations: 0, random, broken: 0 };
    let mut presence = Presence { board: &around.board, active: false };
    let mut script = Script::Fresh;
    while script != Script::Aborted {
        let now = Instant::now();
        let look = source.look(&rein, now);
        presence.is_active(look == Look::Iterate);
        match look {
            Look::Iterate => {}
            Look::Rest => {
                rein.changed().await;
                continue;
            }
            Look::Leave => break,
        }
        if script == Script::Fresh {
            match user.start(&mut vu).await {
                // A start may take long: whether there is still an iteration for it is to be seen.
                Start::Done => script = Script::Started,
                Start::Interrupted => {}
                Start::Aborted => script = Script::Aborted,
                Start::Failed => {
                    if source.take(&around.numbers).is_none() {
                        break;
                    }
                    user.recover().await;
                    source.done();
                    user.pause(&source).await;
                }
            }
            continue;
        }
        let Some(ticket) = source.take(&around.numbers) else { break };
        let began = Instant::now();
        script = user.iterate(&mut vu, ticket).await;
        // One that is not asked again is not free for another iteration either.
        if script != Script::Aborted {
            if around.life.isolation == Isolation::Iteration || vu.wants_renewal() {
                if script == Script::Started {
                    user.stop(&mut vu).await;
                }
                vu.renew();
                script = Script::Fresh;
            }
            // There is nothing to wait for after the last.
            if source.look(&rein, Instant::now()) != Look::Leave {
                user.rest(began).await;
            }
            source.done();
        }
    }
    presence.is_active(false);
    if source.owes() {
        around.recorder.record(around.series.interrupted, 1.0);
    }
    if script == Script::Started && rein.order() != Order::Cut {
        user.stop(&mut vu).await;
    }
}

/// What the waits of a VU are drawn from. Those of neighbours are nothing alike.
fn seed(of_run: Option<u64>, number: u32) -> u64 {
    let of_run = of_run.map_or(0, |seed| SplitMix64::new(seed).next_u64());
    of_run.wrapping_add(number.into())
}

/// What a VU's script is ready for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Script {
    /// To be started: as it was made, or afresh after a trap or an interruption.
    Fresh,
    /// To iterate.
    Started,
    /// For nothing: it asked for the end of the run or has nothing left to do, and is not asked again.
    Aborted,
}

/// How the start of a script ended.
enum Start {
    Done,
    Failed,
    Interrupted,
    Aborted,
}

/// A VU as it is counted, until it is gone, in whatever way.
struct Presence<'a> {
    board: &'a ScenarioBoard,
    active: bool,
}

impl Presence<'_> {
    fn is_active(&mut self, active: bool) {
        if self.active != active {
            self.active = active;
            if active { self.board.activate() } else { self.board.rest() }
        }
    }
}

impl Drop for Presence<'_> {
    fn drop(&mut self) {
        self.is_active(false);
    }
}

struct User<'a> {
    number: u32,
    rein: &'a Rein,
    around: &'a Surroundings,
    iterations: u64,
    /// What its waits are drawn from: of the run's seed and the VU's number, so that a run can be repeated.
    random: SplitMix64,
    /// How often in a row its script broke.
    broken: u32,
}

impl User<'_> {
    /// Starts the script. A start that fails costs the iteration it was for.
    async fn start<V: Vu>(&mut self, vu: &mut V) -> Start {
        let began = Instant::now();
        let attended = attend(self.rein, vu.start(&self.around.data)).await;
        if !matches!(attended, Attended::Interrupted) {
            let took = milliseconds(began.elapsed());
            self.around.recorder.record(self.around.series.start_duration, took);
        }
        let (kind, message) = match attended {
            Attended::Ready { value: Outcome::Completed, .. } => return Start::Done,
            Attended::Interrupted => return Start::Interrupted,
            Attended::Ready { value: Outcome::Aborted(reason), .. } => {
                self.around.controller.abort(bounded(reason));
                return Start::Aborted;
            }
            Attended::Ready { value: Outcome::Exhausted(what), .. } => {
                self.around.controller.finish(bounded(what));
                return Start::Aborted;
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
        self.around.fail(self.number, kind, message);
        if kind != FailureKind::StartFailed {
            self.has_broken();
        }
        Start::Failed
    }

    /// Takes note that the script has broken.
    fn has_broken(&mut self) {
        self.broken = self.broken.saturating_add(1);
        self.around.break_down();
    }

    /// How long it is to be left alone, so that who starts it anew again and again does not take the worker from
    /// others.
    fn recovery(&self) -> Duration {
        match self.broken {
            0 | 1 => Duration::ZERO,
            more => RECOVERY.saturating_mul(1 << (more - 2).min(16)).min(PAUSE),
        }
    }

    /// Waits for as long.
    async fn recover(&self) {
        let recovery = self.recovery();
        if !recovery.is_zero() {
            self.wait_until(Instant::now() + recovery).await;
        }
    }

    /// Ends the script. How it ends changes nothing any more.
    async fn stop<V: Vu>(&self, vu: &mut V) {
        let began = Instant::now();
        if let Attended::Ready { .. } = attend_end(self.rein, vu.stop()).await {
            let took = milliseconds(began.elapsed());
            self.around.recorder.record(self.around.series.stop_duration, took);
        }
    }

    /// Waits until a start is worth trying again.
    async fn pause<S: Source>(&self, _source: &S) {
        if S::PAUSES {
            self.wait_until(Instant::now() + PAUSE).await;
        } else {
            tokio::task::yield_now().await;
        }
    }

    /// Waits for as long as a VU does between its iterations.
    async fn rest(&mut self, began: Instant) {
        let Life { think_time, pace, .. } = &self.around.life;
        let thought = think_time.map(|think_time| think_time.draw(&mut self.random));
        let paced = after(began, *pace);
        let recovered = after(Instant::now(), self.recovery());
        let until = thought.map_or(paced, |thought| paced.max(after(Instant::now(), thought)));
        let until = if self.broken > 1 { until.max(recovered) } else { until };
        if until > began && until > Instant::now() {
            self.wait_until(until).await;
        }
    }

    /// Waits until a moment. An order to end or to rest shortens the wait; an older word to go does not.
    async fn wait_until(&self, moment: Instant) {
        let ordered = async {
            while self.rein.order() == Order::Go {
                self.rein.changed().await;
            }
        };
        let _ = tokio::time::timeout_at(moment, ordered).await;
    }

    /// Runs one iteration and records it; what the script is ready for then.
    async fn iterate<V: Vu>(&mut self, vu: &mut V, ticket: Ticket) -> Script {
        let began = Instant::now();
        let lag = ticket.due.map(|due| began.saturating_duration_since(due));
        let iteration = Iteration {
            number: ticket.number,
            number_in_vu: self.iterations,
            flow: self.around.flows.of(ticket.number),
            lag: lag.unwrap_or_default(),
        };
        self.iterations += 1;
        let call = vu.iterate(&iteration);
        let attended = match self.around.life.iteration_timeout {
            None => attend(self.rein, call).await.map(Some),
            Some(timeout) => {
                attend(self.rein, tokio::time::timeout(timeout, call)).await.map(Result::ok)
            }
        };
        let took = began.elapsed();

        let series = &self.around.series;
        let mut batch = self.around.recorder.batch();
        if let Some(lag) = lag {
            batch.record(series.lag, milliseconds(lag));
        }
        let (outcome, waited) = match attended {
            Attended::Interrupted => {
                batch.record(series.interrupted, 1.0);
                return Script::Fresh;
            }
            Attended::Ready { value: Some(Outcome::Exhausted(what)), .. } => {
                // It did not come to its own end: there was nothing left for it.
                batch.record(series.interrupted, 1.0);
                drop(batch);
                self.around.controller.finish(bounded(what));
                return Script::Aborted;
            }
            Attended::Ready { value, waited } => (Ok(value), waited),
            Attended::Panicked(message) => (Err(message), true),
        };
        batch.record(series.iterations, 1.0);
        batch.record(series.duration, milliseconds(took));
        let failure = match outcome {
            Ok(Some(Outcome::Completed)) => None,
            Ok(Some(Outcome::Failed(message))) => Some((FailureKind::Failed, message)),
            Ok(None) => {
                let timeout = Length::from(self.around.life.iteration_timeout.unwrap_or_default());
                let why = format!("the iteration took longer than {timeout}");
                vu.timed_out(&why);
                Some((FailureKind::TimedOut, why))
            }
            Ok(Some(Outcome::Trapped(trap))) => {
                batch.record(series.traps, 1.0);
                Some((FailureKind::Trapped, trap.to_string()))
            }
            Ok(Some(Outcome::Aborted(reason))) => {
                drop(batch);
                self.around.controller.abort(bounded(reason));
                return Script::Aborted;
            }
            // Seen to above.
            Ok(Some(Outcome::Exhausted(_))) => None,
            Err(message) => Some((FailureKind::Panicked, message)),
        };
        if failure.is_some() {
            batch.record(series.failed, 1.0);
        }
        drop(batch);
        let next = match &failure {
            None | Some((FailureKind::Failed, _)) => Script::Started,
            Some(_) => Script::Fresh,
        };
        match &failure {
            Some((FailureKind::Trapped | FailureKind::Panicked, _)) => self.has_broken(),
            Some((FailureKind::TimedOut, _)) => {
                let tags = self.around.tags.with("limit", ITERATION_TIME);
                self.around.recorder.record_tagged(builtin::LIMITS_REACHED, &tags, 1.0);
            }
            _ => self.broken = 0,
        }
        if let Some((kind, message)) = failure {
            self.around.fail(self.number, kind, message);
        }
        if !waited {
            // An iteration that never waits would keep its worker from everything else.
            tokio::task::yield_now().await;
        }
        next
    }
}
