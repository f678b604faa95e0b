//! `otlp=URL`: what is measured, each second, to whatever takes OpenTelemetry's protocol over HTTP.
//!
//! Format: OTLP 1 in protocol buffers, which every receiver takes (JSON some do not), packed by gzip, to `/v1/metrics`
//! below the URL. All of it is cumulative, since the run began: a push that is lost costs the finer course of things, and no count.
//!
//! | metric | in OpenTelemetry | such as |
//! | --- | --- | --- |
//! | counter | a monotonic sum | `wasmload.http_reqs` |
//! | gauge | a gauge | `wasmload.vus` |
//! | rate | two sums | `wasmload.checks.passes`, `wasmload.checks.fails` |
//! | trend | an exponential histogram of scale 5, whose buckets are 2.2 % wide ([`Exponential`]) | `wasmload.http_req_duration`, in `ms` |
//!
//! Tags are attributes. Who we are is in the URL, in `WASMLOAD_OTLP_TOKEN`, or in `WASMLOAD_OTLP_HEADERS` or
//! `OTEL_EXPORTER_OTLP_HEADERS`.

mod messages;
pub(super) mod spans;

use std::collections::BTreeMap;
use std::time::SystemTime;

use metrics::{Contains, Exponential};
use plan::Plan;
use prost::Message as _;
use run::Measured;
use ureq::http::StatusCode;

use self::messages::{
    Buckets, ExponentialHistogram, ExponentialPoint, ExportRequest, ExportResponse, Gauge,
    KeyValue, Metric, NumberPoint, Resource, ResourceMetrics, Scope, ScopeMetrics, Sum,
};
use super::cumulative::{Cumulative, Series, Value};
use super::endpoint::Service;
use super::push::{Manner, Packing, next_message};
use super::stream::Format;
use crate::redacted::Redactor;

/// Points of a request at most, so that none is larger than receivers take.
const POINTS: usize = 1_000;
/// Seconds after which everything is told again.
const AGAIN: u32 = 30;
/// `AGGREGATION_TEMPORALITY_CUMULATIVE`.
const CUMULATIVE: i32 = 2;

pub(super) const SERVICE: Service = Service {
    variable: "OTLP",
    others: Some("OTEL_EXPORTER_OTLP_HEADERS"),
    scheme: "Bearer",
    complete: |rest| {
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        let path = path.trim_end_matches('/');
        let path = path.strip_suffix("/v1/metrics").unwrap_or(path);
        let mark = if query.is_empty() { "" } else { "?" };
        Ok(format!("{path}/v1/metrics{mark}{query}"))
    },
};

/// Where spans go, of the same server.
pub(super) const OF_SPANS: Service = Service {
    complete: |rest| {
        let metrics = (SERVICE.complete)(rest)?;
        Ok(metrics.replacen("/v1/metrics", "/v1/traces", 1))
    },
    ..SERVICE
};

pub(super) const MANNER: Manner = Manner {
    headers: &[("content-type", "application/x-protobuf")],
    question: Vec::new,
    packing: Packing::Gzip,
    next: next_message,
    objection,
    advice: |status| match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Some(
            "who we are is said by WASMLOAD_OTLP_TOKEN, WASMLOAD_OTLP_HEADERS, OTEL_EXPORTER_OTLP_HEADERS or http://USER:PASSWORD@HOST/",
        ),
        StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED => Some(
            "it must take OTLP over HTTP, metrics at /v1/metrics and spans at /v1/traces; collectors do so at port 4318",
        ),
        StatusCode::UNSUPPORTED_MEDIA_TYPE => Some("it must take protocol buffers"),
        _ => None,
    },
};

/// That not all was taken is said in an answer that says yes.
fn objection(said: &[u8]) -> Option<String> {
    let partial = ExportResponse::decode(said).ok()?.partial_success?;
    (partial.rejected_data_points > 0).then(|| {
        let why: String = partial.error_message.chars().filter(|c| !c.is_control()).collect();
        format!("it rejects {} points: {why}", partial.rejected_data_points)
    })
}

pub(super) fn format(secrets: Redactor) -> Box<dyn Format> {
    Box::new(Otlp { totals: Cumulative::new(secrets), began: 0, seconds: 0, last: 0 })
}

#[derive(Debug)]
struct Otlp {
    totals: Cumulative<Exponential>,
    /// Nanoseconds since 1970.
    began: u64,
    seconds: u32,
    /// The last moment that was told of.
    last: u64,
}

impl Otlp {
    fn tell(&mut self, all: bool, now: SystemTime, text: &mut Vec<u8>) {
        self.last = nanoseconds(now).max(self.last.saturating_add(1));
        let times = (self.began, self.last);
        let mut metrics = BTreeMap::new();
        let mut points = 0;
        for (_, series) in self.totals.all().filter(|(_, series)| all || series.is_news) {
            told(series, times, &mut metrics);
            points += 1;
            if points == POINTS {
                put(&mut metrics, text);
                points = 0;
            }
        }
        put(&mut metrics, text);
    }
}

impl Format for Otlp {
    fn begin(&mut self, _plan: &Plan, now: SystemTime, _text: &mut Vec<u8>) {
        self.began = nanoseconds(now);
    }

    fn second(&mut self, measured: &Measured, now: SystemTime, text: &mut Vec<u8>) {
        self.totals.add(&measured.collected);
        let all = self.seconds.is_multiple_of(AGAIN);
        self.seconds = self.seconds.wrapping_add(1);
        self.tell(all, now, text);
    }

    fn end(&mut self, now: SystemTime, text: &mut Vec<u8>) {
        self.tell(true, now, text);
    }
}

fn nanoseconds(time: SystemTime) -> u64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

/// Who says it.
fn scope() -> Scope {
    Scope { name: "wasmload".to_owned(), version: env!("CARGO_PKG_VERSION").to_owned() }
}

/// Of what it is said.
fn resource() -> Resource {
    Resource {
        attributes: vec![
            KeyValue::new("service.name", "wasmload"),
            KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
        ],
    }
}

fn put(metrics: &mut BTreeMap<String, Metric>, text: &mut Vec<u8>) {
    if metrics.is_empty() {
        return;
    }
    let metrics = std::mem::take(metrics).into_values().collect();
    let scope_metrics = vec![ScopeMetrics { scope: Some(scope()), metrics }];
    let of_resource = ResourceMetrics { resource: Some(resource()), scope_metrics };
    let request = ExportRequest { resource_metrics: vec![of_resource] };
    text.extend(request.encode_length_delimited_to_vec());
}

/// Adds the points of a series to its metrics.
fn told(
    series: &Series<Exponential>,
    (start, time): (u64, u64),
    metrics: &mut BTreeMap<String, Metric>,
) {
    let attributes = || series.tags.iter().map(|(key, value)| KeyValue::new(key, value)).collect();
    let unit = match series.contains {
        Contains::Time => "ms",
        Contains::Data => "By",
        Contains::Default => "",
    };
    let mut of = |suffix: &str, unit: &str, add: &dyn Fn(&mut Metric)| {
        let name = format!("wasmload.{}{suffix}", series.name);
        let metric = metrics.entry(name.clone());
        add(metric.or_insert_with(|| Metric { name, unit: unit.to_owned(), ..Metric::default() }));
    };
    let number = |value| NumberPoint { attributes: attributes(), start, time, value: Some(value) };
    let sum = |value: f64| {
        move |metric: &mut Metric| {
            let new = || Sum { points: Vec::new(), temporality: CUMULATIVE, is_monotonic: true };
            metric.sum.get_or_insert_with(new).points.push(number(value));
        }
    };
    match &series.value {
        Value::Counter(all) => of("", unit, &sum(*all)),
        Value::Gauge(last) => of("", unit, &|metric| {
            let gauge = metric.gauge.get_or_insert_with(Gauge::default);
            gauge.points.push(NumberPoint { start: 0, ..number(*last) });
        }),
        Value::Rate { passes, fails } => {
            of(".passes", "", &sum(*passes as f64));
            of(".fails", "", &sum(*fails as f64));
        }
        Value::Trend(spread) => of("", unit, &|metric| {
            let new = || ExponentialHistogram { points: Vec::new(), temporality: CUMULATIVE };
            metric.exponential_histogram.get_or_insert_with(new).points.push(ExponentialPoint {
                attributes: attributes(),
                start,
                time,
                count: spread.count(),
                sum: Some(spread.sum()),
                scale: Exponential::SCHEMA,
                zero_count: spread.zeros(),
                positive: buckets(spread.positive()),
                negative: buckets(spread.negative()),
            });
        }),
    }
}

/// Buckets one after another, empty ones among them. OpenTelemetry's numbers are less by one than ours.
fn buckets(buckets: impl Iterator<Item = (i32, u64)>) -> Option<Buckets> {
    let mut found: Option<Buckets> = None;
    for (number, count) in buckets {
        let all = found.get_or_insert_with(|| Buckets { offset: number - 1, counts: Vec::new() });
        // Numbers ascend, and there are some thousand of them at most.
        let place = usize::try_from(number - 1 - all.offset).unwrap_or_default();
        all.counts.resize(place + 1, 0);
        all.counts[place] = count;
    }
    found
}

#[cfg(test)]
mod tests;
