//! Whole runs of closures as VUs, on a paused clock: exact counts, no tolerance.

use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use metrics::{MetricId, Registry, Shards, Sink, Totals, builtin};
use run::{
    CallError, Control, Controller, Crew, Event, EventKind, FailureKind, Finished, GivenUp,
    RunSpec, Searched, StopReason,
};
use tokio::task::LocalSet;
use tokio::time::Instant;
use vu::{Identity, Iteration, Outcome, SetupData, Trap, Vu, VuFactory};

type Iterate =
    Arc<dyn Fn(Identity, Iteration) -> Pin<Box<dyn Future<Output = Outcome>>> + Send + Sync>;
type Call = Arc<dyn Fn() -> Outcome + Send + Sync>;

mod measured;
mod search;
mod windows;

/// VUs that are a closure, and a count of what was called.
#[derive(Clone)]
struct FnVus {
    iterate: Iterate,
    start: Call,
    setup: Call,
    setup_takes: Duration,
    /// How many iterations an instance has before it wants to be renewed.
    wants_renewal_after: u32,
    calls: Arc<Calls>,
}

#[derive(Default)]
struct Calls {
    starts: AtomicU32,
    stops: AtomicU32,
    renewals: AtomicU32,
    teardowns: AtomicU32,
    numbers: Mutex<Vec<u64>>,
    timed_out: Mutex<Vec<String>>,
}

impl FnVus {
    fn new<R: Future<Output = Outcome> + 'static>(
        iterate: impl Fn(Identity, Iteration) -> R + Send + Sync + 'static,
    ) -> Self {
        Self {
            iterate: Arc::new(move |identity, iteration| Box::pin(iterate(identity, iteration))),
            start: Arc::new(|| Outcome::Completed),
            setup: Arc::new(|| Outcome::Completed),
            setup_takes: Duration::ZERO,
            wants_renewal_after: u32::MAX,
            calls: Arc::default(),
        }
    }

    /// VUs whose iterations take this long.
    fn taking(length: Duration) -> Self {
        Self::new(move |_, _| async move {
            tokio::time::sleep(length).await;
            Outcome::Completed
        })
    }
}

struct FnVu {
    identity: Identity,
    vus: FnVus,
    /// Iterations of the instance that there is now.
    iterations: u32,
}

impl Vu for FnVu {
    async fn start(&mut self, _data: &SetupData) -> Outcome {
        self.vus.calls.starts.fetch_add(1, Ordering::Relaxed);
        (self.vus.start)()
    }

    async fn iterate(&mut self, iteration: &Iteration) -> Outcome {
        self.vus.calls.numbers.lock().unwrap().push(iteration.number);
        self.iterations += 1;
        (self.vus.iterate)(self.identity.clone(), *iteration).await
    }

    async fn stop(&mut self) {
        self.vus.calls.stops.fetch_add(1, Ordering::Relaxed);
    }

    fn renew(&mut self) {
        self.vus.calls.renewals.fetch_add(1, Ordering::Relaxed);
        self.iterations = 0;
    }

    fn wants_renewal(&self) -> bool {
        self.iterations >= self.vus.wants_renewal_after
    }

    fn timed_out(&mut self, why: &str) {
        self.vus.calls.timed_out.lock().unwrap().push(why.to_owned());
    }
}

impl VuFactory for FnVus {
    type Vu = FnVu;

    async fn setup(&self) -> Result<SetupData, Outcome> {
        tokio::time::sleep(self.setup_takes).await;
        match (self.setup)() {
            Outcome::Completed => Ok(Arc::from(*b"data")),
            other => Err(other),
        }
    }

    async fn make(&self, identity: Identity) -> Result<FnVu, String> {
        Ok(FnVu { identity, vus: self.clone(), iterations: 0 })
    }

    async fn teardown(&self, data: &SetupData) -> Outcome {
        assert_eq!(**data, *b"data");
        self.calls.teardowns.fetch_add(1, Ordering::Relaxed);
        Outcome::Completed
    }
}

fn spec(options: &str, vus: &FnVus, crew: Crew) -> RunSpec<FnVus> {
    let plan = plan::parse_json(options).expect("options").plan().expect("a plan");
    RunSpec {
        plan: Arc::new(plan),
        factory: Arc::new(vus.clone()),
        shards: Shards::new(Registry::new(), crew.workers() + 1),
        crew,
        control: Control::new(),
        by_series: true,
        usage: Some(|| Some(run::Usage { cpu: std::time::Duration::ZERO, memory: 7 })),
    }
}

/// Runs here, on the test's clock; `meanwhile` can ask the run to stop.
async fn run_with<R: Future<Output = ()> + 'static>(
    options: &str,
    vus: &FnVus,
    meanwhile: impl FnOnce(Controller) -> R,
) -> (Box<Finished>, Vec<String>) {
    let spec = spec(options, vus, Crew::here());
    let controller = spec.control.controller();
    let said = Rc::new(RefCell::new(Vec::new()));
    let heard = Rc::clone(&said);
    let local = LocalSet::new();
    local.spawn_local(meanwhile(controller));
    let finished = local
        .run_until(async move {
            run::run(spec, &mut |event: &Event| heard.borrow_mut().push(name(&event.kind))).await
        })
        .await;
    (finished, said.take())
}

async fn run(options: &str, vus: &FnVus) -> Box<Finished> {
    run_with(options, vus, |_| async {}).await.0
}

fn name(kind: &EventKind) -> String {
    let text = format!("{kind:?}");
    text.split([' ', '(', '{']).next().unwrap_or_default().to_owned()
}

fn count(totals: &Totals, metric: MetricId) -> u64 {
    match totals.select(metric, &[]) {
        Some(Sink::Counter(counter)) => counter.sum as u64,
        Some(Sink::Trend(trend)) => trend.count(),
        _ => 0,
    }
}

fn second() -> Duration {
    Duration::from_secs(1)
}

#[tokio::test(start_paused = true)]
async fn constant_vus_iterate_as_often_as_the_time_allows() {
    let vus = FnVus::taking(second());
    let finished = run(r#"{ "vus": 3, "duration": "10s" }"#, &vus).await;
    assert_eq!(count(&finished.totals, builtin::ITERATIONS), 30);
    assert_eq!(count(&finished.totals, builtin::ITERATION_DURATION), 30);
    assert_eq!(count(&finished.totals, builtin::ITERATIONS_INTERRUPTED), 0);
    assert_eq!(finished.elapsed, 10 * second());
    assert_eq!(vus.calls.starts.load(Ordering::Relaxed), 3);
    assert_eq!(vus.calls.stops.load(Ordering::Relaxed), 3);
    assert_eq!(vus.calls.teardowns.load(Ordering::Relaxed), 1);
}

#[tokio::test(start_paused = true)]
async fn graceful_stop_saves_what_ends_in_time_and_cuts_off_the_rest() {
    for (graceful, whole, cut) in [("2s", 8, 0), ("500ms", 6, 2)] {
        let vus = FnVus::taking(3 * second());
        let options = format!(r#"{{ "vus": 2, "duration": "10s", "gracefulStop": "{graceful}" }}"#);
        let finished = run(&options, &vus).await;
        assert_eq!(count(&finished.totals, builtin::ITERATIONS), whole, "{graceful}");
        assert_eq!(count(&finished.totals, builtin::ITERATIONS_INTERRUPTED), cut, "{graceful}");
        assert_eq!(vus.calls.stops.load(Ordering::Relaxed), 2 - cut as u32, "{graceful}");
    }
}

#[tokio::test(start_paused = true)]
async fn each_vu_runs_its_own_iterations() {
    let vus = FnVus::taking(second());
    let options = r#"{ "scenarios": { "each": {
        "executor": "per-vu-iterations", "vus": 4, "iterations": 5 } } }"#;
    let finished = run(options, &vus).await;
    assert_eq!(count(&finished.totals, builtin::ITERATIONS), 20);
    assert_eq!(finished.elapsed, 5 * second());
    let mut numbers = vus.calls.numbers.lock().unwrap().clone();
    numbers.sort_unstable();
    assert_eq!(numbers, (0..20).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn shared_iterations_run_each_number_once() {
    // Every VU is as slow as its number: the quick ones take more of the work.
    let vus = FnVus::new(|identity, _| async move {
        tokio::time::sleep(second() * identity.vu).await;
        Outcome::Completed
    });
    let finished = run(r#"{ "vus": 3, "iterations": 11 }"#, &vus).await;
    assert_eq!(count(&finished.totals, builtin::ITERATIONS), 11);
    // 1, 2, 3, … 6 s of the first; 2, 4, 6 s of the second; 3, 6 s of the third: eleven by then.
    assert_eq!(finished.elapsed, 6 * second());
    assert_eq!(*vus.calls.numbers.lock().unwrap(), (0..11).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn iterations_that_take_too_long_end_with_the_scenario() {
    let vus = FnVus::taking(3 * second());
    let options = r#"{ "scenarios": { "short": { "executor": "shared-iterations",
        "vus": 1, "iterations": 10, "maxDuration": "4s", "gracefulStop": "1s" } } }"#;
    let finished = run(options, &vus).await;
    assert_eq!(count(&finished.totals, builtin::ITERATIONS), 1);
    assert_eq!(count(&finished.totals, builtin::ITERATIONS_INTERRUPTED), 1);
    assert_eq!(finished.elapsed, 5 * second());
}

#[tokio::test(start_paused = true)]
async fn arrivals_come_at_their_times_whether_or_not_others_have_ended() {
    let vus = FnVus::taking(second() / 2);
    let options = r#"{ "scenarios": { "open": { "executor": "constant-arrival-rate",
        "rate": 10, "duration": "10s", "preAllocatedVUs": 5 } } }"#;
    let finished = run(options, &vus).await;
    assert_eq!(count(&finished.totals, builtin::ITERATIONS), 100);
    assert_eq!(count(&finished.totals, builtin::DROPPED_ITERATIONS), 0);
    let Some(Sink::Trend(lag)) = finished.totals.select(builtin::ITERATION_LAG, &[]) else {
        panic!("no lag was recorded")
    };
    assert_eq!((lag.count(), lag.max()), (100, 0.0));
}

#[tokio::test(start_paused = true)]
async fn arrivals_that_no_vu_is_free_for_are_dropped_and_counted() {
    let vus = FnVus::taking(second());
    let options = r#"{ "scenarios": { "open": { "executor": "constant-arrival-rate",
        "rate": 10, "duration": "10s", "preAllocatedVUs": 4 } } }"#;
    let finished = run(options, &vus).await;
    let ran = count(&finished.totals, builtin::ITERATIONS);
    let dropped = count(&finished.totals, builtin::DROPPED_ITERATIONS);
    assert_eq!((ran, dropped), (40, 60));
}

#[tokio::test(start_paused = true)]
async fn more_vus_are_made_for_arrivals_up_to_the_most() {
    let vus = FnVus::taking(second());
    let options = r#"{ "scenarios": { "open": { "executor": "constant-arrival-rate",
        "rate": 10, "duration": "10s", "preAllocatedVUs": 4, "maxVUs": 20 } } }"#;
    let finished = run(options, &vus).await;
    // One arrival is dropped for each of the six VUs that had to be made, none after that.
    assert_eq!(count(&finished.totals, builtin::DROPPED_ITERATIONS), 6);
    assert_eq!(vus.calls.starts.load(Ordering::Relaxed), 10);
}

#[tokio::test(start_paused = true)]
async fn scenarios_start_at_their_times() {
    let vus = FnVus::taking(second());
    let options = r#"{ "scenarios": {
        "first": { "executor": "constant-vus", "vus": 1, "duration": "5s" },
        "second": { "executor": "constant-vus", "vus": 2, "duration": "5s", "startTime": "3s" }
    } }"#;
    let (finished, said) = run_with(options, &vus, |_| async {}).await;
    assert_eq!(count(&finished.totals, builtin::ITERATIONS), 15);
    assert_eq!(finished.elapsed, 8 * second());
    let starts: Vec<_> =
        said.iter().filter(|name| name.starts_with("Scenario")).map(String::as_str).collect();
    assert_eq!(
        starts,
        ["ScenarioStarted", "ScenarioStarted", "ScenarioFinished", "ScenarioFinished"]
    );
    let filter = [("scenario".to_owned(), "second".to_owned())];
    let Some(Sink::Counter(second)) = finished.totals.select(builtin::ITERATIONS, &filter) else {
        panic!("iterations carry their scenario")
    };
    assert_eq!(second.sum, 10.0);
}

#[tokio::test(start_paused = true)]
async fn the_first_interrupt_drains_and_the_second_cuts_off() {
    for (interrupts, whole, cut, teardowns, stop) in
        [(1, 4, 0, 1, StopReason::Interrupted), (2, 2, 2, 0, StopReason::CutOff)]
    {
        let vus = FnVus::taking(2 * second());
        let (finished, _) =
            run_with(r#"{ "vus": 2, "duration": "1m" }"#, &vus, |controller| async move {
                tokio::time::sleep(3 * second()).await;
                for _ in 0..interrupts {
                    controller.interrupt();
                }
            })
            .await;
        assert_eq!(count(&finished.totals, builtin::ITERATIONS), whole, "{stop}");
        assert_eq!(count(&finished.totals, builtin::ITERATIONS_INTERRUPTED), cut, "{stop}");
        assert_eq!(vus.calls.teardowns.load(Ordering::Relaxed), teardowns, "{stop}");
        assert_eq!(finished.stop, Some(stop));
    }
}

#[tokio::test(start_paused = true)]
async fn a_script_can_end_the_run() {
    let vus = FnVus::new(|identity, iteration| async move {
        tokio::time::sleep(second()).await;
        if identity.vu == 1 && iteration.number_in_vu == 2 {
            return Outcome::Aborted("enough".into());
        }
        Outcome::Completed
    });
    let finished = run(r#"{ "vus": 2, "duration": "1m" }"#, &vus).await;
    assert_eq!(finished.stop, Some(StopReason::Aborted("enough".into())));
    assert!(finished.elapsed < 4 * second());
    assert_eq!(vus.calls.teardowns.load(Ordering::Relaxed), 1);
}

#[tokio::test(start_paused = true)]
async fn a_script_with_nothing_left_to_do_drains_the_run() {
    let arrivals = r#"{ "scenarios": { "s": {
        "executor": "constant-arrival-rate", "rate": 1, "duration": "1m", "preAllocatedVUs": 2
    } } }"#;
    for (options, elapsed) in [(r#"{ "vus": 2, "duration": "1m" }"#, 4_500), (arrivals, 5_500)] {
        let vus = FnVus::new(|_, iteration| async move {
            if iteration.number == 5 {
                return Outcome::Exhausted("no rows are left".into());
            }
            tokio::time::sleep(second() * 3 / 2).await;
            Outcome::Completed
        });
        let finished = run(options, &vus).await;
        assert_eq!(finished.stop, Some(StopReason::Exhausted("no rows are left".into())));
        assert_eq!(count(&finished.totals, builtin::ITERATIONS), 5, "{options}");
        assert_eq!(count(&finished.totals, builtin::ITERATIONS_INTERRUPTED), 1, "{options}");
        assert_eq!(count(&finished.totals, builtin::DROPPED_ITERATIONS), 0, "{options}");
        assert!(finished.failures.is_empty(), "it is no failure");
        // The iteration that ran beside it came to its end.
        assert_eq!(finished.elapsed, Duration::from_millis(elapsed), "{options}");
        assert_eq!(vus.calls.teardowns.load(Ordering::Relaxed), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_setup_that_fails_or_takes_too_long_ends_the_run_before_any_load() {
    let mut failing = FnVus::taking(second());
    failing.setup = Arc::new(|| Outcome::Failed("no database".into()));
    let mut slow = FnVus::taking(second());
    slow.setup_takes = Duration::from_secs(120);
    for (vus, error) in [
        (failing, CallError::Failed("no database".into())),
        (slow, CallError::TimedOut(Duration::from_secs(60))),
    ] {
        let (finished, said) =
            run_with(r#"{ "vus": 2, "iterations": 4 }"#, &vus, |_| async {}).await;
        assert_eq!(finished.setup_error, Some(error));
        assert_eq!(count(&finished.totals, builtin::ITERATIONS), 0);
        assert_eq!(vus.calls.starts.load(Ordering::Relaxed), 0);
        assert!(
            said.contains(&"SetupFailed".to_owned()) && !said.contains(&"LoadStarted".to_owned())
        );
    }
}

#[tokio::test(start_paused = true)]
async fn failures_traps_and_panics_are_counted_and_the_users_go_on() {
    let vus = FnVus::new(|_, iteration| async move {
        tokio::time::sleep(second()).await;
        match iteration.number % 4 {
            0 => Outcome::Completed,
            1 => Outcome::Failed("no".into()),
            2 => Outcome::Trapped(Trap {
                reason: "broke".into(),
                at: Some("a.rs:1".into()),
                limit: None,
            }),
            _ => panic!("a fault of the engine"),
        }
    });
    let (finished, said) = run_with(r#"{ "vus": 1, "iterations": 8 }"#, &vus, |_| async {}).await;
    assert_eq!(count(&finished.totals, builtin::ITERATIONS), 8);
    assert_eq!(count(&finished.totals, builtin::ITERATIONS_FAILED), 6);
    assert_eq!(count(&finished.totals, builtin::TRAPS), 2);
    let told: Vec<_> =
        finished.failures.iter().map(|one| (one.kind, one.message.as_str(), one.count)).collect();
    assert_eq!(
        told,
        [
            (FailureKind::Failed, "no", 2),
            (FailureKind::Trapped, "broke at a.rs:1", 2),
            (FailureKind::Panicked, "a fault of the engine", 2),
        ]
    );
    assert_eq!(said.iter().filter(|name| *name == "IterationFailed").count(), 3, "each once");
    // The script was fresh after each trap and panic, and was started again for the iteration that came next.
    assert_eq!(vus.calls.starts.load(Ordering::Relaxed), 4);
}

#[tokio::test(start_paused = true)]
async fn a_user_whose_start_fails_tries_again_each_second_and_does_not_iterate() {
    let mut vus = FnVus::taking(second());
    vus.start = Arc::new(|| Outcome::Failed("who are you".into()));
    let finished = run(r#"{ "vus": 1, "duration": "10s" }"#, &vus).await;
    assert_eq!(count(&finished.totals, builtin::ITERATIONS), 0);
    assert_eq!(count(&finished.totals, builtin::ITERATIONS_FAILED), 10);
    assert_eq!(finished.failures[0].kind, FailureKind::StartFailed);
}

#[tokio::test(start_paused = true)]
async fn a_threshold_that_aborts_stops_the_run_at_its_next_evaluation() {
    let vus = FnVus::taking(second());
    let options = r#"{ "vus": 1, "duration": "1m", "thresholds": {
        "iteration_duration": [{ "threshold": "max<500", "abortOnFail": true }] } }"#;
    let finished = run(options, &vus).await;
    assert_eq!(
        finished.stop,
        Some(StopReason::ThresholdCrossed(vec!["iteration_duration".into()]))
    );
    assert!(finished.elapsed < 5 * second());
}

#[tokio::test(start_paused = true)]
async fn iterations_that_never_wait_leave_the_others_their_turn() {
    let vus = FnVus::new(|_, _| async { Outcome::Completed });
    let finished = run(r#"{ "vus": 3, "iterations": 1000 }"#, &vus).await;
    assert_eq!(count(&finished.totals, builtin::ITERATIONS), 1000);
    assert_eq!(vus.calls.starts.load(Ordering::Relaxed), 3);
}

#[test]
fn several_threads_together_run_each_iteration_once() {
    let total = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&total);
    let vus = FnVus::new(move |identity, _| {
        let total = Arc::clone(&counted);
        async move {
            assert_eq!(
                std::thread::current().name(),
                Some(&*format!("worker-{}", identity.worker))
            );
            total.fetch_add(1, Ordering::Relaxed);
            Outcome::Completed
        }
    });
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let spec = spec(r#"{ "vus": 7, "iterations": 5000 }"#, &vus, Crew::threads(3));
    let finished = runtime.block_on(run::run(spec, &mut |_| {}));
    assert!(finished.faults.is_empty(), "{:?}", finished.faults);
    assert_eq!(total.load(Ordering::Relaxed), 5000);
    assert_eq!(count(&finished.totals, builtin::ITERATIONS), 5000);
    let mut numbers = vus.calls.numbers.lock().unwrap().clone();
    numbers.sort_unstable();
    assert_eq!(numbers, (0..5000).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn a_ramp_adds_and_takes_away_vus_and_loses_no_iteration_that_has_time_to_finish() {
    // Up to four VUs in four seconds, held for four, down in four. An iteration takes just under a second.
    let vus = FnVus::taking(second() - Duration::from_millis(1));
    let options = r#"{ "scenarios": { "ramp": { "executor": "ramping-vus", "startVUs": 0, "stages": [
        { "duration": "4s", "target": 4 }, { "duration": "4s", "target": 4 },
        { "duration": "4s", "target": 0 } ] } } }"#;
    let finished = run(options, &vus).await;
    // VU n is there from second n to second 13 − n; each iteration begins in its time.
    let expected: f64 = (1..=4).map(|n| (f64::from(13 - 2 * n) / 0.999).ceil()).sum();
    assert_eq!(count(&finished.totals, builtin::ITERATIONS), expected as u64);
    assert_eq!(count(&finished.totals, builtin::ITERATIONS_INTERRUPTED), 0);
}

#[tokio::test(start_paused = true)]
async fn ten_thousand_vus_ramp_up_and_down_without_losing_an_iteration() {
    let vus = FnVus::taking(second() / 2);
    let options = r#"{ "scenarios": { "ramp": { "executor": "ramping-vus", "startVUs": 0, "stages": [
        { "duration": "2s", "target": 10000 }, { "duration": "2s", "target": 0 } ] } } }"#;
    let finished = run(options, &vus).await;
    assert_eq!(count(&finished.totals, builtin::ITERATIONS_INTERRUPTED), 0);
    // Half the area under the ramp in VU seconds, two a second, and the begun one of each at its end.
    let iterations = count(&finished.totals, builtin::ITERATIONS);
    let begun = vus.calls.numbers.lock().unwrap().len() as u64;
    assert_eq!(iterations, begun, "each that began has ended");
    assert!((40_000..=50_000).contains(&iterations), "{iterations}");
}

#[tokio::test(start_paused = true)]
async fn a_ramp_of_arrivals_starts_as_many_as_lie_under_it() {
    let vus = FnVus::taking(second() / 10);
    let options = r#"{ "scenarios": { "open": { "executor": "ramping-arrival-rate",
        "preAllocatedVUs": 50, "stages": [
        { "duration": "10s", "target": 100 }, { "duration": "10s", "target": 0 } ] } } }"#;
    let finished = run(options, &vus).await;
    assert_eq!(count(&finished.totals, builtin::ITERATIONS), 1_000);
    assert_eq!(count(&finished.totals, builtin::DROPPED_ITERATIONS), 0);
}

#[tokio::test(start_paused = true)]
async fn arrivals_that_may_wait_run_late_and_say_how_late() {
    let vus = FnVus::taking(second());
    let options = |most: u32| {
        format!(
            r#"{{ "scenarios": {{ "open": {{ "executor": "constant-arrival-rate", "rate": 10,
            "duration": "2s", "preAllocatedVUs": 5, "onBusy": "queue", "maxQueue": {most} }} }} }}"#
        )
    };
    // Twenty in two seconds, five a second: those of the first second wait for up to two.
    let finished = run(&options(100), &vus).await;
    assert_eq!(count(&finished.totals, builtin::ITERATIONS), 20);
    assert_eq!(count(&finished.totals, builtin::DROPPED_ITERATIONS), 0);
    let Some(Sink::Trend(lag)) = finished.totals.select(builtin::ITERATION_LAG, &[]) else {
        panic!("no lag was recorded")
    };
    assert_eq!((lag.min(), lag.max().round()), (0.0, 1_500.0));
    // With room for two, the others are dropped.
    let finished = run(&options(2), &vus).await;
    let ran = count(&finished.totals, builtin::ITERATIONS);
    assert_eq!(ran + count(&finished.totals, builtin::DROPPED_ITERATIONS), 20);
    assert_eq!(ran, 12, "five at once, five a second later, two that waited");
}

#[tokio::test(start_paused = true)]
async fn what_still_waits_at_the_end_is_dropped_and_counted() {
    let vus = FnVus::taking(20 * second());
    let options = r#"{ "scenarios": { "open": { "executor": "constant-arrival-rate", "rate": 10,
        "duration": "1s", "preAllocatedVUs": 2, "onBusy": "queue", "gracefulStop": "5s" } } }"#;
    let finished = run(options, &vus).await;
    assert_eq!(count(&finished.totals, builtin::ITERATIONS_INTERRUPTED), 2);
    assert_eq!(count(&finished.totals, builtin::DROPPED_ITERATIONS), 8);
}

#[tokio::test(start_paused = true)]
async fn a_vu_waits_between_its_iterations_as_its_scenario_says() {
    for (wait, iterations, why) in [
        (r#""thinkTime": { "constant": "1s" }"#, 5, "a second each, a second between"),
        (r#""pacing": "5s""#, 2, "one each five seconds"),
        (r#""pacing": "500ms""#, 10, "a pace that is not met does not wait"),
        (r#""minIterationDuration": "2s""#, 5, "busy for two seconds each"),
    ] {
        let vus = FnVus::taking(second());
        let options = format!(
            r#"{{ "scenarios": {{ "a": {{ "executor": "constant-vus", "duration": "10s", {wait} }} }} }}"#
        );
        let finished = run(&options, &vus).await;
        assert_eq!(count(&finished.totals, builtin::ITERATIONS), iterations, "{why}");
        assert_eq!(finished.elapsed, 10 * second(), "{why}: a wait does not outlast the scenario");
    }
}

#[tokio::test(start_paused = true)]
async fn waits_by_chance_are_those_of_the_seed() {
    async fn elapsed(seed: &str) -> Duration {
        let options = format!(
            r#"{{ {seed} "scenarios": {{ "a": {{ "executor": "per-vu-iterations", "vus": 3,
                "iterations": 9, "thinkTime": {{ "between": ["1s", "9s"] }} }} }} }}"#
        );
        run(&options, &FnVus::taking(second())).await.elapsed
    }
    let seven = elapsed(r#""seed": 7,"#).await;
    assert_eq!(seven, elapsed(r#""seed": 7,"#).await);
    assert_ne!(seven, elapsed(r#""seed": 8,"#).await);
    assert_eq!(elapsed("").await, elapsed("").await, "where none is decided, too");
}

#[tokio::test(start_paused = true)]
async fn an_iteration_that_takes_too_long_is_cut_off_and_has_failed() {
    let vus = FnVus::taking(3 * second());
    let options = r#"{ "scenarios": { "a": { "executor": "constant-vus", "duration": "10s",
        "iterationTimeout": "2s" } } }"#;
    let finished = run(options, &vus).await;
    assert_eq!(count(&finished.totals, builtin::ITERATIONS), 5);
    assert_eq!(count(&finished.totals, builtin::ITERATIONS_FAILED), 5);
    let why = "the iteration took longer than 2s";
    assert_eq!(finished.failures[0].message, why);
    assert_eq!(*vus.calls.timed_out.lock().unwrap(), [why; 5], "the VU is told");
}

#[tokio::test(start_paused = true)]
async fn an_iteration_of_its_own_meets_a_script_that_was_started_for_it() {
    let vus = FnVus::taking(second());
    let options = r#"{ "scenarios": { "a": { "executor": "constant-vus", "duration": "5s",
        "isolation": "iteration" } } }"#;
    let finished = run(options, &vus).await;
    assert_eq!(count(&finished.totals, builtin::ITERATIONS), 5);
    assert_eq!(vus.calls.starts.load(Ordering::Relaxed), 5);
    assert_eq!(vus.calls.renewals.load(Ordering::Relaxed), 5);
}

#[tokio::test(start_paused = true)]
async fn a_vu_that_wants_to_be_renewed_is_stopped_and_started_again() {
    let vus = FnVus { wants_renewal_after: 2, ..FnVus::taking(second()) };
    let finished =
        run(r#"{ "scenarios": { "a": { "executor": "constant-vus", "duration": "5s" } } }"#, &vus)
            .await;
    assert_eq!(count(&finished.totals, builtin::ITERATIONS), 5);
    assert_eq!(vus.calls.renewals.load(Ordering::Relaxed), 2);
    assert_eq!(vus.calls.starts.load(Ordering::Relaxed), 3);
    assert_eq!(vus.calls.stops.load(Ordering::Relaxed), 3);
}

#[tokio::test(start_paused = true)]
async fn controlled_vus_are_scaled_paused_and_resumed_without_losing_an_iteration() {
    let vus = FnVus::taking(second() - Duration::from_millis(1));
    let options = r#"{ "scenarios": { "a": { "executor": "externally-controlled", "vus": 2,
        "maxVUs": 10, "duration": "40s" } } }"#;
    let (finished, _) = run_with(options, &vus, |controller| async move {
        let at = |seconds: u32| tokio::time::sleep_until(Instant::now() + second() * seconds);
        at(10).await;
        controller.scale("a", 10);
        at(10).await;
        controller.pause(true);
        at(10).await;
        controller.pause(false);
        // More than there are is as many as there are.
        controller.scale("a", 99);
        at(5).await;
        controller.scale("a", 1);
    })
    .await;
    // Iterations of just under a second: eleven begin in ten seconds, six in five.
    let expected = 2 * 11 + 8 * 11 + 2 * 10 + 10 * 6 + 5;
    let ran = count(&finished.totals, builtin::ITERATIONS);
    assert!((expected - 10..=expected + 10).contains(&ran), "{ran} and not {expected}");
    assert_eq!(count(&finished.totals, builtin::ITERATIONS_INTERRUPTED), 0);
    assert_eq!(vus.calls.starts.load(Ordering::Relaxed), 10);
    assert_eq!(vus.calls.stops.load(Ordering::Relaxed), 10);
    assert_eq!(finished.elapsed.as_secs(), 40);
}

#[tokio::test(start_paused = true)]
async fn a_controlled_run_without_end_ends_when_it_is_asked_to() {
    let vus = FnVus::taking(second());
    let options = r#"{ "scenarios": { "a": { "executor": "externally-controlled", "vus": 1,
        "duration": 0 } } }"#;
    let (finished, _) = run_with(options, &vus, |controller| async move {
        tokio::time::sleep(1_000 * second() + second() / 2).await;
        controller.interrupt();
    })
    .await;
    assert_eq!(count(&finished.totals, builtin::ITERATIONS), 1_001);
}

#[tokio::test(start_paused = true)]
async fn arrivals_that_a_worker_cannot_keep_up_with_end_with_their_time() {
    // Each turn of the worker costs it a second, as where scripts compute.
    let vus = FnVus::new(|_, _| async {
        tokio::time::advance(second()).await;
        Outcome::Completed
    });
    let options = r#"{ "scenarios": { "open": { "executor": "constant-arrival-rate", "rate": 10,
        "duration": "5s", "gracefulStop": "1s", "preAllocatedVUs": 1, "onBusy": "queue" } } }"#;
    let finished = run(options, &vus).await;
    let (ran, dropped) = (
        count(&finished.totals, builtin::ITERATIONS),
        count(&finished.totals, builtin::DROPPED_ITERATIONS),
    );
    let cut = count(&finished.totals, builtin::ITERATIONS_INTERRUPTED);
    assert_eq!(ran + dropped + cut, 50, "{ran} ran, {dropped} were dropped, {cut} cut off");
    assert!(ran < 10, "{ran} ran in five seconds of a second each");
    assert!(finished.elapsed < Duration::from_secs(10), "{:?}", finished.elapsed);
}

#[tokio::test(start_paused = true)]
async fn an_isolated_iteration_is_started_and_stopped() {
    let vus = FnVus::taking(second());
    let options = r#"{ "scenarios": { "a": { "executor": "per-vu-iterations", "iterations": 3,
        "isolation": "iteration" } } }"#;
    run(options, &vus).await;
    let called = |calls: &AtomicU32| calls.load(Ordering::Relaxed);
    assert_eq!((called(&vus.calls.starts), called(&vus.calls.stops)), (3, 3));
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_after_the_last_iteration() {
    let vus = FnVus::taking(second());
    let options = r#"{ "scenarios": { "a": { "executor": "per-vu-iterations", "iterations": 2,
        "thinkTime": { "constant": "10s" } } } }"#;
    let finished = run(options, &vus).await;
    assert_eq!(finished.elapsed, 12 * second());
}

/// VUs whose script breaks at once, each time.
fn broken() -> FnVus {
    FnVus::new(|_, _| async {
        Outcome::Trapped(Trap { reason: "broke".into(), at: None, limit: None })
    })
}

#[tokio::test(start_paused = true)]
async fn a_user_whose_script_breaks_again_and_again_is_left_alone_ever_longer() {
    let finished = run(r#"{ "vus": 1, "duration": "10s" }"#, &broken()).await;
    // At once, at once, after 10 ms, 20, 40 … 640: 1.27 s; then each second.
    assert_eq!(count(&finished.totals, builtin::TRAPS), 2 + 7 + 8);

    let arrivals = r#"{ "scenarios": { "open": { "executor": "constant-arrival-rate", "rate": 100,
        "duration": "10s", "preAllocatedVUs": 2 } } }"#;
    let finished = run(arrivals, &broken()).await;
    let traps = count(&finished.totals, builtin::TRAPS);
    assert!(traps < 50, "{traps} of 1,000 arrivals met a user that was not recovering");
    assert_eq!(traps + count(&finished.totals, builtin::DROPPED_ITERATIONS), 1_000);

    let mut to_start = FnVus::taking(second());
    to_start.start =
        Arc::new(|| Outcome::Trapped(Trap { reason: "broke".into(), at: None, limit: None }));
    let finished = run(arrivals, &to_start).await;
    assert!(count(&finished.totals, builtin::TRAPS) < 50);
}

#[tokio::test(start_paused = true)]
async fn a_user_whose_script_breaks_now_and_then_is_not_kept_waiting() {
    let vus = FnVus::new(|_, iteration| async move {
        tokio::time::sleep(second()).await;
        match iteration.number % 2 {
            0 => Outcome::Completed,
            _ => Outcome::Trapped(Trap { reason: "broke".into(), at: None, limit: None }),
        }
    });
    let finished = run(r#"{ "vus": 1, "duration": "10s" }"#, &vus).await;
    assert_eq!(count(&finished.totals, builtin::ITERATIONS), 10);
    assert_eq!(finished.elapsed, 10 * second());
}

#[tokio::test(start_paused = true)]
async fn a_scenario_whose_script_breaks_too_often_ends_and_the_others_go_on() {
    let vus = FnVus::new(|identity, _| async move {
        tokio::time::sleep(second()).await;
        match identity.scenario.name.as_str() {
            "good" => Outcome::Completed,
            _ => Outcome::Trapped(Trap { reason: "broke".into(), at: None, limit: None }),
        }
    });
    let options = r#"{ "limits": { "restarts": 5 }, "scenarios": {
        "bad": { "executor": "constant-vus", "vus": 3, "duration": "1m" },
        "good": { "executor": "constant-vus", "vus": 1, "duration": "1m" } } }"#;
    let (finished, said) = run_with(options, &vus, |_| async {}).await;
    let verdict = GivenUp { scenario: "bad".into(), allowed: 5 };
    assert_eq!(finished.given_up, [verdict]);
    assert_eq!(said.iter().filter(|name| *name == "ScenarioGivenUp").count(), 1);
    assert_eq!(count(&finished.totals, builtin::TRAPS), 6, "three users, twice each");
    assert_eq!(count(&finished.totals, builtin::ITERATIONS), 60 + 6);
    assert_eq!(finished.stop, None);
    assert_eq!(vus.calls.teardowns.load(Ordering::Relaxed), 1);
}

#[tokio::test(start_paused = true)]
async fn iterations_that_take_too_long_are_counted_by_the_name_of_their_limit() {
    let vus = FnVus::taking(2 * second());
    let options =
        r#"{ "vus": 1, "duration": "10s", "limits": { "iterationTime": "1s", "restarts": 0 } }"#;
    let finished = run(options, &vus).await;
    let filter = [("limit".to_owned(), "iteration-time".to_owned())];
    match finished.totals.select(builtin::LIMITS_REACHED, &filter) {
        Some(Sink::Counter(counter)) => assert_eq!(counter.sum, 10.0),
        other => panic!("no counter: {other:?}"),
    }
    assert!(finished.given_up.is_empty(), "a slow target breaks no script");
}
