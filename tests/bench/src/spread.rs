//! The middle and the ends of a few measurements.

use serde::Serialize;

/// Where some measurements lie.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Spread {
    /// The smallest.
    pub min: f64,
    /// The one in the middle, or the mean of the two there.
    pub median: f64,
    /// The largest.
    pub max: f64,
}

impl Spread {
    /// The spread of these; nothing if there are none.
    pub fn of(measurements: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut sorted: Vec<_> = measurements.into_iter().collect();
        sorted.sort_by(f64::total_cmp);
        let (min, max) = (*sorted.first()?, *sorted.last()?);
        let middle = sorted.len() / 2;
        let median = match sorted.len() % 2 {
            0 => f64::midpoint(sorted[middle - 1], sorted[middle]),
            _ => sorted[middle],
        };
        Some(Self { min, median, max })
    }
}

/// The smallest value that this share of all of them does not exceed, each counted as often as it was (nearest rank);
/// nothing if there are none.
pub fn percentile(counted: impl IntoIterator<Item = (f64, u64)>, share: f64) -> Option<f64> {
    let mut sorted: Vec<_> = counted.into_iter().collect();
    sorted.sort_by(|(one, _), (other, _)| one.total_cmp(other));
    let all: u64 = sorted.iter().map(|(_, count)| count).sum();
    let rank = (all as f64 * share).ceil() as u64;
    let mut so_far = 0;
    for (value, count) in sorted {
        so_far += count;
        if count > 0 && so_far >= rank {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        let spread = |values: &[f64]| Spread::of(values.iter().copied());
        assert_eq!(spread(&[]), None);
        assert_eq!(spread(&[3.0]), Some(Spread { min: 3.0, median: 3.0, max: 3.0 }));
        assert_eq!(spread(&[9.0, 1.0, 2.0]), Some(Spread { min: 1.0, median: 2.0, max: 9.0 }));
        assert_eq!(spread(&[4.0, 1.0, 2.0, 9.0]), Some(Spread { min: 1.0, median: 3.0, max: 9.0 }));
    }

    #[test]
    fn a_percentile_is_one_of_the_values() {
        assert_eq!(percentile([], 0.99), None);
        assert_eq!(percentile([(7.0, 0)], 0.99), None);
        assert_eq!(percentile([(7.0, 1)], 0.99), Some(7.0));
        assert_eq!(percentile([(9.0, 1), (1.0, 99)], 0.99), Some(1.0));
        assert_eq!(percentile([(9.0, 2), (1.0, 98)], 0.99), Some(9.0));
    }
}
