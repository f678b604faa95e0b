//! Whole runs at their edges, where the end of one thing meets the start of another: on a paused clock,
//! exact counts.

use std::future::{Future, pending};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use metrics::{MetricId, Registry, Shards, Sink, builtin};
use plan::{Plan, Schedule, VuStep};
use run::{Control, Controller, Crew, Event, EventKind, Finished, RunSpec, StopReason};
use tokio::task::LocalSet;
use tokio::time::{Instant, sleep};
use vu::{Identity, Iteration, Outcome, SetupData, Vu, VuFactory};

const SECOND: Duration = Duration::from_secs(1);

type Called<T> = Pin<Box<dyn Future<Output = T>>>;

/// A script made of closures.
#[derive(Clone)]
struct Script {
    make: Arc<dyn Fn(u32) -> Called<Result<(), String>> + Send + Sync>,
    start: Arc<dyn Fn() -> Called<Outcome> + Send + Sync>,
    iterate: Arc<dyn Fn(Iteration) -> Called<Outcome> + Send + Sync>,
    /// Whether a VU's end is the end of what it should have been.
    breaks_when_dropped: bool,
    calls: Arc<Calls>,
}

#[derive(Default)]
struct Calls {
    setups: AtomicU32,
    starts: AtomicU32,
    iterations: AtomicU32,
    teardowns: AtomicU32,
    last_start: Mutex<Option<Instant>>,
}

impl Script {
    fn new<R: Future<Output = Outcome> + 'static>(
        iterate: impl Fn(Iteration) -> R + Send + Sync + 'static,
    ) -> Self {
        Self {
            make: Arc::new(|_| Box::pin(async { Ok(()) })),
            start: Arc::new(|| Box::pin(async { Outcome::Completed })),
            iterate: Arc::new(move |iteration| Box::pin(iterate(iteration))),
            breaks_when_dropped: false,
            calls: Arc::default(),
        }
    }

    /// One whose iterations take this long.
    fn taking(length: Duration) -> Self {
        Self::new(move |_| async move {
            sleep(length).await;
            Outcome::Completed
        })
    }

    fn starting<R: Future<Output = Outcome> + 'static>(
        mut self,
        start: impl Fn() -> R + Send + Sync + 'static,
    ) -> Self {
        self.start = Arc::new(move || Box::pin(start()));
        self
    }
}

struct ScriptVu(Script);

impl Vu for ScriptVu {
    async fn start(&mut self, _: &SetupData) -> Outcome {
        self.0.calls.starts.fetch_add(1, Ordering::Relaxed);
        (self.0.start)().await
    }

    async fn iterate(&mut self, iteration: &Iteration) -> Outcome {
        self.0.calls.iterations.fetch_add(1, Ordering::Relaxed);
        *self.0.calls.last_start.lock().unwrap() = Some(Instant::now());
        (self.0.iterate)(*iteration).await
    }

    async fn stop(&mut self) {}

    fn renew(&mut self) {}
}

impl Drop for ScriptVu {
    fn drop(&mut self) {
        assert!(!self.0.breaks_when_dropped || std::thread::panicking(), "broke when dropped");
    }
}

impl VuFactory for Script {
    type Vu = ScriptVu;

    async fn setup(&self) -> Result<SetupData, Outcome> {
        self.calls.setups.fetch_add(1, Ordering::Relaxed);
        Ok(Arc::from([]))
    }

    async fn make(&self, identity: Identity) -> Result<ScriptVu, String> {
        (self.make)(identity.vu).await.map(|()| ScriptVu(self.clone()))
    }

    async fn teardown(&self, _: &SetupData) -> Outcome {
        self.calls.teardowns.fetch_add(1, Ordering::Relaxed);
        Outcome::Completed
    }
}

fn plan(options: &str) -> Plan {
    plan::parse_json(options).expect("options").plan().expect("a plan")
}

/// A plan of one ramp.
fn ramp(steps: &[(u64, u32)], graceful_ramp_down: Duration, graceful_stop: Duration) -> Plan {
    let mut plan = plan(r#"{ "vus": 1, "duration": "1s" }"#);
    let steps = steps.iter().map(|(at, vus)| VuStep { at: SECOND * *at as u32, vus: *vus });
    plan.scenarios[0].schedule = Schedule::Looping { steps: steps.collect(), graceful_ramp_down };
    plan.scenarios[0].graceful_stop = graceful_stop;
    plan
}

/// Runs here, on the test's clock, with someone who may ask it to stop; says which events there were.
async fn run_with<R: Future<Output = ()> + 'static>(
    plan: Plan,
    script: &Script,
    meanwhile: impl FnOnce(Controller) -> R,
) -> (Box<Finished>, Vec<String>) {
    let crew = Crew::here();
    let control = Control::new();
    let controller = control.controller();
    let spec = RunSpec {
        plan: Arc::new(plan),
        factory: Arc::new(script.clone()),
        shards: Shards::new(Registry::new(), crew.workers() + 1),
        crew,
        control,
        by_series: false,
        usage: None,
    };
    let local = LocalSet::new();
    local.spawn_local(meanwhile(controller));
    let said = Rc::default();
    let heard: Rc<std::cell::RefCell<Vec<String>>> = Rc::clone(&said);
    let finished = local
        .run_until(async move {
            let mut on_event = |event: &Event| match &event.kind {
                EventKind::ScenarioStarted { scenario } => {
                    heard.borrow_mut().push(format!("started {scenario}"));
                }
                EventKind::ScenarioFinished { scenario } => {
                    heard.borrow_mut().push(format!("finished {scenario}"));
                }
                EventKind::StopRequested { reason } => {
                    heard.borrow_mut().push(format!("stop: {reason}"));
                }
                _ => {}
            };
            run::run(spec, &mut on_event).await
        })
        .await;
    (finished, said.take())
}

async fn run(plan: Plan, script: &Script) -> Box<Finished> {
    run_with(plan, script, |_| async {}).await.0
}

fn count(finished: &Finished, metric: MetricId) -> u64 {
    match finished.totals.select(metric, &[]) {
        Some(Sink::Counter(counter)) => counter.sum as u64,
        _ => 0,
    }
}

#[test]
fn a_script_that_aborts_without_waiting_ends_the_run_and_is_not_asked_again() {
    // On threads: a worker that never gave its turn away would never hear of the end.
    let script = Script::new(|_| async { Outcome::Aborted("enough".into()) });
    let control = Control::new();
    let spec = RunSpec {
        plan: Arc::new(plan(r#"{ "vus": 2, "duration": "10m" }"#)),
        factory: Arc::new(script.clone()),
        shards: Shards::new(Registry::new(), 3),
        crew: Crew::threads(2),
        control,
        by_series: false,
        usage: None,
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let finished = runtime.block_on(run::run(spec, &mut |_| {}));
    assert_eq!(finished.stop, Some(StopReason::Aborted("enough".into())));
    assert!(script.calls.iterations.load(Ordering::Relaxed) <= 2);
}

#[tokio::test(start_paused = true)]
async fn a_ramp_that_is_over_does_not_outlast_its_scenario() {
    // The VU left at 9 s may take until 39 s to finish; the scenario, and its graceful stop, may not.
    let script = Script::new(|_| pending());
    let finished = run(ramp(&[(0, 2), (9, 1), (10, 0)], SECOND * 30, SECOND * 5), &script).await;
    assert_eq!(finished.elapsed, SECOND * 15);
    assert_eq!(count(&finished, builtin::ITERATIONS_INTERRUPTED), 2);

    let script = Script::taking(SECOND);
    let finished = run(ramp(&[(0, 2), (9, 1), (10, 0)], SECOND * 30, SECOND * 5), &script).await;
    assert_eq!(finished.elapsed, SECOND * 10);
    assert_eq!(count(&finished, builtin::ITERATIONS), 19);
}

#[tokio::test(start_paused = true)]
async fn a_ramp_down_cuts_off_what_outlasts_it_even_past_the_end() {
    // Left at 9 s, cut at 11 s; the other may take until 15 s.
    let script = Script::new(|_| pending());
    let cut = Arc::new(Mutex::new(Vec::new()));
    let counted = Arc::clone(&cut);
    let script = Script {
        iterate: Arc::new(move |_| {
            struct Cut(Arc<Mutex<Vec<Duration>>>, Instant);
            impl Drop for Cut {
                fn drop(&mut self) {
                    self.0.lock().unwrap().push(self.1.elapsed());
                }
            }
            let cut = Cut(Arc::clone(&counted), Instant::now());
            Box::pin(async move {
                let _cut = cut;
                pending().await
            })
        }),
        ..script
    };
    let plan = ramp(&[(0, 2), (9, 1), (10, 0)], SECOND * 2, SECOND * 5);
    let finished = run(plan, &script).await;
    assert_eq!(finished.elapsed, SECOND * 15);
    assert_eq!(*cut.lock().unwrap(), [SECOND * 11, SECOND * 15]);
}

#[tokio::test(start_paused = true)]
async fn a_ramp_goes_down_and_up_again_with_the_same_vus() {
    let script = Script::taking(SECOND);
    let plan = ramp(&[(0, 3), (4, 1), (8, 3), (10, 0)], SECOND, SECOND);
    let finished = run(plan, &script).await;
    // Three for 4 s, one for 4 s, three for 2 s.
    assert_eq!(count(&finished, builtin::ITERATIONS), 12 + 4 + 6);
    assert_eq!(script.calls.starts.load(Ordering::Relaxed), 3);
}

#[tokio::test(start_paused = true)]
async fn no_iteration_starts_after_the_end_of_a_start_that_outlasted_it() {
    let slow = || {
        Script::taking(SECOND).starting(|| async {
            sleep(SECOND * 6).await;
            Outcome::Completed
        })
    };
    let script = slow();
    let finished = run(plan(r#"{ "vus": 2, "duration": "5s" }"#), &script).await;
    assert_eq!(script.calls.iterations.load(Ordering::Relaxed), 0);
    assert_eq!(finished.elapsed, SECOND * 6);

    let script = slow();
    let interrupted = plan(r#"{ "vus": 2, "duration": "1m" }"#);
    let (finished, _) = run_with(interrupted, &script, |controller| async move {
        sleep(SECOND * 3).await;
        controller.interrupt();
    })
    .await;
    assert_eq!(script.calls.iterations.load(Ordering::Relaxed), 0);
    assert_eq!(finished.elapsed, SECOND * 6);
}

#[tokio::test(start_paused = true)]
async fn a_refused_start_is_tried_once_a_second_whatever_the_loop() {
    let refused =
        || Script::taking(SECOND).starting(|| async { Outcome::Failed("who are you".into()) });
    for options in [
        r#"{ "vus": 2, "duration": "5s" }"#,
        r#"{ "vus": 2, "iterations": 10 }"#,
        r#"{ "scenarios": { "each": {
            "executor": "per-vu-iterations", "vus": 2, "iterations": 5 } } }"#,
    ] {
        let script = refused();
        let finished = run(plan(options), &script).await;
        assert_eq!(script.calls.starts.load(Ordering::Relaxed), 10, "{options}");
        assert_eq!(finished.elapsed, SECOND * 5, "{options}");
        assert_eq!(count(&finished, builtin::ITERATIONS_FAILED), 10, "{options}");
    }
}

#[tokio::test(start_paused = true)]
async fn every_arrival_is_run_cut_off_or_dropped() {
    for (start, why) in [(0, "iterations are cut off"), (100, "starts are cut off")] {
        let script = Script::new(|_| pending()).starting(move || async move {
            sleep(SECOND * start).await;
            Outcome::Completed
        });
        let options = r#"{ "scenarios": { "open": { "executor": "constant-arrival-rate", "rate": 1,
            "duration": "10s", "preAllocatedVUs": 4, "gracefulStop": "2s" } } }"#;
        let finished = run(plan(options), &script).await;
        let run = count(&finished, builtin::ITERATIONS);
        let cut = count(&finished, builtin::ITERATIONS_INTERRUPTED);
        let dropped = count(&finished, builtin::DROPPED_ITERATIONS);
        assert_eq!((run, cut, dropped), (0, 4, 6), "{why}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_interrupted_before_its_setup_has_nothing_to_tear_down() {
    for interrupts in [1, 2] {
        let mut script = Script::taking(SECOND);
        script.make = Arc::new(|_| {
            Box::pin(async {
                sleep(SECOND).await;
                Ok(())
            })
        });
        let many = plan(r#"{ "vus": 10, "duration": "5s" }"#);
        let (finished, said) = run_with(many, &script, |controller| async move {
            sleep(SECOND * 3 + SECOND / 2).await;
            for _ in 0..interrupts {
                controller.interrupt();
            }
        })
        .await;
        assert_eq!(script.calls.setups.load(Ordering::Relaxed), 0);
        assert_eq!(script.calls.teardowns.load(Ordering::Relaxed), 0);
        assert_eq!(finished.elapsed, Duration::ZERO);
        assert_eq!(said.len(), interrupts.min(1), "{said:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_vu_that_is_never_made_does_not_hold_up_an_interrupt() {
    let mut script = Script::taking(SECOND);
    script.make = Arc::new(|vu| {
        Box::pin(async move {
            if vu == 2 {
                pending::<()>().await;
            }
            Ok(())
        })
    });
    let three = plan(r#"{ "vus": 3, "duration": "5s" }"#);
    let (finished, _) = run_with(three, &script, |controller| async move {
        sleep(SECOND).await;
        controller.interrupt();
    })
    .await;
    assert_eq!(finished.stop, Some(StopReason::Interrupted));
}

#[tokio::test(start_paused = true)]
async fn a_scenario_that_never_started_neither_starts_nor_finishes() {
    let script = Script::taking(SECOND * 8);
    let two = plan(
        r#"{ "scenarios": {
            "first": { "executor": "constant-vus", "vus": 1, "duration": "1m" },
            "second": { "executor": "constant-vus", "vus": 1, "duration": "1m", "startTime": "5s" }
        } }"#,
    );
    let (finished, said) = run_with(two, &script, |controller| async move {
        sleep(SECOND).await;
        controller.interrupt();
    })
    .await;
    assert_eq!(finished.elapsed, SECOND * 8);
    assert_eq!(said, ["started 0", "stop: interrupted", "finished 0"]);
}

#[tokio::test(start_paused = true)]
async fn a_threshold_that_is_crossed_when_all_has_ended_stops_nothing() {
    let script = Script::taking(SECOND * 3 + SECOND / 2);
    let options = r#"{ "vus": 1, "iterations": 1, "thresholds": {
        "iteration_duration": [{ "threshold": "max<1", "abortOnFail": true }] } }"#;
    let finished = run(plan(options), &script).await;
    assert_eq!(finished.stop, None);
    assert_eq!(finished.verdicts[0].outcome, metrics::Outcome::Crossed);
}

#[tokio::test(start_paused = true)]
async fn a_vu_that_breaks_as_it_ends_does_not_end_the_others() {
    let mut script = Script::taking(SECOND);
    script.breaks_when_dropped = true;
    let finished = run(plan(r#"{ "vus": 3, "iterations": 6 }"#), &script).await;
    assert_eq!(count(&finished, builtin::ITERATIONS), 6);
    assert_eq!(finished.faults, Vec::<String>::new());
    assert_eq!(finished.failures.iter().map(|failure| failure.count).sum::<u64>(), 3);
}
