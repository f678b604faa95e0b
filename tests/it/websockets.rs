//! WebSockets: both sides' counts, what the summary says, and sessions that are cut off.

use demo::{Demo, Faults, RunningDemo};
use serde_json::Value;
use support::{Ran, Wasmload};

fn wasmload() -> Wasmload {
    Wasmload::new(env!("CARGO_BIN_EXE_wasmload"))
}

fn target() -> RunningDemo {
    Demo::spawn_thread(([127, 0, 0, 1], 0).into(), Faults::default()).expect("a free port")
}

/// The count of a counter, or how many samples a trend has, in the summary that a run wrote.
fn count(wasmload: &Wasmload, metric: &str) -> u64 {
    let summary: Value =
        serde_json::from_str(&wasmload.read("summary.json")).expect("the summary is JSON");
    summary["metrics"][metric]["values"]["count"].as_f64().unwrap_or(0.0) as u64
}

fn assert_code(ran: &Ran, code: i32) {
    assert_eq!(ran.code, Some(code), "{}", ran.redacted());
}

const SUMMARY: [&str; 4] =
    ["--summary-export", "summary.json", "--summary-trend-stats", "count,med,p(95)"];

#[test]
fn what_the_target_counted_is_what_the_summary_reports() {
    let (wasmload, target) = (wasmload(), target());
    let base = format!("BASE_URL={}", target.url());
    let run = ["run", artifacts::TALKS_BY_WEBSOCKET, "-e", &base, "--vus", "10", "-i", "200"];
    let ran = wasmload.run(&[&run[..], &SUMMARY].concat());
    assert_code(&ran, 0);
    for (metric, expected) in [
        ("iterations_failed", 0),
        ("ws_sessions", 200),
        ("ws_connecting", 200),
        ("ws_session_duration", 200),
        ("ws_msgs_sent", 400),
        ("ws_msgs_received", 400),
        ("ws_ping", 400),
        ("ws_msg_rtt", 200),
        ("ws_msgs_unanswered", 200),
        ("ws_sessions_failed", 0),
        ("http_reqs", 0),
    ] {
        assert_eq!(count(&wasmload, metric), expected, "{metric}: {}", ran.stdout);
    }
    let record = target.record();
    assert_eq!(record.count("GET", "/ws/echo", 101), 200);
    assert_eq!((record.messages_received, record.messages_sent), (400, 400));
    assert!(ran.stdout.contains("    WEBSOCKET\n    ws_connect_failed"), "{}", ran.stdout);
    assert!(!ran.stdout.contains("no requests were made"), "{}", ran.stdout);
}

#[test]
fn sessions_that_the_end_of_the_run_cuts_off_have_their_durations() {
    let (wasmload, target) = (wasmload(), target());
    let base = format!("BASE_URL={}", target.url());
    let scenario =
        r#"{ "executor": "constant-vus", "vus": 4, "duration": "1s", "gracefulStop": "0s" }"#;
    wasmload.write("o.json", format!(r#"{{ "scenarios": {{ "wait": {scenario} }} }}"#));
    let run = ["run", artifacts::KEEPS_A_WEBSOCKET, "-e", &base, "-e", "WAIT=1", "-c", "o.json"];
    let ran = wasmload.run(&[&run[..], &SUMMARY].concat());
    assert_code(&ran, 0);
    for (metric, expected) in [
        ("iterations_interrupted", 4),
        ("ws_sessions", 4),
        ("ws_msgs_received", 4),
        ("ws_session_duration", 4),
        ("ws_sessions_interrupted", 4),
        ("ws_sessions_failed", 0),
    ] {
        assert_eq!(count(&wasmload, metric), expected, "{metric}: {}", ran.stdout);
    }
    assert_eq!(target.record().count("GET", "/ws/echo", 101), 4);
}

#[test]
fn a_target_that_refuses_is_counted_and_named() {
    let wasmload = wasmload();
    let run = ["run", artifacts::KEEPS_A_WEBSOCKET, "-e", "BASE_URL=http://127.0.0.1:1"];
    let ran = wasmload.run(&[&run[..], &["--duration", "1s"]].concat());
    assert!(ran.stdout.contains("connection refused (1212)"), "{}", ran.redacted());
    assert!(ran.stdout.contains("such as WebSocket ws://127.0.0.1:1/ws/echo"), "{}", ran.stdout);
}

#[test]
fn the_example_hears_each_of_its_messages() {
    let wasmload = wasmload();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/rust/chat.rs");
    let ran = wasmload.run(&[&["run", script, "--demo"], &SUMMARY[..]].concat());
    assert_code(&ran, 0);
    assert_eq!(count(&wasmload, "ws_sessions"), 20, "{}", ran.stdout);
    assert_eq!(count(&wasmload, "ws_msgs_sent"), 100, "{}", ran.stdout);
    assert_eq!(count(&wasmload, "ws_msg_rtt"), 100, "{}", ran.stdout);
    assert_eq!(count(&wasmload, "ws_ping"), 20, "{}", ran.stdout);
}
