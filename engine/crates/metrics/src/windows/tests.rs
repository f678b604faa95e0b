use super::*;
use crate::{MetricId, Outcome, Registry, Shards, Tags, Totals, Verdict, builtin};

/// A run of one scenario, second by second.
struct Run {
    thresholds: Thresholds,
    windows: Windows,
    shards: Shards,
    totals: Totals,
    collected: Collected,
    now: Duration,
    goes_on: bool,
}

impl Run {
    fn new(selector: &str, source: &str) -> Self {
        let threshold = Threshold::parse(source).unwrap();
        let thresholds =
            Thresholds::new(vec![(Selector::parse(selector).unwrap(), vec![threshold])]);
        let shards = Shards::new(Registry::new(), 1);
        let mut totals = Totals::new(&shards);
        let windows = Windows::new(&thresholds);
        if windows.want_series() {
            totals.keep_series();
        }
        let collected = totals.collected();
        Self { thresholds, windows, shards, totals, collected, now: Duration::ZERO, goes_on: true }
    }

    fn record(&self, metric: MetricId, tags: &Tags, value: f64) {
        let series = self.shards.registry().series(metric, tags);
        self.shards.recorder(0).record(series, value);
    }

    /// Lets a time pass in which these were measured; seconds come a moment late.
    fn pass(&mut self, time: Duration, metric: MetricId, samples: &[f64]) {
        samples.iter().for_each(|sample| self.record(metric, &Tags::new(), *sample));
        self.collect(time);
    }

    fn collect(&mut self, time: Duration) {
        self.totals.collect();
        self.totals.hand_over(&mut self.collected);
        let begin = self.now;
        self.now += time;
        let goes_on = self.goes_on;
        self.windows.add(&(begin..self.now), &self.collected, &|_| goes_on);
    }

    fn verdict(&self) -> Verdict {
        let all = self.thresholds.evaluate_with(&self.totals, self.now, &self.windows);
        all.into_iter().next().unwrap()
    }

    fn end(mut self) -> Verdict {
        self.windows.end();
        self.verdict()
    }
}

const SECOND: Duration = Duration::from_secs(1);

/// One sample a second.
fn durations(source: &str, samples: &[f64]) -> Verdict {
    let mut run = Run::new("http_req_duration", source);
    for sample in samples {
        run.pass(SECOND, builtin::HTTP_REQ_DURATION, &[*sample]);
    }
    run.end()
}

fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

#[test]
fn an_outage_late_in_a_long_run_is_seen() {
    let mut samples = vec![10.0; 600];
    samples[500..510].fill(900.0);
    let whole = durations("max<9999 over 30s", &samples);
    assert_eq!((whole.outcome, whole.is_fine), (Outcome::Passed, true));

    let verdict = durations("avg<100 over 30s", &samples);
    assert_eq!((verdict.outcome, verdict.is_fine), (Outcome::Crossed, false));
    let course = verdict.course.unwrap();
    // (27 × 10 + 3 × 900) ÷ 30 = 99, and with a fourth it is more.
    assert_eq!(course.crossed_at, Some(seconds(504)));
    let worst = (20.0 * 10.0 + 10.0 * 900.0) / 30.0;
    assert!((verdict.observed.unwrap() - worst).abs() < 1e-9);
    assert_eq!(course.worst_at, seconds(510));
    assert!(samples.iter().sum::<f64>() / 600.0 < 100.0, "as a whole it holds");
}

#[test]
fn windows_and_times_on_end_are_crossed_when_they_say() {
    // Broken from the 10th second to the end of the 15th, of 20.
    let samples: Vec<f64> =
        (0..20).map(|second| if (10..16).contains(&second) { 50.0 } else { 1.0 }).collect();
    for (source, crossed_at, longest, worst, why) in [
        ("max<20 over 5s", Some(11), 10, 50.0, "as soon as a window has one"),
        ("max<20 for 6s", Some(16), 6, 50.0, "each second for six seconds"),
        ("max<20 for 7s", None, 6, 50.0, "not for seven"),
        ("max<20 over 5s for 10s", Some(20), 10, 50.0, "windows that reach back to it count"),
        ("max<20 over 5s for 11s", None, 10, 50.0, "they end, too"),
        ("min<20 over 5s", Some(15), 2, 50.0, "a whole window"),
        ("min<20 over 6s", Some(16), 1, 50.0, "exactly it"),
        ("min<20 over 7s", None, 0, 1.0, "no window is in it"),
        ("avg<=25.5 over 2s", Some(12), 5, 50.0, "half of it is as much as it may"),
        ("max>20 for 10s", Some(10), 10, 1.0, "at least: the smallest is the worst"),
        ("max!=50 over 1s", Some(11), 6, 50.0, "nearest to what it may not be"),
        ("max==1 over 1s", Some(11), 6, 50.0, "furthest from what it must be"),
        ("max<20 for 1s", Some(11), 6, 50.0, "one second is on end"),
    ] {
        let verdict = durations(source, &samples);
        let course = verdict.course.unwrap();
        assert_eq!(course.crossed_at, crossed_at.map(seconds), "{source}: {why}");
        assert_eq!(course.longest, seconds(longest), "{source}: {why}");
        assert_eq!(verdict.observed, Some(worst), "{source}: {why}");
        let outcome = if crossed_at.is_some() { Outcome::Crossed } else { Outcome::Passed };
        assert_eq!(verdict.outcome, outcome, "{source}: {why}");
    }
}

#[test]
fn before_the_first_window_there_is_no_verdict_and_a_shorter_run_is_one_window() {
    let mut run = Run::new("http_req_duration", "max<20 over 30s");
    for _ in 0..10 {
        run.pass(SECOND, builtin::HTTP_REQ_DURATION, &[50.0]);
    }
    let verdict = run.verdict();
    assert_eq!((verdict.outcome, verdict.silence), (Outcome::NoData, Some(Silence::NoWindow)));
    let verdict = run.end();
    assert_eq!((verdict.outcome, verdict.observed), (Outcome::Crossed, Some(50.0)));
    assert_eq!(verdict.course.unwrap().crossed_at, Some(seconds(10)));
}

#[test]
fn a_window_without_samples_says_nothing() {
    let silence: &[f64] = &[];
    for (source, seconds_of, outcome, longest, why) in [
        ("max<20 over 2s", vec![silence; 9], Outcome::NoData, 0, "there never were any"),
        ("max<20 for 3s", [&[50.0][..], silence, &[50.0]].into(), Outcome::Passed, 2, "between"),
        ("max<20 for 3s", [&[50.0][..], silence, silence].into(), Outcome::Passed, 1, "after"),
        ("max<20 for 2s", [&[50.0][..], &[1.0], &[50.0]].into(), Outcome::Passed, 1, "it held"),
    ] {
        let mut run = Run::new("http_req_duration", source);
        for samples in seconds_of {
            run.pass(SECOND, builtin::HTTP_REQ_DURATION, samples);
        }
        let verdict = run.end();
        assert_eq!(verdict.outcome, outcome, "{source}: {why}");
        assert_eq!(verdict.course.unwrap().longest, seconds(longest), "{source}: {why}");
    }
}

#[test]
fn each_kind_is_held_by_what_a_window_measured() {
    for (metric, selector, source, samples, observed) in [
        (builtin::HTTP_REQS, "http_reqs", "rate<9 over 2s", [2.0, 1.0, 4.0, 0.0], 2.5),
        (builtin::HTTP_REQS, "http_reqs", "count<9 over 2s", [2.0, 1.0, 4.0, 0.0], 5.0),
        (builtin::CHECKS, "checks", "rate>0.1 over 2s", [1.0, 0.0, 1.0, 1.0], 0.5),
        (builtin::VUS, "vus", "value<9 over 2s", [2.0, 1.0, 4.0, 3.0], 4.0),
        (
            builtin::HTTP_REQ_DURATION,
            "http_req_duration",
            "avg<9 over 2s",
            [2.0, 1.0, 4.0, 3.0],
            3.5,
        ),
        (
            builtin::HTTP_REQ_DURATION,
            "http_req_duration",
            "min<9 over 2s",
            [2.0, 1.0, 4.0, 3.0],
            3.0,
        ),
        (
            builtin::HTTP_REQ_DURATION,
            "http_req_duration",
            "p(100)<9 over 2s",
            [2.0, 1.0, 4.0, 3.0],
            4.0,
        ),
    ] {
        let mut run = Run::new(selector, source);
        for sample in samples {
            run.pass(SECOND, metric, &[sample]);
        }
        let verdict = run.end();
        assert_eq!(
            (verdict.observed, verdict.outcome),
            (Some(observed), Outcome::Passed),
            "{source}"
        );
    }
}

#[test]
fn a_percentile_is_within_a_sixty_fourth_of_the_windows_own() {
    let mut run = Run::new("http_req_duration", "p(90)<1 over 3s");
    for second in 0..6_u32 {
        let samples: Vec<f64> = (1..=100).map(|n| f64::from(second * 100 + n)).collect();
        run.pass(SECOND, builtin::HTTP_REQ_DURATION, &samples);
    }
    let observed = run.end().observed.unwrap();
    // Of 301 to 600, nine in ten are not above 570.
    assert!((observed - 570.0).abs() <= 570.0 / 64.0, "{observed}");
}

#[test]
fn a_part_of_a_metric_has_windows_of_its_own() {
    let mut run = Run::new("http_req_duration{name:login}", "max<20 over 2s");
    assert!(run.windows.want_series());
    for second in 0..6 {
        let tags = |name| Tags::new().with("name", name).with("status", "200");
        run.record(builtin::HTTP_REQ_DURATION, &tags("home"), 99.0);
        run.record(builtin::HTTP_REQ_DURATION, &tags("login"), f64::from(second));
        run.record(builtin::ITERATION_DURATION, &tags("login"), 99.0);
        run.collect(SECOND);
    }
    let verdict = run.end();
    assert_eq!((verdict.outcome, verdict.observed), (Outcome::Passed, Some(5.0)));
    assert!(!Run::new("http_req_duration", "max<20 over 2s").windows.want_series());
    assert!(!Run::new("http_reqs{name:login}", "count>2").windows.want_series());
}

#[test]
fn a_counter_that_must_be_at_least_so_much_is_held_only_while_iterations_are_started() {
    let ramp = [&[][..], &[], &[1.0; 8], &[1.0; 9], &[1.0; 9]];
    for (metric, source, tail, crossed, why) in [
        ("http_reqs", "rate>5 over 2s", vec![&[1.0][..], &[], &[]], false, "it falls by itself"),
        ("http_reqs", "rate>8.6 over 2s", vec![], false, "it began within the second that has 8"),
        ("http_reqs", "rate>8.6 over 1m", vec![], false, "also of a shorter run"),
        ("http_reqs", "rate>9.1 over 2s", vec![], true, "the first window has 18 of them"),
        ("http_reqs", "rate<5 over 2s", vec![], true, "nothing waits for too many"),
        ("dropped_iterations", "count<1 over 2s", vec![], false, "none is none"),
        ("dropped_iterations", "count>0 over 2s", vec![], true, "none is too few"),
        ("http_reqs", "rate>5 over 30s", vec![&[][..]; 90], false, "shorter than a window"),
    ] {
        let mut run = Run::new(metric, source);
        for samples in ramp {
            run.pass(SECOND, builtin::HTTP_REQS, samples);
        }
        run.goes_on = false;
        for samples in tail {
            run.pass(SECOND, builtin::HTTP_REQS, samples);
        }
        assert_eq!(run.end().outcome == Outcome::Crossed, crossed, "{source}: {why}");
    }
    // A pause between two scenarios is no outage.
    let mut run = Run::new("http_reqs", "rate>5 over 2s");
    for (goes_on, samples) in [(true, &[1.0; 9][..]), (false, &[]), (true, &[1.0; 9])] {
        run.goes_on = goes_on;
        (0..4).for_each(|_| run.pass(SECOND, builtin::HTTP_REQS, samples));
    }
    assert_eq!(run.end().outcome, Outcome::Passed);
}

#[test]
fn seconds_that_come_late_are_seconds_all_the_same() {
    let ms = Duration::from_millis;
    let mut run = Run::new("http_req_duration", "max<20 for 3s");
    for (time, sample) in [(1_003, 50.0), (998, 50.0), (998, 50.0)] {
        run.pass(ms(time), builtin::HTTP_REQ_DURATION, &[sample]);
    }
    assert_eq!(run.verdict().outcome, Outcome::Crossed, "2.999 s are three of them");

    let mut run = Run::new("http_reqs", "rate<20 over 1s");
    for (time, samples) in [(1_003, 10), (3_600, 36), (400, 4)] {
        run.pass(ms(time), builtin::HTTP_REQS, &vec![1.0; samples]);
    }
    let observed = run.end().observed.unwrap();
    assert!((observed - 10.0).abs() < 0.1, "held up or at the end, it is a rate: {observed}");
}

#[test]
fn a_long_window_is_of_bounded_memory_and_hardly_longer_than_asked_for() {
    let mut run = Run::new("http_reqs", "count<1 over 1h");
    for _ in 0..7_300 {
        run.pass(SECOND, builtin::HTTP_REQS, &[1.0]);
    }
    let track = run.windows.all[0].tracks[0].as_ref().unwrap();
    assert!(track.parts.len() as u64 <= MOST_PARTS + 1, "{}", track.parts.len());
    let observed = run.end().observed.unwrap();
    assert!((3_600.0..=3_630.0).contains(&observed), "{observed}");
}

#[test]
fn what_was_crossed_stays_so_and_aborts_only_for_what_came_after_the_delay() {
    let mut run = Run::new("http_req_duration", "max<20 over 1s");
    let mut threshold = Threshold::parse("max<20 over 1s").unwrap();
    (threshold.abort_on_fail, threshold.delay_abort_eval) = (true, Some(seconds(3)));
    let selector = Selector::parse("http_req_duration").unwrap();
    run.thresholds = Thresholds::new(vec![(selector, vec![threshold])]);
    run.windows = Windows::new(&run.thresholds);
    let mut seen = Vec::new();
    for sample in [50.0, 1.0, 50.0, 1.0, 50.0, 1.0] {
        run.pass(SECOND, builtin::HTTP_REQ_DURATION, &[sample]);
        let verdict = run.verdict();
        seen.push((verdict.outcome == Outcome::Crossed, verdict.abort));
    }
    let (before, after) = ((true, false), (true, true));
    assert_eq!(seen, [before, before, before, before, after, after]);
}

#[test]
fn a_metric_that_is_not_there_is_silence() {
    for (selector, source, silence) in [
        ("basket_size", "max<20 over 1s", Silence::UnknownMetric),
        ("http_reqs", "max<20 over 1s", Silence::UnfitMethod),
        ("checks", "rate>0.5 over 1s", Silence::NoSamples),
    ] {
        let mut run = Run::new(selector, source);
        run.collect(SECOND);
        run.collect(Duration::ZERO);
        let verdict = run.end();
        assert_eq!((verdict.outcome, verdict.silence), (Outcome::NoData, Some(silence)));
    }
}

#[test]
fn what_came_after_the_load_belongs_to_its_last_second() {
    let mut run = Run::new("http_req_duration", "max<20 over 2s");
    (0..4).for_each(|_| run.pass(SECOND, builtin::HTTP_REQ_DURATION, &[1.0]));
    run.pass(Duration::ZERO, builtin::HTTP_REQ_DURATION, &[50.0]);
    let verdict = run.end();
    assert_eq!(verdict.course.unwrap().crossed_at, Some(seconds(4)));
}

#[test]
fn a_run_of_one_second_is_held_by_it() {
    let mut run = Run::new("http_reqs", "rate>5 over 30s");
    run.pass(SECOND, builtin::HTTP_REQS, &[1.0; 8]);
    run.pass(Duration::ZERO, builtin::HTTP_REQS, &[1.0]);
    let verdict = run.end();
    assert_eq!((verdict.outcome, verdict.observed), (Outcome::Passed, Some(9.0)));
}
