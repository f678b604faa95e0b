//! Two octaves of a histogram.

use super::{DIGIT_BITS, OCTAVES};

/// The lower octave of a band has as many buckets as three decimal digits tell apart, and so has the upper one, where they
/// are twice as wide.
const IN_OCTAVE: u64 = 1 << DIGIT_BITS;
/// Where the upper octave begins, in widths of the lower one's buckets.
const UPPER: u64 = 2 * IN_OCTAVE;

/// How many samples there are in each bucket of two octaves. The first band has all that is below them, too.
#[derive(Clone)]
pub(super) struct Band {
    pub(super) count: u64,
    /// How many bits a bucket of the lower octave is wide.
    width_bits: u32,
    /// The number that the first bucket would have if there were buckets down to zero.
    first: u64,
    buckets: Box<[u64]>,
}

impl Band {
    /// The empty band of a place.
    pub(super) fn at(place: usize) -> Self {
        let first = if place == 0 { 0 } else { IN_OCTAVE };
        Self {
            count: 0,
            width_bits: OCTAVES * place as u32,
            first,
            buckets: vec![0; (UPPER + IN_OCTAVE - first) as usize].into(),
        }
    }

    /// Counts a sample, which must be of this band.
    pub(super) fn record(&mut self, magnitude: u64) {
        let widths = magnitude >> self.width_bits;
        let number = if widths < UPPER { widths } else { widths / 2 + IN_OCTAVE };
        let bucket = &mut self.buckets[(number - self.first) as usize];
        *bucket = bucket.saturating_add(1);
        self.count = self.count.saturating_add(1);
    }

    /// Adds the samples of another band of this place.
    pub(super) fn merge(&mut self, other: &Self) {
        debug_assert_eq!(self.width_bits, other.width_bits, "they are of one place");
        for (mine, theirs) in self.buckets.iter_mut().zip(&other.buckets) {
            *mine = mine.saturating_add(*theirs);
        }
        self.count = self.count.saturating_add(other.count);
    }

    /// Forgets all samples.
    pub(super) fn clear(&mut self) {
        self.count = 0;
        self.buckets.fill(0);
    }

    /// The value of a rank, counted from 1 in ascending order; that of the last bucket if it has fewer samples.
    pub(super) fn value_of(&self, rank: u64) -> u64 {
        let mut up_to = 0_u64;
        let reaches = |bucket: &u64| {
            up_to = up_to.saturating_add(*bucket);
            up_to >= rank
        };
        self.value(self.buckets.iter().position(reaches).unwrap_or(self.buckets.len() - 1))
    }

    /// The values of the buckets that hold samples, and how many they hold, in ascending order.
    pub(super) fn ascending(&self) -> impl Iterator<Item = (u64, u64)> {
        let buckets = self.buckets.iter().enumerate().filter(|(_, count)| **count > 0);
        buckets.map(|(index, count)| (self.value(index), *count))
    }

    /// The largest value that a bucket holds.
    fn value(&self, index: usize) -> u64 {
        let number = self.first + index as u64;
        let end = if number < UPPER { number + 1 } else { (number - IN_OCTAVE + 1) * 2 };
        (end << self.width_bits) - 1
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{BANDS, LARGEST, band_of};
    use super::*;

    proptest! {
        #[test]
        fn buckets_are_those_of_hdr_histogram(any in 0_u64.., octave in 0_u32..62) {
            let hdr = hdrhistogram::Histogram::<u64>::new_with_bounds(1, LARGEST, 3)
                .expect("the bounds are valid");
            // As many of each octave as of any other, and its ends.
            let (start, size) = (1_u64 << octave, (1_u64 << octave) - 1);
            for magnitude in [start, start + (any & size), start + size] {
            let magnitude = magnitude.clamp(1, LARGEST);
            let mut band = Band::at(band_of(magnitude));
            band.record(magnitude);
            let of_hdr = hdr.highest_equivalent(magnitude);
            prop_assert_eq!(band.ascending().collect::<Vec<_>>(), [(of_hdr, 1)]);
            prop_assert_eq!(band.value_of(1), of_hdr);
            }
        }
    }

    #[test]
    fn bands_follow_each_other_without_a_gap() {
        let mut before = 0;
        for place in 0..BANDS {
            let mut band = Band::at(place);
            let end = 1_u64 << (DIGIT_BITS + OCTAVES + OCTAVES * place as u32);
            band.record(before.max(1));
            band.record(end - 1);
            let values: Vec<_> = band.ascending().collect();
            assert_eq!(values.last(), Some(&(end - 1, 1)), "{place}");
            assert_eq!(band.buckets.len() * 8, if place == 0 { 24 << 10 } else { 16 << 10 });
            assert_eq!((band.buckets[usize::from(place == 0)], band.count), (1, 2), "{place}");
            before = end;
        }
        assert_eq!(before - 1, LARGEST);
    }
}
