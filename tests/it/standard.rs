//! Programs that know WASI and nothing of wasmload: both sides' counts, what is said of them, how they fail.

use demo::{Demo, Faults, RunningDemo};
use serde_json::Value;
use support::{Ran, Wasmload};

fn wasmload() -> Wasmload {
    Wasmload::new(env!("CARGO_BIN_EXE_wasmload"))
}

fn target() -> RunningDemo {
    Demo::spawn_thread(([127, 0, 0, 1], 0).into(), Faults::default()).expect("a free port")
}

const SUMMARY: [&str; 2] = ["--summary-export", "summary.json"];

/// The count of a counter in the summary that a run wrote.
fn count(wasmload: &Wasmload, metric: &str) -> u64 {
    let summary: Value =
        serde_json::from_str(&wasmload.read("summary.json")).expect("the summary is JSON");
    summary["metrics"][metric]["values"]["count"].as_f64().unwrap_or(0.0) as u64
}

fn assert_code(ran: &Ran, code: i32) {
    assert_eq!(ran.code, Some(code), "{}", ran.redacted());
}

#[test]
fn what_the_target_counted_is_what_the_summary_reports() {
    let (wasmload, target) = (wasmload(), target());
    let base = format!("BASE_URL={}", target.url());
    let run = ["run", artifacts::PROGRAM_GETS_AND_POSTS, "-e", &base, "--vus", "10", "-i", "200"];
    let ran = wasmload.run(&[&run[..], &SUMMARY].concat());
    assert_code(&ran, 0);
    for (metric, expected) in [
        ("iterations", 200),
        ("iterations_failed", 0),
        ("vu_restarts", 0),
        ("http_reqs", 1_200),
        ("http_reqs_interrupted", 0),
    ] {
        assert_eq!(count(&wasmload, metric), expected, "{metric}: {}", ran.stdout);
    }
    let record = target.record();
    assert_eq!((record.requests, record.connections), (1_200, 10), "connections outlive instances");
    assert_eq!(count(&wasmload, "data_received"), record.bytes_sent);
    assert_eq!(count(&wasmload, "data_sent"), record.bytes_received);
}

#[test]
fn the_example_is_built_and_run() {
    let wasmload = wasmload();
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/wasi-http");
    let run = ["run", example, "--demo", "--vus", "4", "-i", "20"];
    let thresholds = [
        "--threshold",
        "http_req_failed: rate==0",
        "--threshold",
        "http_reqs{name:/products/{id}}: count==60",
    ];
    let ran = wasmload.run(&[&run[..], &thresholds, &SUMMARY].concat());
    assert_code(&ran, 0);
    assert_eq!(count(&wasmload, "http_reqs"), 100, "{}", ran.stdout);
    assert_eq!(count(&wasmload, "iterations_failed"), 0, "{}", ran.stdout);
}

#[test]
fn a_program_is_told_from_a_script_before_it_runs() {
    let wasmload = wasmload();
    let ran = wasmload.run(&["inspect", artifacts::PROGRAM_GETS_AND_POSTS, "--json"]);
    assert_code(&ran, 0);
    let told: Value = serde_json::from_str(&ran.stdout).expect("it is JSON");
    let contract = told["contract"].as_str().expect("a text");
    assert!(contract.starts_with("wasi:cli/run@0.2."), "{contract}");
    assert_eq!(told["options"]["isolation"], "iteration");
    let imports = told["imports"].as_array().expect("a list").iter().filter_map(Value::as_str);
    let imports: Vec<_> = imports.collect();
    assert!(imports.iter().any(|name| name.starts_with("wasi:http/outgoing-handler@0.2.")));
    assert!(!imports.iter().any(|name| name.starts_with("wasmload:")), "{imports:?}");

    let plan = ["plan", artifacts::PROGRAM_GETS_AND_POSTS, "--vus", "2", "--duration", "1s"];
    let planned = wasmload.run(&plan);
    assert!(planned.stdout.contains("fresh instance of the script"), "{}", planned.redacted());
    wasmload.write("vu.json", r#"{ "isolation": "vu" }"#);
    let kept = wasmload.run(&[&plan[..], &["-c", "vu.json"]].concat());
    assert!(!kept.stdout.contains("fresh"), "{}", kept.redacted());

    let scenario = r#"{ "executor": "constant-vus", "duration": "1s", "exec": "buy" }"#;
    wasmload.write("buy.json", format!(r#"{{ "scenarios": {{ "a": {scenario} }} }}"#));
    let refused = wasmload.run(&["run", artifacts::PROGRAM_GETS_AND_POSTS, "-c", "buy.json"]);
    assert_code(&refused, 104);
    let said = "scenarios.a: the script has no flow `buy`; it has `default`";
    assert!(refused.stderr.contains(said), "{}", refused.redacted());
}

#[test]
fn a_program_that_fails_says_why_in_its_own_words() {
    for (end, said, failed) in [
        ("error", r#"✗ the program failed: Error: "it was told to fail""#, 3),
        ("code", "✗ the program failed: bad things happened", 3),
        ("panic", "✗ trapped: panicked: it was told to panic", 3),
        ("exit", "", 0),
    ] {
        let wasmload = wasmload();
        let end = format!("END={end}");
        let run = ["run", artifacts::PROGRAM_ENDS_AS_IT_IS_TOLD, "-e", &end, "--demo", "-i", "3"];
        let threshold = ["--threshold", "http_req_failed: rate==0"];
        let ran = wasmload.run(&[&run[..], &threshold, &SUMMARY].concat());
        assert_code(&ran, 0);
        assert_eq!(count(&wasmload, "iterations_failed"), failed, "{end}: {}", ran.stdout);
        assert!(failed == 0 || ran.stdout.contains(said), "{end}: {}", ran.redacted());
    }
}
