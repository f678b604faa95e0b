use std::path::Path;

use serde_json::Value;

use super::*;
use crate::summary::tests::{idle, mishaps, ordinary, searched, windowed};

/// Checks a value against a schema, as far as ours uses the language; a property that the schema does
/// not name is a problem too.
pub(crate) fn problems(value: &Value, schema: &Value, root: &Value, path: &str) -> Vec<String> {
    if let Some(reference) = schema["$ref"].as_str() {
        let name = reference.strip_prefix("#/$defs/").unwrap();
        return problems(value, &root["$defs"][name], root, path);
    }
    if let Some(any) = schema["anyOf"].as_array() {
        let tried: Vec<_> = any.iter().map(|each| problems(value, each, root, path)).collect();
        let fits = tried.iter().any(Vec::is_empty);
        return if fits { Vec::new() } else { tried.concat() };
    }
    let mut found = Vec::new();
    let types = match &schema["type"] {
        Value::Array(types) => types.clone(),
        one => vec![one.clone()],
    };
    let fits = types.iter().any(|each| match each.as_str().unwrap() {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("the schema has a type {other}"),
    });
    if !fits {
        found.push(format!("{path} is no {types:?}"));
    }
    if let Some(values) = schema["enum"].as_array()
        && !values.contains(value)
    {
        found.push(format!("{path} is none of {values:?}"));
    }
    for (place, item) in value.as_array().into_iter().flatten().enumerate() {
        found.extend(problems(item, &schema["items"], root, &format!("{path}[{place}]")));
    }
    for (name, item) in value.as_object().into_iter().flatten() {
        let path = format!("{path}.{name}");
        match (&schema["properties"][name], &schema["additionalProperties"]) {
            (Value::Null, Value::Null) => found.push(format!("{path} is not in the schema")),
            (Value::Null, additional) => found.extend(problems(item, additional, root, &path)),
            (property, _) => found.extend(problems(item, property, root, &path)),
        }
    }
    for name in schema["required"].as_array().into_iter().flatten() {
        if value.get(name.as_str().unwrap()).is_none() {
            found.push(format!("{path}.{name} is missing"));
        }
    }
    found
}

#[test]
fn every_document_written_fits_the_schema() {
    let schema = schema();
    let written = [&ordinary(), &mishaps(), &idle(), &searched(), &windowed()]
        .map(|run| json(&Summary::new(run)));
    for text in written.into_iter().chain([json_of_nothing_yet()]) {
        let document: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(problems(&document, &schema, &schema, "$"), Vec::<String>::new());
    }
    let wrong = serde_json::json!({ "version": 1, "complete": true, "odd": 1 });
    assert!(problems(&wrong, &schema, &schema, "$").len() > 3, "what does not fit is found");
}

#[test]
fn a_threshold_that_is_held_each_second_has_a_course_and_others_have_none() {
    let document: Value = serde_json::from_str(&json(&Summary::new(&windowed()))).unwrap();
    let course = serde_json::json!({
        "overMs": 5_000, "forMs": null, "worstAtMs": 9_000, "crossedAtMs": 7_000, "longestMs": 2_000
    });
    let thresholds = &document["thresholds"];
    assert_eq!((&thresholds[0]["course"], &thresholds[0]["ok"]), (&course, &false.into()));
    assert_eq!(thresholds[1]["course"]["forMs"], 60_000);
    assert_eq!(
        (&thresholds[2]["course"]["worstAtMs"], &thresholds[2]["ok"]),
        (&Value::Null, &true.into())
    );
    assert!(thresholds[3].get("course").is_none());
}

#[test]
fn the_schema_beside_the_crate_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("summary.schema.json");
    let current = format!("{:#}\n", schema());
    if std::env::var_os("UPDATE_SCHEMA").is_some() {
        std::fs::write(&path, &current).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == current,
        "summary.schema.json is stale: set UPDATE_SCHEMA=1 and test again"
    );
}

#[test]
fn a_reader_of_k6s_data_finds_what_it_looks_for() {
    let document: Value = serde_json::from_str(&json(&Summary::new(&ordinary()))).unwrap();
    for (path, value) in [
        ("/state/testRunDurationMs", "10000"),
        ("/metrics/http_reqs/type", "\"counter\""),
        ("/metrics/http_reqs/contains", "\"default\""),
        ("/metrics/http_reqs/values", r#"{"count":45,"rate":4.5}"#),
        ("/metrics/http_req_failed/values", r#"{"fails":45,"passes":0,"rate":0}"#),
        ("/metrics/vus/values", r#"{"max":10,"min":1,"value":7}"#),
        ("/metrics/http_req_duration/contains", "\"time\""),
        ("/metrics/http_req_duration/values/min", "119.08"),
        ("/metrics/http_req_duration/thresholds/p(95)<1500", r#"{"ok":true}"#),
        ("/metrics/http_req_duration{expected_response:true}/values/min", "119.08"),
        ("/checks/0", r#"{"fails":1,"name":"body is whole","passes":44}"#),
    ] {
        let found = document.pointer(path).map(ToString::to_string);
        assert_eq!(found.as_deref(), Some(value), "{path}");
    }
    let stats = document["metrics"]["http_req_duration"]["values"].as_object().unwrap();
    assert_eq!(stats.keys().collect::<Vec<_>>(), ["avg", "max", "med", "min", "p(90)", "p(95)"]);
}

#[test]
fn mishaps_are_written_down() {
    insta::assert_snapshot!(json(&Summary::new(&mishaps())));
}

#[test]
fn whole_numbers_are_written_without_a_fraction() {
    for (number, written) in [
        (90.0, "90"),
        (-2.0, "-2"),
        (0.5, "0.5"),
        (9_007_199_254_740_991.0, "9007199254740991"),
        (1e300, "1e+300"),
    ] {
        assert_eq!(serde_json::to_string(&Number(number)).unwrap(), written);
    }
}
