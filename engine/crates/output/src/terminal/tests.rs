use insta::assert_snapshot;
use metrics::{Registry, Selector, Shards, Tags, Totals, Verdict, builtin};
use run::{CallError, Measured, ScenarioProgress, ScenarioState, Unmade};

use super::*;
use crate::screen::Manner;
use crate::screen::tests::{LIVE, PLAIN, Paper, screen, seen};
use crate::summary::tests::{ordinary, plan, searched};

const TWO: &str = r#"{
    "scenarios": {
        "browse": { "executor": "constant-vus", "vus": 10, "duration": "10s" },
        "buy": {
            "executor": "constant-arrival-rate",
            "rate": 20,
            "duration": "20s",
            "startTime": "5s",
            "preAllocatedVUs": 5,
            "maxVUs": 50
        },
        "sweep": { "executor": "shared-iterations", "vus": 4, "iterations": 600 },
        "visit": { "executor": "per-vu-iterations", "vus": 2, "iterations": 10 }
    }
}"#;

fn terminal(manner: Manner, size: (usize, usize)) -> (Terminal, Paper) {
    let (screen, paper) = screen(manner, size);
    let header = Header { script: "shop.wasm".to_owned(), outputs: vec!["out.json".to_owned()] };
    (Terminal::new(screen, header), paper)
}

fn tell(terminal: &mut Terminal, seconds: u64, kind: EventKind) {
    terminal.on_event(&Event { elapsed: Duration::from_secs(seconds), kind });
    // Each block is seen, not only the latest.
    terminal.screen.flush();
}

fn started(plan: &Arc<Plan>) -> EventKind {
    EventKind::RunStarted { plan: plan.clone(), workers: 2 }
}

fn progress(state: ScenarioState, vus: u32, share: f64, seconds: (u64, u64)) -> ScenarioProgress {
    ScenarioProgress {
        state,
        vus,
        vus_max: vus,
        iterations: 0,
        iterations_planned: None,
        elapsed: Duration::from_secs(seconds.0),
        duration: Duration::from_secs(seconds.1),
        progress: share,
    }
}

/// A second of a run of one scenario.
pub(crate) fn tick(seconds: u64) -> Tick {
    let state = if seconds < 10 { ScenarioState::Running } else { ScenarioState::Finished };
    let vus = if seconds < 10 { 10 } else { 0 };
    Tick {
        elapsed: Duration::from_secs(seconds),
        vus,
        vus_max: vus,
        iterations: seconds * 5,
        interrupted: 0,
        dropped: 0,
        requests: seconds * 12,
        scenarios: vec![progress(state, vus, seconds as f64 / 10.0, (seconds, 10))],
        verdicts: Arc::new([]),
    }
}

/// A moment of a run of the four scenarios, which a plan has in the order of their starts.
fn tick_of_four() -> Tick {
    let sweep = ScenarioProgress {
        iterations: 42,
        iterations_planned: Some(600),
        ..progress(ScenarioState::Stopping, 3, 0.07, (4, 600))
    };
    let visit = ScenarioProgress {
        iterations: 20,
        iterations_planned: Some(20),
        ..progress(ScenarioState::Finished, 0, 1.0, (3, 600))
    };
    let crossed = Verdict {
        selector: Selector { metric: "http_req_failed".to_owned(), tags: Vec::new() },
        source: "rate<0.01".to_owned(),
        observed: Some(0.5),
        outcome: Outcome::Crossed,
        silence: None,
        abort: false,
        is_fine: false,
        course: None,
    };
    let passed = Verdict { outcome: Outcome::Passed, is_fine: true, ..crossed.clone() };
    Tick {
        scenarios: vec![
            progress(ScenarioState::Running, 10, 0.4, (4, 10)),
            sweep,
            visit,
            progress(ScenarioState::Waiting, 0, 0.0, (0, 20)),
        ],
        vus: 13,
        vus_max: 21,
        dropped: 3,
        verdicts: Arc::new([crossed, passed]),
        ..tick(4)
    }
}

#[test]
fn a_live_run_ends_with_its_header_its_messages_and_its_progress() {
    let (mut terminal, paper) = terminal(LIVE, (80, 24));
    let plan = plan(r#"{ "vus": 10, "duration": "10s" }"#);
    tell(&mut terminal, 0, started(&plan));
    tell(&mut terminal, 0, EventKind::VusMade { made: 10, unmade: 0, total: 10 });
    tell(&mut terminal, 0, EventKind::SetupStarted);
    tell(&mut terminal, 0, EventKind::SetupFinished { took: Duration::from_millis(3) });
    tell(&mut terminal, 0, EventKind::LoadStarted);
    for seconds in 1..=10 {
        tell(&mut terminal, seconds, EventKind::Tick(tick(seconds)));
        if seconds == 3 {
            let failed = EventKind::IterationFailed {
                scenario: "default".to_owned(),
                vu: 3,
                kind: FailureKind::Failed,
                message: "no token\nin the answer".to_owned(),
            };
            tell(&mut terminal, 3, failed);
        }
    }
    tell(&mut terminal, 10, EventKind::LoadFinished);
    tell(&mut terminal, 10, EventKind::TeardownStarted);
    tell(
        &mut terminal,
        10,
        EventKind::TeardownFinished { took: Duration::from_millis(3), error: None },
    );
    tell(&mut terminal, 10, EventKind::RunFinished(Box::new(ordinary())));
    terminal.finish().unwrap();
    assert_snapshot!(seen(&paper.text(), 80));
}

/// What is measured in each of some seconds: so many requests, that take so many milliseconds, of which some fail.
fn measured(seconds: &[(u32, f64, u32)]) -> Vec<Measured> {
    let shards = Shards::new(Registry::new(), 1);
    let mut totals = Totals::new(&shards);
    let record = |metric, value| {
        shards.recorder(0).record(shards.registry().series(metric, &Tags::new()), value);
    };
    let mut second = |(place, (count, took, failed)): (u64, &(u32, f64, u32))| {
        for one in 0..*count {
            record(builtin::HTTP_REQS, 1.0);
            record(builtin::HTTP_REQ_DURATION, took * f64::from(1 + one % 3));
            record(builtin::HTTP_REQ_FAILED, f64::from(u8::from(one < *failed)));
        }
        totals.collect();
        let mut collected = totals.collected();
        totals.hand_over(&mut collected);
        let time = Duration::from_secs(place)..Duration::from_secs(place + 1);
        Measured { time, collected }
    };
    (0..).zip(seconds).map(&mut second).collect()
}

/// A minute in which load is raised, and the target is out of breath for a while.
fn minute() -> Vec<(u32, f64, u32)> {
    let one = |second: u32| match second {
        40..=43 => (2, 800.0, 1),
        44 => (0, 0.0, 0),
        _ => (second.min(30) + 1, 4.0, 0),
    };
    (0..55).map(one).collect()
}

#[test]
fn a_live_run_shows_its_last_minute_where_there_is_room() {
    for (columns, rows) in [(100, 24), (60, 24), (60, 6)] {
        let (mut terminal, paper) = terminal(LIVE, (columns, rows));
        terminal.scenarios_max = vec![10, 4, 2, 50];
        terminal.plan = Some(plan(TWO));
        tell(&mut terminal, 4, EventKind::LoadStarted);
        for measured in measured(&minute()) {
            terminal.on_event(&Event {
                elapsed: Duration::ZERO,
                kind: EventKind::Measured(Box::new(measured)),
            });
        }
        tell(&mut terminal, 4, EventKind::Tick(tick_of_four()));
        let shown = seen(&paper.text(), columns);
        assert!(shown.lines().all(|line| line.chars().count() < columns), "{shown}");
        assert_snapshot!(format!("last_minute_in_{columns}_columns_and_{rows}_rows"), shown);
    }
}

#[test]
fn lines_say_what_was_measured_since_the_line_before() {
    let (mut terminal, paper) = terminal(PLAIN, (80, 24));
    let mut seconds = vec![(12, 4.0, 0); 5];
    seconds.extend([(12, 800.0, 3); 5]);
    for (second, measured) in (1..).zip(measured(&seconds)) {
        tell(&mut terminal, second, EventKind::Measured(Box::new(measured)));
        tell(&mut terminal, second, EventKind::Tick(tick(second)));
    }
    assert_snapshot!(paper.text());
}

#[test]
fn each_phase_has_its_own_block() {
    let (mut terminal, paper) = terminal(LIVE, (62, 24));
    let mut shown = Vec::new();
    let before = paper.text().len();
    for kind in [
        EventKind::VusMade { made: 200, unmade: 0, total: 1_000 },
        EventKind::SetupStarted,
        EventKind::TeardownStarted,
    ] {
        tell(&mut terminal, 0, kind);
        shown.push(seen(&paper.text()[before..], 62));
    }
    assert_eq!(
        shown,
        [
            "init   [======>-------------------------------] 200/1000 VUs",
            "running setup",
            "running teardown"
        ]
    );
}

#[test]
fn scenarios_of_every_kind_stand_in_columns() {
    for columns in [100, 60, 30] {
        let (mut terminal, paper) = terminal(LIVE, (columns, 24));
        let plan = plan(TWO);
        terminal.scenarios_max = vec![10, 4, 2, 50];
        terminal.plan = Some(plan);
        tell(&mut terminal, 4, EventKind::LoadStarted);
        tell(&mut terminal, 4, EventKind::Tick(tick_of_four()));
        let shown = seen(&paper.text(), columns);
        assert!(shown.lines().all(|line| line.chars().count() < columns), "{shown}");
        assert_snapshot!(format!("four_scenarios_in_{columns}_columns"), shown);
    }
}

#[test]
fn more_scenarios_than_rows_show_those_at_work() {
    let (mut terminal, paper) = terminal(LIVE, (100, 6));
    terminal.scenarios_max = vec![10, 4, 2, 50];
    terminal.plan = Some(plan(TWO));
    tell(&mut terminal, 4, EventKind::LoadStarted);
    tell(&mut terminal, 4, EventKind::Tick(tick_of_four()));
    let shown = seen(&paper.text(), 100);
    let lines: Vec<_> = shown.lines().collect();
    assert_eq!(lines.len(), 5, "{shown}");
    assert!(lines[2].starts_with("browse") && lines[3].starts_with("sweep"), "{shown}");
    assert_eq!(lines[4], "… 2 more scenarios");
}

#[test]
fn without_a_terminal_there_is_a_line_every_few_seconds() {
    let (mut terminal, paper) = terminal(PLAIN, (80, 24));
    let plan = plan(r#"{ "vus": 10, "duration": "10s" }"#);
    tell(&mut terminal, 0, started(&plan));
    tell(&mut terminal, 0, EventKind::LoadStarted);
    tell(&mut terminal, 0, EventKind::ScenarioStarted { scenario: 0 });
    for seconds in 1..=10 {
        tell(&mut terminal, seconds, EventKind::Tick(tick(seconds)));
    }
    tell(&mut terminal, 10, EventKind::ScenarioFinished { scenario: 0 });
    tell(&mut terminal, 10, EventKind::LoadFinished);
    terminal.finish().unwrap();
    assert_snapshot!(paper.text());
}

#[test]
fn lines_become_fewer_as_a_run_becomes_long() {
    let (mut terminal, paper) = terminal(PLAIN, (80, 24));
    for seconds in 1..=600 {
        tell(&mut terminal, seconds, EventKind::Tick(tick(seconds)));
    }
    let text = paper.text();
    let times: Vec<_> =
        text.lines().map(|line| &line[..line.find(')').unwrap()]["running (".len()..]).collect();
    assert_eq!(times.len(), 30, "{text}");
    assert_eq!(times[..3], ["0m05.0s", "0m10.0s", "0m15.0s"]);
    assert_eq!(times[27..], ["9m00.0s", "9m30.0s", "10m00.0s"]);
}

#[test]
fn a_run_of_several_scenarios_says_when_each_starts_and_ends() {
    let (mut terminal, paper) = terminal(PLAIN, (80, 24));
    terminal.plan = Some(plan(TWO));
    tell(&mut terminal, 5, EventKind::ScenarioStarted { scenario: 3 });
    tell(&mut terminal, 25, EventKind::ScenarioFinished { scenario: 3 });
    assert_eq!(paper.text(), "scenario buy started (0m05.0s)\nscenario buy finished (0m25.0s)\n");
}

#[test]
fn everything_that_goes_wrong_is_a_message() {
    let (mut terminal, paper) = terminal(PLAIN, (80, 24));
    let failed = |kind| EventKind::IterationFailed {
        scenario: "buy".to_owned(),
        vu: 7,
        kind,
        message: "why".to_owned(),
    };
    let error = CallError::Failed("no such shop".to_owned());
    for kind in [
        failed(FailureKind::Failed),
        failed(FailureKind::StartFailed),
        failed(FailureKind::Trapped),
        failed(FailureKind::Panicked),
        EventKind::SetupFailed { took: Duration::ZERO, error: error.clone() },
        EventKind::TeardownFinished { took: Duration::ZERO, error: Some(error) },
        EventKind::StopRequested { reason: StopReason::Interrupted },
        EventKind::StopRequested { reason: StopReason::CutOff },
        EventKind::StopRequested { reason: StopReason::Aborted("sold out".to_owned()) },
        EventKind::StopRequested { reason: StopReason::ThresholdCrossed(vec!["checks".into()]) },
        EventKind::StopRequested { reason: StopReason::Exhausted("no rows are left".to_owned()) },
        EventKind::RunFinished(Box::new(Finished {
            unmade: vec![Unmade { reason: "no memory".to_owned(), count: 2 }],
            faults: vec!["worker 0 panicked".to_owned()],
            ..ordinary()
        })),
    ] {
        tell(&mut terminal, 1, kind);
    }
    assert_snapshot!(paper.text());
}

#[test]
fn a_search_says_of_each_load_whether_it_held_and_why_not() {
    let (mut terminal, paper) = terminal(PLAIN, (80, 24));
    let finished = searched();
    tell(&mut terminal, 0, started(&finished.plan));
    let said_before = paper.text();
    for mut step in finished.search.unwrap().steps {
        if !step.held {
            (step.verdicts[0].outcome, step.verdicts[0].is_fine) = (Outcome::Crossed, false);
        }
        tell(&mut terminal, 10, EventKind::StepFinished { scenario: 0, step });
    }
    assert_eq!(
        paper.text().strip_prefix(&said_before).unwrap(),
        "✓ 100 iterations/s held\n\
         ✓ 200 iterations/s held\n\
         ✗ 400 iterations/s did not hold: http_req_duration p(95)<200, only 320/s of them \
         ended, 20.00% found no VU free\n\
         ✓ 300 iterations/s held\n"
    );
}

#[test]
fn a_quiet_run_prints_nothing_but_errors() {
    let (mut terminal, paper) = terminal(Manner { quiet: true, ..PLAIN }, (80, 24));
    let plan = plan(r#"{ "vus": 10, "duration": "10s" }"#);
    tell(&mut terminal, 0, started(&plan));
    tell(&mut terminal, 0, EventKind::LoadStarted);
    for seconds in 1..=10 {
        tell(&mut terminal, seconds, EventKind::Tick(tick(seconds)));
    }
    tell(&mut terminal, 10, EventKind::LoadFinished);
    tell(&mut terminal, 10, EventKind::RunFinished(Box::new(ordinary())));
    assert_eq!(paper.text(), "");
    let error = CallError::Failed("no such shop".to_owned());
    tell(&mut terminal, 10, EventKind::SetupFailed { took: Duration::ZERO, error });
    assert_eq!(paper.text(), "error: failed to run setup: no such shop\n");
}
