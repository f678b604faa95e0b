//! What a search for the breakpoint found, as a table of its steps.

use run::{Searched, Step};

use super::indented;
use crate::line::{BAD, DOUBTFUL, FAINT, GOOD, Line, VALUE};
use crate::numbers;

/// The lines of the block, without its title.
pub(super) fn lines(searched: &Searched) -> Vec<Line> {
    let mut lines = vec![answer(searched), Line::new()];
    if searched.steps.is_empty() {
        return lines;
    }
    lines.extend(table(searched));
    if searched.steps.iter().any(|step| step.hasty) {
        let text = "steps are too short: iterations took longer than a quarter of one, so that little of \
                    what they say is about its load; give it a longer `stepDuration`";
        lines.push(Line::new());
        lines.push(indented(4).styled(DOUBTFUL, text));
    }
    lines.push(Line::new());
    lines.extend(knee(searched));
    lines.extend(scalability(searched));
    lines
}

/// The highest load that held, in a sentence.
fn answer(searched: &Searched) -> Line {
    let unit = searched.raise.unit();
    let line = match (searched.held, searched.broke) {
        (Some(held), Some(broke)) => indented(4)
            .styled(GOOD, format!("{held} {unit}"))
            .plain(format!(" is the highest load that held; {broke} did not")),
        (Some(held), None) => indented(4)
            .styled(GOOD, format!("{held} {unit}"))
            .plain(" held, and nothing higher was tried"),
        (None, Some(broke)) => {
            indented(4).styled(BAD, format!("no load held, not even {broke} {unit}"))
        }
        (None, None) => indented(4).styled(DOUBTFUL, "no load was kept up for its whole step"),
    };
    match searched.complete {
        true => line,
        false => line.styled(DOUBTFUL, " (the search did not come to its end)"),
    }
}

/// A line for each step, by load.
fn table(searched: &Searched) -> Vec<Line> {
    let mut steps: Vec<&Step> = searched.steps.iter().collect();
    steps.sort_by_key(|step| step.load);
    let drops = steps.iter().any(|step| step.dropped > 0.0);
    let requests = steps.iter().any(|step| step.requests > 0.0);

    let mut head = vec![searched.raise.unit(), "iterations"];
    head.extend(requests.then_some("requests"));
    head.extend(["avg", "med", "p(95)", "p(99)"]);
    head.extend(requests.then_some("failed"));
    head.extend(drops.then_some("dropped"));
    let mut rows = vec![head.into_iter().map(str::to_owned).collect::<Vec<_>>()];
    rows.extend(steps.iter().map(|step| {
        let a_second = |rate: f64| format!("{}/s", numbers::estimate(rate));
        let mut row = vec![step.load.to_string(), a_second(step.iterations)];
        row.extend(requests.then(|| a_second(step.requests)));
        row.extend(match step.latency {
            Some(it) => [it.avg, it.med, it.p95, it.p99].map(numbers::milliseconds),
            None => [(); 4].map(|()| "-".to_owned()),
        });
        let share = |share: f64| numbers::percent(share);
        row.extend(requests.then(|| step.failed.map_or_else(|| "-".to_owned(), share)));
        row.extend(drops.then(|| share(step.dropped)));
        row
    }));

    let widths: Vec<usize> = (0..rows[0].len())
        .map(|column| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0))
        .collect();
    let marks = std::iter::once(None).chain(steps.iter().map(|step| Some(step.held)));
    rows.iter()
        .zip(marks)
        .map(|(row, held)| {
            let (mut line, style) = match held {
                None => (indented(6), FAINT),
                Some(true) => (indented(4).styled(GOOD, "✓ "), VALUE),
                Some(false) => (indented(4).styled(BAD, "✗ "), VALUE),
            };
            for (place, (cell, width)) in row.iter().zip(&widths).enumerate() {
                let gap = if place == 0 { "" } else { "  " };
                line = line.styled(style, format!("{gap}{cell:>width$}"));
            }
            line
        })
        .collect()
}

fn knee(searched: &Searched) -> Option<Line> {
    let knee = searched.knee()?;
    let text = format!("{} {}", knee.load, searched.raise.unit());
    Some(
        indented(4)
            .plain("knee: ")
            .styled(VALUE, text)
            .plain(", where there is most throughput for its latency"),
    )
}

fn scalability(searched: &Searched) -> Vec<Line> {
    let head = indented(4).plain("scalability: ");
    let Some(usl) = searched.usl() else {
        let why = "needs three different loads at which something was done";
        return vec![head.styled(FAINT, why)];
    };
    let percent = |share: f64| format!("{:.3}%", share * 100.0);
    let law = format!(
        "σ={} κ={} λ={}/s",
        percent(usl.sigma),
        percent(usl.kappa),
        numbers::estimate(usl.lambda)
    );
    let peak = match usl.peak() {
        Some(peak) => format!(
            "a peak of {} iterations/s where {} run at a time",
            numbers::estimate(peak.throughput),
            numbers::estimate(peak.concurrency)
        ),
        None => "no peak".to_owned(),
    };
    vec![
        head.styled(VALUE, law).plain(format!(" (USL, R²={:.3})", usl.r_squared)),
        indented(4 + "scalability: ".len()).plain(format!("it predicts {peak}")),
    ]
}
