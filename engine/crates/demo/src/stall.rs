//! Spells in which the shop stands still.
//!
//! Modelled as a process that is stopped and continued: time goes on outside, and inside it does not.
//! *Elapsed* time is outside, *working* time inside; all other faults reckon in working time, and only
//! here is one turned into the other.
//!
//! ```text
//! every 10s for 2s    elapsed  0        10  12       20  22
//!                     works    |---------|...|--------|...|------
//!                     working  0        10  10       18  18
//! ```

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::duration;
use crate::faults::FaultError;

/// When the shop stands still. Times count from the first request to one of its pages.
///
/// As text: `at 10s for 1.4s` or `every 10s for 1.4s`. Everything that is under way or arrives waits
/// until the stall ends, and has the rest of its time then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stall {
    /// One stall.
    Once {
        /// When it begins.
        at: Duration,
        /// How long it lasts.
        length: Duration,
    },
    /// A stall at each multiple of the period but zero.
    Every {
        /// From the beginning of one to the beginning of the next; longer than `length`.
        period: Duration,
        /// How long each lasts.
        length: Duration,
    },
}

impl Stall {
    /// How much work time has passed after this much time outside.
    pub(crate) fn working(&self, elapsed: Duration) -> Duration {
        match *self {
            Self::Once { at, length } => {
                if elapsed < at {
                    elapsed
                } else {
                    at + elapsed.saturating_sub(at + length)
                }
            }
            Self::Every { period, length } => {
                let (rounds, into) = divided(elapsed, period);
                if rounds == 0 {
                    return into;
                }
                // The first round has no stall; each later one begins with its own.
                period
                    + times(period.saturating_sub(length), rounds - 1)
                    + into.saturating_sub(length)
            }
        }
    }

    /// How much time has passed outside once this much work time has; after any stall that begins there.
    pub(crate) fn elapsed(&self, working: Duration) -> Duration {
        match *self {
            Self::Once { at, length } => {
                if working < at {
                    working
                } else {
                    working + length
                }
            }
            Self::Every { period, length } => {
                if working < period {
                    return working;
                }
                let (rounds, into) = divided(working - period, period.saturating_sub(length));
                times(period, rounds + 1) + length + into
            }
        }
    }
}

/// How often a duration holds another, and what is left. Never divides by zero.
fn divided(duration: Duration, by: Duration) -> (u64, Duration) {
    let by = by.as_nanos().max(1);
    let (rounds, rest) = (duration.as_nanos() / by, duration.as_nanos() % by);
    // A run of 500 years would be needed to exceed these, even for a period of a nanosecond.
    (saturated(rounds), Duration::from_nanos(saturated(rest)))
}

fn times(duration: Duration, factor: u64) -> Duration {
    Duration::from_nanos(saturated(duration.as_nanos().saturating_mul(factor.into())))
}

fn saturated(number: u128) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

impl FromStr for Stall {
    type Err = FaultError;

    fn from_str(text: &str) -> Result<Self, FaultError> {
        let problem = |reason: String| FaultError::new("stall", reason);
        let words: Vec<_> = text.split_whitespace().collect();
        let [when @ ("at" | "every"), first, "for", length] = words[..] else {
            return Err(problem(format!(
                "`{text}` is not `at 10s for 1.4s` or `every 10s for 1.4s`"
            )));
        };
        let first = duration::parse(first).map_err(problem)?;
        let length = duration::parse(length).map_err(problem)?;
        match when {
            "at" => Ok(Self::Once { at: first, length }),
            _ if length < first => Ok(Self::Every { period: first, length }),
            _ => Err(problem(format!(
                "`{text}` leaves no time to work: a stall must be shorter than its period"
            ))),
        }
    }
}

impl fmt::Display for Stall {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (word, first, length) = match *self {
            Self::Once { at, length } => ("at", at, length),
            Self::Every { period, length } => ("every", period, length),
        };
        write!(out, "{word} {} for {}", duration::print(first), duration::print(length))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn work_stands_still_while_the_stall_lasts() {
        for (text, elapsed, working) in [
            ("at 10s for 1.4s", 9_999, 9_999),
            ("at 10s for 1.4s", 10_000, 10_000),
            ("at 10s for 1.4s", 11_000, 10_000),
            ("at 10s for 1.4s", 11_500, 10_100),
            ("every 10s for 2s", 9_000, 9_000),
            ("every 10s for 2s", 11_000, 10_000),
            ("every 10s for 2s", 12_500, 10_500),
            ("every 10s for 2s", 21_000, 18_000),
            ("every 10s for 2s", 33_000, 27_000),
        ] {
            let stall: Stall = text.parse().unwrap();
            let passed = stall.working(Duration::from_millis(elapsed));
            assert_eq!(passed, Duration::from_millis(working), "{text} after {elapsed} ms");
        }
    }

    #[test]
    fn work_ends_after_the_stalls_it_meets() {
        for (text, working, elapsed) in [
            ("at 10s for 1.4s", 9_999, 9_999),
            ("at 10s for 1.4s", 10_000, 11_400),
            ("at 10s for 1.4s", 20_000, 21_400),
            ("every 10s for 2s", 9_999, 9_999),
            ("every 10s for 2s", 10_000, 12_000),
            ("every 10s for 2s", 17_999, 19_999),
            ("every 10s for 2s", 18_000, 22_000),
        ] {
            let stall: Stall = text.parse().unwrap();
            let passed = stall.elapsed(Duration::from_millis(working));
            assert_eq!(passed, Duration::from_millis(elapsed), "{text} after {working} ms of work");
        }
    }

    fn any_stall() -> impl Strategy<Value = Stall> {
        (2..5_000_u64, 1..5_000_u64, any::<bool>()).prop_map(|(first, length, once)| {
            let (first, length) = (Duration::from_millis(first), Duration::from_millis(length));
            match once {
                true => Stall::Once { at: first, length },
                false => Stall::Every { period: first + length, length },
            }
        })
    }

    proptest! {
        #[test]
        fn an_answer_is_never_due_in_a_stall_nor_before_it_was_asked_for(
            stall in any_stall(), milliseconds in 0..100_000_u64,
        ) {
            let elapsed = Duration::from_millis(milliseconds);
            let due = stall.elapsed(stall.working(elapsed));
            prop_assert!(due >= elapsed);
            prop_assert_eq!(stall.working(due), stall.working(elapsed), "no work is done meanwhile");
            prop_assert_eq!(stall.elapsed(stall.working(due)), due, "it is released once");
        }

        #[test]
        fn neither_clock_goes_backwards(stall in any_stall(), from in 0..50_000_u64, more in 0..50_000_u64) {
            let (from, to) = (Duration::from_millis(from), Duration::from_millis(from + more));
            prop_assert!(stall.working(from) <= stall.working(to));
            prop_assert!(stall.elapsed(from) <= stall.elapsed(to));
        }
    }
}
