//! How long an answer takes, drawn from a distribution.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::dice::Dice;
use crate::duration;
use crate::faults::FaultError;

/// A distribution of delays, added to each answer of the shop.
///
/// As text: `constant 5ms`, `normal 20ms 5ms`, `exponential 20ms` or `uniform 5ms 50ms`. The
/// timer ends each a few milliseconds late, never early.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Latency {
    /// Always the same.
    Constant(Duration),
    /// Around a mean; draws below zero count as zero.
    Normal {
        /// The centre.
        mean: Duration,
        /// The standard deviation.
        deviation: Duration,
    },
    /// Many short ones and a few long ones, as of independent events; at most about 37 times the mean.
    Exponential {
        /// The mean.
        mean: Duration,
    },
    /// All between two bounds, equally likely.
    Uniform {
        /// The shortest, included.
        min: Duration,
        /// The longest, excluded unless it is also the shortest.
        max: Duration,
    },
}

impl Latency {
    /// Draws one delay.
    pub(crate) fn draw(&self, dice: &mut Dice) -> Duration {
        match *self {
            Self::Constant(delay) => delay,
            Self::Normal { mean, deviation } => {
                let seconds = mean.as_secs_f64() + deviation.as_secs_f64() * dice.normal();
                Duration::from_secs_f64(seconds.max(0.0))
            }
            Self::Exponential { mean } => mean.mul_f64(dice.exponential()),
            Self::Uniform { min, max } => min + (max - min).mul_f64(dice.unit()),
        }
    }
}

impl FromStr for Latency {
    type Err = FaultError;

    fn from_str(text: &str) -> Result<Self, FaultError> {
        let problem = |reason: String| FaultError::new("latency", reason);
        let mut words = text.split_whitespace();
        let shape = words.next().unwrap_or_default();
        let durations = words.map(duration::parse).collect::<Result<Vec<_>, _>>();
        match (shape, durations.map_err(problem)?.as_slice()) {
            ("constant", &[delay]) => Ok(Self::Constant(delay)),
            ("normal", &[mean, deviation]) => Ok(Self::Normal { mean, deviation }),
            ("exponential", &[mean]) => Ok(Self::Exponential { mean }),
            ("uniform", &[min, max]) if min <= max => Ok(Self::Uniform { min, max }),
            ("uniform", &[_, _]) => Err(problem(format!(
                "`{text}` has its shortest delay after its longest: give the shorter one first"
            ))),
            _ => Err(problem(format!(
                "`{text}` is not `constant 5ms`, `normal 20ms 5ms`, `exponential 20ms` or \
                 `uniform 5ms 50ms`"
            ))),
        }
    }
}

impl fmt::Display for Latency {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let print = duration::print;
        match *self {
            Self::Constant(delay) => write!(out, "constant {}", print(delay)),
            Self::Normal { mean, deviation } => {
                write!(out, "normal {} {}", print(mean), print(deviation))
            }
            Self::Exponential { mean } => write!(out, "exponential {}", print(mean)),
            Self::Uniform { min, max } => write!(out, "uniform {} {}", print(min), print(max)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DRAWS: u32 = 100_000;

    /// Mean and standard deviation of many draws, in milliseconds.
    fn moments(text: &str) -> (f64, f64) {
        let latency: Latency = text.parse().unwrap();
        let mut dice = Dice::new(7);
        let (mut sum, mut squares) = (0.0, 0.0);
        for _ in 0..DRAWS {
            let delay = latency.draw(&mut dice).as_secs_f64() * 1e3;
            sum += delay;
            squares += delay * delay;
        }
        let mean = sum / f64::from(DRAWS);
        (mean, (squares / f64::from(DRAWS) - mean * mean).max(0.0).sqrt())
    }

    #[test]
    fn draws_have_the_mean_and_deviation_of_their_distribution() {
        for (text, mean, deviation) in [
            ("constant 5ms", 5.0, 0.0),
            ("normal 50ms 5ms", 50.0, 5.0),
            ("exponential 20ms", 20.0, 20.0),
            // A uniform distribution's deviation is its width by the root of twelve.
            ("uniform 10ms 70ms", 40.0, 60.0 / 12.0_f64.sqrt()),
        ] {
            let (drawn_mean, drawn_deviation) = moments(text);
            assert!((drawn_mean - mean).abs() < 0.01 * mean, "{text}: mean {drawn_mean}");
            assert!(
                (drawn_deviation - deviation).abs() < 0.01 * deviation + 1e-3,
                "{text}: deviation {drawn_deviation}"
            );
        }
    }

    #[test]
    fn a_draw_below_zero_counts_as_zero() {
        let latency: Latency = "normal 1ms 50ms".parse().unwrap();
        let mut dice = Dice::new(1);
        let zeros = (0..100).filter(|_| latency.draw(&mut dice).is_zero()).count();
        assert!((20..80).contains(&zeros), "about half of them: {zeros}");
    }

    #[test]
    fn a_seed_repeats_its_draws() {
        let latency: Latency = "exponential 20ms".parse().unwrap();
        let draws = |seed| {
            let mut dice = Dice::new(seed);
            std::array::from_fn::<_, 10, _>(|_| latency.draw(&mut dice))
        };
        assert_eq!(draws(3), draws(3));
        assert_ne!(draws(3), draws(4));
    }
}
