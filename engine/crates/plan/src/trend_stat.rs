//! Which figures of a trend a summary shows.

use std::fmt;
use std::str::FromStr;

/// One figure of a trend, such as its mean or a percentile.
#[derive(Clone, Debug, PartialEq)]
pub enum TrendStat {
    /// The mean.
    Avg,
    /// The smallest sample.
    Min,
    /// The median.
    Med,
    /// The largest sample.
    Max,
    /// A percentile, from 0 to 100.
    P(f64),
    /// How many samples there are.
    Count,
    /// The standard deviation, which k6 does not have.
    Stdev,
    /// The coefficient of variation: the standard deviation as a share of the mean. k6 does not have it either.
    Cv,
}

/// Why a text is not a [`TrendStat`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TrendStatError {
    /// There is no such figure.
    #[error(
        "must be `avg`, `min`, `med`, `max`, `count`, `stdev`, `cv` or a percentile such as `p(95)`"
    )]
    Unknown,
    /// The percentile is not a number from 0 to 100.
    #[error("must be a percentile from 0 to 100, such as `p(95)`")]
    Percentile,
}

impl TrendStat {
    /// Reads one, as in `avg` or `p(99.9)`.
    ///
    /// Fails with [`TrendStatError`] where the text is none.
    pub fn parse(text: &str) -> Result<Self, TrendStatError> {
        Ok(match text {
            "avg" => Self::Avg,
            "min" => Self::Min,
            "med" => Self::Med,
            "max" => Self::Max,
            "count" => Self::Count,
            "stdev" => Self::Stdev,
            "cv" => Self::Cv,
            _ => {
                let percent = text
                    .strip_prefix("p(")
                    .and_then(|rest| rest.strip_suffix(')'))
                    .ok_or(TrendStatError::Unknown)?;
                // `-0` is within, and would be written as no one wrote it.
                match percent.parse::<f64>() {
                    Ok(percent) if (0.0..=100.0).contains(&percent) => Self::P(percent.abs()),
                    _ => return Err(TrendStatError::Percentile),
                }
            }
        })
    }

    /// Returns what it is called in a summary, as it is read.
    pub fn label(&self) -> String {
        self.to_string()
    }
}

/// The figures shown where none are named: k6's.
pub(crate) const DEFAULT: [TrendStat; 6] = [
    TrendStat::Avg,
    TrendStat::Min,
    TrendStat::Med,
    TrendStat::Max,
    TrendStat::P(90.0),
    TrendStat::P(95.0),
];

impl fmt::Display for TrendStat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Avg => "avg",
            Self::Min => "min",
            Self::Med => "med",
            Self::Max => "max",
            Self::Count => "count",
            Self::Stdev => "stdev",
            Self::Cv => "cv",
            Self::P(percent) => return write!(f, "p({percent})"),
        })
    }
}

impl FromStr for TrendStat {
    type Err = TrendStatError;

    fn from_str(text: &str) -> Result<Self, TrendStatError> {
        Self::parse(text)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn figures_are_named_as_in_k6_where_it_has_them() {
        use TrendStatError::{Percentile, Unknown};
        for (text, stat, why) in [
            ("avg", Ok(TrendStat::Avg), "the mean"),
            ("med", Ok(TrendStat::Med), "the median"),
            ("count", Ok(TrendStat::Count), "the number of samples"),
            ("stdev", Ok(TrendStat::Stdev), "how far they are from it"),
            ("cv", Ok(TrendStat::Cv), "as a share of it"),
            ("p(95)", Ok(TrendStat::P(95.0)), "a percentile"),
            ("p(99.99)", Ok(TrendStat::P(99.99)), "a finer one"),
            ("p(0)", Ok(TrendStat::P(0.0)), "the least"),
            ("p(100)", Ok(TrendStat::P(100.0)), "the most"),
            ("p(100.1)", Err(Percentile), "beyond the most"),
            ("p(-1)", Err(Percentile), "below the least"),
            ("p(NaN)", Err(Percentile), "no number"),
            ("p()", Err(Percentile), "no percentile"),
            ("p(95", Err(Unknown), "not closed"),
            ("p95", Err(Unknown), "not k6's way"),
            ("AVG", Err(Unknown), "not in capitals"),
            ("", Err(Unknown), "nothing"),
        ] {
            assert_eq!(TrendStat::parse(text), stat, "{text}: {why}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(percent in 0.0..=100.0_f64) {
            let stat = TrendStat::P(percent);
            prop_assert_eq!(TrendStat::parse(&stat.label()), Ok(stat));
        }

        #[test]
        fn no_text_breaks_the_parser(text in "p[(]\\PC{0,9}[)]|\\PC{0,9}") {
            let _ = TrendStat::parse(&text);
        }
    }
}
