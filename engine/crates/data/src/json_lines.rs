//! JSON Lines: an object a line.

use std::fmt;

use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor,
};
use serde_json::value::RawValue;

use crate::format::RowEnd;

/// Finds the end of the line that these bytes begin with.
pub(crate) fn row(bytes: &[u8]) -> RowEnd {
    let line = memchr::memchr(b'\n', bytes);
    let length = line.unwrap_or(bytes.len());
    let next = line.map_or(length, |line| line + 1);
    // Blanks around an object are no part of it; they also are what stands before a line feed.
    let length = bytes[..length].trim_ascii_end().len();
    RowEnd { length, next, fields: 0, whole: line.is_some() }
}

/// Says what keeps a line from being an object whose fields [`field`] can read; makes nothing of it.
pub(crate) fn check(line: &str) -> Result<(), String> {
    match serde_json::from_str(line) {
        Ok(Anything { is_object: true }) => Ok(()),
        Ok(_) => Err("is not a JSON object".to_owned()),
        Err(error) => {
            let text = error.to_string();
            let place = format!(" at line {} column {}", error.line(), error.column());
            let said = text.strip_suffix(&place).unwrap_or(&text);
            Err(format!("is not JSON: {said} at column {}", error.column()))
        }
    }
}

/// What the field of this name says, if there is one: a text without its quotes, anything else as it stands,
/// nothing where it is `null`. Of several fields of one name the last one counts.
///
/// The line is read anew each time: an object that were kept would take many times the room of its text.
///
/// Fails if the line is no object.
pub(crate) fn field(line: &str, name: &str) -> serde_json::Result<Option<String>> {
    let mut line = serde_json::Deserializer::from_str(line);
    let found = Wanted(name).deserialize(&mut line)?;
    line.end()?;
    match found.map(RawValue::get) {
        None | Some("null") => Ok(None),
        Some(text) if text.starts_with('"') => serde_json::from_str(text).map(Some),
        Some(other) => Ok(Some(other.to_owned())),
    }
}

/// The name of the one field that is looked for in an object.
struct Wanted<'a>(&'a str);

impl<'de> DeserializeSeed<'de> for Wanted<'_> {
    type Value = Option<&'de RawValue>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Wanted<'_> {
    type Value = Option<&'de RawValue>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut found = None;
        while let Some(name) = map.next_key::<String>()? {
            if name == self.0 {
                found = Some(map.next_value()?);
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(found)
    }
}

/// A value that was read and not kept. Other than serde's `IgnoredAny` it looks at all that a value would be
/// made of, so that whatever passes can be read later.
struct Anything {
    is_object: bool,
}

impl<'de> Deserialize<'de> for Anything {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;

        const OTHER: Anything = Anything { is_object: false };

        impl<'de> Visitor<'de> for Reader {
            type Value = Anything;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value")
            }

            fn visit_unit<E>(self) -> Result<Anything, E> {
                Ok(OTHER)
            }

            fn visit_bool<E>(self, _: bool) -> Result<Anything, E> {
                Ok(OTHER)
            }

            fn visit_u64<E>(self, _: u64) -> Result<Anything, E> {
                Ok(OTHER)
            }

            fn visit_i64<E>(self, _: i64) -> Result<Anything, E> {
                Ok(OTHER)
            }

            fn visit_f64<E>(self, _: f64) -> Result<Anything, E> {
                Ok(OTHER)
            }

            fn visit_str<E>(self, _: &str) -> Result<Anything, E> {
                Ok(OTHER)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Anything, A::Error> {
                while list.next_element::<Anything>()?.is_some() {}
                Ok(OTHER)
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Anything, A::Error> {
                while map.next_entry::<Anything, Anything>()?.is_some() {}
                Ok(Anything { is_object: true })
            }
        }

        deserializer.deserialize_any(Reader)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_line_is_found_without_its_end() {
        for (text, length, next, whole) in [
            ("{}\n{}", 2, 3, true),
            ("{}\r\n", 2, 4, true),
            ("{} \t\n", 2, 5, true),
            ("{}", 2, 2, false),
            ("\r\n", 0, 2, true),
            ("", 0, 0, false),
        ] {
            assert_eq!(row(text.as_bytes()), RowEnd { length, next, fields: 0, whole }, "{text:?}");
        }
    }

    #[test]
    fn what_is_no_object_is_told() {
        for (line, said) in [
            (r#"{"a":1,}"#, "is not JSON: trailing comma at column 8"),
            (r#"{"a""#, "is not JSON: EOF while parsing an object at column 4"),
            (r#"{"a":"\ud800"}"#, "is not JSON: unexpected end of hex escape at column 13"),
            (r#"{} {}"#, "is not JSON: trailing characters at column 4"),
            ("name,age", "is not JSON: expected ident at column 2"),
            ("[1]", "is not a JSON object"),
            ("\"a\"", "is not a JSON object"),
            ("null", "is not a JSON object"),
        ] {
            assert_eq!(check(line), Err(said.to_owned()), "{line}");
        }
        let deep = format!("{{\"a\":{}1{}}}", "[".repeat(1_000), "]".repeat(1_000));
        assert!(check(&deep).is_err(), "deeper than can be read later");
    }

    #[test]
    fn a_field_is_given_as_it_stands() {
        let line = r#"{"text":"a\"\u00e9","price":1.50,"id":12345678901234567890123,"no":null,
            "list":[1, "x"],"twice":1,"twice":2,"a b":true}"#;
        for (name, expected) in [
            ("text", Some("a\"é")),
            ("price", Some("1.50")),
            ("id", Some("12345678901234567890123")),
            ("no", None),
            ("list", Some(r#"[1, "x"]"#)),
            ("twice", Some("2")),
            ("a b", Some("true")),
            ("other", None),
        ] {
            assert_eq!(field(line, name).unwrap().as_deref(), expected, "{name}");
        }
        for line in ["[1]", "{\"a\":1} x", "{\"a\"", ""] {
            assert!(field(line, "a").is_err(), "{line}");
        }
    }

    proptest! {
        #[test]
        fn what_passes_can_be_read(
            line in r#"\{("[a-c]":(1|1e999|-0|"[a\\u0-9]{0,6}"|\[[1,]{0,3}\]|null|\{\}),?){0,3}\}"#
        ) {
            let whole = serde_json::from_str::<serde_json::Value>(&line);
            prop_assert_eq!(check(&line).is_ok(), whole.is_ok(), "{}", line);
            if whole.is_ok() {
                for name in ["a", "b", "c", "d"] {
                    prop_assert!(field(&line, name).is_ok(), "{}", line);
                }
            }
        }
    }
}
