//! `prometheus=URL`: each second pushed to Prometheus, or to whatever else takes its remote write.
//!
//! Format: remote write 1.0, protocol buffers packed by Snappy, which every receiver takes (2.0 is for newer ones only). A trend is a
//! native histogram of schema 5, whose buckets are 2.2 % wide: a quantile of it is within 2.3 % of a sample of its rank
//! ([`Exponential`]). A Prometheus before 3.0 takes those with `--enable-feature=native-histograms` only, and any only with
//! `--web.enable-remote-write-receiver`.
//!
//! What has changed is pushed each second; everything twice a minute, since Prometheus forgets what it does not hear of for five, and
//! at the end. All of it is since the run began. k6's names end with `_rate` where a rate is a gauge, and begin with `k6_`; the others are
//! formed alike.

use std::time::SystemTime;

use metrics::{Contains, Distribution, Exponential, Kind};
use plan::Plan;
use prost::Message;
use run::Measured;
use ureq::http::StatusCode;

use super::{Named, Names, factor, unit};
use crate::out::cumulative::{Cumulative, Series, Spread, Value};
use crate::out::endpoint::Service;
use crate::out::push::{Manner, Packing, next_message};
use crate::out::stream::Format;
use crate::redacted::Redactor;

/// Series of a request at most, so that none is larger than receivers take.
const SERIES: usize = 1_000;
/// Seconds after which everything is told again.
const AGAIN: u32 = 30;

pub(in crate::out) const SERVICE: Service = Service {
    variable: "PROMETHEUS",
    others: None,
    scheme: "Bearer",
    complete: |rest| match rest {
        "" | "/" => Ok("/api/v1/write".to_owned()),
        rest => Ok(rest.to_owned()),
    },
};

pub(in crate::out) const MANNER: Manner = Manner {
    headers: &[
        ("content-type", "application/x-protobuf"),
        ("x-prometheus-remote-write-version", "0.1.0"),
    ],
    question,
    packing: Packing::Snappy,
    next: next_message,
    objection: |_| None,
    advice: |status| match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Some(
            "who we are is said by http://USER:PASSWORD@HOST/, WASMLOAD_PROMETHEUS_TOKEN or WASMLOAD_PROMETHEUS_HEADERS",
        ),
        StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED => Some(
            "Prometheus takes remote write at /api/v1/write, with --web.enable-remote-write-receiver",
        ),
        StatusCode::UNSUPPORTED_MEDIA_TYPE => Some("it must take remote write 1.0"),
        StatusCode::INTERNAL_SERVER_ERROR => Some(
            "Prometheus before 3.0 takes histograms only with --enable-feature=native-histograms",
        ),
        _ => None,
    },
};

/// A histogram without samples: a server that takes no histograms is to say so before the run. It has the name of one that each
/// run has, and no labels, so that it adds nothing to anything.
fn question() -> Vec<u8> {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let timestamp = i64::try_from(now.as_millis()).unwrap_or(i64::MAX);
    let name = "wasmload_iteration_duration_seconds".to_owned();
    let series = TimeSeries {
        labels: vec![Label { name: "__name__".to_owned(), value: name }],
        samples: Vec::new(),
        histograms: vec![histogram(&Exponential::default(), timestamp)],
    };
    WriteRequest { timeseries: vec![series], metadata: Vec::new() }.encode_to_vec()
}

pub(in crate::out) fn format(secrets: Redactor) -> Box<dyn Format> {
    Box::new(Write {
        totals: Cumulative::new(secrets),
        names: Names::default(),
        seconds: 0,
        last: 0,
    })
}

#[derive(Debug)]
struct Write {
    totals: Cumulative<Native>,
    names: Names,
    seconds: u32,
    /// The last moment that was told of, in milliseconds since 1970: the next must be later.
    last: i64,
}

/// What is kept of a trend, in Prometheus' units.
#[derive(Debug)]
struct Native(Exponential);

impl Spread for Native {
    fn of(_contains: Contains) -> Self {
        Self(Exponential::default())
    }

    fn add(&mut self, contains: Contains, samples: &Distribution) {
        self.0.add(samples, factor(contains));
    }
}

impl Write {
    fn tell(&mut self, all: bool, now: SystemTime, text: &mut Vec<u8>) {
        let now = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_millis();
        self.last = i64::try_from(now).unwrap_or(i64::MAX).max(self.last.saturating_add(1));
        let mut request = WriteRequest::default();
        for (id, series) in self.totals.all().filter(|(_, series)| all || series.is_news) {
            let named = self.names.of(id, series);
            if all {
                request.metadata.extend(metadata(&named, series));
            }
            told(&named, series, self.last, &mut request.timeseries);
            if request.timeseries.len() >= SERIES {
                put(&mut request, text);
            }
        }
        put(&mut request, text);
    }
}

impl Format for Write {
    fn begin(&mut self, _plan: &Plan, _now: SystemTime, _text: &mut Vec<u8>) {}

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

fn put(request: &mut WriteRequest, text: &mut Vec<u8>) {
    if !request.timeseries.is_empty() {
        request.metadata.sort_by(|a, b| a.family.cmp(&b.family));
        request.metadata.dedup_by(|later, earlier| later.family == earlier.family);
        text.extend(request.encode_length_delimited_to_vec());
    }
    *request = WriteRequest::default();
}

fn metadata(named: &Named, series: &Series<Native>) -> Vec<Metadata> {
    let of = |kind, family: String| Metadata {
        kind,
        family,
        help: format!("{} of wasmload", series.name),
        unit: unit(series.contains).to_owned(),
    };
    let family = &named.family;
    match series.kind {
        Kind::Counter => vec![of(COUNTER, format!("{family}_total"))],
        Kind::Gauge => vec![of(GAUGE, family.to_string())],
        Kind::Rate => {
            ["passes", "fails"].map(|it| of(COUNTER, format!("{family}_{it}_total"))).into()
        }
        Kind::Trend => vec![of(HISTOGRAM, family.to_string())],
    }
}

/// What is told of a series.
fn told(named: &Named, series: &Series<Native>, timestamp: i64, all: &mut Vec<TimeSeries>) {
    let labels = |suffix: &str| {
        let name = ("__name__", format!("{}{suffix}", named.family));
        let labels = named.labels.iter().map(|(name, value)| (name.as_str(), value.clone()));
        let mut labels: Vec<_> = std::iter::once(name)
            .chain(labels)
            .map(|(name, value)| Label { name: name.to_owned(), value })
            .collect();
        labels.sort_by(|a, b| a.name.cmp(&b.name));
        labels
    };
    let factor = factor(series.contains);
    let mut sample = |suffix, value| {
        let samples = vec![Sample { value, timestamp }];
        all.push(TimeSeries { labels: labels(suffix), samples, histograms: Vec::new() });
    };
    match &series.value {
        Value::Counter(sum) => sample("_total", sum * factor),
        Value::Gauge(last) => sample("", last * factor),
        Value::Rate { passes, fails } => {
            sample("_passes_total", *passes as f64);
            sample("_fails_total", *fails as f64);
        }
        Value::Trend(Native(spread)) => {
            let histograms = vec![histogram(spread, timestamp)];
            all.push(TimeSeries { labels: labels(""), samples: Vec::new(), histograms });
        }
    }
}

fn histogram(spread: &Exponential, timestamp: i64) -> Histogram {
    let (positive_spans, positive_deltas) = spans(spread.positive());
    let (negative_spans, negative_deltas) = spans(spread.negative());
    Histogram {
        count: spread.count(),
        sum: spread.sum(),
        schema: Exponential::SCHEMA,
        zero_threshold: 0.0,
        zero_count: spread.zeros(),
        negative_spans,
        negative_deltas,
        positive_spans,
        positive_deltas,
        timestamp,
    }
}

/// Buckets as runs of neighbours, each with how many empty ones lie before it, and counts as what they differ by from the one before.
fn spans(buckets: impl Iterator<Item = (i32, u64)>) -> (Vec<BucketSpan>, Vec<i64>) {
    let (mut spans, mut deltas) = (Vec::<BucketSpan>::new(), Vec::new());
    let (mut next, mut before) = (0, 0);
    for (number, count) in buckets {
        match spans.last_mut() {
            Some(span) if number == next => span.length += 1,
            _ => spans.push(BucketSpan { offset: number - next, length: 1 }),
        }
        next = number + 1;
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        deltas.push(count - before);
        before = count;
    }
    (spans, deltas)
}

// The messages of Prometheus' `prompb`, as far as they are used: `remote.proto` and `types.proto`.

const COUNTER: i32 = 1;
const GAUGE: i32 = 2;
const HISTOGRAM: i32 = 3;

#[derive(Clone, PartialEq, Message)]
struct WriteRequest {
    #[prost(message, repeated, tag = "1")]
    timeseries: Vec<TimeSeries>,
    #[prost(message, repeated, tag = "3")]
    metadata: Vec<Metadata>,
}

#[derive(Clone, PartialEq, Message)]
struct TimeSeries {
    #[prost(message, repeated, tag = "1")]
    labels: Vec<Label>,
    #[prost(message, repeated, tag = "2")]
    samples: Vec<Sample>,
    #[prost(message, repeated, tag = "4")]
    histograms: Vec<Histogram>,
}

#[derive(Clone, PartialEq, Message)]
struct Label {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    value: String,
}

#[derive(Clone, Copy, PartialEq, Message)]
struct Sample {
    #[prost(double, tag = "1")]
    value: f64,
    #[prost(int64, tag = "2")]
    timestamp: i64,
}

#[derive(Clone, PartialEq, Message)]
struct Histogram {
    #[prost(uint64, tag = "1")]
    count: u64,
    #[prost(double, tag = "3")]
    sum: f64,
    #[prost(sint32, tag = "4")]
    schema: i32,
    #[prost(double, tag = "5")]
    zero_threshold: f64,
    #[prost(uint64, tag = "6")]
    zero_count: u64,
    #[prost(message, repeated, tag = "8")]
    negative_spans: Vec<BucketSpan>,
    #[prost(sint64, repeated, tag = "9")]
    negative_deltas: Vec<i64>,
    #[prost(message, repeated, tag = "11")]
    positive_spans: Vec<BucketSpan>,
    #[prost(sint64, repeated, tag = "12")]
    positive_deltas: Vec<i64>,
    #[prost(int64, tag = "15")]
    timestamp: i64,
}

#[derive(Clone, Copy, PartialEq, Message)]
struct BucketSpan {
    #[prost(sint32, tag = "1")]
    offset: i32,
    #[prost(uint32, tag = "2")]
    length: u32,
}

#[derive(Clone, PartialEq, Message)]
struct Metadata {
    #[prost(int32, tag = "1")]
    kind: i32,
    #[prost(string, tag = "2")]
    family: String,
    #[prost(string, tag = "4")]
    help: String,
    #[prost(string, tag = "5")]
    unit: String,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Output as _;
    use crate::out::prometheus::server::Server;
    use crate::out::tests::{out, push_seconds, trend_of};

    /// What a Prometheus needs to be told to take what we push.
    const TAKES: &[&str] =
        &["--web.enable-remote-write-receiver", "--enable-feature=native-histograms"];

    #[test]
    fn prometheus_has_the_counts_and_the_quantiles_of_what_was_pushed() {
        let Some(server) = Server::start("", TAKES) else { return };
        let out = out(&format!("prometheus={}", server.url)).unwrap();
        let mut output = out.create(Redactor::default()).unwrap();
        push_seconds(&mut output);
        output.finish().unwrap();
        for (query, expected) in [
            ("wasmload_http_reqs_total", 2.0),
            ("wasmload_checks_passes_total{check=\"is up\"}", 2.0),
            ("wasmload_checks_fails_total", 1.0),
            ("wasmload_vus", 3.0),
            ("histogram_count(wasmload_http_req_duration_seconds{team=\"a&b\"})", 3.0),
        ] {
            assert_eq!(server.value(query), expected, "{query}");
        }
        for (query, expected) in [
            ("histogram_sum(wasmload_http_req_duration_seconds)", 0.097),
            ("histogram_sum(wasmload_basket)", 4.5),
            ("histogram_quantile(0, wasmload_http_req_duration_seconds)", 0.007),
            ("histogram_quantile(1, wasmload_http_req_duration_seconds)", 0.08),
        ] {
            let found = server.value(query);
            assert!((found / expected - 1.0).abs() < 0.023, "{query}: {found}");
        }
        let labels = &server.query("wasmload_http_reqs_total")[0].0;
        assert_eq!(labels["name"], "home, \"sweet\"");
        assert_eq!(labels["__name__"], "wasmload_http_reqs_total");
    }

    #[test]
    fn a_quantile_that_prometheus_works_out_is_within_the_stated_error() {
        let Some(server) = Server::start("", TAKES) else { return };
        let out = out(&format!("prometheus={}", server.url)).unwrap();
        let mut output = out.create(Redactor::default()).unwrap();
        // From 1 ms to 100 s, evenly by logarithm.
        let samples: Vec<f64> = (0..=5_000).map(|n| 10_f64.powf(f64::from(n) / 1_000.0)).collect();
        for part in samples.chunks(1_000) {
            trend_of(part, &mut output);
        }
        output.finish().unwrap();
        for q in [0.01, 0.1, 0.5, 0.9, 0.99, 0.999] {
            let found = server.value(&format!("histogram_quantile({q}, wasmload_pause_seconds)"));
            let exact = samples[(q * samples.len() as f64) as usize] / 1e3;
            assert!((found / exact - 1.0).abs() < 0.023, "{q}: {found}, {exact}");
        }
    }

    #[test]
    fn a_prometheus_that_does_not_take_it_is_refused_before_the_run_with_what_to_do() {
        let receiver = "--web.enable-remote-write-receiver";
        for (flags, status, advice) in [
            (&[][..], "404 Not Found", receiver),
            (&[receiver], "native histograms are disabled", "--enable-feature=native-histograms"),
        ] {
            let Some(server) = Server::start("", flags) else { return };
            let out = out(&format!("prometheus={}", server.url)).unwrap();
            let error = out.create(Redactor::default()).unwrap_err().source.to_string();
            assert!(error.contains(status) && error.contains(advice), "{error}");
        }
    }

    #[test]
    fn buckets_are_runs_of_neighbours() {
        let (spans, deltas) = spans([(-3, 5), (-2, 7), (4, 1), (5, 1), (9, 2)].into_iter());
        let spans: Vec<_> = spans.iter().map(|span| (span.offset, span.length)).collect();
        assert_eq!(spans, [(-3, 2), (5, 2), (3, 1)]);
        assert_eq!(deltas, [5, 2, -6, 0, 1]);
    }
}
