//! What was measured in each part of a run: a stage, a scenario, or some minutes of a long one.

use std::ops::Range;
use std::time::Duration;

use metrics::{MetricId, Sink, builtin};
use run::Finished;

/// How long a run must be to be told in parts if it has none of its own.
const LONG: Duration = Duration::from_secs(10 * 60);
/// Minutes that such a part may have: the first with which there are not more than [`MOST`] parts.
const MINUTES: [u64; 9] = [1, 2, 5, 10, 15, 30, 60, 120, 240];
/// Parts of a long run.
const MOST: u64 = 20;
/// Stages that are told apart at most: beyond them a ramp is told like a run without stages.
const MOST_STAGES: usize = 50;

/// A part of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct PhaseSummary {
    /// What it is called: a scenario's name, `stage 2, to 50`, or `from 5m0s`.
    pub name: String,
    /// When it was, from the start of the load.
    pub time: Range<Duration>,
    /// How many VUs were at work at the most.
    pub vus: f64,
    /// Iterations that ended by themselves.
    pub iterations: u64,
    /// HTTP requests.
    pub requests: u64,
    /// How many of them failed.
    pub failed: u64,
    /// HTTP requests a second.
    pub rate: f64,
    /// What 95 of 100 requests did not exceed, in milliseconds; of a scenario to 0.1 %, of a part of time to 1.6 %. `None` where
    /// no request was sent.
    pub p95: Option<f64>,
}

/// The parts of a run; none where there is but one.
pub(super) fn phases(finished: &Finished) -> Vec<PhaseSummary> {
    match &*finished.plan.scenarios {
        [] => Vec::new(),
        [only] => {
            let stages = only.executor.stages();
            if (2..=MOST_STAGES).contains(&stages.len()) {
                return of_stages(finished, only.start_time, stages);
            }
            of_minutes(finished)
        }
        _ => of_scenarios(finished),
    }
}

fn of_stages(finished: &Finished, start: Duration, stages: &[plan::Stage]) -> Vec<PhaseSummary> {
    let mut from = start;
    let last = stages.len();
    let stages = stages.iter().enumerate().map(|(place, stage)| {
        let to = from.saturating_add(stage.duration.get());
        // What finishes after the last one counts in it.
        let time = from..if place + 1 == last { finished.elapsed.max(from) } else { to };
        from = to;
        (format!("stage {}, to {}", place + 1, stage.target), time)
    });
    // A jump takes no time, and a run that was stopped has not come to its later stages.
    let came = stages.filter(|(_, time)| !time.is_empty() && time.start < finished.elapsed);
    came.map(|(name, time)| of_time(finished, name, time)).collect()
}

fn of_minutes(finished: &Finished) -> Vec<PhaseSummary> {
    if finished.elapsed < LONG {
        return Vec::new();
    }
    let minutes = finished.elapsed.as_secs().div_ceil(60);
    let each = MINUTES.into_iter().find(|each| minutes.div_ceil(*each) <= MOST);
    // In whole parts of the largest where even that makes too many.
    let each = each.unwrap_or_else(|| minutes.div_ceil(MOST));
    let each = Duration::from_secs(each * 60);
    let mut phases = Vec::new();
    let mut from = Duration::ZERO;
    while from < finished.elapsed {
        let to = (from + each).min(finished.elapsed);
        let name = format!("from {}", crate::numbers::duration(from));
        phases.push(of_time(finished, name, from..to));
        from = to;
    }
    phases
}

fn of_time(finished: &Finished, name: String, time: Range<Duration>) -> PhaseSummary {
    let timeline = &finished.timeline;
    let slots = timeline.slots_in(time.clone());
    let over = |metric| timeline.over(metric, slots.clone());
    let measured: Duration = timeline.measured()[slots.clone()].iter().sum();
    let durations = over(builtin::HTTP_REQ_DURATION);
    let requests = over(builtin::HTTP_REQS).sum;
    PhaseSummary {
        name,
        time,
        vus: over(builtin::VUS).max,
        iterations: over(builtin::ITERATIONS).sum as u64,
        requests: requests as u64,
        failed: over(builtin::HTTP_REQ_FAILED).sum as u64,
        rate: a_second(requests, measured),
        p95: (durations.count > 0).then(|| durations.quantile(0.95)),
    }
}

fn of_scenarios(finished: &Finished) -> Vec<PhaseSummary> {
    let scenarios = finished.plan.scenarios.iter().enumerate();
    let of = |(place, scenario): (usize, &plan::ScenarioPlan)| {
        let filter = [("scenario".to_owned(), scenario.name.clone())];
        let select = |metric: MetricId| finished.totals.select(metric, &filter);
        let count = |metric| match select(metric) {
            Some(Sink::Counter(counter)) => counter.sum,
            _ => 0.0,
        };
        let planned = scenario.schedule.duration().saturating_add(scenario.graceful_stop);
        let end = scenario.start_time.saturating_add(planned).min(finished.elapsed);
        let ran = scenario.start_time.saturating_add(scenario.schedule.duration()).min(end);
        let requests = count(builtin::HTTP_REQS);
        PhaseSummary {
            name: scenario.name.clone(),
            time: scenario.start_time..end.max(scenario.start_time),
            vus: finished.most_vus.get(place).copied().unwrap_or_default().into(),
            iterations: count(builtin::ITERATIONS) as u64,
            requests: requests as u64,
            failed: match select(builtin::HTTP_REQ_FAILED) {
                Some(Sink::Rate(rate)) => rate.trues,
                _ => 0,
            },
            rate: a_second(requests, ran.saturating_sub(scenario.start_time)),
            p95: match select(builtin::HTTP_REQ_DURATION) {
                Some(Sink::Trend(trend)) if trend.count() > 0 => Some(trend.quantile(0.95)),
                _ => None,
            },
        }
    };
    scenarios.map(of).collect()
}

fn a_second(count: f64, time: Duration) -> f64 {
    if time.is_zero() { 0.0 } else { count / time.as_secs_f64() }
}
