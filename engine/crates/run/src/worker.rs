//! One worker thread's share of a run: its VUs, and the scenarios that tell them what to do.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use metrics::{Recorder, Tags};
use plan::{Flows, Life, OnBusy, Plan, Raise, ScenarioPlan, Schedule};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;
use vu::{Identity, Scenario, Vu, VuFactory};

use crate::arrivals::{Arrived, Arriving};
use crate::board::ScenarioBoard;
use crate::control::Controller;
use crate::failures::{FailureKind, Failures, bounded};
use crate::finished::Unmade;
use crate::iterations::Budgeted;
use crate::looping::{Cue, CueOrder, Looping, cues};
use crate::moment::{after, milliseconds};
use crate::orders::{Load, Message, Orders, Phase, SearchOrder, ended, reached};
use crate::placement::{Agent, Placement, vus_at_most, vus_at_start};
use crate::rein::{Rein, guarded};
use crate::series::{RunSeries, ScenarioSeries};
use crate::source::{Numbers, Source};
use crate::user::{Surroundings, user};

/// How often a worker looks whether it is woken in time. Often enough to see a stall of a second, seldom
/// enough to cost nothing.
const HEARTBEAT: Duration = Duration::from_millis(100);

/// What a worker needs to know.
pub(crate) struct Worker<F> {
    pub(crate) number: usize,
    pub(crate) workers: usize,
    pub(crate) plan: Arc<Plan>,
    pub(crate) factory: Arc<F>,
    pub(crate) recorder: Recorder,
    pub(crate) boards: Arc<[Arc<ScenarioBoard>]>,
    pub(crate) orders: watch::Receiver<Orders>,
    pub(crate) messages: mpsc::Sender<Message>,
    pub(crate) controller: Controller,
    /// Whether time is real, so that waits may be finer than the runtime's timers.
    pub(crate) precise: bool,
}

/// A VU that was made and waits for the load.
pub(crate) struct Made<V> {
    vu: V,
    place: u32,
    number: u32,
}

/// One scenario on this worker.
pub(crate) struct Part<F: VuFactory> {
    factory: Arc<F>,
    worker: usize,
    place: usize,
    pub(crate) agent: Agent,
    /// Whether time is real.
    pub(crate) precise: bool,
    flows: Flows,
    life: Life,
    scenario: Arc<Scenario>,
    schedule: Schedule,
    start_time: Duration,
    graceful_stop: Duration,
    /// The number in the run of the scenario's first VU.
    first_vu: u32,
    board: Arc<ScenarioBoard>,
    made: Vec<Made<F::Vu>>,
    unmade: Rc<RefCell<Vec<Unmade>>>,
}

/// Works until the run is over.
pub(crate) async fn work<F: VuFactory>(mut worker: Worker<F>) {
    let unmade = Rc::new(RefCell::new(Vec::new()));
    let mut parts = worker.parts(&unmade);
    for part in &mut parts {
        part.make_ahead(&mut worker.orders).await;
    }
    worker.tell(Message::Prepared { worker: worker.number }).await;

    let failures = Rc::new(RefCell::new(Failures::default()));
    if let Some(load) = worker.load().await {
        let heart = tokio::task::spawn_local(heartbeat(
            worker.recorder.clone(),
            RunSeries::new(worker.recorder.registry(), &worker.plan.tags),
        ));
        let mut running = JoinSet::new();
        for part in parts {
            let around = worker.surroundings(&part, &load, &failures);
            let (orders, messages) = (worker.orders.clone(), worker.messages.clone());
            running.spawn_local(async move {
                let scenario = part.place;
                part.run(around, orders, load.started).await;
                let _ = messages.send(Message::ScenarioDone { scenario }).await;
            });
        }
        while let Some(ended) = running.join_next().await {
            if let Err(error) = ended {
                // A fault of ours: said by the thread's last message.
                std::panic::resume_unwind(error.into_panic());
            }
        }
        heart.abort();
    }
    let failures = Box::new(std::mem::take(&mut *failures.borrow_mut()));
    let unmade = unmade.take();
    worker.tell(Message::Left { worker: worker.number, failures, unmade }).await;
}

impl<F: VuFactory> Worker<F> {
    async fn tell(&self, message: Message) {
        // A controller that is gone has nothing more to ask.
        let _ = self.messages.send(message).await;
    }

    /// Waits for the load; none if the run ends before.
    async fn load(&mut self) -> Option<Load> {
        let orders = self
            .orders
            .wait_for(|orders| orders.load.is_some() || orders.phase > Phase::Planned)
            .await
            .ok()?;
        orders.load.clone()
    }

    fn parts(&self, unmade: &Rc<RefCell<Vec<Unmade>>>) -> Vec<Part<F>> {
        let mut parts = Vec::new();
        let mut first_vu = 1;
        for (place, scenario) in self.plan.scenarios.iter().enumerate() {
            let placement = Placement::new(place, &scenario.schedule, self.workers);
            if let Some(agent) = placement.agent(self.number) {
                parts.push(Part {
                    factory: Arc::clone(&self.factory),
                    worker: self.number,
                    place,
                    agent,
                    precise: self.precise,
                    flows: scenario.flows.clone(),
                    life: scenario.life,
                    scenario: Arc::new(as_vus_see_it(scenario)),
                    schedule: scenario.schedule.clone(),
                    start_time: scenario.start_time,
                    graceful_stop: scenario.graceful_stop,
                    first_vu,
                    board: Arc::clone(&self.boards[place]),
                    made: Vec::new(),
                    unmade: Rc::clone(unmade),
                });
            }
            first_vu += vus_at_most(&scenario.schedule);
        }
        parts
    }

    fn surroundings(
        &self,
        part: &Part<F>,
        load: &Load,
        failures: &Rc<RefCell<Failures>>,
    ) -> Rc<Surroundings> {
        let Scenario { name, tags, .. } = &*part.scenario;
        Rc::new(Surroundings {
            scenario: part.place,
            board: Arc::clone(&part.board),
            recorder: self.recorder.clone(),
            series: ScenarioSeries::new(self.recorder.registry(), name, tags),
            failures: Rc::clone(failures),
            messages: self.messages.clone(),
            controller: self.controller.clone(),
            numbers: Numbers::new(part.agent),
            data: load.data.clone(),
            flows: part.flows.clone(),
            life: part.life,
            tags: tags.clone().into_iter().collect::<Tags>().with("scenario", name.as_str()),
            restarts: self.plan.limits.restarts,
            seed: self.plan.seed,
        })
    }
}

fn as_vus_see_it(scenario: &ScenarioPlan) -> Scenario {
    Scenario {
        name: scenario.name.clone(),
        executor: scenario.executor.kind(),
        flows: scenario.flows.names().to_vec(),
        env: scenario.env.clone(),
        tags: scenario.tags.clone(),
    }
}

/// Records how late this thread is woken: when that grows, the injector is the bottleneck.
async fn heartbeat(recorder: Recorder, series: RunSeries) {
    let mut due = Instant::now() + HEARTBEAT;
    loop {
        tokio::time::sleep_until(due).await;
        let now = Instant::now();
        recorder.record(series.injector_lag, milliseconds(now.saturating_duration_since(due)));
        due = now + HEARTBEAT;
    }
}

/// The VUs of a scenario on this worker while it runs.
pub(crate) struct Users {
    /// When the scenario started.
    pub(crate) start: Instant,
    tasks: JoinSet<()>,
    reins: Vec<(u32, Rc<Rein>)>,
    /// What a ramp has yet to tell them.
    cues: VecDeque<Cue>,
    /// Arrivals, and who waits for them.
    pub(crate) pool: Arrived,
}

impl<F: VuFactory> Part<F> {
    /// Makes the VUs that are there from the start.
    async fn make_ahead(&mut self, orders: &mut watch::Receiver<Orders>) {
        for place in self.agent.vus(vus_at_start(&self.schedule)) {
            let made = tokio::select! {
                biased;
                () = reached(orders, Phase::Drain) => return,
                made = self.make(place) => made,
            };
            self.made.extend(made);
            // On the controller's thread, where tests run, it has its turn too.
            tokio::task::yield_now().await;
        }
    }

    pub(crate) async fn make(&self, place: u32) -> Option<Made<F::Vu>> {
        let number = self.first_vu + place;
        let scenario = Arc::clone(&self.scenario);
        let identity = Identity { vu: number, worker: self.worker, scenario };
        let reason = match guarded(self.factory.make(identity)).await {
            Ok(Ok(vu)) => {
                self.board.make();
                return Some(Made { vu, place, number });
            }
            Ok(Err(reason)) | Err(reason) => bounded(reason),
        };
        self.board.fail();
        let mut unmade = self.unmade.borrow_mut();
        match unmade.iter_mut().find(|known| known.reason == reason) {
            Some(known) => known.count += 1,
            None => unmade.push(Unmade { reason, count: 1 }),
        }
        None
    }

    /// Runs the scenario's share from its start time to the end of its last VU.
    async fn run(
        mut self,
        around: Rc<Surroundings>,
        mut orders: watch::Receiver<Orders>,
        load: Instant,
    ) {
        let start = after(load, self.start_time);
        let mut users = Users {
            start,
            tasks: JoinSet::new(),
            reins: Vec::new(),
            cues: VecDeque::new(),
            pool: Arrived::default(),
        };
        let drained = tokio::select! {
            biased;
            () = ended(&mut orders, self.place) => true,
            () = tokio::time::sleep_until(start) => false,
        };
        if !drained {
            let made = std::mem::take(&mut self.made);
            let (mut told, mut followed) = (orders.clone(), orders.clone());
            tokio::select! {
                biased;
                () = ended(&mut told, self.place) => {}
                () = self.follow(&mut users, made, &around, &mut followed) => {}
            }
        }
        users.wind_down(self.graceful_stop, &mut orders).await;
        users.pool.drop_waiting(&around);
    }

    /// Follows the schedule until it starts no more iterations.
    async fn follow(
        &self,
        users: &mut Users,
        made: Vec<Made<F::Vu>>,
        around: &Rc<Surroundings>,
        orders: &mut watch::Receiver<Orders>,
    ) {
        let start = users.start;
        match &self.schedule {
            Schedule::Looping { steps, graceful_ramp_down } => {
                users.spawn_looping(made, around);
                let places: Vec<_> = users.reins.iter().map(|(place, _)| *place).collect();
                users.cues = cues(steps, *graceful_ramp_down, &places);
                let end = tokio::time::sleep_until(after(start, self.schedule.duration()));
                tokio::select! {
                    () = users.follow_cues() => {}
                    () = end => {}
                }
            }
            Schedule::Controlled { vus, duration, .. } => {
                users.spawn_looping(made, around);
                let until = after(start, *duration);
                let place = self.place;
                tokio::select! {
                    () = users.follow_levels(orders, until, |orders| orders.level(place, *vus)) => {}
                    () = tokio::time::sleep_until(until) => {}
                }
            }
            Schedule::Iterations { budget, max_duration, .. } => {
                let until = after(start, *max_duration);
                for one in made {
                    let source = Budgeted::new(*budget, Arc::clone(&self.board));
                    users.spawn(one, source, Rein::new(until), around);
                }
                tokio::select! {
                    () = all_gone(&mut users.tasks) => {}
                    () = tokio::time::sleep_until(until) => {}
                }
            }
            Schedule::Arrivals { pacer, pre_allocated_vus, max_vus, duration, on_busy } => {
                let mut arriving =
                    Arriving::new(self, users, around, *pre_allocated_vus..*max_vus, *on_busy);
                arriving.spawn(users, made);
                let end = after(start, *duration);
                arriving.pace(users, start, &**pacer, Some(end)).await;
                tokio::time::sleep_until(end).await;
            }
            Schedule::Search(search) => match search.raise {
                Raise::Vus => {
                    users.spawn_looping(made, around);
                    let never = after(start, Duration::MAX);
                    let mut told = orders.clone();
                    tokio::select! {
                        () = users.follow_levels(orders, never, |orders| match orders.search {
                            SearchOrder::Keep { load, .. } => load,
                            SearchOrder::Rest | SearchOrder::End => 0,
                        }) => {}
                        _ = told.wait_for(|orders| orders.search == SearchOrder::End) => {}
                    }
                }
                Raise::Rate { pre_allocated_vus, max_vus } => {
                    let mut arriving = Arriving::new(
                        self,
                        users,
                        around,
                        pre_allocated_vus..max_vus,
                        OnBusy::Drop,
                    );
                    arriving.spawn(users, made);
                    arriving.follow(users, orders).await;
                }
            },
        }
    }
}

impl Users {
    fn spawn<V: Vu>(
        &mut self,
        made: Made<V>,
        source: impl Source,
        rein: Rein,
        around: &Rc<Surroundings>,
    ) {
        self.spawn_held(made, source, Rc::new(rein), around);
    }

    /// VUs that loop once they are told to go.
    fn spawn_looping<V: Vu>(&mut self, made: Vec<Made<V>>, around: &Rc<Surroundings>) {
        for one in made {
            self.spawn(one, Looping, Rein::new(self.start), around);
        }
    }

    pub(crate) fn spawn_held<V: Vu>(
        &mut self,
        Made { vu, place, number }: Made<V>,
        source: impl Source,
        rein: Rc<Rein>,
        around: &Rc<Surroundings>,
    ) {
        self.reins.push((place, Rc::clone(&rein)));
        let around = Rc::clone(around);
        self.tasks.spawn_local(async move {
            if let Err(message) = guarded(user(vu, number, source, rein, around.clone())).await {
                // It broke as something of it was dropped. The others go on.
                around.fail(number, FailureKind::Panicked, message);
            }
        });
    }

    /// Tells each VU what a ramp asks of it, at its time. Waits for ever once all is told.
    async fn follow_cues(&mut self) {
        while let Some(cue) = self.cues.front().copied() {
            tokio::time::sleep_until(after(self.start, cue.at)).await;
            self.cues.pop_front();
            let Some(rein) = self.rein(cue.vu) else { continue };
            match cue.order {
                CueOrder::Go(until) => rein.go(after(self.start, until)),
                // A ramp that has come back for it meanwhile leaves it alone.
                CueOrder::Break(until) if rein.until() == after(self.start, until) => {
                    rein.break_off();
                }
                CueOrder::Break(_) => {}
            }
        }
        std::future::pending().await
    }

    /// Has as many VUs at work as somebody asks for, until a moment. Waits for ever once nobody can.
    async fn follow_levels(
        &self,
        orders: &mut watch::Receiver<Orders>,
        until: Instant,
        level: impl Fn(&Orders) -> u32,
    ) {
        loop {
            let level = level(&orders.borrow_and_update());
            let now = Instant::now();
            for (place, rein) in &self.reins {
                match (*place < level, rein.until() > now) {
                    (true, false) => rein.go(until),
                    (false, true) => rein.rest(),
                    _ => {}
                }
            }
            if orders.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }

    /// Cuts off each VU that a ramp had left before the end, when that allows it no more time.
    async fn cut_off_left(&mut self) {
        let ended = Instant::now();
        while let Some(cue) = self.cues.front().copied() {
            // One that was at work to the end has the graceful stop instead.
            if let CueOrder::Break(until) = cue.order
                && after(self.start, until) < ended
            {
                tokio::time::sleep_until(after(self.start, cue.at)).await;
                match self.rein(cue.vu) {
                    Some(rein) if rein.until() == after(self.start, until) => rein.cut(),
                    _ => {}
                }
            }
            self.cues.pop_front();
        }
        std::future::pending().await
    }

    fn rein(&self, place: u32) -> Option<&Rein> {
        // They were made, and so are listed, in the order of their places.
        let index = self.reins.binary_search_by_key(&place, |(place, _)| *place).ok()?;
        Some(&self.reins[index].1)
    }

    /// Lets every VU finish what it runs, cuts off those that take longer than they may, and waits for all.
    async fn wind_down(&mut self, graceful: Duration, orders: &mut watch::Receiver<Orders>) {
        for (_, rein) in &self.reins {
            rein.leave();
        }
        let mut tasks = std::mem::take(&mut self.tasks);
        tokio::select! {
            biased;
            () = all_gone(&mut tasks) => return,
            () = reached(orders, Phase::Cut) => {}
            () = tokio::time::sleep(graceful) => {}
            () = self.cut_off_left() => {}
        }
        for (_, rein) in &self.reins {
            rein.cut();
        }
        all_gone(&mut tasks).await;
    }
}

/// Waits until every VU has ended.
async fn all_gone(tasks: &mut JoinSet<()>) {
    // How each ended was said by itself.
    while tasks.join_next().await.is_some() {}
}
