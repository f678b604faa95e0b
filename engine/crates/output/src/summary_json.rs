//! The summary for machines: the JSON file of `--summary-export`.
//!
//! Its form is our own, versioned, and close to what k6 hands to `handleSummary`, so that what reads
//! `metrics.<name>.values` there reads it here:
//!
//! ```json
//! {
//!   "version": "1.3.0",
//!   "complete": true,
//!   "state": { "testRunDurationMs": 10003.2 },
//!   "metrics": {
//!     "http_req_duration": {
//!       "type": "trend",
//!       "contains": "time",
//!       "values": { "avg": 4.1, "min": 1.2, "med": 3.9, "max": 80.5, "p(90)": 6.1, "p(95)": 7.3 },
//!       "thresholds": { "p(95)<500": { "ok": true } }
//!     }
//!   },
//!   "checks": [{ "name": "status is 200", "passes": 90, "fails": 0 }],
//!   "thresholds": [{
//!     "metric": "http_req_duration",
//!     "threshold": "p(95)<500",
//!     "outcome": "passed",
//!     "observed": 7.3,
//!     "reason": null,
//!     "ok": true
//!   }],
//!   "scenarios": [],
//!   "errors": [{ "error": "connection refused", "code": 1212, "count": 500 }],
//!   "failures": [{ "kind": "failed", "message": "no stock left", "count": 3 }],
//!   "stop": null
//! }
//! ```
//!
//! * Times are milliseconds, data is bytes, shares are from 0 to 1, rates of counters are a second.
//! * `values` has, of a counter, `count` and `rate`; of a gauge, `value`, `min` and `max`; of a rate,
//!   `rate`, `passes` (not zero) and `fails`; of a trend, the statistics asked for. It is empty where a
//!   metric has thresholds and no samples.
//! * A part of a metric stands under its selector: `http_req_duration{expected_response:true}`.
//! * As in k6, a threshold without data is `ok`; `thresholds`, which k6 does not have, tells the two
//!   apart.
//! * A threshold that is held each second (`over 30s`, `for 60s`) has a `course`: when it was worst, and when it was crossed.
//! * `complete` is false in the file that is there while the run is: see [`SummaryFile`].
//!
//! `summary.schema.json`, beside this crate's manifest, says all of it as JSON Schema. The first
//! number of `version` rises when a reader of the earlier form could be misled, the second when
//! something is added.
//!
//! [`SummaryFile`]: crate::SummaryFile

pub mod document;

use std::collections::BTreeMap;
use std::time::Duration;

use metrics::{Outcome, Usl, Verdict};
use run::{Searched, Step, StopReason};
use schemars::schema_for;

use self::document::{
    self as form, Check, Document, Failure, MetricEntry, Number, RequestError, Scenario, State,
    Stop, Threshold, ThresholdMark, Unmade,
};
use crate::summary::{MetricSummary, Summary, Values};

/// The version of the form.
pub const VERSION: &str = "1.3.0";

/// The summary as JSON, indented, with a line break at its end.
pub fn json(summary: &Summary) -> String {
    write(&Document::of(summary))
}

/// What stands in the file while the run is not over.
pub(crate) fn json_of_nothing_yet() -> String {
    write(&Document { version: VERSION.into(), ..Document::default() })
}

/// The JSON Schema (draft 2020-12) of the form.
pub fn schema() -> serde_json::Value {
    schema_for!(Document).to_value()
}

fn write(document: &Document) -> String {
    let mut json = serde_json::to_string_pretty(document)
        .expect("names are strings, and nothing else can fail to be written as JSON");
    json.push('\n');
    json
}

impl Document {
    /// What is written of a summary.
    pub(crate) fn of(summary: &Summary) -> Self {
        let milliseconds = |time: Duration| Number(time.as_secs_f64() * 1e3);
        Self {
            version: VERSION.into(),
            complete: true,
            state: State { test_run_duration_ms: milliseconds(summary.elapsed) },
            metrics: summary
                .metrics
                .iter()
                .map(|metric| (metric.name(), MetricEntry::of(metric)))
                .collect(),
            checks: summary
                .checks
                .iter()
                .map(|check| Check {
                    name: check.name.clone(),
                    passes: check.passes,
                    fails: check.fails,
                })
                .collect(),
            thresholds: summary
                .thresholds
                .iter()
                .map(|each| Threshold::of(&each.verdict))
                .collect(),
            scenarios: summary
                .scenarios
                .iter()
                .map(|scenario| Scenario {
                    name: scenario.name.clone(),
                    executor: scenario.executor.into(),
                    description: scenario.description.clone(),
                    exec: scenario.flows.join("|"),
                    start_time_ms: milliseconds(scenario.start),
                    iterations: scenario.iterations,
                    interrupted_iterations: scenario.interrupted,
                    given_up: summary.given_up.iter().any(|one| one.scenario == scenario.name),
                })
                .collect(),
            breakpoint: summary.search.as_ref().map(|it| form::Breakpoint::of(it, summary)),
            errors: summary
                .errors
                .iter()
                .map(|error| RequestError {
                    error: error.error.clone(),
                    code: error.code,
                    example: error.example.clone(),
                    count: error.count,
                })
                .collect(),
            failures: summary
                .failures
                .iter()
                .map(|failure| Failure {
                    kind: failure.kind.as_str().into(),
                    message: failure.message.clone(),
                    count: failure.count,
                })
                .collect(),
            unmade_vus: summary
                .unmade
                .iter()
                .map(|unmade| Unmade { reason: unmade.reason.clone(), count: unmade.count })
                .collect(),
            setup_error: summary.setup_error.clone(),
            teardown_error: summary.teardown_error.clone(),
            engine_faults: summary.faults.clone(),
            overflowed_series: summary.doubts.overflowed_series,
            refused_samples: summary.doubts.refused_samples,
            stop: summary
                .stop
                .as_ref()
                .map(|stop| Stop { reason: stop_name(stop).into(), message: stop.to_string() }),
        }
    }
}

impl MetricEntry {
    fn of(summary: &MetricSummary) -> Self {
        let thresholds = summary
            .thresholds
            .iter()
            .map(|(source, crossed)| (source.clone(), ThresholdMark { ok: !crossed }))
            .collect();
        Self {
            kind: summary.metric.kind.as_str().into(),
            contains: summary.metric.contains.as_str().into(),
            values: values(&summary.values),
            thresholds,
        }
    }
}

/// What was measured, by k6's names for it.
pub(crate) fn values(values: &Values) -> BTreeMap<String, Number> {
    let named = |name: &str, value| (name.to_owned(), Number(value));
    match values {
        Values::None => [].into(),
        Values::Counter { count, rate } => [named("count", *count), named("rate", *rate)].into(),
        Values::Gauge { value, min, max } => {
            [named("value", *value), named("min", *min), named("max", *max)].into()
        }
        Values::Rate(rate) => [
            named("rate", rate.rate()),
            named("passes", rate.trues as f64),
            named("fails", (rate.total - rate.trues) as f64),
        ]
        .into(),
        Values::Trend(stats) => {
            stats.iter().map(|(stat, value)| (stat.label(), Number(*value))).collect()
        }
    }
}

impl Threshold {
    pub(crate) fn of(verdict: &Verdict) -> Self {
        Self {
            metric: verdict.selector.to_string(),
            threshold: verdict.source.clone(),
            outcome: match verdict.outcome {
                Outcome::Passed => "passed",
                Outcome::Crossed => "crossed",
                Outcome::NoData => "no_data",
            }
            .into(),
            observed: verdict.observed.map(Number),
            reason: verdict.silence.map(|silence| silence.to_string()),
            ok: Some(verdict.is_fine),
            course: verdict.course.as_ref().map(form::Course::of),
        }
    }
}

impl form::Breakpoint {
    fn of(searched: &Searched, summary: &Summary) -> Self {
        let scenario = summary.scenarios.get(searched.scenario);
        Self {
            scenario: scenario.map(|scenario| scenario.name.clone()).unwrap_or_default(),
            unit: searched.raise.unit().into(),
            complete: searched.complete,
            held: searched.held,
            broke: searched.broke,
            knee: searched.knee().map(|step| step.load),
            usl: searched.usl().map(|usl| form::Usl::of(&usl)),
            steps: searched.steps.iter().map(form::Step::of).collect(),
        }
    }
}

impl form::Usl {
    fn of(usl: &Usl) -> Self {
        let peak = usl.peak();
        Self {
            lambda: Number(usl.lambda),
            sigma: Number(usl.sigma),
            kappa: Number(usl.kappa),
            r_squared: Number(usl.r_squared),
            peak_concurrency: peak.map(|peak| Number(peak.concurrency)),
            peak_throughput: peak.map(|peak| Number(peak.throughput)),
        }
    }
}

impl form::Step {
    fn of(step: &Step) -> Self {
        let latency = step.latency.map(|it| {
            [("avg", it.avg), ("med", it.med), ("p(95)", it.p95), ("p(99)", it.p99)]
                .map(|(name, value)| (name.into(), Number(value)))
        });
        Self {
            load: step.load,
            held: step.held,
            kept_up: step.kept_up,
            measured_ms: Number(step.measured.as_secs_f64() * 1e3),
            iterations: Number(step.iterations),
            requests: Number(step.requests),
            concurrency: Number(step.concurrency),
            dropped: Number(step.dropped),
            failed: step.failed.map(Number),
            latency: latency.into_iter().flatten().collect(),
            thresholds: step.verdicts.iter().map(Threshold::of).collect(),
        }
    }
}

fn stop_name(stop: &StopReason) -> &'static str {
    match stop {
        StopReason::Exhausted(_) => "exhausted",
        StopReason::ThresholdCrossed(_) => "threshold_crossed",
        StopReason::Interrupted => "interrupted",
        StopReason::Aborted(_) => "aborted",
        StopReason::CutOff => "cut_off",
    }
}

#[cfg(test)]
pub(crate) mod tests;
