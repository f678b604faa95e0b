//! One line a scenario: what it is doing, how far it has come, with how many VUs.

use std::time::Duration;

use plan::{Budget, Plan, ScenarioPlan, Schedule};
use run::{ScenarioProgress, ScenarioState, Tick};

use crate::line::{BAD, FAINT, GOOD, Line};
use crate::numbers;

/// The widest bar, without brackets. As k6's.
const WIDEST: usize = 38;

/// The narrowest bar; below it the share is said in figures.
const NARROWEST: usize = 10;

/// How much of a scenario's name is shown.
const NAME: usize = 30;

/// The lines of the scenarios `shown`, aligned among each other; with figures in the place of bars where
/// there are no columns to draw in.
///
/// ```text
/// browse   [=======>------] 10 VUs     03.0s/10s
/// checkout • [--------------] 00/50 VUs  starts in 5s  20.00 iters/s
/// ```
pub(super) fn lines(
    plan: &Plan,
    most: &[u32],
    tick: &Tick,
    shown: &[usize],
    columns: Option<usize>,
) -> Vec<Line> {
    let rows: Vec<_> = shown
        .iter()
        .filter_map(|&place| {
            let (scenario, progress) = (plan.scenarios.get(place)?, tick.scenarios.get(place)?);
            let most = most.get(place).copied().unwrap_or_default();
            let name: String = Line::new().plain(&scenario.name).cropped(NAME).paint(false);
            Some((name, progress, columns_of(scenario, progress, most, tick)))
        })
        .collect();
    let widest = |texts: &mut dyn Iterator<Item = &String>| {
        texts.map(|text| text.chars().count()).max().unwrap_or(0)
    };
    let names = widest(&mut rows.iter().map(|(name, ..)| name));
    let column = |place: usize| widest(&mut rows.iter().filter_map(|(_, _, c)| c.get(place)));
    let widths = [column(0), column(1), column(2)];
    let right = widths.iter().filter(|width| **width > 0).map(|width| width + 2).sum::<usize>();
    // All rows have bars of one width, that of the row with the most beside it.
    let bar = columns.map_or(0, |columns| columns.saturating_sub(right));
    rows.iter()
        .map(|(name, progress, columns)| {
            let padded = format!("{name:names$}");
            let mut line = bar_line(&padded, mark(progress), progress.progress, bar);
            for (place, (text, width)) in columns.iter().zip(widths).enumerate() {
                line = line.plain(if place == 0 { " " } else { "  " });
                let start = line.width();
                line = line.plain(text).pad(start + width);
            }
            line
        })
        .collect()
}

/// A name, a mark and a bar, together at most so many columns wide, one of them left free.
pub(super) fn bar_line(name: &str, mark: char, share: f64, columns: usize) -> Line {
    let style = match mark {
        '✓' => GOOD,
        '✗' => BAD,
        _ => FAINT,
    };
    let line = Line::new().plain(format!("{name} ")).styled(style, mark.to_string()).plain(" ");
    let share = share.clamp(0.0, 1.0);
    let room = columns.saturating_sub(line.width() + 3).min(WIDEST);
    if room < NARROWEST {
        // Down, so that only what is done is 100 %.
        return line.plain(format!("[ {:3.0}% ]", (share * 100.0).floor()));
    }
    let filled = (room as f64 * share) as usize;
    let head = match filled {
        0 => String::new(),
        filled if filled < room => format!("{}>", "=".repeat(filled - 1)),
        _ => "=".repeat(room),
    };
    line.plain(format!("[{head}")).styled(FAINT, "-".repeat(room - filled)).plain("]")
}

/// k6's marks; each is also said by what stands to the right of it.
fn mark(progress: &ScenarioProgress) -> char {
    match progress.state {
        ScenarioState::Waiting => '•',
        ScenarioState::Running => ' ',
        ScenarioState::Stopping => '↓',
        ScenarioState::Finished if progress.progress < 1.0 => '✗',
        ScenarioState::Finished => '✓',
    }
}

/// VUs; time; and how many iterations, or how many a second.
fn columns_of(
    scenario: &ScenarioPlan,
    progress: &ScenarioProgress,
    most: u32,
    tick: &Tick,
) -> Vec<String> {
    let mut columns = vec![vus(scenario, progress, most), time(scenario, progress, tick)];
    match (&scenario.schedule, progress.iterations_planned) {
        (Schedule::Arrivals { pacer, .. }, _) if progress.state != ScenarioState::Finished => {
            columns.push(format!("{:.2} iters/s", pacer.rate(progress.elapsed)));
        }
        (Schedule::Iterations { budget, .. }, Some(planned)) => {
            let done = progress.iterations;
            let digits = numbers::digits(planned);
            columns.push(match budget {
                Budget::Shared(_) => format!("{done:0digits$}/{planned} shared iters"),
                Budget::PerVu(each) => format!("{done:0digits$}/{planned} iters, {each} per VU"),
            });
        }
        _ => {}
    }
    columns
}

/// `10 VUs` where their number is fixed, `03/10 VUs` where it is not or not all are at work.
fn vus(scenario: &ScenarioPlan, progress: &ScenarioProgress, most: u32) -> String {
    let fixed = match &scenario.schedule {
        Schedule::Looping { steps, .. } => steps.len() <= 2,
        Schedule::Iterations { .. } => true,
        Schedule::Controlled { .. } | Schedule::Arrivals { .. } | Schedule::Search(_) => false,
    };
    let at_rest = matches!(progress.state, ScenarioState::Waiting | ScenarioState::Finished);
    if fixed && (at_rest || progress.vus == most) {
        return format!("{most} VUs");
    }
    let digits = numbers::digits(most.into());
    format!("{:0digits$}/{most} VUs", progress.vus)
}

/// `03.0s/10s`, `10s` once it is over, or how long until it starts.
fn time(scenario: &ScenarioPlan, progress: &ScenarioProgress, tick: &Tick) -> String {
    let longest = numbers::duration(progress.duration);
    match progress.state {
        ScenarioState::Waiting => {
            let wait = scenario.start_time.saturating_sub(tick.elapsed);
            format!("starts in {}", numbers::clock(wait, scenario.start_time))
        }
        // One without an end of its own.
        _ if progress.duration == Duration::MAX => {
            numbers::clock(progress.elapsed, progress.elapsed)
        }
        _ if progress.elapsed >= progress.duration => longest,
        _ => format!("{}/{longest}", numbers::clock(progress.elapsed, progress.duration)),
    }
}
