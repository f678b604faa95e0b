//! Each metric over time, for a whole run and in memory that is bounded however long it lasts.

use std::ops::Range;
use std::time::Duration;

use crate::distribution::finite_sum;
use crate::{Collected, MetricId, Sink, Sketch};

/// Slots that there are at most: twenty minutes of seconds.
const MOST_SLOTS: usize = 1_200;
/// Buckets of sketches that all slots have at most, together: some 12 MiB, and 48 if each has a great many samples.
const MOST_BUCKETS: usize = 4 << 20;

/// What was measured of each metric, slot by slot: at first a slot is a second.
///
/// When there are 1,200 slots, or when their [sketches](Sketch) have more than four million buckets, each two neighbours become one and a
/// slot is twice as long. So a run of an hour has slots of four seconds, and at least 600 of them. Merging is exact: counts,
/// extremes and sketches are those that the longer slots would have had from the start, sums so to rounding.
///
/// What is [added](Self::add) belongs to the slot that has the middle of its time, so that what is collected a moment after a
/// second has ended is not counted in the next.
#[derive(Clone, Debug)]
pub struct Timeline {
    most_slots: usize,
    most_buckets: usize,
    /// Seconds a slot: a power of two.
    width: u32,
    /// How much time was measured in each slot.
    measured: Vec<Duration>,
    /// By number of the metric; shorter where it has nothing at the end.
    tracks: Vec<Vec<Slot>>,
    /// Buckets of all sketches together.
    buckets: usize,
}

/// What was measured of a metric in a part of a run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Slot {
    /// How many samples there were; of a gauge, how often it was collected.
    pub count: u64,
    /// The sum of the samples: of a rate how many were not zero, of a gauge that of its latest values.
    pub sum: f64,
    /// The smallest sample of a gauge or a trend; 0 where there are none.
    pub min: f64,
    /// The largest sample of a gauge or a trend; 0 where there are none.
    pub max: f64,
    /// The latest value of a gauge.
    pub last: f64,
    /// How the samples of a trend are spread.
    pub sketch: Sketch,
}

impl Slot {
    /// The mean of a trend or of a gauge, the share of a rate; 0 where there are no samples.
    #[must_use]
    pub fn mean(&self) -> f64 {
        if self.count == 0 { 0.0 } else { self.sum / self.count as f64 }
    }

    /// The value that a share `q` (0 to 1) of a trend's samples do not exceed, as precise as a [`Sketch`] is.
    #[must_use]
    pub fn quantile(&self, q: f64) -> f64 {
        if self.count == 0 { 0.0 } else { self.sketch.quantile(q).max(self.min).min(self.max) }
    }

    /// Adds what came after it.
    pub fn merge(&mut self, later: &Self) {
        if later.count == 0 {
            return;
        }
        if self.count == 0 {
            self.clone_from(later);
            return;
        }
        self.count = self.count.saturating_add(later.count);
        self.sum = finite_sum(self.sum, later.sum);
        self.min = self.min.min(later.min);
        self.max = self.max.max(later.max);
        self.last = later.last;
        self.sketch.merge(&later.sketch);
    }

    /// What was measured of a metric in one go.
    #[must_use]
    pub fn of(sink: &Sink) -> Self {
        let none = Self::default();
        match sink {
            Sink::Counter(counter) => Self { count: counter.count, sum: counter.sum, ..none },
            Sink::Rate(rate) => Self { count: rate.total, sum: rate.trues as f64, ..none },
            Sink::Gauge(gauge) => Self {
                count: 1,
                sum: gauge.last,
                min: gauge.min,
                max: gauge.max,
                last: gauge.last,
                ..none
            },
            Sink::Trend(trend) => Self {
                count: trend.count(),
                sum: trend.sum(),
                min: trend.min(),
                max: trend.max(),
                sketch: trend.sketch(),
                ..none
            },
        }
    }
}

impl Default for Timeline {
    fn default() -> Self {
        Self::new()
    }
}

impl Timeline {
    /// One in which nothing was measured yet.
    #[must_use]
    pub fn new() -> Self {
        Self::bounded(MOST_SLOTS, MOST_BUCKETS)
    }

    fn bounded(most_slots: usize, most_buckets: usize) -> Self {
        Self {
            most_slots,
            most_buckets,
            width: 1,
            measured: Vec::new(),
            tracks: Vec::new(),
            buckets: 0,
        }
    }

    /// Adds what was collected between two moments, counted from the start of the load. What took no time, as what comes
    /// after the load does, is added to the last slot.
    pub fn add(&mut self, time: Range<Duration>, collected: &Collected) {
        let place = match self.measured.len().checked_sub(1) {
            Some(last) if time.is_empty() => last,
            _ => self.place(&time),
        };
        self.measured[place] += time.end.saturating_sub(time.start);
        for (metric, sink) in collected.metrics() {
            if self.tracks.len() <= metric.index() {
                self.tracks.resize_with(metric.index() + 1, Vec::new);
            }
            let track = &mut self.tracks[metric.index()];
            if track.len() <= place {
                track.resize_with(place + 1, Slot::default);
            }
            let slot = &mut track[place];
            self.buckets -= slot.sketch.len();
            slot.merge(&Slot::of(sink));
            self.buckets += slot.sketch.len();
        }
        while self.buckets > self.most_buckets && self.measured.len() > 1 {
            self.roll_up();
        }
    }

    /// The slot that has the middle of a time; made if it is not there.
    fn place(&mut self, time: &Range<Duration>) -> usize {
        let middle = time.start + time.end.saturating_sub(time.start) / 2;
        loop {
            let place = middle.as_secs() / u64::from(self.width);
            match usize::try_from(place) {
                Ok(place) if place < self.most_slots => {
                    if self.measured.len() <= place {
                        self.measured.resize(place + 1, Duration::ZERO);
                    }
                    return place;
                }
                // Longer than a slot can be said to be: 136 years.
                _ if self.width > u32::MAX / 2 => {
                    self.measured.resize(self.measured.len().max(1), Duration::ZERO);
                    return self.measured.len() - 1;
                }
                _ => self.roll_up(),
            }
        }
    }

    /// Makes one slot of each two.
    fn roll_up(&mut self) {
        self.width *= 2;
        self.measured = self.measured.chunks(2).map(|pair| pair.iter().sum()).collect();
        self.buckets = 0;
        for track in &mut self.tracks {
            let mut slots = std::mem::take(track).into_iter();
            while let Some(mut slot) = slots.next() {
                if let Some(later) = slots.next() {
                    slot.merge(&later);
                }
                self.buckets += slot.sketch.len();
                track.push(slot);
            }
        }
    }

    /// How long a slot is: whole seconds, a power of two.
    #[must_use]
    pub fn width(&self) -> Duration {
        Duration::from_secs(self.width.into())
    }

    /// How many slots there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.measured.len()
    }

    /// Whether nothing was measured.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.measured.is_empty()
    }

    /// How much time was measured in each slot: less than its width at the end, and what a rate is to be divided by.
    #[must_use]
    pub fn measured(&self) -> &[Duration] {
        &self.measured
    }

    /// What was measured of a metric: its slots from the first on. Those that are missing at the end have no samples.
    #[must_use]
    pub fn track(&self, metric: MetricId) -> &[Slot] {
        self.tracks.get(metric.index()).map_or(&[], Vec::as_slice)
    }

    /// The slots that begin in a part of the run.
    #[must_use]
    pub fn slots_in(&self, time: Range<Duration>) -> Range<usize> {
        let place = |moment: Duration| {
            let slots = moment.as_nanos().div_ceil(self.width().as_nanos());
            usize::try_from(slots).unwrap_or(usize::MAX).min(self.measured.len())
        };
        let from = place(time.start);
        from..place(time.end).max(from)
    }

    /// What was measured of a metric in some slots, together.
    #[must_use]
    pub fn over(&self, metric: MetricId, slots: Range<usize>) -> Slot {
        let track = self.track(metric);
        let end = slots.end.min(track.len());
        let mut all = Slot::default();
        for slot in &track[slots.start.min(end)..end] {
            all.merge(slot);
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{Recorder, Registry, Shards, Tags, Totals, builtin};

    const METRICS: [MetricId; 4] =
        [builtin::HTTP_REQS, builtin::CHECKS, builtin::VUS, builtin::HTTP_REQ_DURATION];

    /// Records and collects second by second.
    struct Measuring {
        totals: Totals,
        recorder: Recorder,
        collected: Collected,
    }

    impl Measuring {
        fn new() -> Self {
            let shards = Shards::new(Registry::new(), 1);
            let totals = Totals::new(&shards);
            Self { collected: totals.collected(), totals, recorder: shards.recorder(0) }
        }

        fn collect(&mut self, samples: &[f64]) -> &Collected {
            for metric in METRICS {
                let series = self.recorder.registry().series(metric, &Tags::new());
                for sample in samples {
                    // Not more digits than a sum keeps, so that it does not depend on the order.
                    let value = if metric == builtin::CHECKS { sample % 2.0 } else { *sample };
                    self.recorder.record(series, value);
                }
            }
            self.totals.collect();
            self.totals.hand_over(&mut self.collected);
            &self.collected
        }
    }

    fn seconds(n: u64) -> Duration {
        Duration::from_secs(n)
    }

    fn timeline(samples: &[Vec<f64>], most_slots: usize, most_buckets: usize) -> Timeline {
        let mut measuring = Measuring::new();
        let mut timeline = Timeline::bounded(most_slots, most_buckets);
        for (second, samples) in samples.iter().enumerate() {
            let from = seconds(second as u64);
            timeline.add(from..from + seconds(1), measuring.collect(samples));
        }
        timeline
    }

    #[test]
    fn each_kind_is_kept_second_by_second() {
        let all = timeline(&[vec![1.0, 3.0], vec![], vec![2.0, 7.0, 4.0]], 100, 1_000);
        assert_eq!((all.len(), all.width()), (3, seconds(1)));
        let of = |metric, place: usize| {
            let slot: &Slot = &all.track(metric)[place];
            (slot.count, slot.sum, slot.min, slot.max, slot.last)
        };
        assert_eq!(of(builtin::HTTP_REQS, 0), (2, 4.0, 0.0, 0.0, 0.0));
        assert_eq!(of(builtin::HTTP_REQS, 1).0, 0);
        assert_eq!(of(builtin::CHECKS, 2), (3, 1.0, 0.0, 0.0, 0.0));
        assert_eq!(of(builtin::VUS, 2), (1, 4.0, 2.0, 7.0, 4.0));
        assert_eq!(of(builtin::HTTP_REQ_DURATION, 2), (3, 13.0, 2.0, 7.0, 0.0));
        let durations = all.over(builtin::HTTP_REQ_DURATION, 0..3);
        assert_eq!((durations.count, durations.mean(), durations.max), (5, 3.4, 7.0));
        assert!((durations.quantile(0.5) - 3.0).abs() < 3.0 / 64.0);
        assert!(all.track(builtin::TRAPS).is_empty());
        assert_eq!(all.over(builtin::TRAPS, 0..9), Slot::default());
    }

    #[test]
    fn what_is_collected_late_belongs_to_the_second_it_was_measured_in() {
        let mut measuring = Measuring::new();
        let mut timeline = Timeline::new();
        let ms = Duration::from_millis;
        for (from, to, slot, why) in [
            (0, 1_003, 0, "a second that ended a little late"),
            (1_003, 2_001, 1, "the next one"),
            (2_001, 5_600, 3, "the engine was held up: the middle counts"),
            (5_600, 6_000, 5, "what was left of that second"),
            (6_000, 6_040, 6, "the end"),
            (9_000, 9_000, 6, "what came after it"),
        ] {
            timeline.add(ms(from)..ms(to), measuring.collect(&[1.0]));
            assert_eq!(timeline.track(builtin::HTTP_REQS).len() - 1, slot, "{why}");
        }
        let measured: Vec<_> = timeline.measured().iter().map(Duration::as_millis).collect();
        assert_eq!(measured, [1_003, 998, 0, 3_599, 0, 400, 40]);
    }

    #[test]
    fn a_part_of_a_run_has_the_slots_that_begin_in_it() {
        let all = timeline(&vec![vec![1.0]; 10], 8, 1_000);
        assert_eq!((all.width(), all.len()), (seconds(2), 5));
        for (from, to, slots) in
            [(0, 10, 0..5), (0, 4, 0..2), (4, 7, 2..4), (7, 8, 4..4), (3, 99, 2..5), (50, 60, 5..5)]
        {
            assert_eq!(all.slots_in(seconds(from)..seconds(to)), slots, "{from} to {to}");
        }
        assert_eq!(all.slots_in(Duration::ZERO..Duration::MAX), 0..5);
    }

    #[test]
    fn a_moment_beyond_all_slots_is_in_the_last() {
        let mut timeline = Timeline::bounded(2, 100);
        let mut measuring = Measuring::new();
        timeline.add(Duration::ZERO..seconds(1), measuring.collect(&[1.0]));
        timeline.add(seconds(5)..Duration::MAX, measuring.collect(&[2.0]));
        assert_eq!(timeline.over(builtin::HTTP_REQS, 0..timeline.len()).sum, 3.0);
    }

    proptest! {
        #[test]
        fn rolled_up_it_is_what_the_whole_is_and_no_larger_than_it_may_be(
            samples in prop::collection::vec(prop::collection::vec(0_u32..5_000, 0..8), 1..60),
            most_slots in 2_usize..9,
            most_buckets in 1_usize..60,
        ) {
            let samples: Vec<Vec<f64>> = samples
                .into_iter()
                .map(|second| second.into_iter().map(f64::from).collect())
                .collect();
            let fine = timeline(&samples, 1_000, 1_000_000);
            let rolled = timeline(&samples, most_slots, most_buckets);
            prop_assert!(rolled.len() <= most_slots);
            prop_assert!(rolled.buckets <= most_buckets || rolled.len() == 1);
            let buckets = rolled.tracks.iter().flatten().map(|slot| slot.sketch.len());
            prop_assert_eq!(buckets.sum::<usize>(), rolled.buckets);
            let seconds_a_slot = rolled.width as usize;
            for metric in METRICS {
                for place in 0..rolled.len() {
                    let from = place * seconds_a_slot;
                    prop_assert_eq!(
                        rolled.over(metric, place..place + 1),
                        fine.over(metric, from..from + seconds_a_slot)
                    );
                }
            }
            let whole = |timeline: &Timeline| timeline.measured().iter().sum::<Duration>();
            prop_assert_eq!(whole(&rolled), whole(&fine));
        }
    }
}
