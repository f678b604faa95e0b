//! What a plan demands of a metric, as k6 writes it.
//!
//! Holding it against what was measured is [`Thresholds`](crate::Thresholds)' work.

use std::fmt;
use std::time::Duration;

use crate::Kind;

/// One demand, such as `p(95)<500`.
///
/// ```text
/// assertion  -> space* method space* operator space* number over? for? space*
/// method     -> "count" | "rate" | "value" | "avg" | "min" | "max" | "med" | "p(" number ")"
/// operator   -> "<=" | "<" | ">=" | ">" | "===" | "==" | "!="
/// number     -> ("+" | "-")? (digits ("." digits?)? | "." digits) (("e" | "E") ("+" | "-")? digits)?
///             | ("+" | "-")? ("inf" | "infinity"), in letters of any case
/// over       -> space+ "over" space+ length
/// for        -> space+ "for" space+ length
/// length     -> (digits "h")? (digits "m")? (digits "s")?, at least one of them and at least a second
/// ```
///
/// The grammar is k6's as k6 reads it, which is wider than as k6 states it, and then `over` and `for`, in either order. A
/// number has no unit: times are milliseconds, data is bytes, rates go from 0 to 1. The operators are looked for in the
/// order above and the text is cut at the first that is anywhere in it; `===` and `==` mean the same. Which
/// [method](Method) fits which kind of metric is [`Method::fits`].
///
/// Without `over` and `for` a threshold is about the whole run, as k6's are. With either it is held each second against
/// the last part of the run only: what that comes to is [`Windows`](crate::Windows)' to say.
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
    /// Over how much of the run each time, up to the moment: `over 30s`. Whole seconds.
    pub over: Option<Duration>,
    /// For how long on end it must not hold to be crossed: `for 60s`. Whole seconds.
    pub lasting: Option<Duration>,
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
        let of_text = |(offset, expected)| fail((after + offset, expected));
        let (number, clauses) = number_and_clauses(&text[after..]);
        let value = value(number, written).map_err(of_text)?;
        let [over, lasting] = lengths(clauses, number.len()).map_err(of_text)?;
        Ok(Self {
            source: text.to_owned(),
            method,
            operator,
            value,
            over,
            lasting,
            abort_on_fail: false,
            delay_abort_eval: None,
        })
    }

    /// Whether a value meets the demand.
    pub fn holds(&self, observed: f64) -> bool {
        self.operator.holds(observed, self.value)
    }

    /// Whether it is held each second against the last part of the run, and not against the whole of it.
    pub fn is_windowed(&self) -> bool {
        self.over.is_some() || self.lasting.is_some()
    }

    /// Over how much of the run it is held each second, where it [is](Self::is_windowed): a second unless `over` says more.
    pub fn window(&self) -> Duration {
        self.over.unwrap_or(Duration::from_secs(1))
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

/// Cuts what is right of the operator behind the number.
fn number_and_clauses(text: &str) -> (&str, &str) {
    let start = text.len() - text.trim_start().len();
    let length = text[start..].find(char::is_whitespace).unwrap_or(text.len() - start);
    text.split_at(start + length)
}

/// Reads what is behind the number, which begins so many bytes behind the operator: `over` and `for`. Errors as above.
fn lengths(clauses: &str, begin: usize) -> Result<[Option<Duration>; 2], (usize, String)> {
    const NAMES: [&str; 2] = ["over", "for"];
    let mut lengths = [None; 2];
    let mut words = words(clauses);
    while let Some((offset, word)) = words.next() {
        let Some(place) = NAMES.iter().position(|name| *name == word) else {
            let expected = match word {
                "ns" | "us" | "µs" | "ms" | "s" | "m" | "h" => {
                    "nothing (times are in milliseconds, without a unit)"
                }
                _ => "`over` or `for`, as in `over 30s for 60s`,",
            };
            return Err((begin + offset, format!("{expected} instead of `{word}`")));
        };
        if lengths[place].is_some() {
            return Err((begin + offset, format!("`{word}` once, but it is there again,")));
        }
        let (offset, text) = words.next().unwrap_or((clauses.trim_end().len(), ""));
        lengths[place] = Some(length(text).ok_or_else(|| {
            let instead = match text {
                "" => format!(" after `{word}`"),
                text => format!(" instead of `{text}`"),
            };
            let length =
                "a length of time in whole seconds, such as `30s` or `1h30m`, up to `168h`,";
            (begin + offset, format!("{length}{instead}"))
        })?);
    }
    Ok(lengths)
}

/// The words of a text, and where each begins.
fn words(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let place = |word: &str| word.as_ptr().addr() - text.as_ptr().addr();
    text.split_whitespace().map(move |word| (place(word), word))
}

/// A length of time in hours, minutes and seconds, in this order; `None` if a text is none or too long to be measured.
fn length(text: &str) -> Option<Duration> {
    /// A week: no run is looked at in longer parts.
    const LONGEST: u64 = 7 * 24 * 3_600;
    let (mut rest, mut seconds) = (text, 0_u64);
    for (unit, worth) in [('h', 3_600), ('m', 60), ('s', 1)] {
        let Some((count, after)) = rest.split_once(unit) else { continue };
        if count.is_empty() || !count.bytes().all(|digit| digit.is_ascii_digit()) {
            return None;
        }
        seconds = seconds.checked_add(count.parse::<u64>().ok()?.checked_mul(worth)?)?;
        rest = after;
    }
    let is_whole = rest.is_empty() && (1..=LONGEST).contains(&seconds);
    is_whole.then(|| Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests;
