//! A search for the highest load that holds: how far it has come, and what it found.
//!
//! Which load is next is `plan`'s to say ([`plan::Steps`]); here each is kept up for its time and judged. The
//! controller's clock and its orders are the controller's.

use std::time::Duration;

use metrics::{Distribution, LoadPoint, MetricId, Sink, Thresholds, Totals, Usl, Verdict, builtin};
use plan::{Raise, Steps};
use tokio::time::Instant;

/// The share of iterations that may find no VU free in a step that holds.
const DROPPED: f64 = 0.01;
/// The share of iterations by which those that end may fall behind those that are due, in a step that holds,
/// beyond chance. As much as `tolerance` is where nothing else is said.
const BEHIND: f64 = 0.05;

/// How often it is looked whether all is quiet. Often enough to be a small part of a step.
const LOOK: Duration = Duration::from_millis(50);

/// What a search found.
#[derive(Clone, Debug)]
pub struct Searched {
    /// The scenario's place in the plan.
    pub scenario: usize,
    /// What was raised.
    pub raise: Raise,
    /// Every load that was kept up for its time, in the order in which they were tried.
    pub steps: Vec<Step>,
    /// The highest load that held; `None` where none did.
    pub held: Option<u32>,
    /// The lowest load that did not hold; `None` where all did.
    pub broke: Option<u32>,
    /// Whether it came to its end: else the run ended before.
    pub complete: bool,
}

/// What was measured while a load was kept up, without the step's first quarter.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// How many VUs, or iterations per second.
    pub load: u32,
    /// Whether every threshold held and, of a rate, about as many iterations ended as were due and no more
    /// than one in a hundred was dropped.
    pub held: bool,
    /// Whether about as many iterations ended as were due: else more and more of them ran at a time, and no
    /// step is long enough to show how long they come to take. Always of VUs.
    pub kept_up: bool,
    /// For how long it was measured.
    pub measured: Duration,
    /// Iterations that ended, per second.
    pub iterations: f64,
    /// HTTP requests, per second.
    pub requests: f64,
    /// Which share of the iterations that were due found no VU free.
    pub dropped: f64,
    /// How many iterations ran at a time in the mean, by Little's law: rate × mean duration.
    pub concurrency: f64,
    /// How long a request took; an iteration, where none made requests. `None` where nothing ended.
    pub latency: Option<Latency>,
    /// Which share of the requests failed; `None` where there were none.
    pub failed: Option<f64>,
    /// Whether an iteration took longer than the quarter of the step that is left out: then the target had not
    /// settled, and the step says little.
    pub hasty: bool,
    /// Each threshold over this step.
    pub verdicts: Vec<Verdict>,
}

impl Step {
    /// Iterations per second, less the share whose requests failed: what was really got done.
    pub fn goodput(&self) -> f64 {
        self.iterations * (1.0 - self.failed.unwrap_or_default())
    }
}

/// How long something took. Milliseconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Latency {
    /// The mean.
    pub avg: f64,
    /// The median.
    pub med: f64,
    /// The 95th percentile.
    pub p95: f64,
    /// The 99th percentile.
    pub p99: f64,
}

impl Searched {
    /// The step with the most throughput for its latency: where load begins to cost more time than it gets
    /// work done. `None` where nothing ended in any step.
    ///
    /// The ratio of the two is *power*: L. Kleinrock, *Power and Deterministic Rules of Thumb for
    /// Probabilistic Problems in Computer Communications*, ICC 1979.
    pub fn knee(&self) -> Option<&Step> {
        let power = |step: &Step| {
            let latency = step.latency?.avg;
            (latency > 0.0 && step.goodput() > 0.0).then(|| step.goodput() / latency)
        };
        // What broke got nothing done that anybody wants, however quickly.
        let some_held = self.steps.iter().any(|step| step.held);
        let eligible = self.steps.iter().filter(|step| step.held || !some_held);
        let all = eligible.filter_map(|step| Some((power(step)?, step)));
        all.max_by(|one, other| one.0.total_cmp(&other.0)).map(|(_, step)| step)
    }

    /// The Universal Scalability Law that fits the steps: iterations that did not
    /// fail, per second, over iterations at a time.
    /// `None` where there are too few.
    pub fn usl(&self) -> Option<Usl> {
        let points: Vec<_> = self
            .steps
            .iter()
            .map(|step| LoadPoint {
                concurrency: match self.raise {
                    Raise::Vus => step.load.into(),
                    Raise::Rate { .. } => step.concurrency,
                },
                throughput: step.goodput(),
            })
            .collect();
        Usl::fit(&points)
    }

    /// What was judged of the highest load that held, or of the last one where none did: what the run comes
    /// to. `None` where no step came to its end.
    pub fn verdicts(&self) -> Option<&[Verdict]> {
        let best = self.steps.iter().filter(|step| step.held).max_by_key(|step| step.load);
        best.or(self.steps.last()).map(|step| &*step.verdicts)
    }
}

/// A search while it goes on.
pub(crate) struct Searching {
    scenario: usize,
    name: String,
    plan: plan::Search,
    next: Steps,
    stage: Stage,
    steps: Vec<Step>,
}

/// What a search is waiting for.
#[derive(Clone, Copy, Debug)]
enum Stage {
    /// The scenario's start.
    Waiting,
    /// The end of what a step that did not hold has left behind.
    Resting { until: Instant, look: Instant },
    /// Queues as long as they are at this load.
    Settling { since: Instant },
    /// The end of the step.
    Measuring { since: Instant, began: Instant },
    /// Nothing more.
    Over,
}

/// What a search wants of its controller.
#[derive(Debug)]
pub(crate) enum Wish {
    /// To look, from now on, at what is measured.
    Measure,
    /// No load, as this one was kept up and did not hold.
    Rest(Step),
    /// Another load, as this one was kept up or there was rest enough.
    Next(Option<Step>),
}

impl Searching {
    pub(crate) fn new(scenario: usize, name: &str, plan: plan::Search) -> Self {
        let (next, name) = (Steps::new(plan), name.to_owned());
        Self { scenario, name, plan, next, stage: Stage::Waiting, steps: Vec::new() }
    }

    /// The scenario's place in the plan.
    pub(crate) fn scenario(&self) -> usize {
        self.scenario
    }

    /// Whether there is nothing more to find out.
    pub(crate) fn is_over(&self) -> bool {
        matches!(self.stage, Stage::Over)
    }

    /// When it wants something next.
    pub(crate) fn due(&self) -> Option<Instant> {
        match self.stage {
            Stage::Settling { since } => Some(since + self.plan.settling()),
            Stage::Measuring { began, .. } => Some(began + self.plan.step),
            Stage::Resting { look, until } => Some(look.min(until)),
            Stage::Waiting | Stage::Over => None,
        }
    }

    /// Begins a step, at the load that is returned; `None` once there is nothing more to find out.
    pub(crate) fn begin(&mut self, since: Instant) -> Option<u32> {
        let load = self.next.next();
        self.stage = if load.is_some() { Stage::Settling { since } } else { Stage::Over };
        load
    }

    /// Says what it wants, once it is [`due`](Self::due); `active` VUs are at work.
    pub(crate) fn wish(
        &mut self,
        now: Instant,
        active: u32,
        totals: &Totals,
        thresholds: &Thresholds,
    ) -> Option<Wish> {
        match self.stage {
            Stage::Settling { since: began } => {
                self.stage = Stage::Measuring { since: now, began };
                Some(Wish::Measure)
            }
            Stage::Measuring { since, .. } => {
                self.stage = Stage::Over;
                let step = self.judge(now.saturating_duration_since(since), totals, thresholds)?;
                self.next.record(step.held);
                self.steps.push(step.clone());
                if step.held || self.next.next().is_none() {
                    return Some(Wish::Next(Some(step)));
                }
                self.stage = Stage::Resting { until: now + self.plan.step, look: now + LOOK };
                Some(Wish::Rest(step))
            }
            Stage::Resting { until, .. } => {
                if active == 0 || now >= until {
                    return Some(Wish::Next(None));
                }
                self.stage = Stage::Resting { until, look: now + LOOK };
                None
            }
            Stage::Waiting | Stage::Over => None,
        }
    }

    /// How long it has looked at what is measured.
    pub(crate) fn measured(&self, now: Instant) -> Option<Duration> {
        match self.stage {
            Stage::Measuring { since, .. } => Some(now.saturating_duration_since(since)),
            Stage::Waiting | Stage::Resting { .. } | Stage::Settling { .. } | Stage::Over => None,
        }
    }

    fn judge(&self, measured: Duration, totals: &Totals, thresholds: &Thresholds) -> Option<Step> {
        let load = self.next.next()?;
        let window = totals.window()?;
        let verdicts = thresholds.evaluate(window, measured);
        let of_scenario = [("scenario".to_owned(), self.name.clone())];
        let select = |metric: MetricId| window.select(metric, &of_scenario);
        let count = |metric| match select(metric) {
            Some(Sink::Counter(counter)) => counter.sum,
            _ => 0.0,
        };
        let trend = |metric| match select(metric) {
            Some(Sink::Trend(trend)) if trend.count() > 0 => Some(trend),
            _ => None,
        };
        let seconds = measured.as_secs_f64();
        let rate = |count: f64| if seconds > 0.0 { count / seconds } else { 0.0 };

        let iterations = rate(count(builtin::ITERATIONS));
        let duration = trend(builtin::ITERATION_DURATION);
        let concurrency = duration.as_ref().map_or(0.0, |it| iterations * it.mean() / 1e3);
        let due = f64::from(load) * seconds;
        let (dropped, kept_up) = match self.plan.raise {
            Raise::Rate { .. } if due > 0.0 => {
                let dropped = count(builtin::DROPPED_ITERATIONS);
                // How many run at a time changes by chance about as much as its root, and by one.
                let behind = due - dropped - count(builtin::ITERATIONS);
                (dropped / due, behind <= due * BEHIND + concurrency.sqrt() + 1.0)
            }
            Raise::Rate { .. } | Raise::Vus => (0.0, true),
        };
        Some(Step {
            load,
            kept_up,
            held: kept_up && dropped <= DROPPED && verdicts.iter().all(|verdict| verdict.is_fine),
            hasty: duration
                .as_ref()
                .is_some_and(|it| it.mean() > self.plan.settling().as_secs_f64() * 1e3),
            measured,
            iterations,
            requests: rate(count(builtin::HTTP_REQS)),
            dropped,
            concurrency,
            latency: trend(builtin::HTTP_REQ_DURATION).or(duration).map(Latency::of),
            failed: match select(builtin::HTTP_REQ_FAILED) {
                Some(Sink::Rate(failed)) => Some(failed.rate()),
                _ => None,
            },
            verdicts,
        })
    }

    /// What it has found so far.
    pub(crate) fn found(self) -> Searched {
        Searched {
            scenario: self.scenario,
            raise: self.plan.raise,
            steps: self.steps,
            held: self.next.held(),
            broke: self.next.broke(),
            complete: self.next.next().is_none(),
        }
    }
}

impl Latency {
    fn of(all: Distribution) -> Self {
        let quantile = |share| all.quantile(share);
        Self { avg: all.mean(), med: quantile(0.5), p95: quantile(0.95), p99: quantile(0.99) }
    }
}
