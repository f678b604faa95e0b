use super::*;

fn milliseconds(number: u64) -> Duration {
    Duration::from_millis(number)
}

fn course(text: &str) -> Course {
    Course::new(text.parse().unwrap())
}

/// When a request that arrives then is answered, in milliseconds; nothing if it is turned away.
fn due(course: &mut Course, arrives: u64) -> Option<u64> {
    match course.rule(milliseconds(arrives)) {
        Ruling::Answer { at, .. } => Some(at.as_millis().try_into().unwrap()),
        Ruling::TurnedAway => None,
    }
}

#[test]
fn faults_are_read_and_printed_alike() {
    for text in [
        "",
        "latency constant 5ms",
        "latency normal 20ms 5ms; errors 0.01",
        "latency exponential 20ms; stall every 10s for 1400ms",
        "latency uniform 5ms 50ms; stall at 10s for 1400ms; capacity 8 workers 20ms queue 100; seed 7",
    ] {
        let faults: Faults = text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(faults.to_string(), text);
    }
}

#[test]
fn faults_may_stand_in_any_order_and_spacing() {
    let faults: Faults = " ;capacity 1 worker  2ms;errors 5 %; seed 3 ; ".parse().unwrap();
    assert_eq!(faults.to_string(), "errors 0.05; capacity 1 workers 2ms queue 1000; seed 3");
}

#[test]
fn what_is_no_fault_is_refused_with_what_is_expected() {
    for (text, problem) in [
        ("delay 5ms", "delay: is no fault: there are latency, errors, stall, capacity and seed"),
        ("seed 1; seed 2", "seed: is given twice"),
        ("seed -1", "seed: `-1` is not a whole number from 0"),
        ("latency constant 5", "latency: `5` has no unit, as in `5ms`"),
        (
            "latency often 5ms",
            "latency: `often 5ms` is not `constant 5ms`, `normal 20ms 5ms`, `exponential 20ms` or \
             `uniform 5ms 50ms`",
        ),
        (
            "latency normal 5ms",
            "latency: `normal 5ms` is not `constant 5ms`, `normal 20ms 5ms`, `exponential 20ms` or \
             `uniform 5ms 50ms`",
        ),
        (
            "latency uniform 9ms 5ms",
            "latency: `uniform 9ms 5ms` has its shortest delay after its longest: give the shorter \
             one first",
        ),
        ("errors 2", "errors: `2` is not from 0 to 1, nor from 0% to 100%"),
        ("errors many", "errors: `many` is not from 0 to 1, nor from 0% to 100%"),
        ("errors NaN", "errors: `NaN` is not from 0 to 1, nor from 0% to 100%"),
        ("stall 10s", "stall: `10s` is not `at 10s for 1.4s` or `every 10s for 1.4s`"),
        (
            "stall every 1s for 1s",
            "stall: `every 1s for 1s` leaves no time to work: a stall must be shorter than its period",
        ),
        ("capacity many", "capacity: `many` is not `8 workers 20ms` or `8 workers 20ms queue 100`"),
        ("capacity 0 workers 1ms", "capacity: `0` is not a number of workers, 1 to 1000000"),
        ("capacity 1 worker 0ms", "capacity: `0ms` is no time to serve a request in"),
        ("capacity 1 worker 1ms queue -1", "capacity: `-1` is not a length, 0 to 1000000"),
    ] {
        let error = text.parse::<Faults>().expect_err(text);
        assert_eq!(error.to_string(), problem, "{text}");
    }
}

#[test]
fn all_problems_are_told_at_once() {
    let error = "errors 2; stall soon; seed 1".parse::<Faults>().unwrap_err();
    let about: Vec<_> = error.problems().iter().map(FaultError::fault).collect();
    assert_eq!(about, ["errors", "stall"]);
}

#[test]
fn latency_comes_after_the_wait_for_a_worker() {
    let mut course = course("latency constant 5ms; capacity 1 worker 10ms queue 1");
    let due: Vec<_> = [0, 0, 0, 20].map(|arrives| due(&mut course, arrives)).into();
    assert_eq!(due, [Some(15), Some(25), None, Some(35)]);
}

#[test]
fn a_stall_holds_back_what_arrives_in_it_and_what_is_under_way() {
    let mut course = course("latency constant 50ms; stall at 1s for 1.4s");
    for (arrives, answered, why) in [
        (900, 950, "it is over before the stall"),
        (990, 2_440, "ten milliseconds are done before it, and forty after"),
        (1_700, 2_450, "it begins when the stall ends"),
        (2_400, 2_450, "the stall is over"),
    ] {
        assert_eq!(due(&mut course, arrives), Some(answered), "{why}");
    }
}

#[test]
fn a_stall_lets_the_line_grow() {
    let mut course = course("capacity 1 worker 100ms queue 2; stall at 1s for 1s");
    let due: Vec<_> = [1_000, 1_300, 1_600, 1_900, 2_000].map(|at| due(&mut course, at)).into();
    // None begins before the stall ends; one is at work then, and two are in line.
    assert_eq!(due, [Some(2_100), Some(2_200), Some(2_300), None, None]);
}

#[test]
fn the_share_of_errors_is_the_one_ordered() {
    for (rate, expected) in [("0", 0), ("3%", 300), ("1", 10_000)] {
        let mut course = course(&format!("errors {rate}; seed 11"));
        let failed = (0..10_000)
            .filter(|_| matches!(course.rule(Duration::ZERO), Ruling::Answer { fails: true, .. }))
            .count();
        assert!(failed.abs_diff(expected) <= expected / 10, "{rate}: {failed} of 10,000");
    }
}

#[tokio::test(start_paused = true)]
async fn time_counts_from_the_first_request() {
    let clock = FaultClock::new("stall at 1s for 1s".parse().unwrap());
    tokio::time::advance(milliseconds(5_000)).await;
    assert_eq!(clock.rule(), Ruling::Answer { at: None, fails: false });
    tokio::time::advance(milliseconds(1_200)).await;
    let at = Some(Instant::now() + milliseconds(800));
    assert_eq!(clock.rule(), Ruling::Answer { at, fails: false });
}
