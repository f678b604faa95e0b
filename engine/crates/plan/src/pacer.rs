//! Decides when iterations are due.
//!
//! Nothing here knows the time: a [`Pacer`] maps the numbers of iterations to offsets from the start of
//! their scenario, and `run` holds them against a clock. Agent `k` of `m` runs the iterations whose
//! number leaves `k` when divided by `m`, so that no rate is ever divided and nothing is lost in it.

use std::fmt;
use std::num::NonZeroU32;
use std::time::Duration;

mod poisson;
mod ramping;
mod trace;

pub use poisson::PoissonPacer;
pub use ramping::RampingPacer;
pub use trace::TracePacer;

/// When each iteration is due.
pub trait Pacer: fmt::Debug + Send + Sync {
    /// Returns the offset from the scenario's start at which iteration `n`, counted from 0, is due;
    /// `None` once exhausted, and for every `n` after. Never decreases.
    fn due(&self, n: u64) -> Option<Duration>;

    /// Returns the iterations `first`, `first + step`, `first + 2 × step` … with their offsets: what one
    /// agent of `step` has to start.
    fn arrivals(&self, first: u64, step: u64) -> Box<dyn Iterator<Item = (u64, Duration)> + '_> {
        let numbers = std::iter::successors(Some(first), move |n| n.checked_add(step.max(1)));
        Box::new(numbers.map_while(|n| Some((n, self.due(n)?))))
    }

    /// Returns the iterations per second asked for at `elapsed`.
    fn rate(&self, elapsed: Duration) -> f64;

    /// Returns the moments at which the rate may jump or take another course, in order: from each to the
    /// next it is a straight line, and before the first and from the last on there is none.
    fn corners(&self) -> Vec<Duration>;

    /// Returns how many iterations it asks for in all; that many, rounded up, are due.
    fn total(&self) -> f64;

    /// Returns what chance starts from where moments come by chance, and their number is not the total
    /// but about it; `None` where nothing is left to chance.
    fn seed(&self) -> Option<u64> {
        None
    }
}

/// A pacer whose rate is known at every moment, so that chance can be spread over it.
pub trait Curve: Pacer {
    /// Returns the offset from the scenario's start at which it has asked for `count` iterations; `None`
    /// where it never does.
    fn reached(&self, count: f64) -> Option<Duration>;
}

/// The same rate throughout.
///
/// ```text
/// due(n) = n × U / R    while n × U < R × D
///
/// R   iterations in each time unit
/// U   the time unit
/// D   the duration
/// ```
///
/// Each is computed from `n` and none from the one before, in whole nanoseconds rounded down, so that no
/// error adds up over however long a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConstantPacer {
    rate: NonZeroU32,
    /// Nanoseconds; as products with 64 bits they fit 128.
    time_unit: u64,
    duration: u64,
}

impl ConstantPacer {
    /// Returns a pacer of `rate` iterations in each `time_unit`, for `duration`.
    ///
    /// Lengths over 584 years count as 584 years.
    pub fn new(rate: NonZeroU32, time_unit: Duration, duration: Duration) -> Self {
        Self { rate, time_unit: nanoseconds(time_unit), duration: nanoseconds(duration) }
    }
}

impl Pacer for ConstantPacer {
    fn due(&self, n: u64) -> Option<Duration> {
        let scaled = u128::from(n) * u128::from(self.time_unit);
        let rate = u128::from(self.rate.get());
        // A time unit of zero would be due for ever; there is nothing to pace in it.
        if self.time_unit == 0 || scaled >= u128::from(self.duration) * rate {
            return None;
        }
        // Less than the duration, by the line before.
        u64::try_from(scaled / rate).ok().map(Duration::from_nanos)
    }

    fn rate(&self, elapsed: Duration) -> f64 {
        if elapsed >= Duration::from_nanos(self.duration) || self.time_unit == 0 {
            return 0.0;
        }
        f64::from(self.rate.get()) * 1e9 / self.time_unit as f64
    }

    fn corners(&self) -> Vec<Duration> {
        vec![Duration::ZERO, Duration::from_nanos(self.duration)]
    }

    fn total(&self) -> f64 {
        if self.time_unit == 0 {
            return 0.0;
        }
        f64::from(self.rate.get()) * self.duration as f64 / self.time_unit as f64
    }
}

impl Curve for ConstantPacer {
    fn reached(&self, count: f64) -> Option<Duration> {
        let offset = count.max(0.0) * self.time_unit as f64 / f64::from(self.rate.get());
        let within = self.time_unit > 0 && offset < self.duration as f64;
        within.then(|| Duration::from_nanos(offset as u64))
    }
}

/// Nanoseconds of a length; those over 584 years count as 584 years.
fn nanoseconds(length: Duration) -> u64 {
    u64::try_from(length.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn pacer(rate: u32, time_unit: Duration, duration: Duration) -> ConstantPacer {
        ConstantPacer::new(NonZeroU32::new(rate).unwrap(), time_unit, duration)
    }

    #[test]
    fn iterations_are_due_at_a_constant_rate() {
        let hour = Duration::from_hours(1);
        let nanos = Duration::from_nanos;
        for (rate, unit, duration, n, due, why) in [
            (1, SECOND, hour, 0, Some(Duration::ZERO), "the first is due at once"),
            (1, SECOND, hour, 1, Some(SECOND), "one a second"),
            (1, SECOND, hour, 3_599, Some(Duration::from_secs(3_599)), "the last of an hour"),
            (1, SECOND, hour, 3_600, None, "the end is not within"),
            (2, SECOND, hour, 1, Some(nanos(500_000_000)), "two a second"),
            (3, SECOND, hour, 1, Some(nanos(333_333_333)), "rounded down"),
            (3, SECOND, hour, 3, Some(SECOND), "no rounding adds up"),
            (3, SECOND, hour, 10_799, Some(nanos(3_599_666_666_666)), "nor over an hour"),
            (1, hour, hour * 2, 1, Some(hour), "a unit longer than a second"),
            (u32::MAX, nanos(1), SECOND, u64::MAX, None, "a number beyond the end"),
            (1, nanos(u64::MAX), Duration::MAX, u64::MAX, None, "the largest product fits"),
            (u32::MAX, Duration::MAX, Duration::MAX, u64::MAX, None, "and so do longer lengths"),
            (1, SECOND, Duration::ZERO, 0, None, "no time, no iterations"),
            (1, Duration::ZERO, SECOND, 0, None, "an empty unit paces nothing"),
        ] {
            assert_eq!(pacer(rate, unit, duration).due(n), due, "{why}");
        }
    }

    #[test]
    fn the_rate_is_per_second_and_ends_with_the_duration() {
        let pacer = pacer(90, Duration::from_mins(1), SECOND * 10);
        assert_eq!(pacer.rate(Duration::ZERO), 1.5);
        assert_eq!(pacer.rate(Duration::from_millis(9_999)), 1.5);
        assert_eq!(pacer.rate(SECOND * 10), 0.0);
    }

    prop_compose! {
        fn pacers()(
            rate in 1..=u32::MAX,
            unit in prop_oneof![1..=10_000_000_000_u64, 1..=u64::MAX],
            duration in prop_oneof![1..=100_000_000_000_u64, 1..=u64::MAX],
        ) -> ConstantPacer {
            pacer(rate, Duration::from_nanos(unit), Duration::from_nanos(duration))
        }
    }

    proptest! {
        #[test]
        fn due_never_decreases(pacer in pacers(), a: u64, b: u64) {
            let (earlier, later) = (a.min(b), a.max(b));
            match (pacer.due(earlier), pacer.due(later)) {
                (Some(earlier), Some(later)) => prop_assert!(earlier <= later),
                (None, later) => prop_assert_eq!(later, None, "exhausted stays exhausted"),
                (Some(_), None) => {}
            }
        }

        /// Due at or after `t` is the first `n` for which n × U / R ≥ t, rounded up.
        #[test]
        fn as_many_are_due_before_a_moment_as_the_rate_says(
            rate in 1..=1_000_000_u32,
            unit in 1..=3_600_000_000_000_u64,
            duration in 1..=86_400_000_000_000_u64,
        ) {
            let pacer = pacer(rate, Duration::from_nanos(unit), Duration::from_nanos(duration));
            let exact = u128::from(duration) * u128::from(rate);
            let count = exact.div_ceil(u128::from(unit));
            let Ok(count) = u64::try_from(count) else { return Ok(()) };
            prop_assert!(pacer.due(count - 1).is_some());
            prop_assert_eq!(pacer.due(count), None);
        }

        #[test]
        fn whole_units_have_exactly_their_rate(
            rate in 1..=1_000_000_u32,
            unit in 1..=1_000_000_000_u64,
            units in 1..=1_000_000_u64,
        ) {
            let pacer = pacer(rate, Duration::from_nanos(unit), Duration::from_nanos(unit * units));
            let count = u64::from(rate) * units;
            prop_assert!(pacer.due(count - 1).is_some());
            prop_assert_eq!(pacer.due(count), None);
            // And each unit starts where the rate says, to the nanosecond.
            prop_assert_eq!(
                pacer.due(u64::from(rate) * (units - 1)),
                Some(Duration::from_nanos(unit * (units - 1)))
            );
        }

        #[test]
        fn agents_together_start_each_iteration_once(
            rate in 1..=1_000_u32,
            millis in 1..=2_000_u64,
            agents in 1..=9_usize,
        ) {
            let pacer = pacer(rate, SECOND, Duration::from_millis(millis));
            let mut started: Vec<u64> = (0..agents as u64)
                .flat_map(|agent| {
                    let own = (agent..).step_by(agents);
                    own.take_while(|&n| pacer.due(n).is_some()).collect::<Vec<_>>()
                })
                .collect();
            started.sort_unstable();
            let alone: Vec<u64> = (0..).take_while(|&n| pacer.due(n).is_some()).collect();
            prop_assert_eq!(started, alone);
        }
    }
}
