//! What a plan would do, for people: sentences, charts over time, and what it comes to.
//!
//! All of it is known before the run ([`Plan::outline`]); nothing here computes what it shows, or says
//! what a target will do with it.

mod chart;

use std::num::NonZeroUsize;

use plan::{Length, Outline, Plan, ScenarioOutline, Totals};

use crate::line::{FAINT, Line, TITLE};

/// The narrowest page. Arbitrary: what is left of it for a chart still has room for two times.
const NARROWEST: usize = 40;

/// The page where there is no terminal to fit.
const USUAL: usize = 80;

/// The widest page. Arbitrary: longer lines are hard to read.
const WIDEST: usize = 160;

/// How far what belongs to a heading stands to the right of it.
const INDENT: usize = 2;

/// How many columns standard output has; `None` where it is no terminal.
pub fn columns_of_stdout() -> Option<usize> {
    let size = terminal_size::terminal_size_of(std::io::stdout());
    size.map(|(columns, _)| columns.0.into())
}

/// What a plan would do, as text in so many columns (at least 40; 80 where none are given), in colour if
/// asked.
///
/// ```text
/// default (constant-vus)
///   10 VUs run the flow `default`, each one iteration after the other. …
///
///   VUs (░ finishing)
///         10 ┤█████████░░░░░░░░░
///          0 └┬────────┬────────
///             0s       30s
///
/// in all
///   iterations  as many as the VUs manage
///   VUs         at most 10 at one time
///   duration    at most 1m0s, graceful stop included
/// ```
pub fn text(plan: &Plan, columns: Option<usize>, colour: bool) -> String {
    // The last column stays free: some terminals begin a new line when it is written to.
    let width = columns.unwrap_or(USUAL).clamp(NARROWEST, WIDEST) - 1;
    let parts = NonZeroUsize::new(width - chart::GUTTER).unwrap_or(NonZeroUsize::MIN);
    let outline = plan.outline(parts);

    let mut lines = Vec::new();
    for scenario in &outline.scenarios {
        lines.extend(scenario_lines(scenario, &outline, width, parts.get()));
        lines.push(Line::new());
    }
    lines.push(Line::new().styled(TITLE, "in all"));
    lines.extend(rows(&totals(plan, &outline.totals), width));
    lines.iter().map(|line| line.paint(colour) + "\n").collect()
}

fn plain(text: impl AsRef<str>) -> Line {
    Line::new().plain(text)
}

fn scenario_lines(
    scenario: &ScenarioOutline,
    outline: &Outline,
    width: usize,
    columns: usize,
) -> Vec<Line> {
    let kind = match outline.preset {
        Some(preset) => format!(" ({}, preset {})", scenario.executor, preset.name()),
        None => format!(" ({})", scenario.executor),
    };
    let heading = Line::new().styled(TITLE, &scenario.name).styled(FAINT, kind);
    let mut lines = vec![heading.cropped(width)];
    let said = wrapped(&scenario.sentences.join(" "), width - INDENT);
    lines.extend(said.iter().map(|line| plain(" ".repeat(INDENT)).plain(line)));
    lines.push(Line::new());
    let series = std::iter::once(&scenario.vus).chain(&scenario.arrivals);
    let is_endless = outline.totals.max_duration.is_none();
    lines.extend(chart::lines(series, outline.length, is_endless, columns));
    lines
}

/// What all scenarios come to, and what must hold: names, and what is said of each.
fn totals(plan: &Plan, totals: &Totals) -> Vec<(&'static str, String)> {
    let mut rows = vec![
        ("iterations", totals.iterations.to_string()),
        ("VUs", format!("at most {} at one time", totals.max_vus)),
    ];
    if let Some(rps) = plan.rps {
        rows.push(("requests", format!("at most {rps} a second; others wait for their turn")));
    }
    rows.push(("duration", duration(plan, totals)));
    let thresholds = plan.thresholds.iter().flat_map(|(selector, thresholds)| {
        thresholds.iter().map(move |threshold| format!("{selector}: {}", threshold.source))
    });
    let names = std::iter::once("must hold").chain(std::iter::repeat(""));
    rows.extend(names.zip(thresholds));
    rows
}

/// How long it takes, with what stands before and behind the load.
fn duration(plan: &Plan, totals: &Totals) -> String {
    let load = match totals.max_duration {
        Some(longest) => format!("at most {}, graceful stop included", Length::from(longest)),
        None => "until it is stopped".to_owned(),
    };
    let around: Vec<String> = [
        ("`setup`", plan.no_setup, plan.setup_timeout, "before"),
        ("`teardown`", plan.no_teardown, plan.teardown_timeout, "after"),
    ]
    .into_iter()
    .filter(|(_, is_left_out, ..)| !is_left_out)
    .map(|(what, _, timeout, when)| format!("{} of {what} {when} it", Length::from(timeout)))
    .collect();
    match around.as_slice() {
        [] => load,
        around => format!("{load}; besides at most {}", around.join(" and ")),
    }
}

/// Names in one column, what is said of each in another.
fn rows(rows: &[(&str, String)], width: usize) -> Vec<Line> {
    let names = rows.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    let left = INDENT + names + 2;
    let row = |(name, said): &(&str, String)| {
        let mut name = *name;
        let lines = wrapped(said, width - left).into_iter().map(move |line| {
            let begun = plain(" ".repeat(INDENT)).styled(FAINT, name);
            name = "";
            begun.pad(left).plain(line)
        });
        lines.collect::<Vec<_>>()
    };
    rows.iter().flat_map(row).collect()
}

/// Text in lines of a width, broken at spaces. A word that is wider has a line of its own.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests;
