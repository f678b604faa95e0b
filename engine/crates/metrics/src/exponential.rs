//! A distribution as the native histograms of Prometheus and the exponential ones of OpenTelemetry have it.
//!
//! What the totals of a run are made of is [`Distribution`]; this is what is made of it for those who keep
//! histograms themselves.

use std::collections::BTreeMap;

use crate::Distribution;

/// How the samples of a trend are spread, by buckets whose bounds are powers of [`BASE`](Self::BASE).
///
/// * **Buckets.** Bucket `n` holds the magnitudes above `BASEⁿ⁻¹` and up to `BASEⁿ` (Prometheus' numbers; OpenTelemetry's
///   are less by one). Negative samples have buckets of their own, and zeros one.
/// * **Precision.** A bucket is 2.2 % wide, and a sample is put by what its [`Distribution`] kept of it, which is good to
///   0.1 %: whatever a reader makes of a bucket is within 2.3 % of each sample in it.
/// * **Merging** adds count by count, and what is added in parts equals what is added as a whole.
/// * **Room.** Some 24 bytes a bucket that has samples. Times from 1 to 100 ms are in 213 at most.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Exponential {
    count: u64,
    sum: f64,
    zeros: u64,
    positive: BTreeMap<i32, u64>,
    negative: BTreeMap<i32, u64>,
}

impl Exponential {
    /// The number by which Prometheus (`schema`) and OpenTelemetry (`scale`) know these buckets: 2⁵ of them an octave.
    pub const SCHEMA: i32 = 5;
    /// By how much a bucket's upper bound exceeds its lower one: 2^(1/32).
    pub const BASE: f64 = 1.021_897_148_654_116_6;

    /// Adds the samples of a distribution, each times `factor`: 0.001 makes seconds of milliseconds. The factor must be
    /// positive.
    pub fn add(&mut self, samples: &Distribution, factor: f64) {
        self.count = self.count.saturating_add(samples.count());
        self.sum = crate::distribution::finite_sum(self.sum, samples.sum() * factor);
        let (min, max) = (samples.min(), samples.max());
        for bucket in samples.buckets() {
            let value = bucket.value.clamp(min, max) * factor;
            let place = if value == 0.0 || bucket.value == 0.0 {
                &mut self.zeros
            } else {
                let side = if value > 0.0 { &mut self.positive } else { &mut self.negative };
                side.entry(number(value.abs())).or_default()
            };
            *place = place.saturating_add(bucket.count);
        }
    }

    /// How many samples there are.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The sum of the samples.
    #[must_use]
    pub fn sum(&self) -> f64 {
        self.sum
    }

    /// How many samples are zero.
    #[must_use]
    pub fn zeros(&self) -> u64 {
        self.zeros
    }

    /// Numbers and counts of the buckets of samples above zero, in ascending order; none is empty.
    pub fn positive(&self) -> impl Iterator<Item = (i32, u64)> {
        self.positive.iter().map(|(number, count)| (*number, *count))
    }

    /// The same of the magnitudes of samples below zero.
    pub fn negative(&self) -> impl Iterator<Item = (i32, u64)> {
        self.negative.iter().map(|(number, count)| (*number, *count))
    }
}

/// The number of the bucket that a magnitude falls into.
fn number(magnitude: f64) -> i32 {
    // A magnitude is at least a millionth of what is left of a unit and at most 1.8 × 10³⁰⁸.
    (magnitude.log2() * f64::from(1 << Exponential::SCHEMA)).ceil() as i32
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(samples: &[f64], factor: f64) -> Exponential {
        let mut distribution = Distribution::default();
        samples.iter().for_each(|sample| distribution.record(*sample));
        let mut exponential = Exponential::default();
        exponential.add(&distribution, factor);
        exponential
    }

    #[test]
    fn a_bucket_ends_with_its_upper_bound() {
        assert!((Exponential::BASE.powi(32) - 2.0).abs() < 1e-12);
        for (sample, bucket) in
            [(1.0, 0), (2.0, 32), (2.0001, 33), (0.5, -32), (1_024.0, 320), (1.03, 2)]
        {
            let found: Vec<_> = of(&[sample], 1.0).positive().collect();
            assert_eq!(found, [(bucket, 1)], "{sample}");
        }
    }

    #[test]
    fn zeros_and_both_sides_are_told_apart() {
        let found = of(&[0.0, -4.0, 8.0, 8.0, 0.000_000_1], 0.5);
        assert_eq!((found.count(), found.zeros(), found.sum()), (5, 2, 6.000_000_05));
        assert_eq!(found.positive().collect::<Vec<_>>(), [(64, 2)]);
        assert_eq!(found.negative().collect::<Vec<_>>(), [(32, 1)]);
        assert_eq!(of(&[], 1.0), Exponential::default());
    }

    proptest! {
        #[test]
        fn a_sample_is_near_its_bucket(sample in 0.001..1e9, factor in prop_oneof![Just(1.0), Just(0.001)]) {
            let (number, _) = of(&[sample], factor).positive().next().unwrap();
            let upper = Exponential::BASE.powi(number);
            let sample = sample * factor;
            let (least, most) = (upper / Exponential::BASE * 0.999_99, upper * 1.000_01);
            prop_assert!(least <= sample && sample <= most, "{} {}", sample, upper);
        }

        #[test]
        fn every_sample_is_within_its_stated_error_of_what_a_bucket_says(
            mut samples in prop::collection::vec(0.01..5_000.0, 1..100),
        ) {
            let found = of(&samples, 1.0);
            samples.sort_by(f64::total_cmp);
            let bounds = found
                .positive()
                .flat_map(|(number, count)| vec![Exponential::BASE.powi(number); count as usize]);
            let bounds: Vec<_> = bounds.collect();
            prop_assert_eq!(bounds.len(), samples.len());
            for (upper, sample) in bounds.iter().zip(&samples) {
                prop_assert!((upper - sample).abs() <= sample * 0.023, "{} {}", upper, sample);
            }
        }

        #[test]
        fn parts_added_are_the_whole(
            samples in prop::collection::vec(1.0..100.0, 1..50),
            cut in 0_usize..50,
        ) {
            let (one, other) = samples.split_at(cut.min(samples.len()));
            let mut parts = of(one, 1.0);
            let mut distribution = Distribution::default();
            other.iter().for_each(|sample| distribution.record(*sample));
            parts.add(&distribution, 1.0);
            let total: u64 = parts.positive().map(|(_, count)| count).sum();
            prop_assert_eq!((parts.count(), total), (samples.len() as u64, samples.len() as u64));
        }
    }
}
