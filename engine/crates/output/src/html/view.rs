//! What the page shows, as the data that stands in it.
//!
//! All of it is made of what is [kept of a run](StoredResult). Names of others (a script's, a target's) are values here and never
//! names of fields, so that a secret is taken out of them without harm to the page.

use std::time::Duration;

use metrics::Slot;
use serde::Serialize;

use super::distribution::{Heat, curve};
use super::rounded;
use crate::numbers;
use crate::redacted::Redactor;
use crate::stored::form::{Endpoint, Figures, Phase};
use crate::stored::{StoredResult, StoredTrack};
use crate::summary_json::document::{
    Breakpoint, Check, Failure, MetricEntry, RequestError, Scenario, Threshold, Unmade,
};

/// Metrics that are drawn over time, of each sort: a script can define more than anybody looks at.
const MOST_TRACKS: usize = 60;
/// Trends that are shown before others.
const FIRST: [&str; 5] = [
    "http_req_duration",
    "http_req_response",
    "iteration_duration",
    "ws_msg_round_trip",
    "group_duration",
];

/// Fields whose texts are words of ours that the page's script goes by.
const OURS: [&str; 7] = ["kind", "contains", "unit", "sort", "outcome", "note", "label"];

/// All that the page shows.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct View<'r> {
    /// Whether the run goes on, and this is how far it has come.
    live: bool,
    /// Whether it was over. Else, if it is not live, there are no figures.
    complete: bool,
    script: &'r str,
    started_at: &'r str,
    elapsed_ms: f64,
    verdict: Verdict,
    /// What casts doubt on the figures or went wrong, in words.
    warnings: Vec<String>,
    tiles: Vec<Tile>,
    thresholds: &'r [Threshold],
    timeline: Timeline<'r>,
    trends: Vec<Trend<'r>>,
    /// Whether iterations started when they were due, so that times from then on differ from times of requests.
    arrivals: bool,
    endpoints: &'r [Endpoint],
    endpoints_left_out: u64,
    phases: &'r [Phase],
    checks: &'r [Check],
    errors: &'r [RequestError],
    failures: &'r [Failure],
    unmade: &'r [Unmade],
    breakpoint: Option<&'r Breakpoint>,
    metrics: Vec<Metric<'r>>,
    scenarios: &'r [Scenario],
    plan: &'r str,
    /// Where it ran, row by row.
    environment: Vec<(&'static str, String)>,
}

/// What is to be said first.
#[derive(Debug, Serialize)]
struct Verdict {
    /// `good`, `bad`, `doubtful` or `plain`.
    sort: &'static str,
    text: String,
}

/// One figure, large.
#[derive(Debug, Serialize)]
struct Tile {
    label: &'static str,
    value: f64,
    /// `number`, `rate`, `time`, `data` or `share`.
    unit: &'static str,
    /// A second figure of the same: its value, its unit, and what it is.
    note: Option<(f64, &'static str, &'static str)>,
    bad: bool,
}

/// Counters, gauges and rates over time.
#[derive(Debug, Serialize)]
struct Timeline<'r> {
    /// Seconds a slot.
    width: u64,
    slots: usize,
    tracks: Vec<Track<'r>>,
}

#[derive(Debug, Serialize)]
struct Track<'r> {
    name: &'r str,
    kind: &'r str,
    contains: &'r str,
    /// Of a counter the sum a second, of a gauge the latest value, of a rate the share; null where there were no samples.
    values: Vec<Option<f64>>,
}

/// A trend over time, and how its samples are spread.
#[derive(Debug, Serialize)]
struct Trend<'r> {
    name: &'r str,
    contains: &'r str,
    count: u64,
    stdev: Option<f64>,
    figures: Figures,
    p50: Vec<Option<f64>>,
    p90: Vec<Option<f64>>,
    p95: Vec<Option<f64>>,
    p99: Vec<Option<f64>>,
    max: Vec<Option<f64>>,
    curve: Vec<(f64, f64)>,
    heat: Heat,
}

#[derive(Debug, Serialize)]
struct Metric<'r> {
    name: &'r str,
    kind: &'r str,
    contains: &'r str,
    values: Vec<(&'r str, f64)>,
}

impl<'r> View<'r> {
    pub(super) fn of(result: &'r StoredResult, live: bool) -> Self {
        let summary = &result.summary;
        let elapsed_ms = summary.state.test_run_duration_ms.0;
        Self {
            live,
            complete: result.complete,
            script: &result.environment.script,
            started_at: &result.environment.started_at,
            elapsed_ms,
            verdict: verdict(result, live),
            warnings: warnings(result),
            tiles: tiles(result),
            thresholds: &summary.thresholds,
            timeline: timeline(result),
            trends: trends(result),
            arrivals: result.plan.scenarios.iter().any(|scenario| scenario.arrivals),
            endpoints: &result.endpoints,
            endpoints_left_out: result.endpoints_left_out,
            phases: &result.phases,
            checks: &summary.checks,
            errors: &summary.errors,
            failures: &summary.failures,
            unmade: &summary.unmade_vus,
            breakpoint: summary.breakpoint.as_ref(),
            metrics: summary.metrics.iter().map(|(name, entry)| metric(name, entry)).collect(),
            scenarios: &summary.scenarios,
            plan: &result.plan.text,
            environment: environment(result),
        }
    }

    /// It as JSON without secrets in its texts; the page's own names of fields are left as they are.
    pub(super) fn json(&self, secrets: &Redactor) -> String {
        // Every field's name is a string.
        let mut value = serde_json::to_value(self).unwrap_or_default();
        secrets.clean(&mut value, &OURS);
        value.to_string()
    }
}

fn verdict(result: &StoredResult, live: bool) -> Verdict {
    let thresholds = &result.summary.thresholds;
    let of = |outcome: &str| thresholds.iter().filter(|it| it.outcome == outcome).count() as u64;
    let (crossed, silent, all) = (of("crossed"), of("no_data"), thresholds.len() as u64);
    let name = if all == 1 { "threshold" } else { "thresholds" };
    let (sort, text) = match () {
        () if !live && !result.complete => {
            ("doubtful", "The run has not come to its end: there are no figures.".to_owned())
        }
        () if result.summary.setup_error.is_some() => {
            ("bad", "The setup failed: there was no load.".to_owned())
        }
        () if crossed > 0 => ("bad", format!("{crossed} of {all} {name} crossed.")),
        () if live => ("plain", "The run goes on.".to_owned()),
        () if silent > 0 => ("doubtful", format!("{silent} of {all} {name} without data.")),
        () if all > 0 => ("good", format!("{} held.", numbers::counted(all, "threshold"))),
        () => ("plain", "There were no thresholds to hold.".to_owned()),
    };
    Verdict { sort, text }
}

fn warnings(result: &StoredResult) -> Vec<String> {
    let summary = &result.summary;
    let mut warnings = Vec::new();
    if let Some(stop) = &summary.stop {
        warnings.push(format!("Stopped early: {}", stop.message));
    }
    for (call, error) in [("setup", &summary.setup_error), ("teardown", &summary.teardown_error)] {
        warnings.extend(error.as_ref().map(|error| format!("{call} failed: {error}")));
    }
    let given_up = summary.scenarios.iter().filter(|scenario| scenario.given_up);
    warnings.extend(given_up.map(|it| format!("The scenario {} broke too often.", it.name)));
    warnings.extend(summary.engine_faults.iter().map(|it| format!("A fault of the engine: {it}")));
    warnings.extend(result.injector.doubts.iter().cloned());
    if summary.overflowed_series > 0 {
        let sets = numbers::counted(summary.overflowed_series, "set");
        warnings
            .push(format!("{sets} of tags beyond the cap: their samples are counted together."));
    }
    if summary.refused_samples > 0 {
        let samples = numbers::counted(summary.refused_samples, "sample");
        warnings.push(format!("{samples} not a finite number, and refused."));
    }
    warnings
}

fn tiles(result: &StoredResult) -> Vec<Tile> {
    let seconds = result.summary.state.test_run_duration_ms.0 / 1e3;
    let of = |name: &str| result.summary.metrics.get(name).map(|metric| &metric.values);
    let figure = |name: &str, stat: &str| of(name)?.get(stat).map(|it| it.0);
    let a_second = |count: f64| if seconds > 0.0 { count / seconds } else { 0.0 };
    let plain = |label, value, unit| Tile { label, value, unit, note: None, bad: false };
    let mut tiles = Vec::new();
    if let Some(requests) = figure("http_reqs", "count").filter(|count| *count > 0.0) {
        tiles.push(Tile {
            note: Some((requests, "number", "in all")),
            ..plain("Requests a second", a_second(requests), "rate")
        });
        if let Some(share) = figure("http_req_failed", "rate") {
            let failed = figure("http_req_failed", "passes").unwrap_or_default();
            tiles.push(Tile {
                note: Some((failed, "number", "of them")),
                bad: failed > 0.0,
                ..plain("Requests failed", share, "share")
            });
        }
    }
    let figures = |name: &str| result.histograms.get(name).map(|it| it.figures);
    let took = figures("http_req_duration")
        .map(|it| (["Response, median", "Response, p95", "Response, p99"], it));
    let took = took.or_else(|| {
        let it = figures("iteration_duration")?;
        Some((["Iteration, median", "Iteration, p95", "Iteration, p99"], it))
    });
    if let Some(([median, p95, p99], it)) = took {
        tiles.push(Tile {
            note: Some((it.avg.0, "time", "in the mean")),
            ..plain(median, it.p50.0, "time")
        });
        tiles.push(Tile {
            note: Some((it.p90.0, "time", "is p90")),
            ..plain(p95, it.p95.0, "time")
        });
        tiles.push(Tile {
            note: Some((it.max.0, "time", "at the most")),
            ..plain(p99, it.p99.0, "time")
        });
    }
    if let Some(iterations) = figure("iterations", "count") {
        tiles.push(Tile {
            note: Some((a_second(iterations), "rate", "a second")),
            ..plain("Iterations", iterations, "number")
        });
    }
    if let Some(dropped) = figure("dropped_iterations", "count").filter(|count| *count > 0.0) {
        tiles.push(Tile {
            note: Some((a_second(dropped), "rate", "a second")),
            bad: true,
            ..plain("Iterations dropped", dropped, "number")
        });
    }
    if let Some(vus) = figure("vus", "max") {
        tiles.push(plain("VUs at the most", vus, "number"));
    }
    if let Some(share) = figure("checks", "rate") {
        let fails = figure("checks", "fails").unwrap_or_default();
        tiles.push(Tile {
            note: Some((fails, "number", "failed")),
            bad: fails > 0.0,
            ..plain("Checks passed", share, "share")
        });
    }
    if let Some(bytes) = figure("data_received", "count") {
        tiles.push(Tile {
            note: Some((a_second(bytes), "data", "a second")),
            ..plain("Data received", bytes, "data")
        });
    }
    tiles
}

fn timeline(result: &StoredResult) -> Timeline<'_> {
    let stored = &result.timeline;
    let others = stored.metrics.iter().filter(|(_, track)| track.kind != "trend");
    let of = |(name, track): (&'_ String, &'_ StoredTrack)| -> Vec<Option<f64>> {
        let slots = stored.slots(name);
        let slots = slots.iter().zip(&stored.measured);
        let value = |(slot, measured): (&Slot, &crate::summary_json::document::Number)| {
            let there = slot.count > 0;
            match &*track.kind {
                // Nothing is counted at all as long as there is nothing to count.
                "counter" if measured.0 > 0.0 => Some(slot.sum / measured.0),
                "gauge" => there.then_some(slot.last),
                "rate" => there.then(|| slot.mean()),
                _ => None,
            }
        };
        slots.map(value).map(|value| value.map(rounded)).collect()
    };
    let tracks = others.take(MOST_TRACKS).map(|(name, track)| Track {
        name,
        kind: &track.kind,
        contains: &track.contains,
        values: of((name, track)),
    });
    Timeline {
        width: stored.slot_seconds.max(1),
        slots: stored.measured.len(),
        tracks: tracks.collect(),
    }
}

fn trends(result: &StoredResult) -> Vec<Trend<'_>> {
    let place = |name: &str| FIRST.iter().position(|first| *first == name).unwrap_or(FIRST.len());
    let all = result.timeline.metrics.iter().filter(|(_, track)| track.kind == "trend");
    let mut all: Vec<_> = all.collect();
    // The sort is stable: the others stay sorted by name.
    all.sort_by_key(|(name, _)| place(name));
    let trends = all.into_iter().take(MOST_TRACKS).filter_map(|(name, track)| {
        let histogram = result.histograms.get(name)?;
        let slots = result.timeline.slots(name);
        let column = |value: &dyn Fn(&Slot) -> f64| -> Vec<Option<f64>> {
            let value = |slot: &Slot| (slot.count > 0).then(|| rounded(value(slot)));
            slots.iter().map(value).collect()
        };
        let [p50, p90, p95, p99] =
            [0.5, 0.9, 0.95, 0.99].map(|share| column(&|slot| slot.quantile(share)));
        let figures = histogram.figures;
        Some(Trend {
            name,
            contains: &track.contains,
            count: histogram.count,
            stdev: Some(histogram.stdev.0).filter(|it| it.is_finite()),
            figures,
            p50,
            p90,
            p95,
            p99,
            max: column(&|slot| slot.max),
            curve: curve(&histogram.buckets.0, figures.min.0, figures.max.0),
            heat: Heat::of(&slots),
        })
    });
    trends.collect()
}

fn metric<'r>(name: &'r str, entry: &'r MetricEntry) -> Metric<'r> {
    let values = entry.values.iter().map(|(stat, value)| (&**stat, value.0)).collect();
    Metric { name, kind: &entry.kind, contains: &entry.contains, values }
}

fn environment(result: &StoredResult) -> Vec<(&'static str, String)> {
    let it = &result.environment;
    let injector = &result.injector;
    let millis = result.summary.state.test_run_duration_ms.0;
    let took = Duration::try_from_secs_f64(millis / 1e3).unwrap_or_default();
    let tags = it.tags.iter().map(|(name, value)| format!("{name}={value}"));
    let machine = match it.machine.processors {
        0 => String::new(),
        processors => format!(
            "{} {}, {}",
            it.machine.os,
            it.machine.architecture,
            numbers::counted(processors, "processor")
        ),
    };
    let bytes = |bytes: f64| numbers::bytes(bytes);
    let rows = [
        ("Script", it.script.clone()),
        ("SHA-256 of its component", it.digest.clone()),
        ("Contract", it.contract.clone()),
        ("wasmload", it.engine.clone()),
        ("Began", it.started_at.clone()),
        ("Load lasted", numbers::duration(took)),
        ("Worker threads", it.workers.to_string()),
        ("Seed", it.seed.clone().unwrap_or_default()),
        ("Tags of the run", tags.collect::<Vec<_>>().join(", ")),
        ("Machine", machine),
        (
            "Memory free before",
            it.machine.free_memory.map_or_else(String::new, |it| bytes(it as f64)),
        ),
        (
            "Processors that wasmload kept busy",
            injector.cpu.map_or_else(String::new, |it| numbers::estimate(it.0)),
        ),
        (
            "Memory of wasmload at the most",
            injector.memory.map_or_else(String::new, |it| bytes(it.0)),
        ),
        (
            "Its own lateness, p95",
            injector.lag.map_or_else(String::new, |it| numbers::milliseconds(it.0)),
        ),
    ];
    rows.into_iter().filter(|(_, value)| !value.is_empty()).collect()
}
