//! A number of bytes as people write it: `256MiB`.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::pattern;

/// The units, each with its bytes; the largest first.
const UNITS: [(&str, u64); 4] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1)];

/// A number of bytes, from 1 on and below 10¹² of its unit: a whole number and `B`, `KiB`, `MiB` or `GiB`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Size(u64);

/// Something is not a [`Size`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be a number of bytes such as `64KiB`, `256MiB` or `2GiB`")]
pub struct SizeError;

impl Size {
    /// A number of bytes.
    pub const fn new(bytes: u64) -> Self {
        Self(bytes)
    }

    /// How many bytes it is.
    pub const fn bytes(self) -> u64 {
        self.0
    }
}

impl FromStr for Size {
    type Err = SizeError;

    fn from_str(text: &str) -> Result<Self, SizeError> {
        let (number, unit) = UNITS
            .into_iter()
            .find_map(|(unit, bytes)| Some((text.strip_suffix(unit)?, bytes)))
            .ok_or(SizeError)?;
        let is_number = !number.is_empty()
            && number.len() <= 12
            && !number.starts_with('0')
            && number.bytes().all(|byte| byte.is_ascii_digit());
        let number: u64 = if is_number { number.parse().map_err(|_| SizeError)? } else { 0 };
        match number {
            0 => Err(SizeError),
            // Twelve digits of the largest unit are more than any machine has; they stay what they are: a lot.
            number => Ok(Self(number.saturating_mul(unit))),
        }
    }
}

/// In the largest unit of which it is a whole number.
impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (unit, bytes) = UNITS
            .into_iter()
            .find(|(_, bytes)| self.0 >= *bytes && self.0.is_multiple_of(*bytes))
            .unwrap_or(("B", 1));
        write!(f, "{}{unit}", self.0 / bytes)
    }
}

impl Serialize for Size {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

impl JsonSchema for Size {
    fn schema_name() -> Cow<'static, str> {
        "Size".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": pattern::SIZE.regex })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_is_a_whole_number_and_a_unit() {
        for (text, bytes, shown) in [
            ("1B", 1, "1B"),
            ("64KiB", 64 << 10, "64KiB"),
            ("1024KiB", 1 << 20, "1MiB"),
            ("256MiB", 256 << 20, "256MiB"),
            ("3GiB", 3 << 30, "3GiB"),
            ("1500B", 1500, "1500B"),
        ] {
            let size: Size = text.parse().expect(text);
            assert_eq!((size.bytes(), size.to_string().as_str()), (bytes, shown));
            assert_eq!(size.to_string().parse(), Ok(size));
        }
        for text in [
            "",
            "B",
            "12",
            "0MiB",
            "-1MiB",
            "1.5MiB",
            "1MB",
            "1 MiB",
            "MiB",
            "01B",
            "9999999999999B",
        ] {
            assert_eq!(text.parse::<Size>(), Err(SizeError), "{text}");
        }
    }
}
