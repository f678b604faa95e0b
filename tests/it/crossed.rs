//! Whoever is told that a threshold is crossed: a command, and a server by POST.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::thread;

use demo::{Demo, Faults, RunningDemo};
use serde_json::Value;
use support::Wasmload;

fn wasmload() -> Wasmload {
    Wasmload::new(env!("CARGO_BIN_EXE_wasmload"))
}

fn target() -> RunningDemo {
    Demo::spawn_thread(([127, 0, 0, 1], 0).into(), Faults::default()).expect("a free port")
}

/// A server that takes so many POSTs, answers each with this, and hands over their bodies; and its URL.
fn listener(posts: usize, answer: &'static str) -> (String, thread::JoinHandle<Vec<Value>>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    let url = format!("http://{}/hook?token=hunter22", listener.local_addr().expect("bound"));
    let taken = thread::spawn(move || {
        let mut bodies = Vec::new();
        for _ in 0..posts {
            let (mut stream, _) = listener.accept().expect("a connection");
            let (mut read, mut room) = (Vec::new(), [0; 4096]);
            let body = loop {
                let count = stream.read(&mut room).expect("it is sent whole");
                read.extend_from_slice(&room[..count]);
                let text = String::from_utf8_lossy(&read);
                let body = text.split_once("\r\n\r\n").map(|(_, body)| body);
                if let Some(body) = body.and_then(|body| serde_json::from_str(body).ok()) {
                    break body;
                }
            };
            bodies.push(body);
            stream.write_all(answer.as_bytes()).expect("it is read");
        }
        bodies
    });
    (url, taken)
}

#[test]
fn a_command_and_a_server_are_told_once_of_each_threshold_and_count_as_no_load() {
    let (wasmload, target) = (wasmload(), target());
    let base = format!("BASE_URL={}", target.url());
    let (url, taken) = listener(2, "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
    let command =
        "cat >> told.jsonl; echo \"$WASMLOAD_CROSSED_THRESHOLD is $WASMLOAD_CROSSED_OBSERVED\"";
    let ran = wasmload.run(&[
        "run",
        artifacts::GIVES_OPTIONS,
        "-e",
        &base,
        "--threshold",
        "http_reqs: count<12",
        "--threshold",
        "http_reqs: count<13",
        "--threshold",
        "http_req_duration: max<0 over 30s",
        "--on-crossed",
        command,
        "--on-crossed-post",
        &url,
        "--summary-export",
        "summary.json",
    ]);
    assert_eq!(ran.code, Some(99), "{}", ran.redacted());
    let told = wasmload.read("told.jsonl");
    let told: Vec<Value> =
        told.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let posted = taken.join().expect("both came");
    for all in [&told, &posted] {
        let mut thresholds: Vec<_> =
            all.iter().map(|one| one["threshold"]["threshold"].as_str().unwrap()).collect();
        thresholds.sort_unstable();
        assert_eq!(thresholds, ["count<12", "max<0 over 30s"]);
        assert!(all.iter().all(|one| one["script"] == artifacts::GIVES_OPTIONS), "{all:?}");
        assert!(all.iter().all(|one| one["event"] == "threshold_crossed"), "{all:?}");
    }
    assert!(ran.stderr.contains("info: on-crossed: count<12 is 12\n"), "{}", ran.redacted());
    // What is told is no load.
    let summary: Value = serde_json::from_str(&wasmload.read("summary.json")).expect("JSON");
    assert_eq!(summary["metrics"]["http_reqs"]["values"]["count"], 12);
    assert_eq!(target.record().requests, 12);
}

#[test]
fn telling_that_fails_is_a_warning_and_changes_no_exit_code() {
    let (wasmload, target) = (wasmload(), target());
    let base = format!("BASE_URL={}", target.url());
    let (url, taken) = listener(1, "HTTP/1.1 503 No\r\ncontent-length: 0\r\n\r\n");
    let run = ["run", artifacts::GIVES_OPTIONS, "-e", &base];
    let crossed = ["--threshold", "http_reqs: count<12"];
    let told = ["--on-crossed", "echo broken >&2; exit 4", "--on-crossed-post", &url];
    let ran = wasmload.run(&[&run[..], &crossed, &told].concat());
    assert_eq!(ran.code, Some(99), "{}", ran.redacted());
    taken.join().expect("it came");
    for warning in [
        "the command of --on-crossed failed for `http_reqs: count<12`: exit status 4\n  broken\n",
        "the POST of --on-crossed-post to 127.0.0.1 failed for `http_reqs: count<12`: it was answered with status 503\n",
    ] {
        assert!(ran.stderr.contains(warning), "{warning}: {}", ran.redacted());
    }
    assert!(!ran.stderr.contains("hunter22"), "{}", ran.redacted());

    // Nobody is told of what holds, and a server that is not there is of no account.
    let holds = ["--threshold", "http_reqs: count==12", "--on-crossed", "touch told"];
    let ran = wasmload.run(&[&run[..], &holds].concat());
    assert_eq!(ran.code, Some(0), "{}", ran.redacted());
    assert!(!wasmload.folder().join("told").exists());
}

#[test]
fn a_window_that_is_crossed_is_told_of_while_the_run_goes_on() {
    let (wasmload, target) = (wasmload(), target());
    let base = format!("BASE_URL={}", target.url());
    let run = ["run", artifacts::GIVES_OPTIONS, "-e", &base, "--vus", "1", "--duration", "10m"];
    // It would go on for ten minutes, if the command did not end it.
    let told = ["--on-crossed", "cat > told.json; touch stop", "--stop-file", "stop"];
    let crossed = ["--threshold", "http_reqs: count<1 over 1s"];
    let ran = wasmload.run(&[&run[..], &told, &crossed].concat());
    assert_eq!(ran.code, Some(105), "{}", ran.redacted());
    let told: Value = serde_json::from_str(&wasmload.read("told.json")).expect("JSON");
    assert_eq!(told["over"], false);
    assert_eq!(told["threshold"]["outcome"], "crossed");
    assert!(told["threshold"]["course"]["crossedAtMs"].is_number(), "{told}");
}

#[test]
fn no_script_and_no_options_file_can_ask_for_it() {
    let wasmload = wasmload();
    for key in ["onCrossed", "on-crossed", "onCrossedPost"] {
        wasmload.write("options.json", format!(r#"{{ "{key}": "touch told" }}"#));
        let ran = wasmload.run(&["run", artifacts::GIVES_OPTIONS, "--demo", "-c", "options.json"]);
        assert_eq!(ran.code, Some(104), "{}", ran.redacted());
    }
    let ran = wasmload.run(&["run", "x.wasm", "--on-crossed-post", "ftp://example.com/"]);
    assert_eq!(ran.code, Some(104), "{}", ran.redacted());
    assert!(ran.stderr.contains("its scheme is neither `http` nor `https`"), "{}", ran.redacted());
}
