//! How the samples of a trend are spread, in memory that does not grow with them.

mod band;

use std::fmt;

use band::Band;

use crate::Sketch;

/// Histogram units a metric's unit: a histogram counts in millionths, so of milliseconds in
/// nanoseconds.
pub(crate) const SCALE: f64 = 1e6;

/// The binary digits that three decimal ones need: values from 2¹⁰ on are kept to 1 in 1,024.
const DIGIT_BITS: u32 = 10;

/// Octaves a band spans: a band of two costs 16 KiB. Four would hold more untouched buckets, and one be more often met
/// for the first time.
const OCTAVES: u32 = 2;

/// As many bands as fit in 62 bits. Two bits remain so that no bucket's end overflows.
const BANDS: usize = 26;

/// The largest magnitude with a bucket of its own, in histogram units.
const LARGEST: u64 = (1 << (DIGIT_BITS + OCTAVES * BANDS as u32)) - 1;

/// The distribution of a trend's samples: an HDR histogram with the exact count, sum, minimum and
/// maximum beside it.
///
/// * **Precision.** A sample is rounded to a millionth of the metric's unit (of a time: to a
///   nanosecond), then counted in a bucket no wider than 1/1,024 of its value. Quantiles are therefore
///   within 0.1 % (or half a millionth, if that is more) of a sample that was really there.
/// * **Range.** Magnitudes up to 4.6 × 10¹² units (of a time: 146 years) have their own buckets;
///   larger ones share the last. Count, sum, minimum and maximum are of the samples as they were.
///   The sum stops at the largest finite number.
/// * **Negative samples** are counted by magnitude on their own side, so quantiles go right through
///   zero.
/// * **Merging** adds bucket by bucket: counts, extremes and quantiles of merged parts equal those of
///   the whole, the sum to rounding.
/// * **Memory.** Buckets are made as they are met, two octaves (a factor of four) at a time, 16 KiB
///   each (the first 24); all of them would be 424 KiB. Most trends need two to four.
///
/// An empty distribution answers 0 to everything.
#[derive(Clone, Default)]
pub struct Distribution {
    count: u64,
    sum: f64,
    min: f64,
    max: f64,
    positive: Magnitudes,
    /// Made when the first negative sample is met: hardly ever.
    negative: Option<Box<Magnitudes>>,
}

/// How many samples are about as large.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bucket {
    /// The value furthest from zero that the bucket holds, in the metric's unit.
    pub value: f64,
    /// How many samples it holds.
    pub count: u64,
}

impl Distribution {
    /// Adds one sample. One that is not finite is ignored; a [`Recorder`](crate::Recorder) counts
    /// those.
    pub fn record(&mut self, value: f64) {
        if !value.is_finite() {
            return;
        }
        if self.count == 0 || value < self.min {
            self.min = value;
        }
        if self.count == 0 || value > self.max {
            self.max = value;
        }
        self.count = self.count.saturating_add(1);
        self.sum = finite_sum(self.sum, value);

        // Rounds half up by cutting off: `round` is a call on a plain x86-64. The cast saturates, so no
        // value is too large for it.
        let magnitude = (value.abs() * SCALE + 0.5) as u64;
        // What rounds to zero is zero, so that it has one bucket and not one on each side.
        if value < 0.0 && magnitude > 0 {
            self.negative.get_or_insert_default().record(magnitude);
        } else {
            self.positive.record(magnitude);
        }
    }

    /// Adds the samples of another.
    pub fn merge(&mut self, other: &Self) {
        if other.count == 0 {
            return;
        }
        if self.count == 0 {
            self.min = other.min;
            self.max = other.max;
        } else {
            self.min = self.min.min(other.min);
            self.max = self.max.max(other.max);
        }
        self.count = self.count.saturating_add(other.count);
        self.sum = finite_sum(self.sum, other.sum);
        self.positive.merge(&other.positive);
        if let Some(negative) = &other.negative {
            self.negative.get_or_insert_default().merge(negative);
        }
    }

    /// Forgets all samples and keeps the memory for the next.
    pub fn clear(&mut self) {
        self.count = 0;
        self.sum = 0.0;
        self.min = 0.0;
        self.max = 0.0;
        self.positive.clear();
        if let Some(negative) = &mut self.negative {
            negative.clear();
        }
    }

    /// How many samples there are.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The sum of the samples.
    pub fn sum(&self) -> f64 {
        self.sum
    }

    /// The arithmetic mean, from the exact sum.
    pub fn mean(&self) -> f64 {
        if self.count == 0 {
            return 0.0;
        }
        // Rounding can put the mean of equal samples beside them.
        (self.sum / self.count as f64).clamp(self.min, self.max)
    }

    /// The smallest sample.
    pub fn min(&self) -> f64 {
        self.min
    }

    /// The largest sample.
    pub fn max(&self) -> f64 {
        self.max
    }

    /// The value that a share `q` (0 to 1, clamped to it) of the samples do not exceed.
    ///
    /// It is the nearest-rank quantile, that of rank ⌈`q` × count⌉ in ascending order and at least
    /// 1, to the precision of its bucket and never outside the extremes. k6 instead interpolates
    /// between the two samples beside `q` × (count − 1): with few samples the two differ by up to the
    /// gap between neighbours (the median of 1 and 2 is 1 here, 1.5 there), with many they do not.
    pub fn quantile(&self, q: f64) -> f64 {
        if self.count == 0 {
            return 0.0;
        }
        let below_zero = self.negative.as_ref().map_or(0, |negative| negative.count);
        let rank = rank_of(q, self.count);
        let value = match &self.negative {
            // Ascending values are descending magnitudes.
            Some(negative) if rank <= below_zero => -to_unit(negative.at(below_zero - rank + 1)),
            _ => to_unit(self.positive.at(rank - below_zero)),
        };
        value.clamp(self.min, self.max)
    }

    /// The standard deviation of the samples (divisor: their count).
    ///
    /// It is taken over the buckets' values, so a spread of less than a thousandth of the mean is
    /// not resolved.
    pub fn stdev(&self) -> f64 {
        if self.count == 0 {
            return 0.0;
        }
        let count = self.count as f64;
        // The buckets' own mean, not the samples': else one full bucket would seem to be spread.
        let mean = self.buckets().map(|b| b.value * (b.count as f64 / count)).sum::<f64>();
        let variance: f64 =
            self.buckets().map(|b| (b.value - mean).powi(2) * (b.count as f64 / count)).sum();
        variance.sqrt()
    }

    /// The same in less room and less precise.
    pub fn sketch(&self) -> Sketch {
        let of = |negative| move |(magnitude, count)| (negative, magnitude, count);
        let negative = self.negative.iter().flat_map(|negative| negative.ascending());
        Sketch::of(negative.map(of(true)).chain(self.positive.ascending().map(of(false))))
    }

    /// The buckets that hold samples, in ascending order.
    pub fn buckets(&self) -> impl Iterator<Item = Bucket> {
        let negative = self.negative.iter().flat_map(|negative| negative.descending());
        let negative = negative.map(|(value, count)| Bucket { value: -to_unit(value), count });
        let positive = self.positive.ascending();
        negative.chain(positive.map(|(value, count)| Bucket { value: to_unit(value), count }))
    }
}

impl fmt::Debug for Distribution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Distribution")
            .field("count", &self.count)
            .field("sum", &self.sum)
            .field("min", &self.min)
            .field("max", &self.max)
            .finish_non_exhaustive()
    }
}

/// Adds two finite numbers and stays finite, so that no sum of sums is ever "not a number".
pub(crate) fn finite_sum(a: f64, b: f64) -> f64 {
    (a + b).clamp(f64::MIN, f64::MAX)
}

/// The rank, counted from 1, of the sample that a share `q` of so many do not exceed.
pub(crate) fn rank_of(q: f64, count: u64) -> u64 {
    // 0.07 × 100 is a little more than 7, and must not become rank 8.
    let rank = q.clamp(0.0, 1.0) * count as f64 * (1.0 - 2.0 * f64::EPSILON);
    (rank.ceil() as u64).clamp(1, count.max(1))
}

fn to_unit(magnitude: u64) -> f64 {
    magnitude as f64 / SCALE
}

/// A histogram of magnitudes, in bands that are made when a value first falls into them. Its buckets are those of an
/// HdrHistogram of three digits.
///
/// All of them would be 300 KiB and more to make, clear or merge into; there are two a series and thread, and one more. Cut into
/// bands it costs what is used:
///
/// ```text
/// band      values               bucket width
///    0      1 ‥ 2¹²−1            1, from 2¹¹ on 2
///    b > 0  2¹⁰⁺²ᵇ ‥ 2¹²⁺²ᵇ−1    2²ᵇ, in the upper octave 2²ᵇ⁺¹
/// ```
#[derive(Clone, Default)]
struct Magnitudes {
    count: u64,
    /// How many of them are zero: the time to connect on a connection that is there, say. They need no band.
    zeros: u64,
    bands: [Option<Box<Band>>; BANDS],
}

impl Magnitudes {
    fn record(&mut self, magnitude: u64) {
        self.count = self.count.saturating_add(1);
        if magnitude == 0 {
            self.zeros = self.zeros.saturating_add(1);
            return;
        }
        let magnitude = magnitude.min(LARGEST);
        let place = band_of(magnitude);
        self.bands[place].get_or_insert_with(|| Box::new(Band::at(place))).record(magnitude);
    }

    fn merge(&mut self, other: &Self) {
        for (mine, theirs) in self.bands.iter_mut().zip(&other.bands) {
            match (mine, theirs) {
                (_, None) => {}
                (_, Some(theirs)) if theirs.count == 0 => {}
                (Some(mine), Some(theirs)) => mine.merge(theirs),
                (mine @ None, Some(theirs)) => *mine = Some(theirs.clone()),
            }
        }
        self.count = self.count.saturating_add(other.count);
        self.zeros = self.zeros.saturating_add(other.zeros);
    }

    fn clear(&mut self) {
        (self.count, self.zeros) = (0, 0);
        for band in self.bands.iter_mut().flatten().filter(|band| band.count > 0) {
            band.clear();
        }
    }

    /// The value of a rank, counted from 1 in ascending order.
    fn at(&self, rank: u64) -> u64 {
        let mut below = self.zeros;
        if rank <= below {
            return 0;
        }
        for band in self.bands.iter().flatten() {
            if rank <= below.saturating_add(band.count) {
                return band.value_of(rank - below);
            }
            below = below.saturating_add(band.count);
        }
        LARGEST
    }

    fn ascending(&self) -> impl Iterator<Item = (u64, u64)> {
        let zeros = (self.zeros > 0).then_some((0, self.zeros));
        zeros.into_iter().chain(self.bands.iter().flatten().flat_map(|band| band.ascending()))
    }

    fn descending(&self) -> impl Iterator<Item = (u64, u64)> {
        let ascending: Vec<_> = self.ascending().collect();
        ascending.into_iter().rev()
    }
}

/// The band a magnitude of at most [`LARGEST`] falls into.
fn band_of(magnitude: u64) -> usize {
    let octave = (magnitude | 1 << DIGIT_BITS).ilog2() - DIGIT_BITS;
    (octave / OCTAVES) as usize
}

#[cfg(test)]
mod tests;
