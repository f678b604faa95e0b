//! Samples in k6's columns.
//!
//! The columns are those of k6 without options: `metric_name`, `timestamp` (whole seconds since 1970), `metric_value` with six
//! decimals, a column a system tag, then `extra_tags` and `metadata` as `key=value&key=value`. What a point is stands in
//! [`points`](super::points). Quoting is that of RFC 4180.

use std::collections::HashMap;
use std::io::Write as _;
use std::time::SystemTime;

use metrics::{Registry, SeriesId};
use plan::Plan;
use run::Measured;

use super::points::points;
use super::stream::Format;
use crate::redacted::Redactor;

/// The system tags that have a column, sorted.
const COLUMNS: [&str; 14] = [
    "check",
    "error",
    "error_code",
    "expected_response",
    "group",
    "method",
    "name",
    "proto",
    "scenario",
    "service",
    "status",
    "subproto",
    "tls_version",
    "url",
];

/// Series whose texts are kept.
const KEPT: usize = 20_000;

pub(super) fn format(secrets: Redactor) -> Box<dyn Format> {
    Box::new(Csv { secrets, ..Csv::default() })
}

#[derive(Debug, Default)]
struct Csv {
    /// What is in no name and no tag.
    secrets: Redactor,
    /// Name and tags of each series, as they stand in a line.
    series: HashMap<SeriesId, (String, String)>,
}

impl Csv {
    fn texts(&mut self, registry: &Registry, series: SeriesId) -> (String, String) {
        if let Some(known) = self.series.get(&series) {
            return known.clone();
        }
        let (metric, tags) = registry.series_info(series);
        let columns: Vec<String> = {
            let shown = |name| self.secrets.shown(tags.get(name).unwrap_or_default());
            COLUMNS.iter().map(|name| quoted(&shown(name))).collect()
        };
        let others = tags.iter().filter(|(key, _)| !COLUMNS.contains(key));
        let others: Vec<String> = others
            .map(|(key, value)| {
                format!("{}={}", self.secrets.shown(key), self.secrets.shown(value))
            })
            .collect();
        let texts = (
            self.secrets.shown(&registry.metric(metric).name).into_owned(),
            format!("{},{}", columns.join(","), quoted(&others.join("&"))),
        );
        if self.series.len() >= KEPT {
            self.series.clear();
        }
        self.series.insert(series, texts.clone());
        texts
    }
}

impl Format for Csv {
    fn begin(&mut self, _plan: &Plan, _now: SystemTime, text: &mut Vec<u8>) {
        let columns = COLUMNS.join(",");
        // Writing to memory cannot fail.
        let _ = writeln!(text, "metric_name,timestamp,metric_value,{columns},extra_tags,metadata");
    }

    fn second(&mut self, measured: &Measured, now: SystemTime, text: &mut Vec<u8>) {
        let seconds = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
        let registry = measured.collected.registry();
        for (series, sink) in measured.collected.series() {
            let (name, tags) = self.texts(registry, series);
            points(sink, |value, count| {
                // Writing to memory cannot fail.
                let _ = write!(text, "{name},{seconds},{value:.6},{tags},");
                if count > 1 {
                    let _ = write!(text, "count={count}");
                }
                text.push(b'\n');
            });
        }
    }
}

fn quoted(cell: &str) -> String {
    match cell.contains([',', '"', '\n', '\r']) {
        true => format!("\"{}\"", cell.replace('"', "\"\"")),
        false => cell.to_owned(),
    }
}
