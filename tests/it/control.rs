//! Watching and changing a run while it goes on.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;

use serde_json::Value;
use support::Wasmload;

/// Asks the control API once; the status and the document.
fn ask(address: &str, request: &str, body: &str) -> (u16, Value) {
    let mut stream = TcpStream::connect(address).expect("the API listens");
    let length = body.len();
    write!(
        stream,
        "{request} HTTP/1.1\r\nhost: {address}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
    )
    .expect("the API reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("the API answers");
    let status = answer[9..12].parse().expect("a status");
    let (_, document) = answer.split_once("\r\n\r\n").expect("a body");
    (status, serde_json::from_str(document).expect("JSON"))
}

#[test]
fn a_run_is_scaled_paused_and_stopped_over_the_control_api() {
    let wasmload = Wasmload::new(env!("CARGO_BIN_EXE_wasmload"));
    wasmload.write(
        "o.json",
        r#"{ "scenarios": { "a": { "executor": "externally-controlled", "vus": 1, "maxVUs": 5,
            "duration": 0, "pacing": "20ms" } } }"#,
    );
    let arguments = ["run", artifacts::CHECKS_A_PAGE, "--demo", "-c", "o.json", "--address", ":0"];
    let mut child = wasmload.start(&arguments);
    let mut messages = BufReader::new(child.stderr.take().expect("it is piped"));
    let address = loop {
        let mut line = String::new();
        assert!(messages.read_line(&mut line).expect("text") > 0, "the address is said");
        if let Some((_, rest)) = line.split_once("the control API is at http://") {
            break rest.split('/').next().expect("an address").to_owned();
        }
    };
    // What it goes on to say must not fill the pipe.
    let rest = std::thread::spawn(move || std::io::copy(&mut messages, &mut std::io::sink()));

    let status = |wanted: &dyn Fn(&Value) -> bool| loop {
        let (code, document) = ask(&address, "GET /v1/status", "");
        assert_eq!(code, 200);
        let attributes = document["data"]["attributes"].clone();
        if wanted(&attributes) {
            break attributes;
        }
        #[expect(clippy::disallowed_methods, reason = "another process has a clock of its own")]
        std::thread::sleep(std::time::Duration::from_millis(50));
    };
    status(&|it| it["running"] == true && it["vus"] == 1);
    let (code, _) = ask(&address, "PATCH /v1/status", r#"{"data":{"attributes":{"vus":4}}}"#);
    assert_eq!(code, 200);
    let scaled = status(&|it| it["vus"] == 4);
    assert_eq!(scaled["vus-max"], 5);
    assert_eq!(ask(&address, "PATCH /v1/status", r#"{"paused":true}"#).0, 200);
    status(&|it| it["vus"] == 0 && it["paused"] == true);
    assert_eq!(ask(&address, "PATCH /v1/status", r#"{"paused":false}"#).0, 200);
    status(&|it| it["vus"] == 4);
    let (code, refused) = ask(&address, "PATCH /v1/status", r#"{"vus":6}"#);
    assert_eq!(code, 400);
    let why = refused["errors"][0]["detail"].as_str().expect("a reason");
    assert_eq!(why, "vus must be at most maxVUs, which is 5, but is 6");
    assert_eq!(ask(&address, "PATCH /v1/status", r#"{"stopped":true}"#).0, 200);
    let ended = child.wait().expect("it was started here");
    assert_eq!(ended.code(), Some(105), "stopped from outside, as by Ctrl-C");
    rest.join().expect("no panic").expect("the pipe is read to its end");
}
