//! What a run leaves: samples, reports and results in files, and reports made of a result later.

use std::io::Read as _;
use std::time::{Duration, SystemTime};

use demo::{Demo, Faults, RunningDemo};
use serde_json::Value;
use support::{Ran, Wasmload};

fn wasmload() -> Wasmload {
    Wasmload::new(env!("CARGO_BIN_EXE_wasmload"))
}

fn target() -> RunningDemo {
    Demo::spawn_thread(([127, 0, 0, 1], 0).into(), Faults::default()).expect("a free port")
}

fn assert_code(ran: &Ran, code: i32) {
    assert_eq!(ran.code, Some(code), "{}", ran.redacted());
}

/// The text of a packed file; of one that has no end, as far as it goes.
fn unpacked(wasmload: &Wasmload, name: &str) -> String {
    let packed = std::fs::read(wasmload.folder().join(name)).expect("the file is there");
    let mut text = Vec::new();
    let _ = flate2::read::GzDecoder::new(&*packed).read_to_end(&mut text);
    String::from_utf8(text).expect("it is text")
}

/// The sum of a counter's points in lines of JSON. The last line may be cut short.
fn sum_of(lines: &str, metric: &str) -> f64 {
    let whole = lines.rsplit_once('\n').map_or("", |(whole, _)| whole);
    let lines = whole.lines().map(|line| serde_json::from_str(line).expect("a line is JSON"));
    let points = lines.filter(|line: &Value| line["type"] == "Point" && line["metric"] == metric);
    points.filter_map(|point| point["data"]["value"].as_f64()).sum()
}

#[test]
fn every_output_has_as_many_requests_as_the_target_counted() {
    let (wasmload, target) = (wasmload(), target());
    let base = format!("BASE_URL={}", target.url());
    let ran = wasmload.run(&[
        "run",
        artifacts::GIVES_OPTIONS,
        "-e",
        &base,
        "--vus=10",
        "--iterations=2000",
        "--out=json=samples.json",
        "--out=csv=samples.csv.gz",
        "--out=hdr=trends.hdr",
        "--out=summary=result.json",
        "--out=junit=junit.xml",
        "--out=html=report.html",
        "--out=markdown=-",
    ]);
    assert_code(&ran, 0);
    assert_eq!(target.record().requests, 2000);
    assert_eq!(sum_of(&wasmload.read("samples.json"), "http_reqs"), 2000.0);
    let csv = unpacked(&wasmload, "samples.csv.gz");
    let requests = csv.lines().filter_map(|line| line.strip_prefix("http_reqs,"));
    let values = requests.filter_map(|line| line.split(',').nth(1)?.parse::<f64>().ok());
    assert_eq!(values.sum::<f64>(), 2000.0);
    let result: Value = serde_json::from_str(&wasmload.read("result.json")).unwrap();
    assert_eq!(result["endpoints"][0]["count"], 2000);
    assert_eq!(result["histograms"]["http_req_duration"]["count"], 2000);
    let slots = result["timeline"]["metrics"]["http_reqs"]["sum"].as_array().unwrap();
    assert_eq!(slots.iter().filter_map(Value::as_f64).sum::<f64>(), 2000.0);
    assert_eq!(result["environment"]["digest"].as_str().map(str::len), Some(64));
    assert!(wasmload.read("trends.hdr").contains("\nTag=http_req_duration,"));
    assert!(wasmload.read("junit.xml").contains("<testcase "));
    assert!(ran.stdout.contains("\n## Endpoints\n"), "{}", ran.stdout);

    let page = wasmload.read("report.html");
    assert!(
        page.contains(
            r#"{"bad":false,"label":"Requests a second","note":[2000.0,"number","in all"]"#
        )
    );

    let again = wasmload.run(&[
        "report",
        "result.json",
        "-o=html=again.html",
        "-o=junit=again.xml",
        "-o=markdown=-",
    ]);
    assert_code(&again, 0);
    assert_eq!(wasmload.read("again.xml"), wasmload.read("junit.xml"));
    assert!(wasmload.read("again.html") == page, "the same page of the result as of the run");
    assert!(ran.stdout.ends_with(&again.stdout), "{}", again.stdout);
}

#[test]
fn a_run_that_is_killed_leaves_what_it_had_measured() {
    let (wasmload, target) = (wasmload(), target());
    let base = format!("BASE_URL={}", target.url());
    let mut child = wasmload.start(&[
        "run",
        artifacts::GIVES_OPTIONS,
        "-e",
        &base,
        "--vus=2",
        "--duration=10m",
        "--out=json=samples.json",
        "--out=csv=samples.csv.gz",
        "--out=hdr=trends.hdr",
        "--out=summary=result.json",
        "--out=html=report.html",
    ]);
    let began = SystemTime::now();
    let path = wasmload.folder().join("samples.json");
    let written = || std::fs::read_to_string(&path).unwrap_or_default();
    let seconds = |text: &str| text.matches("\"metric\":\"vus\",\"type\":\"Point\"").count();
    while seconds(&written()) < 2 {
        assert!(
            began.elapsed().is_ok_and(|waited| waited < Duration::from_secs(60)),
            "two seconds are written within a minute"
        );
        std::thread::yield_now();
    }
    child.kill().expect("it runs");
    assert_eq!(wasmload.end(child).code, None);
    assert!(sum_of(&wasmload.read("samples.json"), "http_reqs") > 0.0);
    assert!(unpacked(&wasmload, "samples.csv.gz").contains("\nhttp_reqs,"));
    assert!(wasmload.read("trends.hdr").contains("\nTag=http_req_duration,"));
    let result: Value = serde_json::from_str(&wasmload.read("result.json")).unwrap();
    assert_eq!(result["complete"], false, "it is whole, and says that it has no figures");
    let page = wasmload.read("report.html");
    assert!(page.contains("The run has not come to its end") && page.ends_with("</html>\n"));
    let report = wasmload.run(&["report", "result.json", "-o", "junit=-"]);
    assert_code(&report, 104);
    assert!(report.stderr.contains("its run did not come to its end"), "{}", report.stderr);
}

#[test]
fn what_cannot_be_written_is_refused_before_there_is_load() {
    let (wasmload, target) = (wasmload(), target());
    let base = format!("BASE_URL={}", target.url());
    for (outs, expected) in [
        (
            &["json=/no/such/folder/a", "summary=/no/such/folder/b"][..],
            "failed to create the output `/no/such/folder/a`: No such file or directory (os error 2)\n  failed to create \
             the output `/no/such/folder/b`",
        ),
        (
            &["influx=a"],
            "it must be one of csv, hdr, html, influxdb, json, junit, markdown, otlp, prometheus, prometheus-scrape, statsd, summary",
        ),
        (&["json"], "where to is missing: `json=FILE`"),
        (&["json=a", "csv=a"], "`a` is the target of two"),
    ] {
        let mut arguments = vec!["run", artifacts::GIVES_OPTIONS, "-e", &base];
        arguments.extend(outs.iter().flat_map(|out| ["--out", *out]));
        let ran = wasmload.run(&arguments);
        assert_code(&ran, 104);
        assert!(ran.stderr.contains(expected), "{outs:?}: {}", ran.stderr);
    }
    assert_eq!(target.record().requests, 0);
}

#[test]
fn what_is_no_result_of_this_version_is_refused() {
    let wasmload = wasmload();
    wasmload.write("newer.json", r#"{ "format": "wasmload result", "version": "2.0.0" }"#);
    wasmload.write("cut.json", r#"{ "format": "wasmload result", "vers"#);
    wasmload.write("other.json", r#"{ "version": "1.2.0" }"#);
    for (file, out, expected) in [
        ("newer.json", "junit=-", "its version is `2.0.0`, and this wasmload reads 1.0.0"),
        ("cut.json", "junit=-", "it is damaged: EOF while parsing"),
        ("other.json", "junit=-", "it is no result: `wasmload run --out summary=FILE` writes one"),
        ("none.json", "junit=-", "No such file or directory"),
        ("other.json", "json=-", "`json` needs every sample of the run"),
    ] {
        let ran = wasmload.run(&["report", file, "--out", out]);
        assert_code(&ran, 104);
        assert!(ran.stderr.contains(expected), "{file}: {}", ran.stderr);
    }
}
