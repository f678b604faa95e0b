//! Servers that results go to: what they hear, and what is said of those that are not there, refuse or die.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};

use demo::{Demo, Faults, RunningDemo};
use serde_json::Value;
use support::{Ran, Wasmload};

fn wasmload() -> Wasmload {
    Wasmload::new(env!("CARGO_BIN_EXE_wasmload"))
}

fn target() -> RunningDemo {
    Demo::spawn_thread(([127, 0, 0, 1], 0).into(), Faults::default()).expect("a free port")
}

/// A request that a server heard.
struct Request {
    line: String,
    headers: Vec<(String, String)>,
    /// Unpacked.
    body: Vec<u8>,
}

impl Request {
    fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(its, _)| its == name);
        found.map(|(_, value)| value.as_str())
    }
}

/// A server that answers each request with a status; after so many requests it is gone.
fn server(status: u16, requests: usize) -> (String, Receiver<Request>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("it is bound"));
    let (tell, told) = channel();
    std::thread::spawn(move || {
        let left = Arc::new(AtomicUsize::new(requests));
        for stream in listener.incoming().flatten() {
            if left.load(Ordering::SeqCst) == 0 {
                return;
            }
            let (left, tell) = (Arc::clone(&left), tell.clone());
            std::thread::spawn(move || answer(stream, status, &left, &tell));
        }
    });
    (url, told)
}

fn answer(stream: TcpStream, status: u16, left: &AtomicUsize, tell: &Sender<Request>) {
    let mut writer = stream.try_clone().expect("another handle of it");
    let mut reader = BufReader::new(stream);
    while let Some(request) = read(&mut reader) {
        if left.fetch_sub(1, Ordering::SeqCst) == 0 {
            return left.store(0, Ordering::SeqCst);
        }
        // The test may be over.
        let _ = tell.send(request);
        let answer = format!("HTTP/1.1 {status} x\r\ncontent-length: 5\r\n\r\nno\nme");
        if writer.write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}

fn read(reader: &mut BufReader<TcpStream>) -> Option<Request> {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
        match line.trim_end() {
            "" => break,
            line => lines.push(line.to_owned()),
        }
    }
    let headers = lines.iter().filter_map(|line| line.split_once(": "));
    let headers: Vec<_> =
        headers.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned())).collect();
    let mut request = Request { line: lines.first()?.clone(), headers, body: Vec::new() };
    let length = request.header("content-length").and_then(|length| length.parse().ok());
    request.body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut request.body).ok()?;
    if request.header("content-encoding") == Some("gzip") {
        let mut unpacked = Vec::new();
        let mut decoder = flate2::read::GzDecoder::new(&*request.body);
        decoder.read_to_end(&mut unpacked).expect("it is packed");
        request.body = unpacked;
    }
    Some(request)
}

/// Runs a script of twelve requests with these arguments and variables.
fn run(wasmload: &Wasmload, base: &str, arguments: &[&str], variables: &[(&str, &str)]) -> Ran {
    let base = format!("BASE_URL={base}");
    let mut all = vec!["run", artifacts::GIVES_OPTIONS, "-e", &base];
    all.extend(arguments);
    let mut command = wasmload.command(&all);
    command.env_remove("OTEL_EXPORTER_OTLP_HEADERS").envs(variables.iter().copied());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    wasmload.end(command.spawn().expect("the binary starts"))
}

fn holds(body: &[u8], part: &[u8]) -> bool {
    body.windows(part.len()).any(|it| it == part)
}

#[test]
fn the_span_that_a_target_is_told_of_is_the_one_that_a_collector_hears_of() {
    let wasmload = wasmload();
    let (base, asked) = server(200, usize::MAX);
    let (collector, told) = server(200, usize::MAX);
    let otlp = format!("--out=otlp={collector}");
    let ran = run(&wasmload, &base, &[&otlp, "--trace-sample=1", "--vus=1"], &[]);
    assert_eq!(ran.code, Some(0), "{}", ran.redacted());
    let parents: Vec<String> = asked
        .try_iter()
        .map(|request| request.header("traceparent").expect("all are sampled").to_owned())
        .collect();
    assert_eq!(parents.len(), 12);
    let (mut spans, mut metrics) = (Vec::new(), Vec::new());
    for request in told.try_iter() {
        match &*request.line {
            "POST /v1/traces HTTP/1.1" => spans.extend(request.body),
            "POST /v1/metrics HTTP/1.1" => metrics.extend(request.body),
            line => panic!("{line}"),
        }
    }
    for parent in &parents {
        let parts: Vec<_> = parent.split('-').collect();
        assert_eq!((parts.len(), parts[0], parts[3]), (4, "00", "01"), "{parent}");
        assert_eq!((parts[1].len(), parts[2].len()), (32, 16), "{parent}");
        let trace = u128::from_str_radix(parts[1], 16).expect("it is hex").to_be_bytes();
        let span = u64::from_str_radix(parts[2], 16).expect("it is hex").to_be_bytes();
        assert!(holds(&spans, &trace) && holds(&spans, &span), "{parent}");
    }
    assert!(holds(&metrics, b"wasmload.http_req_duration") && !holds(&metrics, b"traceparent"));

    let unsampled = run(&wasmload, &base, &["--vus=1"], &[]);
    assert_eq!(unsampled.code, Some(0), "{}", unsampled.redacted());
    assert!(asked.try_iter().all(|request| request.header("traceparent").is_none()));
}

#[test]
fn what_does_not_want_results_is_said_before_there_is_load_and_without_secrets() {
    let (wasmload, target) = (wasmload(), target());
    let nobody = TcpListener::bind("127.0.0.1:0").expect("a free port").local_addr();
    let nobody = format!("http://ada:hunter22@{}", nobody.expect("it is bound"));
    let [(refuses, _), (lacks, _)] = [401, 404].map(|status| server(status, usize::MAX));
    let token: &[(&str, &str)] = &[("WASMLOAD_PROMETHEUS_TOKEN", "hunter22")];
    for (arguments, variables, expected) in [
        (&[&*format!("--out=prometheus={nobody}")][..], &[][..], "Connection refused"),
        (
            &[&*format!("--out=prometheus={refuses}")],
            token,
            "it answers 401 Unauthorized: no; who we are is said by",
        ),
        (
            &[&*format!("--out=otlp={lacks}")],
            &[],
            "it answers 404 Not Found: no; it must take OTLP over HTTP",
        ),
        (&[&*format!("--out=influxdb={refuses}")], &[], "it must say a database"),
        (&["--out=prometheus=127.0.0.1:9090"], &[], "it must be a URL, such as"),
        (&["--out=prometheus"], &[], "where to is missing: `prometheus=URL`"),
        (&["--out=prometheus-scrape"], &[], "where is missing: `prometheus-scrape=HOST:PORT`"),
        (&["--out=prometheus-scrape=nowhere"], &[], "it must be HOST:PORT, such as :9464"),
        (
            &[&*format!("--out=otlp={refuses}")],
            &[("WASMLOAD_OTLP_HEADERS", "hunter22")],
            "WASMLOAD_OTLP_HEADERS: must be headers, as `name=value,name=value`",
        ),
        (
            &["--out=prometheus=http://ada:hunter22@127.0.0.1:1"],
            token,
            "the URL says a user, and WASMLOAD_PROMETHEUS_TOKEN a token: one of both",
        ),
        (&["--out=promethus=http://ada:hunter22@a"], &[], "'promethus=http://a' for '--out"),
        (&["--out=http://ada:hunter22@a/write?db=x"], &[], "'http://a/write' for '--out"),
        (
            &["--out=prometheus:http://ada:hunter22@a"],
            &[],
            "there is no kind `prometheus:http://a`",
        ),
        (&["--out=prometheus=ada:hunter22@a:9090"], &[], "it must be a URL, such as"),
        (&["--out=influxdb=HTTP://ada:hunter22@a"], &[], "it must say a database"),
        (&["--on-crossed-post=htp://ada:b@h/hunter22"], &[], "'htp://h' for '--on-crossed-post"),
        (&["--trace-sample=2"], &[], "it must be a number from 0 to 1"),
    ] {
        let ran = run(&wasmload, &target.url(), arguments, variables);
        assert_eq!(ran.code, Some(104), "{}", ran.redacted());
        assert!(ran.stderr.contains(expected), "{arguments:?}: {}", ran.stderr);
        assert!(!ran.stderr.contains("hunter22"), "{}", ran.stderr);
    }
    assert_eq!(target.record().requests, 0);
}

#[test]
fn a_server_that_dies_in_the_run_costs_the_load_nothing_and_files_nothing() {
    let (wasmload, target) = (wasmload(), target());
    // It answers that it is there, and is gone.
    let (prometheus, _told) = server(200, 1);
    let out = format!("--out=prometheus={prometheus}");
    let arguments = [&*out, "--out=json=samples.json", "--out=influxdb=lines.txt.gz"];
    let ran = run(&wasmload, &target.url(), &arguments, &[]);
    assert_eq!(ran.code, Some(1), "{}", ran.redacted());
    assert_eq!(ran.stderr.matches("pushes are lost").count(), 1, "{}", ran.stderr);
    assert_eq!(target.record().requests, 12);
    let lines = wasmload.read("samples.json");
    let points = lines.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    let requests = points.filter(|it| it["type"] == "Point" && it["metric"] == "http_reqs");
    assert_eq!(requests.filter_map(|it| it["data"]["value"].as_f64()).sum::<f64>(), 12.0);
    let packed = std::fs::read(wasmload.folder().join("lines.txt.gz")).expect("it is there");
    let mut text = String::new();
    flate2::read::GzDecoder::new(&*packed).read_to_string(&mut text).expect("it is whole");
    let counts = text.lines().filter(|line| line.starts_with("http_reqs,"));
    let counts = counts.filter_map(|line| line.split(" value=").nth(1)?.split(',').next());
    assert_eq!(counts.filter_map(|count| count.parse::<f64>().ok()).sum::<f64>(), 12.0);
}
