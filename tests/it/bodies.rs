//! Bodies that are large, and streams: what is sent and received, how much memory it takes, what is refused.

use serde_json::Value;
use support::{Ran, Wasmload};

fn wasmload() -> Wasmload {
    Wasmload::new(env!("CARGO_BIN_EXE_wasmload"))
}

fn example(name: &str) -> String {
    format!("{}/../examples/rust/{name}", env!("CARGO_MANIFEST_DIR"))
}

fn summary(wasmload: &Wasmload) -> Value {
    serde_json::from_str(&wasmload.read("summary.json")).expect("the summary is JSON")
}

fn count(summary: &Value, metric: &str) -> u64 {
    summary["metrics"][metric]["values"]["count"].as_f64().unwrap_or(0.0) as u64
}

fn assert_code(ran: &Ran, code: i32) {
    assert_eq!(ran.code, Some(code), "{}", ran.redacted());
}

const SUMMARY: [&str; 4] =
    ["--summary-export", "summary.json", "--summary-trend-stats", "count,med,p(95)"];

/// Leaves the processor to others.
#[cfg(target_os = "linux")]
#[expect(clippy::disallowed_methods, reason = "nothing else happens on this thread")]
fn pause() {
    std::thread::sleep(std::time::Duration::from_millis(5));
}

/// The most memory that the process has had, in MiB, read while it is there.
#[cfg(target_os = "linux")]
fn most_memory(child: &std::process::Child) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kib >> 10)
}

#[test]
#[cfg(target_os = "linux")]
fn large_bodies_both_ways_leave_memory_flat() {
    let wasmload = wasmload();
    wasmload.write("cat.jpg", vec![0xff; 3_000_000]);
    let script = example("transfer.rs");
    // The target is another process, whose memory is its own.
    let demo = demo::Demo::spawn_thread(([127, 0, 0, 1], 0).into(), demo::Faults::default());
    let demo = demo.expect("a free port");
    let base = format!("BASE_URL={}", demo.url());
    let run = ["run", &script, "-e", &base, "-e", "BYTES=200000000", "--file", "photo=cat.jpg"];
    let mut child = wasmload.start(&[&run[..], &SUMMARY].concat());
    let mut most = 0;
    while child.try_wait().expect("it was started here").is_none() {
        most = most.max(most_memory(&child).unwrap_or(0));
        pause();
    }
    let ran = wasmload.end(child);
    assert_code(&ran, 0);
    // Its script is built first, by another process.
    assert!((1..150).contains(&most), "{most} MiB");
    let summary = summary(&wasmload);
    assert_eq!(count(&summary, "http_reqs"), 4, "{}", ran.stdout);
    let sent = count(&summary, "data_sent");
    assert!((203_000_000..203_010_000).contains(&sent), "{sent}");
    assert!(count(&summary, "data_received") > 200_000_000, "{}", ran.stdout);
    assert_eq!(demo.record().count("PUT", "/upload", 200), 1);
}

#[test]
fn tokens_are_timed_without_a_word_of_the_scripts() {
    let wasmload = wasmload();
    let ran = wasmload.run(&[&["run", &example("tokens.rs"), "--demo"], &SUMMARY[..]].concat());
    // Whether the thresholds of a test's machine hold is its own matter.
    assert!(matches!(ran.code, Some(0 | 99)), "{}", ran.redacted());
    let summary = summary(&wasmload);
    for (metric, expected) in [
        ("http_reqs", 50),
        ("sse_streams", 50),
        ("sse_stream_duration", 50),
        ("sse_tokens", 2_500),
        ("sse_events", 2_550),
        ("sse_time_to_first_token", 50),
        ("sse_tokens_per_second", 50),
        ("sse_drops", 0),
    ] {
        assert_eq!(count(&summary, metric), expected, "{metric}: {}", ran.stdout);
    }
    assert!(ran.stdout.contains("    EVENT STREAMS\n    sse_connect_failed"), "{}", ran.stdout);
}

#[test]
fn files_to_send_are_opened_before_any_load() {
    let wasmload = wasmload();
    let flags = ["--file", "photo=cat.jpg", "--file", "folder=.", "--dataset", "users=none.csv"];
    let ran = wasmload.run(&[&["run", artifacts::SLEEPS][..], &flags].concat());
    assert_code(&ran, 104);
    for said in ["files.folder: `.`: it is not a file", "files.photo: `cat.jpg`: ", "none.csv"] {
        assert!(ran.stderr.contains(said), "{}", ran.stderr);
    }
    let ran = wasmload.run(&["run", artifacts::SLEEPS, "--file", "cat.jpg"]);
    assert!(ran.stderr.contains("it must be NAME=FILE, such as photo=cat.jpg"), "{}", ran.stderr);
}
