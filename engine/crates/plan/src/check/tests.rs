use proptest::prelude::*;
use serde_json::json;

use super::*;

fn problems_of(mut value: Value) -> String {
    let mut problems = Problems::default();
    check(&mut value, &mut problems);
    problems.to_string()
}

#[test]
fn what_fits_is_no_problem() {
    for (value, why) in [
        (json!({}), "no options"),
        (json!({ "$schema": "options.schema.json" }), "an editor's key"),
        (json!({ "vus": 10, "duration": "30s" }), "a shortcut"),
        (json!({ "duration": 1500 }), "a number of milliseconds"),
        (json!({ "vus": 1e1, "iterations": 2.0e3 }), "whole numbers, oddly written"),
        (json!({ "vus": null, "scenarios": { "a": null } }), "null is as not given"),
        (
            json!({ "thresholds": { "checks": ["rate>0.9", { "threshold": "rate>0" }] } }),
            "both forms",
        ),
        (json!({ "scenarios": { "a": { "executor": "per-vu-iterations" } } }), "all else left out"),
        (
            json!({ "scenarios": { "a-B_1": {
                "executor": "constant-vus", "duration": "1m", "exec": "f", "startTime": "5s",
                "gracefulStop": "0s", "env": { "_A1": "b" }, "tags": { "any key": "c" },
            } } }),
            "a scenario with all common keys",
        ),
    ] {
        assert_eq!(problems_of(value), "", "{why}");
    }
}

#[test]
fn what_does_not_fit_is_said_in_peoples_words() {
    let scenario = |scenario: Value| json!({ "scenarios": { "browse": scenario } });
    for (value, said) in [
        (json!(3), "must be an object, but is 3"),
        (json!([]), "must be an object, but is a list"),
        (json!(null), "must be an object, but is null"),
        (json!({ "vus": 0 }), "vus: must be at least 1, but is 0"),
        (json!({ "vus": -3 }), "vus: must be at least 1, but is -3"),
        (json!({ "vus": 1_000_001 }), "vus: must be at most 1000000, but is 1000001"),
        (json!({ "vus": u64::MAX }), "vus: must be at most 1000000, but is 18446744073709551615"),
        (json!({ "vus": 1e300 }), "vus: must be at most 1000000, but is 1e+300"),
        (json!({ "vus": 1.5 }), "vus: must be a whole number, but is 1.5"),
        (json!({ "vus": "ten" }), "vus: must be a whole number, but is `ten`"),
        (json!({ "vus": true }), "vus: must be a whole number, but is true"),
        (
            json!({ "iterations": u64::MAX }),
            "iterations: must be at most 9007199254740991, but is 18446744073709551615",
        ),
        (
            json!({ "duration": "abc" }),
            "duration: must be a duration such as `30s` or `1m30s`, but is `abc`",
        ),
        (
            json!({ "duration": {} }),
            "duration: must be a duration such as `30s` or `1m30s`, but is an object",
        ),
        (json!({ "duration": "-5s" }), "duration: must not be negative, but is `-5s`"),
        (json!({ "duration": -5 }), "duration: must not be negative, but is -5"),
        (json!({ "duration": "0s" }), "duration: must be more than 0, but is `0s`"),
        (json!({ "duration": 0 }), "duration: must be more than 0, but is 0"),
        (json!({ "duration": 1e300 }), "duration: must be at most 292 years, but is 1e+300"),
        (json!({ "vusers": 3 }), "unknown key `vusers`; did you mean `vus`?"),
        (json!({ "start_time": 3 }), "unknown key `start_time`"),
        (
            json!({ "SETUP_TIMEOUT": 3 }),
            "unknown key `SETUP_TIMEOUT`; did you mean `setupTimeout`?",
        ),
        (json!({ "threshold": {} }), "unknown key `threshold`; did you mean `thresholds`?"),
        (json!({ "durtaion": "1s" }), "unknown key `durtaion`; did you mean `duration`?"),
        (json!({ "blacklist": [] }), "unknown key `blacklist`"),
        (json!({ "": 1 }), "unknown key ``"),
        (json!({ "noSetup": "yes" }), "noSetup: must be true or false, but is `yes`"),
        (json!({ "tags": { "a": 1 } }), "tags.a: must be a text, but is 1"),
        (
            json!({ "env": { "1-A": "x" } }),
            "env.1-A: must be a name of letters, digits and `_` that does not start with a digit",
        ),
        (
            json!({ "userAgent": "a\r\nb: c" }),
            "userAgent: must be printable ASCII characters, at least one, but is `a\\u{d}\\u{a}b: c`",
        ),
        (json!({ "summaryTrendStats": [] }), "summaryTrendStats: must not be empty"),
        (
            json!({ "summaryTrendStats": ["avg", 5] }),
            "summaryTrendStats[1]: must be a text, but is 5",
        ),
        (
            json!({ "thresholds": { "vus": "value>1" } }),
            "thresholds.vus: must be a list, but is `value>1`",
        ),
        (
            json!({ "thresholds": { "a{b:c}": [5] } }),
            "thresholds.\"a{b:c}\"[0]: must be a text or an object, but is 5",
        ),
        (
            json!({ "thresholds": { "vus": [{ "abortOnFail": 1, "delay": 2 }] } }),
            "thresholds.vus[0].abortOnFail: must be true or false, but is 1\n\
             thresholds.vus[0]: unknown key `delay`; did you mean `delayAbortEval`?\n\
             thresholds.vus[0].threshold: is missing",
        ),
        (json!({ "scenarios": 1 }), "scenarios: must be an object, but is 1"),
        (
            json!({ "scenarios": { "a b": { "executor": "shared-iterations" } } }),
            "scenarios.\"a b\": must be a name of letters, digits, `_` and `-`",
        ),
        (scenario(json!(1)), "scenarios.browse: must be an object, but is 1"),
        (
            scenario(json!({ "vus": 1 })),
            "scenarios.browse.executor: is missing; executors are constant-vus, \
             per-vu-iterations, shared-iterations, ramping-vus, constant-arrival-rate, ramping-arrival-rate, arrival-trace, externally-controlled, breakpoint",
        ),
        (
            scenario(json!({ "executor": "constant-vu" })),
            "scenarios.browse.executor: unknown executor `constant-vu`; executors are constant-vus, \
             per-vu-iterations, shared-iterations, ramping-vus, constant-arrival-rate, ramping-arrival-rate, arrival-trace, externally-controlled, breakpoint",
        ),
        (
            scenario(json!({ "executor": ["constant-vus"] })),
            "scenarios.browse.executor: must be the name of an executor, but is a list; executors \
             are constant-vus, per-vu-iterations, shared-iterations, ramping-vus, constant-arrival-rate, ramping-arrival-rate, arrival-trace, externally-controlled, breakpoint",
        ),
        (
            scenario(json!({ "executor": "constant-vus", "iterations": 5, "exec": "" })),
            "scenarios.browse.exec: must not be empty, but is ``\n\
             scenarios.browse: unknown key `iterations`\n\
             scenarios.browse.duration: is missing",
        ),
        (
            scenario(json!({ "executor": "constant-arrival-rate", "rate": 0, "maxVU": 3 })),
            "scenarios.browse: unknown key `maxVU`; did you mean `maxVUs`?\n\
             scenarios.browse.rate: must be at least 1, but is 0\n\
             scenarios.browse.duration: is missing\n\
             scenarios.browse.preAllocatedVUs: is missing",
        ),
    ] {
        let shown = value.to_string();
        assert_eq!(problems_of(value), said, "{shown}");
    }
}

#[test]
fn distance_is_counted_in_slips_of_the_finger() {
    let edits = |one: &str, other: &str| {
        let chars = |text: &str| text.chars().collect::<Vec<_>>();
        super::edits(&chars(one), &chars(other))
    };
    for (one, other, distance, why) in [
        ("", "", 0, "nothing"),
        ("vus", "vus", 0, "the same"),
        ("", "vus", 3, "all missing"),
        ("vus", "vu", 1, "one missing"),
        ("vus", "vuss", 1, "one too many"),
        ("vus", "vas", 1, "one changed"),
        ("vus", "uvs", 1, "two swapped"),
        ("duration", "iteration", 3, "another word"),
    ] {
        assert_eq!(edits(one, other), distance, "{why}");
        assert_eq!(edits(other, one), distance, "{why}, the other way round");
    }
}

/// Values of every shape, with keys of the schema among them so that they go deep.
fn values() -> impl Strategy<Value = Value> {
    let key = prop_oneof![
        3 => prop::sample::select(vec![
            "vus", "duration", "scenarios", "executor", "exec", "rate", "env", "thresholds",
            "threshold", "gracefulStop", "summaryTrendStats", "maxVUs", "tags", "iterations",
        ])
        .prop_map(str::to_owned),
        1 => "\\PC{0,5}",
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,5}|[0-9]{1,25}[smh]".prop_map(Value::from),
        prop::sample::select(EXECUTORS).prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 40, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(key.clone(), inner, 0..6)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    /// What the checker lets pass must never be refused by the types, in whose words nobody would
    /// find the place; and no value may break either.
    #[test]
    fn what_passes_can_be_read(value in values()) {
        let mut checked = value.clone();
        let mut problems = Problems::default();
        check(&mut checked, &mut problems);
        if problems.is_empty() {
            let read = serde_json::from_value::<crate::Options>(checked);
            prop_assert!(read.is_ok(), "{value}: {read:?}");
            let _ = read.unwrap().plan();
        }
    }

    #[test]
    fn whole_scenarios_that_pass_can_be_read(
        kind in prop::sample::select(EXECUTORS),
        vus: u64,
        iterations in prop_oneof![any::<u64>().prop_map(Value::from), any::<f64>().prop_map(Value::from)],
        rate: u32,
        length in prop_oneof![any::<u64>().prop_map(Value::from), any::<f64>().prop_map(Value::from)],
        small in 0_u32..3,
    ) {
        // Now and then within the bounds, now and then not.
        let vus = if small > 0 { vus % 1_000_001 } else { vus };
        let mut scenario = json!({ "executor": kind, "startTime": length });
        let fields = scenario.as_object_mut().unwrap();
        match kind {
            "constant-arrival-rate" => {
                fields.insert("rate".into(), rate.into());
                fields.insert("timeUnit".into(), length.clone());
                fields.insert("preAllocatedVUs".into(), vus.into());
            }
            _ => {
                fields.insert("vus".into(), vus.into());
            }
        }
        match kind {
            "per-vu-iterations" | "shared-iterations" => {
                fields.insert("iterations".into(), iterations);
                fields.insert("maxDuration".into(), length);
            }
            _ => {
                fields.insert("duration".into(), length);
            }
        }
        let mut options = json!({ "scenarios": { "a": scenario } });
        let mut problems = Problems::default();
        check(&mut options, &mut problems);
        if problems.is_empty() {
            let read = serde_json::from_value::<crate::Options>(options);
            prop_assert!(read.is_ok(), "{read:?}");
            if let Ok(plan) = read.unwrap().plan() {
                prop_assert!(plan.max_vus() >= 1);
                let _ = plan.describe();
            }
        }
    }
}
