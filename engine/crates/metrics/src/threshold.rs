//! What a plan demands of a metric, as k6 writes it.
//!
//! Holding it against what was measured is [`Thresholds`](crate::Thresholds)' work.

use std::fmt;
use std::time::Duration;

use crate::Kind;

/// One demand, such as `p(95)<500`.
///
/// ```text
/// assertion  -> space* method space* operator space* number space*
/// method     -> "count" | "rate" | "value" | "avg" | "min" | "max" | "med" | "p(" number ")"
/// operator   -> "<=" | "<" | ">=" | ">" | "===" | "==" | "!="
/// number     -> ("+" | "-")? (digits ("." digits?)? | "." digits) (("e" | "E") ("+" | "-")? digits)?
///             | ("+" | "-")? ("inf" | "infinity"), in letters of any case
/// ```
///
/// The grammar is k6's as k6 reads it, which is wider than as k6 states it. A number has no unit: times
/// are milliseconds, data is bytes, rates go from 0 to 1. The operators are looked for in the order above
/// and the text is cut at the first that is anywhere in it; `===` and `==` mean the same. Which
/// [method](Method) fits which kind of metric is [`Method::fits`].
#[derive(Clone, Debug, PartialEq)]
pub struct Threshold {
    /// The text it was read from, as it was given.
    pub source: String,
    /// What is taken from the metric.
    pub method: Method,
    /// How that is compared.
    pub operator: Operator,
    /// What it is compared with.
    pub value: f64,
    /// Whether the run ends when this does not hold.
    pub abort_on_fail: bool,
    /// How long the run goes on all the same, from its start.
    pub delay_abort_eval: Option<Duration>,
}

/// What a threshold takes from a metric.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Method {
    /// A counter's sum.
    Count,
    /// A rate's share, or a counter's sum a second.
    Rate,
    /// A gauge's latest value.
    Value,
    /// A trend's mean.
    Avg,
    /// A trend's smallest sample.
    Min,
    /// A trend's largest sample.
    Max,
    /// A trend's median.
    Med,
    /// A trend's percentile, from 0 to 100.
    Percentile(f64),
}

impl Method {
    /// Whether metrics of this kind have it.
    ///
    /// | kind | methods |
    /// | --- | --- |
    /// | counter | `count`, `rate` |
    /// | gauge | `value` |
    /// | rate | `rate` |
    /// | trend | `avg`, `min`, `max`, `med`, `p(…)` |
    pub fn fits(self, kind: Kind) -> bool {
        match self {
            Self::Count => kind == Kind::Counter,
            Self::Rate => matches!(kind, Kind::Counter | Kind::Rate),
            Self::Value => kind == Kind::Gauge,
            Self::Avg | Self::Min | Self::Max | Self::Med | Self::Percentile(_) => {
                kind == Kind::Trend
            }
        }
    }

    /// The methods that fit a kind, in words.
    pub(crate) fn fitting(kind: Kind) -> &'static str {
        match kind {
            Kind::Counter => "`count` or `rate`",
            Kind::Gauge => "`value`",
            Kind::Rate => "`rate`",
            Kind::Trend => "`avg`, `min`, `max`, `med` or a percentile such as `p(95)`",
        }
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Count => "count",
            Self::Rate => "rate",
            Self::Value => "value",
            Self::Avg => "avg",
            Self::Min => "min",
            Self::Max => "max",
            Self::Med => "med",
            Self::Percentile(percent) => return write!(f, "p({percent})"),
        })
    }
}

/// How a threshold compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
    /// `==` or `===`
    Equal,
    /// `!=`
    NotEqual,
}

impl Operator {
    /// Whether the comparison is so. Numbers are compared to the last bit.
    pub fn holds(self, left: f64, right: f64) -> bool {
        match self {
            Self::Less => left < right,
            Self::LessOrEqual => left <= right,
            Self::Greater => left > right,
            Self::GreaterOrEqual => left >= right,
            Self::Equal => left == right,
            Self::NotEqual => left != right,
        }
    }

    /// How it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
            Self::Equal => "==",
            Self::NotEqual => "!=",
        }
    }
}

impl fmt::Display for Operator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// In the order they are looked for: none comes after a part of itself.
const OPERATORS: [(&str, Operator); 7] = [
    ("<=", Operator::LessOrEqual),
    ("<", Operator::Less),
    (">=", Operator::GreaterOrEqual),
    (">", Operator::Greater),
    ("===", Operator::Equal),
    ("==", Operator::Equal),
    ("!=", Operator::NotEqual),
];

/// Why a text is not a threshold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected {expected} at byte {offset} of `{text}`")]
pub struct ThresholdError {
    /// The text that was to be read.
    pub text: String,
    /// The byte in it where it goes wrong.
    pub offset: usize,
    /// What should have been there, and what was.
    pub expected: String,
}

impl Threshold {
    /// Reads a threshold that does not abort.
    ///
    /// Fails with [`ThresholdError`] where the text is none.
    pub fn parse(text: &str) -> Result<Self, ThresholdError> {
        let fail = |(offset, expected): (usize, String)| ThresholdError {
            text: text.to_owned(),
            offset,
            expected,
        };
        let (at, written, operator) = OPERATORS
            .iter()
            .find_map(|&(written, operator)| Some((text.find(written)?, written, operator)))
            .ok_or_else(|| {
                let expected = "an operator (`<`, `<=`, `>`, `>=`, `==`, `===` or `!=`)";
                fail((text.trim_end().len(), expected.to_owned()))
            })?;
        let method = method(&text[..at]).map_err(fail)?;
        let after = at + written.len();
        let value = value(&text[after..], written)
            .map_err(|(offset, expected)| fail((after + offset, expected)))?;
        Ok(Self {
            source: text.to_owned(),
            method,
            operator,
            value,
            abort_on_fail: false,
            delay_abort_eval: None,
        })
    }

    /// Whether a value meets the demand.
    pub fn holds(&self, observed: f64) -> bool {
        self.operator.holds(observed, self.value)
    }

    /// Whether a run that has lasted so long is to end if this does not hold.
    pub fn aborts(&self, elapsed: Duration) -> bool {
        self.abort_on_fail && self.delay_abort_eval.is_none_or(|delay| delay < elapsed)
    }
}

/// Reads what is left of the operator. Errors are offsets in it, and what was expected.
fn method(text: &str) -> Result<Method, (usize, String)> {
    let start = text.len() - text.trim_start().len();
    let name = text.trim();
    Ok(match name {
        "count" => Method::Count,
        "rate" => Method::Rate,
        "value" => Method::Value,
        "avg" => Method::Avg,
        "min" => Method::Min,
        "max" => Method::Max,
        "med" => Method::Med,
        _ => match name.strip_prefix("p(").and_then(|rest| rest.strip_suffix(')')) {
            Some(percent) => match percent.parse() {
                Ok(percent) if (0.0..=100.0).contains(&percent) => Method::Percentile(percent),
                _ => {
                    let expected = format!("a percentile from 0 to 100 instead of `{percent}`");
                    return Err((start + 2, expected));
                }
            },
            None => {
                let methods =
                    "one of `count`, `rate`, `value`, `avg`, `min`, `max`, `med` and `p(95)`";
                let instead =
                    if name.is_empty() { String::new() } else { format!(" instead of `{name}`") };
                return Err((start, format!("{methods}{instead}")));
            }
        },
    })
}

/// Reads what is right of the operator, likewise.
fn value(text: &str, operator: &str) -> Result<f64, (usize, String)> {
    let start = text.len() - text.trim_start().len();
    let number = text.trim();
    let is_infinity = || number.to_ascii_lowercase().contains("inf");
    match number.parse::<f64>() {
        // Nothing compares with "not a number", and too large a one is a slip of the hand.
        Ok(value) if value.is_finite() || (value.is_infinite() && is_infinity()) => Ok(value),
        Ok(_) => Err((start, format!("a number in range instead of `{number}`"))),
        Err(_) if number.is_empty() => Err((start, format!("a number after the `{operator}`"))),
        Err(_) if number.starts_with(|first: char| first.is_ascii_digit()) => {
            let expected = format!(
                "a plain number (times are in milliseconds, without a unit) instead of `{number}`"
            );
            Err((start, expected))
        }
        Err(_) => Err((start, format!("a number instead of `{number}`"))),
    }
}

#[cfg(test)]
mod tests;
