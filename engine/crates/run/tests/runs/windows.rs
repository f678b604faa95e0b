//! Thresholds that are held each second while a run goes on.

use metrics::{Course, Outcome as Held};

use super::*;

/// Iterations of a tenth of a second, but for an outage of so many seconds in which they take one and a half.
fn with_outage(from: u64, to: u64) -> FnVus {
    let began = Arc::new(Mutex::new(None));
    FnVus::new(move |_, _| {
        let began = *began.lock().unwrap().get_or_insert_with(Instant::now);
        async move {
            let out = (from..to).contains(&began.elapsed().as_secs());
            tokio::time::sleep(Duration::from_millis(if out { 1_500 } else { 100 })).await;
            Outcome::Completed
        }
    })
}

fn course(finished: &Finished, place: usize) -> Course {
    finished.verdicts[place].course.unwrap()
}

#[tokio::test(start_paused = true)]
async fn an_outage_late_in_a_long_run_crosses_a_window_and_not_the_whole() {
    let options = r#"{ "vus": 4, "duration": "20m", "thresholds": { "iteration_duration": [
        "p(95)<500", "p(95)<500 over 30s", "p(95)<500 over 30s for 1m", "avg<500 for 5s", "avg<500 for 30s" ] } }"#;
    let finished = run(options, &with_outage(1_000, 1_020)).await;
    let outcomes: Vec<_> = finished.verdicts.iter().map(|verdict| verdict.outcome).collect();
    assert_eq!(outcomes, [Held::Passed, Held::Crossed, Held::Passed, Held::Crossed, Held::Passed]);
    assert_eq!(finished.verdicts[0].course, None);
    let window = course(&finished, 1);
    let crossed_at = window.crossed_at.unwrap().as_secs();
    assert!((1_001..1_020).contains(&crossed_at), "{crossed_at}");
    assert!(window.worst.unwrap() > 1_400.0 && window.worst_at.as_secs() >= crossed_at);
    let patient = course(&finished, 2);
    assert!((20..60).contains(&patient.longest.as_secs()), "{:?}", patient.longest);
    assert_eq!((finished.stop, finished.elapsed.as_secs()), (None, 1_200));
}

#[tokio::test(start_paused = true)]
async fn a_window_that_is_crossed_aborts_the_run_once_it_may() {
    let delay = r#", "delayAbortEval": "30s""#;
    for (outage, delay, seconds) in [(10, "", 10..20), (40, delay, 40..50)] {
        let options = format!(
            r#"{{ "vus": 4, "duration": "10m", "thresholds": {{ "iteration_duration": [
                {{ "threshold": "max<500 over 5s", "abortOnFail": true{delay} }}] }} }}"#
        );
        let finished = run(&options, &with_outage(outage, outage + 2)).await;
        assert_eq!(
            finished.stop,
            Some(StopReason::ThresholdCrossed(vec!["iteration_duration".into()]))
        );
        assert!(seconds.contains(&finished.elapsed.as_secs()), "{:?}", finished.elapsed);
        assert_eq!(finished.verdicts[0].outcome, Held::Crossed);
    }
}

#[tokio::test(start_paused = true)]
async fn an_outage_that_was_over_before_the_delay_does_not_abort_the_run() {
    let options = r#"{ "vus": 4, "duration": "1m", "thresholds": { "iteration_duration": [
        { "threshold": "max<500 over 5s", "abortOnFail": true, "delayAbortEval": "30s" }] } }"#;
    let finished = run(options, &with_outage(10, 12)).await;
    assert_eq!((finished.stop, finished.elapsed.as_secs()), (None, 60));
    assert_eq!(finished.verdicts[0].outcome, Held::Crossed);
}

#[tokio::test(start_paused = true)]
async fn that_a_scenario_comes_to_its_end_is_no_outage() {
    let options = r#"{ "scenarios": {
            "short": { "executor": "constant-vus", "vus": 2, "duration": "10s" },
            "later": { "executor": "constant-vus", "vus": 2, "duration": "10s", "startTime": "20s" } },
        "thresholds": {
            "iterations": ["rate>10 over 3s"],
            "iterations{scenario:later}": ["rate>10 over 3s", "rate>10 over 3s for 2s"],
            "iterations{scenario:short}": ["rate>10 over 3s", "rate>30 over 3s"] } }"#;
    let mut spec = spec(options, &FnVus::taking(second() / 10), Crew::here());
    // What is held for a part of a metric is measured by series, whether or not an output wants that.
    spec.by_series = false;
    let local = LocalSet::new();
    let finished = local.run_until(run::run(spec, &mut |_: &Event| {})).await;
    let outcomes: Vec<_> = finished.verdicts.iter().map(|verdict| verdict.outcome).collect();
    assert_eq!(outcomes, [Held::Passed, Held::Passed, Held::Passed, Held::Passed, Held::Crossed]);
}

#[tokio::test(start_paused = true)]
async fn a_run_that_is_shorter_than_a_window_is_one_window() {
    let options = r#"{ "vus": 1, "duration": "5s", "thresholds": {
        "iteration_duration": ["max<50 over 30s", "max<5000 over 30s"], "checks": ["rate>0.9 over 30s"] } }"#;
    let finished = run(options, &FnVus::taking(second() / 10)).await;
    let outcomes: Vec<_> = finished.verdicts.iter().map(|verdict| verdict.outcome).collect();
    assert_eq!(outcomes, [Held::NoData, Held::Crossed, Held::Passed]);
    assert_eq!(finished.verdicts[0].silence, Some(metrics::Silence::NoSamples));
}

#[tokio::test(start_paused = true)]
async fn a_search_holds_each_step_as_a_whole() {
    let options = r#"{ "scenarios": { "a": {
            "executor": "breakpoint", "raise": "vus", "start": 5, "max": 5, "stepDuration": "8s" } },
        "thresholds": { "iteration_duration": ["max<5000 over 30s"] } }"#;
    let finished = run(options, &FnVus::taking(second() / 10)).await;
    assert_eq!(finished.verdicts[0].course, None);
    assert_eq!(finished.verdicts[0].outcome, Held::Passed);
    assert!(finished.plan.warnings.iter().any(|said| said.contains("`over` and `for`")));
}

#[tokio::test(start_paused = true)]
async fn that_a_run_is_paused_is_no_outage() {
    let options = r#"{ "scenarios": { "a": {
            "executor": "externally-controlled", "vus": 2, "maxVUs": 2, "duration": "20s" } },
        "thresholds": { "iterations": ["rate>10 over 3s"] } }"#;
    let pausing = |controller: Controller| async move {
        tokio::time::sleep(Duration::from_millis(5_500)).await;
        controller.pause(true);
        tokio::time::sleep(Duration::from_millis(7_000)).await;
        controller.pause(false);
    };
    let (finished, _) = run_with(options, &FnVus::taking(second() / 10), pausing).await;
    let made = count(&finished.totals, builtin::ITERATIONS);
    assert!((200..300).contains(&made), "it was paused for a third of its time: {made}");
    assert_eq!(finished.verdicts[0].outcome, Held::Passed, "{:?}", finished.verdicts[0].course);
}
