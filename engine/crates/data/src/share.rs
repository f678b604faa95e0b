//! Which part of the rows is one machine's, where several run the same test.

use std::num::NonZeroU32;

/// One machine of several: `index` of `count`, from 0.
///
/// Of what all of them hand out together, it hands out every `count`-th, beginning with the `index`-th: each
/// machine works out its own part, none needs to ask another, and nothing is lost in division.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    index: u32,
    count: NonZeroU32,
}

impl Share {
    /// A machine that runs alone.
    pub const WHOLE: Self = Self { index: 0, count: NonZeroU32::MIN };

    /// Returns machine `index` of `count`; none if there is no such machine.
    pub fn new(index: u32, count: NonZeroU32) -> Option<Self> {
        (index < count.get()).then_some(Self { index, count })
    }

    /// The place that this machine's n-th has among all of them, both from 0.
    pub(crate) fn place(self, n: u64) -> u64 {
        n.saturating_mul(self.count.get().into()).saturating_add(self.index.into())
    }

    /// How many of so many rows are this machine's, if each is one's only.
    pub(crate) fn of(self, rows: u32) -> u32 {
        rows.saturating_sub(self.index).div_ceil(self.count.get())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn there_is_no_machine_beyond_the_last() {
        let three = NonZeroU32::new(3).expect("it is not zero");
        assert!(Share::new(2, three).is_some());
        assert_eq!(Share::new(3, three), None);
        assert_eq!(Share::new(0, NonZeroU32::MIN), Some(Share::WHOLE));
    }

    proptest! {
        #[test]
        fn shares_are_apart_and_together_the_whole(rows in 0..500_u32, count in 1..9_u32) {
            let count = NonZeroU32::new(count).expect("it is not zero");
            let mut seen = Vec::new();
            for index in 0..count.get() {
                let share = Share::new(index, count).expect("there is such a machine");
                let own: Vec<u64> = (0..)
                    .map(|n| share.place(n))
                    .take_while(|place| *place < rows.into())
                    .collect();
                prop_assert_eq!(own.len(), share.of(rows) as usize);
                seen.extend(own);
            }
            seen.sort_unstable();
            prop_assert_eq!(seen, (0..u64::from(rows)).collect::<Vec<_>>());
        }
    }
}
