//! What is kept of a run, whole enough that any report can be made of it later: `--out summary=FILE`.
//!
//! It holds the [summary](crate::summary_json) and beside it what that leaves out: each endpoint, the parts of the run, the
//! histograms, every metric over time, what was planned, and where it ran. Reports (`markdown`, `junit`, HTML) are made of this
//! and of nothing else, so that `wasmload report` makes the very same of a file.
//!
//! * Times are milliseconds, data is bytes, shares are from 0 to 1.
//! * `buckets` of a histogram are numbers of [`Sketch`](metrics::Sketch) buckets and how many samples each has, in turn:
//!   `[509, 12, 510, 3]`. Bucket `n` holds the values from `(n − 32 s) 2ˢ` to one unit less than `(n + 1 − 32 s) 2ˢ` millionths of
//!   the metric's unit, where `s` is `max(⌊n ÷ 32⌋ − 1, 0)`; a negative number is that of a negative value. They are good to 1.6 %,
//!   and those of several results can be added up.
//! * `timeline` has a column for each figure of each metric, with a number a slot. The slots of a run up to twenty minutes are
//!   seconds; those of a longer one are 2, 4, 8 … seconds. What a script did in `setup` is in the first, what it did in
//!   `teardown` in the last.
//!
//! `result.schema.json`, beside this crate's manifest, says all of it as JSON Schema. The first number of `version` rises when a
//! reader of the earlier form could be misled, the second when something is added: this reader takes every version with its own
//! first number, and refuses others.

pub mod form;
mod timeline;

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::path::Path;

use metrics::{Kind, Sink};
use run::Finished;
use schemars::schema_for;
use thiserror::Error;

pub use self::form::StoredResult;
pub use self::timeline::{Buckets, StoredTimeline, StoredTrack};
use crate::summary::{Percentiles, Summary};
use crate::summary_json::document::{Document, Number};

/// What says that a file is one of these.
pub const FORMAT: &str = "wasmload result";
/// The version of the form.
pub const VERSION: &str = "1.0.0";

/// Endpoints that are kept, those with the most requests; the others are counted.
const ENDPOINTS: usize = 1_000;
/// The largest file that is read, packed or not: far more than is ever written.
const MOST_BYTES: u64 = 1 << 30;

/// Where a run took place, and of what.
#[derive(Clone, Debug, Default)]
pub struct Setting {
    /// The script, as it was asked for.
    pub script: String,
    /// SHA-256 of its component.
    pub digest: String,
    /// What makes it a script: `wasmload:script@0.1.0`.
    pub contract: String,
    /// The machine.
    pub machine: form::Machine,
}

impl StoredResult {
    /// What is kept of a run that is over.
    pub(crate) fn new(
        finished: &Finished,
        summary: &Summary,
        setting: &Setting,
        started: &str,
    ) -> Self {
        let milliseconds = |time: std::time::Duration| Number(time.as_secs_f64() * 1e3);
        let left_out = summary.endpoints.get(ENDPOINTS..).unwrap_or_default();
        Self {
            complete: true,
            environment: form::Environment {
                script: setting.script.clone(),
                digest: setting.digest.clone(),
                contract: setting.contract.clone(),
                engine: env!("CARGO_PKG_VERSION").to_owned(),
                started_at: started.to_owned(),
                workers: finished.workers as u64,
                // Beyond it a reader of JSON could take it for another.
                seed: finished.plan.seed.map(|seed| seed.to_string()),
                tags: finished.plan.tags.clone(),
                machine: setting.machine.clone(),
            },
            plan: form::StoredPlan::of(&finished.plan),
            summary: Document::of(summary),
            endpoints: summary
                .endpoints
                .iter()
                .take(ENDPOINTS)
                .map(|it| form::Endpoint {
                    method: it.method.clone(),
                    name: it.name.clone(),
                    count: it.count,
                    rate: Number(rate(it.count, finished.elapsed)),
                    failed: it.failed,
                    sent: it.sent,
                    received: it.received,
                    duration: it.duration.map(form::Figures::of),
                })
                .collect(),
            endpoints_left_out: left_out.len() as u64,
            phases: summary
                .phases
                .iter()
                .map(|it| form::Phase {
                    name: it.name.clone(),
                    from_ms: milliseconds(it.time.start),
                    to_ms: milliseconds(it.time.end),
                    vus: Number(it.vus),
                    iterations: it.iterations,
                    requests: it.requests,
                    failed: it.failed,
                    rate: Number(it.rate),
                    p95: it.p95.map(Number),
                })
                .collect(),
            injector: form::StoredInjector {
                cpu: summary.injector.cpu.map(Number),
                memory: summary.injector.memory.map(Number),
                lag: summary.injector.lag.map(Number),
                doubts: summary.injector.doubts.clone(),
            },
            histograms: histograms(finished),
            timeline: StoredTimeline::of(finished),
            ..Self::default()
        }
    }

    /// It as JSON, with a line break at its end.
    #[must_use]
    pub fn json(&self) -> String {
        let mut json = serde_json::to_string(self)
            .expect("names are strings, and nothing else can fail to be written as JSON");
        json.push('\n');
        json
    }

    /// Reads a file of it, packed by gzip or not.
    ///
    /// Fails with [`ReadError`] where it cannot be read or is no complete result that this version understands.
    pub fn read(path: &Path) -> Result<Self, ReadError> {
        let fail = |fault| ReadError { path: path.display().to_string(), fault };
        let mut bytes = Vec::new();
        let file = std::fs::File::open(path).map_err(|error| fail(ReadFault::Io(error)))?;
        file.take(MOST_BYTES)
            .read_to_end(&mut bytes)
            .map_err(|error| fail(ReadFault::Io(error)))?;
        if bytes.starts_with(&[0x1f, 0x8b]) {
            let mut text = Vec::new();
            let packed = flate2::read::MultiGzDecoder::new(&*bytes);
            let read = packed.take(MOST_BYTES).read_to_end(&mut text);
            read.map_err(|error| fail(ReadFault::Corrupt(error.to_string())))?;
            bytes = text;
        }
        Self::parse(&bytes).map_err(fail)
    }

    fn parse(bytes: &[u8]) -> Result<Self, ReadFault> {
        let head: Head =
            serde_json::from_slice(bytes).map_err(|error| ReadFault::Corrupt(error.to_string()))?;
        if head.format.as_deref() != Some(FORMAT) {
            return Err(ReadFault::Foreign);
        }
        let first = |version: &str| version.split('.').next().unwrap_or_default().to_owned();
        if first(&head.version) != first(VERSION) {
            return Err(ReadFault::Version(head.version.chars().take(20).collect()));
        }
        let stored: Self =
            serde_json::from_slice(bytes).map_err(|error| ReadFault::Corrupt(error.to_string()))?;
        if stored.complete { Ok(stored) } else { Err(ReadFault::Incomplete) }
    }
}

/// What is looked at first.
#[derive(serde::Deserialize)]
struct Head {
    format: Option<String>,
    #[serde(default)]
    version: String,
}

/// A result could not be read. Fits "failed to …".
#[derive(Debug, Error)]
#[error("read the result `{path}`")]
pub struct ReadError {
    /// The file.
    pub path: String,
    /// Why.
    #[source]
    pub fault: ReadFault,
}

/// Why a result could not be read.
#[derive(Debug, Error)]
pub enum ReadFault {
    /// The file could not be.
    #[error("{0}")]
    Io(io::Error),
    /// It is damaged, or cut short.
    #[error("it is damaged: {0}")]
    Corrupt(String),
    /// It is something else.
    #[error("it is no result: `wasmload run --out summary=FILE` writes one")]
    Foreign,
    /// Its version is one that this does not know.
    #[error(
        "its version is `{0}`, and this wasmload reads {VERSION} and others that begin with the same number"
    )]
    Version(String),
    /// Its run had not ended.
    #[error("its run did not come to its end: it has no figures")]
    Incomplete,
}

/// The JSON Schema (draft 2020-12) of the form.
#[must_use]
pub fn schema() -> serde_json::Value {
    schema_for!(StoredResult).to_value()
}

/// The histogram of each trend.
fn histograms(finished: &Finished) -> BTreeMap<String, form::Histogram> {
    let trends = finished.totals.registry().metrics();
    let trends = trends.into_iter().filter(|metric| metric.kind == Kind::Trend);
    let of = |metric: metrics::Metric| match finished.totals.select(metric.id, &[])? {
        Sink::Trend(trend) => {
            let figures = form::Figures::of(Percentiles::of(&trend)?);
            let histogram = form::Histogram {
                count: trend.count(),
                sum: Number(trend.sum()),
                stdev: Number(trend.stdev()),
                figures,
                buckets: Buckets(trend.sketch()),
            };
            Some((metric.name.to_string(), histogram))
        }
        _ => None,
    };
    trends.filter_map(of).collect()
}

fn rate(count: u64, time: std::time::Duration) -> f64 {
    if time.is_zero() { 0.0 } else { count as f64 / time.as_secs_f64() }
}

#[cfg(test)]
pub(crate) mod tests;
