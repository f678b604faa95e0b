//! Rows of figures: a metric's name, dots, and what was measured, in columns.

use std::iter;

use anstyle::Style;
use metrics::{Contains, Kind, MetricId, builtin};
use plan::TrendStat;

use crate::line::{EXTRA, FAINT, Line, VALUE};
use crate::numbers;
use crate::summary::{MetricSummary, Summary, Values};
use crate::summary_text::indented;

/// The least width of the names' column. What nearly every run shows fits, so that two summaries can be
/// laid side by side.
const NAMES: usize = 35;

/// A row: a metric's name and what was measured.
pub(super) struct Row {
    pub(super) of: Option<MetricId>,
    name: String,
    is_part: bool,
    cells: Cells,
}

enum Cells {
    Plain {
        value: String,
        extras: Vec<String>,
    },
    /// A value and words for it, which align with nothing.
    Noted {
        value: String,
        note: &'static str,
    },
    Trend(Vec<(String, String)>),
}

impl Row {
    /// A row that is of no single metric, with a value and what explains it.
    pub(super) fn new(name: &str, value: String, extra: String) -> Self {
        let cells = Cells::Plain { value, extras: vec![extra] };
        Self { of: None, name: name.to_owned(), is_part: false, cells }
    }

    pub(super) fn of(summary: &MetricSummary) -> Self {
        let (kind, contains) = (summary.metric.kind, summary.metric.contains);
        let shown = |value| numbers::value(value, kind, contains);
        let note = match summary.metric.id {
            builtin::HTTP_REQS_INTERRUPTED => Some("cut off at the end, not in http_reqs"),
            builtin::HTTP_REQ_RETRIES => {
                Some("sent again: the target closed the connection without an answer")
            }
            builtin::ITERATIONS_INTERRUPTED => Some("cut off before they ended"),
            builtin::SSE_DROPS => Some("broke, or ended though the script wanted more"),
            builtin::WS_MSGS_UNANSWERED => Some("their sessions ended before the expected answer"),
            builtin::WS_SESSIONS_FAILED => Some("broke, and were not closed by both sides"),
            builtin::WS_SESSIONS_INTERRUPTED => Some("cut off, or never closed by the script"),
            _ => None,
        };
        let cells = match &summary.values {
            Values::None => Cells::Plain { value: "no data".into(), extras: Vec::new() },
            Values::Counter { count, rate } => match note {
                Some(note) => Cells::Noted { value: shown(*count), note },
                None => Cells::Plain {
                    value: shown(*count),
                    extras: vec![format!("{}/s", shown(*rate))],
                },
            },
            Values::Gauge { value, min, max } => Cells::Plain {
                value: shown(*value),
                extras: vec![format!("min={}", shown(*min)), format!("max={}", shown(*max))],
            },
            Values::Rate(rate) => Cells::Plain {
                value: shown(rate.rate()),
                extras: vec![format!("{} out of {}", rate.trues, rate.total)],
            },
            Values::Trend(stats) => Cells::Trend(
                stats
                    .iter()
                    .map(|(stat, value)| {
                        let shown = match stat {
                            TrendStat::Count => numbers::number(*value),
                            TrendStat::Cv => numbers::estimate(*value),
                            TrendStat::Med | TrendStat::P(_) => quantile(*value, contains),
                            _ => shown(*value),
                        };
                        (stat.label(), shown)
                    })
                    .collect(),
            ),
        };
        let name = match summary.tags.is_empty() {
            true => summary.metric.name.to_string(),
            false => part_name(&summary.tags),
        };
        Self { of: Some(summary.metric.id), name, is_part: !summary.tags.is_empty(), cells }
    }

    fn dotted_name(&self, names: usize) -> Line {
        let line = indented(if self.is_part { 6 } else { 4 }).plain(&self.name);
        let dots = (names + 4).saturating_sub(line.width());
        line.styled(FAINT, format!("{}:", ".".repeat(dots))).plain(" ")
    }
}

/// Rows of the built-in metrics chosen, with samples, sorted by name, their parts below them.
pub(super) fn rows_of(summary: &Summary, chosen: impl Fn(MetricId) -> bool) -> Vec<Row> {
    let mut metrics: Vec<_> = summary
        .metrics
        .iter()
        .filter(|each| chosen(each.metric.id) && each.values != Values::None)
        .filter(|each| !never_happened(each))
        .collect();
    // The sort is stable: a part stays behind its whole.
    metrics.sort_by(|a, b| a.metric.name.cmp(&b.metric.name));
    metrics.into_iter().map(Row::of).collect()
}

/// Whether it counts mishaps of which there were none: they are said only where there are any.
fn never_happened(summary: &MetricSummary) -> bool {
    let is_mishap = matches!(
        summary.metric.id,
        builtin::DROPPED_ITERATIONS
            | builtin::HTTP_REQS_INTERRUPTED
            | builtin::ITERATIONS_FAILED
            | builtin::ITERATIONS_INTERRUPTED
            | builtin::LIMITS_REACHED
            | builtin::SSE_DROPS
            | builtin::TRAPS
            | builtin::VU_RESTARTS
            | builtin::WS_MSGS_UNANSWERED
            | builtin::WS_SESSIONS_FAILED
            | builtin::WS_SESSIONS_INTERRUPTED
    );
    is_mishap && matches!(summary.values, Values::Counter { count: 0.0, .. })
}

/// The lines of one block's rows, their columns aligned among each other.
pub(super) fn aligned(rows: &[Row], names: usize) -> Vec<Line> {
    let mut values = 0;
    let mut extras = Vec::new();
    let mut stats = Vec::new();
    for row in rows {
        match &row.cells {
            Cells::Plain { value, extras: cells } => {
                values = values.max(width(value));
                widen(&mut extras, cells.iter());
            }
            Cells::Noted { value, .. } => values = values.max(width(value)),
            Cells::Trend(cells) => widen(&mut stats, cells.iter().map(|(_, value)| value)),
        }
    }
    let line = |row: &Row| {
        let line = row.dotted_name(names);
        match &row.cells {
            Cells::Plain { value, extras: cells } => {
                let line = cell(line, VALUE, value, values);
                cells
                    .iter()
                    .zip(&extras)
                    .fold(line, |line, (text, width)| cell(line.plain(" "), EXTRA, text, *width))
            }
            Cells::Noted { value, note } => {
                cell(line, VALUE, value, values).plain(" ").styled(EXTRA, note)
            }
            Cells::Trend(cells) => {
                cells.iter().zip(&stats).fold(line, |line, ((label, text), width)| {
                    cell(line.plain(format!("{label}=")), VALUE, text, *width).plain(" ")
                })
            }
        }
    };
    rows.iter().map(line).collect()
}

/// Makes columns as wide as these cells.
fn widen<'a>(columns: &mut Vec<usize>, cells: impl Iterator<Item = &'a String>) {
    for (place, cell) in cells.enumerate() {
        match columns.get_mut(place) {
            Some(column) => *column = width(cell).max(*column),
            None => columns.push(width(cell)),
        }
    }
}

fn width(text: &str) -> usize {
    text.chars().count()
}

/// How wide the column of names has to be.
pub(super) fn names_width(summary: &Summary) -> usize {
    let widths = summary.metrics.iter().map(|each| match each.tags.is_empty() {
        true => each.metric.name.chars().count(),
        false => indented(2).plain(part_name(&each.tags)).width(),
    });
    widths.map(|width| width + 3).chain(iter::once(NAMES)).max().unwrap_or(NAMES)
}

/// `{ expected_response:true }`.
fn part_name(tags: &[(String, String)]) -> String {
    let tags: Vec<_> = tags.iter().map(|(key, value)| format!("{key}:{value}")).collect();
    format!("{{ {} }}", tags.join(","))
}

/// A value read from a histogram: exact to its bucket.
pub(super) fn quantile(value: f64, contains: Contains) -> String {
    match contains {
        Contains::Default => numbers::estimate(value),
        _ => numbers::value(value, Kind::Trend, contains),
    }
}

/// Adds text that is followed by spaces up to a width of its own.
fn cell(line: Line, style: Style, text: &str, width: usize) -> Line {
    let start = line.width();
    line.styled(style, text).pad(start + width)
}
