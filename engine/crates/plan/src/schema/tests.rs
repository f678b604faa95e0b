use std::path::Path;

use super::*;
use crate::problems::Problems;
use crate::{EXECUTORS, check, length, pattern};

/// Visits a schema and all within it, each with where it is.
fn visit(schema: &Value, place: &str, visitor: &mut dyn FnMut(&str, &Value)) {
    visitor(place, schema);
    for keyword in ["items", "additionalProperties", "propertyNames"] {
        if let Some(inner) = schema.get(keyword).filter(|inner| inner.is_object()) {
            visit(inner, &format!("{place}/{keyword}"), visitor);
        }
    }
    for keyword in ["oneOf", "anyOf"] {
        let alternatives = schema.get(keyword).and_then(Value::as_array).into_iter().flatten();
        for (index, inner) in alternatives.enumerate() {
            visit(inner, &format!("{place}/{keyword}/{index}"), visitor);
        }
    }
    for (key, inner) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
        visit(inner, &format!("{place}/properties/{key}"), visitor);
    }
}

/// Visits all schemas that the checker holds values against.
fn each_schema(visitor: &mut dyn FnMut(&str, &Value)) {
    visit(&schema(), "", visitor);
    visit(&crate::policy_schema(), "policy", visitor);
}

#[test]
fn the_committed_schemas_are_those_of_these_types() {
    for (name, schema) in
        [("options.schema.json", schema()), ("policy.schema.json", crate::policy_schema())]
    {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
        if std::env::var_os("UPDATE_SCHEMA").is_some() {
            let text = serde_json::to_string_pretty(&schema).unwrap() + "\n";
            std::fs::write(&path, text).unwrap();
        }
        let committed = std::fs::read_to_string(&path).unwrap_or_default();
        let committed: Value = serde_json::from_str(&committed).unwrap_or_default();
        assert!(
            committed == schema,
            "{} is out of date; to make it anew: UPDATE_SCHEMA=1 cargo test -p wasmload-plan",
            path.display()
        );
    }
}

#[test]
fn it_says_what_it_is() {
    let schema = schema();
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    assert_eq!(schema["title"], "wasmload options");
    assert_eq!(schema["additionalProperties"], false);
}

#[test]
fn every_option_is_described() {
    each_schema(&mut |place, schema| {
        let is_option = place.rsplit('/').nth(1) == Some("properties");
        let is_tag = schema.get("const").is_some();
        assert!(!is_option || is_tag || schema.get("description").is_some(), "{place}");
    });
}

#[test]
fn the_checker_knows_every_keyword() {
    let enforced = [
        "type",
        "properties",
        "required",
        "additionalProperties",
        "propertyNames",
        "items",
        "minItems",
        "minLength",
        "minimum",
        "exclusiveMinimum",
        "maximum",
        "pattern",
        "oneOf",
        "anyOf",
        "const",
        "enum",
    ];
    let notes = ["$schema", "title", "description", "default", "examples"];
    each_schema(&mut |place, schema| {
        for keyword in schema.as_object().unwrap().keys() {
            let keyword = keyword.as_str();
            assert!(enforced.contains(&keyword) || notes.contains(&keyword), "{place}/{keyword}");
        }
        if let Some(regex) = schema.get("pattern") {
            let is_known = *regex == length::PATTERN
                || pattern::ALL.iter().any(|pattern| *regex == pattern.regex);
            assert!(is_known, "{place}/pattern");
        }
        // Else a number could pass the checker that the type cannot hold.
        if schema.get("type").is_some_and(|name| name == "integer") {
            assert!(schema.get("minimum").is_some(), "{place}/minimum");
            assert!(schema.get("maximum").is_some(), "{place}/maximum");
        }
    });
}

#[test]
fn each_executor_has_an_alternative_and_its_example_is_valid() {
    let schema = schema();
    let alternatives = schema.pointer("/properties/scenarios/additionalProperties/oneOf").unwrap();
    let alternatives = alternatives.as_array().unwrap();
    assert_eq!(alternatives.len(), EXECUTORS.len());
    for (alternative, kind) in alternatives.iter().zip(EXECUTORS) {
        assert_eq!(alternative["properties"]["executor"]["const"], **kind);
        assert_eq!(alternative["additionalProperties"], false, "{kind} takes no other keys");
        assert!(alternative["properties"]["exec"].is_object(), "{kind} has a scenario's own keys");
        assert!(alternative["description"].is_string(), "{kind} is described");

        let examples = alternative["examples"].as_array().unwrap();
        assert!(!examples.is_empty(), "{kind}");
        for example in examples {
            assert_eq!(example["executor"], **kind);
            let mut options = serde_json::json!({
                "scenarios": { "example": example }, "thresholds": { "checks": ["rate>0.9"] }
            });
            let mut problems = Problems::default();
            check::check(&mut options, &mut problems);
            assert!(problems.is_empty(), "{kind}: {problems}");
            let mut options = crate::parse_json(&options.to_string()).unwrap();
            options.read_traces(|_| Ok("0\n1\n".to_owned()));
            let plan = options.plan().unwrap();
            assert_eq!(plan.scenarios[0].executor.kind(), *kind);
        }
    }
}

/// A default in the schema is a promise to those who read it in their editor.
#[test]
fn a_default_given_is_as_the_default_left_out() {
    let schema = schema();
    let mut given = serde_json::Map::new();
    for (key, property) in schema["properties"].as_object().unwrap() {
        if let Some(default) = property.get("default") {
            given.insert(key.clone(), default.clone());
        }
    }
    assert!(given.len() >= 6, "{given:?}");
    let given = crate::parse_json(&Value::Object(given).to_string()).unwrap().plan().unwrap();
    let left_out = Options::default().plan().unwrap();
    assert_eq!(format!("{given:?}"), format!("{left_out:?}"));
}
