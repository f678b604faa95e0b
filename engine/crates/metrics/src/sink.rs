//! What the samples of a series are folded into.

use crate::distribution::finite_sum;
use crate::{Distribution, Kind};

/// A sum.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Counter {
    /// The sum of the samples. It stops at the largest finite number.
    pub sum: f64,
    /// How many samples there were.
    pub count: u64,
}

impl Counter {
    /// Adds the samples of another.
    pub fn merge(&mut self, other: &Self) {
        self.sum = finite_sum(self.sum, other.sum);
        self.count = self.count.saturating_add(other.count);
    }
}

/// The latest value, and the extremes on the way to it.
///
/// Threads have no order among them, so "latest" is to the tick: of two gauges, the one
/// [collected](crate::Totals::collect) later. Within one tick the shard of the higher number wins, and
/// within a shard the order is that of recording. Gauges that matter are set by one thread.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Gauge {
    /// The latest sample.
    pub last: f64,
    /// The smallest sample.
    pub min: f64,
    /// The largest sample.
    pub max: f64,
    /// How many samples there were.
    pub count: u64,
    /// The tick that collected `last`; 0 in a shard, where it is not collected yet.
    pub(crate) tick: u64,
}

impl Gauge {
    /// Takes in another: the wider extremes, and its latest value unless that was collected earlier.
    pub fn merge(&mut self, other: &Self) {
        if other.count == 0 {
            return;
        }
        if self.count == 0 {
            *self = *other;
            return;
        }
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
        self.count = self.count.saturating_add(other.count);
        if other.tick >= self.tick {
            self.last = other.last;
            self.tick = other.tick;
        }
    }

    fn record(&mut self, value: f64) {
        self.merge(&Self { last: value, min: value, max: value, count: 1, tick: self.tick });
    }
}

/// How often it was so.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rate {
    /// Samples that were not zero.
    pub trues: u64,
    /// All samples.
    pub total: u64,
}

impl Rate {
    /// The share of samples that were not zero, from 0 to 1; 0 where there are none.
    pub fn rate(&self) -> f64 {
        if self.total == 0 { 0.0 } else { self.trues as f64 / self.total as f64 }
    }

    /// Adds the samples of another.
    pub fn merge(&mut self, other: &Self) {
        self.trues = self.trues.saturating_add(other.trues);
        self.total = self.total.saturating_add(other.total);
    }
}

/// What the samples of a series are folded into, by the kind of its metric.
#[derive(Clone, Debug)]
#[expect(clippy::large_enum_variant, reason = "the many are boxed, and trends are most of them")]
pub enum Sink {
    /// A sum.
    Counter(Counter),
    /// The latest value.
    Gauge(Gauge),
    /// A share.
    Rate(Rate),
    /// A distribution.
    Trend(Distribution),
}

impl Sink {
    /// The empty sink of a kind.
    pub fn new(kind: Kind) -> Self {
        match kind {
            Kind::Counter => Self::Counter(Counter::default()),
            Kind::Gauge => Self::Gauge(Gauge::default()),
            Kind::Rate => Self::Rate(Rate::default()),
            Kind::Trend => Self::Trend(Distribution::default()),
        }
    }

    /// The kind of metric it is for.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Counter(_) => Kind::Counter,
            Self::Gauge(_) => Kind::Gauge,
            Self::Rate(_) => Kind::Rate,
            Self::Trend(_) => Kind::Trend,
        }
    }

    /// How many samples there were.
    pub fn count(&self) -> u64 {
        match self {
            Self::Counter(counter) => counter.count,
            Self::Gauge(gauge) => gauge.count,
            Self::Rate(rate) => rate.total,
            Self::Trend(trend) => trend.count(),
        }
    }

    /// Whether there were no samples.
    pub fn is_empty(&self) -> bool {
        self.count() == 0
    }

    /// Adds one sample. One that is not finite is ignored; a [`Recorder`](crate::Recorder) counts
    /// those.
    pub fn record(&mut self, value: f64) {
        if !value.is_finite() {
            return;
        }
        match self {
            Self::Counter(counter) => counter.merge(&Counter { sum: value, count: 1 }),
            Self::Gauge(gauge) => gauge.record(value),
            Self::Rate(rate) => rate.merge(&Rate { trues: u64::from(value != 0.0), total: 1 }),
            Self::Trend(trend) => trend.record(value),
        }
    }

    /// Adds the samples of another sink.
    ///
    /// # Panics
    ///
    /// Where the two are of different kinds: those of one metric never are.
    pub fn merge(&mut self, other: &Self) {
        match (self, other) {
            (Self::Counter(mine), Self::Counter(theirs)) => mine.merge(theirs),
            (Self::Gauge(mine), Self::Gauge(theirs)) => mine.merge(theirs),
            (Self::Rate(mine), Self::Rate(theirs)) => mine.merge(theirs),
            (Self::Trend(mine), Self::Trend(theirs)) => mine.merge(theirs),
            (mine, theirs) => panic!("a {} cannot take in a {}", mine.kind(), theirs.kind()),
        }
    }

    /// Forgets all samples and keeps the memory for the next.
    pub fn clear(&mut self) {
        match self {
            Self::Counter(counter) => *counter = Counter::default(),
            Self::Gauge(gauge) => *gauge = Gauge::default(),
            Self::Rate(rate) => *rate = Rate::default(),
            Self::Trend(trend) => trend.clear(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KINDS: [Kind; 4] = [Kind::Counter, Kind::Gauge, Kind::Rate, Kind::Trend];

    fn of(kind: Kind, samples: &[f64]) -> Sink {
        let mut sink = Sink::new(kind);
        for &sample in samples {
            sink.record(sample);
        }
        sink
    }

    fn gauge(samples: &[f64], tick: u64) -> Gauge {
        let Sink::Gauge(mut gauge) = of(Kind::Gauge, samples) else { unreachable!() };
        gauge.tick = tick;
        gauge
    }

    #[test]
    fn each_kind_folds_samples_in_its_way() {
        let samples = [3.0, 0.0, -1.0, 2.0];
        let Sink::Counter(counter) = of(Kind::Counter, &samples) else { unreachable!() };
        assert_eq!(counter, Counter { sum: 4.0, count: 4 });
        let gauge = gauge(&samples, 0);
        assert_eq!((gauge.last, gauge.min, gauge.max, gauge.count), (2.0, -1.0, 3.0, 4));
        let Sink::Rate(rate) = of(Kind::Rate, &samples) else { unreachable!() };
        assert_eq!((rate, rate.rate()), (Rate { trues: 3, total: 4 }, 0.75));
        let Sink::Trend(trend) = of(Kind::Trend, &samples) else { unreachable!() };
        assert_eq!((trend.count(), trend.sum()), (4, 4.0));
    }

    #[test]
    fn sinks_are_empty_until_the_first_sample_and_again_once_cleared() {
        for kind in KINDS {
            let mut sink = Sink::new(kind);
            assert_eq!((sink.kind(), sink.is_empty()), (kind, true));
            sink.record(f64::NAN);
            sink.record(f64::INFINITY);
            assert!(sink.is_empty(), "{kind}: what is not finite is no sample");
            sink.record(0.0);
            assert_eq!(sink.count(), 1, "{kind}: zero is a sample");
            sink.clear();
            assert!(sink.is_empty(), "{kind}");
        }
        assert_eq!(Rate::default().rate(), 0.0);
    }

    #[test]
    fn merged_halves_equal_the_whole() {
        let (all, left, right) = ([5.0, 0.0, 7.0, 1.0], [5.0, 0.0], [7.0, 1.0]);
        for kind in KINDS {
            let mut merged = of(kind, &left);
            merged.merge(&of(kind, &right));
            merged.merge(&Sink::new(kind));
            // A distribution's own tests compare its buckets.
            assert_eq!(format!("{merged:?}"), format!("{:?}", of(kind, &all)), "{kind}");
        }
    }

    #[test]
    fn of_two_gauges_the_later_collected_is_the_latest() {
        for (mine, theirs, last, why) in [
            ((1.0, 1), (2.0, 2), 2.0, "the other was collected later"),
            ((1.0, 2), (2.0, 1), 1.0, "the other was collected earlier"),
            ((1.0, 1), (2.0, 1), 2.0, "in one tick, the one merged second"),
        ] {
            let mut merged = gauge(&[mine.0], mine.1);
            merged.merge(&gauge(&[theirs.0], theirs.1));
            assert_eq!((merged.last, merged.min, merged.max), (last, 1.0, 2.0), "{why}");
        }
        let mut untouched = gauge(&[1.0], 1);
        untouched.merge(&Gauge { tick: 9, ..Gauge::default() });
        assert_eq!(untouched, gauge(&[1.0], 1), "an empty gauge changes nothing");
    }

    #[test]
    #[should_panic(expected = "a rate cannot take in a gauge")]
    fn sinks_of_two_kinds_do_not_merge() {
        Sink::new(Kind::Rate).merge(&Sink::new(Kind::Gauge));
    }
}
