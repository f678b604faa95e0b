//! Runs over HTTP/2: when it is spoken, over how many connections, and what the summary says of it.

use std::io::{BufRead as _, BufReader};
use std::process::Command;

use demo::{Demo, Faults, RunningDemo};
use support::{Ran, Wasmload};

fn wasmload() -> Wasmload {
    Wasmload::new(env!("CARGO_BIN_EXE_wasmload"))
}

fn assert_code(ran: &Ran, code: i32) {
    assert_eq!(ran.code, Some(code), "{}", ran.redacted());
}

/// A target by TLS or in the clear, with its certificate in the folder as `ca.pem`.
fn target(wasmload: &Wasmload, by_tls: bool) -> RunningDemo {
    let (address, faults) = (([127, 0, 0, 1], 0).into(), Faults::default());
    let demo = match by_tls {
        true => Demo::spawn_thread_by_tls(address, faults),
        false => Demo::spawn_thread(address, faults),
    };
    let demo = demo.expect("a free port");
    wasmload.write("ca.pem", demo.certificate().unwrap_or_default());
    demo
}

#[test]
fn what_is_spoken_is_what_the_target_chooses_or_what_was_asked_for() {
    for (by_tls, flags, proto) in [
        (true, &[][..], "HTTP/2.0"),
        (true, &["--http-version", "auto"], "HTTP/2.0"),
        (true, &["--http-version", "1.1"], "HTTP/1.1"),
        (true, &["--http-version", "2"], "HTTP/2.0"),
        (false, &[], "HTTP/1.1"),
        (false, &["--http-version", "2"], "HTTP/2.0"),
        (false, &["--config", "two.json"], "HTTP/2.0"),
        (false, &["--config", "two.json", "--http-version", "1.1"], "HTTP/1.1"),
        (false, &["--config", "scenario.json"], "HTTP/2.0"),
    ] {
        let wasmload = wasmload();
        let target = target(&wasmload, by_tls);
        wasmload.write("two.json", r#"{ "httpVersion": "2" }"#);
        let scenario = r#"{ "executor": "shared-iterations", "vus": 3, "iterations": 12,
            "options": { "httpVersion": "2" } }"#;
        wasmload.write("scenario.json", format!(r#"{{ "scenarios": {{ "a": {scenario} }} }}"#));
        let base = format!("BASE_URL={}", target.url());
        let threshold = format!("http_reqs{{status:200,proto:{proto}}}: count==12");
        let mut arguments = vec!["run", artifacts::GIVES_OPTIONS, "-e", &base];
        arguments.extend(["--threshold", &threshold]);
        if by_tls {
            arguments.extend(["--cacert", "ca.pem"]);
        }
        arguments.extend(flags);
        assert_code(&wasmload.run(&arguments), 0);
        let record = target.record();
        assert_eq!((record.requests, record.malformed), (12, 0));
    }
}

#[test]
fn requests_at_once_go_over_one_connection_from_the_first_on() {
    for (flags, connections) in [
        (&[][..], 1),
        (&["--http-version", "1.1"], 4),
        (&["--no-vu-connection-reuse"], 3),
        (&["--no-connection-reuse"], 12),
    ] {
        let wasmload = wasmload();
        let target = target(&wasmload, true);
        let base = format!("BASE_URL={}", target.url());
        let run = ["run", artifacts::BATCHES, "-u", "1", "-i", "3", "-e", &base];
        let ran = wasmload.run(&[&run[..], &["--cacert", "ca.pem"], flags].concat());
        assert_code(&ran, 0);
        let record = target.record();
        assert_eq!((record.requests, record.connections), (12, connections), "{flags:?}");
    }
}

#[test]
fn a_target_that_does_not_speak_it_is_named() {
    let wasmload = wasmload();
    // One that hangs up on what it cannot read.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let base = format!("BASE_URL=http://{}", listener.local_addr().expect("it is bound"));
    std::thread::spawn(move || {
        for mut socket in listener.incoming().flatten() {
            let answer = b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n";
            let _ = std::io::Write::write_all(&mut socket, answer);
            let _ = std::io::copy(&mut socket, &mut std::io::sink());
        }
    });
    let threshold = "http_reqs{error:not HTTP/2,error_code:1600}: count==12";
    let run = ["run", artifacts::GIVES_OPTIONS, "-e", &base, "--http-version", "2"];
    let ran = wasmload.run(&[&run[..], &["--threshold", threshold]].concat());
    assert_code(&ran, 0);
    let ran = wasmload.run(&["run", artifacts::GIVES_OPTIONS, "--http-version", "3"]);
    assert_code(&ran, 104);
    assert!(ran.stderr.contains("must be `auto`, `1.1` or `2`"), "{}", ran.stderr);
}

#[test]
fn the_demo_target_by_tls_is_believed_by_the_file_it_writes() {
    let wasmload = wasmload();
    let mut demo = wasmload.start(&["demo", "--address", "127.0.0.1:0", "--tls=demo.pem"]);
    let mut url = String::new();
    let printed = demo.stdout.take().expect("it is piped");
    BufReader::new(printed).read_line(&mut url).expect("it says where it is");
    let base = format!("BASE_URL={}", url.trim());
    assert!(base.starts_with("BASE_URL=https://127.0.0.1:"), "{base}");
    let threshold = "http_reqs{status:200,proto:HTTP/2.0,tls_version:tls1.3}: count==12";
    let run = ["run", artifacts::GIVES_OPTIONS, "-e", &base, "--threshold", threshold];
    let ran = wasmload.run(&[&run[..], &["--cacert", "demo.pem"]].concat());
    let stopped = Command::new("kill").args(["-INT", &demo.id().to_string()]).status();
    assert!(stopped.expect("kill runs").success());
    assert!(demo.wait().expect("it was started here").success());
    assert_code(&ran, 0);
    // A file that cannot be written ends it before it listens to anybody.
    let ran = wasmload.run(&["demo", "--address", "127.0.0.1:0", "--tls=/no/such/folder/a.pem"]);
    assert_ne!(ran.code, Some(0));
    assert!(ran.stderr.contains("failed to write `/no/such/folder/a.pem`"), "{}", ran.stderr);
}
