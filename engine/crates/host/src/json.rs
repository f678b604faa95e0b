//! JSON that scripts ask parts of.

use std::fmt;

use serde::de::{DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

/// The longest bytes that are kept once they are parsed. Others are read through each time: a tree of theirs takes many
/// times as much.
const KEPT: usize = 1 << 20;

/// How many times as much as its text a tree takes at most: an element of two bytes, `0,`, is one of 32.
const TREE: usize = 16;

/// Bytes as JSON, once they were asked for.
#[derive(Debug, Default)]
pub(crate) struct LazyJson {
    /// None inside if they are no JSON.
    parsed: Option<Option<Value>>,
}

impl LazyJson {
    /// The bytes that it may take beside these.
    pub(crate) fn size(&self, bytes: &[u8]) -> usize {
        if matches!(self.parsed, Some(Some(_))) { bytes.len() * TREE } else { 0 }
    }

    /// The part that a JSON Pointer (RFC 6901) names, as JSON text. The bytes, the same each time, are parsed when this
    /// is asked first, unless they are many.
    pub(crate) fn part(&mut self, bytes: &[u8], pointer: &str) -> Option<String> {
        if bytes.len() > KEPT {
            return read_through(bytes, pointer);
        }
        let parsed = self.parsed.get_or_insert_with(|| serde_json::from_slice(bytes).ok());
        Some(parsed.as_ref()?.pointer(pointer)?.to_string())
    }
}

/// The same, without a tree of anything but that part.
fn read_through(bytes: &[u8], pointer: &str) -> Option<String> {
    let tokens: Vec<String> = match pointer.strip_prefix('/') {
        None if pointer.is_empty() => Vec::new(),
        None => return None,
        Some(rest) => {
            rest.split('/').map(|token| token.replace("~1", "/").replace("~0", "~")).collect()
        }
    };
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let part = At(&tokens).deserialize(&mut reader).ok()?;
    reader.end().ok()?;
    Some(part?.to_string())
}

/// Reads a value, and keeps of it what these tokens lead to.
#[derive(Clone, Copy)]
struct At<'a>(&'a [String]);

impl<'de> DeserializeSeed<'de> for At<'_> {
    type Value = Option<Value>;

    fn deserialize<D: serde::Deserializer<'de>>(self, reader: D) -> Result<Self::Value, D::Error> {
        match self.0 {
            [] => serde::Deserialize::deserialize(reader).map(Some),
            [_, ..] => reader.deserialize_any(self),
        }
    }
}

/// What is neither an object nor a list has no parts.
impl<'de> Visitor<'de> for At<'_> {
    type Value = Option<Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let Some((token, rest)) = self.0.split_first() else { return Ok(None) };
        let mut part = None;
        // Of two values with one name the last stands.
        while let Some(key) = map.next_key::<String>()? {
            if key == *token {
                part = map.next_value_seed(At(rest))?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(part)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let Some((token, rest)) = self.0.split_first() else { return Ok(None) };
        let is_place = token == "0" || token.starts_with(|c: char| matches!(c, '1'..='9'));
        let place = token.parse::<usize>().ok().filter(|_| is_place);
        let mut part = None;
        for n in 0.. {
            if Some(n) == place {
                let Some(found) = list.next_element_seed(At(rest))? else { break };
                part = found;
            } else if list.next_element::<IgnoredAny>()?.is_none() {
                break;
            }
        }
        Ok(part)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_the_same_whether_all_is_kept_or_read_through() {
        let json = r#"{"a":[1,{"b/c":"x","~":null},[]],"a b":{"":true},"n":1.5,"twice":1,"twice":{"z":2}}"#;
        for pointer in [
            "",
            "/",
            "/a",
            "/a/0",
            "/a/1",
            "/a/1/b~1c",
            "/a/1/~0",
            "/a/3",
            "/a/00",
            "/a/+1",
            "/a/-",
            "/a/x",
            "/a b/",
            "/n",
            "/n/0",
            "/twice",
            "/twice/z",
            "a",
            "/missing/0",
        ] {
            let kept = LazyJson::default().part(json.as_bytes(), pointer);
            assert_eq!(read_through(json.as_bytes(), pointer), kept, "{pointer}");
        }
        for broken in ["", "{", "[1,]", "{} x", "nul", &"[".repeat(1_000)] {
            assert_eq!(read_through(broken.as_bytes(), "/0"), None, "{broken}");
        }
    }

    #[test]
    fn what_is_long_leaves_no_tree_behind() {
        let long = format!("[{}1]", "0,".repeat(KEPT));
        let mut json = LazyJson::default();
        assert_eq!(json.part(long.as_bytes(), &format!("/{KEPT}")).as_deref(), Some("1"));
        assert_eq!(json.size(long.as_bytes()), 0);
        let short = b"[0]";
        let mut json = LazyJson::default();
        assert_eq!(json.part(short, "/0").as_deref(), Some("0"));
        assert_eq!(json.size(short), 48);
    }
}
