//! JSON that scripts ask parts of.

use std::fmt;

use serde::de::{DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

/// The longest bytes that are kept once they are parsed. Others are read through each time: a tree of theirs takes many
/// times as much, a hundred times if they are written for that.
const KEPT: usize = 64 << 10;

/// Bytes of a tree for each object: a node of the map has room for eleven names and values.
const OBJECT: usize = 11 * (size_of::<String>() + size_of::<Value>());

/// Bytes as JSON, once they were asked for.
#[derive(Debug, Default)]
pub(crate) struct LazyJson {
    /// None inside if they are no JSON.
    parsed: Option<Option<Value>>,
    /// The bytes that this takes.
    size: usize,
}

impl LazyJson {
    /// The bytes that it takes beside those that it is of.
    pub(crate) fn size(&self) -> usize {
        self.size
    }

    /// The part that a JSON Pointer (RFC 6901) names, as JSON text. The bytes, the same each time, are parsed when this
    /// is asked first, unless they are many.
    pub(crate) fn part(&mut self, bytes: &[u8], pointer: &str) -> Option<String> {
        if bytes.len() > KEPT {
            return read_through(bytes, pointer);
        }
        if self.parsed.is_none() {
            let parsed = serde_json::from_slice(bytes).ok();
            self.size = parsed.as_ref().map_or(0, size);
            self.parsed = Some(parsed);
        }
        Some(self.parsed.as_ref()?.as_ref()?.pointer(pointer)?.to_string())
    }
}

/// The bytes of a tree, about.
fn size(value: &Value) -> usize {
    size_of::<Value>()
        + match value {
            Value::Null | Value::Bool(_) | Value::Number(_) => 0,
            Value::String(text) => text.capacity(),
            Value::Array(list) => list.iter().map(size).sum(),
            Value::Object(map) => {
                let own = OBJECT * map.len().div_ceil(6).max(usize::from(!map.is_empty()));
                own + map.iter().map(|(name, value)| name.capacity() + size(value)).sum::<usize>()
            }
        }
}

/// The same, without a tree of anything: the part is written down as it is read.
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
    part
}

/// Reads a value, and keeps of it what these tokens lead to.
#[derive(Clone, Copy)]
struct At<'a>(&'a [String]);

impl<'de> DeserializeSeed<'de> for At<'_> {
    type Value = Option<String>;

    fn deserialize<D: serde::Deserializer<'de>>(self, reader: D) -> Result<Self::Value, D::Error> {
        match self.0 {
            [] => {
                let mut text = Vec::new();
                Written(&mut text).deserialize(reader)?;
                Ok(String::from_utf8(text).ok())
            }
            [_, ..] => reader.deserialize_any(self),
        }
    }
}

/// What is neither an object nor a list has no parts.
impl<'de> Visitor<'de> for At<'_> {
    type Value = Option<String>;

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

/// Writes down a value as it is read.
struct Written<'a>(&'a mut Vec<u8>);

impl Written<'_> {
    fn put<E: serde::de::Error>(self, value: impl serde::Serialize) -> Result<(), E> {
        serde_json::to_writer(self.0, &value).map_err(E::custom)
    }
}

impl<'de> DeserializeSeed<'de> for Written<'_> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, reader: D) -> Result<(), D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Written<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut before = b'{';
        while let Some(name) = map.next_key::<String>()? {
            self.0.push(std::mem::replace(&mut before, b','));
            Written(self.0).put(name)?;
            self.0.push(b':');
            map.next_value_seed(Written(self.0))?;
        }
        self.0.extend_from_slice(if before == b'{' { b"{}" } else { b"}" });
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        self.0.push(b'[');
        let start = self.0.len();
        loop {
            let end = self.0.len();
            if end > start {
                self.0.push(b',');
            }
            if list.next_element_seed(Written(self.0))?.is_none() {
                self.0.truncate(end);
                break;
            }
        }
        self.0.push(b']');
        Ok(())
    }

    fn visit_bool<E: serde::de::Error>(self, value: bool) -> Result<(), E> {
        self.put(value)
    }

    fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<(), E> {
        self.put(value)
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<(), E> {
        self.put(value)
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<(), E> {
        self.put(value)
    }

    fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<(), E> {
        self.put(value)
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<(), E> {
        self.put(())
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
            let read = read_through(json.as_bytes(), pointer);
            // Names may stand in another order there, and one more than once.
            let value = |text: String| serde_json::from_str::<Value>(&text).expect("it is JSON");
            assert_eq!(read.map(value), kept.map(value), "{pointer}");
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
        assert_eq!(json.size(), 0);
        let short = b"[0]";
        let mut json = LazyJson::default();
        assert_eq!(json.part(short, "/0").as_deref(), Some("0"));
        assert_eq!(json.size(), 2 * size_of::<Value>());
    }
}
