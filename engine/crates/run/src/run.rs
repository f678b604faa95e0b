//! The one `select!` of the engine: workers' messages, wishes to stop, and the clock.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use metrics::{Recorder, Shards, Thresholds, Timeline, Totals, Verdict, Windows};
use plan::{Plan, Schedule};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, Interval, MissedTickBehavior};
use vu::{Outcome, SetupData, VuFactory};

use crate::board::ScenarioBoard;
use crate::control::{Asked, Control};
use crate::crew::Crew;
use crate::event::{Event, EventKind, Measured};
use crate::failures::{Failures, bounded};
use crate::finished::{CallError, Finished, GivenUp, StopReason, Unmade};
use crate::orders::{Load, MESSAGES, Message, Orders, Phase, SearchOrder};
use crate::placement::vus_at_start;
use crate::rein::guarded;
use crate::search::{Searched, Searching, Wish};
use crate::series::RunSeries;
use crate::usage::{UsageMeter, UsageSource};
use crate::worker::{Worker, work};

mod tick;

/// How often counts are collected and said.
const TICK: Duration = Duration::from_secs(1);
/// Thresholds are evaluated each second tick, as in k6, and at the end.
const TICKS_A_VERDICT: u64 = 2;

/// What is to be run, by whom.
pub struct RunSpec<F> {
    /// The scenarios, and what must hold.
    pub plan: Arc<Plan>,
    /// Makes the VUs.
    pub factory: Arc<F>,
    /// Where samples go: one shard a worker of the crew, and a last one for the run itself.
    pub shards: Shards,
    /// Who runs the VUs.
    pub crew: Crew,
    /// Where wishes to stop come from.
    pub control: Control,
    /// Whether [`EventKind::Measured`] says what was measured by series, too: that takes as much memory again as a worker's
    /// shard.
    pub by_series: bool,
    /// Says what the engine takes of the machine, if the system tells.
    pub usage: Option<UsageSource>,
}

/// Runs a plan to its end, and says what happens.
///
/// Must be awaited in a [`LocalSet`](tokio::task::LocalSet) or a local runtime if the crew is
/// [`Crew::here`]. However the run ends, what was recorded is in the [`Finished`].
pub async fn run<F: VuFactory>(
    spec: RunSpec<F>,
    on_event: &mut dyn FnMut(&Event),
) -> Box<Finished> {
    let RunSpec { plan, factory, shards, crew, control, by_series, usage } = spec;
    let workers = crew.workers();
    let (messages, heard) = mpsc::channel(MESSAGES);
    let boards: Arc<[_]> =
        plan.scenarios.iter().map(|_| Arc::new(ScenarioBoard::default())).collect();
    let recorder = shards.recorder(shards.count() - 1);
    let mut clock = tokio::time::interval(TICK);
    clock.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let thresholds = Thresholds::new(plan.thresholds.clone()).on_no_data(plan.on_no_data);
    let search = search(&plan);
    // A search judges each step as a whole.
    let windows = if search.is_none() { Windows::new(&thresholds) } else { Windows::default() };
    let by_series = by_series || windows.want_series();
    let mut conductor = Conductor {
        plan: Arc::clone(&plan),
        on_event,
        began: Instant::now(),
        control,
        heard,
        orders: watch::Sender::default(),
        clock,
        series: RunSeries::new(shards.registry(), &plan.tags),
        recorder,
        totals: Totals::new(&shards),
        timeline: Timeline::new(),
        usage: UsageMeter::new(usage),
        most_vus: vec![0; plan.scenarios.len()],
        measured: None,
        measured_until: Duration::ZERO,
        thresholds,
        windows,
        verdicts: Arc::from([]),
        boards: Arc::clone(&boards),
        parts_done: vec![0; plan.scenarios.len()],
        finished: vec![false; plan.scenarios.len()],
        started: vec![false; plan.scenarios.len()],
        workers,
        prepared: vec![false; workers],
        left: vec![false; workers],
        load: None,
        search,
        ticks: 0,
        failures: Failures::default(),
        said: Failures::default(),
        unmade: Vec::new(),
        given_up: Vec::new(),
        faults: Vec::new(),
        stop: None,
    };
    if by_series {
        conductor.totals.keep_series();
    }
    conductor.say(EventKind::RunStarted { plan: Arc::clone(&plan), workers });
    crew.start(&messages, |number| {
        let worker = Worker {
            number,
            workers,
            plan: Arc::clone(&plan),
            factory: Arc::clone(&factory),
            recorder: shards.recorder(number),
            boards: Arc::clone(&boards),
            orders: conductor.orders.subscribe(),
            messages: messages.clone(),
            controller: conductor.control.controller(),
            precise: crew.is_on_threads(),
        };
        Box::new(move || work(worker))
    });
    drop(messages);
    conductor.conduct(&*factory).await
}

/// The state of a run, on its controller's thread.
struct Conductor<'a> {
    plan: Arc<Plan>,
    on_event: &'a mut dyn FnMut(&Event),
    began: Instant,
    control: Control,
    heard: mpsc::Receiver<Message>,
    orders: watch::Sender<Orders>,
    clock: Interval,
    recorder: Recorder,
    series: RunSeries,
    totals: Totals,
    timeline: Timeline,
    /// The most VUs of each scenario that were at work when they were counted.
    most_vus: Vec<u32>,
    usage: UsageMeter,
    /// Room for what is measured next, between two seconds.
    measured: Option<Box<Measured>>,
    /// How far what was measured has been said, from the start of the load.
    measured_until: Duration,
    thresholds: Thresholds,
    /// Those thresholds that are held each second.
    windows: Windows,
    verdicts: Arc<[Verdict]>,
    boards: Arc<[Arc<ScenarioBoard>]>,
    /// Workers that are done with each scenario.
    parts_done: Vec<usize>,
    started: Vec<bool>,
    finished: Vec<bool>,
    workers: usize,
    prepared: Vec<bool>,
    left: Vec<bool>,
    load: Option<Instant>,
    /// The search, where a scenario is one.
    search: Option<Searching>,
    ticks: u64,
    failures: Failures,
    /// Those that were told of as they were met.
    said: Failures,
    unmade: Vec<Unmade>,
    given_up: Vec<GivenUp>,
    faults: Vec<String>,
    stop: Option<StopReason>,
}

impl Conductor<'_> {
    async fn conduct<F: VuFactory>(mut self, factory: &F) -> Box<Finished> {
        self.until(|run| run.prepared.iter().all(|prepared| *prepared)).await;
        self.say_made();

        let mut setup_error = None;
        let mut teardown_error = None;
        let mut elapsed = Duration::ZERO;
        // What there is to tear down; nothing where the run ended before it was set up.
        let mut data: Option<SetupData> = None;
        if self.stop.is_none() {
            if self.plan.no_setup {
                data = Some(Arc::from([]));
            } else {
                match self.set_up(factory).await {
                    Ok(set_up) => data = Some(set_up),
                    Err(error) => setup_error = Some(error),
                }
            }
        }
        match &data {
            Some(data) if self.stop.is_none() => elapsed = self.drive(data.clone()).await,
            _ => {
                self.order(Phase::Cut);
                self.until(|run| run.all_left()).await;
            }
        }
        let cut_off = matches!(self.stop, Some(StopReason::CutOff));
        if let Some(data) = &data
            && !cut_off
            && !self.plan.no_teardown
        {
            teardown_error = self.tear_down(factory, data).await;
        }
        self.totals.collect();
        self.say_measured(elapsed);
        self.windows.end();
        let search = self.search.map(Searching::found);
        let verdicts = match search.as_ref().and_then(Searched::verdicts) {
            Some(verdicts) => verdicts.to_vec(),
            None => self.thresholds.evaluate_with(&self.totals, elapsed, &self.windows),
        };

        let finished = Box::new(Finished {
            plan: Arc::clone(&self.plan),
            elapsed,
            totals: self.totals,
            timeline: self.timeline,
            most_vus: self.most_vus,
            workers: self.workers,
            verdicts,
            search,
            failures: self.failures.list(),
            unmade: self.unmade,
            given_up: self.given_up,
            stop: self.stop,
            setup_data: data.unwrap_or_default(),
            setup_error,
            teardown_error,
            faults: self.faults,
        });
        let event = Event { elapsed: self.began.elapsed(), kind: EventKind::RunFinished(finished) };
        (self.on_event)(&event);
        match event.kind {
            EventKind::RunFinished(finished) => finished,
            _ => unreachable!("it was made three lines above"),
        }
    }

    async fn set_up<F: VuFactory>(&mut self, factory: &F) -> Result<SetupData, CallError> {
        self.say(EventKind::SetupStarted);
        let began = Instant::now();
        let timeout = self.plan.setup_timeout;
        let result = self.call(timeout, factory.setup()).await;
        let result = result.and_then(|set_up| set_up.map_err(call_error));
        let took = began.elapsed();
        match &result {
            Ok(_) => self.say(EventKind::SetupFinished { took }),
            Err(error) => self.say(EventKind::SetupFailed { took, error: error.clone() }),
        }
        result
    }

    async fn tear_down<F: VuFactory>(
        &mut self,
        factory: &F,
        data: &SetupData,
    ) -> Option<CallError> {
        self.say(EventKind::TeardownStarted);
        let began = Instant::now();
        let timeout = self.plan.teardown_timeout;
        let error = match self.call(timeout, factory.teardown(data)).await {
            Ok(Outcome::Completed) => None,
            Ok(outcome) => Some(call_error(outcome)),
            Err(error) => Some(error),
        };
        self.say(EventKind::TeardownFinished { took: began.elapsed(), error: error.clone() });
        error
    }

    /// Calls the script on this thread, within its time, while wishes to stop are heard.
    async fn call<T>(
        &mut self,
        timeout: Duration,
        call: impl Future<Output = T>,
    ) -> Result<T, CallError> {
        let call = tokio::time::timeout(timeout, guarded(call));
        tokio::pin!(call);
        loop {
            tokio::select! {
                biased;
                asked = self.control.changed() => {
                    self.obey(asked);
                    if matches!(self.stop, Some(StopReason::CutOff)) {
                        return Err(CallError::CutOff);
                    }
                }
                result = &mut call => return match result {
                    Ok(Ok(value)) => Ok(value),
                    Ok(Err(message)) => Err(CallError::Panicked(message)),
                    Err(_) => Err(CallError::TimedOut(timeout)),
                },
            }
        }
    }

    /// Starts the load and waits for its end; how long it lasted.
    async fn drive(&mut self, data: SetupData) -> Duration {
        let started = Instant::now();
        self.load = Some(started);
        self.clock.reset();
        let made: u32 = self.boards.iter().map(|board| board.made()).sum();
        self.recorder.record(self.series.vus_max, made.into());
        self.usage.start();
        self.orders.send_modify(|orders| orders.load = Some(Load { started, data }));
        self.say(EventKind::LoadStarted);
        self.until(|run| run.all_left()).await;
        let elapsed = started.elapsed();
        self.collect();
        self.say(EventKind::LoadFinished);
        self.load = None;
        elapsed
    }

    /// Goes on until something holds.
    async fn until(&mut self, holds: impl Fn(&Self) -> bool) {
        while !holds(self) {
            let due = self.next_due();
            tokio::select! {
                biased;
                asked = self.control.changed() => self.obey(asked),
                message = self.heard.recv() => match message {
                    Some(message) => self.hear(message),
                    // All workers are gone, those that broke down included.
                    None => return,
                },
                () = tokio::time::sleep_until(due.unwrap_or(self.began)), if due.is_some() => {
                    self.start_scenarios();
                    self.go_on_searching();
                }
                _ = self.clock.tick() => {
                    if self.load.is_some() { self.collect() } else { self.say_made() }
                }
            }
        }
    }

    /// Whether every worker is done; no iteration runs any more.
    fn all_left(&self) -> bool {
        self.left.iter().all(|left| *left)
    }

    fn hear(&mut self, message: Message) {
        // Nothing is said of a scenario before that it started, however short it was.
        self.start_scenarios();
        match message {
            Message::Prepared { worker } => self.prepared[worker] = true,
            Message::FailureSeen { scenario, vu, kind, message } => {
                if self.said.count(kind, &message, 1) {
                    let scenario = self.plan.scenarios[scenario].name.clone();
                    self.say(EventKind::IterationFailed { scenario, vu, kind, message });
                }
            }
            Message::GivenUp { scenario } => self.give_up(scenario),
            Message::ScenarioDone { scenario } => {
                self.parts_done[scenario] += 1;
                let agents = crate::placement::Placement::new(
                    scenario,
                    &self.plan.scenarios[scenario].schedule,
                    self.workers,
                )
                .agents();
                if self.parts_done[scenario] == agents {
                    self.finish_scenario(scenario);
                }
            }
            Message::Left { worker, failures, unmade } => {
                self.left[worker] = true;
                self.prepared[worker] = true;
                self.failures.merge(&failures);
                for one in unmade {
                    match self.unmade.iter_mut().find(|known| known.reason == one.reason) {
                        Some(known) => known.count += one.count,
                        None => self.unmade.push(one),
                    }
                }
            }
            Message::Lost { worker, fault } => {
                self.left[worker] = true;
                self.prepared[worker] = true;
                self.faults.push(format!("worker {worker}: {fault}"));
            }
        }
    }

    /// Ends a scenario whose script breaks too often.
    fn give_up(&mut self, scenario: usize) {
        let verdict = GivenUp {
            scenario: self.plan.scenarios[scenario].name.clone(),
            allowed: self.plan.limits.restarts,
        };
        self.given_up.push(verdict.clone());
        self.orders.send_modify(|orders| orders.given_up.push(scenario));
        self.say(EventKind::ScenarioGivenUp { scenario, verdict });
    }

    fn finish_scenario(&mut self, scenario: usize) {
        if !self.finished[scenario] {
            self.finished[scenario] = true;
            if self.started[scenario] {
                self.say(EventKind::ScenarioFinished { scenario });
            }
        }
    }

    fn obey(&mut self, asked: Asked) {
        let levels: Vec<_> = self
            .plan
            .scenarios
            .iter()
            .map(|scenario| asked.levels.get(&scenario.name).copied())
            .collect();
        self.orders.send_if_modified(|orders| {
            let changed = orders.levels != levels || orders.paused != asked.paused;
            (orders.levels, orders.paused) = (levels, asked.paused);
            changed
        });
        if let Some(what) = asked.exhausted {
            self.stop_for(StopReason::Exhausted(what), Phase::Drain);
        }
        if let Some(reason) = asked.aborted {
            self.stop_for(StopReason::Aborted(reason), Phase::Cut);
        }
        match asked.interrupts {
            0 => {}
            1 => self.stop_for(StopReason::Interrupted, Phase::Drain),
            _ => self.stop_for(StopReason::CutOff, Phase::Cut),
        }
    }

    /// Stops for a reason, unless a reason as bad has been given.
    fn stop_for(&mut self, reason: StopReason, phase: Phase) {
        let rank = |reason: &StopReason| match reason {
            StopReason::Exhausted(_) => 0,
            StopReason::ThresholdCrossed(_) => 1,
            StopReason::Interrupted => 2,
            StopReason::Aborted(_) => 3,
            StopReason::CutOff => 4,
        };
        if self.stop.as_ref().is_none_or(|known| rank(known) < rank(&reason)) {
            self.stop = Some(reason.clone());
            self.order(phase);
            self.say(EventKind::StopRequested { reason });
        }
    }

    fn is_planned(&self) -> bool {
        self.orders.borrow().phase == Phase::Planned
    }

    fn order(&self, phase: Phase) {
        self.orders.send_modify(|orders| orders.phase = orders.phase.max(phase));
    }

    /// When the next scenario starts, or the search goes on. Neither does once the run was asked to end.
    fn next_due(&self) -> Option<Instant> {
        let load = self.load.filter(|_| self.is_planned())?;
        let waiting = self.plan.scenarios.iter().zip(&self.started);
        let next = waiting.filter(|(_, started)| !**started).map(|(one, _)| one.start_time).min();
        let start = next.map(|next| crate::moment::after(load, next));
        let search = self.search.as_ref().and_then(Searching::due);
        start.into_iter().chain(search).min()
    }

    fn start_scenarios(&mut self) {
        let Some(load) = self.load.filter(|_| self.is_planned()) else { return };
        let elapsed = load.elapsed();
        for scenario in 0..self.plan.scenarios.len() {
            if !self.started[scenario] && self.plan.scenarios[scenario].start_time <= elapsed {
                self.started[scenario] = true;
                self.say(EventKind::ScenarioStarted { scenario });
                if self.search.as_ref().is_some_and(|search| search.scenario() == scenario) {
                    self.search_on();
                }
            }
        }
    }

    /// Judges the load of the search, and goes on to the next one, once it is time.
    fn go_on_searching(&mut self) {
        let now = Instant::now();
        let Some(search) = &mut self.search else { return };
        if self.load.is_none() || search.due().is_none_or(|due| due > now) {
            return;
        }
        let scenario = search.scenario();
        let active = self.boards[scenario].active();
        self.totals.collect();
        let step = match search.wish(now, active, &self.totals, &self.thresholds) {
            Some(Wish::Measure) => {
                self.totals.open_window();
                return;
            }
            Some(Wish::Rest(step)) => {
                self.orders.send_modify(|orders| orders.search = SearchOrder::Rest);
                Some(step)
            }
            Some(Wish::Next(step)) => {
                self.search_on();
                step
            }
            None => None,
        };
        if let Some(step) = step {
            self.say(EventKind::StepFinished { scenario, step });
        }
    }

    /// Orders the next load of the search, or its end.
    fn search_on(&mut self) {
        let Some(search) = &mut self.search else { return };
        let since = Instant::now();
        let order = match search.begin(since) {
            Some(load) => SearchOrder::Keep { load, since },
            None => SearchOrder::End,
        };
        self.orders.send_modify(|orders| orders.search = order);
    }

    fn say_made(&mut self) {
        let made = self.boards.iter().map(|board| board.made()).sum();
        let unmade = self.boards.iter().map(|board| board.unmade()).sum();
        let total =
            self.plan.scenarios.iter().map(|scenario| vus_at_start(&scenario.schedule)).sum();
        self.say(EventKind::VusMade { made, unmade, total });
    }

    fn say(&mut self, kind: EventKind) {
        (self.on_event)(&Event { elapsed: self.began.elapsed(), kind });
    }
}

/// The search of the plan's one scenario that is one.
fn search(plan: &Plan) -> Option<Searching> {
    plan.scenarios.iter().enumerate().find_map(|(place, scenario)| match scenario.schedule {
        Schedule::Search(search) => Some(Searching::new(place, &scenario.name, search)),
        _ => None,
    })
}

fn call_error(outcome: Outcome) -> CallError {
    match outcome {
        Outcome::Completed => CallError::Failed("it gave nothing back".into()),
        Outcome::Failed(message) => CallError::Failed(bounded(message)),
        Outcome::Trapped(trap) => CallError::Trapped(trap),
        Outcome::Aborted(reason) => CallError::Aborted(bounded(reason)),
        Outcome::Exhausted(what) => CallError::Failed(bounded(what)),
    }
}
