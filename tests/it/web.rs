//! The page of a run, while the run goes on.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};

use serde_json::Value;
use support::Wasmload;

/// Asks for something; what is answered is read from what is returned.
fn ask(address: &str, request: &str, host: &str, body: &str) -> BufReader<TcpStream> {
    let mut stream = TcpStream::connect(address).expect("it listens");
    let length = body.len();
    write!(
        stream,
        "{request} HTTP/1.1\r\nhost: {host}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
    )
    .expect("it reads");
    BufReader::new(stream)
}

fn answer(address: &str, request: &str, host: &str, body: &str) -> String {
    let mut answer = String::new();
    ask(address, request, host, body).read_to_string(&mut answer).expect("it answers");
    answer
}

/// The next message of a stream of events; `None` where it ends.
fn message(events: &mut impl std::io::BufRead) -> Option<Value> {
    loop {
        let mut line = String::new();
        if events.read_line(&mut line).expect("it is text") == 0 {
            return None;
        }
        if let Some(data) = line.strip_prefix("data: ") {
            return Some(serde_json::from_str(data).expect("a message is JSON"));
        }
    }
}

/// What stands in a page between its data's tags.
fn data_of(page: &str) -> Value {
    let (_, rest) = page.split_once(r#"id="data">"#).expect("the page has data");
    let (data, _) = rest.split_once("</script>").expect("its end");
    serde_json::from_str(data).expect("JSON")
}

#[test]
fn who_opens_the_page_sees_the_run_go_on_and_at_its_end_the_whole_result() {
    let wasmload = Wasmload::new(env!("CARGO_BIN_EXE_wasmload"));
    let mut child = wasmload.start(&[
        "run",
        artifacts::CHECKS_A_PAGE,
        "--demo",
        "--vus=2",
        "--duration=10m",
        "--address=:0",
        "--web=0",
        "--web-export=report.html",
    ]);
    let mut messages = BufReader::new(child.stderr.take().expect("it is piped"));
    let mut said = |before: &str| loop {
        let mut line = String::new();
        assert!(messages.read_line(&mut line).expect("text") > 0, "{before}: it is said");
        if let Some((_, rest)) = line.split_once(before) {
            break rest.split('/').next().expect("an address").trim().to_owned();
        }
    };
    let control = said("the control API is at http://");
    let web = said("the run is shown at http://");
    // What it goes on to say must not fill the pipe.
    let rest = std::thread::spawn(move || std::io::copy(&mut messages, &mut std::io::sink()));

    let page = answer(&web, "GET /", &web, "");
    assert!(
        page.starts_with("HTTP/1.1 200 OK\r\n") && page.contains("\r\ncontent-type: text/html")
    );
    assert_eq!(data_of(&page)["live"], true);
    for (request, host, status) in [
        ("GET /", "evil.example", "403"),
        ("GET /events", "evil.example", "403"),
        ("POST /", &*web, "405"),
        ("GET /else", &*web, "404"),
    ] {
        let refused = answer(&web, request, host, "");
        assert!(refused.starts_with(&format!("HTTP/1.1 {status} ")), "{request}: {refused}");
    }

    let mut events = ask(&web, "GET /events", &web, "");
    let mut slots = 0;
    while slots < 2 {
        let message = message(&mut events).expect("the run goes on");
        assert_eq!(message["live"], true);
        slots = message["timeline"]["slots"].as_u64().expect("a number");
    }
    let stopped = answer(&control, "PATCH /v1/status", &control, r#"{"stopped":true}"#);
    assert!(stopped.starts_with("HTTP/1.1 200 "), "{stopped}");
    let mut last = None;
    while let Some(message) = message(&mut events) {
        last = Some(message);
    }
    let last = last.expect("a last message");
    assert_eq!((&last["live"], &last["complete"]), (&false.into(), &true.into()));
    assert!(last["endpoints"][0]["count"].as_u64() > Some(0), "{last}");

    assert_eq!(child.wait().expect("it was started here").code(), Some(105));
    rest.join().expect("no panic").expect("the pipe is read to its end");
    assert_eq!(data_of(&wasmload.read("report.html")), last, "the file is what was shown last");
}

#[test]
fn a_port_that_is_taken_is_said_before_there_is_load() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = taken.local_addr().expect("it is bound").port();
    let wasmload = Wasmload::new(env!("CARGO_BIN_EXE_wasmload"));
    let web = format!("--web={port}");
    let ran = wasmload.run(&["run", artifacts::CHECKS_A_PAGE, "--demo", "--iterations=1", &web]);
    assert_ne!(ran.code, Some(0));
    let expected = format!("failed to show the run at 127.0.0.1:{port}");
    assert!(ran.stderr.contains(&expected) && ran.stderr.contains("--web=0"), "{}", ran.stderr);
    assert!(!ran.stdout.contains("iterations"), "{}", ran.stdout);
}
