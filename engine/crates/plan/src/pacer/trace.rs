//! Moments that somebody wrote down, as of a day in production.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::Pacer;

/// The most parts that the rate of a trace is told for.
const PARTS: u64 = 1_000;
const SECOND: u64 = 1_000_000_000;
/// The longest a trace may be, in seconds: ten years, more than a slip of the unit leaves.
const LONGEST: f64 = 315_360_000.0;
/// How many mistakes are told of a file.
const TOLD: usize = 5;

/// Iterations that are due at moments of a list.
///
/// ```text
/// due(n) = the n-th moment
/// ```
///
/// The rate is told by the second, or by longer parts where there are very many.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct TracePacer {
    /// Nanoseconds from the start; never decreasing.
    due: Arc<[u64]>,
    /// How many are due in each part, and how long a part is, in nanoseconds.
    parts: Arc<[u32]>,
    part: u64,
}

impl fmt::Debug for TracePacer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TracePacer").field("due", &self.due.len()).finish_non_exhaustive()
    }
}

impl TracePacer {
    /// Reads a trace: a moment a line, in seconds from the start such as `12.5`, none before the one above
    /// it. Empty lines and what follows a `#` are left out.
    ///
    /// Fails with the first few mistakes, each with its line, a line of text for each; fits "is invalid: …".
    pub fn parse(text: &str) -> Result<Self, String> {
        let (mut due, mut mistakes) = (Vec::<u64>::new(), Vec::new());
        for (number, line) in (1..).zip(text.lines()) {
            let line = line.split('#').next().unwrap_or_default().trim();
            if line.is_empty() {
                continue;
            }
            match nanoseconds(line) {
                Some(moment) if due.last().is_some_and(|last| *last > moment) => {
                    mistakes.push(format!("line {number} is before the one above it"));
                }
                Some(moment) => due.push(moment),
                None => {
                    let shown = crate::problems::shown(line);
                    mistakes.push(match line.parse::<f64>() {
                        Ok(seconds) if seconds > LONGEST => {
                            format!("line {number} is over ten years from the start: `{shown}`")
                        }
                        _ => format!("line {number} is no number of seconds, but `{shown}`"),
                    });
                }
            }
            if mistakes.len() == TOLD {
                break;
            }
        }
        if !mistakes.is_empty() {
            return Err(mistakes.join(", "));
        }
        let Some(last) = due.last().copied() else {
            return Err("it has no moments, one a line in seconds".to_owned());
        };
        let part = (last / PARTS).div_ceil(SECOND).max(1) * SECOND;
        let mut parts = vec![0_u32; (last / part + 1) as usize];
        for moment in &due {
            parts[(moment / part) as usize] += 1;
        }
        Ok(Self { due: due.into(), parts: parts.into(), part })
    }

    /// How many moments there are.
    pub fn count(&self) -> usize {
        self.due.len()
    }

    /// After how long nothing is due any more: behind the last moment, to the millisecond.
    pub fn length(&self) -> Duration {
        let last = self.due.last().copied().unwrap_or(0);
        Duration::from_millis(last / 1_000_000 + 1)
    }
}

fn nanoseconds(text: &str) -> Option<u64> {
    let seconds: f64 = text.parse().ok()?;
    (0.0..=LONGEST).contains(&seconds).then(|| (seconds * 1e9).round() as u64)
}

impl Pacer for TracePacer {
    fn due(&self, n: u64) -> Option<Duration> {
        let moment = self.due.get(usize::try_from(n).ok()?)?;
        Some(Duration::from_nanos(*moment))
    }

    fn rate(&self, elapsed: Duration) -> f64 {
        let part = usize::try_from(elapsed.as_nanos() / u128::from(self.part.max(1))).ok();
        let count = part.and_then(|part| self.parts.get(part)).copied().unwrap_or(0);
        f64::from(count) * 1e9 / self.part.max(1) as f64
    }

    fn corners(&self) -> Vec<Duration> {
        (0..=self.parts.len() as u64).map(|n| Duration::from_nanos(n * self.part)).collect()
    }

    fn total(&self) -> f64 {
        self.due.len() as f64
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn moments_are_read_as_they_stand() {
        let trace =
            TracePacer::parse("# a rush\n0\n0.5  # the first\n\n0.5\n1e0\r\n2.25\n").unwrap();
        let due: Vec<_> = trace.arrivals(0, 1).map(|(_, due)| due.as_millis()).collect();
        assert_eq!(due, [0, 500, 500, 1_000, 2_250]);
        assert_eq!((trace.count(), trace.total()), (5, 5.0));
        assert_eq!(trace.due(5), None);
        assert_eq!(trace.length(), Duration::from_millis(2_251));
        let rates = [0, 999, 1_000, 2_500, 3_000].map(Duration::from_millis);
        assert_eq!(rates.map(|moment| trace.rate(moment)), [3.0, 3.0, 1.0, 1.0, 0.0]);
        assert_eq!(trace.corners(), [0, 1, 2, 3].map(Duration::from_secs));
    }

    #[test]
    fn each_mistake_is_told_with_its_line() {
        for (text, told) in [
            ("", "it has no moments, one a line in seconds"),
            ("# only words\n\n", "it has no moments, one a line in seconds"),
            (
                "0\nsoon\n3\n1\n-1\n",
                "line 2 is no number of seconds, but `soon`, line 4 is before the one above it, line 5 is \
                 no number of seconds, but `-1`",
            ),
            ("NaN", "line 1 is no number of seconds, but `NaN`"),
            ("1700000000.5", "line 1 is over ten years from the start: `1700000000.5`"),
            ("1,2", "line 1 is no number of seconds, but `1,2`"),
        ] {
            assert_eq!(TracePacer::parse(text).unwrap_err(), told, "{text:?}");
        }
        let many = "x\n".repeat(100);
        assert_eq!(TracePacer::parse(&many).unwrap_err().matches("line").count(), TOLD);
    }

    proptest! {
        #[test]
        fn what_is_told_of_the_rate_is_all_that_is_due(
            gaps in prop::collection::vec(0..30_000_u64, 1..200),
        ) {
            let mut at = 0;
            let lines = gaps.iter().map(|gap| {
                at += gap;
                format!("{}.{:03}\n", at / 1_000, at % 1_000)
            });
            let trace = TracePacer::parse(&lines.collect::<String>()).unwrap();
            let corners = trace.corners();
            let told: f64 = corners
                .windows(2)
                .map(|two| trace.rate(two[0]) * (two[1] - two[0]).as_secs_f64())
                .sum();
            prop_assert!((told - gaps.len() as f64).abs() < 1e-6, "{}", told);
            prop_assert!(corners.len() as u64 <= PARTS + 2);
            let due: Vec<_> = trace.arrivals(0, 1).map(|(_, due)| due).collect();
            prop_assert!(due.is_sorted() && due.iter().all(|due| *due < trace.length()));
        }
    }
}
