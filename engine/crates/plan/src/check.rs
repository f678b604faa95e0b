//! Holds a value against the schema of options and says all that does not fit, in people's words.
//!
//! It interprets the keywords that the schema of this crate has, and a test sees to it that there are
//! no others; it is no JSON Schema validator. What holds between several values is not its matter but
//! [`Options::plan`](crate::Options::plan)'s.

use serde_json::{Map, Number, Value};

use crate::problems::{element_of, key_of, shown};
use crate::schema::SCHEMA;
use crate::{EXECUTORS, Length, Problems, length, pattern};

/// Adds what does not fit to `problems`, and brings what does to one form: keys whose value is `null` are
/// left out, and a whole number written as `1e3` is one.
pub(crate) fn check(value: &mut Value, problems: &mut Problems) {
    check_by(value, &SCHEMA, problems);
}

/// The same, by the schema of something else.
pub(crate) fn check_by(value: &mut Value, schema: &Value, problems: &mut Problems) {
    check_value(value, schema, "", problems);
}

/// Goes as deep as the schema, not as the value.
fn check_value(value: &mut Value, schema: &Value, path: &str, problems: &mut Problems) {
    if is_length(schema) {
        return check_length(value, schema, path, problems);
    }
    if !fits_type(value, schema) {
        let message = format!("must be {}, but is {}", expected(schema), shown_value(value));
        return problems.push(path, message);
    }
    let Some(schema) = alternative(value, schema, path, problems) else { return };
    match value {
        Value::Object(object) => {
            check_keys(object, schema, path, problems);
        }
        Value::Array(list) => {
            let least = schema.get("minItems").and_then(Value::as_u64).unwrap_or(0);
            if (list.len() as u64) < least {
                problems.push(path, "must not be empty");
            }
            if let Some(items) = schema.get("items") {
                for (place, element) in list.iter_mut().enumerate() {
                    check_value(element, items, &element_of(path, place), problems);
                }
            }
        }
        Value::Number(number) => {
            if schema.get("type").is_some_and(|name| name == "integer") {
                make_whole(number);
            }
            if let Some(message) = out_of_bounds(number.as_f64().unwrap_or(f64::NAN), schema) {
                problems.push(path, format!("must be {message}, but is {number}"));
            }
        }
        Value::String(text) => {
            if let Some(demand) = unmet_demand(text, schema) {
                problems.push(path, format!("must {demand}, but is `{}`", shown(text)));
            } else if let Some(names) = not_among(text, schema) {
                problems.push(path, format!("must be {names}, but is `{}`", shown(text)));
            }
        }
        Value::Null | Value::Bool(_) => {}
    }
}

fn check_keys(
    object: &mut Map<String, Value>,
    schema: &Value,
    path: &str,
    problems: &mut Problems,
) {
    // Not given, as in k6: in many languages it is simpler to write than to leave out.
    object.retain(|_, value| !value.is_null());

    let properties = schema.get("properties").and_then(Value::as_object);
    let others = schema.get("additionalProperties").filter(|others| others.is_object());
    for (key, value) in object.iter_mut() {
        let inner = key_of(path, key);
        if let Some(names) = schema.get("propertyNames")
            && let Some(demand) = unmet_demand(key, names)
        {
            problems.push(&inner, format!("must {demand}"));
        }
        match (properties.and_then(|properties| properties.get(key)), others) {
            (Some(known), _) => check_value(value, known, &inner, problems),
            (None, Some(others)) => check_value(value, others, &inner, problems),
            (None, None) => {
                let known = properties.into_iter().flat_map(|properties| properties.keys());
                let hint = match closest(key, known) {
                    Some(meant) => format!("; did you mean `{meant}`?"),
                    None => String::new(),
                };
                problems.push(path, format!("unknown key `{}`{hint}", shown(key)));
            }
        }
    }
    for key in schema.get("required").and_then(Value::as_array).into_iter().flatten() {
        if let Some(key) = key.as_str()
            && !object.contains_key(key)
        {
            problems.push(key_of(path, key), "is missing");
        }
    }
}

/// The schema of several that a value is to be held against; `None` if it is for none of them, which is
/// then a problem.
fn alternative<'a>(
    value: &Value,
    schema: &'a Value,
    path: &str,
    problems: &mut Problems,
) -> Option<&'a Value> {
    // A threshold, as a text or as an object: the type tells, and it has been seen that one fits.
    if let Some(alternatives) = schema.get("anyOf").and_then(Value::as_array) {
        return alternatives.iter().find(|schema| fits_type(value, schema));
    }
    let Some(alternatives) = schema.get("oneOf").and_then(Value::as_array) else {
        return Some(schema);
    };
    // One of a few words.
    if alternatives.iter().all(|schema| schema.get("const").is_some()) {
        let words: Vec<_> = alternatives.iter().filter_map(|schema| schema.get("const")).collect();
        let found = alternatives.iter().find(|schema| schema.get("const") == Some(value));
        if found.is_none() {
            let words: Vec<_> = words.iter().map(|word| shown_value(word)).collect();
            let message = format!("must be {}, but is {}", words.join(" or "), shown_value(value));
            problems.push(path, message);
        }
        return found;
    }
    // A scenario: its executor tells.
    let given = value.get("executor").filter(|given| !given.is_null());
    let found = alternatives
        .iter()
        .find(|schema| given.is_some() && schema.pointer("/properties/executor/const") == given);
    if found.is_none() {
        let problem = match given {
            None => "is missing".to_owned(),
            Some(Value::String(text)) => format!("unknown executor `{}`", shown(text)),
            Some(other) => {
                format!("must be the name of an executor, but is {}", shown_value(other))
            }
        };
        let message = format!("{problem}; executors are {}", EXECUTORS.join(", "));
        problems.push(key_of(path, "executor"), message);
    }
    found
}

/// Whether a schema is that of a [`Length`].
fn is_length(schema: &Value) -> bool {
    schema.get("pattern").is_some_and(|pattern| pattern == length::PATTERN)
}

fn check_length(value: &Value, schema: &Value, path: &str, problems: &mut Problems) {
    let demand = match Length::from_json(value) {
        // The bounds of lengths are in milliseconds, as their numbers are.
        Ok(length) => match out_of_bounds(length.get().as_secs_f64() * 1e3, schema) {
            Some(bound) => format!("must be {bound}"),
            None => return,
        },
        Err(error) => error.to_string(),
    };
    problems.push(path, format!("{demand}, but is {}", shown_value(value)));
}

/// Whether a value is of a type that a schema allows.
fn fits_type(value: &Value, schema: &Value) -> bool {
    if let Some(alternatives) = schema.get("anyOf").and_then(Value::as_array) {
        return alternatives.iter().any(|schema| fits_type(value, schema));
    }
    match schema.get("type").and_then(Value::as_str) {
        Some("object") => value.is_object(),
        Some("array") => value.is_array(),
        Some("string") => value.is_string(),
        Some("boolean") => value.is_boolean(),
        // A whole number may be written as `1e3`. One too large to be exact is out of every bound.
        Some("integer") => {
            value.is_u64() || value.is_i64() || value.as_f64().is_some_and(|it| it.fract() == 0.0)
        }
        _ => true,
    }
}

/// What a schema allows, in words.
fn expected(schema: &Value) -> String {
    if let Some(alternatives) = schema.get("anyOf").and_then(Value::as_array) {
        return alternatives.iter().map(expected).collect::<Vec<_>>().join(" or ");
    }
    match schema.get("type").and_then(Value::as_str) {
        Some("object") => "an object",
        Some("array") => "a list",
        Some("string") => "a text",
        Some("boolean") => "true or false",
        Some("integer") => "a whole number",
        _ => "something else",
    }
    .to_owned()
}

/// A value in words, as short as it takes to find it.
fn shown_value(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(truth) => truth.to_string(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => format!("`{}`", shown(text)),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "an object".to_owned(),
    }
}

/// Turns `1e3` into `1000`, if no digit is lost.
fn make_whole(number: &mut Number) {
    const EXACT: f64 = crate::MAX_ITERATIONS as f64;
    if let Some(float) = number.as_f64().filter(|it| number.is_f64() && it.abs() <= EXACT) {
        *number = Number::from(float as i64);
    }
}

/// The bound that a number breaks, in words.
fn out_of_bounds(number: f64, schema: &Value) -> Option<String> {
    let bound = |keyword| schema.get(keyword).and_then(Value::as_f64);
    let words = |keyword, words| Some(format!("{words} {}", schema.get(keyword)?));
    if bound("exclusiveMinimum").is_some_and(|bound| number <= bound) {
        return words("exclusiveMinimum", "more than");
    }
    if bound("minimum").is_some_and(|bound| number < bound) {
        return words("minimum", "at least");
    }
    if bound("maximum").is_some_and(|bound| number > bound) {
        return words("maximum", "at most");
    }
    None
}

/// What is demanded of a text that it does not meet, after "must".
fn unmet_demand(text: &str, schema: &Value) -> Option<&'static str> {
    if schema.get("minLength").is_some_and(|least| *least != 0) && text.is_empty() {
        return Some("not be empty");
    }
    let regex = schema.get("pattern")?;
    let pattern = pattern::ALL.into_iter().find(|pattern| regex == pattern.regex)?;
    (!(pattern.matches)(text)).then_some(pattern.demand)
}

/// The texts of which a text must be one and is none, in words.
fn not_among(text: &str, schema: &Value) -> Option<String> {
    let names: Vec<&str> =
        schema.get("enum")?.as_array()?.iter().filter_map(Value::as_str).collect();
    if names.contains(&text) {
        return None;
    }
    let (last, others) = names.split_last()?;
    Some(match others {
        [] => format!("`{last}`"),
        others => format!("`{}` or `{last}`", others.join("`, `")),
    })
}

/// The known key that was probably meant, if any is near enough.
fn closest<'a>(key: &str, known: impl Iterator<Item = &'a String>) -> Option<&'a str> {
    // Longer than any key there is; comparing takes the product of both lengths.
    if key.len() > 64 {
        return None;
    }
    // `start_time` and `StartTime` are `startTime`.
    let plain = |key: &str| -> Vec<char> {
        key.chars().filter(|c| !matches!(c, '_' | '-')).flat_map(char::to_lowercase).collect()
    };
    let typed = plain(key);
    known
        .filter_map(|known| {
            let meant = plain(known);
            let (short, long) = (typed.len().min(meant.len()), typed.len().max(meant.len()));
            let is_start = short >= 3 && typed[..short] == meant[..short];
            let distance = if is_start { long - short } else { edits(&typed, &meant) };
            // One slip, a quarter of the letters wrong, or one starts the other: arbitrary. With more,
            // k6's `stages` would be taken for `tags`.
            let is_slip = short >= 3 && distance <= 1 || distance * 4 <= long;
            (is_start || is_slip).then_some((distance, known.as_str()))
        })
        .min()
        .map(|(_, known)| known)
}

/// How many letters are to be added, dropped, changed or swapped with their neighbour to make one of the
/// other (optimal string alignment).
fn edits(one: &[char], other: &[char]) -> usize {
    // Row `i` has the distances of the first `i` letters of `one` to every start of `other`.
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=other.len()).collect();
    for i in 1..=one.len() {
        let mut row = vec![i];
        for j in 1..=other.len() {
            let same = one[i - 1] == other[j - 1];
            let mut least = (last[j - 1] + usize::from(!same)).min(last[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && one[i - 1] == other[j - 2] && one[i - 2] == other[j - 1] {
                least = least.min(before_last[j - 2] + 1);
            }
            row.push(least);
        }
        before_last = std::mem::replace(&mut last, row);
    }
    last[other.len()]
}

#[cfg(test)]
mod tests;
