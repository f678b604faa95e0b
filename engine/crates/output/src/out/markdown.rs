//! The summary as tables in Markdown, for a page of a wiki or a comment on a change.
//!
//! Format: GitHub Flavored Markdown, whose tables others read as well.

use std::fmt::Write as _;

use crate::numbers;
use crate::stored::StoredResult;
use crate::stored::form::Figures;
use crate::summary_json::document::{MetricEntry, Number};

/// Rows of a table of endpoints or errors.
const ROWS: usize = 50;

pub(super) fn report(result: &StoredResult) -> String {
    let mut page = Page(String::from("# Load test"));
    if !result.environment.script.is_empty() {
        page.0.push_str(&format!(" of {}", plain(&result.environment.script)));
    }
    page.0.push_str("\n\n");
    if !result.complete {
        page.0.push_str("The run has not come to its end: there are no figures.\n");
        return page.0;
    }
    page.about(result);
    page.thresholds(result);
    page.checks(result);
    page.metrics(result);
    page.endpoints(result);
    page.phases(result);
    page.errors(result);
    for doubt in &result.injector.doubts {
        let _ = writeln!(page.0, "> **Warning:** {}\n", plain(doubt));
    }
    let text = page.0.trim_end();
    format!("{text}\n")
}

struct Page(String);

impl Page {
    fn heading(&mut self, heading: &str) {
        self.0.push_str(&format!("## {heading}\n\n"));
    }

    /// A table whose first column is text, and the others figures.
    fn table(&mut self, head: &[&str], rows: impl IntoIterator<Item = Vec<String>>) {
        let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
        let head: Vec<String> = head.iter().map(|cell| (*cell).to_owned()).collect();
        self.0.push_str(&line(&head));
        let rules = (0..head.len()).map(|place| if place == 0 { "---" } else { "---:" }.to_owned());
        self.0.push_str(&line(&rules.collect::<Vec<_>>()));
        for row in rows {
            self.0.push_str(&line(&row));
        }
        self.0.push('\n');
    }

    fn about(&mut self, result: &StoredResult) {
        let environment = &result.environment;
        let took = milliseconds(result.summary.state.test_run_duration_ms);
        let _ = writeln!(
            self.0,
            "{took} of load from {}, by wasmload {} on {} processors ({} {}).",
            plain(&environment.started_at),
            plain(&environment.engine),
            environment.machine.processors,
            plain(&environment.machine.os),
            plain(&environment.machine.architecture),
        );
        let _ = writeln!(self.0, "Script `{}`.", environment.digest.replace('`', ""));
        if let Some(stop) = &result.summary.stop {
            let _ = writeln!(self.0, "\n> **Stopped early:** {}", plain(&stop.message));
        }
        self.0.push('\n');
    }

    fn thresholds(&mut self, result: &StoredResult) {
        let thresholds = &result.summary.thresholds;
        if thresholds.is_empty() {
            return;
        }
        self.heading("Thresholds");
        let rows = thresholds.iter().map(|it| {
            let outcome = match &*it.outcome {
                "passed" => "✓ passed",
                "crossed" => "✗ crossed",
                _ => "? no data",
            };
            let mut observed =
                it.observed.map_or_else(|| "-".to_owned(), |it| numbers::number(it.0));
            if let (Some(course), Some(_)) = (&it.course, it.observed) {
                observed = format!("{observed} {}", course.text());
            }
            vec![plain(&it.metric), plain(&it.threshold), observed, outcome.to_owned()]
        });
        self.table(&["metric", "threshold", "observed", "outcome"], rows);
    }

    fn checks(&mut self, result: &StoredResult) {
        let checks = &result.summary.checks;
        if checks.is_empty() {
            return;
        }
        self.heading("Checks");
        let rows = checks.iter().map(|it| {
            let share = it.passes as f64 / (it.passes.saturating_add(it.fails)).max(1) as f64;
            let mark = if it.fails == 0 { "✓" } else { "✗" };
            vec![
                format!("{mark} {}", plain(&it.name)),
                it.passes.to_string(),
                it.fails.to_string(),
                numbers::percent(share),
            ]
        });
        self.table(&["check", "passes", "fails", "share"], rows);
    }

    fn metrics(&mut self, result: &StoredResult) {
        self.heading("Metrics");
        let rows = result.summary.metrics.iter().map(|(name, metric)| {
            let values = metric.values.iter();
            let values: Vec<_> = values
                .map(|(stat, value)| format!("{stat}={}", shown(metric, stat, *value)))
                .collect();
            vec![plain(name), metric.kind.clone().into_owned(), values.join(" ")]
        });
        self.table(&["metric", "type", "values"], rows);
    }

    fn endpoints(&mut self, result: &StoredResult) {
        if result.endpoints.is_empty() {
            return;
        }
        self.heading("Endpoints");
        let rows = result.endpoints.iter().take(ROWS).map(|it| {
            let mut row = vec![
                plain(format!("{} {}", it.method, it.name).trim()),
                it.count.to_string(),
                numbers::estimate(it.rate.0),
                numbers::percent(it.failed as f64 / it.count.max(1) as f64),
            ];
            row.extend(match it.duration {
                Some(Figures { avg, p50, p90, p95, p99, max, .. }) => {
                    [avg, p50, p90, p95, p99, max].map(milliseconds)
                }
                None => [(); 6].map(|()| "-".to_owned()),
            });
            row.push(numbers::bytes(it.received as f64));
            row
        });
        self.table(
            &[
                "endpoint", "requests", "req/s", "failed", "avg", "p50", "p90", "p95", "p99",
                "max", "received",
            ],
            rows,
        );
        let more = result.endpoints.len().saturating_sub(ROWS) as u64 + result.endpoints_left_out;
        if more > 0 {
            let _ = writeln!(self.0, "… and {}.\n", numbers::counted(more, "more endpoint"));
        }
    }

    fn phases(&mut self, result: &StoredResult) {
        if result.phases.is_empty() {
            return;
        }
        self.heading("Phases");
        let rows = result.phases.iter().map(|it| {
            vec![
                plain(&it.name),
                milliseconds(it.from_ms),
                milliseconds(it.to_ms),
                numbers::number(it.vus.0),
                it.iterations.to_string(),
                it.requests.to_string(),
                numbers::estimate(it.rate.0),
                it.p95.map_or_else(|| "-".to_owned(), milliseconds),
                numbers::percent(it.failed as f64 / it.requests.max(1) as f64),
            ]
        });
        self.table(
            &["phase", "from", "to", "VUs", "iterations", "requests", "req/s", "p95", "failed"],
            rows,
        );
    }

    fn errors(&mut self, result: &StoredResult) {
        let summary = &result.summary;
        let requests = summary.errors.iter().map(|it| {
            let such_as = it.example.as_deref().unwrap_or("-");
            vec![plain(&it.error), it.count.to_string(), plain(such_as)]
        });
        let failures = summary
            .failures
            .iter()
            .map(|it| vec![plain(&it.kind), it.count.to_string(), plain(&it.message)]);
        let lost = [("setup", &summary.setup_error), ("teardown", &summary.teardown_error)];
        let lost = lost.into_iter().filter_map(|(call, error)| {
            Some(vec![format!("{call} failed"), "1".to_owned(), plain(error.as_ref()?)])
        });
        let rows: Vec<_> = lost.chain(requests).chain(failures).take(ROWS).collect();
        if !rows.is_empty() {
            self.heading("Errors");
            self.table(&["error", "count", "such as"], rows);
        }
    }
}

fn shown(metric: &MetricEntry, stat: &str, value: Number) -> String {
    match (&*metric.kind, &*metric.contains) {
        ("rate", _) if stat == "rate" => numbers::percent(value.0),
        ("trend", _) if stat == "count" => numbers::number(value.0),
        (_, "time") => numbers::milliseconds(value.0),
        (_, "data") => numbers::bytes(value.0),
        _ => numbers::number(value.0),
    }
}

fn milliseconds(value: Number) -> String {
    numbers::milliseconds(value.0)
}

/// A text of somebody else's that is nothing but text: what would be markup or end a cell is escaped.
fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for c in crate::line::printable(&text.replace(['\n', '\r'], " ")).chars() {
        match c {
            '&' => plain.push_str("&amp;"),
            '<' => plain.push_str("&lt;"),
            '\\' | '|' | '`' | '*' | '_' | '[' | ']' | '~' | '#' | '!' => plain.extend(['\\', c]),
            c => plain.push(c),
        }
    }
    plain
}
