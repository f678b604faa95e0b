//! The summary for people, on standard output, laid out as k6's.
//!
//! Whoever reads k6's finds the same names in the same places; what k6 does not have stands beside them
//! (interrupted requests, restarts, `ERRORS`, `WARNINGS`). What a mark or a colour says is also said in
//! words or figures.

mod breakpoint;
mod rows;
mod tables;

use std::io::Write;

use metrics::{Contains, Kind, Method, MetricId, Outcome, Threshold, builtin};
use run::{Event, FailureKind};

use self::rows::{Row, aligned, names_width, quantile, rows_of};
use crate::line::{BAD, DOUBTFUL, GOOD, Line, TITLE, VALUE};
use crate::numbers::{self, counted};
use crate::own_summary::printable;
use crate::summary::{CheckSummary, Injector, Summary, ThresholdSummary, Values};
use crate::summary_json::document::Course;
use crate::{Output, OutputError};

/// How many kinds of errors are listed each; the file has them all.
const LISTED: usize = 20;

/// How much the summary for people says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SummaryMode {
    /// What matters most.
    #[default]
    Compact,
    /// Each metric that has samples.
    Full,
    /// Nothing.
    Disabled,
}

/// Writes the summary for people when the run is over.
#[derive(Debug)]
pub struct SummaryText<W> {
    writer: W,
    colour: bool,
    mode: SummaryMode,
    text: String,
}

impl<W: Write> SummaryText<W> {
    /// Writes it to `writer`, in colour if asked.
    pub fn new(writer: W, colour: bool) -> Self {
        Self { writer, colour, mode: SummaryMode::default(), text: String::new() }
    }

    /// The same, saying as much as is asked for.
    #[must_use]
    pub fn in_mode(self, mode: SummaryMode) -> Self {
        Self { mode, ..self }
    }
}

impl<W: Write> Output for SummaryText<W> {
    fn on_event(&mut self, _event: &Event) {}

    fn on_summary(&mut self, summary: &Summary) {
        self.text = match self.mode {
            SummaryMode::Compact => text(summary, self.colour),
            SummaryMode::Full => page(summary, true, self.colour),
            SummaryMode::Disabled => String::new(),
        };
    }

    fn on_own_summary(&mut self, text: &str) {
        if self.mode != SummaryMode::Disabled {
            self.text = printable(text, self.colour);
        }
    }

    fn finish(&mut self) -> Result<(), OutputError> {
        let written = self.writer.write_all(self.text.as_bytes());
        written
            .and_then(|()| self.writer.flush())
            .map_err(|source| OutputError { target: "the summary".to_owned(), source })
    }
}

/// The summary as text, of what matters most, in colour if asked.
pub fn text(summary: &Summary, colour: bool) -> String {
    page(summary, false, colour)
}

/// The same, with each metric that has samples if it is to be full.
fn page(summary: &Summary, full: bool, colour: bool) -> String {
    let mut page = Page { lines: vec![Line::new()], names: names_width(summary), full };
    if summary.stop.is_some() || !summary.given_up.is_empty() {
        page.title("STOPPED EARLY");
        if let Some(reason) = &summary.stop {
            page.line(indented(4).styled(DOUBTFUL, reason.to_string()));
        }
        for verdict in &summary.given_up {
            page.line(indented(4).styled(BAD, format!("✗ {verdict}")));
        }
        page.end_block();
    }
    if let Some(searched) = &summary.search {
        page.title("BREAKPOINT");
        page.lines.extend(breakpoint::lines(searched));
        page.end_block();
    }
    page.thresholds(summary);
    page.total_results(summary);
    page.errors(summary);
    page.warnings(summary);
    let mut text = String::new();
    for line in &page.lines {
        text.push_str(&line.paint(colour));
        text.push('\n');
    }
    text
}

/// The page as far as it is written.
struct Page {
    lines: Vec<Line>,
    names: usize,
    full: bool,
}

impl Page {
    fn line(&mut self, line: Line) {
        self.lines.push(line);
    }

    fn end_block(&mut self) {
        if self.lines.last().is_some_and(|line| line.width() > 0) {
            self.lines.push(Line::new());
        }
    }

    fn rows(&mut self, rows: &[Row]) {
        self.lines.extend(aligned(rows, self.names));
        self.end_block();
    }

    fn table(&mut self, lines: Vec<Line>) {
        self.lines.extend(lines);
        self.end_block();
    }

    fn title(&mut self, title: &str) {
        self.line(indented(2).plain("█ ").styled(TITLE, title));
        self.end_block();
    }

    fn heading(&mut self, heading: &str) {
        self.line(indented(4).styled(TITLE, heading));
    }

    fn thresholds(&mut self, summary: &Summary) {
        let thresholds = &summary.thresholds;
        if thresholds.is_empty() {
            return;
        }
        self.title("THRESHOLDS");
        let mut before = None;
        for threshold in thresholds {
            let selector = &threshold.verdict.selector;
            let is_part = !selector.tags.is_empty()
                && thresholds.iter().any(|other| {
                    let other = &other.verdict.selector;
                    other.tags.is_empty() && other.metric == selector.metric
                });
            let indent = if is_part { 6 } else { 4 };
            if before != Some(selector) {
                self.end_block();
                let name = selector.to_string();
                let name = if is_part { &name[selector.metric.len()..] } else { &name };
                self.line(indented(indent).plain(name));
            }
            before = Some(selector);
            self.line(threshold_line(threshold, indent));
        }
        self.end_block();
    }

    fn total_results(&mut self, summary: &Summary) {
        self.title("TOTAL RESULTS");
        if summary.setup_error.is_some() {
            self.line(indented(4).plain("there was no load, because setup failed"));
            self.end_block();
        }
        self.checks(summary);

        let mut custom: Vec<_> =
            summary.metrics.iter().filter(|each| each.metric.id.builtin().is_none()).collect();
        custom.sort_by(|a, b| a.metric.name.cmp(&b.metric.name));
        custom.retain(|each| each.values != Values::None);
        if !custom.is_empty() {
            self.heading("CUSTOM");
            self.rows(&custom.into_iter().map(Row::of).collect::<Vec<_>>());
        }

        if summary.setup_error.is_none() {
            let rows = rows_of(summary, |id| match id {
                builtin::HTTP_REQ_DURATION | builtin::HTTP_REQ_FAILED | builtin::HTTP_REQS => true,
                builtin::HTTP_REQ_RESPONSE => self.full || summary.has_arrivals(),
                builtin::HTTP_REQS_INTERRUPTED => true,
                _ => self.full && is_of(id, "http_"),
            });
            let sent_none = !rows.iter().any(|row| row.of == Some(builtin::HTTP_REQS));
            // Who only talks by WebSocket need not be told.
            if !rows.is_empty() || rows_of(summary, is_of_websockets).is_empty() {
                self.heading("HTTP");
                if sent_none {
                    self.line(indented(4).plain("no requests were made"));
                }
                self.rows(&rows);
            }
            if summary.endpoints.len() > 1 {
                self.heading("ENDPOINTS");
                self.table(tables::endpoints(&summary.endpoints, summary.elapsed));
            }

            self.heading("EXECUTION");
            let rows = rows_of(summary, |id| match id {
                builtin::ITERATION_LAG => self.full || summary.has_arrivals(),
                builtin::DROPPED_ITERATIONS
                | builtin::GROUP_DURATION
                | builtin::ITERATION_DURATION
                | builtin::ITERATIONS
                | builtin::ITERATIONS_FAILED
                | builtin::ITERATIONS_INTERRUPTED
                | builtin::LIMITS_REACHED
                | builtin::TRAPS
                | builtin::VU_RESTARTS
                | builtin::VUS
                | builtin::VUS_MAX => true,
                builtin::VU_START_DURATION | builtin::VU_STOP_DURATION => self.full,
                _ => self.full && is_of(id, "injector_"),
            });
            if !rows.iter().any(|row| row.of == Some(builtin::ITERATIONS)) {
                self.line(indented(4).plain("no iterations were completed"));
            }
            self.rows(&rows);
            if !summary.phases.is_empty() {
                self.heading("PHASES");
                self.table(tables::phases(&summary.phases));
            }
        }

        let rows = rows_of(summary, |id| matches!(id, builtin::DATA_RECEIVED | builtin::DATA_SENT));
        if !rows.is_empty() {
            self.heading("NETWORK");
            self.rows(&rows);
        }
        self.injector(&summary.injector);
        for (heading, chosen) in [
            ("WEBSOCKET", is_of_websockets as fn(MetricId) -> bool),
            ("EVENT STREAMS", is_of_event_streams),
        ] {
            let rows = rows_of(summary, chosen);
            if !rows.is_empty() {
                self.heading(heading);
                self.rows(&rows);
            }
        }
    }

    /// What the engine itself took, on one line.
    fn injector(&mut self, injector: &Injector) {
        let Some(cpu) = injector.cpu else { return };
        self.heading("INJECTOR");
        let workers = counted(injector.workers as u64, "worker thread");
        let mut line = indented(4)
            .styled(VALUE, format!("{cpu:.2}"))
            .plain(format!(" processors for {workers}"));
        if let Some(memory) = injector.memory {
            line = line.plain(", memory ").styled(VALUE, numbers::bytes(memory));
        }
        if let Some(lag) = injector.lag {
            let lag = quantile(lag, Contains::Time);
            line = line.plain(", timers late by ").styled(VALUE, lag).plain(" (p95)");
        }
        self.line(line);
        self.end_block();
    }

    fn checks(&mut self, summary: &Summary) {
        let checks = &summary.checks;
        let passes: u64 = checks.iter().map(|check| check.passes).sum();
        let fails: u64 = checks.iter().map(|check| check.fails).sum();
        let total = passes + fails;
        if total == 0 {
            return;
        }
        let seconds = summary.elapsed.as_secs_f64();
        let rate = if seconds > 0.0 { total as f64 / seconds } else { 0.0 };
        let share = |name, count: u64| {
            let percent = numbers::percent(count as f64 / total as f64);
            Row::new(name, percent, format!("{count} out of {total}"))
        };
        let rate = format!("{}/s", numbers::number(rate));
        self.rows(&[
            Row::new("checks_total", total.to_string(), rate),
            share("checks_succeeded", passes),
            share("checks_failed", fails),
        ]);
        for CheckSummary { name, passes, fails } in checks {
            if *fails == 0 {
                self.line(indented(4).styled(GOOD, format!("✓ {name}")));
            } else {
                let percent = u128::from(*passes) * 100 / u128::from(passes + fails);
                self.line(indented(4).styled(BAD, format!("✗ {name}")));
                self.line(
                    indented(6).styled(BAD, format!("↳  {percent}% — ✓ {passes} / ✗ {fails}")),
                );
            }
        }
        self.end_block();
    }

    fn errors(&mut self, summary: &Summary) {
        let lost = [("setup", &summary.setup_error), ("teardown", &summary.teardown_error)];
        let lost: Vec<_> =
            lost.into_iter().filter_map(|(call, error)| Some((call, error.as_ref()?))).collect();
        if lost.is_empty()
            && summary.errors.is_empty()
            && summary.failures.is_empty()
            && summary.unmade.is_empty()
            && summary.faults.is_empty()
        {
            return;
        }
        self.title("ERRORS");
        for (call, error) in lost {
            self.long_text(&format!("{call} failed: "), error, None);
        }
        self.end_block();

        if !summary.errors.is_empty() {
            self.heading("REQUESTS");
            for error in summary.errors.iter().take(LISTED) {
                let code = error.code.map(|code| format!(" ({code})")).unwrap_or_default();
                let count = counted(error.count, "request");
                let such_as = match &error.example {
                    Some(example) => format!(", such as {example}"),
                    None => String::new(),
                };
                let what = format!("✗ {}{code}: {count}{such_as}", error.error);
                self.line(indented(4).styled(BAD, what));
            }
            let counts = summary.errors.iter().map(|error| error.count);
            self.unlisted(counts, "request");
        }
        if !summary.failures.is_empty() {
            self.heading("ITERATIONS");
            for failure in summary.failures.iter().take(LISTED) {
                let (what, noun) = match failure.kind {
                    FailureKind::Failed => ("", "iteration"),
                    FailureKind::TimedOut => ("timed out: ", "iteration"),
                    FailureKind::Trapped => ("trapped: ", "iteration"),
                    FailureKind::StartFailed => ("start failed: ", "VU"),
                    FailureKind::Panicked => ("fault of the engine: ", "iteration"),
                };
                self.long_text(what, &failure.message, Some(counted(failure.count, noun)));
            }
            let counts = summary.failures.iter().map(|failure| failure.count);
            self.unlisted(counts, "failure");
        }
        if !summary.unmade.is_empty() {
            self.heading("VUS");
            for unmade in summary.unmade.iter().take(LISTED) {
                let count = counted(unmade.count.into(), "VU");
                self.long_text("could not be made: ", &unmade.reason, Some(count));
            }
            let counts = summary.unmade.iter().map(|unmade| unmade.count.into());
            self.unlisted(counts, "VU");
        }
        if !summary.faults.is_empty() {
            self.heading("ENGINE");
            for fault in &summary.faults {
                self.long_text("fault of the engine: ", fault, None);
            }
            self.end_block();
        }
    }

    /// A failure in someone's words, on as many lines as those have, and how often it was.
    fn long_text(&mut self, what: &str, text: &str, count: Option<String>) {
        let mut texts = text.lines();
        let first = texts.next().unwrap_or("(no message)");
        self.line(indented(4).styled(BAD, format!("✗ {what}{first}")));
        for text in texts {
            self.line(indented(6).styled(BAD, text));
        }
        if let Some(count) = count {
            self.line(indented(6).styled(BAD, format!("↳  {count}")));
        }
    }

    /// Ends a list of errors, saying what was not listed.
    fn unlisted(&mut self, counts: impl Iterator<Item = u64>, noun: &str) {
        let rest: Vec<u64> = counts.skip(LISTED).collect();
        if !rest.is_empty() {
            let count = counted(rest.iter().sum(), noun);
            let kinds = counted(rest.len() as u64, "more kind");
            self.line(indented(4).styled(BAD, format!("… {kinds}: {count}")));
        }
        self.end_block();
    }

    fn warnings(&mut self, summary: &Summary) {
        let (overflowed, refused) =
            (summary.doubts.overflowed_series, summary.doubts.refused_samples);
        if overflowed == 0 && refused == 0 && summary.injector.doubts.is_empty() {
            return;
        }
        self.title("WARNINGS");
        for doubt in &summary.injector.doubts {
            self.line(indented(4).styled(DOUBTFUL, doubt));
        }
        if overflowed > 0 {
            let sets = counted(overflowed, "set");
            let (key, value) = metrics::OVERFLOW_TAG;
            self.line(indented(4).styled(
                DOUBTFUL,
                format!(
                    "{sets} of tags were beyond the {} that are told apart: their samples are \
                     counted under `{key}:{value}`",
                    summary.doubts.max_series
                ),
            ));
        }
        if refused > 0 {
            let samples = counted(refused, "sample");
            let text = format!("{samples} refused for not being finite numbers");
            self.line(indented(4).styled(DOUBTFUL, text));
        }
        self.end_block();
    }
}

fn threshold_line(threshold: &ThresholdSummary, indent: usize) -> Line {
    let verdict = &threshold.verdict;
    let (style, mark) = match verdict.outcome {
        Outcome::Passed => (GOOD, "✓"),
        Outcome::Crossed => (BAD, "✗"),
        Outcome::NoData => (DOUBTFUL, "?"),
    };
    let line = indented(indent).styled(style, mark).plain(format!(" '{}' ", verdict.source));
    let Some(observed) = verdict.observed else {
        let silence = verdict.silence.map(|silence| format!(": {silence}")).unwrap_or_default();
        return line.styled(DOUBTFUL, format!("no data{silence}"));
    };
    let method = Threshold::parse(&verdict.source).map(|parsed| parsed.method);
    let (kind, contains) = threshold
        .metric
        .as_ref()
        .map_or((Kind::Gauge, Contains::Default), |metric| (metric.kind, metric.contains));
    let a_second = if kind == Kind::Counter && method == Ok(Method::Rate) { "/s" } else { "" };
    let value = match method {
        Ok(Method::Med | Method::Percentile(_)) => quantile(observed, contains),
        _ => format!("{}{a_second}", numbers::value(observed, kind, contains)),
    };
    let line = match method {
        Ok(method) => line.plain(format!("{method}=")).styled(VALUE, value),
        Err(_) => line.styled(VALUE, value),
    };
    match &verdict.course {
        Some(course) => line.plain(format!(" {}", Course::of(course).text())),
        None => line,
    }
}

fn is_of_websockets(id: MetricId) -> bool {
    is_of(id, "ws_")
}

fn is_of_event_streams(id: MetricId) -> bool {
    is_of(id, "sse_")
}

/// Whether it is one of the built-in metrics whose names begin so.
fn is_of(id: MetricId, beginning: &str) -> bool {
    id.builtin().is_some_and(|metric| metric.name.starts_with(beginning))
}

/// A line that starts with so many spaces.
fn indented(indent: usize) -> Line {
    Line::new().plain(" ".repeat(indent))
}

#[cfg(test)]
mod tests;
