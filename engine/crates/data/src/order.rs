//! In which order rows are handed out to all virtual users together.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::Share;

/// In which order rows are handed out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowOrder {
    /// One after another, and from the start again.
    Sequential,
    /// By chance.
    Random {
        /// What the chance starts from: the same gives the same rows in the same order.
        seed: u64,
    },
    /// One after another, each only once.
    Unique {
        /// What happens then.
        on_exhausted: OnExhausted,
    },
    /// Each VU its own: VU 1 the first, and from the start again where there are more VUs than rows.
    ByVu,
}

/// What happens when each row has been handed out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnExhausted {
    /// The run ends as if its time had come.
    Stop,
    /// The first row is handed out again, and so on.
    Wrap,
    /// The script is given an error.
    Fail,
}

/// Hands out rows, to any thread.
#[derive(Debug)]
pub(crate) struct Cursor {
    order: RowOrder,
    share: Share,
    /// How often a row was asked for. It does not come to its end in any run: a million a second take half
    /// a million years.
    asked: AtomicU64,
}

impl Cursor {
    pub(crate) fn new(order: RowOrder, share: Share) -> Self {
        Self { order, share, asked: AtomicU64::new(0) }
    }

    /// The next of so many rows, at least one, for this VU; what is to happen if none is left.
    pub(crate) fn next(&self, rows: u32, vu: u32) -> Result<u32, OnExhausted> {
        let ask = || self.share.place(self.asked.fetch_add(1, Ordering::Relaxed));
        Ok(match self.order {
            RowOrder::Sequential | RowOrder::Unique { on_exhausted: OnExhausted::Wrap } => {
                within(ask() % u64::from(rows))
            }
            RowOrder::Random { seed } => {
                // The upper half of a product is as even as the remainder, and needs no division.
                within(((u128::from(splitmix64(seed, ask())) * u128::from(rows)) >> 64) as u64)
            }
            RowOrder::Unique { on_exhausted } => match ask() {
                next if next < u64::from(rows) => within(next),
                _ => return Err(on_exhausted),
            },
            // `setup` and `teardown` are on no VU, and have the first row that VU 1 has.
            RowOrder::ByVu => {
                within(self.share.place(vu.saturating_sub(1).into()) % u64::from(rows))
            }
        })
    }
}

/// A row's number, which is below the number of rows and so fits.
fn within(row: u64) -> u32 {
    u32::try_from(row).unwrap_or(u32::MAX)
}

/// The n-th number of the generator of this name (Steele, Lea, Flood 2014) with this seed.
fn splitmix64(seed: u64, n: u64) -> u64 {
    let step = n.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mut z = seed.wrapping_add(step);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use proptest::prelude::*;

    use super::*;

    fn handed_out(order: RowOrder, rows: u32, times: usize) -> Vec<u32> {
        let cursor = Cursor::new(order, Share::WHOLE);
        (0..times).filter_map(|_| cursor.next(rows, 1).ok()).collect()
    }

    #[test]
    fn the_generator_is_the_published_one() {
        // The first numbers of the reference implementation for the seed 1234567.
        let known = [6_457_827_717_110_365_317, 3_203_168_211_198_807_973];
        assert_eq!([0, 1].map(|n| splitmix64(1_234_567, n)), known);
    }

    #[test]
    fn rows_come_in_the_order_asked_for() {
        let wrap = RowOrder::Unique { on_exhausted: OnExhausted::Wrap };
        for (order, rows, why) in [
            (RowOrder::Sequential, vec![0, 1, 2, 0, 1], "from the start again"),
            (wrap, vec![0, 1, 2, 0, 1], "likewise"),
            (RowOrder::Unique { on_exhausted: OnExhausted::Stop }, vec![0, 1, 2], "and no more"),
            (RowOrder::ByVu, vec![0; 5], "always the same"),
        ] {
            assert_eq!(handed_out(order, 3, 5), rows, "{why}");
        }
    }

    #[test]
    fn what_runs_out_says_what_is_to_happen() {
        for on_exhausted in [OnExhausted::Stop, OnExhausted::Fail] {
            let cursor = Cursor::new(RowOrder::Unique { on_exhausted }, Share::WHOLE);
            assert_eq!(
                [1, 2, 3].map(|vu| cursor.next(1, vu).err()),
                [None, Some(on_exhausted), Some(on_exhausted)]
            );
        }
    }

    #[test]
    fn every_vu_has_a_row_of_its_own_while_there_are_enough() {
        let cursor = Cursor::new(RowOrder::ByVu, Share::WHOLE);
        assert_eq!([1, 2, 3, 4, 5].map(|vu| cursor.next(3, vu)), [0, 1, 2, 0, 1].map(Ok));
        assert_eq!(cursor.next(3, 0), Ok(0), "`setup` is on no VU");
    }

    proptest! {
        #[test]
        fn chance_can_be_repeated_and_leaves_no_row_out(seed: u64, rows in 1..50_u32) {
            let order = RowOrder::Random { seed };
            let first = handed_out(order, rows, 2_000);
            prop_assert_eq!(&first, &handed_out(order, rows, 2_000));
            for row in 0..rows {
                prop_assert!(first.contains(&row), "row {} of {}", row, rows);
            }
            prop_assert!(first.iter().all(|row| *row < rows));
        }

        #[test]
        fn machines_together_hand_out_what_one_alone_does(
            rows in 1..200_u32,
            machines in 1..6_u32,
            seed: u64,
        ) {
            let count = NonZeroU32::new(machines).expect("it is not zero");
            for order in [
                RowOrder::Sequential,
                RowOrder::Random { seed },
                RowOrder::Unique { on_exhausted: OnExhausted::Fail },
                RowOrder::ByVu,
            ] {
                let alone = Cursor::new(order, Share::WHOLE);
                let cursors: Vec<Cursor> = (0..machines)
                    .map(|index| Cursor::new(order, Share::new(index, count).unwrap()))
                    .collect();
                // Turn by turn; VU 1 of each, then VU 2 of each. More turns than there are rows.
                for turn in 0..rows + 5 {
                    for (index, cursor) in (0..).zip(&cursors) {
                        let place = turn * machines + index;
                        prop_assert_eq!(
                            cursor.next(rows, turn + 1),
                            alone.next(rows, place + 1),
                            "{:?}, place {}", order, place
                        );
                    }
                }
            }
        }

        #[test]
        fn unique_rows_are_each_handed_out_once_whoever_asks(rows in 1..500_u32, threads in 1..8_usize) {
            let order = RowOrder::Unique { on_exhausted: OnExhausted::Stop };
            let cursor = Cursor::new(order, Share::WHOLE);
            let take_all = || {
                let mut taken = Vec::new();
                while let Ok(row) = cursor.next(rows, 1) {
                    taken.push(row);
                }
                taken
            };
            let mut taken = std::thread::scope(|scope| {
                let each: Vec<_> = (0..threads).map(|_| scope.spawn(take_all)).collect();
                each.into_iter().flat_map(|one| one.join().unwrap()).collect::<Vec<_>>()
            });
            taken.sort_unstable();
            prop_assert_eq!(taken, (0..rows).collect::<Vec<_>>());
        }
    }
}
