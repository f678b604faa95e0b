//! Tables of the summary: the endpoints, and the parts of a run.

use std::time::Duration;

use super::{LISTED, indented};
use crate::line::{FAINT, Line, VALUE};
use crate::numbers::{self, counted};
use crate::summary::{EndpointSummary, PhaseSummary};

/// Characters of an endpoint that are shown; a long URL would push the figures off the screen.
const NAME: usize = 40;

/// A row an endpoint.
pub(super) fn endpoints(endpoints: &[EndpointSummary], elapsed: Duration) -> Vec<Line> {
    let head = [
        "", "requests", "req/s", "failed", "avg", "p(50)", "p(90)", "p(95)", "p(99)", "max",
        "received",
    ];
    let seconds = elapsed.as_secs_f64();
    let row = |endpoint: &EndpointSummary| {
        let rate = if seconds > 0.0 { endpoint.count as f64 / seconds } else { 0.0 };
        let mut row = vec![
            format!("{} {}", endpoint.method, endpoint.name).trim_start().to_owned(),
            endpoint.count.to_string(),
            numbers::estimate(rate),
            numbers::percent(endpoint.failed_share()),
        ];
        row.extend(match endpoint.duration {
            Some(it) => [it.avg, it.p50, it.p90, it.p95, it.p99, it.max].map(numbers::milliseconds),
            None => [(); 6].map(|()| "-".to_owned()),
        });
        row.push(numbers::bytes(endpoint.received as f64));
        row
    };
    let mut lines = table(&head, endpoints.iter().take(LISTED).map(row).collect());
    if endpoints.len() > LISTED {
        let rest = &endpoints[LISTED..];
        let requests = counted(rest.iter().map(|endpoint| endpoint.count).sum(), "request");
        let more = counted(rest.len() as u64, "more endpoint");
        lines.push(indented(4).styled(FAINT, format!("… {more}: {requests}")));
    }
    lines
}

/// A row a part of the run.
pub(super) fn phases(phases: &[PhaseSummary]) -> Vec<Line> {
    let head = ["", "from", "to", "VUs", "iterations", "requests", "req/s", "p(95)", "failed"];
    let row = |phase: &PhaseSummary| {
        let failed = match phase.requests {
            0 => "-".to_owned(),
            requests => numbers::percent(phase.failed as f64 / requests as f64),
        };
        vec![
            phase.name.clone(),
            whole_seconds(phase.time.start),
            whole_seconds(phase.time.end),
            numbers::number(phase.vus),
            phase.iterations.to_string(),
            phase.requests.to_string(),
            numbers::estimate(phase.rate),
            phase.p95.map_or_else(|| "-".to_owned(), numbers::milliseconds),
            failed,
        ]
    };
    table(&head, phases.iter().map(row).collect())
}

fn whole_seconds(time: Duration) -> String {
    numbers::duration(Duration::from_secs(time.as_millis().div_ceil(1_000) as u64))
}

/// Names to the left, figures to the right.
fn table(head: &[&str], rows: Vec<Vec<String>>) -> Vec<Line> {
    let head: Vec<String> = head.iter().map(|cell| (*cell).to_owned()).collect();
    let shown = |cell: &str| match cell.char_indices().nth(NAME) {
        Some((end, _)) => format!("{}…", &cell[..end]),
        None => cell.to_owned(),
    };
    let rows: Vec<Vec<String>> = std::iter::once(head)
        .chain(rows)
        .map(|row| row.iter().map(|cell| shown(cell)).collect())
        .collect();
    let widths: Vec<usize> = (0..rows[0].len())
        .map(|column| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0))
        .collect();
    let line = |(place, row): (usize, &Vec<String>)| {
        let style = if place == 0 { FAINT } else { VALUE };
        let mut line = indented(4).plain(&row[0]).pad(4 + widths[0]);
        for (cell, width) in row.iter().zip(&widths).skip(1) {
            line = line.styled(style, format!("  {cell:>width$}"));
        }
        line
    };
    rows.iter().enumerate().map(line).collect()
}
