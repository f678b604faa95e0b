//! What was measured of each endpoint: of the requests that have one method and one name.

use std::collections::BTreeMap;

use metrics::{Distribution, MetricId, OVERFLOW_TAG, Sink, Tags, Totals, builtin};

/// Requests of one method and one name.
#[derive(Clone, Debug, PartialEq)]
pub struct EndpointSummary {
    /// The method; empty where the tags were beyond the cap.
    pub method: String,
    /// The `name` tag: the URL, or what the script calls it.
    pub name: String,
    /// How many requests.
    pub count: u64,
    /// How many of them failed.
    pub failed: u64,
    /// Bytes that were sent, those that retries took among them.
    pub sent: u64,
    /// Bytes that were received.
    pub received: u64,
    /// How long those took that were sent; `None` where none was.
    pub duration: Option<Percentiles>,
}

impl EndpointSummary {
    /// The share of its requests that failed, from 0 to 1.
    #[must_use]
    pub fn failed_share(&self) -> f64 {
        if self.count == 0 { 0.0 } else { self.failed as f64 / self.count as f64 }
    }
}

/// Figures of a trend that are always the same ones, in its unit.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Percentiles {
    /// The mean.
    pub avg: f64,
    /// The smallest.
    pub min: f64,
    /// The median.
    pub p50: f64,
    /// What 90 of 100 do not exceed.
    pub p90: f64,
    /// What 95 of 100 do not exceed.
    pub p95: f64,
    /// What 99 of 100 do not exceed.
    pub p99: f64,
    /// The largest.
    pub max: f64,
}

impl Percentiles {
    /// Those of a trend; `None` where it has no samples.
    #[must_use]
    pub fn of(trend: &Distribution) -> Option<Self> {
        (trend.count() > 0).then(|| Self {
            avg: trend.mean(),
            min: trend.min(),
            p50: trend.quantile(0.5),
            p90: trend.quantile(0.9),
            p95: trend.quantile(0.95),
            p99: trend.quantile(0.99),
            max: trend.max(),
        })
    }
}

/// What was measured of an endpoint so far.
#[derive(Default)]
struct Tally {
    count: u64,
    failed: u64,
    sent: u64,
    received: u64,
    durations: Distribution,
}

/// Each endpoint, the one with the most requests first.
pub(super) fn endpoints(totals: &Totals) -> Vec<EndpointSummary> {
    let mut all = BTreeMap::<(String, String), Tally>::new();
    for metric in [builtin::HTTP_REQS, builtin::HTTP_REQ_FAILED, builtin::HTTP_REQ_DURATION] {
        for (key, sink) in of_endpoints(totals, metric) {
            let tally = all.entry(key).or_default();
            match sink {
                Sink::Counter(counter) => tally.count += counter.sum as u64,
                Sink::Rate(rate) => tally.failed += rate.trues,
                Sink::Trend(trend) => tally.durations.merge(trend),
                Sink::Gauge(_) => {}
            }
        }
    }
    for metric in [builtin::DATA_SENT, builtin::DATA_RECEIVED] {
        for (key, sink) in of_endpoints(totals, metric) {
            // Bytes of WebSockets are no endpoint's.
            let (Some(tally), Sink::Counter(counter)) = (all.get_mut(&key), sink) else { continue };
            match metric {
                builtin::DATA_SENT => tally.sent += counter.sum as u64,
                _ => tally.received += counter.sum as u64,
            }
        }
    }
    let mut all: Vec<_> = all
        .into_iter()
        .map(|((method, name), it)| EndpointSummary {
            method,
            name,
            count: it.count,
            failed: it.failed,
            sent: it.sent,
            received: it.received,
            duration: Percentiles::of(&it.durations),
        })
        .collect();
    // The sort is stable: those with as many stay sorted by method and name.
    all.sort_by_key(|endpoint| std::cmp::Reverse(endpoint.count));
    all
}

fn of_endpoints(
    totals: &Totals,
    metric: MetricId,
) -> impl Iterator<Item = ((String, String), &Sink)> {
    totals.series(metric).map(|(tags, sink)| (endpoint(&tags), sink))
}

/// The method and the name of requests with these tags.
pub(crate) fn endpoint(tags: &Tags) -> (String, String) {
    let name = match tags.get("name") {
        Some(name) => name,
        None if tags.get(OVERFLOW_TAG.0).is_some() => "other requests",
        None => "requests without a name",
    };
    (tags.get("method").unwrap_or_default().to_owned(), name.to_owned())
}
