use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

fn of(samples: &[f64]) -> Distribution {
    let mut distribution = Distribution::default();
    for &sample in samples {
        distribution.record(sample);
    }
    distribution
}

/// What is promised of a quantile: 0.1 %, or half a millionth.
fn is_near(value: f64, exact: f64) -> bool {
    (value - exact).abs() <= (exact.abs() / 1024.0).max(0.5 / SCALE) * (1.0 + 1e-9)
}

/// Samples of all sorts: plain, tiny, negative, huge, equal.
fn sample() -> impl Strategy<Value = f64> {
    prop_oneof![
        8 => 0.0..2_000.0,
        4 => -2_000.0..2_000.0,
        2 => -0.01..0.01,
        2 => (-300_i32..300).prop_map(f64::from),
        1 => -4e12..4e12,
    ]
}

#[test]
fn an_empty_distribution_answers_zero() {
    let empty = of(&[]);
    assert_eq!((empty.count(), empty.sum(), empty.mean(), empty.stdev()), (0, 0.0, 0.0, 0.0));
    assert_eq!((empty.min(), empty.max(), empty.quantile(0.5)), (0.0, 0.0, 0.0));
    assert_eq!(empty.buckets().count(), 0);
}

#[test]
fn small_whole_numbers_are_exact() {
    let ten = of(&[10.0, 1.0, 9.0, 2.0, 8.0, 3.0, 7.0, 4.0, 6.0, 5.0].map(|n| n / 10_000.0));
    for (q, expected, why) in [
        (0.0, 1.0, "the least"),
        (0.1, 1.0, "a tenth of ten is the first"),
        (0.11, 2.0, "a little more is the next"),
        (0.5, 5.0, "the lower of the two in the middle"),
        (0.9, 9.0, "rank nine"),
        (0.95, 10.0, "rank nine and a half, rounded up"),
        (1.0, 10.0, "the most"),
        (7.0, 10.0, "beyond one is one"),
        (-7.0, 1.0, "below zero is zero"),
        (f64::NAN, 1.0, "not a number is zero"),
    ] {
        assert_eq!(ten.quantile(q), expected / 10_000.0, "{why}");
    }
}

#[test]
fn a_share_that_is_a_whole_rank_is_not_rounded_to_the_next() {
    // 0.07 × 100 is 7.000000000000001.
    let hundred: Vec<f64> = (1..=100).map(|n| f64::from(n) / 100_000.0).collect();
    let hundred = of(&hundred);
    for percent in 1..=100 {
        let expected = f64::from(percent) / 100_000.0;
        assert_eq!(hundred.quantile(f64::from(percent) / 100.0), expected, "p({percent})");
    }
}

#[test]
fn one_sample_is_all_its_quantiles() {
    for sample in [0.0, 12.345_678_9, -0.000_000_1, 1e15, f64::MAX, f64::MIN] {
        let one = of(&[sample]);
        for q in [0.0, 0.5, 1.0] {
            assert_eq!(one.quantile(q), sample);
        }
        assert_eq!((one.mean(), one.sum(), one.stdev()), (sample, sample, 0.0));
    }
}

#[test]
fn samples_beyond_the_range_share_the_last_bucket_and_are_summed_as_they_are() {
    let huge = of(&[1.0, 1e15, 2e15, -3e15]);
    assert_eq!((huge.count(), huge.sum()), (4, 1.0));
    assert_eq!((huge.min(), huge.max()), (-3e15, 2e15));
    assert_eq!(huge.quantile(0.75), to_unit(LARGEST));
    assert_eq!(huge.buckets().map(|bucket| bucket.count).collect::<Vec<_>>(), [1, 1, 2]);
}

#[test]
fn a_sum_stays_finite() {
    let mut huge = of(&[f64::MAX, f64::MAX, f64::MAX]);
    assert_eq!((huge.sum(), huge.max()), (f64::MAX, f64::MAX));
    huge.merge(&of(&[f64::MIN, f64::MIN]));
    assert_eq!((huge.sum(), huge.min(), huge.count()), (0.0, f64::MIN, 5));
    assert!(huge.mean().is_finite());
}

#[test]
fn what_is_not_finite_is_ignored() {
    let distribution = of(&[f64::NAN, f64::INFINITY, 4.0, f64::NEG_INFINITY]);
    assert_eq!((distribution.count(), distribution.min(), distribution.max()), (1, 4.0, 4.0));
}

#[test]
fn a_spread_is_the_root_of_the_mean_square() {
    let spread = of(&[2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0]);
    assert!(is_near(spread.stdev(), 2.0), "{}", spread.stdev());
    assert!(is_near(of(&[-3.0, 3.0]).stdev(), 3.0));
    assert_eq!(of(&[123.456; 9]).stdev(), 0.0);
}

#[test]
fn buckets_go_from_the_least_to_the_greatest() {
    let buckets: Vec<_> = of(&[0.0, -0.002, 0.001, -0.001, 0.001]).buckets().collect();
    let expected = [(-0.002, 1), (-0.001, 1), (0.0, 1), (0.001, 2)];
    assert_eq!(buckets, expected.map(|(value, count)| Bucket { value, count }));
}

#[test]
fn memory_is_that_of_the_bands_met() {
    let bands = |samples: &[f64]| of(samples).positive.bands.iter().flatten().count();
    assert_eq!(bands(&[]), 0);
    assert_eq!(bands(&[0.0, 0.001, 0.004]), 1, "up to 4 µs");
    assert_eq!(bands(&[100.0, 120.0, 250.0]), 1, "within a factor of four");
    assert_eq!(bands(&[1e300]), 1);
}

#[test]
fn a_magnitude_falls_into_the_band_of_its_octave() {
    for place in 1..BANDS {
        let start = 1 << (DIGIT_BITS + OCTAVES * place as u32);
        assert_eq!((band_of(start - 1), band_of(start)), (place - 1, place));
    }
    assert_eq!((band_of(0), band_of(LARGEST)), (0, BANDS - 1));
}

proptest! {
    #[test]
    fn quantiles_are_near_those_of_the_raw_samples(
        samples in vec(sample(), 1..400),
        percent in 0_usize..=100,
    ) {
        let mut sorted = samples.clone();
        sorted.sort_by(f64::total_cmp);
        let rank = (percent * sorted.len()).div_ceil(100).max(1);
        let exact = sorted[rank - 1];
        let found = of(&samples).quantile(percent as f64 / 100.0);
        prop_assert!(is_near(found, exact), "p({percent}) is {exact}, found {found}");
    }

    #[test]
    fn quantiles_never_fall_and_stay_within_the_extremes(
        samples in vec(sample(), 1..100),
        mut shares in vec(0.0..=1.0, 2..20),
    ) {
        let distribution = of(&samples);
        shares.sort_by(f64::total_cmp);
        let quantiles: Vec<_> = shares.iter().map(|&q| distribution.quantile(q)).collect();
        prop_assert!(quantiles.is_sorted(), "{quantiles:?}");
        prop_assert!(quantiles[0] >= distribution.min());
        prop_assert!(*quantiles.last().unwrap() <= distribution.max());
    }

    #[test]
    fn merged_parts_equal_the_whole(parts in vec(vec(sample(), 0..60), 0..6)) {
        let whole = of(&parts.concat());
        let mut merged = Distribution::default();
        for part in &parts {
            merged.merge(&of(part));
        }
        prop_assert_eq!(merged.count(), whole.count());
        prop_assert_eq!(merged.min(), whole.min());
        prop_assert_eq!(merged.max(), whole.max());
        prop_assert_eq!(
            merged.buckets().collect::<Vec<_>>(),
            whole.buckets().collect::<Vec<_>>()
        );
        for percent in 0..=100 {
            let q = f64::from(percent) / 100.0;
            prop_assert_eq!(merged.quantile(q), whole.quantile(q));
        }
        let size: f64 = parts.concat().iter().map(|sample| sample.abs()).sum();
        prop_assert!((merged.sum() - whole.sum()).abs() <= size * 1e-12);
        prop_assert_eq!(merged.stdev(), whole.stdev());
    }

    #[test]
    fn the_buckets_hold_every_sample(samples in vec(sample(), 0..200)) {
        let distribution = of(&samples);
        let held: u64 = distribution.buckets().map(|bucket| bucket.count).sum();
        prop_assert_eq!(held, samples.len() as u64);
        prop_assert!(distribution.buckets().is_sorted_by(|a, b| a.value < b.value));
    }

    #[test]
    fn a_cleared_distribution_is_as_new(
        before in vec(sample(), 0..60),
        after in vec(sample(), 0..60),
    ) {
        let mut reused = of(&before);
        reused.clear();
        prop_assert_eq!((reused.count(), reused.sum(), reused.max()), (0, 0.0, 0.0));
        for &sample in &after {
            reused.record(sample);
        }
        let fresh = of(&after);
        prop_assert_eq!((reused.min(), reused.max()), (fresh.min(), fresh.max()));
        prop_assert_eq!(reused.sum(), fresh.sum());
        prop_assert_eq!(
            reused.buckets().collect::<Vec<_>>(),
            fresh.buckets().collect::<Vec<_>>()
        );
    }
}
