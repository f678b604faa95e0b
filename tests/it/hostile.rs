//! Scripts that try to hurt: the run comes to its end, says what was tried, and the others go on.

use demo::{Demo, Faults, RunningDemo};
use serde_json::Value;
use support::{Ran, Wasmload};

fn wasmload() -> Wasmload {
    Wasmload::new(env!("CARGO_BIN_EXE_wasmload"))
}

fn target() -> RunningDemo {
    Demo::spawn_thread(([127, 0, 0, 1], 0).into(), Faults::default()).expect("a free port")
}

/// Runs flows of all kinds with these scenarios and flags; what came of it, and its summary.
fn run(scenarios: &str, flags: &[&str]) -> (Ran, Value, RunningDemo) {
    let (wasmload, target) = (wasmload(), target());
    let base = format!("BASE_URL={}", target.url());
    wasmload.write("o.json", format!("{{ \"scenarios\": {{ {scenarios} }} }}"));
    let fixed = ["run", artifacts::FLOWS_OF_ALL_KINDS, "-c", "o.json", "-e", &base];
    let export = ["--summary-export", "summary.json"];
    let ran = wasmload.run(&[&fixed[..], &export[..], flags].concat());
    let summary = serde_json::from_str(&wasmload.read("summary.json")).expect("JSON");
    (ran, summary, target)
}

const HONEST: &str = r#""honest": { "executor": "per-vu-iterations", "vus": 5, "iterations": 20,
    "exec": "honest" }"#;

/// A scenario of users with one of the other flows.
fn others(flow: &str, vus: u32) -> String {
    format!(
        r#""{flow}": {{ "executor": "constant-vus", "vus": {vus}, "duration": "3s", "exec": "{flow}",
        "gracefulStop": "1s" }}"#
    )
}

fn iterations(summary: &Value, scenario: &str) -> u64 {
    let scenarios = summary["scenarios"].as_array().expect("a list");
    let found = scenarios.iter().find(|each| each["name"] == scenario).expect("it ran");
    found["iterations"].as_u64().expect("a number")
}

fn count(summary: &Value, metric: &str) -> u64 {
    summary["metrics"][metric]["values"]["count"].as_f64().unwrap_or(0.0) as u64
}

#[test]
fn honest_users_come_to_their_end_beside_those_who_loop_flood_eat_and_break() {
    let kinds = [("loops", 6), ("floods", 6), ("computes", 6), ("eats", 3), ("breaks", 6)];
    let mut scenarios = HONEST.to_owned();
    for (flow, vus) in kinds {
        scenarios += ", ";
        scenarios += &others(flow, vus);
    }
    let narrow = [
        "--max-cpu-between-calls",
        "100ms",
        "--max-cpu-time",
        "500ms",
        "--max-memory-per-vu",
        "32MiB",
    ];
    let (ran, summary, target) =
        run(&scenarios, &[&narrow[..], &["--max-host-calls", "20000"]].concat());
    assert_eq!(ran.code, Some(0), "{}", ran.redacted());
    assert_eq!(iterations(&summary, "honest"), 100, "{}", ran.stdout);
    assert_eq!(target.record().requests, 100);
    for limit in ["cpu-between-calls", "host-calls", "memory-per-vu"] {
        let metric = format!("limits_reached{{limit:{limit}}}");
        assert!(count(&summary, &metric) > 0, "{metric}: {}", ran.stdout);
        assert!(ran.stdout.contains(&format!("{{ limit:{limit} }}")), "{}", ran.stdout);
    }
    let said = "the script needs more than 32 MiB of memory (`--max-memory-per-vu` raises it)";
    assert_eq!(ran.stdout.matches(said).count(), 1, "all of one kind are one line: {}", ran.stdout);
    assert!(ran.stdout.contains("flows_of_all_kinds.rs:"), "with its place: {}", ran.stdout);
    let metrics = summary["metrics"].as_object().expect("an object");
    let parts = metrics.keys().filter(|name| name.starts_with("limits_reached{"));
    let parts: u64 = parts.map(|part| count(&summary, part)).sum();
    assert_eq!(count(&summary, "limits_reached"), parts);
}

#[test]
fn a_script_that_breaks_too_often_ends_its_scenario_and_the_run_has_failed() {
    let scenarios = format!("{HONEST}, {}", others("breaks", 3).replace("3s", "5m"));
    let (ran, summary, target) = run(&scenarios, &["--max-restarts", "5"]);
    assert_eq!(ran.code, Some(123), "{}", ran.redacted());
    let verdict = "the scenario `breaks` was ended: its script broke more than 5 times (`--max-restarts` raises it)";
    assert!(ran.stderr.contains(verdict), "{}", ran.stderr);
    assert!(ran.stdout.contains(verdict), "{}", ran.stdout);
    assert_eq!(iterations(&summary, "honest"), 100, "the others went on");
    assert_eq!(target.record().requests, 100);
    let given_up: Vec<_> = summary["scenarios"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|each| &each["givenUp"])
        .collect();
    assert_eq!(given_up, [true, false]);
}

#[test]
fn limits_are_raised_and_lowered_by_flags_variables_and_files() {
    let stack = |flags: &[&str]| {
        let ran =
            wasmload().run(&[&["run", artifacts::RECURSES_FOR_EVER, "-i", "1"], flags].concat());
        assert_eq!(ran.code, Some(0), "{}", ran.redacted());
        assert!(ran.stdout.contains("`--max-stack` raises it"), "{}", ran.stdout);
    };
    stack(&[]);
    stack(&["--max-stack", "64KiB"]);

    let wasmload = wasmload();
    wasmload.write("o.json", r#"{ "limits": { "memoryPerVu": "64MiB" } }"#);
    for (flags, variable, says) in [
        (&["-c", "o.json"][..], "", "more than 64 MiB of memory"),
        (&["-c", "o.json"], "48MiB", "more than 48 MiB of memory"),
        (&["-c", "o.json", "--max-memory-per-vu", "32MiB"], "48MiB", "more than 32 MiB of memory"),
    ] {
        let arguments = [&["run", artifacts::EATS_MEMORY, "-i", "1"], flags].concat();
        let mut command = wasmload.command(&arguments);
        if !variable.is_empty() {
            command.env("WASMLOAD_MAX_MEMORY_PER_VU", variable);
        }
        let output = command.output().expect("it starts");
        let stdout = String::from_utf8(output.stdout).expect("text");
        assert!(stdout.contains(says), "{flags:?} {variable}: {stdout}");
    }
    let ran = wasmload.run(&["run", artifacts::EATS_MEMORY, "--max-memory", "lots"]);
    assert_eq!(ran.code, Some(104));
    assert!(ran.stderr.contains("such as `64KiB`, `256MiB` or `2GiB`"), "{}", ran.stderr);
}
