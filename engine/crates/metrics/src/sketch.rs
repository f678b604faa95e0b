//! A distribution in little room, of which a run can keep one a second.
//!
//! What the totals of a run are made of is [`Distribution`](crate::Distribution): finer, and a hundred times larger.

use std::fmt;

use crate::distribution::{SCALE, rank_of};

/// Binary digits that a value keeps behind its first.
const DIGIT_BITS: u32 = 5;

/// The number of the last bucket: magnitudes have 62 bits.
const LAST: u16 = 1_855;

/// How the samples of a trend are spread, as the counts of the buckets that have any.
///
/// * **Buckets.** A value is a whole number of millionths of the metric's unit (of a time: nanoseconds). Up to 63 each
///   has its own bucket, and its number is the value. From there on an octave has 32: bucket `n` begins at
///   `(n − 32 × s) × 2ˢ`, where `s` is `⌊n ÷ 32⌋ − 1`, and is `2ˢ` wide. The bucket of a negative value has the number
///   of its magnitude, negated.
/// * **Precision.** A quantile is the middle of a bucket, and so within 1/64 (1.6 %) of a sample that was really there, or
///   within a millionth of the unit.
/// * **Merging** adds count by count: what is merged of parts equals the sketch of the whole.
/// * **Room.** Two bytes for a bucket next to another that has less than 128 samples, twelve at most, and at most 3,711
///   buckets. Times from 1 to 8 ms are in 97.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Sketch {
    /// For each bucket that has samples, in ascending order, how far its number is from that of the one before and how many
    /// samples it has. Both are [varints](push_varint); the first number is told from `-LAST`.
    packed: Box<[u8]>,
    /// How many buckets that is.
    len: u16,
}

/// The buckets of a [`Sketch`] that have samples: see [`Sketch::counts`].
#[derive(Clone, Debug)]
pub struct Counts<'s> {
    packed: &'s [u8],
    number: i16,
    left: u16,
}

impl Iterator for Counts<'_> {
    type Item = (i16, u64);

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        // What was pushed is a difference of two numbers.
        self.number += take_varint(&mut self.packed) as i16;
        Some((self.number, take_varint(&mut self.packed)))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left.into(), Some(self.left.into()))
    }
}

impl ExactSizeIterator for Counts<'_> {}

/// Adds a number, seven bits a byte, the lowest first; the eighth says that there are more (LEB128).
fn push_varint(bytes: &mut Vec<u8>, mut number: u64) {
    while number > 0x7f {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

/// Takes one off the front.
fn take_varint(bytes: &mut &[u8]) -> u64 {
    let (mut number, mut shift) = (0, 0);
    while let Some((byte, rest)) = bytes.split_first() {
        *bytes = rest;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            break;
        }
        shift += 7;
    }
    number
}

impl fmt::Debug for Sketch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.counts()).finish()
    }
}

/// A part of a [`Sketch`]: how many samples are between two values.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Between {
    /// The value nearest to zero that the bucket holds, in the metric's unit.
    pub from: f64,
    /// The value furthest from zero.
    pub to: f64,
    /// How many samples it holds.
    pub count: u64,
}

impl Sketch {
    /// A sketch of these buckets, by number and count, such as [`counts`](Self::counts) says them; in any order. Numbers
    /// beyond the last bucket are taken for it.
    #[must_use]
    pub fn from_counts(counts: impl IntoIterator<Item = (i16, u64)>) -> Self {
        let known =
            |(number, count): (i16, u64)| (number.clamp(-(LAST as i16), LAST as i16), count);
        let counts = counts.into_iter().filter(|(_, count)| *count > 0).map(known);
        let mut counts: Vec<_> = counts.collect();
        counts.sort_unstable_by_key(|(number, _)| *number);
        counts.dedup_by(|later, earlier| {
            let same = later.0 == earlier.0;
            if same {
                earlier.1 = earlier.1.saturating_add(later.1);
            }
            same
        });
        let (mut packed, mut before) = (Vec::new(), -(LAST as i16));
        for &(number, count) in &counts {
            // Not below zero, for they are sorted.
            push_varint(&mut packed, u64::from(number.abs_diff(before)));
            push_varint(&mut packed, count);
            before = number;
        }
        // There are not more than numbers, which are 16 bits.
        Self { packed: packed.into(), len: counts.len() as u16 }
    }

    /// The numbers of the buckets that have samples, in ascending order, and how many each has.
    #[must_use]
    pub fn counts(&self) -> Counts<'_> {
        Counts { packed: &self.packed, number: -(LAST as i16), left: self.len }
    }

    /// How many samples there are.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.counts().fold(0, |sum, (_, count)| sum.saturating_add(count))
    }

    /// Adds the samples of another.
    pub fn merge(&mut self, other: &Self) {
        if self.len == 0 {
            self.clone_from(other);
        } else if other.len > 0 {
            *self = Self::from_counts(self.counts().chain(other.counts()));
        }
    }

    /// The value that a share `q` (0 to 1, clamped to it) of the samples do not exceed, by nearest rank; 0 where there
    /// are none.
    #[must_use]
    pub fn quantile(&self, q: f64) -> f64 {
        let rank = rank_of(q, self.count());
        let mut below = 0;
        for (number, count) in self.counts() {
            below = count.saturating_add(below);
            if below >= rank {
                return middle(number);
            }
        }
        0.0
    }

    /// Its buckets, in ascending order.
    pub fn buckets(&self) -> impl ExactSizeIterator<Item = Between> {
        self.counts().map(|(number, count)| {
            let (from, to) = bounds(number.unsigned_abs());
            let sign = if number < 0 { -1.0 } else { 1.0 };
            Between { from: sign * from as f64 / SCALE, to: sign * to as f64 / SCALE, count }
        })
    }

    /// Adds samples of a magnitude, in millionths.
    pub(crate) fn of(magnitudes: impl Iterator<Item = (bool, u64, u64)>) -> Self {
        Self::from_counts(magnitudes.map(|(negative, magnitude, count)| {
            let number = number(magnitude);
            (if negative { -number } else { number }, count)
        }))
    }

    /// How many buckets have samples.
    pub(crate) fn len(&self) -> usize {
        self.len.into()
    }
}

/// The number of the bucket that a magnitude falls into.
fn number(magnitude: u64) -> i16 {
    let shift = (magnitude | 1 << DIGIT_BITS).ilog2() - DIGIT_BITS;
    // Not more than `LAST`.
    ((u64::from(shift) << DIGIT_BITS) + (magnitude >> shift)) as i16
}

/// The least and the greatest magnitude in a bucket.
fn bounds(number: u16) -> (u64, u64) {
    let shift = u32::from(number >> DIGIT_BITS).saturating_sub(1);
    let from = (u64::from(number) - (u64::from(shift) << DIGIT_BITS)) << shift;
    (from, from + ((1 << shift) - 1))
}

fn middle(number: i16) -> f64 {
    let (from, to) = bounds(number.unsigned_abs());
    let middle = (from as f64 + to as f64) / 2.0 / SCALE;
    if number < 0 { -middle } else { middle }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Distribution;

    fn sketch(samples: &[f64]) -> Sketch {
        let mut distribution = Distribution::default();
        samples.iter().for_each(|sample| distribution.record(*sample));
        distribution.sketch()
    }

    #[test]
    fn a_buckets_number_says_where_it_begins_and_how_wide_it_is() {
        for (magnitude, bucket, from, to) in [
            (0, 0, 0, 0),
            (63, 63, 63, 63),
            (64, 64, 64, 65),
            (65, 64, 64, 65),
            (127, 95, 126, 127),
            (128, 96, 128, 131),
            (1_000_000, 509, 999_424, 1_015_807),
            ((1 << 62) - 1, LAST as i16, 63 << 56, (1 << 62) - 1),
        ] {
            assert_eq!(number(magnitude), bucket, "{magnitude}");
            assert_eq!(bounds(bucket as u16), (from, to), "{magnitude}");
        }
    }

    #[test]
    fn a_number_from_a_file_that_no_bucket_has_does_no_harm() {
        let odd =
            Sketch::from_counts([(i16::MAX, 1), (i16::MIN, 1), (3, 0), (7, 1), (7, u64::MAX)]);
        assert_eq!(odd.len(), 3);
        let last = LAST as i16;
        assert_eq!(odd.counts().collect::<Vec<_>>(), [(-last, 1), (7, u64::MAX), (last, 1)]);
        assert_eq!(odd.counts().len(), 3);
        assert!(odd.quantile(0.5).is_finite() && odd.buckets().all(|it| it.to.is_finite()));
    }

    #[test]
    fn nothing_is_zero() {
        assert_eq!((sketch(&[]).count(), sketch(&[]).quantile(0.5)), (0, 0.0));
        assert_eq!(sketch(&[0.0, -0.000_000_1]).quantile(0.5), 0.0);
    }

    proptest! {
        #[test]
        fn a_quantile_is_within_a_sixty_fourth_of_the_sample_of_its_rank(
            mut samples in prop::collection::vec(
                prop_oneof![4 => 0.0..5_000.0, 1 => -500.0..500.0, 1 => 0.0..1e9], 1..200,
            ),
            q in 0.0..=1.0,
        ) {
            let found = sketch(&samples).quantile(q);
            samples.sort_by(f64::total_cmp);
            let exact = samples[rank_of(q, samples.len() as u64) as usize - 1];
            prop_assert!((found - exact).abs() <= (exact.abs() / 64.0).max(1e-6) * 1.001, "{found}, {exact}");
        }

        #[test]
        fn parts_merged_are_the_whole(
            samples in prop::collection::vec(-50.0..5_000.0, 0..200),
            cut in 0.0..=1.0,
        ) {
            let (one, other) = samples.split_at((cut * samples.len() as f64) as usize);
            let mut merged = sketch(one);
            merged.merge(&sketch(other));
            prop_assert_eq!(merged, sketch(&samples));
        }

        #[test]
        fn buckets_hold_what_fell_into_them(sample in -1e9..1e9) {
            let sketch = sketch(&[sample]);
            let bucket = sketch.buckets().next().unwrap();
            let magnitude = (sample.abs() * SCALE).round() / SCALE;
            prop_assert!(bucket.from.abs() <= magnitude && magnitude <= bucket.to.abs());
            prop_assert_eq!(Sketch::from_counts(sketch.counts()), sketch);
        }
    }
}
