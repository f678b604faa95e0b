use proptest::prelude::*;

use super::*;
use crate::Length;

#[test]
fn json_and_toml_say_the_same() {
    let json = parse_json(
        r#"{
            "duration": 1500,
            "tags": { "team": "shop" },
            "scenarios": {
                "browse": { "executor": "constant-vus", "vus": 10, "duration": "30s", "exec": "browse" }
            },
            "thresholds": {
                "http_req_duration{name:home}": [
                    "p(95)<500",
                    { "threshold": "max<5000", "abortOnFail": true, "delayAbortEval": "10s" }
                ]
            }
        }"#,
    );
    let toml = parse_toml(
        r#"
        duration = 1500

        [tags]
        team = "shop"

        [scenarios.browse]
        executor = "constant-vus"
        vus = 10
        duration = "30s"
        exec = "browse"

        [thresholds]
        "http_req_duration{name:home}" = [
            "p(95)<500",
            { threshold = "max<5000", abortOnFail = true, delayAbortEval = "10s" },
        ]
        "#,
    );
    let json = json.unwrap();
    assert_eq!(json, toml.unwrap());
    assert_eq!(json.duration.map(Length::get), Some(std::time::Duration::from_millis(1_500)));
}

#[test]
fn no_text_is_no_options() {
    for text in ["", " \r\n\t", "{}"] {
        assert_eq!(parse_json(text).unwrap(), Options::default());
    }
    for text in ["", "# nothing yet\n"] {
        assert_eq!(parse_toml(text).unwrap(), Options::default());
    }
}

#[test]
fn a_text_that_cannot_be_read_says_where() {
    for (text, said) in [
        ("{\n  \"vus\": 1,\n}", "not JSON: trailing comma at line 3 column 1"),
        ("{", "not JSON: EOF while parsing an object at line 1 column 1"),
        ("vus = 1", "not JSON: expected value at line 1 column 1"),
        ("{\n\"vus\": 1e999}", "not JSON: number out of range at line 2 column 12"),
        ("{\"vus\": 1,\n \"vus\": 2}", "not JSON: the key `vus` is given twice at line 2 column 6"),
        (
            "{\"scenarios\": {\"a\": {},\n\"a\": {}}}",
            "not JSON: the key `a` is given twice at line 2 column 3",
        ),
    ] {
        assert_eq!(parse_json(text).unwrap_err().to_string(), said, "{text}");
    }
    for (text, starts, ends) in [
        ("vus = 1\nduration 5", "not TOML: ", " at line 2 column 10"),
        ("é = 1", "not TOML: ", " at line 1 column 1"),
        ("vus = 1\nvus = 2", "not TOML: duplicate key", " at line 2 column 1"),
        ("vus = 99999999999999999999", "not TOML: ", " at line 1 column 7"),
        ("{}", "not TOML: ", " at line 1 column 1"),
    ] {
        let said = parse_toml(text).unwrap_err().to_string();
        assert!(said.starts_with(starts) && said.ends_with(ends), "{text}: {said}");
    }
}

#[test]
fn what_json_has_no_word_for_is_refused_for_what_it_is() {
    for (text, said) in [
        ("vus = nan", "vus: must be a whole number, but is `NaN`"),
        ("vus = inf", "vus: must be a whole number, but is `inf`"),
        (
            "duration = 1979-05-27",
            "duration: must be a duration such as `30s` or `1m30s`, but is `1979-05-27`",
        ),
    ] {
        assert_eq!(parse_toml(text).unwrap_err().to_string(), said);
    }
}

#[test]
fn no_depth_breaks_the_reader() {
    let depth = 100_000;
    let nested = |open: &str, close: &str| open.repeat(depth) + &close.repeat(depth);
    assert!(parse_json(&nested("[", "]")).is_err());
    assert!(parse_json(&nested("{\"env\":", "}")).is_err());
    for text in [
        format!("env = {}", nested("[", "]")),
        format!("env = {}", nested("{a=", "}")),
        format!("[env{}]", ".a".repeat(depth)),
        format!("env{} = 1", ".a".repeat(depth)),
        format!("[[env{}]]", ".a".repeat(depth)),
    ] {
        assert!(parse_toml(&text).is_err());
    }
}

#[test]
fn many_problems_are_told_as_a_hundred_and_a_number() {
    let keys: Vec<String> = (0..5_000).map(|n| format!("\"k{n}\": 1")).collect();
    let problems = parse_json(&format!("{{{}}}", keys.join(","))).unwrap_err();
    assert_eq!(problems.len(), 5_000);
    assert!(problems.to_string().ends_with("and 4900 more"));
}

proptest! {
    #[test]
    fn no_text_breaks_the_readers(text in "\\PC{0,40}|[{}\\[\\]\",:=.0-9a-e \\n-]{0,40}") {
        let _ = parse_json(&text);
        let _ = parse_toml(&text);
    }

    #[test]
    fn what_is_written_is_read_again(
        vus in proptest::option::of(1..=1_000_000_u32),
        milliseconds in proptest::option::of(1..=1_000_000_000_u64),
        tags in proptest::option::of(proptest::collection::btree_map("\\PC{0,4}", "\\PC{0,4}", 0..3)),
        no_setup in proptest::option::of(any::<bool>()),
    ) {
        let duration = milliseconds.map(|it| std::time::Duration::from_millis(it).into());
        let options = Options { vus, duration, tags, no_setup, ..Options::default() };
        let json = serde_json::to_string(&options).unwrap();
        prop_assert_eq!(parse_json(&json).unwrap(), options);
    }
}

#[test]
fn what_is_wrong_together_is_told_with_what_is_wrong_alone() {
    let problems = parse_json(
        r#"{ "scenarios": {
            "a": { "executor": "constant-arrival-rate", "rate": -5, "duration": "1s",
                "preAllocatedVUs": 5, "maxVUs": 2 },
            "b": { "executor": "constant-arrival-rate", "rate": 5, "duration": "1s",
                "preAllocatedVUs": 5, "maxVUs": 2 },
            "bc": { "executor": "constant-vus", "duration": "1s", "weights": { "x": 0 } },
            "c": { "executor": "arrival-trace", "file": "a.txt", "preAllocatedVUs": 5 } } }"#,
    );
    assert_eq!(
        problems.unwrap_err().to_string(),
        "scenarios.a.rate: must be at least 1, but is -5\n\
         scenarios.b.maxVUs: must be at least preAllocatedVUs, which is 5, but is 2\n\
         scenarios.bc.weights: must not sum to zero: no flow would ever run"
    );
}
