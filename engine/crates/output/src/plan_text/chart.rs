//! Quantities over time in a few rows of blocks each, with labelled axes.

use std::time::Duration;

use plan::{Length, Series};

use crate::line::{FAINT, Line, VALUE};

use super::INDENT;

/// How many columns stand to the left of the chart: the labels of its height, and the axis.
///
/// The longest label is that of ten million iterations a second.
pub(super) const GUTTER: usize = INDENT + 8 + 2;

/// How many rows a series has that changes. Arbitrary: with eight blocks a row, 32 heights are told apart.
const ROWS: usize = 4;

/// How many rows one has that only comes and goes, and how many where there may be more than there is: each
/// of the two has one.
const ROWS_OF_ONE: usize = 1;
const ROWS_OF_TWO: usize = 2;

/// From nothing to a full row, in eighths.
const BLOCKS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// What there may be beyond what there is.
const BEYOND: char = '░';

/// How far apart times on the axis are at least. Arbitrary: close enough to read between them.
const APART: usize = 10;

/// Nanoseconds.
const SECOND: u128 = 1_000_000_000;
const MINUTE: u128 = 60 * SECOND;
const HOUR: u128 = 60 * MINUTE;

/// Series over the same time, one above the other, with the axis of time below them.
///
/// ```text
///   VUs (░ as needed)
///         20 ┤░░░░░░░░░░
///            │▅▅▅▅▅▅▅▅▅▅
///   iterations/s
///        1.5 ┤██████████
///          0 └┬────────┬
///             0s       10s
/// ```
///
/// A load without end has an arrow at the end of its axis.
pub(super) fn lines<'a>(
    all: impl IntoIterator<Item = &'a Series>,
    length: Duration,
    is_endless: bool,
    columns: usize,
) -> Vec<Line> {
    let mut lines: Vec<Line> = all.into_iter().flat_map(series).collect();

    let mut axis = vec!['─'; columns];
    let mut labels = String::new();
    for (column, label) in &times(length, columns) {
        axis[*column] = '┬';
        let gap = column.saturating_sub(labels.chars().count());
        labels.push_str(&" ".repeat(gap));
        labels.push_str(label);
    }
    if is_endless && let Some(end) = axis.last_mut() {
        *end = '►';
    }
    lines.push(gutter("0", '└').styled(FAINT, axis.into_iter().collect::<String>()));
    lines.push(Line::new().pad(GUTTER).plain(labels));
    lines
}

/// The title of a series and its rows: few where it only comes and goes, more where it changes.
fn series(series: &Series) -> Vec<Line> {
    let peak = series.peak();
    let highest = series.values.iter().copied().fold(0.0, f64::max);
    let comes_and_goes =
        |values: &[f64], to: f64| values.iter().all(|value| *value <= 0.0 || *value >= to);
    let is_flat = comes_and_goes(&series.values, highest) && comes_and_goes(&series.at_most, peak);
    let rows = match is_flat {
        true if highest >= peak => ROWS_OF_ONE,
        true => ROWS_OF_TWO,
        false => ROWS,
    };
    let heights = |values: &[f64]| -> Vec<usize> {
        values.iter().map(|value| height(*value, peak, rows)).collect()
    };
    let (values, at_most) = (heights(&series.values), heights(&series.at_most));

    let legend = match series.has_beyond() {
        true => format!(" ({BEYOND} {})", series.beyond),
        false => String::new(),
    };
    let title = Line::new().plain(" ".repeat(INDENT)).plain(series.unit).styled(FAINT, legend);
    let rows = (0..rows).rev().map(|row| {
        let beginning = match row + 1 == rows {
            true => gutter(&number(peak), '┤'),
            false => gutter("", '│'),
        };
        let cells: Vec<char> = values
            .iter()
            .zip(&at_most)
            .map(|(value, at_most)| cell(*value, *at_most, row))
            .collect();
        let alike = cells.chunk_by(|one, next| (*one == BEYOND) == (*next == BEYOND));
        alike.fold(beginning, |line, cells| {
            let style = if cells[0] == BEYOND { FAINT } else { VALUE };
            line.styled(style, cells.iter().collect::<String>())
        })
    });
    std::iter::once(title).chain(rows).collect()
}

/// What stands in a row, counted from the bottom, where values are so many eighths of a row high.
fn cell(value: usize, at_most: usize, row: usize) -> char {
    let level = |height: usize| height.saturating_sub(row * 8).min(8);
    match (level(value), level(at_most)) {
        // This shade has no halves: what reaches the middle of a row, or is all there is, fills it.
        (0, 4..) => BEYOND,
        (0, 1..) if row == 0 => BEYOND,
        (level, _) => BLOCKS[level],
    }
}

/// A label and a piece of the axis.
fn gutter(label: &str, axis: char) -> Line {
    let width = GUTTER - 2;
    Line::new().plain(format!("{label:>width$} ")).styled(FAINT, axis.to_string())
}

/// How high a value is in eighths of a row. What is there at all is seen, and only the peak is full.
fn height(value: f64, peak: f64, rows: usize) -> usize {
    let full = rows * 8;
    if value <= 0.0 || peak <= 0.0 {
        return 0;
    }
    if value >= peak {
        return full;
    }
    ((value / peak * full as f64).round() as usize).clamp(1, full - 1)
}

/// A number in eight characters at most: two decimals below a thousand, none from there on.
fn number(value: f64) -> String {
    if value > 0.0 && value < 0.005 {
        return "< 0.01".to_owned();
    }
    if value >= 1_000.0 {
        return format!("{value:.0}");
    }
    let text = format!("{value:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// The times that are marked, each with its column: round ones, as many as have room, from zero on.
fn times(length: Duration, columns: usize) -> Vec<(usize, String)> {
    let nanoseconds = length.as_nanos();
    if nanoseconds == 0 || columns == 0 {
        return Vec::new();
    }
    // Labels of many hours are wider than others.
    let apart = APART.max(label(nanoseconds / HOUR * HOUR).len() + 2) as u128;
    let step = step(nanoseconds.saturating_mul(apart).div_ceil(columns as u128));
    let mut times = Vec::new();
    for n in 0.. {
        // The product fits: it ends beyond the length, which is a duration.
        let at = step.saturating_mul(n);
        if at >= nanoseconds {
            break;
        }
        // The part in which it is, where what begins then is drawn.
        let column = (at.saturating_mul(columns as u128) / nanoseconds) as usize;
        let label = label(at);
        if column + label.chars().count() > columns {
            break;
        }
        times.push((column, label));
    }
    times
}

fn label(nanoseconds: u128) -> String {
    // Centuries are not told apart.
    Length::from(Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or(u64::MAX))).to_string()
}

/// The smallest round length of time that is at least so many nanoseconds.
fn step(least: u128) -> u128 {
    const OF_A_CLOCK: [u128; 18] = [
        SECOND,
        2 * SECOND,
        5 * SECOND,
        10 * SECOND,
        15 * SECOND,
        30 * SECOND,
        MINUTE,
        2 * MINUTE,
        5 * MINUTE,
        10 * MINUTE,
        15 * MINUTE,
        30 * MINUTE,
        HOUR,
        2 * HOUR,
        3 * HOUR,
        6 * HOUR,
        12 * HOUR,
        24 * HOUR,
    ];
    // Below a second and above a day: 1, 2 and 5 with zeros behind them, of the unit.
    let decimal = |unit: u128| {
        let mut power = unit;
        loop {
            let rounds = [power, power.saturating_mul(2), power.saturating_mul(5)];
            if let Some(round) = rounds.into_iter().find(|round| *round >= least) {
                return round;
            }
            power = power.saturating_mul(10);
        }
    };
    match OF_A_CLOCK.into_iter().find(|round| *round >= least) {
        Some(_) if least <= SECOND / 2 => decimal(1),
        Some(round) => round,
        None => decimal(24 * HOUR),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_there_is_seen_and_only_the_peak_is_full() {
        for (value, peak, eighths, why) in [
            (0.0, 10.0, 0, "nothing"),
            (0.001, 10.0, 1, "next to nothing"),
            (5.0, 10.0, 16, "half"),
            (9.999, 10.0, 31, "next to all"),
            (10.0, 10.0, 32, "all"),
            (0.0, 0.0, 0, "nothing of nothing"),
            (f64::NAN, 10.0, 1, "what is no number breaks nothing"),
            (f64::INFINITY, f64::INFINITY, 32, "nor what has no bounds"),
        ] {
            assert_eq!(height(value, peak, ROWS), eighths, "{why}");
        }
    }

    #[test]
    fn what_may_be_stands_above_what_is() {
        for (value, at_most, rows, why) in [
            (0, 0, [' ', ' '], "nothing"),
            (16, 16, ['█', '█'], "all of it"),
            (0, 16, ['░', '░'], "all of it only perhaps"),
            (8, 16, ['█', '░'], "half and half"),
            (3, 16, ['▃', '░'], "a row has one of both, and what is comes first"),
            (0, 1, ['░', ' '], "next to nothing is seen"),
            (8, 11, ['█', ' '], "beyond a row only from its middle on"),
            (8, 12, ['█', '░'], "which is here"),
        ] {
            assert_eq!([cell(value, at_most, 0), cell(value, at_most, 1)], rows, "{why}");
        }
    }

    #[test]
    fn labels_of_height_fit_their_place() {
        for (value, label) in [
            (1e-9, "< 0.01"),
            (0.25, "0.25"),
            (20.0, "20"),
            (1.5, "1.5"),
            (999.99, "999.99"),
            (1e7, "10000000"),
        ] {
            assert_eq!(number(value), label);
            assert!(label.len() <= GUTTER - INDENT - 2);
        }
    }

    #[test]
    fn times_on_the_axis_are_round() {
        let said = |length: Duration, columns| {
            let times = times(length, columns).into_iter();
            times.map(|(column, label)| format!("{column} {label}")).collect::<Vec<_>>().join(", ")
        };
        for (length, columns, expected) in [
            (Duration::from_mins(1), 60, "0 0s, 10 10s, 20 20s, 30 30s, 40 40s, 50 50s"),
            (Duration::from_mins(10), 60, "0 0s, 12 2m0s, 24 4m0s, 36 6m0s, 48 8m0s"),
            (Duration::from_millis(30), 30, "0 0s, 10 10ms, 20 20ms"),
            (Duration::from_hours(24), 48, "0 0s, 12 6h0m0s, 24 12h0m0s, 36 18h0m0s"),
            (Duration::from_hours(24 * 100), 48, "0 0s, 24 1200h0m0s"),
            (Duration::from_nanos(1), 48, "0 0s"),
            (Duration::ZERO, 48, ""),
            (Duration::from_secs(1), 0, ""),
        ] {
            assert_eq!(said(length, columns), expected);
        }
    }

    proptest! {
        #[test]
        fn labels_of_times_never_touch(
            seconds in prop_oneof![0..1_000_000_u64, 0..=u64::MAX],
            nanoseconds in 0..1_000_000_000_u32,
            columns in 0..150_usize,
        ) {
            let mut free = 0;
            for (column, label) in times(Duration::new(seconds, nanoseconds), columns) {
                prop_assert!(column >= free, "{} at {}", label, column);
                free = column + label.chars().count() + 1;
                prop_assert!(free <= columns + 1);
            }
        }

        #[test]
        fn a_step_is_at_least_what_was_asked_for_and_not_ten_times_as_much(
            least in prop_oneof![1..=u128::from(u64::MAX), 1..100_000_000_000_u128],
        ) {
            let step = step(least);
            prop_assert!(least <= step && step < least * 10, "{}", step);
        }
    }
}
