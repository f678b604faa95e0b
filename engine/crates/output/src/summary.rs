//! What a summary says, whatever it is written as.
//!
//! Computed once from what stands when a run is over; the text, the JSON file and later forms only
//! write it down. Nothing here is formatted.

mod endpoints;
mod injector;
mod phases;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use metrics::{
    Distribution, Metric, MetricId, OVERFLOW_TAG, Rate, Selector, Sink, Tags, Totals, Verdict,
    builtin,
};
use plan::TrendStat;
use run::{Failure, Finished, GivenUp, Searched, StopReason, Unmade};

pub(crate) use endpoints::endpoint;
pub use endpoints::{EndpointSummary, Percentiles};
pub use injector::Injector;
pub use phases::PhaseSummary;

/// Everything that is to be said of a run that is over.
#[derive(Clone, Debug)]
pub struct Summary {
    /// How long the load lasted.
    pub elapsed: Duration,
    /// Why the run ended before its time, where it did.
    pub stop: Option<StopReason>,
    /// The scenarios that were ended because their script broke too often.
    pub given_up: Vec<GivenUp>,
    /// What it consisted of, in the plan's order.
    pub scenarios: Vec<ScenarioSummary>,
    /// What became of each threshold, in the plan's order.
    pub thresholds: Vec<ThresholdSummary>,
    /// What the search for the breakpoint found, where a scenario was one.
    pub search: Option<Searched>,
    /// Each check, sorted by name.
    pub checks: Vec<CheckSummary>,
    /// The same in the groups that they were made in, and the groups without any.
    pub root_group: GroupSummary,
    /// Each metric that has samples or thresholds: the built-in ones, then the others in the order of
    /// their definition, and after each the parts of it that are of interest.
    pub metrics: Vec<MetricSummary>,
    /// Each method and name of requests, the most frequent first.
    pub endpoints: Vec<EndpointSummary>,
    /// The parts of the run; none where there is but one.
    pub phases: Vec<PhaseSummary>,
    /// What the engine itself took of the machine.
    pub injector: Injector,
    /// Requests that failed, by kind, the most frequent first.
    pub errors: Vec<RequestError>,
    /// Iterations and VUs' starts that failed, by kind, the most frequent first.
    pub failures: Vec<Failure>,
    /// VUs that could not be made, by reason.
    pub unmade: Vec<Unmade>,
    /// Why `setup` failed, where it did; then there was no load.
    pub setup_error: Option<String>,
    /// Why `teardown` failed, where it did.
    pub teardown_error: Option<String>,
    /// Faults of the engine itself.
    pub faults: Vec<String>,
    /// What casts doubt on the figures.
    pub doubts: Doubts,
}

/// What casts doubt on the figures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Doubts {
    /// How many sets of tags were beyond the cap, so that their samples were counted together.
    pub overflowed_series: u64,
    /// How many sets of tags are told apart at most.
    pub max_series: usize,
    /// How many samples were not finite numbers and were refused.
    pub refused_samples: u64,
}

/// A scenario.
#[derive(Clone, Debug, PartialEq)]
pub struct ScenarioSummary {
    /// Its name.
    pub name: String,
    /// Its executor, as the options name it.
    pub executor: &'static str,
    /// What it was to do, in words.
    pub description: String,
    /// The script's flows that it ran.
    pub flows: Vec<String>,
    /// When it started, from the start of the load.
    pub start: Duration,
    /// Whether iterations started when they were due and not when the one before ended.
    pub arrivals: bool,
    /// How many of its iterations ended by themselves.
    pub iterations: u64,
    /// How many of its iterations were cut off.
    pub interrupted: u64,
}

/// A threshold.
#[derive(Clone, Debug, PartialEq)]
pub struct ThresholdSummary {
    /// What became of it.
    pub verdict: Verdict,
    /// The metric it is about, if there is one of that name.
    pub metric: Option<Metric>,
}

/// A check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckSummary {
    /// What was to hold, in the script's words.
    pub name: String,
    /// How often it held.
    pub passes: u64,
    /// How often it did not.
    pub fails: u64,
}

/// A group of a script's, with those inside it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GroupSummary {
    /// Its name; empty of the one that has all others.
    pub name: String,
    /// The groups inside it, sorted by name.
    pub groups: Vec<Self>,
    /// Its checks, sorted by name.
    pub checks: Vec<CheckSummary>,
}

/// A metric, or a part of it.
#[derive(Clone, Debug, PartialEq)]
pub struct MetricSummary {
    /// The metric.
    pub metric: Metric,
    /// Which part of it, by tags; empty for the whole.
    pub tags: Vec<(String, String)>,
    /// What was measured.
    pub values: Values,
    /// Its thresholds: the text of each, and whether the run failed for it.
    pub thresholds: Vec<(String, bool)>,
}

impl MetricSummary {
    /// Its name as a selector: `http_req_duration{expected_response:true}`.
    pub fn name(&self) -> String {
        Selector { metric: self.metric.name.to_string(), tags: self.tags.clone() }.to_string()
    }
}

/// What was measured of a metric, in the metric's unit.
#[derive(Clone, Debug, PartialEq)]
pub enum Values {
    /// Nothing.
    None,
    /// Of a counter.
    Counter {
        /// The sum.
        count: f64,
        /// The sum a second of load.
        rate: f64,
    },
    /// Of a gauge.
    Gauge {
        /// The latest value.
        value: f64,
        /// The smallest.
        min: f64,
        /// The largest.
        max: f64,
    },
    /// Of a rate.
    Rate(Rate),
    /// Of a trend: the statistics asked for, in the order asked for.
    Trend(Vec<(TrendStat, f64)>),
}

/// A way in which requests failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestError {
    /// What it is called: `connection refused`, `status 503`.
    pub error: String,
    /// k6's number for it, where it has one.
    pub code: Option<u32>,
    /// One of them, by its method and name: `GET http://127.0.0.1:8080/`.
    pub example: Option<String>,
    /// How many requests.
    pub count: u64,
}

impl Summary {
    /// Computes what is to be said of a run.
    pub fn new(finished: &Finished) -> Self {
        let totals = &finished.totals;
        Self {
            elapsed: finished.elapsed,
            stop: finished.stop.clone(),
            given_up: finished.given_up.clone(),
            scenarios: scenarios(finished),
            thresholds: finished
                .verdicts
                .iter()
                .map(|verdict| ThresholdSummary {
                    verdict: verdict.clone(),
                    metric: totals.registry().find(&verdict.selector.metric),
                })
                .collect(),
            search: finished.search.clone(),
            checks: checks(totals),
            root_group: root_group(totals),
            metrics: metrics(finished),
            endpoints: endpoints::endpoints(totals),
            phases: phases::phases(finished),
            injector: Injector::of(finished),
            errors: errors(totals),
            failures: finished.failures.clone(),
            unmade: finished.unmade.clone(),
            setup_error: finished.setup_error.as_ref().map(ToString::to_string),
            teardown_error: finished.teardown_error.as_ref().map(ToString::to_string),
            faults: finished.faults.clone(),
            doubts: Doubts {
                overflowed_series: totals.registry().overflowed(),
                max_series: totals.registry().max_tagged_series(),
                refused_samples: totals.refused(),
            },
        }
    }

    /// Whether iterations of any scenario started when they were due.
    pub fn has_arrivals(&self) -> bool {
        self.scenarios.iter().any(|scenario| scenario.arrivals)
    }
}

fn scenarios(finished: &Finished) -> Vec<ScenarioSummary> {
    let count = |metric, scenario: &str| {
        let filter = [("scenario".to_owned(), scenario.to_owned())];
        match finished.totals.select(metric, &filter) {
            Some(Sink::Counter(counter)) => counter.sum as u64,
            _ => 0,
        }
    };
    let summary = |scenario: &plan::ScenarioPlan| ScenarioSummary {
        name: scenario.name.clone(),
        executor: scenario.executor.kind(),
        description: scenario.executor.describe(),
        flows: scenario.flows.names().to_vec(),
        start: scenario.start_time,
        arrivals: scenario.schedule.is_open(),
        iterations: count(builtin::ITERATIONS, &scenario.name),
        interrupted: count(builtin::ITERATIONS_INTERRUPTED, &scenario.name),
    };
    finished.plan.scenarios.iter().map(summary).collect()
}

fn checks(totals: &Totals) -> Vec<CheckSummary> {
    let mut checks = BTreeMap::<String, Rate>::new();
    for (tags, sink) in totals.series(builtin::CHECKS) {
        let Sink::Rate(rate) = sink else { continue };
        checks.entry(check(&tags).to_owned()).or_default().merge(rate);
    }
    let summary = |(name, rate): (String, Rate)| CheckSummary {
        name,
        passes: rate.trues,
        fails: rate.total - rate.trues,
    };
    checks.into_iter().map(summary).collect()
}

fn root_group(totals: &Totals) -> GroupSummary {
    let mut root = GroupSummary::default();
    for (tags, _) in totals.series(builtin::GROUP_DURATION) {
        group_of(&mut root, tags.get("group"));
    }
    for (tags, sink) in totals.series(builtin::CHECKS) {
        let (Sink::Rate(rate), Some(name)) = (sink, tags.get("check")) else { continue };
        let checks = &mut group_of(&mut root, tags.get("group")).checks;
        let place = checks.binary_search_by(|check| check.name.as_str().cmp(name));
        let place = place.unwrap_or_else(|place| {
            let (passes, fails) = (0, 0);
            checks.insert(place, CheckSummary { name: name.to_owned(), passes, fails });
            place
        });
        checks[place].passes += rate.trues;
        checks[place].fails += rate.total - rate.trues;
    }
    root
}

/// The group of this path, such as `::checkout::pay`; it is made if it is not there.
fn group_of<'a>(root: &'a mut GroupSummary, path: Option<&str>) -> &'a mut GroupSummary {
    let names = path.into_iter().flat_map(|path| path.split("::").skip(1));
    names.fold(root, |group, name| {
        let place = group.groups.binary_search_by(|inner| inner.name.as_str().cmp(name));
        let place = place.unwrap_or_else(|place| {
            let inner = GroupSummary { name: name.to_owned(), ..GroupSummary::default() };
            group.groups.insert(place, inner);
            place
        });
        &mut group.groups[place]
    })
}

/// The name of checks with these tags.
pub(crate) fn check(tags: &Tags) -> &str {
    match tags.get("check") {
        Some(name) => name,
        None if tags.get(OVERFLOW_TAG.0).is_some() => "other checks",
        None => "checks without a name",
    }
}

fn metrics(finished: &Finished) -> Vec<MetricSummary> {
    let mut all = Vec::new();
    for metric in finished.totals.registry().metrics() {
        let mut parts: Vec<&[(String, String)]> = Vec::new();
        let expected = [("expected_response".to_owned(), "true".to_owned())];
        if metric.id == builtin::HTTP_REQ_DURATION {
            parts.push(&expected);
        }
        let limits = limits_reached(&finished.totals, metric.id);
        parts.extend(limits.iter().map(<[_; 1]>::as_slice));
        let verdicts =
            || finished.verdicts.iter().filter(|verdict| verdict.selector.metric == *metric.name);
        for verdict in verdicts() {
            if !verdict.selector.tags.is_empty() && !parts.contains(&&*verdict.selector.tags) {
                parts.push(&verdict.selector.tags);
            }
        }
        for tags in std::iter::once(&[][..]).chain(parts) {
            let thresholds: Vec<_> = verdicts()
                .filter(|verdict| verdict.selector.tags == tags)
                .map(|verdict| (verdict.source.clone(), is_failure(verdict)))
                .collect();
            let sink = finished.totals.select(metric.id, tags);
            if sink.is_none() && thresholds.is_empty() {
                continue;
            }
            // A counter that never counted stands at zero; anything else without samples has no value.
            let sink = sink.or_else(|| {
                Some(Sink::new(metric.kind)).filter(|_| metric.kind == metrics::Kind::Counter)
            });
            let values = sink.map_or(Values::None, |sink| values(&sink, finished));
            all.push(MetricSummary {
                metric: metric.clone(),
                tags: tags.to_vec(),
                values,
                thresholds,
            });
        }
    }
    all
}

/// The limits that were reached, each as a part of its metric.
fn limits_reached(totals: &Totals, metric: MetricId) -> Vec<[(String, String); 1]> {
    if metric != builtin::LIMITS_REACHED {
        return Vec::new();
    }
    let names =
        totals.series(metric).filter_map(|(tags, _)| tags.get("limit").map(ToOwned::to_owned));
    let names: BTreeSet<String> = names.collect();
    names.into_iter().map(|name| [("limit".to_owned(), name)]).collect()
}

fn is_failure(verdict: &Verdict) -> bool {
    verdict.outcome == metrics::Outcome::Crossed
}

fn values(sink: &Sink, finished: &Finished) -> Values {
    match sink {
        Sink::Counter(counter) => {
            let seconds = finished.elapsed.as_secs_f64();
            let rate = if seconds > 0.0 { counter.sum / seconds } else { 0.0 };
            Values::Counter { count: counter.sum, rate }
        }
        Sink::Gauge(gauge) => Values::Gauge { value: gauge.last, min: gauge.min, max: gauge.max },
        Sink::Rate(rate) => Values::Rate(*rate),
        Sink::Trend(trend) => {
            let stats = finished.plan.trend_stats.iter();
            Values::Trend(stats.map(|stat| (stat.clone(), statistic(stat, trend))).collect())
        }
    }
}

fn statistic(stat: &TrendStat, trend: &Distribution) -> f64 {
    match stat {
        TrendStat::Avg => trend.mean(),
        TrendStat::Min => trend.min(),
        TrendStat::Med => trend.quantile(0.5),
        TrendStat::Max => trend.max(),
        TrendStat::P(percent) => trend.quantile(percent / 100.0),
        TrendStat::Count => trend.count() as f64,
        TrendStat::Stdev => trend.stdev(),
        TrendStat::Cv => match trend.mean() {
            0.0 => 0.0,
            mean => trend.stdev() / mean,
        },
    }
}

/// What the error of requests with these tags is called, and its number; `None` of those that did not fail.
pub(crate) fn request_error(tags: &Tags) -> Option<(String, Option<u32>)> {
    // A script can put tags of its own on any request, `error` too; it cannot set this one.
    if tags.get("expected_response") != Some("false") {
        return None;
    }
    let error = match (tags.get("error"), tags.get("status")) {
        (Some(error), _) => error.to_owned(),
        (None, Some(status)) => format!("status {status}"),
        (None, None) => "unknown".to_owned(),
    };
    Some((error, tags.get("error_code").and_then(|code| code.parse().ok())))
}

fn errors(totals: &Totals) -> Vec<RequestError> {
    let mut errors = BTreeMap::<(String, Option<u32>), (u64, Option<String>)>::new();
    let mut told = 0;
    for (tags, sink) in totals.series(builtin::HTTP_REQS) {
        let Sink::Counter(counter) = sink else { continue };
        let Some((error, code)) = request_error(&tags) else { continue };
        let count = counter.sum as u64;
        let (counted, example) = errors.entry((error, code)).or_default();
        *counted += count;
        if example.is_none() {
            let named = tags.get("method").zip(tags.get("name"));
            *example = named.map(|(method, name)| format!("{method} {name}"));
        }
        told += count;
    }
    // Failures whose tags were beyond the cap are known by number only.
    if let Some(Sink::Rate(failed)) = totals.select(builtin::HTTP_REQ_FAILED, &[]) {
        let untold = failed.trues.saturating_sub(told);
        if untold > 0 {
            errors.insert(("other errors".to_owned(), None), (untold, None));
        }
    }
    // A WebSocket begins with a request too.
    for (tags, sink) in totals.series(builtin::WS_CONNECT_FAILED) {
        let (Sink::Rate(failed), Some(error)) = (sink, tags.get("error")) else { continue };
        // A script may have put that tag on one that succeeded.
        if failed.trues > 0 {
            let code = tags.get("error_code").and_then(|code| code.parse().ok());
            let (counted, example) = errors.entry((error.to_owned(), code)).or_default();
            *counted += failed.trues;
            if example.is_none() {
                *example = tags.get("name").map(|name| format!("WebSocket {name}"));
            }
        }
    }
    let mut errors: Vec<_> = errors
        .into_iter()
        .map(|((error, code), (count, example))| RequestError { error, code, example, count })
        .collect();
    // The sort is stable: those equally frequent stay sorted by name.
    errors.sort_by_key(|error| std::cmp::Reverse(error.count));
    errors
}

#[cfg(test)]
pub(crate) mod tests;
