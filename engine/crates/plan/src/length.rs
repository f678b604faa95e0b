//! A length of time as people write it: k6's `1h2m3.5s`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// What a length of time looks like as a text.
pub(crate) const PATTERN: &str =
    r"^(([0-9]+\.?[0-9]*|\.[0-9]+)|(([0-9]+\.?[0-9]*|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h|d))+)$";

/// A length of time, at most 292 years (what k6 can hold) and exact to the nanosecond.
///
/// ```text
/// length -> number | (number unit)+          a number without a unit is milliseconds
/// number -> digits ("." digits?)? | "." digits
/// unit   -> "ns" | "us" | "µs" | "ms" | "s" | "m" | "h" | "d"
/// ```
///
/// In JSON and TOML a plain number is milliseconds too. It is written as k6 writes it: `1h2m3.5s`,
/// `10m0s`, `500ms`. Parts of a nanosecond are cut off.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Length(Duration);

/// Why something is not a [`Length`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LengthError {
    /// It does not look like one.
    #[error("must be a duration such as `30s` or `1m30s`")]
    Malformed,
    /// It is below zero.
    #[error("must not be negative")]
    Negative,
    /// It is more than 292 years.
    #[error("must be at most 292 years")]
    TooLong,
}

impl Length {
    /// The longest one: 2⁶³ − 1 nanoseconds.
    const MAX: u128 = i64::MAX as u128;

    /// Returns it as the standard library has it.
    pub const fn get(self) -> Duration {
        self.0
    }

    fn from_nanoseconds(nanoseconds: u128) -> Result<Self, LengthError> {
        match u64::try_from(nanoseconds) {
            Ok(fits) if nanoseconds <= Self::MAX => Ok(Self(Duration::from_nanos(fits))),
            _ => Err(LengthError::TooLong),
        }
    }

    fn from_whole_milliseconds(milliseconds: u64) -> Result<Self, LengthError> {
        Self::from_nanoseconds(u128::from(milliseconds) * 1_000_000)
    }

    fn from_milliseconds(milliseconds: f64) -> Result<Self, LengthError> {
        match milliseconds {
            _ if milliseconds.is_nan() => Err(LengthError::Malformed),
            _ if milliseconds < 0.0 => Err(LengthError::Negative),
            // Beyond what any length can be, so that the conversion is of a number that fits.
            _ if milliseconds > 1e13 => Err(LengthError::TooLong),
            _ => Self::from_nanoseconds((milliseconds * 1e6).round() as u128),
        }
    }

    /// Reads a value of an options file: a text, or a number of milliseconds.
    pub(crate) fn from_json(value: &serde_json::Value) -> Result<Self, LengthError> {
        match value {
            serde_json::Value::String(text) => text.parse(),
            serde_json::Value::Number(number) => match (number.as_u64(), number.as_f64()) {
                (Some(whole), _) => Self::from_whole_milliseconds(whole),
                (None, Some(number)) => Self::from_milliseconds(number),
                (None, None) => Err(LengthError::Malformed),
            },
            _ => Err(LengthError::Malformed),
        }
    }
}

impl From<Length> for Duration {
    fn from(length: Length) -> Self {
        length.0
    }
}

/// A longer one becomes the longest there is.
impl From<Duration> for Length {
    fn from(duration: Duration) -> Self {
        let most = Duration::from_nanos(i64::MAX as u64);
        Self(duration.min(most))
    }
}

impl FromStr for Length {
    type Err = LengthError;

    fn from_str(text: &str) -> Result<Self, LengthError> {
        match text.strip_prefix('-') {
            None => unsigned(text),
            Some(text) => Err(match unsigned(text) {
                Ok(_) | Err(LengthError::TooLong) => LengthError::Negative,
                Err(error) => error,
            }),
        }
    }
}

/// A length without a sign.
fn unsigned(text: &str) -> Result<Length, LengthError> {
    let mut rest = text;
    let mut sum = 0_u128;
    let mut too_long = false;
    loop {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let (number, after) = rest.split_at(digits);
        let unit_end = after.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(after.len());
        let (unit, next) = after.split_at(unit_end);
        let is_plain_number = rest.len() == text.len() && after.is_empty();
        let unit: u64 = match unit {
            "" if is_plain_number => 1_000_000,
            "ns" => 1,
            "us" | "µs" | "μs" => 1_000,
            "ms" => 1_000_000,
            "s" => 1_000_000_000,
            "m" => 60_000_000_000,
            "h" => 3_600_000_000_000,
            "d" => 86_400_000_000_000,
            _ => return Err(LengthError::Malformed),
        };
        // What is too long is told only of what looks like a length to its end.
        match nanoseconds(number, unit)? {
            Some(nanoseconds) => sum = sum.saturating_add(nanoseconds),
            None => too_long = true,
        }
        rest = next;
        if rest.is_empty() {
            break;
        }
    }
    if too_long { Err(LengthError::TooLong) } else { Length::from_nanoseconds(sum) }
}

/// `number`, a decimal, times `unit`, rounded down; `None` if that is too long to be computed.
fn nanoseconds(number: &str, unit: u64) -> Result<Option<u128>, LengthError> {
    let (whole, part) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() && part.is_empty() || part.contains('.') {
        return Err(LengthError::Malformed);
    }
    // With 15 digits of a day, the longest unit, nothing is lost that is a nanosecond.
    let (part, unit) = (&part[..part.len().min(15)], u128::from(unit));
    let whole = if whole.is_empty() { Some(0) } else { whole.parse::<u64>().ok() };
    let part_scale = 10_u128.pow(part.len() as u32);
    let part = part.parse::<u128>().unwrap_or(0) * unit / part_scale;
    Ok(whole.map(|whole| u128::from(whole) * unit + part))
}

/// Writes it as k6 does: the largest unit first, `h`, `m` and `s` together, lesser units alone.
impl fmt::Display for Length {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seconds, nanoseconds) = (self.0.as_secs(), self.0.subsec_nanos());
        if seconds == 0 && nanoseconds > 0 {
            return match nanoseconds {
                1_000_000.. => {
                    decimal(f, (nanoseconds / 1_000_000).into(), nanoseconds % 1_000_000, 6, "ms")
                }
                1_000.. => decimal(f, (nanoseconds / 1_000).into(), nanoseconds % 1_000, 3, "µs"),
                _ => write!(f, "{nanoseconds}ns"),
            };
        }
        let (hours, minutes) = (seconds / 3_600, seconds / 60 % 60);
        if hours > 0 {
            write!(f, "{hours}h")?;
        }
        if hours > 0 || minutes > 0 {
            write!(f, "{minutes}m")?;
        }
        decimal(f, seconds % 60, nanoseconds, 9, "s")
    }
}

/// Writes a number with `part` as its decimals, `digits` of them without the zeros at their end.
fn decimal(
    f: &mut fmt::Formatter<'_>,
    whole: u64,
    part: u32,
    digits: usize,
    unit: &str,
) -> fmt::Result {
    write!(f, "{whole}")?;
    if part > 0 {
        let part = format!("{part:0digits$}");
        write!(f, ".{}", part.trim_end_matches('0'))?;
    }
    f.write_str(unit)
}

impl Serialize for Length {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Length {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;

        impl Visitor<'_> for Reader {
            type Value = Length;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a duration such as `30s`, or a number of milliseconds")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Length, E> {
                text.parse().map_err(E::custom)
            }

            fn visit_u64<E: de::Error>(self, milliseconds: u64) -> Result<Length, E> {
                Length::from_whole_milliseconds(milliseconds).map_err(E::custom)
            }

            fn visit_i64<E: de::Error>(self, milliseconds: i64) -> Result<Length, E> {
                let milliseconds =
                    u64::try_from(milliseconds).map_err(|_| E::custom(LengthError::Negative))?;
                self.visit_u64(milliseconds)
            }

            fn visit_f64<E: de::Error>(self, milliseconds: f64) -> Result<Length, E> {
                Length::from_milliseconds(milliseconds).map_err(E::custom)
            }
        }

        deserializer.deserialize_any(Reader)
    }
}

impl JsonSchema for Length {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Length".into()
    }

    // Not `format: duration`, which is ISO 8601's `PT30S`: an editor would refuse `30s`.
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["string", "number"], "pattern": PATTERN, "minimum": 0 })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn lengths_are_read_as_k6_reads_them() {
        use LengthError::{Malformed, Negative, TooLong};
        let (seconds, millis) = (Duration::from_secs, Duration::from_millis);
        for (text, read, why) in [
            ("30s", Ok(seconds(30)), "seconds"),
            ("1m30s", Ok(seconds(90)), "minutes and seconds"),
            ("1h2m3.5s", Ok(millis(3_723_500)), "all of a clock, and a part of a second"),
            ("500ms", Ok(millis(500)), "milliseconds"),
            ("250us", Ok(Duration::from_micros(250)), "microseconds, as typed"),
            ("250µs", Ok(Duration::from_micros(250)), "with a micro sign"),
            ("250μs", Ok(Duration::from_micros(250)), "with a Greek letter"),
            ("7ns", Ok(Duration::from_nanos(7)), "nanoseconds"),
            ("2d", Ok(Duration::from_hours(48)), "days"),
            ("1d2h", Ok(Duration::from_hours(26)), "days and hours"),
            ("1.5h", Ok(Duration::from_mins(90)), "parts of an hour"),
            (".5s", Ok(millis(500)), "no digit before the point"),
            ("5.s", Ok(seconds(5)), "no digit after the point"),
            ("1s1m", Ok(seconds(61)), "in any order"),
            ("0s", Ok(seconds(0)), "zero"),
            ("500", Ok(millis(500)), "a plain number is milliseconds"),
            ("0.5", Ok(Duration::from_micros(500)), "and may have a part"),
            ("0.0000009ms", Ok(Duration::ZERO), "parts of a nanosecond are cut off"),
            ("9223372036854775807ns", Ok(Duration::from_nanos(i64::MAX as u64)), "the longest"),
            ("9223372036854775808ns", Err(TooLong), "one too long"),
            ("99999999999999999999999s", Err(TooLong), "a number beyond all bounds"),
            ("200000d", Err(TooLong), "more than 292 years"),
            ("200y", Err(Malformed), "there are no years"),
            ("-5s", Err(Negative), "below zero"),
            ("-99999999999999999999999s", Err(Negative), "far below"),
            ("-abc", Err(Malformed), "a dash, and no length"),
            ("--5s", Err(Malformed), "two dashes"),
            ("abc", Err(Malformed), "no length"),
            ("", Err(Malformed), "nothing"),
            (".s", Err(Malformed), "a point without a digit"),
            ("1.2.3s", Err(Malformed), "two points"),
            ("s", Err(Malformed), "a unit without a number"),
            ("1m30", Err(Malformed), "a number without a unit after one with"),
            ("1 s", Err(Malformed), "a space"),
            ("1e3s", Err(Malformed), "an exponent"),
            ("١s", Err(Malformed), "digits of another script"),
            ("99999999999999999999999s!", Err(Malformed), "too long, and no length"),
        ] {
            assert_eq!(text.parse::<Length>().map(Length::get), read, "{text}: {why}");
        }
    }

    #[test]
    fn however_many_dashes_there_are_takes_no_stack() {
        assert_eq!("-".repeat(10_000_000).parse::<Length>(), Err(LengthError::Malformed));
    }

    #[test]
    fn plain_numbers_are_milliseconds() {
        use LengthError::{Malformed, Negative, TooLong};
        for (value, read, why) in [
            (json!(1_500), Ok(Duration::from_millis(1_500)), "a whole number"),
            (json!(1.5), Ok(Duration::from_micros(1_500)), "a part of one"),
            (json!(0), Ok(Duration::ZERO), "zero"),
            (json!(-1), Err(Negative), "below zero"),
            (json!(-0.5), Err(Negative), "a part below zero"),
            (json!(u64::MAX), Err(TooLong), "the largest whole number"),
            (json!(1e300), Err(TooLong), "a huge number"),
            (json!(true), Err(Malformed), "not a number at all"),
        ] {
            assert_eq!(Length::from_json(&value).map(Length::get), read, "{value}: {why}");
            let by_serde = serde_json::from_value::<Length>(value.clone()).ok();
            assert_eq!(by_serde.map(Length::get), read.ok(), "{value}: the same by serde");
        }
    }

    #[test]
    fn lengths_are_written_as_k6_writes_them() {
        for (length, written) in [
            (Duration::ZERO, "0s"),
            (Duration::from_nanos(7), "7ns"),
            (Duration::from_nanos(7_050), "7.05µs"),
            (Duration::from_millis(500), "500ms"),
            (Duration::from_nanos(1_000_001), "1.000001ms"),
            (Duration::from_secs(40), "40s"),
            (Duration::from_millis(3_500), "3.5s"),
            (Duration::from_mins(10), "10m0s"),
            (Duration::from_secs(90), "1m30s"),
            (Duration::from_hours(1), "1h0m0s"),
            (Duration::from_millis(3_723_500), "1h2m3.5s"),
            (Duration::from_hours(50), "50h0m0s"),
            (Duration::MAX, "2562047h47m16.854775807s"),
        ] {
            assert_eq!(Length::from(length).to_string(), written);
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(
            nanoseconds in prop_oneof![0..=i64::MAX as u64, 0..=2_000_000_000_u64]
        ) {
            let length = Length(Duration::from_nanos(nanoseconds));
            prop_assert_eq!(length.to_string().parse(), Ok(length));
            let json = serde_json::to_value(length).unwrap();
            prop_assert_eq!(serde_json::from_value::<Length>(json).unwrap(), length);
        }

        #[test]
        fn what_the_pattern_allows_is_read(
            text in proptest::string::string_regex(PATTERN.trim_matches(['^', '$'])).unwrap()
        ) {
            let read = text.parse::<Length>();
            prop_assert!(!matches!(read, Err(LengthError::Malformed | LengthError::Negative)));
        }

        #[test]
        fn no_text_breaks_the_parser(text in "[-0-9.a-zµ]{0,12}|\\PC{0,12}") {
            let _ = text.parse::<Length>();
        }
    }
}
