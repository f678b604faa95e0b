//! What was measured since the run began, by series, for servers that are told how much there is in all and not what came.
//!
//! So a second that a server was not told of costs it the finer course of things, and no count.

use std::collections::BTreeMap;

use metrics::{Collected, Contains, Distribution, Exponential, Kind, SeriesId, Sink};

use crate::redacted::Redactor;

/// All of a run so far.
#[derive(Debug)]
pub(super) struct Cumulative<S> {
    /// What is in no name and no tag.
    secrets: Redactor,
    all: BTreeMap<SeriesId, Series<S>>,
}

/// A series of it.
#[derive(Debug)]
pub(super) struct Series<S> {
    /// The metric's name.
    pub(super) name: String,
    pub(super) kind: Kind,
    pub(super) contains: Contains,
    /// Without secrets, sorted.
    pub(super) tags: Vec<(String, String)>,
    pub(super) value: Value<S>,
    /// Whether there were samples in the last second.
    pub(super) is_news: bool,
}

/// What its samples come to.
#[derive(Debug)]
pub(super) enum Value<S> {
    Counter(f64),
    Gauge(f64),
    Rate { passes: u64, fails: u64 },
    Trend(S),
}

/// What is kept of a trend.
pub(super) trait Spread: std::fmt::Debug + Send {
    /// Nothing yet, of a trend of this.
    fn of(contains: Contains) -> Self;

    fn add(&mut self, contains: Contains, samples: &Distribution);
}

impl<S: Spread> Cumulative<S> {
    pub(super) fn new(secrets: Redactor) -> Self {
        Self { secrets, all: BTreeMap::new() }
    }

    /// Adds what came in a second.
    pub(super) fn add(&mut self, collected: &Collected) {
        self.all.values_mut().for_each(|series| series.is_news = false);
        for (id, sink) in collected.series() {
            let Self { secrets, all } = self;
            let series = all.entry(id).or_insert_with(|| {
                let registry = collected.registry();
                let (metric, tags) = registry.series_info(id);
                let metric = registry.metric(metric);
                let shown = |text| secrets.shown(text).into_owned();
                Series {
                    name: shown(&metric.name),
                    kind: metric.kind,
                    contains: metric.contains,
                    tags: tags.iter().map(|(key, value)| (shown(key), shown(value))).collect(),
                    value: Value::new(metric.kind, metric.contains),
                    is_news: true,
                }
            });
            series.is_news = true;
            series.value.add(series.contains, sink);
        }
    }

    /// Each series there was a sample of.
    pub(super) fn all(&self) -> impl Iterator<Item = (SeriesId, &Series<S>)> {
        self.all.iter().map(|(id, series)| (*id, series))
    }
}

impl<S: Spread> Value<S> {
    fn new(kind: Kind, contains: Contains) -> Self {
        match kind {
            Kind::Counter => Self::Counter(0.0),
            Kind::Gauge => Self::Gauge(0.0),
            Kind::Rate => Self::Rate { passes: 0, fails: 0 },
            Kind::Trend => Self::Trend(S::of(contains)),
        }
    }

    fn add(&mut self, contains: Contains, sink: &Sink) {
        match (self, sink) {
            (Self::Counter(sum), Sink::Counter(counter)) => {
                *sum = (*sum + counter.sum).clamp(f64::MIN, f64::MAX);
            }
            (Self::Gauge(last), Sink::Gauge(gauge)) => *last = gauge.last,
            (Self::Rate { passes, fails }, Sink::Rate(rate)) => {
                *passes = passes.saturating_add(rate.trues);
                *fails = fails.saturating_add(rate.total - rate.trues);
            }
            (Self::Trend(spread), Sink::Trend(trend)) => spread.add(contains, trend),
            // A metric's kind never changes.
            _ => {}
        }
    }
}

/// In the metric's own unit.
impl Spread for Exponential {
    fn of(_contains: Contains) -> Self {
        Self::default()
    }

    fn add(&mut self, _contains: Contains, samples: &Distribution) {
        self.add(samples, 1.0);
    }
}
