use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD as BASE64;
use serde_json::Value as Json;

use super::*;
use crate::Output as _;
use crate::out::receiver::{Answer, Receiver, Request};
use crate::out::tests::{out, push_seconds};
use crate::out::{Span, SpanSample};

/// What a collector heard of a run of two seconds, but for what asked whether it is there.
fn heard(answers: &'static [Answer]) -> (Vec<Request>, Option<String>) {
    let server = Receiver::start(answers);
    let out = out(&format!("otlp={}/", server.url)).unwrap();
    let out = out.with_access(&|name| {
        (name == "OTEL_EXPORTER_OTLP_HEADERS").then(|| "api-key=a%20b".to_owned())
    });
    let mut output = out.unwrap().create(Redactor::default()).unwrap();
    push_seconds(&mut output);
    let said = output.finish().err().map(|error| error.source.to_string());
    (server.rest().split_off(1), said)
}

/// What OpenTelemetry's own classes make of a request, in its JSON; `None` where they are not installed and not needed.
#[expect(clippy::print_stderr, reason = "who runs the tests is to know that nobody read it")]
fn read(body: &[u8], signal: &str, message: &str) -> Option<Json> {
    const READER: &str = "
import importlib, sys
from google.protobuf.json_format import MessageToJson
signal, message = sys.argv[1:]
service = f'opentelemetry.proto.collector.{signal}.v1.{signal}_service_pb2'
request = getattr(importlib.import_module(service), message)()
request.ParseFromString(sys.stdin.buffer.read())
def unknown(message):
    from google.protobuf.unknown_fields import UnknownFieldSet
    yield len(UnknownFieldSet(message))
    for field, value in message.ListFields():
        if field.message_type:
            for each in (value if hasattr(value, 'append') or hasattr(value, 'add') else [value]):
                yield from unknown(each)
assert not any(unknown(request)), 'fields that it does not know'
print(MessageToJson(request))
";
    let has = |module: &str| {
        let mut python = Command::new("python3");
        let asked = python.args(["-c", &format!("import {module}")]).stderr(Stdio::null());
        asked.status().ok().filter(|status| status.success())
    };
    if has("opentelemetry.proto.collector.metrics.v1.metrics_service_pb2").is_none() {
        let needed = std::env::var_os("WASMLOAD_TESTS_NEED_OTLP").is_some();
        assert!(!needed, "`python3 -m pip install opentelemetry-proto` installs what reads it");
        eprintln!("no opentelemetry-proto for Python: nobody else reads what is sent");
        return None;
    }
    let mut reader = Command::new("python3")
        .args(["-c", READER, signal, message])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    reader.stdin.take().unwrap().write_all(body).unwrap();
    let read = reader.wait_with_output().unwrap();
    assert!(read.status.success());
    Some(serde_json::from_slice(&read.stdout).unwrap())
}

#[test]
fn a_collector_hears_totals_since_the_run_began() {
    let (requests, said) = heard(&[Answer::Says(200, "")]);
    assert_eq!(said, None);
    // Two seconds, and all of it at the end.
    assert_eq!(requests.len(), 3);
    for request in &requests {
        assert_eq!(request.line, "POST /v1/metrics HTTP/1.1");
        assert_eq!(request.header("content-type"), Some("application/x-protobuf"));
        assert_eq!(request.header("content-encoding"), Some("gzip"));
        assert_eq!(request.header("api-key"), Some("a b"));
    }
    let all: Vec<_> =
        requests.iter().map(|it| ExportRequest::decode(&*it.unpacked()).unwrap()).collect();
    let names = |request: &ExportRequest| -> Vec<String> {
        let metrics = &request.resource_metrics[0].scope_metrics[0].metrics;
        metrics.iter().map(|metric| metric.name.clone()).collect()
    };
    assert_eq!(names(&all[1]), ["wasmload.basket", "wasmload.http_req_duration"], "what changed");
    let everything = [
        "wasmload.basket",
        "wasmload.checks.fails",
        "wasmload.checks.passes",
        "wasmload.http_req_duration",
        "wasmload.http_reqs",
        "wasmload.vus",
    ];
    assert_eq!(names(&all[2]), everything);
}

#[test]
fn opentelemetrys_own_reader_finds_what_was_measured() {
    let (requests, _) = heard(&[Answer::Says(200, "")]);
    let Some(read) = read(&requests[2].unpacked(), "metrics", "ExportMetricsServiceRequest") else {
        return;
    };
    let of = &read["resourceMetrics"][0];
    assert_eq!(of["resource"]["attributes"][0]["key"], "service.name");
    assert_eq!(of["resource"]["attributes"][0]["value"]["stringValue"], "wasmload");
    let metrics = of["scopeMetrics"][0]["metrics"].as_array().unwrap();
    let named = |name: &str| metrics.iter().find(|it| it["name"] == name).unwrap();
    let requests = &named("wasmload.http_reqs")["sum"];
    assert_eq!(requests["aggregationTemporality"], "AGGREGATION_TEMPORALITY_CUMULATIVE");
    assert_eq!(requests["isMonotonic"], true);
    let point = &requests["dataPoints"][0];
    assert_eq!(point["asDouble"], 2.0);
    let nanoseconds = |it: &Json| it.as_str().unwrap().parse::<u64>().unwrap();
    assert!(nanoseconds(&point["startTimeUnixNano"]) < nanoseconds(&point["timeUnixNano"]));
    let attributes = point["attributes"].as_array().unwrap();
    let name = attributes.iter().find(|it| it["key"] == "name").unwrap();
    assert_eq!(name["value"]["stringValue"], "home, \"sweet\"");
    assert_eq!(named("wasmload.checks.passes")["sum"]["dataPoints"][0]["asDouble"], 2.0);
    assert_eq!(named("wasmload.checks.fails")["sum"]["dataPoints"][0]["asDouble"], 1.0);
    assert_eq!(named("wasmload.vus")["gauge"]["dataPoints"][0]["asDouble"], 3.0);
    let durations = named("wasmload.http_req_duration");
    assert_eq!(durations["unit"], "ms");
    let point = &durations["exponentialHistogram"]["dataPoints"][0];
    assert_eq!((&point["count"], &point["sum"]), (&"3".into(), &97.0.into()));
    // By OpenTelemetry's definition: bucket n is above base ** n and up to base ** (n + 1).
    let base = 2_f64.powf(2_f64.powi(-(point["scale"].as_i64().unwrap() as i32)));
    let offset = point["positive"]["offset"].as_i64().unwrap();
    let counts = point["positive"]["bucketCounts"].as_array().unwrap();
    let full = counts.iter().enumerate().filter(|(_, count)| *count != "0");
    let places: Vec<f64> = full.map(|(place, _)| (offset + place as i64) as f64).collect();
    for (place, sample) in places.iter().zip([7.0, 10.0, 80.0]) {
        let (from, to) = (base.powf(*place), base.powf(place + 1.0));
        assert!(from < sample * 1.001 && sample <= to, "{sample} is not in {from} to {to}");
    }
    assert_eq!(places.len(), 3);
}

#[test]
fn what_a_collector_rejects_in_an_answer_that_says_yes_is_counted() {
    // A `partial_success` of seven points with the message `no`.
    const REJECTS: Answer = Answer::Says(200, "\n\u{6}\u{8}\u{7}\u{12}\u{2}no");
    let (_, said) = heard(&[Answer::Says(200, ""), REJECTS]);
    assert_eq!(said.as_deref(), Some("3 of 3 pushes are lost: it rejects 7 points: no"));
    assert_eq!(objection(b"{\"partialSuccess\":{}}"), None);
}

#[test]
fn the_path_is_below_the_url() {
    for (rest, expected) in [
        ("", "/v1/metrics"),
        ("/", "/v1/metrics"),
        ("/otlp/", "/otlp/v1/metrics"),
        ("/v1/metrics", "/v1/metrics"),
        ("/otlp?tenant=7", "/otlp/v1/metrics?tenant=7"),
    ] {
        assert_eq!((SERVICE.complete)(rest).unwrap(), expected, "{rest}");
    }
}

#[test]
fn buckets_are_one_after_another() {
    let found = buckets([(-3, 5), (-2, 7), (1, 1)].into_iter()).unwrap();
    assert_eq!((found.offset, found.counts), (-4, vec![5, 7, 0, 0, 1]));
    assert_eq!(buckets(std::iter::empty()), None);
}

/// A run in which these spans came, as a collector heard of it; and what was said at the end.
fn heard_of_spans(secrets: Redactor, spans: &[Span]) -> (Vec<Request>, Option<String>) {
    let server = Receiver::start(&[Answer::Says(200, "")]);
    let mut sample = SpanSample::default();
    let out = out(&format!("otlp={}", server.url)).unwrap();
    let mut output = out.spans(&mut sample, secrets).unwrap().unwrap();
    spans.iter().for_each(|span| sample.put(span));
    push_seconds(&mut output);
    let said = output.finish().err().map(|error| error.source.to_string());
    (server.rest().split_off(1), said)
}

fn span(outcome: Result<u16, (String, String)>) -> Span {
    Span {
        trace: 0xabcd << 64 | 1,
        span: 2,
        vu: 7,
        scenario: "default".to_owned(),
        started: SystemTime::UNIX_EPOCH + Duration::from_secs(1_763_740_800),
        duration: Duration::from_millis(25),
        method: "GET".to_owned(),
        url: "https://ada:pw@shop.test/login?next=1&token=s3cret".to_owned(),
        version: "1.1".to_owned(),
        outcome,
    }
}

#[test]
fn a_collector_hears_of_each_sampled_request_without_what_is_secret() {
    let refused = ("connection refused".to_owned(), "it refused my_key at once".to_owned());
    let spans = [span(Ok(200)), span(Ok(503)), span(Err(refused))];
    let (requests, said) = heard_of_spans(Redactor::new(["my_key"]), &spans);
    assert_eq!(said, None);
    assert!(requests.iter().all(|it| it.line == "POST /v1/traces HTTP/1.1"));
    let bodies: Vec<Vec<u8>> = requests.iter().map(Request::unpacked).collect();
    assert_eq!(bodies.len(), 1, "all came in one second");
    let text = String::from_utf8_lossy(&bodies[0]);
    for secret in ["s3cret", "pw@", "my_key"] {
        assert!(!text.contains(secret), "{text}");
    }
    let Some(read) = read(&bodies[0], "trace", "ExportTraceServiceRequest") else { return };
    let spans = read["resourceSpans"][0]["scopeSpans"][0]["spans"].as_array().unwrap();
    assert_eq!(spans.len(), 3);
    let first = &spans[0];
    assert_eq!(
        first["traceId"],
        BASE64.encode(
            0xabcd_u64
                .to_be_bytes()
                .iter()
                .chain(&1_u64.to_be_bytes())
                .copied()
                .collect::<Vec<u8>>()
        )
    );
    assert_eq!(first["spanId"], BASE64.encode(2_u64.to_be_bytes()));
    assert_eq!((&first["name"], &first["kind"]), (&"GET".into(), &"SPAN_KIND_CLIENT".into()));
    assert_eq!(first["startTimeUnixNano"], "1763740800000000000");
    assert_eq!(first["endTimeUnixNano"], "1763740800025000000");
    let attribute = |span: &Json, key: &str| {
        let all = span["attributes"].as_array().unwrap();
        let found = all.iter().find(|it| it["key"] == key).cloned().unwrap_or_default();
        found["value"].as_object().and_then(|value| value.values().next().cloned())
    };
    let url = "https://shop.test/login?next=1&token=[redacted]";
    for (span, key, expected) in [
        (0, "url.full", Some(url)),
        (0, "http.response.status_code", Some("200")),
        (0, "error.type", None),
        (0, "wasmload.vu", Some("7")),
        (1, "error.type", Some("503")),
        (2, "error.type", Some("connection refused")),
        (2, "http.response.status_code", None),
    ] {
        let found = attribute(&spans[span], key);
        assert_eq!(found, expected.map(Json::from), "{span}: {key}");
    }
    assert_eq!(first["status"], Json::Null);
    assert_eq!(spans[1]["status"]["code"], "STATUS_CODE_ERROR");
    assert_eq!(spans[2]["status"]["message"], "it refused [redacted] at once");
}

#[test]
fn spans_beyond_what_may_wait_are_counted() {
    let spans = vec![span(Ok(200)); 10_003];
    let (requests, said) = heard_of_spans(Redactor::default(), &spans);
    assert_eq!(requests.len(), 10);
    assert_eq!(said.as_deref(), Some("3 spans had no room; a smaller --trace-sample has fewer"));
}

#[test]
fn spans_go_to_collectors_only() {
    let mut sample = SpanSample::default();
    let other = out("json=-").unwrap().spans(&mut sample, Redactor::default()).unwrap();
    assert!(other.is_none() && sample.is_empty());
    assert_eq!((OF_SPANS.complete)("/otlp/v1/metrics?x=1").unwrap(), "/otlp/v1/traces?x=1");
    let server = Receiver::start(&[Answer::Says(404, "")]);
    let metrics_only = out(&format!("otlp={}", server.url)).unwrap();
    let error = metrics_only.spans(&mut sample, Redactor::default()).unwrap_err();
    assert_eq!(error.to_string(), format!("create the output `{}, spans`", server.url));
    assert!(error.source.to_string().contains("spans at /v1/traces"), "{}", error.source);
}
