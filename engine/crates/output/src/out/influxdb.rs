//! What is measured, each second, as InfluxDB's line protocol: pushed to a server, or in a file.
//!
//! A line is a series' second: `metric,tags fields timestamp`, in nanoseconds since 1970. Lines of one series and moment
//! replace each other in InfluxDB, so that a trend is one line with what is asked of trends, and not one a sample:
//!
//! | metric | fields |
//! | --- | --- |
//! | counter | `value`: the sum of the second; `count`: how many samples |
//! | gauge | `value`: the latest |
//! | rate | `value`: the share, from 0 to 1; `passes`, `fails` |
//! | trend | `value`: the mean; `count`, `sum`, `min`, `max`, `p50`, `p90`, `p95`, `p99` |
//!
//! Where to is a URL with a database (`http://127.0.0.1:8086/mydb`, `…/write?db=mydb`; version 1) or with an organisation and a bucket
//! (`http://127.0.0.1:8086/api/v2/write?org=mine&bucket=load`; versions 2 and 3, whose token is in `WASMLOAD_INFLUXDB_TOKEN`).

use std::collections::HashMap;
use std::io::Write as _;
use std::time::SystemTime;

use metrics::{Registry, SeriesId, Sink};
use plan::Plan;
use run::Measured;
use ureq::http::StatusCode;

use super::endpoint::Service;
use super::push::{Manner, Packing};
use super::stream::Format;
use crate::redacted::Redactor;

/// Lines of a request at most: what InfluxDB advises.
const LINES: usize = 5_000;
/// Series whose texts are kept.
const KEPT: usize = 20_000;

pub(super) const SERVICE: Service =
    Service { variable: "INFLUXDB", others: None, scheme: "Token", complete };

pub(super) const MANNER: Manner = Manner {
    headers: &[("content-type", "text/plain; charset=utf-8")],
    question: Vec::new,
    packing: Packing::Gzip,
    next: next_lines,
    objection: |_| None,
    advice: |status| match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Some(
            "who we are is said by WASMLOAD_INFLUXDB_TOKEN, http://USER:PASSWORD@HOST/ or WASMLOAD_INFLUXDB_HEADERS",
        ),
        StatusCode::NOT_FOUND => Some("the database or the bucket must be there"),
        _ => None,
    },
};

/// Completes what stands behind the host.
fn complete(rest: &str) -> Result<String, &'static str> {
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    let says = |name: &str| {
        query.split('&').any(|pair| pair.split_once('=').is_some_and(|(its, _)| its == name))
    };
    let name = path.trim_matches('/');
    match name {
        "" if says("bucket") => Ok(format!("/api/v2/write?{query}")),
        "" if says("db") => Ok(format!("/write?{query}")),
        _ if says("bucket") || says("db") => Ok(rest.to_owned()),
        "" | "write" | "api/v2/write" => Err(
            "it must say a database, as http://127.0.0.1:8086/mydb does, or a bucket, as http://127.0.0.1:8086?org=mine&bucket=load does",
        ),
        // As k6 has it.
        name if !name.contains('/') => {
            let more = if query.is_empty() { String::new() } else { format!("&{query}") };
            Ok(format!("/write?db={name}{more}"))
        }
        _ => Ok(rest.to_owned()),
    }
}

/// As many whole lines as a request may have.
fn next_lines(waiting: &[u8]) -> (usize, &[u8]) {
    let ends = waiting.iter().enumerate().filter(|(_, byte)| **byte == b'\n');
    let end = ends.map(|(place, _)| place + 1).nth(LINES - 1).unwrap_or(waiting.len());
    (end, &waiting[..end])
}

pub(super) fn format(secrets: Redactor) -> Box<dyn Format> {
    Box::new(Lines { secrets, series: HashMap::new() })
}

#[derive(Debug)]
struct Lines {
    /// What is in no name and no tag.
    secrets: Redactor,
    /// What each line of a series begins with.
    series: HashMap<SeriesId, String>,
}

impl Lines {
    fn beginning(&mut self, registry: &Registry, series: SeriesId) -> String {
        if let Some(known) = self.series.get(&series) {
            return known.clone();
        }
        let (metric, tags) = registry.series_info(series);
        let mut text = escaped(&self.secrets.shown(&registry.metric(metric).name), &[',', ' ']);
        let shown = |text| escaped(&self.secrets.shown(text), &[',', '=', ' ']);
        for (key, value) in tags.iter().filter(|(key, value)| !key.is_empty() && !value.is_empty())
        {
            text.push_str(&format!(",{}={}", shown(key), shown(value)));
        }
        if self.series.len() >= KEPT {
            self.series.clear();
        }
        self.series.insert(series, text.clone());
        text
    }
}

/// A text with what would end it escaped. Nothing stands for a line break, and a backslash at the end would escape what follows.
fn escaped(text: &str, special: &[char]) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            c if c.is_control() => escaped.push(' '),
            c => escaped.push(c),
        }
    }
    let trimmed = escaped.trim_end_matches('\\');
    let mut result = String::with_capacity(trimmed.len());
    for c in trimmed.chars() {
        if special.contains(&c) {
            result.push('\\');
        }
        result.push(c);
    }
    if result.is_empty() { "_".to_owned() } else { result }
}

impl Format for Lines {
    fn begin(&mut self, _plan: &Plan, _now: SystemTime, _text: &mut Vec<u8>) {}

    fn second(&mut self, measured: &Measured, now: SystemTime, text: &mut Vec<u8>) {
        let now = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_nanos();
        let registry = measured.collected.registry();
        for (series, sink) in measured.collected.series() {
            text.extend_from_slice(self.beginning(registry, series).as_bytes());
            // Writing to memory cannot fail.
            let _ = match sink {
                Sink::Counter(it) => write!(text, " value={},count={}i", it.sum, it.count),
                Sink::Gauge(it) => write!(text, " value={}", it.last),
                Sink::Rate(it) => {
                    let fails = it.total - it.trues;
                    write!(text, " value={},passes={}i,fails={fails}i", it.rate(), it.trues)
                }
                Sink::Trend(it) => {
                    let [p50, p90, p95, p99] = [0.5, 0.9, 0.95, 0.99].map(|q| it.quantile(q));
                    write!(
                        text,
                        " value={},count={}i,sum={},min={},max={},p50={p50},p90={p90},p95={p95},p99={p99}",
                        it.mean(),
                        it.count(),
                        it.sum(),
                        it.min(),
                        it.max(),
                    )
                }
            };
            let _ = writeln!(text, " {now}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Output as _;
    use crate::out::receiver::{Answer, Receiver};
    use crate::out::tests::{out, push_seconds};

    #[test]
    fn a_url_is_completed_to_that_of_its_version() {
        for (rest, expected) in [
            ("/mydb", Ok("/write?db=mydb")),
            ("/mydb/?rp=week", Ok("/write?db=mydb&rp=week")),
            ("/write?db=mydb", Ok("/write?db=mydb")),
            ("?db=mydb", Ok("/write?db=mydb")),
            ("?org=o&bucket=b", Ok("/api/v2/write?org=o&bucket=b")),
            ("/api/v2/write?org=o&bucket=b", Ok("/api/v2/write?org=o&bucket=b")),
            ("/proxied/write?db=x", Ok("/proxied/write?db=x")),
            ("", Err(())),
            ("/write", Err(())),
            ("/api/v2/write?org=o", Err(())),
        ] {
            let found = complete(rest);
            assert_eq!(found.as_deref().map_err(|_| ()), expected, "{rest}");
        }
    }

    #[test]
    fn a_name_ends_where_it_ends_whatever_is_in_it() {
        for (text, expected) in [
            ("home, sweet", r"home\,\ sweet"),
            ("a=b", r"a\=b"),
            ("two\nlines\t", r"two\ lines\ "),
            (r"c:\", "c:"),
            (r"\\", "_"),
            (r"a\b", r"a\b"),
        ] {
            assert_eq!(escaped(text, &[',', '=', ' ']), expected, "{text:?}");
        }
    }

    #[test]
    fn a_request_has_whole_lines_and_not_too_many() {
        let lines = "a value=1\n".repeat(LINES + 1);
        let (length, first) = next_lines(lines.as_bytes());
        assert_eq!((length, first.len()), (LINES * 10, LINES * 10));
        assert_eq!(next_lines(&lines.as_bytes()[length..]), (10, &b"a value=1\n"[..]));
    }

    #[test]
    fn a_server_hears_a_line_for_each_series_and_second() {
        let server = Receiver::start(&[Answer::Says(204, "")]);
        let out = out(&format!("influxdb={}/mydb", server.url)).unwrap();
        let out = out
            .with_access(&|name| (name == "WASMLOAD_INFLUXDB_TOKEN").then(|| "t0ken".to_owned()));
        let mut output = out.unwrap().create(Redactor::default()).unwrap();
        push_seconds(&mut output);
        output.finish().unwrap();
        let heard = server.rest();
        assert!(heard.iter().all(|it| it.line == "POST /write?db=mydb HTTP/1.1"));
        assert!(heard.iter().all(|it| it.header("authorization") == Some("Token t0ken")));
        let text: String = heard.iter().map(|it| it.text()).collect();
        let lines: Vec<_> = text.lines().map(|line| line.rsplit_once(' ').unwrap()).collect();
        assert!(lines.iter().all(|(_, time)| time.len() == 19 && time.parse::<u64>().is_ok()));
        let home = r#"method=GET,name=home\,\ "sweet",status=200,team=a&b"#;
        for expected in [
            format!("http_reqs,{home} value=2,count=2i"),
            format!(
                "http_req_duration,{home} value=45,count=2i,sum=90,min=10,max=80,p50=10.002431,p90=80,p95=80,p99=80"
            ),
            r"checks,check=is\ up value=0.6666666666666666,passes=2i,fails=1i".to_owned(),
            "vus value=3".to_owned(),
        ] {
            assert!(lines.iter().any(|(line, _)| *line == expected), "{expected}\n{text}");
        }
        assert_eq!(lines.len(), 6);
    }
}
