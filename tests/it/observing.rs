//! Single exchanges shown: on the terminal, and in a file that browsers' tools read.

use serde_json::Value;
use support::Wasmload;

fn wasmload() -> Wasmload {
    Wasmload::new(env!("CARGO_BIN_EXE_wasmload"))
}

fn example(name: &str) -> String {
    format!("{}/../examples/rust/{name}", env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn the_exchanges_of_one_user_are_printed_without_their_secrets() {
    let wasmload = wasmload();
    wasmload.write("users.csv", "name,password\nada,s3cret\nben,s3cret\ncy,s3cret\n");
    let script = example("login.rs");
    let run = ["run", &script, "--demo", "--dataset", "users=users.csv", "--vus", "3", "-i", "3"];
    let ran = wasmload.run(&[&run[..], &["--http-debug=full", "--har", "run.har"]].concat());
    assert_eq!(ran.code, Some(0), "{}", ran.redacted());
    let shown = &ran.stderr;
    assert!(shown.contains("VU 1: POST http://127.0.0.1:"), "{shown}");
    assert!(shown.contains("> POST /login HTTP/1.1\n"), "{shown}");
    assert!(shown.contains("> content-type: application/json\n"), "{shown}");
    assert!(shown.contains("< HTTP/1.1 200\n"), "{shown}");
    assert!(shown.contains(r#""password":"[redacted]""#), "{shown}");
    assert!(!shown.contains("s3cret"), "{shown}");
    assert!(!shown.contains("VU 2: ") && !shown.contains("VU 3: "), "{shown}");

    let har = wasmload.read("run.har");
    assert!(!har.contains("s3cret"), "{har}");
    let har: Value = serde_json::from_str(&har).expect("it is JSON");
    let entries = har["log"]["entries"].as_array().expect("it has entries");
    assert!(!entries.is_empty());
    for entry in entries {
        let parts = ["blocked", "dns", "connect", "send", "wait", "receive"];
        let sum: f64 = parts.iter().filter_map(|part| entry["timings"][part].as_f64()).sum();
        let time = entry["time"].as_f64().expect("it has a time");
        assert!((sum - time).abs() < 0.001, "{entry:#}");
        assert!(entry["comment"].as_str().is_some_and(|whose| whose == "VU 1 of default"));
    }
    let login = entries.iter().find(|entry| entry["request"]["method"] == "POST");
    let login = login.expect("there is one");
    assert_eq!(login["response"]["status"], 200);
    assert!(
        login["response"]["content"]["text"].as_str().is_some_and(|text| text.contains("token"))
    );
}

#[test]
fn an_archive_that_cannot_be_written_is_told_of_before_the_run() {
    let wasmload = wasmload();
    let ran = wasmload.run(&["run", artifacts::SLEEPS, "--har", "no/such/run.har"]);
    assert_eq!(ran.code, Some(104), "{}", ran.redacted());
    assert!(
        ran.stderr.contains("failed to create the HAR file `no/such/run.har`"),
        "{}",
        ran.stderr
    );
    let ran = wasmload.run(&["run", artifacts::SLEEPS, "--http-debug=all"]);
    assert!(ran.stderr.contains("possible values: headers, full"), "{}", ran.stderr);
}
