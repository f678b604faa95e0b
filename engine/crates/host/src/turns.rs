//! Whose turn it is on a worker: users who wait for their target come first, those who only compute share the rest.
//!
//! A script may compute for one to two milliseconds before it is interrupted. One that was, or whose turns take half a
//! millisecond each in the mean, is *heavy*: from then on it waits at a [`Door`] before each of its turns. There those who
//! have computed least go first; one at a time is let in, for 5 ms at most; and after each the others have as long as
//! it had, unless there is nobody else. So heavy users have half of a worker at most as long as others want it, all of it
//! when nobody does, and whoever waits for a response waits for one of them and not for all. Light users pay for it with
//! a few loads and stores a turn.
//!
//! How long a turn takes is not measured, it is sampled: by whether an epoch ended in it.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::{Instant, Sleep, sleep_until};

use crate::engine::EPOCH;

/// The share of a user's turns in which an epoch ended, in these parts of one, from which on it is heavy: turns of half an
/// epoch in the mean.
const HEAVY: u32 = WHOLE / 2;
const WHOLE: u32 = 1024;
/// The part of that share which each turn decides. With an eighth, one turn in which an epoch happens to end makes
/// nobody heavy.
const ALPHA: u32 = 8;
/// What it is for whoever was interrupted: some light turns later that is forgotten.
const INTERRUPTED: u32 = WHOLE / 4 * 3;
/// How many epochs the turn of a heavy user takes at most.
const TURN: u64 = 5;
/// How much less than the one before it a user may have computed, in microseconds, who comes to the door late.
const CREDIT: u64 = 100_000;
/// Epochs counted for one interruption at most. More will have been the system's, which let somebody else compute.
const AT_ONCE: u64 = 10;

/// How many epochs of the engine have passed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ticks(Arc<AtomicU64>);

impl Ticks {
    /// Another has passed. To be said before the engine is told: who is interrupted for it sees it.
    pub(crate) fn advance(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn now(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// The turns of one worker's users.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lane(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    /// Turns of light users so far. Only the worker writes it.
    light: AtomicU64,
    queue: Mutex<Queue>,
}

/// Heavy users who wait for their turn.
#[derive(Debug, Default)]
struct Queue {
    waiting: BTreeMap<Place, Waker>,
    next: u64,
    /// What the one who was let in last had computed.
    least: u64,
    /// Before that moment the others go first.
    open_at: Option<Instant>,
    /// How many turns light users had had when the last turn of a heavy one ended.
    light_then: u64,
}

/// Who goes first: those who have computed least, in microseconds, and of those who came first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    used: u64,
    number: u64,
}

/// The turns of one user.
#[derive(Debug)]
pub(crate) struct Turn {
    ticks: Ticks,
    lane: Lane,
    /// When the turn that it has began, in epochs.
    began: AtomicU64,
    /// The last epoch that it was seen to compute in.
    seen: AtomicU64,
    /// In how many of its turns an epoch ended, of [`WHOLE`].
    heat: AtomicU32,
    /// How long it has computed as a heavy one, in microseconds.
    used: AtomicU64,
    /// Whether it was let in by the door, and nobody else was.
    is_let_in: AtomicBool,
}

/// An epoch that ended while a user computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Passed {
    /// How many did.
    pub(crate) ticks: u64,
    /// Whether it must let others go on.
    pub(crate) is_over: bool,
}

impl Turn {
    pub(crate) fn new(ticks: Ticks, lane: Lane) -> Self {
        let zero = || AtomicU64::new(0);
        let (heat, is_let_in) = (AtomicU32::new(0), AtomicBool::new(false));
        Self { ticks, lane, began: zero(), seen: zero(), heat, used: zero(), is_let_in }
    }

    /// How many epochs of the engine have passed.
    pub(crate) fn now(&self) -> u64 {
        self.ticks.now()
    }

    fn is_heavy(&self) -> bool {
        self.heat.load(Ordering::Relaxed) >= HEAVY
    }

    fn begin(&self) {
        let (now, heat) = (self.ticks.now(), self.heat.load(Ordering::Relaxed));
        self.began.store(now, Ordering::Relaxed);
        self.seen.store(now, Ordering::Relaxed);
        self.heat.store(heat - heat.div_ceil(ALPHA), Ordering::Relaxed);
    }

    /// What is to be said to a user whose epoch is over; none if it ended while the user waited.
    pub(crate) fn passed(&self) -> Option<Passed> {
        let now = self.ticks.now();
        let ticks = now.saturating_sub(self.seen.swap(now, Ordering::Relaxed)).min(AT_ONCE);
        if ticks == 0 {
            return None;
        }
        // In its first epoch it may have begun a moment ago.
        let most = if self.is_let_in.load(Ordering::Relaxed) { TURN } else { 2 };
        let is_over = now - self.began.load(Ordering::Relaxed) >= most;
        let heat = (self.heat.load(Ordering::Relaxed) + WHOLE / ALPHA).min(WHOLE);
        let heat = if is_over { heat.max(INTERRUPTED) } else { heat };
        self.heat.store(heat, Ordering::Relaxed);
        Some(Passed { ticks, is_over })
    }

    /// The host has worked for this user since that epoch, on the worker's time: unpacked what came for it, say. Where
    /// that took longer than a turn without being looked at may, it counts as the user's computing.
    pub(crate) fn was_served(&self, since: u64) {
        let ticks = self.ticks.now().saturating_sub(since);
        // One epoch may have ended by chance.
        if ticks < 2 {
            return;
        }
        let took = EPOCH.saturating_mul(u32::try_from(ticks).unwrap_or(u32::MAX));
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let heat = self.heat.load(Ordering::Relaxed).max(INTERRUPTED);
        self.heat.store(heat, Ordering::Relaxed);
        let used = self.used.load(Ordering::Relaxed);
        self.used.store(used.saturating_add(micros), Ordering::Relaxed);
        self.lane.0.has_been_heavy(took);
    }

    /// Drives a future that computes, turn by turn.
    pub(crate) async fn fairly<T>(&self, future: impl Future<Output = T>) -> T {
        let mut future = std::pin::pin!(future);
        let mut door = Door::new(self);
        std::future::poll_fn(move |cx| {
            std::task::ready!(door.poll(cx));
            let polled = future.as_mut().poll(cx);
            door.leave();
            polled
        })
        .await
    }
}

/// Where a user waits for its turns.
pub(crate) struct Door<'a> {
    turn: &'a Turn,
    place: Option<Place>,
    stage: Stage,
    /// When the turn began that a heavy user has.
    let_in: Option<Instant>,
}

enum Stage {
    /// It is not the first, or has just become so.
    Waiting,
    /// Everybody else who was ready then has had a turn since.
    Looked,
    /// The others want theirs, until then.
    Sleeping(Pin<Box<Sleep>>),
}

impl<'a> Door<'a> {
    pub(crate) fn new(turn: &'a Turn) -> Self {
        Self { turn, place: None, stage: Stage::Waiting, let_in: None }
    }

    /// Whether the user may have a turn now; if not, the task is woken when it may. It [leaves](Self::leave) after it.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let shared = &*self.turn.lane.0;
        let light = shared.light.load(Ordering::Relaxed);
        let place = match self.place {
            Some(place) => place,
            None if !self.turn.is_heavy() => {
                shared.light.store(light + 1, Ordering::Relaxed);
                self.turn.begin();
                return Poll::Ready(());
            }
            None => self.queue_up(),
        };
        let mut queue = shared.queue.lock();
        queue.waiting.insert(place, cx.waker().clone());
        if queue.waiting.keys().next() != Some(&place) {
            self.stage = Stage::Waiting;
            return Poll::Pending;
        }
        if let Stage::Waiting = self.stage {
            self.stage = Stage::Looked;
            return go_last(cx);
        }
        if light != queue.light_then
            && let Some(open_at) = queue.open_at
            && Instant::now() < open_at
        {
            let sleep = match &mut self.stage {
                Stage::Sleeping(sleep) if sleep.deadline() == open_at => sleep,
                stage => {
                    *stage = Stage::Sleeping(Box::pin(sleep_until(open_at)));
                    let Stage::Sleeping(sleep) = stage else { unreachable!("it is set above") };
                    sleep
                }
            };
            std::task::ready!(sleep.as_mut().poll(cx));
        }
        queue.least = place.used;
        queue.give_up(place);
        (self.place, self.stage, self.let_in) = (None, Stage::Waiting, Some(Instant::now()));
        self.turn.is_let_in.store(true, Ordering::Relaxed);
        self.turn.begin();
        Poll::Ready(())
    }

    fn queue_up(&mut self) -> Place {
        let mut queue = self.turn.lane.0.queue.lock();
        let used = self.turn.used.load(Ordering::Relaxed);
        let used = used.max(queue.least.saturating_sub(CREDIT));
        self.turn.used.store(used, Ordering::Relaxed);
        let place = Place { used, number: queue.next };
        queue.next += 1;
        self.place = Some(place);
        place
    }

    /// The turn is over.
    pub(crate) fn leave(&mut self) {
        let Some(began) = self.let_in.take() else { return };
        self.turn.is_let_in.store(false, Ordering::Relaxed);
        let took = began.elapsed();
        // A turn of no length is one all the same.
        let used =
            u64::try_from(took.max(Duration::from_micros(1)).as_micros()).unwrap_or(u64::MAX);
        let before = self.turn.used.load(Ordering::Relaxed);
        self.turn.used.store(before.saturating_add(used), Ordering::Relaxed);
        self.turn.lane.0.has_been_heavy(took);
    }
}

impl Shared {
    /// A heavy user has had the worker for so long: the others have it as long now, if they want it.
    fn has_been_heavy(&self, took: Duration) {
        let mut queue = self.queue.lock();
        queue.open_at = Instant::now().checked_add(took);
        queue.light_then = self.light.load(Ordering::Relaxed);
    }
}

impl Queue {
    /// Leaves a place, for the next.
    fn give_up(&mut self, place: Place) {
        self.waiting.remove(&place);
        if let Some(first) = self.waiting.values().next() {
            first.wake_by_ref();
        }
    }
}

/// Whoever gives up waiting makes room.
impl Drop for Door<'_> {
    fn drop(&mut self) {
        if let Some(place) = self.place {
            self.turn.lane.0.queue.lock().give_up(place);
        }
    }
}

/// Has the task woken after the runtime has looked at timers and sockets, behind all that are ready then.
fn go_last(cx: &mut Context<'_>) -> Poll<()> {
    std::pin::pin!(tokio::task::yield_now()).poll(cx)
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::rc::Rc;

    use super::*;

    /// Users of one worker, on a clock that only computing moves.
    #[derive(Clone, Default)]
    struct Bench {
        ticks: Ticks,
        lane: Lane,
        turns: Rc<RefCell<Vec<&'static str>>>,
    }

    impl Bench {
        fn turn(&self) -> Turn {
            Turn::new(self.ticks.clone(), self.lane.clone())
        }

        fn has_computed(&self, turn: &Turn, epochs: u64) -> Vec<Option<Passed>> {
            turn.begin();
            (0..epochs)
                .map(|_| {
                    self.ticks.advance();
                    turn.passed()
                })
                .collect()
        }
    }

    #[test]
    fn an_epoch_that_ends_while_a_user_waits_is_nobodys() {
        let bench = Bench::default();
        let turn = bench.turn();
        bench.ticks.advance();
        bench.ticks.advance();
        turn.begin();
        assert_eq!(turn.passed(), None);
    }

    #[test]
    fn what_the_host_does_for_a_user_for_long_is_the_users_computing() {
        let bench = Bench::default();
        let turn = bench.turn();
        for (epochs, is_heavy) in [(0, false), (1, false), (300, true)] {
            let since = turn.now();
            (0..epochs).for_each(|_| bench.ticks.advance());
            turn.was_served(since);
            assert_eq!(turn.is_heavy(), is_heavy, "{epochs} epochs");
        }
        assert_eq!(turn.used.load(Ordering::Relaxed), 300_000);
    }

    #[test]
    fn whoever_computes_for_a_whole_epoch_is_interrupted_and_heavy() {
        let bench = Bench::default();
        let turn = bench.turn();
        let passed = |is_over| Some(Passed { ticks: 1, is_over });
        assert_eq!(bench.has_computed(&turn, 2), [passed(false), passed(true)]);
        assert!(turn.is_heavy());
        let mut light = 0;
        while turn.is_heavy() {
            turn.begin();
            light += 1;
        }
        assert!((1..20).contains(&light), "forgotten after {light} turns");
    }

    #[test]
    fn whoever_is_let_in_has_some_epochs_and_no_more() {
        local(async {
            let bench = Bench::default();
            let turn = bench.turn();
            bench.has_computed(&turn, 2);
            turn.fairly(std::future::poll_fn(|_| {
                let over: Vec<bool> = (0..TURN)
                    .map(|_| {
                        bench.ticks.advance();
                        turn.passed().expect("an epoch").is_over
                    })
                    .collect();
                assert_eq!(over, [false, false, false, false, true]);
                Poll::Ready(())
            }))
            .await;
        });
    }

    #[test]
    fn one_whose_turns_seldom_meet_the_end_of_an_epoch_is_light_and_one_whose_often_do_is_not() {
        for (every, heavy) in [(100, false), (20, false), (4, false), (1, true)] {
            let bench = Bench::default();
            let turn = bench.turn();
            for n in 1..=1_000 {
                bench.has_computed(&turn, u64::from(n % every == 0));
            }
            assert_eq!(turn.is_heavy(), heavy, "one turn of {every}");
        }
    }

    /// A user whose turns all take so long, `turns` of them. It takes a note of each.
    async fn user(bench: Bench, name: &'static str, takes: Duration, turns: usize) {
        let turn = bench.turn();
        let mut left = turns;
        turn.fairly(std::future::poll_fn(|cx| {
            bench.turns.borrow_mut().push(name);
            let began = Instant::now();
            while began.elapsed() < takes {
                std::hint::spin_loop();
            }
            if takes > Duration::ZERO {
                bench.ticks.advance();
                bench.ticks.advance();
                turn.passed();
            }
            left -= 1;
            if left == 0 {
                return Poll::Ready(());
            }
            cx.waker().wake_by_ref();
            Poll::Pending
        }))
        .await;
    }

    fn local<T>(future: impl Future<Output = T>) -> T {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build_local(tokio::runtime::LocalOptions::default())
            .expect("a runtime");
        runtime.block_on(future)
    }

    #[test]
    fn of_many_who_compute_one_has_a_turn_while_all_others_have_theirs() {
        local(async {
            let bench = Bench::default();
            let millisecond = Duration::from_millis(1);
            let hogs: Vec<_> = (0..50)
                .map(|_| tokio::task::spawn_local(user(bench.clone(), "hog", millisecond, 1_000)))
                .collect();
            let light =
                tokio::task::spawn_local(user(bench.clone(), "light", Duration::ZERO, 2_000));
            light.await.expect("it ends");
            for hog in hogs {
                hog.abort();
            }
            // The first turn of each is not known to be long beforehand.
            let turns = bench.turns.borrow();
            let heavy = turns.iter().filter(|name| **name == "hog").count() - 50;
            assert!(heavy < 500, "{heavy} turns of 50 while another had 2,000");
        });
    }

    #[test]
    fn those_who_compute_have_all_there_is_where_nobody_else_wants_it_and_each_as_much() {
        local(async {
            let bench = Bench::default();
            let takes = Duration::from_micros(200);
            let users = ["a", "b", "c"];
            let tasks: Vec<_> = users
                .iter()
                .map(|name| tokio::task::spawn_local(user(bench.clone(), name, takes, 50)))
                .collect();
            for task in tasks {
                task.await.expect("it ends");
            }
            let turns = bench.turns.borrow();
            assert_eq!(turns.len(), 150);
            for name in users {
                let early = turns[..90].iter().filter(|each| **each == name).count();
                assert!(early >= 10, "{name} had {early} of the first 90 turns");
            }
        });
    }

    #[test]
    fn whoever_gives_up_waiting_lets_the_next_in() {
        local(async {
            let bench = Bench::default();
            let takes = Duration::from_micros(200);
            let mut tasks: Vec<_> = (0..4)
                .map(|_| tokio::task::spawn_local(user(bench.clone(), "hog", takes, 20)))
                .collect();
            while bench.turns.borrow().len() < 8 {
                tokio::task::yield_now().await;
            }
            for task in tasks.drain(..3) {
                task.abort();
            }
            tasks.remove(0).await.expect("it ends");
            assert!(bench.lane.0.queue.lock().waiting.is_empty());
        });
    }
}
