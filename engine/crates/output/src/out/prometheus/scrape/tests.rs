use std::process::{Command, Stdio};

use metrics::builtin;

use super::*;
use crate::out::AnyOut;
use crate::out::prometheus::server::Server;
use crate::out::tests::{every_metric, out, push_seconds};

fn scrape(secrets: Redactor) -> (AnyOut, SocketAddr) {
    let output = out("prometheus-scrape=:0").unwrap().create(secrets).unwrap();
    let AnyOut::Scrape(scrape) = &output else { panic!("it is one") };
    let address = scrape.address();
    (output, address)
}

fn ask(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

fn body(address: SocketAddr, accept: &str) -> String {
    let request = format!("GET /metrics HTTP/1.1\r\nhost: localhost\r\naccept: {accept}\r\n\r\n");
    let answer = ask(address, &request);
    answer.split_once("\r\n\r\n").unwrap().1.to_owned()
}

#[test]
fn what_was_measured_is_shown_in_both_texts() {
    let (mut output, address) = scrape(Redactor::new(["sweet"]));
    push_seconds(&mut output);
    let home = r#"method="GET",name="home, \"[redacted]\"",status="200",team="a&b""#;
    let plain = body(address, "*/*");
    for line in [
        "# TYPE wasmload_http_reqs_total counter",
        "# TYPE wasmload_http_req_duration_seconds histogram",
        &format!("wasmload_http_reqs_total{{{home}}} 2.0"),
        r#"wasmload_checks_passes_total{check="is up"} 2"#,
        r#"wasmload_checks_fails_total{check="is up"} 1"#,
        "wasmload_vus 3.0",
        &format!("wasmload_http_req_duration_seconds_bucket{{{home},le=\"0.005\"}} 0"),
        &format!("wasmload_http_req_duration_seconds_bucket{{{home},le=\"0.01\"}} 2"),
        &format!("wasmload_http_req_duration_seconds_bucket{{{home},le=\"+Inf\"}} 3"),
        &format!("wasmload_http_req_duration_seconds_count{{{home}}} 3"),
    ] {
        assert!(plain.lines().any(|its| its == line), "{line}\n{plain}");
    }
    assert!(!plain.contains("# UNIT") && !plain.contains("# EOF"));
    let open = body(address, "application/openmetrics-text;version=1.0.0,text/plain;q=0.5");
    assert!(open.contains("# TYPE wasmload_http_reqs counter\n"), "{open}");
    assert!(open.contains("# UNIT wasmload_http_req_duration_seconds seconds\n"), "{open}");
    assert!(open.ends_with("\n# EOF\n"));
}

#[test]
fn promtool_finds_nothing_to_object_to() {
    let (mut output, address) = scrape(Redactor::default());
    every_metric(&mut output);
    let text = body(address, "text/plain");
    for metric in builtin::ALL {
        assert!(text.contains(&format!("wasmload_{}", metric.name)), "{}", metric.name);
    }
    let promtool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let Ok(mut promtool) = promtool else {
        let needed = std::env::var_os("WASMLOAD_TESTS_NEED_PROMETHEUS").is_some();
        assert!(!needed, "promtool is missing; `apt-get install prometheus` installs it");
        return;
    };
    promtool.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let said = promtool.wait_with_output().unwrap();
    let said = [said.stdout, said.stderr].map(|it| String::from_utf8_lossy(&it).into_owned());
    assert_eq!(said.concat(), "");
}

#[test]
fn a_prometheus_that_scrapes_has_the_counts() {
    let (mut output, address) = scrape(Redactor::default());
    push_seconds(&mut output);
    let configuration = format!(
        "scrape_configs: [{{ job_name: load, scrape_interval: 1s, static_configs: [{{ targets: ['{address}'] }}] }}]"
    );
    let Some(server) = Server::start(&configuration, &[]) else { return };
    let counted = "/api/v1/query?query=wasmload_http_req_duration_seconds_count";
    server.until(counted, |answer| answer.is_some_and(|it| it.contains(r#""3"]"#)));
    assert_eq!(server.value("wasmload_http_reqs_total{job=\"load\"}"), 2.0);
    assert_eq!(server.value("wasmload_http_req_duration_seconds_bucket{le=\"0.01\"}"), 2.0);
    let median = server.value("histogram_quantile(0.5, wasmload_http_req_duration_seconds_bucket)");
    assert!((0.005..=0.01).contains(&median), "{median}");
    output.finish().unwrap();
}

#[test]
fn what_is_no_question_of_ours_is_answered_with_why() {
    let (_output, address) = scrape(Redactor::default());
    for (request, status) in [
        ("GET /metrics HTTP/1.1\r\nhost: evil.example\r\n\r\n", "403"),
        ("GET /metrics HTTP/1.1\r\n\r\n", "403"),
        ("GET / HTTP/1.1\r\nhost: 127.0.0.1:1\r\n\r\n", "404"),
        ("POST /metrics HTTP/1.1\r\nhost: [::1]:1\r\n\r\n", "405"),
        ("HEAD /metrics?x HTTP/1.1\r\nhost: localhost\r\n\r\n", "200"),
        ("\0\0 HTTP/9\r\n\r\n", "403"),
    ] {
        let answer = ask(address, request);
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{request}: {answer}");
        assert_eq!(answer.ends_with("\r\n\r\n"), request.starts_with("HEAD"), "{answer}");
    }
    // A head without an end is no question at all.
    let endless = "GET /metrics HTTP/1.1\r\nx: ".to_owned() + &"x".repeat(PIECES * PIECE);
    let mut stream = TcpStream::connect(address).unwrap();
    let _ = stream.write_all(endless.as_bytes());
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    assert_eq!(answer, b"");
}

#[test]
fn a_port_alone_is_of_this_machine() {
    for (target, expected) in [
        ("9464", Some("127.0.0.1:9464")),
        (":9464", Some("127.0.0.1:9464")),
        ("0.0.0.0:1", Some("0.0.0.0:1")),
        ("[::1]:1", Some("[::1]:1")),
        ("nowhere", None),
        ("1.2.3.4", None),
    ] {
        let found = address(target).ok().map(|address| address.to_string());
        assert_eq!(found.as_deref(), expected, "{target}");
    }
    let (_output, taken) = scrape(Redactor::default());
    let error = Scrape::create(&taken.to_string(), Redactor::default()).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
}

#[test]
fn the_wait_for_one_more_question_begins_when_nothing_more_comes_and_ends_with_the_question() {
    let mut scrape = Scrape::create(":0", Redactor::default()).unwrap();
    // As one that was answered does.
    scrape.shown.asked.try_send(()).unwrap();
    scrape.close();
    let until = scrape.until.unwrap();
    assert!(scrape.shown.asked.try_send(()).is_ok(), "the question before the end was heard");
    // Others are waited for meanwhile; what is waited for here ends when it would have ended.
    scrape.finish().unwrap();
    assert_eq!(scrape.until, Some(until));
    assert!(scrape.asked.try_recv().is_err(), "the question after the end was heard");
}
