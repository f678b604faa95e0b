//! Searches for the breaking point, of servers whose capacity is known.

use tokio::sync::Semaphore;

use super::*;

/// A server with so many places, which takes a tenth of a second for each request.
fn server(places: usize) -> FnVus {
    let places = Arc::new(Semaphore::new(places));
    FnVus::new(move |_, _| {
        let places = Arc::clone(&places);
        async move {
            let _place = places.acquire().await;
            tokio::time::sleep(Duration::from_millis(100)).await;
            Outcome::Completed
        }
    })
}

fn loads(searched: &Searched) -> Vec<(u32, bool)> {
    searched.steps.iter().map(|step| (step.load, step.held)).collect()
}

const BY_VUS: &str = r#"{
    "scenarios": { "a": {
        "executor": "breakpoint", "raise": "vus", "start": 5, "max": 100, "stepDuration": "8s" } },
    "thresholds": { "iteration_duration": ["p(99)<110"] }
}"#;

#[tokio::test(start_paused = true)]
async fn the_most_vus_that_hold_are_found() {
    let (finished, said) = run_with(BY_VUS, &server(30), |_| async {}).await;
    let searched = finished.search.as_ref().expect("what was found");
    assert_eq!(
        loads(searched),
        [
            (5, true),
            (10, true),
            (20, true),
            (40, false),
            (30, true),
            (35, false),
            (32, false),
            (31, false)
        ]
    );
    assert_eq!((searched.held, searched.broke, searched.complete), (Some(30), Some(31), true));
    assert_eq!(said.iter().filter(|name| *name == "StepFinished").count(), 8);
    assert_eq!(count(&finished.totals, builtin::ITERATIONS_INTERRUPTED), 0);

    let best = searched.steps.iter().find(|step| step.load == 30).unwrap();
    assert_eq!(best.measured, Duration::from_secs(6), "all but the first quarter");
    assert_eq!(best.iterations.round(), 300.0);
    assert_eq!(best.concurrency.round(), 30.0);
    assert_eq!(best.latency.map(|it| it.p99.round()), Some(100.0));
    // As many as there are places: as much throughput as any, and nobody waits.
    assert_eq!(searched.knee().map(|step| step.load), Some(30));
    assert!(searched.usl().is_some());
    // What the run comes to is what held.
    assert_eq!(finished.verdicts, best.verdicts);
}

#[tokio::test(start_paused = true)]
async fn the_highest_rate_that_holds_is_found_and_what_broke_leaves_nothing_behind() {
    let options = r#"{
        "scenarios": { "a": {
            "executor": "breakpoint", "raise": "rate", "start": 50, "max": 1000,
            "stepDuration": "8s", "preAllocatedVUs": 20, "maxVUs": 200 } },
        "thresholds": { "iteration_duration": ["p(95)<150"] }
    }"#;
    let finished = run(options, &server(15)).await;
    let searched = finished.search.as_ref().expect("what was found");
    assert_eq!(
        loads(searched),
        [
            (50, true),
            (100, true),
            (200, false),
            (150, true),
            (175, false),
            (162, false),
            (156, false)
        ]
    );
    assert_eq!((searched.held, searched.broke), (Some(150), Some(156)));
    let broke = searched.steps.iter().find(|step| step.load == 200).unwrap();
    assert_eq!(broke.iterations.round(), 150.0, "no more than it can");
    let half = searched.steps.iter().find(|step| step.load == 50).unwrap();
    assert_eq!((half.iterations.round(), half.concurrency.round()), (50.0, 5.0));
}

#[tokio::test(start_paused = true)]
async fn a_rate_that_finds_no_vu_free_does_not_hold() {
    let options = r#"{
        "scenarios": { "a": {
            "executor": "breakpoint", "raise": "rate", "start": 40, "max": 80, "add": 10,
            "tolerance": 0.5, "stepDuration": "8s", "preAllocatedVUs": 5 } },
        "thresholds": { "iteration_duration": ["p(95)<150"] }
    }"#;
    let finished = run(options, &server(1_000)).await;
    let searched = finished.search.as_ref().expect("what was found");
    // Five VUs have time for fifty a second.
    assert_eq!(loads(searched), [(40, true), (50, true), (60, false)]);
    let broke = &searched.steps[2];
    assert!(
        broke.dropped > 0.1 && broke.verdicts[0].outcome == metrics::Outcome::Passed,
        "{broke:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn where_nothing_holds_the_run_fails() {
    let finished = run(&BY_VUS.replace("<110", "<90"), &server(30)).await;
    let searched = finished.search.as_ref().expect("what was found");
    assert_eq!(loads(searched), [(5, false), (2, false), (1, false)]);
    assert_eq!((searched.held, searched.broke, searched.complete), (None, Some(1), true));
    assert_eq!(finished.verdicts[0].outcome, metrics::Outcome::Crossed);
}

#[tokio::test(start_paused = true)]
async fn what_an_interrupted_search_has_found_is_kept() {
    let interrupt = |controller: Controller| async move {
        tokio::time::sleep(Duration::from_secs(20)).await;
        controller.interrupt();
    };
    let (finished, _) = run_with(BY_VUS, &server(30), interrupt).await;
    let searched = finished.search.as_ref().expect("what was found");
    assert_eq!(loads(searched), [(5, true), (10, true)]);
    assert_eq!((searched.held, searched.complete), (Some(10), false));
    assert_eq!(finished.stop, Some(StopReason::Interrupted));
}

#[tokio::test(start_paused = true)]
async fn a_rate_that_piles_up_does_not_hold_however_patient_the_thresholds() {
    let options = r#"{
        "scenarios": { "a": {
            "executor": "breakpoint", "raise": "rate", "start": 100, "max": 200, "add": 50,
            "tolerance": 0.3, "stepDuration": "8s", "preAllocatedVUs": 2000 } },
        "thresholds": { "iteration_duration": ["p(95)<60000"] }
    }"#;
    let finished = run(options, &server(15)).await;
    let searched = finished.search.as_ref().expect("what was found");
    assert_eq!(loads(searched), [(100, true), (150, true), (200, false)]);
    let broke = &searched.steps[2];
    assert!(!broke.kept_up && broke.dropped == 0.0, "{broke:?}");
}

#[tokio::test(start_paused = true)]
async fn a_part_of_a_metric_that_never_came_breaks_no_step_and_a_whole_one_does() {
    for (selector, held) in
        [("iteration_duration{flavour:sweet}", Some(10)), ("http_req_duration", None)]
    {
        let options = format!(
            r#"{{ "scenarios": {{ "a": {{ "executor": "breakpoint", "raise": "vus", "start": 5,
                "max": 10, "stepDuration": "8s" }} }},
                "thresholds": {{ "{selector}": ["p(95)<110"] }} }}"#
        );
        let finished = run(&options, &server(30)).await;
        let searched = finished.search.as_ref().expect("what was found");
        assert_eq!(searched.held, held, "{selector}");
        assert!(searched.steps.iter().all(|step| !step.hasty));
    }
}
