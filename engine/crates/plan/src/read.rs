//! Reads options from JSON, as scripts give them, and from JSON or TOML, as files hold them.
//!
//! Whatever the text is, it is read, or it is said what is wrong with it: it may come from a script
//! that nobody trusts. What a single value may be is `check.rs`' matter.

use std::fmt;

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use crate::problems::{key_of, shown};
use crate::{AnyExecutor, Options, Problems, ScenarioOptions, check, problems};

/// Reads options from JSON. An empty text is no options.
///
/// Fails with where the text stops being JSON, or else with all that is wrong with the options at once.
pub fn parse_json(text: &str) -> Result<Options, Problems> {
    if text.trim_ascii().is_empty() {
        return Ok(Options::default());
    }
    options(json_value(text)?)
}

/// What a text of JSON says.
pub(crate) fn json_value(text: &str) -> Result<Value, Problems> {
    let Once(value) = serde_json::from_str(text).map_err(|error| {
        Problems::of_all(format!("not JSON: {}", problems::message(&error.to_string())))
    })?;
    Ok(value)
}

/// Reads options from TOML.
///
/// Fails with where the text stops being TOML, or else with all that is wrong with the options at once.
pub fn parse_toml(text: &str) -> Result<Options, Problems> {
    options(toml_value(text)?)
}

/// What a text of TOML says.
pub(crate) fn toml_value(text: &str) -> Result<Value, Problems> {
    let table: toml::Table = toml::from_str(text).map_err(|error| {
        let place = error.span().map(|span| place(text, span.start)).unwrap_or_default();
        Problems::of_all(format!("not TOML: {}{place}", problems::message(error.message())))
    })?;
    Ok(Value::Object(table.into_iter().map(|(key, value)| (key, as_json(value))).collect()))
}

/// Makes options of a value that may be anything.
pub(crate) fn options(mut value: Value) -> Result<Options, Problems> {
    let mut problems = Problems::default();
    check::check(&mut value, &mut problems);
    if !problems.is_empty() {
        check_together(&value, &mut problems);
        return Err(problems);
    }
    // What fits the schema fits the types it was made from; if ever not, say so in serde's words.
    serde_json::from_value(value)
        .map_err(|error| Problems::of_all(problems::message(&error.to_string())))
}

/// Adds what values that are right each by itself get wrong together, in the scenarios that nothing has been
/// said of yet.
fn check_together(value: &Value, problems: &mut Problems) {
    let scenarios = value.get("scenarios").and_then(Value::as_object);
    for (name, scenario) in scenarios.into_iter().flatten() {
        let path = key_of("scenarios", name);
        let told = problems.iter().any(|problem| {
            problem
                .path
                .strip_prefix(&path)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        });
        if !told && let Ok(scenario) = serde_json::from_value::<ScenarioOptions>(scenario.clone()) {
            // A trace is read later.
            if !matches!(scenario.executor, AnyExecutor::ArrivalTrace(_)) {
                scenario.check(name, &path, problems);
            }
        }
    }
}

/// Where a byte of a text is, as people count: from 1.
fn place(text: &str, byte: usize) -> String {
    let before = &text[..text.floor_char_boundary(byte)];
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    format!(" at line {line} column {column}")
}

fn as_json(value: toml::Value) -> Value {
    match value {
        toml::Value::String(text) => text.into(),
        toml::Value::Integer(number) => number.into(),
        // JSON has no `nan` and no `inf`; as texts they are refused for what they are.
        toml::Value::Float(number) => serde_json::Number::from_f64(number)
            .map_or_else(|| number.to_string().into(), Value::Number),
        toml::Value::Boolean(truth) => truth.into(),
        toml::Value::Datetime(moment) => moment.to_string().into(),
        toml::Value::Array(list) => list.into_iter().map(as_json).collect(),
        toml::Value::Table(table) => {
            Value::Object(table.into_iter().map(|(key, value)| (key, as_json(value))).collect())
        }
    }
}

/// A JSON value in which no key is given twice: of two scenarios of one name, neither is lost unsaid.
struct Once(Value);

impl<'de> Deserialize<'de> for Once {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;

        impl<'de> Visitor<'de> for Reader {
            type Value = Once;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value")
            }

            fn visit_unit<E: de::Error>(self) -> Result<Once, E> {
                Ok(Once(Value::Null))
            }

            fn visit_bool<E: de::Error>(self, truth: bool) -> Result<Once, E> {
                Ok(Once(truth.into()))
            }

            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Once, E> {
                Ok(Once(number.into()))
            }

            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Once, E> {
                Ok(Once(number.into()))
            }

            fn visit_f64<E: de::Error>(self, number: f64) -> Result<Once, E> {
                Ok(Once(number.into()))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Once, E> {
                Ok(Once(text.into()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Once, A::Error> {
                let mut values = Vec::new();
                while let Some(Once(value)) = list.next_element()? {
                    values.push(value);
                }
                Ok(Once(values.into()))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Once, A::Error> {
                let mut values = Map::new();
                while let Some(key) = map.next_key::<String>()? {
                    if values.contains_key(&key) {
                        let key = shown(&key);
                        return Err(de::Error::custom(format_args!(
                            "the key `{key}` is given twice"
                        )));
                    }
                    let Once(value) = map.next_value()?;
                    values.insert(key, value);
                }
                Ok(Once(Value::Object(values)))
            }
        }

        deserializer.deserialize_any(Reader)
    }
}

#[cfg(test)]
mod tests;
