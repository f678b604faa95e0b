//! How the samples of a trend are spread, as it is drawn: a curve of percentiles, and a heat map over time.

use metrics::{Sketch, Slot};
use serde::Serialize;

use super::rounded;

/// Columns of a heat map at most: more are finer than a screen shows.
const COLUMNS: usize = 120;
/// Points of a percentile curve for each factor of ten.
const POINTS: u32 = 20;
/// The rarest sample that a curve goes to: one of so many.
const RAREST: f64 = 1e7;
/// Sketch buckets that make one row, as a power of two: four rows for each doubling.
const ROW_BITS: u32 = 3;

/// How many samples there were by time and value.
#[derive(Debug, Default, Serialize)]
pub(super) struct Heat {
    /// Slots a column.
    pub(super) step: usize,
    /// Where each row begins, in the metric's unit, and where the last one ends.
    pub(super) bounds: Vec<f64>,
    /// Column, row and number of samples in turn, of those that have any.
    pub(super) cells: Vec<u64>,
}

impl Heat {
    pub(super) fn of(slots: &[Slot]) -> Self {
        let step = slots.len().div_ceil(COLUMNS).max(1);
        let rows =
            slots.iter().flat_map(|slot| slot.sketch.counts()).map(|(number, _)| row(number));
        let (Some(first), Some(last)) = (rows.clone().min(), rows.max()) else {
            return Self::default();
        };
        let mut cells = Vec::new();
        let height = usize::from(last.abs_diff(first)) + 1;
        for (column, slots) in slots.chunks(step).enumerate() {
            let mut counts = vec![0_u64; height];
            for (number, count) in slots.iter().flat_map(|slot| slot.sketch.counts()) {
                let place = usize::from(row(number).abs_diff(first));
                counts[place] = counts[place].saturating_add(count);
            }
            for (place, count) in counts.into_iter().enumerate().filter(|(_, count)| *count > 0) {
                cells.extend([column as u64, place as u64, count]);
            }
        }
        let bounds = (first..=last.saturating_add(1)).map(begins).collect();
        Self { step, bounds, cells }
    }
}

/// The row that a bucket of a sketch is in.
fn row(number: i16) -> i16 {
    number >> ROW_BITS
}

/// The value at which a row begins.
fn begins(row: i16) -> f64 {
    let number = row.saturating_mul(1 << ROW_BITS);
    let bucket = Sketch::from_counts([(number, 1)]);
    let from = bucket.buckets().next().map_or(0.0, |bucket| bucket.from);
    rounded(from)
}

/// The values that shares of the samples do not exceed: `(one of how many is larger, value)`, from the smallest sample to the
/// rarest.
pub(super) fn curve(sketch: &Sketch, min: f64, max: f64) -> Vec<(f64, f64)> {
    let rarest = (sketch.count() as f64).min(RAREST);
    let mut points = Vec::new();
    for place in 0.. {
        let of = 10_f64.powf(f64::from(place) / f64::from(POINTS));
        let last = of >= rarest;
        let of = if last { rarest.max(1.0) } else { of };
        // The smallest is known, and its bucket's middle is not it.
        let value = if place == 0 { min } else { sketch.quantile(1.0 - 1.0 / of) };
        let value = value.max(min).min(max);
        points.push((rounded(of), rounded(value)));
        if last {
            break;
        }
    }
    points
}

#[cfg(test)]
mod tests {
    use metrics::Distribution;

    use super::*;

    fn slot(samples: &[f64]) -> Slot {
        let mut trend = Distribution::default();
        samples.iter().for_each(|sample| trend.record(*sample));
        Slot { count: trend.count(), sketch: trend.sketch(), ..Slot::default() }
    }

    #[test]
    fn every_sample_is_in_the_cell_of_its_time_and_value() {
        let heat = Heat::of(&[slot(&[0.0, 10.0, 10.0]), slot(&[]), slot(&[250.0, -4.0])]);
        assert_eq!(heat.step, 1);
        assert!(heat.bounds.is_sorted(), "{:?}", heat.bounds);
        let cells: Vec<_> = heat.cells.chunks(3).collect();
        assert_eq!(cells.iter().map(|cell| cell[2]).sum::<u64>(), 5);
        for (column, value, count) in [(0, 0.0, 1), (0, 10.0, 2), (2, 250.0, 1), (2, -4.0, 1)] {
            let holds = |cell: &&&[u64]| {
                let row = cell[1] as usize;
                cell[0] == column && heat.bounds[row] <= value && value <= heat.bounds[row + 1]
            };
            assert!(cells.iter().any(|cell| holds(&cell) && cell[2] == count), "{value}: {heat:?}");
        }
    }

    #[test]
    fn a_long_run_has_no_more_columns_than_a_screen_shows() {
        let slots: Vec<_> = (0..1_200).map(|second| slot(&[f64::from(second % 7) + 1.0])).collect();
        let heat = Heat::of(&slots);
        let columns = heat.cells.chunks(3).map(|cell| cell[0]).max().unwrap() + 1;
        assert_eq!((heat.step, columns), (10, 120));
        assert_eq!(heat.cells.chunks(3).map(|cell| cell[2]).sum::<u64>(), 1_200);
    }

    #[test]
    fn what_has_no_samples_has_no_cells() {
        let heat = Heat::of(&[Slot::default()]);
        assert!(heat.cells.is_empty() && heat.bounds.is_empty());
    }

    #[test]
    fn a_curve_goes_from_the_smallest_to_the_rarest_sample() {
        let samples: Vec<_> = (1..=1_000).map(f64::from).collect();
        let curve = curve(&slot(&samples).sketch, 1.0, 1_000.0);
        let (first, last) = (curve[0], curve[curve.len() - 1]);
        assert_eq!((first.0, first.1, last.0), (1.0, 1.0, 1_000.0));
        assert!(curve.is_sorted_by(|a, b| a.0 < b.0 && a.1 <= b.1), "{curve:?}");
        let p99 = curve.iter().find(|(of, _)| (of - 100.0).abs() < 0.01).unwrap().1;
        assert!((p99 / 990.0 - 1.0).abs() < 0.016, "{p99}");
        assert_eq!(super::curve(&slot(&[5.0]).sketch, 5.0, 5.0), [(1.0, 5.0)]);
    }
}
