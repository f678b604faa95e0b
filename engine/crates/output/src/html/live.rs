//! What the page shows while a run goes on.
//!
//! It is put together of what is said each second, so that a page that is opened late shows the run from its start. What nobody
//! knows before the end (phases, the breakpoint, failed iterations by number) comes with the whole result, which then takes its
//! place. To whom it is shown is not said here: the engine serves it.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use metrics::{
    Collected, Kind, Metric, MetricId, Rate, Registry, SeriesId, Sink, Sketch, Slot, Tags,
    Timeline, Verdict, builtin,
};
use run::{Event, EventKind};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::{data, framed};
use crate::redacted::Redactor;
use crate::stored::form::{Endpoint, Environment, Figures, Histogram, StoredInjector, StoredPlan};
use crate::stored::{Buckets, Setting, StoredResult, StoredTimeline, StoredTrack};
use crate::summary::{check, endpoint, request_error};
use crate::summary_json::document::{Check, MetricEntry, Number, RequestError, Threshold};
use crate::{Output, OutputError};

/// Slots that are shown at most: they are sent again each second.
const SLOTS: usize = 300;
/// Rows of a table at most, those with the largest counts.
const ROWS: usize = 200;
/// Endpoints, checks and errors, each, that are told apart at most.
const NAMES: usize = 1_000;
/// Failures that are told at most.
const FAILURES: usize = 10;

/// Listens to a run, and says at any time what its page shows.
#[derive(Debug)]
pub struct Live {
    setting: Setting,
    secrets: Redactor,
    started: String,
    workers: usize,
    plan: Option<StoredPlan>,
    elapsed: Duration,
    verdicts: Arc<[Verdict]>,
    /// What went wrong, in words.
    doubts: Vec<String>,
    registry: Option<Arc<Registry>>,
    timeline: Timeline,
    /// The same in one slot.
    whole: Timeline,
    series: HashMap<SeriesId, (MetricId, Tags)>,
    endpoints: BTreeMap<(String, String), Requests>,
    checks: BTreeMap<String, Rate>,
    errors: BTreeMap<(String, Option<u32>), (u64, Option<String>)>,
    /// What a page shows when the run is over.
    over: Option<String>,
}

/// Requests of one method and name so far.
#[derive(Debug, Default)]
struct Requests {
    count: u64,
    failed: u64,
    sent: u64,
    received: u64,
    durations: Slot,
}

impl Live {
    /// Of a run that takes place there; values of `secrets` are kept out of what is shown.
    #[must_use]
    pub fn new(setting: Setting, secrets: Redactor) -> Self {
        Self {
            setting,
            secrets,
            started: String::new(),
            workers: 0,
            plan: None,
            elapsed: Duration::ZERO,
            verdicts: Arc::default(),
            doubts: Vec::new(),
            registry: None,
            timeline: Timeline::new(),
            whole: Timeline::new(),
            series: HashMap::new(),
            endpoints: BTreeMap::new(),
            checks: BTreeMap::new(),
            errors: BTreeMap::new(),
            over: None,
        }
    }

    /// The page as of now. It asks for `events` beside itself, whose messages are [`Self::data`], as long as the run goes on.
    #[must_use]
    pub fn page(&self) -> String {
        framed(&self.data())
    }

    /// What the page shows now: JSON in one line.
    #[must_use]
    pub fn data(&self) -> String {
        match &self.over {
            Some(over) => over.clone(),
            None => data(&self.so_far(), true, &self.secrets),
        }
    }

    fn add(&mut self, time: std::ops::Range<Duration>, collected: &Collected) {
        self.elapsed = self.elapsed.max(time.end);
        self.timeline.add(time, collected);
        self.whole.add(Duration::ZERO..Duration::ZERO, collected);
        let registry = self.registry.get_or_insert_with(|| Arc::clone(collected.registry()));
        for (series, sink) in collected.series() {
            let (metric, tags) =
                self.series.entry(series).or_insert_with(|| registry.series_info(series));
            match (*metric, sink) {
                (builtin::HTTP_REQS, Sink::Counter(counter)) => {
                    let count = counter.sum as u64;
                    if let Some(requests) = at(&mut self.endpoints, endpoint(tags)) {
                        requests.count += count;
                    }
                    let error = request_error(tags).and_then(|error| at(&mut self.errors, error));
                    if let Some((counted, example)) = error {
                        *counted += count;
                        if example.is_none() {
                            let named = tags.get("method").zip(tags.get("name"));
                            *example = named.map(|(method, name)| format!("{method} {name}"));
                        }
                    }
                }
                (builtin::HTTP_REQ_FAILED, Sink::Rate(rate)) => {
                    if let Some(requests) = at(&mut self.endpoints, endpoint(tags)) {
                        requests.failed += rate.trues;
                    }
                }
                (builtin::HTTP_REQ_DURATION, sink) => {
                    if let Some(requests) = at(&mut self.endpoints, endpoint(tags)) {
                        requests.durations.merge(&Slot::of(sink));
                    }
                }
                (builtin::CHECKS, Sink::Rate(rate)) => {
                    if let Some(checked) = at(&mut self.checks, check(tags).to_owned()) {
                        checked.merge(rate);
                    }
                }
                _ => {}
            }
        }
        // When all endpoints are known: bytes of WebSockets are none's.
        for (series, sink) in collected.series() {
            let Some((metric, tags)) = self.series.get(&series) else { continue };
            if !matches!(*metric, builtin::DATA_SENT | builtin::DATA_RECEIVED) {
                continue;
            }
            let requests = self.endpoints.get_mut(&endpoint(tags));
            let (Some(requests), Sink::Counter(counter)) = (requests, sink) else { continue };
            let bytes = counter.sum as u64;
            if *metric == builtin::DATA_SENT {
                requests.sent += bytes;
            } else {
                requests.received += bytes;
            }
        }
    }

    /// What is known, in the form of what is kept of a run.
    fn so_far(&self) -> StoredResult {
        let mut result = StoredResult {
            environment: Environment {
                script: self.setting.script.clone(),
                digest: self.setting.digest.clone(),
                contract: self.setting.contract.clone(),
                engine: env!("CARGO_PKG_VERSION").to_owned(),
                started_at: self.started.clone(),
                workers: self.workers as u64,
                machine: self.setting.machine.clone(),
                ..Environment::default()
            },
            plan: self.plan.clone().unwrap_or_default(),
            injector: StoredInjector { doubts: self.doubts.clone(), ..StoredInjector::default() },
            ..StoredResult::default()
        };
        result.summary.state.test_run_duration_ms = Number(self.elapsed.as_secs_f64() * 1e3);
        result.summary.thresholds = self.verdicts.iter().map(Threshold::of).collect();
        result.timeline = self.coarse();
        for metric in self.registry.iter().flat_map(|registry| registry.metrics()) {
            let whole = self.whole.over(metric.id, 0..1);
            if whole.count > 0 {
                let name = metric.name.to_string();
                result.summary.metrics.insert(name.clone(), entry(&metric, &whole, self.elapsed));
                if metric.kind == Kind::Trend {
                    result.histograms.insert(name, histogram(&whole));
                }
            }
        }
        self.tables(&mut result);
        result
    }

    fn tables(&self, result: &mut StoredResult) {
        let seconds = self.elapsed.as_secs_f64();
        let mut endpoints: Vec<_> = self.endpoints.iter().collect();
        endpoints.sort_by_key(|(_, it)| std::cmp::Reverse(it.count));
        result.endpoints_left_out = endpoints.len().saturating_sub(ROWS) as u64;
        let row = |((method, name), it): (&(String, String), &Requests)| Endpoint {
            method: method.clone(),
            name: name.clone(),
            count: it.count,
            rate: Number(if seconds > 0.0 { it.count as f64 / seconds } else { 0.0 }),
            failed: it.failed,
            sent: it.sent,
            received: it.received,
            duration: (it.durations.count > 0).then(|| figures(&it.durations)),
        };
        result.endpoints = endpoints.into_iter().take(ROWS).map(row).collect();
        let checks = self.checks.iter().take(ROWS);
        let checks = checks.map(|(name, rate)| Check {
            name: name.clone(),
            passes: rate.trues,
            fails: rate.total - rate.trues,
        });
        result.summary.checks = checks.collect();
        let errors = self.errors.iter();
        let mut errors: Vec<_> = errors
            .map(|((error, code), (count, example))| RequestError {
                error: error.clone(),
                code: *code,
                example: example.clone(),
                count: *count,
            })
            .collect();
        errors.sort_by_key(|error| std::cmp::Reverse(error.count));
        errors.truncate(ROWS);
        result.summary.errors = errors;
    }

    /// Each metric over time, in no more slots than are shown.
    fn coarse(&self) -> StoredTimeline {
        let step = self.timeline.len().div_ceil(SLOTS).max(1);
        let measured = self.timeline.measured().chunks(step);
        let measured = measured.map(|times| Number(times.iter().sum::<Duration>().as_secs_f64()));
        let measured: Vec<_> = measured.collect();
        let metrics = self.registry.iter().flat_map(|registry| registry.metrics());
        let track = |metric: Metric| {
            let slot =
                |place: usize| self.timeline.over(metric.id, place * step..(place + 1) * step);
            let slots: Vec<_> = (0..measured.len()).map(slot).collect();
            let is_there = slots.iter().any(|slot| slot.count > 0);
            is_there
                .then(|| (metric.name.to_string(), StoredTrack::of(&metric, &slots, slots.len())))
        };
        StoredTimeline {
            slot_seconds: self.timeline.width().as_secs() * step as u64,
            metrics: metrics.filter_map(track).collect(),
            measured,
        }
    }
}

/// The place of a name; `None` where there are too many others.
fn at<K: Ord, V: Default>(all: &mut BTreeMap<K, V>, name: K) -> Option<&mut V> {
    if all.len() >= NAMES && !all.contains_key(&name) {
        None
    } else {
        Some(all.entry(name).or_default())
    }
}

fn figures(slot: &Slot) -> Figures {
    let of = |share| Number(slot.quantile(share));
    Figures {
        avg: Number(slot.mean()),
        min: Number(slot.min),
        p50: of(0.5),
        p90: of(0.9),
        p95: of(0.95),
        p99: of(0.99),
        max: Number(slot.max),
    }
}

fn histogram(slot: &Slot) -> Histogram {
    Histogram {
        count: slot.count,
        sum: Number(slot.sum),
        // What a sketch does not know.
        stdev: Number(f64::NAN),
        figures: figures(slot),
        buckets: Buckets(Sketch::clone(&slot.sketch)),
    }
}

/// What a summary would say of a metric now.
fn entry(metric: &Metric, slot: &Slot, elapsed: Duration) -> MetricEntry {
    let seconds = elapsed.as_secs_f64();
    let values = match metric.kind {
        Kind::Counter => {
            vec![
                ("count", slot.sum),
                ("rate", if seconds > 0.0 { slot.sum / seconds } else { 0.0 }),
            ]
        }
        Kind::Gauge => vec![("value", slot.last), ("min", slot.min), ("max", slot.max)],
        Kind::Rate => vec![
            ("rate", slot.mean()),
            ("passes", slot.sum),
            ("fails", slot.count as f64 - slot.sum),
        ],
        Kind::Trend => vec![
            ("avg", slot.mean()),
            ("min", slot.min),
            ("med", slot.quantile(0.5)),
            ("max", slot.max),
            ("p(90)", slot.quantile(0.9)),
            ("p(95)", slot.quantile(0.95)),
        ],
    };
    MetricEntry {
        kind: metric.kind.as_str().into(),
        contains: metric.contains.as_str().into(),
        values: values.into_iter().map(|(stat, value)| (stat.to_owned(), Number(value))).collect(),
        thresholds: BTreeMap::new(),
    }
}

impl Output for Live {
    fn on_event(&mut self, event: &Event) {
        match &event.kind {
            EventKind::RunStarted { plan, workers } => {
                self.started = OffsetDateTime::now_utc().format(&Rfc3339).unwrap_or_default();
                self.workers = *workers;
                self.plan = Some(StoredPlan::of(plan));
            }
            EventKind::Measured(measured) => {
                self.add(measured.time.clone(), &measured.collected);
            }
            EventKind::Tick(tick) => self.verdicts = Arc::clone(&tick.verdicts),
            EventKind::IterationFailed { scenario, message, .. }
                if self.doubts.len() < FAILURES =>
            {
                self.doubts.push(format!("An iteration of {scenario} failed: {message}"));
            }
            EventKind::StopRequested { reason } => {
                self.doubts.push(format!("Stopped early: {reason}"));
            }
            _ => {}
        }
    }

    fn wants_series(&self) -> bool {
        true
    }

    fn wants_result(&self) -> bool {
        true
    }

    fn on_result(&mut self, result: &StoredResult) {
        self.over = Some(data(result, false, &self.secrets));
    }

    fn finish(&mut self) -> Result<(), OutputError> {
        Ok(())
    }
}

#[cfg(test)]
mod tests;
