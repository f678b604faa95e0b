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
    // Whichever of them is made first.
    let vus: Vec<_> = (1..=3).filter(|vu| shown.contains(&format!("VU {vu}: "))).collect();
    let [vu] = vus[..] else { panic!("{vus:?}: {shown}") };
    assert!(shown.contains(&format!("VU {vu}: POST http://127.0.0.1:")), "{shown}");
    assert!(shown.contains("> POST /login HTTP/1.1\n"), "{shown}");
    assert!(shown.contains("> content-type: application/json\n"), "{shown}");
    assert!(shown.contains("< HTTP/1.1 200\n"), "{shown}");
    assert!(shown.contains(r#""password":"[redacted]""#), "{shown}");
    assert!(!shown.contains("s3cret"), "{shown}");

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
        assert_eq!(entry["comment"], format!("VU {vu} of default"));
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

#[test]
fn a_secret_is_read_by_its_name_and_shown_nowhere() {
    let wasmload = wasmload();
    wasmload.write("key.txt", "p@ss \"w/d\"\n");
    let secret = ["--secret", "API_KEY=file:key.txt", "--http-debug=full", "--har", "run.har"];
    let run = ["run", artifacts::READS_A_SECRET, "--demo", "-i", "2", "--summary-export", "s.json"];
    let ran = wasmload.run(&[&run[..], &secret].concat());
    assert_eq!(ran.code, Some(0), "{}", ran.redacted());
    let (har, summary) = (wasmload.read("run.har"), wasmload.read("s.json"));
    for (name, text) in
        [("stdout", &ran.stdout), ("stderr", &ran.stderr), ("HAR", &har), ("summary", &summary)]
    {
        for form in ["p@ss", "p%40ss", "cEBzc"] {
            assert!(!text.contains(form), "{name}: {text}");
        }
    }
    assert!(ran.stderr.contains("the key is [redacted]"), "{}", ran.redacted());
    assert!(ran.stderr.contains("no luck with [redacted]"), "{}", ran.redacted());
}

#[test]
fn secrets_that_cannot_be_used_are_all_told_of() {
    let wasmload = wasmload();
    wasmload.write("short.txt", "abc");
    wasmload.write("twice.txt", "hunter22");
    let mut arguments = vec!["run", artifacts::READS_A_SECRET, "--demo"];
    for secret in [
        "A=file:missing.txt",
        "B=file:short.txt",
        "C=env:NO_SUCH_VARIABLE",
        "D=file:twice.txt",
        "D=file:twice.txt",
    ] {
        arguments.extend(["--secret", secret]);
    }
    let ran = wasmload.run(&arguments);
    assert_eq!(ran.code, Some(104), "{}", ran.redacted());
    for said in [
        "secret `A`: the file `missing.txt`: No such file",
        "secret `B`: the file `short.txt`: is shorter than 4 bytes",
        "secret `C`: the variable `NO_SUCH_VARIABLE`: is not set",
        "secret `D`: is given twice",
    ] {
        assert!(ran.stderr.contains(said), "{said}: {}", ran.redacted());
    }
}
