//! A rate that changes linearly from stage to stage.

use std::time::Duration;

use super::{Curve, Pacer, nanoseconds};

/// A rate that goes from stage to stage in straight lines.
///
/// ```text
/// N(t) = ∫ r dt           iterations asked for until t
/// due(n): N(due(n)) = n
///
/// In a stage from rate f to rate g (in each time unit U) of length D, with N iterations before it:
/// 2·f·τ + (g − f)·τ²/D = x,   x = 2·U·(n − N),   so
/// τ = x / (f + √(f² + (g − f)·x / D))
/// ```
///
/// The form of the root with the sum below is the one without cancellation, for rising and falling rates
/// alike. How many iterations come before each stage is an integer multiple of 1/2U and is kept as one, so
/// that totals are exact; only the moment within a stage is a floating-point number, rounded down to the
/// nanosecond.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RampingPacer {
    /// Nanoseconds.
    time_unit: u64,
    stages: Vec<Line>,
    /// All iterations, times 2U.
    total: u128,
}

/// The rate within one stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Line {
    /// Nanoseconds from the start.
    begin: u64,
    /// Nanoseconds; more than zero.
    length: u64,
    /// Iterations in a time unit.
    from: u32,
    to: u32,
    /// Iterations asked for before it, times 2U.
    before: u128,
}

impl Line {
    /// Iterations asked for in it, times 2U.
    fn all(&self) -> u128 {
        (u128::from(self.from) + u128::from(self.to)) * u128::from(self.length)
    }

    /// The moment from the start at which `x` / 2U of its iterations have been due.
    fn reached(&self, x: f64) -> Duration {
        let (from, to, length) = (f64::from(self.from), f64::from(self.to), self.length as f64);
        let root = (from * from + (to - from) * x / length).max(0.0).sqrt();
        let offset = if x > 0.0 { x / (from + root) } else { 0.0 };
        // A cast saturates, and the last nanosecond of a stage is still in it.
        let offset = (offset as u64).min(self.length - 1);
        Duration::from_nanos(self.begin.saturating_add(offset))
    }
}

impl RampingPacer {
    /// Returns a pacer that starts at `start_rate` and goes through stages, each a length and the rate at
    /// its end; rates are iterations in each `time_unit`.
    ///
    /// Lengths over 584 years count as 584 years. An empty time unit paces nothing.
    pub fn new(
        start_rate: u32,
        stages: impl IntoIterator<Item = (Duration, u32)>,
        time_unit: Duration,
    ) -> Self {
        let time_unit = nanoseconds(time_unit);
        let (mut begin, mut from, mut total) = (0_u64, start_rate, 0_u128);
        let mut lines = Vec::new();
        for (length, to) in stages {
            let line = Line { begin, length: nanoseconds(length), from, to, before: total };
            begin = begin.saturating_add(line.length);
            total = total.saturating_add(line.all());
            from = to;
            // One without length is a jump: the next starts from its target.
            if line.length > 0 && line.all() > 0 && time_unit > 0 {
                lines.push(line);
            }
        }
        Self { time_unit, stages: lines, total }
    }

    /// The stage in which `scaled` / 2U iterations are reached.
    fn stage(&self, scaled: u128) -> Option<&Line> {
        if scaled >= self.total {
            return None;
        }
        let next = self.stages.partition_point(|line| line.before <= scaled);
        self.stages.get(next.checked_sub(1)?)
    }
}

impl Pacer for RampingPacer {
    fn due(&self, n: u64) -> Option<Duration> {
        let scaled = (u128::from(n) * 2).saturating_mul(self.time_unit.into());
        let line = self.stage(scaled)?;
        Some(line.reached((scaled - line.before) as f64))
    }

    fn rate(&self, elapsed: Duration) -> f64 {
        let elapsed = nanoseconds(elapsed);
        let next = self.stages.partition_point(|line| line.begin <= elapsed);
        let line = next.checked_sub(1).and_then(|place| self.stages.get(place));
        let Some(line) = line.filter(|line| elapsed - line.begin < line.length) else {
            return 0.0;
        };
        let share = (elapsed - line.begin) as f64 / line.length as f64;
        let rate = f64::from(line.from) + (f64::from(line.to) - f64::from(line.from)) * share;
        rate * 1e9 / self.time_unit as f64
    }

    fn corners(&self) -> Vec<Duration> {
        let ends = |line: &Line| [line.begin, line.begin.saturating_add(line.length)];
        let mut corners: Vec<u64> = self.stages.iter().flat_map(ends).collect();
        corners.dedup();
        corners.into_iter().map(Duration::from_nanos).collect()
    }

    fn total(&self) -> f64 {
        if self.time_unit == 0 { 0.0 } else { self.total as f64 / (2.0 * self.time_unit as f64) }
    }
}

impl Curve for RampingPacer {
    fn reached(&self, count: f64) -> Option<Duration> {
        let scaled = count * 2.0 * self.time_unit as f64;
        // A cast takes what is negative or no number for zero.
        let line = self.stage(scaled as u128)?;
        Some(line.reached(scaled - line.before as f64))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn pacer(start: u32, stages: &[(u64, u32)], unit: Duration) -> RampingPacer {
        let stages = stages.iter().map(|&(millis, to)| (Duration::from_millis(millis), to));
        RampingPacer::new(start, stages, unit)
    }

    fn count(pacer: &RampingPacer) -> u64 {
        (0..).take_while(|&n| pacer.due(n).is_some()).count() as u64
    }

    #[test]
    fn as_many_iterations_are_due_as_lie_under_the_line() {
        for (start, stages, unit, total, why) in [
            (0, &[(10_000, 10)][..], SECOND, 50, "a ramp up"),
            (10, &[(10_000, 0)], SECOND, 50, "a ramp down"),
            (10, &[(10_000, 10)], SECOND, 100, "level"),
            (0, &[(0, 10), (5_000, 10)], SECOND, 50, "a jump and a level"),
            (0, &[(600_000, 10)], Duration::from_mins(1), 50, "ten a minute after ten minutes"),
            (0, &[(1_000, 0), (1_000, 2), (1_000, 2)], SECOND, 3, "nothing first"),
            (0, &[(1_000, 1)], SECOND, 1, "half of one is one that starts at once"),
            (5, &[], SECOND, 0, "no stages"),
            (5, &[(1_000, 5)], Duration::ZERO, 0, "an empty unit"),
        ] {
            assert_eq!(count(&pacer(start, stages, unit)), total, "{why}");
        }
    }

    #[test]
    fn iterations_come_where_the_line_says() {
        let ramp = pacer(0, &[(10_000, 10), (10_000, 10)], SECOND);
        for (n, seconds) in
            [(0, 0.0), (1, 2_f64.sqrt()), (8, 4.0), (32, 8.0), (50, 10.0), (60, 11.0)]
        {
            let due = ramp.due(n).expect("it is within").as_secs_f64();
            assert!((due - seconds).abs() < 1e-8, "{n} at {due} and not {seconds}");
        }
        let fall = pacer(10, &[(10_000, 0)], SECOND);
        let due = fall.due(42).expect("it is within").as_secs_f64();
        assert!((due - 6.0).abs() < 1e-8, "{due}");
    }

    #[test]
    fn corners_are_where_the_rate_jumps_or_takes_another_course() {
        for (stages, millis, why) in [
            (&[(10, 5), (20, 5)][..], &[0, 10, 30][..], "a stage begins where the last ends"),
            (&[(10, 5), (0, 9), (20, 5)], &[0, 10, 30], "a jump is a moment"),
            (&[(10, 5), (0, 0), (20, 0), (5, 3)], &[0, 10, 30, 35], "where nothing is due is none"),
        ] {
            let corners = pacer(0, stages, SECOND).corners();
            let millis: Vec<_> = millis.iter().copied().map(Duration::from_millis).collect();
            assert_eq!(corners, millis, "{why}");
        }
    }

    prop_compose! {
        fn ramps()(
            start in 0..200_u32,
            stages in proptest::collection::vec((0..3_000_u64, 0..200_u32), 1..5),
            unit in 1..2_000_u64,
        ) -> RampingPacer {
            pacer(start, &stages, Duration::from_millis(unit.max(100)))
        }
    }

    proptest! {
        #[test]
        fn due_never_decreases_and_its_number_is_the_total(pacer in ramps()) {
            let all: Vec<_> = (0..).map_while(|n| pacer.due(n)).collect();
            prop_assert!(all.is_sorted());
            prop_assert_eq!(all.len() as f64, pacer.total().ceil());
            prop_assert_eq!(pacer.due(all.len() as u64), None);
            prop_assert_eq!(pacer.due(u64::MAX), None);
        }

        #[test]
        fn a_second_holds_as_many_as_the_mean_of_its_ends_says(
            start in 0..50_000_u32,
            end in 0..50_000_u32,
            seconds in 1..100_u64,
            at in 0..100_u64,
        ) {
            let at = at % seconds;
            let pacer = pacer(start, &[(seconds * 1_000, end)], SECOND);
            let rate = |at| pacer.rate(Duration::from_secs(at));
            let middle = pacer.rate(Duration::from_millis(at * 1_000 + 500));
            // How many are due before a moment, by bisection.
            let before = |moment: Duration| {
                let (mut low, mut high) = (0_u64, 5_000_000);
                while low < high {
                    let n = low.midpoint(high);
                    if pacer.due(n).is_some_and(|due| due < moment) { low = n + 1 } else { high = n }
                }
                low
            };
            let within = before(Duration::from_secs(at + 1)) - before(Duration::from_secs(at));
            prop_assert!((within as f64 - middle).abs() <= 1.0 + 1e-6, "{within} {middle} {}", rate(at));
        }

        #[test]
        fn lengths_and_rates_of_any_size_do_not_overflow(
            start: u32,
            stages in proptest::collection::vec((any::<u64>(), any::<u32>()), 0..4),
            unit: u64,
            n: u64,
        ) {
            let stages = stages.into_iter().map(|(length, to)| (Duration::from_nanos(length), to));
            let pacer = RampingPacer::new(start, stages, Duration::from_nanos(unit));
            let _ = pacer.due(n);
            let _ = pacer.reached(n as f64);
            prop_assert!(pacer.rate(Duration::from_nanos(n)).is_finite());
        }
    }
}
