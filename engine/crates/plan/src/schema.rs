//! The schema of options: what editors complete and the checker enforces.
//!
//! It is made from the types in `options.rs` and `executor/`, so that nothing is said twice.

use std::sync::LazyLock;

use schemars::generate::SchemaSettings;
use schemars::transform::transform_subschemas;
use schemars::{JsonSchema, Schema};
use serde_json::Value;

use crate::Options;

/// Returns the JSON Schema (draft 2020-12) of options, whether in JSON or in TOML.
///
/// The committed copy is `options.schema.json`, beside this crate's manifest.
pub fn schema() -> Value {
    SCHEMA.clone()
}

/// The same, made once.
pub(crate) static SCHEMA: LazyLock<Value> = LazyLock::new(of::<Options>);

/// The schema of a type that people write values of.
pub(crate) fn of<T: JsonSchema>() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        // The checker reads it top down and follows no reference; editors show what is in place.
        settings.inline_subschemas = true;
    });
    let mut schema = settings.into_generator().into_root_schema_for::<T>();
    tidy(&mut schema);
    schema.into()
}

/// Makes a schema of Rust's types one of what people write.
fn tidy(schema: &mut Schema) {
    without_null(schema);
    // `uint32` and its like are no formats of JSON Schema, and the bounds say more.
    schema.remove("format");
    closed_alternatives(schema);
    flowing_description(schema);
    transform_subschemas(&mut tidy, schema);
}

/// An option that is not given is left out; that `null` is read as that too need not be offered.
fn without_null(schema: &mut Schema) {
    if let Some(alternatives) = schema.get_mut("anyOf").and_then(Value::as_array_mut) {
        alternatives
            .retain(|alternative| alternative.get("type").is_none_or(|name| name != "null"));
        // One that is left says what the whole does.
        if let [Value::Object(only)] = alternatives.as_slice() {
            let only = only.clone();
            schema.remove("anyOf");
            for (keyword, value) in only {
                // What is said of the option is said of the place it has here.
                schema.ensure_object().entry(keyword).or_insert(value);
            }
        }
    }
    let Some(types) = schema.get_mut("type").and_then(Value::as_array_mut) else { return };
    types.retain(|name| name != "null");
    if let [only] = types.as_slice() {
        let only = only.clone();
        schema.insert("type".to_owned(), only);
    }
}

/// A scenario's own keys and those of its executor are written side by side. Only together do they say
/// which keys there are, so each executor's alternative is made to list both.
fn closed_alternatives(schema: &mut Schema) {
    let Some(object) = schema.as_object_mut() else { return };
    if !object.contains_key("oneOf") {
        return;
    }
    let own = object.remove("properties");
    let Some(Value::Array(alternatives)) = object.get_mut("oneOf") else { return };
    for alternative in alternatives.iter_mut().filter_map(Value::as_object_mut) {
        if let (Some(Value::Object(own)), Some(Value::Object(properties))) =
            (&own, alternative.get_mut("properties"))
        {
            properties.extend(own.clone());
        }
        alternative.insert("additionalProperties".to_owned(), false.into());
    }
}

/// Lines of a comment end where the source is wide enough, which is of no meaning to an editor.
fn flowing_description(schema: &mut Schema) {
    if let Some(Value::String(description)) = schema.get_mut("description") {
        let paragraphs = description.split("\n\n").map(|paragraph| paragraph.replace('\n', " "));
        *description = paragraphs.collect::<Vec<_>>().join("\n\n");
    }
}

#[cfg(test)]
mod tests;
