//! The last minute in two lines: how many requests a second, and how long they took.
//!
//! Of a run that makes no requests, iterations stand in for them.

use std::collections::VecDeque;
use std::ops::Range;
use std::time::Duration;

use metrics::{Collected, MetricId, Slot, builtin};

use crate::line::{BAD, FAINT, Line, VALUE};
use crate::numbers;

/// How far back it reaches.
const LAST_MINUTE: Duration = Duration::from_secs(60);
/// Over how much of it figures are said: short enough to be of now, long enough to be more than noise.
const LATELY: Duration = Duration::from_secs(10);
/// The narrowest curve that is drawn.
const NARROWEST: usize = 10;
/// From little to much; nothing at all is a gap.
const LEVELS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// What was measured in the last minute, second by second.
#[derive(Debug, Default)]
pub(super) struct Recent {
    seconds: VecDeque<Second>,
}

#[derive(Debug)]
struct Second {
    time: Range<Duration>,
    requests: Measured,
    iterations: Measured,
}

/// Things that take time, and may fail.
#[derive(Debug, Default)]
struct Measured {
    count: f64,
    durations: Slot,
    failed: Slot,
}

impl Measured {
    fn of(
        collected: &Collected,
        count: MetricId,
        durations: MetricId,
        failed: Option<MetricId>,
    ) -> Self {
        let slot = |metric| collected.metric(metric).map(Slot::of).unwrap_or_default();
        Self {
            count: slot(count).sum,
            durations: slot(durations),
            failed: failed.map(slot).unwrap_or_default(),
        }
    }

    fn merge(&mut self, later: &Self) {
        self.count += later.count;
        self.durations.merge(&later.durations);
        self.failed.merge(&later.failed);
    }

    /// `med=4.1ms p(95)=7.3ms p(99)=80ms`, or so many of them; empty where nothing has ended.
    fn latency(&self, quantiles: usize) -> String {
        if self.durations.count == 0 {
            return String::new();
        }
        let said = |(name, q)| {
            format!("{name}={}", numbers::milliseconds(rounded(self.durations.quantile(q))))
        };
        let all = [("med", 0.5), ("p(95)", 0.95), ("p(99)", 0.99)];
        all.into_iter().take(quantiles).map(said).collect::<Vec<_>>().join(" ")
    }

    /// A line of it at most so wide.
    fn line(&self, columns: usize) -> Line {
        let line = |quantiles, tail: &str| {
            let head = Line::new().plain(format!("{:10} ", "duration"));
            let mut line = head.styled(VALUE, self.latency(quantiles));
            if let Some(failed) = self.failed() {
                let style = if failed > 0.0 { BAD } else { FAINT };
                line = line.plain("  ").styled(style, failed_text(failed));
            }
            line.styled(FAINT, tail)
        };
        let tails = [(3, " in the last 10s"), (3, ""), (2, ""), (1, "")];
        let mut lines = tails.map(|(quantiles, tail)| line(quantiles, tail)).into_iter();
        lines.find(|line| line.width() <= columns).unwrap_or_else(|| line(1, ""))
    }

    /// The share that failed, where that is counted.
    fn failed(&self) -> Option<f64> {
        (self.failed.count > 0).then(|| self.failed.mean())
    }
}

impl Second {
    fn length(&self) -> Duration {
        self.time.end.saturating_sub(self.time.start)
    }
}

impl Recent {
    /// Takes in what was measured in another second.
    pub(super) fn take(&mut self, time: &Range<Duration>, collected: &Collected) {
        // What took no time came after the load.
        if time.is_empty() {
            return;
        }
        self.seconds.push_back(Second {
            time: time.clone(),
            requests: Measured::of(
                collected,
                builtin::HTTP_REQS,
                builtin::HTTP_REQ_DURATION,
                Some(builtin::HTTP_REQ_FAILED),
            ),
            iterations: Measured::of(
                collected,
                builtin::ITERATIONS,
                builtin::ITERATION_DURATION,
                None,
            ),
        });
        let is_past = |second: &Second| second.time.start + LAST_MINUTE < time.end;
        while self.seconds.front().is_some_and(is_past) {
            self.seconds.pop_front();
        }
    }

    /// The two lines, each at most so wide; none where nothing has been measured.
    pub(super) fn lines(&self, columns: usize) -> Vec<Line> {
        let (name, of) = self.what();
        let rates: Vec<f64> = self.rates(of).collect();
        let most = rates.iter().copied().fold(0.0, f64::max);
        if most <= 0.0 {
            return Vec::new();
        }
        let now = rates.last().copied().unwrap_or_default();
        let head = format!("{name:10} ");
        let tails = [
            format!(" {}, at most {} in the last minute", a_second(now), a_second(most)),
            format!(" {}", a_second(now)),
        ];
        let room = |tail: &str| columns.saturating_sub(head.len() + tail.chars().count());
        let tail = tails.iter().find(|tail| room(tail) >= NARROWEST.max(rates.len().min(60)));
        let tail = tail.unwrap_or(&tails[1]);
        let shown = rates.len().saturating_sub(room(tail));
        let curve = curve(&rates[shown..], most);
        let all = self.over(LATELY, of);
        let mut lines = vec![Line::new().plain(head).styled(VALUE, curve).plain(tail)];
        if all.durations.count > 0 {
            lines.push(all.line(columns));
        }
        lines.into_iter().map(|line| line.cropped(columns)).collect()
    }

    /// The same figures of a time up to now, to stand at the end of a line; empty where there are none.
    pub(super) fn figures(&self, time: Duration) -> String {
        let all = self.over(time, self.what().1);
        let failed = all.failed().map(failed_text);
        let parts = [Some(all.latency(3)).filter(|text| !text.is_empty()), failed];
        parts.into_iter().flatten().map(|part| format!(", {part}")).collect()
    }

    /// What there is to tell of.
    fn what(&self) -> (&'static str, fn(&Second) -> &Measured) {
        let requests = self.seconds.iter().any(|second| second.requests.count > 0.0);
        if requests {
            ("requests", |second| &second.requests)
        } else {
            ("iterations", |second| &second.iterations)
        }
    }

    fn rates(&self, of: fn(&Second) -> &Measured) -> impl Iterator<Item = f64> {
        self.seconds.iter().map(move |second| of(second).count / second.length().as_secs_f64())
    }

    fn over(&self, time: Duration, of: fn(&Second) -> &Measured) -> Measured {
        let end = self.seconds.back().map_or(Duration::ZERO, |last| last.time.end);
        let mut all = Measured::default();
        let is_in = |second: &&Second| second.time.start + second.length() / 2 + time > end;
        self.seconds.iter().filter(is_in).for_each(|second| all.merge(of(second)));
        all
    }
}

/// A curve of one character a value, from nothing to `most`.
fn curve(values: &[f64], most: f64) -> String {
    let level = |value: &f64| match (value / most * 8.0).ceil() as usize {
        0 => ' ',
        level => LEVELS[level.min(LEVELS.len()) - 1],
    };
    values.iter().map(level).collect()
}

fn a_second(rate: f64) -> String {
    // More decimals would only flicker.
    if rate < 100.0 { format!("{rate:.1}/s") } else { format!("{rate:.0}/s") }
}

/// To three digits: a sketch is good to hardly as many.
fn rounded(value: f64) -> f64 {
    if value <= 0.0 {
        return value;
    }
    let unit = 10_f64.powi(value.log10().floor() as i32 - 2);
    (value / unit).round() * unit
}

fn failed_text(failed: f64) -> String {
    format!("{} failed", numbers::percent(failed))
}

#[cfg(test)]
mod tests {
    use metrics::{Registry, Shards, Tags, Totals};

    use super::*;

    /// What is recent after these seconds, each some requests of so many milliseconds, of which some failed.
    fn recent(seconds: &[(u32, f64, u32)]) -> Recent {
        let shards = Shards::new(Registry::new(), 1);
        let mut totals = Totals::new(&shards);
        let mut collected = totals.collected();
        let mut recent = Recent::default();
        let record = |metric, value| {
            let series = shards.registry().series(metric, &Tags::new());
            shards.recorder(0).record(series, value);
        };
        for (second, (count, took, failed)) in (0..).zip(seconds) {
            for place in 0..*count {
                record(builtin::HTTP_REQS, 1.0);
                record(builtin::HTTP_REQ_DURATION, *took);
                record(builtin::HTTP_REQ_FAILED, f64::from(u8::from(place < *failed)));
            }
            record(builtin::ITERATIONS, 2.0);
            record(builtin::ITERATION_DURATION, 500.0);
            totals.collect();
            totals.hand_over(&mut collected);
            let from = Duration::from_secs(second);
            recent.take(&(from..from + Duration::from_secs(1)), &collected);
        }
        recent
    }

    fn texts(recent: &Recent, columns: usize) -> Vec<String> {
        recent.lines(columns).iter().map(|line| line.paint(false)).collect()
    }

    #[test]
    fn the_last_minute_is_a_curve_and_the_last_seconds_are_figures() {
        let mut seconds = vec![(80, 10.0, 0); 70];
        // Out of sight by the end.
        seconds[3].0 = 800;
        (seconds[66], seconds[67], seconds[68]) = ((40, 10.0, 0), (0, 0.0, 0), (1, 200.0, 1));
        let recent = recent(&seconds);
        let curve = format!("{}▄ ▁█", "█".repeat(56));
        assert_eq!(
            texts(&recent, 120),
            [
                format!("requests   {curve} 80.0/s, at most 80.0/s in the last minute"),
                "duration   med=10.1ms p(95)=10.1ms p(99)=10.1ms  0.16% failed in the last 10s"
                    .into(),
            ]
        );
        assert_eq!(recent.seconds.len(), 60);
        assert_eq!(
            recent.figures(Duration::from_secs(2)),
            ", med=10.1ms p(95)=10.1ms p(99)=199ms, 1.23% failed"
        );
    }

    #[test]
    fn what_does_not_fit_is_left_out_and_the_newest_stays() {
        let seconds: Vec<_> = (1..=60).map(|count| (count, 5.0, 0)).collect();
        let recent = recent(&seconds);
        for columns in [79, 60, 40, 25] {
            let texts = texts(&recent, columns);
            assert!(
                texts.iter().all(|text| text.chars().count() <= columns),
                "{columns}: {texts:#?}"
            );
            assert!(texts[0].contains("█ 60.0/s"), "{columns}: {texts:#?}");
        }
        assert!(texts(&recent, 79)[0].contains("▁▁▂"), "a whole minute fits 79 columns");
        assert!(texts(&recent, 3).iter().all(|text| text.chars().count() <= 3));
    }

    #[test]
    fn a_run_without_requests_tells_of_iterations_and_an_empty_one_of_nothing() {
        let texts = texts(&recent(&[(0, 0.0, 0), (0, 0.0, 0)]), 79);
        assert_eq!(texts[0], "iterations ██ 2.0/s, at most 2.0/s in the last minute");
        assert!(
            texts[1].starts_with("duration   med=") && !texts[1].contains("failed"),
            "{texts:?}"
        );
        assert!(Recent::default().lines(79).is_empty());
        assert_eq!(Recent::default().figures(LATELY), "");
    }
}
