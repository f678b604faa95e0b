//! What a point is in `json` and `csv`.
//!
//! k6 writes a line a sample. Here samples are not kept: each second and series, they are counted by value. So a point stands for
//! as many samples as its metadata `count` says; without it, for one.
//!
//! | metric | points of a series and second | value |
//! | --- | --- | --- |
//! | counter | one | the sum of the samples |
//! | gauge | one | the latest value |
//! | rate | one or two | 1 and 0, each with how many there were |
//! | trend | one for the smallest, one for the largest, and one a bucket of those between | exact; of a bucket, its middle: to 1.6 % |
//!
//! Sums, counts and extremes are exact that way; whoever weighs points by their count has k6's figures. The time of a point is the
//! end of its second.

use metrics::Sink;

/// Says each point: its value, and how many samples it stands for. Of a counter that is always one.
pub(super) fn points(sink: &Sink, mut say: impl FnMut(f64, u64)) {
    match sink {
        Sink::Counter(counter) => say(counter.sum, 1),
        Sink::Gauge(gauge) => say(gauge.last, 1),
        Sink::Rate(rate) => {
            for (value, count) in [(1.0, rate.trues), (0.0, rate.total - rate.trues)] {
                if count > 0 {
                    say(value, count);
                }
            }
        }
        Sink::Trend(trend) => {
            let (min, max, count) = (trend.min(), trend.max(), trend.count());
            if min == max || count < 2 {
                return say(min, count);
            }
            say(min, 1);
            let sketch = trend.sketch();
            let last = sketch.buckets().len() - 1;
            for (place, bucket) in sketch.buckets().enumerate() {
                let said = u64::from(place == 0) + u64::from(place == last);
                // To half a millionth, so that no digits are written that were never measured.
                let middle = ((bucket.from + bucket.to) * 1e6).round() / 2e6;
                let rest = bucket.count.saturating_sub(said);
                if rest > 0 {
                    say(middle.max(min).min(max), rest);
                }
            }
            say(max, 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use metrics::Kind;
    use proptest::prelude::*;

    use super::*;

    fn of(kind: Kind, samples: &[f64]) -> Vec<(f64, u64)> {
        let mut sink = Sink::new(kind);
        samples.iter().for_each(|sample| sink.record(*sample));
        let mut all = Vec::new();
        points(&sink, |value, count| all.push((value, count)));
        all
    }

    #[test]
    fn each_kind_has_its_points() {
        for (kind, samples, expected) in [
            (Kind::Counter, &[1.0, 2.0][..], vec![(3.0, 1)]),
            (Kind::Gauge, &[4.0, 2.0], vec![(2.0, 1)]),
            (Kind::Rate, &[1.0, 0.0, 1.0], vec![(1.0, 2), (0.0, 1)]),
            (Kind::Rate, &[0.0], vec![(0.0, 1)]),
            (Kind::Trend, &[0.0; 3], vec![(0.0, 3)]),
            (Kind::Trend, &[1.0, 9.0], vec![(1.0, 1), (9.0, 1)]),
        ] {
            assert_eq!(of(kind, samples), expected, "{kind} of {samples:?}");
        }
    }

    proptest! {
        #[test]
        fn a_trends_points_have_its_count_its_extremes_and_nearly_its_values(
            mut samples in prop::collection::vec(0.001..5_000.0, 1..100),
        ) {
            let points = of(Kind::Trend, &samples);
            samples.sort_by(f64::total_cmp);
            let values: Vec<f64> = points
                .iter()
                .flat_map(|(value, count)| vec![*value; *count as usize])
                .collect();
            prop_assert_eq!(values.len(), samples.len());
            prop_assert_eq!(values.first(), samples.first());
            prop_assert_eq!(values.last(), samples.last());
            for (value, sample) in values.iter().zip(&samples) {
                prop_assert!((value - sample).abs() <= sample / 30.0 + 1e-6, "{} {}", value, sample);
            }
        }
    }
}
