use std::fs;
use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD as BASE64;
use hdrhistogram::serialization::Deserializer;
use hdrhistogram::serialization::interval_log::{IntervalLogIterator, LogEntry};
use metrics::{Collected, Contains, Kind as MetricKind, Registry, Shards, Tags, Totals, builtin};
use run::{EventKind, Measured};
use serde_json::Value;

use super::*;
use crate::stored::tests::stored;
use crate::summary::tests::{idle, mishaps, ordinary, plan, windowed};

pub(super) fn out(text: &str) -> Result<Out, String> {
    text.parse()
}

/// Two seconds of a small run: durations by page, checks, users, and a metric of the script's.
fn seconds() -> Vec<Collected> {
    let registry = Registry::new();
    let shards = Shards::new(registry.clone(), 1);
    let mut totals = Totals::new(&shards);
    totals.keep_series();
    let basket = registry.define("basket", MetricKind::Trend, Contains::Default).unwrap();
    type Sample<'a> = (metrics::MetricId, &'a [(&'a str, &'a str)], f64);
    let second = |samples: &[Sample<'_>], totals: &mut Totals| {
        for (metric, tags, value) in samples {
            let tags: Tags = tags.iter().copied().collect();
            shards.recorder(0).record(registry.series(*metric, &tags), *value);
        }
        totals.collect();
        let mut collected = totals.collected();
        totals.hand_over(&mut collected);
        collected
    };
    let home = [("name", "home, \"sweet\""), ("method", "GET"), ("status", "200"), ("team", "a&b")];
    vec![
        second(
            &[
                (builtin::HTTP_REQS, &home, 1.0),
                (builtin::HTTP_REQS, &home, 1.0),
                (builtin::HTTP_REQ_DURATION, &home, 10.0),
                (builtin::HTTP_REQ_DURATION, &home, 80.0),
                (builtin::CHECKS, &[("check", "is up")], 1.0),
                (builtin::CHECKS, &[("check", "is up")], 0.0),
                (builtin::CHECKS, &[("check", "is up")], 1.0),
                (builtin::VUS, &[], 3.0),
            ],
            &mut totals,
        ),
        second(&[(basket, &[], 4.5), (builtin::HTTP_REQ_DURATION, &home, 7.0)], &mut totals),
    ]
}

/// Lets an output hear a run of those seconds.
pub(super) fn push_seconds(output: &mut AnyOut) {
    push(seconds(), output);
}

/// Lets an output hear a run, or another part of it, in which a trend `pause` had these samples in a second.
pub(super) fn trend_of(samples: &[f64], output: &mut AnyOut) {
    let registry = Registry::new();
    let shards = Shards::new(registry.clone(), 1);
    let mut totals = Totals::new(&shards);
    totals.keep_series();
    let pause = registry.define("pause", MetricKind::Trend, Contains::Time).unwrap();
    let series = registry.series(pause, &Tags::new());
    samples.iter().for_each(|sample| shards.recorder(0).record(series, *sample));
    totals.collect();
    let mut collected = totals.collected();
    totals.hand_over(&mut collected);
    push(vec![collected], output);
}

/// Lets an output hear a run in which each metric that there is in every run had a sample.
pub(super) fn every_metric(output: &mut AnyOut) {
    let registry = Registry::new();
    let shards = Shards::new(registry.clone(), 1);
    let mut totals = Totals::new(&shards);
    totals.keep_series();
    for metric in builtin::ALL {
        let series = registry.series(metric.id, &Tags::new().with("scenario", "default"));
        shards.recorder(0).record(series, 1.0);
    }
    totals.collect();
    let mut collected = totals.collected();
    totals.hand_over(&mut collected);
    push(vec![collected], output);
}

fn push(seconds: Vec<Collected>, output: &mut AnyOut) {
    let mut say = |elapsed, kind| output.on_event(&Event { elapsed, kind });
    say(Duration::ZERO, EventKind::RunStarted { plan: plan("{}"), workers: 1 });
    let whole = Duration::from_millis(seconds.len() as u64);
    for (place, collected) in seconds.into_iter().enumerate() {
        let to = Duration::from_millis(place as u64 + 1);
        let measured = Box::new(Measured { time: Duration::ZERO..to, collected });
        say(to, EventKind::Measured(measured));
    }
    say(whole, EventKind::RunFinished(Box::new(ordinary())));
}

/// Writes a run to a file of this kind; what is in it after each second, and at the end.
fn streamed(name: &str, secrets: Redactor) -> Vec<Vec<u8>> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name.trim_end_matches('='));
    let kind = name.split(['=', '.']).next().unwrap();
    let mut output = out(&format!("{kind}={}", path.display())).unwrap().create(secrets).unwrap();
    let plan = plan(
        r#"{ "thresholds": { "http_req_duration": ["p(95)<500",
        { "threshold": "max<900", "abortOnFail": true, "delayAbortEval": "10s" }],
        "http_req_duration{name:home}": ["avg<3"] } }"#,
    );
    let mut say = |elapsed, kind| output.on_event(&Event { elapsed, kind });
    say(Duration::ZERO, EventKind::RunStarted { plan, workers: 1 });
    let mut found = Vec::new();
    for (place, collected) in seconds().into_iter().enumerate() {
        let [from, to] = [place, place + 1].map(|it| Duration::from_secs(it as u64));
        let measured = Box::new(Measured { time: from..to, collected });
        say(to, EventKind::Measured(measured));
    }
    // It is another thread that writes; that it does, and at once, is what is to be seen.
    let began = std::time::SystemTime::now();
    while !text_of(&fs::read(&path).unwrap()).contains("basket") {
        assert!(
            began.elapsed().is_ok_and(|waited| waited < Duration::from_secs(60)),
            "nothing is written"
        );
        std::thread::yield_now();
    }
    found.push(fs::read(&path).unwrap());
    output.finish().unwrap();
    found.push(fs::read(&path).unwrap());
    found
}

/// What a reader makes of a file that may be packed, and have no end.
fn text_of(bytes: &[u8]) -> String {
    if !bytes.starts_with(&[0x1f, 0x8b]) {
        return String::from_utf8_lossy(bytes).into_owned();
    }
    let mut text = Vec::new();
    // That the end is missing is an error; what came before is there.
    let _ = flate2::read::GzDecoder::new(bytes).read_to_end(&mut text);
    String::from_utf8_lossy(&text).into_owned()
}

fn lines(bytes: &[u8]) -> Vec<Value> {
    let text = std::str::from_utf8(bytes).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn what_is_no_output_is_refused_with_the_list_of_those_there_are() {
    for (text, expected) in [
        (
            "influx=x",
            "there is no kind `influx`: it must be one of csv, hdr, html, influxdb, json, junit, markdown",
        ),
        ("", "there is no kind ``"),
        ("statsd", "where to is missing: `statsd=HOST:PORT`"),
        ("json", "where to is missing: `json=FILE`, or `json=-` for standard output"),
        ("json=", "where to is missing"),
    ] {
        let error = out(text).unwrap_err();
        assert!(error.contains(expected), "{text}: {error}");
    }
    let named = out("summary=a=b.json").unwrap();
    assert_eq!((named.kind(), &*named.target), ("summary", Path::new("a=b.json")));
}

#[test]
fn a_place_that_cannot_be_written_to_is_found_before_the_run() {
    for kind in KINDS {
        let out = out(&format!("{}=/no/such/folder/file", kind.name)).unwrap();
        let error = out.create(Redactor::default()).unwrap_err();
        assert_eq!(error.to_string(), "create the output `/no/such/folder/file`", "{}", kind.name);
    }
}

#[test]
fn k6s_readers_of_json_find_their_fields() {
    let found = lines(&streamed("json=", Redactor::default())[1]);
    let metrics: Vec<_> = found.iter().filter(|line| line["type"] == "Metric").collect();
    let metric = metrics.iter().find(|line| line["metric"] == "http_req_duration").unwrap();
    let expected = serde_json::json!({
        "name": "http_req_duration",
        "type": "trend",
        "contains": "time",
        "thresholds": ["p(95)<500",
            { "threshold": "max<900", "abortOnFail": true, "delayAbortEval": "10s" }],
        "submetrics": [{ "name": "http_req_duration{name:home}", "suffix": "name:home",
            "tags": { "name": "home" } }],
    });
    assert_eq!(metric["data"], expected);
    assert_eq!(metrics.len(), 5, "each metric is told once");
    for (place, line) in found.iter().enumerate() {
        let name = &line["metric"];
        let earlier = |it: &Value| it["type"] == "Metric" && it["metric"] == *name;
        assert!(found[..=place].iter().any(earlier), "{name} is told before its first point");
        if line["type"] == "Point" {
            let keys: Vec<_> = line["data"].as_object().unwrap().keys().collect();
            assert!(
                keys == ["tags", "time", "value"] || keys == ["metadata", "tags", "time", "value"]
            );
            let time = line["data"]["time"].as_str().unwrap();
            assert!(
                time::OffsetDateTime::parse(time, &time::format_description::well_known::Rfc3339)
                    .is_ok()
            );
        }
    }
    let of = |name: &str| -> Vec<(f64, String)> {
        let points = found.iter().filter(|it| it["type"] == "Point" && it["metric"] == name);
        points
            .map(|it| {
                let count = it["data"]["metadata"]["count"].as_str().unwrap_or("1");
                (it["data"]["value"].as_f64().unwrap(), count.to_owned())
            })
            .collect()
    };
    let one = || "1".to_owned();
    assert_eq!(of("http_reqs"), [(2.0, one())]);
    assert_eq!(of("checks"), [(1.0, "2".to_owned()), (0.0, one())]);
    assert_eq!(of("http_req_duration"), [(10.0, one()), (80.0, one()), (7.0, one())]);
    assert_eq!(of("vus"), [(3.0, one())]);
    let point =
        found.iter().find(|it| it["type"] == "Point" && it["metric"] == "http_reqs").unwrap();
    let tags = serde_json::json!({ "name": "home, \"sweet\"", "method": "GET", "status": "200", "team": "a&b" });
    assert_eq!(point["data"]["tags"], tags);
}

#[test]
fn csv_has_k6s_columns() {
    let found = streamed("csv=", Redactor::default());
    let text = std::str::from_utf8(&found[1]).unwrap();
    let mut rows = text.lines();
    assert_eq!(
        rows.next(),
        Some(
            "metric_name,timestamp,metric_value,check,error,error_code,expected_response,group,method,name,proto,\
             scenario,service,status,subproto,tls_version,url,extra_tags,metadata"
        )
    );
    let rows: Vec<(&str, &str)> = rows
        .map(|row| {
            let (name, rest) = row.split_once(',').unwrap();
            let (timestamp, rest) = rest.split_once(',').unwrap();
            assert!(timestamp.parse::<u64>().unwrap() > 1_700_000_000);
            (name, rest)
        })
        .collect();
    let home = ",,,,,GET,\"home, \"\"sweet\"\"\",,,,200,,,,team=a&b,";
    for (name, rest) in [
        ("http_reqs", format!("2.000000,{home}")),
        ("http_req_duration", format!("80.000000,{home}")),
        ("checks", "1.000000,is up,,,,,,,,,,,,,,,count=2".to_owned()),
        ("checks", "0.000000,is up,,,,,,,,,,,,,,,".to_owned()),
        ("basket", "4.500000,,,,,,,,,,,,,,,,".to_owned()),
    ] {
        assert!(rows.contains(&(name, rest.as_str())), "{name},{rest}\n{text}");
    }
}

#[test]
fn hdrhistograms_own_reader_reads_the_log() {
    let log = streamed("hdr=", Redactor::default()).remove(1);
    let text = std::str::from_utf8(&log).unwrap();
    assert!(text.contains("#[Histogram log format version 1.3]\n#[StartTime: "), "{text}");
    let mut whole = hdrhistogram::Histogram::<u64>::new(3).unwrap();
    let mut tags = Vec::new();
    for entry in IntervalLogIterator::new(&log) {
        let Ok(LogEntry::Interval(interval)) = entry else { continue };
        let tag = interval.tag().unwrap();
        tags.push((tag.as_str().to_owned(), interval.start_timestamp(), interval.max()));
        if tag.as_str() == "http_req_duration" {
            assert_eq!(interval.duration(), Duration::from_secs(1));
            let packed = BASE64.decode(interval.encoded_histogram()).unwrap();
            let histogram: hdrhistogram::Histogram<u64> =
                Deserializer::new().deserialize(&mut &*packed).unwrap();
            whole.add(histogram).unwrap();
        }
    }
    let expected = [
        ("http_req_duration".to_owned(), Duration::ZERO, 80.0),
        ("http_req_duration".to_owned(), Duration::from_secs(1), 7.0),
        ("basket".to_owned(), Duration::from_secs(1), 4.5),
    ];
    assert_eq!(tags, expected);
    assert_eq!(whole.len(), 3);
    assert!(whole.equivalent(whole.min(), 7_000_000) && whole.equivalent(whole.max(), 80_000_000));
}

#[test]
fn a_run_that_is_killed_leaves_what_was_written_readable() {
    let [killed, whole] = streamed("json.gz=", Redactor::default()).try_into().unwrap();
    assert!(killed.len() < whole.len(), "it had no end yet");
    assert_eq!(lines(text_of(&killed).as_bytes()), lines(text_of(&whole).as_bytes()));
}

#[test]
fn secrets_are_in_no_file() {
    // StatsD is told no tags.
    let is_file = |kind: &&OutKind| match kind.make {
        Make::Server { or_file, .. } => or_file,
        Make::Push(..) | Make::Scrape => false,
        _ => true,
    };
    for kind in KINDS.iter().filter(is_file) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let secret = Redactor::new(["sweet", "status is 200", "home"]);
        if !out(&format!("{}=x", kind.name)).unwrap().is_report() {
            let text =
                String::from_utf8(streamed(&format!("{}=", kind.name), secret).remove(1)).unwrap();
            assert!(!text.contains("sweet"), "{text}");
            continue;
        }
        let mut output =
            out(&format!("{}={}", kind.name, path.display())).unwrap().create(secret).unwrap();
        output.on_result(&stored(&ordinary()));
        output.finish().unwrap();
        let text = fs::read_to_string(&path).unwrap();
        // In Markdown, brackets are escaped.
        assert!(!text.contains("status is 200") && text.contains("redacted"), "{text}");
    }
}

/// What is taken out is a text and not what escaping makes of it, nor digits of figures.
#[test]
fn a_secret_is_found_whatever_a_format_makes_of_its_letters() {
    let secret = || Redactor::new(["home, \"sweet\"", "2026", "80.0"]);
    for kind in ["csv", "json"] {
        let bytes = streamed(&format!("{kind}="), secret()).remove(1);
        let text = text_of(&bytes);
        assert!(!text.contains("sweet"), "{kind}: {text}");
        if kind == "json" {
            let times = lines(&bytes)
                .into_iter()
                .filter_map(|line| Some(line["data"]["time"].as_str()?.contains("redacted")));
            assert!(times.into_iter().all(|is_torn| !is_torn), "{text}");
        }
    }
    let mut result = stored(&ordinary());
    result.summary.checks[0].name = "my_token <&\"> is up".to_owned();
    for kind in ["markdown", "junit", "summary"] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let out = out(&format!("{kind}={}", path.display())).unwrap();
        let mut output = out.create(Redactor::new(["my_token <&\">", "1000"])).unwrap();
        output.on_result(&result);
        output.finish().unwrap();
        let text = fs::read_to_string(&path).unwrap();
        assert!(!text.contains("token") && text.contains("redacted"), "{kind}: {text}");
        if kind == "summary" {
            let read: Result<Value, _> = serde_json::from_str(&text);
            assert!(read.is_ok(), "digits were torn: {text}");
        }
    }
}

#[test]
fn a_figure_beyond_all_numbers_is_read_again() {
    let number: crate::summary_json::document::Number = serde_json::from_str("null").unwrap();
    assert!(number.0.is_nan());
    assert_eq!(serde_json::to_string(&number).unwrap(), "null");
}

#[test]
fn a_sink_that_takes_nothing_holds_up_nobody_and_what_is_left_out_is_counted() {
    let (reader, writer) = io::pipe().unwrap();
    let path = format!("/dev/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&writer));
    let mut output = out(&format!("json={path}")).unwrap().create(Redactor::default()).unwrap();
    drop(writer);
    let plan = plan("{}");
    let mut say = |kind| output.on_event(&Event { elapsed: Duration::ZERO, kind });
    say(EventKind::RunStarted { plan: Arc::clone(&plan), workers: 1 });
    // A pipe holds 64 KiB, and the queue thirty seconds.
    for _ in 0..2_000 {
        for collected in seconds() {
            let time = Duration::ZERO..Duration::from_secs(1);
            say(EventKind::Measured(Box::new(Measured { time, collected })));
        }
    }
    // Now somebody reads, and the run ends.
    let read = std::thread::spawn(move || io::copy(&mut { reader }, &mut io::sink()));
    let error = output.finish().unwrap_err().source.to_string();
    assert!(error.contains(" seconds of the run are not in it"), "{error}");
    drop(output);
    assert!(read.join().unwrap().unwrap() > 0);
}

#[test]
fn a_script_cannot_write_markup_of_its_own() {
    let mut result = stored(&ordinary());
    result.summary.checks[0].name = "a|b <script> `x` \u{1}\n# ]]> \"&\"".to_owned();
    result.summary.checks[0].fails = 1;
    let page = markdown::report(&result);
    assert!(page.contains(r"a\|b &lt;script> \`x\` \\u{1} \# \]\]> "), "{page}");
    let xml = junit::report(&result);
    assert!(
        xml.contains("name=\"a|b &lt;script&gt; `x` \u{fffd}&#10;# ]]&gt; &quot;&amp;&quot;\""),
        "{xml}"
    );
}

#[test]
fn reports_say_when_a_threshold_that_is_held_each_second_was_worst() {
    let mut result = stored(&windowed());
    let worst = "at worst, in the 5s up to 9s; crossed at 7s";
    let xml = junit::report(&result);
    assert!(xml.contains(&format!("http_req_duration was 812.3 {worst}")), "{xml}");
    assert!(xml.contains("<skipped message=\"there were no samples\"/>"), "{xml}");
    assert!(markdown::report(&result).contains(&format!("812.3 {worst} | ✗ crossed")));

    // Where a part that never came fails the run, it fails here.
    result.summary.thresholds[2].ok = Some(false);
    let xml = junit::report(&result);
    assert!(xml.contains("<failure message=\"no data: there were no samples\""), "{xml}");
}

#[test]
fn markdown_has_the_summary_as_tables() {
    insta::assert_snapshot!(markdown::report(&stored(&mishaps())));
    let page = markdown::report(&StoredResult::default());
    assert_eq!(page, "# Load test\n\nThe run has not come to its end: there are no figures.\n");
}

#[test]
fn a_report_made_later_is_the_one_made_at_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let result = stored(&mishaps());
    out(&format!("summary={}", path("result.json.gz"))).unwrap().render(&result).unwrap();
    let read = StoredResult::read(Path::new(&path("result.json.gz"))).unwrap();
    for kind in reports() {
        let target = path(kind);
        out(&format!("{kind}={target}")).unwrap().render(&read).unwrap();
        let mut at_the_end =
            out(&format!("{kind}={target}.2")).unwrap().create(Redactor::default()).unwrap();
        at_the_end.on_result(&result);
        at_the_end.finish().unwrap();
        assert_eq!(fs::read(&target).unwrap(), fs::read(format!("{target}.2")).unwrap(), "{kind}");
    }
    let stream = out(&format!("json={}", path("x"))).unwrap();
    assert!(stream.render(&result).unwrap_err().source.to_string().contains("every sample"));
}

mod junit_reports;
mod servers;
