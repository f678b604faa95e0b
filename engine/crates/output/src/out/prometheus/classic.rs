//! A trend as a classic histogram: how many samples are at most so large, for bounds that never change.

use metrics::{Contains, Distribution};

use super::factor;
use crate::out::cumulative::Spread;

/// The powers of ten that bounds of times (in seconds), of bytes and of other values begin and end with.
const TIMES: (i32, i32) = (-4, 2);
const BYTES: (i32, i32) = (0, 9);
const OTHERS: (i32, i32) = (-3, 6);

/// By how much a sample may exceed a bound and count as being it: as wide as buckets of a [`Distribution`] are.
const NEAR: f64 = 1.0 + 1.0 / 1_024.0;

/// How the samples of a trend are spread, in Prometheus' units. Bounds are 1, 2 and 5 times powers of ten: of times from
/// 0.1 ms to 100 s. What is at most as large as a bound is good to 0.1 %.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Classic {
    bounds: Vec<f64>,
    /// How many are in each bucket alone; the last has no bound.
    counts: Vec<u64>,
    count: u64,
    sum: f64,
}

impl Spread for Classic {
    fn of(contains: Contains) -> Self {
        let (first, last) = match contains {
            Contains::Time => TIMES,
            Contains::Data => BYTES,
            Contains::Default => OTHERS,
        };
        // Read as a number is, so that it is written as short.
        let bounds = (first..=last).flat_map(|power| [1, 2, 5].map(|it| format!("{it}e{power}")));
        let mut bounds: Vec<f64> = bounds.filter_map(|bound| bound.parse().ok()).collect();
        bounds.truncate(bounds.len() - 2);
        let counts = vec![0; bounds.len() + 1];
        Self { bounds, counts, count: 0, sum: 0.0 }
    }

    fn add(&mut self, contains: Contains, samples: &Distribution) {
        let factor = factor(contains);
        self.count = self.count.saturating_add(samples.count());
        self.sum = (self.sum + samples.sum() * factor).clamp(f64::MIN, f64::MAX);
        let (min, max) = (samples.min(), samples.max());
        for bucket in samples.buckets() {
            let value = bucket.value.clamp(min, max) * factor;
            let place = self.bounds.partition_point(|bound| bound * NEAR < value);
            self.counts[place] = self.counts[place].saturating_add(bucket.count);
        }
    }
}

impl Classic {
    /// Bounds, and how many samples are at most so large.
    pub(super) fn up_to(&self) -> impl Iterator<Item = (f64, u64)> {
        let counts = self.counts.iter().scan(0_u64, |sum, count| {
            *sum = sum.saturating_add(*count);
            Some(*sum)
        });
        self.bounds.iter().copied().zip(counts)
    }

    pub(super) fn count(&self) -> u64 {
        self.count
    }

    pub(super) fn sum(&self) -> f64 {
        self.sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_that_is_a_bound_is_at_most_as_large() {
        for (contains, samples, bound, expected) in [
            (Contains::Time, &[1.0, 2.0, 2.1, 500.0][..], 0.002, 2),
            (Contains::Time, &[499.0, 500.0, 501.0], 0.5, 2),
            (Contains::Time, &[0.0, 1e9], 0.000_1, 1),
            (Contains::Time, &[100_000.0, 100_200.0], 100.0, 1),
            (Contains::Data, &[1_000.0, 1e9], 1e9, 2),
            (Contains::Default, &[-5.0, 0.001, 7.0], 0.001, 2),
        ] {
            let mut distribution = Distribution::default();
            samples.iter().for_each(|sample| distribution.record(*sample));
            let mut classic = Classic::of(contains);
            classic.add(contains, &distribution);
            let found = classic.up_to().find(|(its, _)| *its == bound).map(|(_, count)| count);
            assert_eq!(found, Some(expected), "{samples:?}");
            assert_eq!(classic.count(), samples.len() as u64);
        }
    }

    #[test]
    fn there_are_three_bounds_a_power_of_ten() {
        let bounds: Vec<_> = Classic::of(Contains::Time).up_to().map(|(bound, _)| bound).collect();
        assert_eq!(bounds.len(), 19);
        assert_eq!(bounds[..4], [0.000_1, 0.000_2, 0.000_5, 0.001]);
        assert_eq!(bounds[18], 100.0);
    }
}
