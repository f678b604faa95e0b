//! Runs against the demo target: counts, summaries, thresholds, interruption.

use std::process::Command;

use demo::{Demo, Faults, RunningDemo};
use serde_json::Value;
use support::{Ran, Wasmload};

fn wasmload() -> Wasmload {
    Wasmload::new(env!("CARGO_BIN_EXE_wasmload"))
}

fn target() -> RunningDemo {
    Demo::spawn_thread(([127, 0, 0, 1], 0).into(), Faults::default()).expect("a free port")
}

/// The summary that a run wrote.
fn summary(wasmload: &Wasmload) -> Value {
    serde_json::from_str(&wasmload.read("summary.json")).expect("the summary is JSON")
}

fn count(summary: &Value, metric: &str) -> u64 {
    summary["metrics"][metric]["values"]["count"].as_f64().unwrap_or(0.0) as u64
}

fn assert_code(ran: &Ran, code: i32) {
    assert_eq!(ran.code, Some(code), "{}", ran.redacted());
}

#[test]
fn what_the_target_counted_is_what_the_summary_reports() {
    let (wasmload, target) = (wasmload(), target());
    let base = format!("BASE_URL={}", target.url());
    let ran = wasmload.run(&[
        "run",
        artifacts::GIVES_OPTIONS,
        "-e",
        &base,
        "--vus",
        "10",
        "--iterations",
        "2000",
        "--summary-export",
        "summary.json",
    ]);
    assert_code(&ran, 0);
    let summary = summary(&wasmload);
    assert_eq!(count(&summary, "http_reqs"), 2000);
    assert_eq!(count(&summary, "iterations"), 2000);
    assert_eq!(target.record().requests, 2000);
    assert!(ran.stdout.contains("2000 out of 2000"), "{}", ran.stdout);
}

#[test]
fn a_scripts_own_options_say_how_it_runs_and_flags_override_them() {
    let (wasmload, target) = (wasmload(), target());
    let base = format!("BASE_URL={}", target.url());
    let own = wasmload.run(&["run", artifacts::GIVES_OPTIONS, "-e", &base]);
    assert_code(&own, 0);
    assert_eq!(target.record().requests, 12, "three users share twelve iterations");

    wasmload.write("options.toml", "iterations = 7\n");
    let file = wasmload.run(&["run", artifacts::GIVES_OPTIONS, "-e", &base, "-c", "options.toml"]);
    assert_code(&file, 0);
    assert_eq!(target.record().requests, 12 + 7, "the file overrides the script");

    let flags = ["run", artifacts::GIVES_OPTIONS, "-e", &base, "-c", "options.toml", "-i", "4"];
    assert_code(&wasmload.run(&flags), 0);
    assert_eq!(target.record().requests, 12 + 7 + 4, "the flag overrides the file");
}

#[test]
fn connections_are_made_as_often_as_was_asked_for() {
    for (flags, connections) in
        [(&[][..], 1), (&["--no-vu-connection-reuse"], 4), (&["--no-connection-reuse"], 4)]
    {
        let (wasmload, target) = (wasmload(), target());
        let base = format!("BASE_URL={}", target.url());
        let run = ["run", artifacts::GIVES_OPTIONS, "-e", &base, "-u", "1", "-i", "4"];
        assert_code(&wasmload.run(&[&run[..], flags].concat()), 0);
        assert_eq!(target.record().connections, connections, "{flags:?}");
    }
}

#[test]
fn a_host_is_found_where_the_options_say_it_is() {
    let (wasmload, target) = (wasmload(), target());
    let hosts = format!("[hosts]\n\"shop.invalid\" = \"{}\"\n", target.address());
    wasmload.write("options.toml", hosts);
    let run = ["run", artifacts::GIVES_OPTIONS, "-e", "BASE_URL=http://shop.invalid"];
    assert_code(&wasmload.run(&[&run[..], &["-c", "options.toml"]].concat()), 0);
    assert_eq!(target.record().requests, 12);
}

#[test]
fn a_crossed_threshold_decides_the_exit_code() {
    let (wasmload, target) = (wasmload(), target());
    let base = format!("BASE_URL={}", target.url());
    for (threshold, code) in [("http_reqs: count>=12", 0), ("http_reqs: count<12", 99)] {
        let ran =
            wasmload.run(&["run", artifacts::GIVES_OPTIONS, "-e", &base, "--threshold", threshold]);
        assert_code(&ran, code);
        let mark = if code == 0 { "✓" } else { "✗" };
        assert!(ran.stdout.contains(mark), "{}", ran.stdout);
    }
    let ran = wasmload.run(&[
        "run",
        artifacts::GIVES_OPTIONS,
        "-e",
        &base,
        "--threshold",
        "http_reqs: count<12",
        "--no-thresholds",
    ]);
    assert_code(&ran, 0);
}

#[test]
fn a_threshold_of_a_window_says_its_worst_in_the_summary_and_the_result() {
    let (wasmload, target) = (wasmload(), target());
    let base = format!("BASE_URL={}", target.url());
    let arguments = ["run", artifacts::GIVES_OPTIONS, "-e", &base, "--summary-export", "s.json"];
    let holds = ["--threshold", "http_req_duration: max<60000 over 30s"];
    let crossed = ["--threshold", "http_req_failed: rate>0.5 over 1m"];
    let ran = wasmload.run(&[&arguments[..], &holds, &crossed].concat());
    assert_code(&ran, 99);
    assert!(ran.stdout.contains("✓ 'max<60000 over 30s' max="), "{}", ran.stdout);
    let worst = "✗ 'rate>0.5 over 1m' rate=0.00% at worst, in the 1m0s up to ";
    assert!(ran.stdout.contains(worst), "{}", ran.stdout);
    let summary: serde_json::Value = serde_json::from_str(&wasmload.read("s.json")).unwrap();
    let course = &summary["thresholds"][1]["course"];
    assert_eq!((&course["overMs"], &course["forMs"]), (&60_000.into(), &serde_json::Value::Null));
    assert!(course["crossedAtMs"].is_number() && summary["thresholds"][1]["ok"] == false);
}

#[test]
fn urls_of_a_group_are_one_name_and_a_path_that_is_none_is_refused() {
    let (wasmload, target) = (wasmload(), target());
    let run = ["run", artifacts::GIVES_OPTIONS, "-e"];
    let flags = ["--group-url", "/items/{id}/", "--group-url", "/{any}/{other}/"];
    for item in ["7", "8"] {
        let base = format!("BASE_URL={}/items/{item}", target.url());
        let holds = format!("http_reqs{{name:{}/items/{{id}}/}}: count==12", target.url());
        let ran = wasmload.run(&[&run[..], &[&base, "--threshold", &holds], &flags].concat());
        assert_code(&ran, 0);
    }
    wasmload.write("options.json", r#"{ "groupUrls": ["/items/{id", "items"] }"#);
    let ran = wasmload.run(&[&run[..], &["A=1", "-c", "options.json"]].concat());
    assert_code(&ran, 104);
    for problem in ["groupUrls[0]: must have `{` and `}`", "groupUrls[1]: must be a path"] {
        assert!(ran.stderr.contains(problem), "{}", ran.stderr);
    }
    assert_code(&wasmload.run(&["run", "x.wasm", "--group-url", "/a?b"]), 104);
}

#[test]
fn the_summary_says_as_much_as_was_asked_for() {
    let (wasmload, target) = (wasmload(), target());
    let base = format!("BASE_URL={}", target.url());
    let run = ["run", artifacts::GIVES_OPTIONS, "-e", &base, "--summary-export", "summary.json"];
    for (mode, has, lacks) in
        [("compact", "http_req_duration", "http_req_waiting"), ("full", "http_req_waiting", "none")]
    {
        let ran = wasmload.run(&[&run[..], &["--summary-mode", mode]].concat());
        assert_code(&ran, 0);
        assert!(ran.stdout.contains(has) && !ran.stdout.contains(lacks), "{mode}: {}", ran.stdout);
    }
    let ran = wasmload.run(&[&run[..], &["--summary-mode", "disabled"]].concat());
    assert_code(&ran, 0);
    assert_eq!(ran.stdout, "");
    assert_eq!(count(&summary(&wasmload), "http_reqs"), 12, "files are written all the same");
    assert_code(&wasmload.run(&[&run[..], &["--summary-mode", "short"]].concat()), 104);
}

#[test]
fn a_terminal_shows_the_last_minute_and_a_pipe_has_it_in_its_lines() {
    let (wasmload, target) = (wasmload(), target());
    let base = format!("BASE_URL={}", target.url());
    let run = ["run", artifacts::CHECKS_A_PAGE, "-e", &base, "--rate", "20", "--duration", "6s"];
    let shown = wasmload.on_terminal(&[&run[..], &["--no-color"]].concat(), "").stderr;
    for part in ["requests   █", "duration   med=", "0.00% failed in the last 10s"] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    let moves =
        |sequence: &str| sequence.trim_start_matches(char::is_numeric).starts_with(['A', 'J']);
    assert!(shown.split("\u{1b}[").skip(1).all(moves), "colour: {shown:?}");
    assert!(
        !wasmload.on_terminal(&[&run[..], &["-q", "-d", "1s"]].concat(), "").stderr.contains('█')
    );
    let lines = wasmload.run(&run).stderr;
    let line = lines.lines().find(|line| line.starts_with("running (0m05")).expect("a line");
    assert!(line.contains(", med=") && line.ends_with(", 0.00% failed"), "{line}");
}

#[test]
fn an_unreachable_target_is_counted_and_named() {
    let wasmload = wasmload();
    let closed = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr();
    let base = format!("BASE_URL=http://{}", closed.expect("it was bound"));
    let ran = wasmload.run(&[
        "run",
        artifacts::GIVES_OPTIONS,
        "-e",
        &base,
        "--summary-export",
        "summary.json",
    ]);
    assert_code(&ran, 0);
    assert_eq!(count(&summary(&wasmload), "http_reqs"), 12);
    assert!(ran.stdout.contains("connection refused"), "{}", ran.stdout);
    assert!(ran.stdout.contains("12 requests"), "{}", ran.stdout);
}

#[test]
fn a_script_that_traps_is_told_with_its_line_and_the_run_goes_on() {
    let ran = wasmload().run(&["run", artifacts::PANICS, "--vus", "1", "--iterations", "6"]);
    assert_code(&ran, 0);
    assert!(ran.stdout.contains("panicked: two runs in one instance"), "{}", ran.redacted());
    assert!(ran.stdout.contains("panics.rs:14"), "{}", ran.redacted());
    assert!(ran.stdout.contains("iterations"), "{}", ran.stdout);
}

#[test]
fn setup_that_fails_ends_the_run_before_any_load() {
    let ran = wasmload().run(&["run", artifacts::FAILS_TO_SET_UP]);
    assert_code(&ran, 107);
    assert!(ran.stderr.contains("the database is empty"), "{}", ran.stderr);
}

#[test]
fn a_script_can_end_the_run_and_say_why() {
    let ran = wasmload().run(&["run", artifacts::ABORTS_THE_RUN, "--duration", "1m"]);
    assert_code(&ran, 108);
    assert!(ran.stderr.contains("the target is on fire"), "{}", ran.stderr);
}

#[test]
fn interrupting_keeps_the_results_and_says_which_requests_were_cut_off() {
    for (interrupts, script) in
        [(1, artifacts::GIVES_OPTIONS), (2, artifacts::REQUESTS_RUN_BESIDE_IT)]
    {
        let (wasmload, target) = (wasmload(), target());
        let base = format!("BASE_URL={}", target.url());
        let child = wasmload.start(&[
            "run",
            script,
            "-e",
            &base,
            "--vus",
            "4",
            "--duration",
            "5m",
            "--summary-export",
            "summary.json",
        ]);
        while target.record().requests < 20 {
            std::thread::yield_now();
        }
        for _ in 0..interrupts {
            let sent = Command::new("kill").args(["-INT", &child.id().to_string()]).status();
            assert!(sent.expect("kill runs").success());
            // A signal that is pending when its like arrives is one signal: let the first be taken.
            let seen = target.record().requests;
            while interrupts == 2
                && target.record().requests < seen + 4
                && target.record().connections_open > 0
            {
                std::thread::yield_now();
            }
        }
        let ran = wasmload.end(child);
        assert_code(&ran, 105);
        let summary = summary(&wasmload);
        let reported = count(&summary, "http_reqs") + count(&summary, "http_reqs_interrupted");
        assert_eq!(reported, target.record().requests, "{}", ran.stdout);
    }
}

#[test]
fn the_demo_target_comes_with_the_run_if_it_is_asked_for() {
    let ran = wasmload().run(&["run", artifacts::GIVES_OPTIONS, "--demo", "--quiet"]);
    assert_code(&ran, 0);
    assert_eq!(ran.stderr, "", "quiet says nothing while all is well");
    assert!(ran.stdout.contains("12 out of 12"), "{}", ran.stdout);
}

#[test]
fn silence_is_not_success() {
    let (wasmload, target) = (wasmload(), target());
    let base = format!("BASE_URL={}", target.url());
    const PASS: &[&str] = &["--on-no-data", "pass"];
    const FAIL: &[&str] = &["--on-no-data", "fail"];
    for (threshold, on_no_data, code, says) in [
        ("http_req_durations: p(95)<5", &[][..], 104, "thresholds on `http_req_durations`"),
        ("http_req_durations: p(95)<5", PASS, 104, "but no such metric"),
        ("dropped_iterations: rate<5", FAIL, 0, ""),
        ("http_req_duration{status:500}: p(95)<5", &[], 0, ""),
        ("http_req_duration{status:500}: p(95)<5", PASS, 0, ""),
        ("http_req_duration{status:500}: p(95)<5", FAIL, 99, "but nothing was measured"),
        ("http_req_duration{status:500}: p(95)<5 over 30s", FAIL, 99, "but nothing was measured"),
        ("ws_connecting: p(95)<5", &[], 99, "but nothing was measured"),
        ("ws_connecting: p(95)<5", PASS, 0, ""),
    ] {
        let arguments = ["run", artifacts::GIVES_OPTIONS, "-e", &base, "--threshold", threshold];
        let ran = wasmload.run(&[&arguments[..], on_no_data].concat());
        assert_code(&ran, code);
        assert!(ran.stderr.contains(says), "{}", ran.redacted());
    }
    // With nobody to answer there are no times to hold.
    let arguments =
        ["run", artifacts::CHECKS_A_PAGE, "-e", "BASE_URL=http://127.0.0.1:1", "--threshold"];
    let ran = wasmload.run(&[&arguments[..], &["http_req_duration: p(95)<500"]].concat());
    assert_code(&ran, 99);
    assert!(ran.stderr.contains("nothing was measured"), "{}", ran.redacted());
}

#[test]
fn stages_and_a_rate_are_asked_for_on_the_command_line() {
    let (wasmload, target) = (wasmload(), target());
    let base = format!("BASE_URL={}", target.url());
    let run = |flags: &[&str]| {
        let arguments = [&["run", artifacts::CHECKS_A_PAGE, "-e", &base], flags].concat();
        let ran = wasmload.run(&arguments);
        assert_code(&ran, 0);
        ran.stderr
    };
    let ramped = run(&["--stage", "500ms:3", "--stage", "500ms:0"]);
    assert!(ramped.contains("Up to 3 looping VUs for 1s over 2 stages"), "{ramped}");
    let before = target.record().requests;
    let paced = run(&["--rate", "50", "--duration", "1s"]);
    assert!(paced.contains("50.00 iterations/s for 1s"), "{paced}");
    assert_eq!(target.record().requests - before, 50);
}

#[test]
fn a_scenario_makes_requests_its_own_way() {
    let wasmload = wasmload();
    let options = r#"{ "scenarios": {
        "hasty": { "executor": "per-vu-iterations", "iterations": 3, "options": { "requestTimeout": 20 } },
        "patient": { "executor": "per-vu-iterations", "iterations": 2 } } }"#;
    wasmload.write("o.json", options);
    let script = ["run", artifacts::CHECKS_A_PAGE, "-c", "o.json", "--demo=latency constant 300ms"];
    let ran = wasmload.run(&[&script[..], &["--summary-export", "summary.json"]].concat());
    assert_code(&ran, 0);
    let failed = &summary(&wasmload)["metrics"]["http_req_failed"]["values"];
    assert_eq!((&failed["passes"], &failed["fails"]), (&3.into(), &2.into()), "{}", ran.stdout);
}

#[test]
fn a_trace_is_run_as_its_file_says() {
    let (wasmload, target) = (wasmload(), target());
    let base = format!("BASE_URL={}", target.url());
    std::fs::create_dir(wasmload.folder().join("plans")).expect("the folder is ours");
    let options = r#"{ "scenarios": { "rush": {
        "executor": "arrival-trace", "file": "rush.txt", "preAllocatedVUs": 4 } } }"#;
    wasmload.write("plans/o.json", options);
    wasmload.write("plans/rush.txt", "# three at once, two later\n0\n0\n0\n0.2\n0.3\n");
    let arguments = ["run", artifacts::CHECKS_A_PAGE, "-c", "plans/o.json", "-e", &base];
    let ran = wasmload.run(&arguments);
    assert_code(&ran, 0);
    assert_eq!(target.record().requests, 5);
    assert!(ran.stderr.contains("5 iterations over 301ms, as in plans/rush.txt"), "{}", ran.stderr);

    wasmload.write("plans/rush.txt", "1\n0.5\nsoon\n");
    let ran = wasmload.run(&arguments);
    assert_code(&ran, 104);
    let told = "scenarios.rush.file: `plans/rush.txt`: line 2 is before the one above it, line 3 is no \
                number of seconds, but `soon`";
    assert!(ran.stderr.contains(told), "{}", ran.stderr);
    assert_eq!(target.record().requests, 5, "nobody was contacted");
}

#[test]
fn a_stall_shows_in_the_response_time_whatever_the_number_of_vus() {
    // 500 arrivals a second, and a target that stops for 1.4 s once.
    for vus in [5, 50] {
        let wasmload = wasmload();
        let options = format!(
            r#"{{ "scenarios": {{ "open": {{ "executor": "constant-arrival-rate", "rate": 500,
            "duration": "7s", "preAllocatedVUs": {vus}, "onBusy": "queue" }} }},
            "summaryTrendStats": ["p(95)"] }}"#
        );
        wasmload.write("o.json", options);
        let demo = "--demo=stall at 2s for 1.4s";
        let ran = wasmload.run(&[
            "run",
            artifacts::CHECKS_A_PAGE,
            "-c",
            "o.json",
            demo,
            "--summary-export",
            "summary.json",
        ]);
        assert_code(&ran, 0);
        let summary = summary(&wasmload);
        assert_eq!(count(&summary, "iterations"), 3_500, "{vus}");
        let p95 = |metric: &str| summary["metrics"][metric]["values"]["p(95)"].as_f64();
        // Those due in the stall are a fifth of all; whoever sends one after the other sees it once.
        assert!(p95("http_req_response").expect("a figure") > 500.0, "{vus}: {}", ran.stdout);
        assert!(p95("http_req_duration").expect("a figure") < 500.0, "{vus}: {}", ran.stdout);
    }
}

#[test]
fn a_search_finds_the_capacity_of_the_target() {
    let wasmload = wasmload();
    let options = r#"{
        "scenarios": { "search": {
            "executor": "breakpoint", "raise": "rate", "start": 100, "max": 3200,
            "stepDuration": "2s", "preAllocatedVUs": 50, "maxVUs": 100 } },
        "thresholds": { "http_req_duration": ["p(95)<80"], "http_req_failed": ["rate<0.01"] }
    }"#;
    wasmload.write("o.json", options);
    let ran = wasmload.run(&[
        "run",
        artifacts::CHECKS_A_PAGE,
        "-c",
        "o.json",
        "--demo=capacity 4 workers 10ms",
        "--summary-export",
        "summary.json",
    ]);
    assert_code(&ran, 0);
    let found = &summary(&wasmload)["breakpoint"];
    let held = found["held"].as_f64().expect("a load that held");
    assert!((360.0..=440.0).contains(&held), "of 400: {held}\n{}\n{}", ran.stderr, ran.stdout);
    assert_eq!(found["complete"], true);
    assert!(ran.stdout.contains("is the highest load that held"), "{}", ran.stdout);
    assert!(ran.stderr.contains("✓ 100 iterations/s held"), "{}", ran.stderr);
}
