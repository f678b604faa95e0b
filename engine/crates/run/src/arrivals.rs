//! The open model: iterations are due at their times, whether or not those before them have ended.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

use plan::{OnBusy, Pacer};
use tokio::time::Instant;
use vu::VuFactory;

use crate::alarm::Alarm;
use crate::moment::after;
use crate::rein::{Order, Rein};
use crate::source::{Look, Numbers, Source, Ticket};
use crate::user::Surroundings;
use crate::worker::{Made, Part, Users};

/// Arrivals handed out before VUs get their turn, when many are due at once.
const HANDED_OUT: u32 = 16;

/// The VUs of a scenario on one worker that have nothing to do, and the iterations that nobody has begun.
/// Only one of the two is ever there.
#[derive(Default)]
struct Pool {
    /// The one that was busy last on top: its connection is the least likely to have been closed.
    free: Vec<Post>,
    waiting: VecDeque<Ticket>,
}

/// A VU of the pool, and how to give it an iteration.
#[derive(Clone)]
struct Post {
    rein: Rc<Rein>,
    slot: Rc<Cell<Option<Ticket>>>,
}

impl Post {
    /// Gives the VU an iteration and wakes it.
    fn assign(&self, ticket: Ticket) {
        self.slot.set(Some(ticket));
        self.rein.wake();
    }
}

/// Iterates when it is given an iteration.
struct Assigned {
    post: Post,
    pool: Rc<RefCell<Pool>>,
}

impl Assigned {
    /// A VU that is free from the start.
    fn new(rein: Rc<Rein>, pool: Rc<RefCell<Pool>>) -> Self {
        let mut one = Self { post: Post { rein, slot: Rc::default() }, pool };
        one.done();
        one
    }
}

impl Source for Assigned {
    const PAUSES: bool = false;

    fn look(&mut self, rein: &Rein, _now: Instant) -> Look {
        match rein.order() {
            Order::Cut => Look::Leave,
            // An iteration that was given before its time ran out was due in it.
            _ if self.owes() => Look::Iterate,
            Order::Leave => Look::Leave,
            Order::Go | Order::Break => Look::Rest,
        }
    }

    fn take(&mut self, _numbers: &Numbers) -> Option<Ticket> {
        self.post.slot.take()
    }

    /// Takes the iteration that has waited longest, or waits for one itself.
    fn done(&mut self) {
        if self.post.rein.order() == Order::Cut {
            return;
        }
        let mut pool = self.pool.borrow_mut();
        match pool.waiting.pop_front() {
            Some(ticket) => self.post.slot.set(Some(ticket)),
            None => pool.free.push(self.post.clone()),
        }
    }

    fn owes(&self) -> bool {
        let ticket = self.post.slot.take();
        let given = ticket.is_some();
        self.post.slot.set(ticket);
        given
    }
}

/// What a schedule says of arrivals.
#[derive(Clone, Copy)]
pub(crate) struct Arriving<'a> {
    pub(crate) pacer: &'a dyn Pacer,
    pub(crate) pre_allocated_vus: u32,
    pub(crate) max_vus: u32,
    pub(crate) duration: Duration,
    pub(crate) on_busy: OnBusy,
}

/// Where iterations that are due find a VU, or a place to wait for one.
struct Waiting<'a> {
    pool: Rc<RefCell<Pool>>,
    around: &'a Surroundings,
}

impl Waiting<'_> {
    /// Finds a VU for an iteration that is due, or a place to wait; whether a VU is missing.
    fn place(&self, ticket: Ticket, on_busy: OnBusy) -> bool {
        let mut pool = self.pool.borrow_mut();
        match (pool.free.pop(), on_busy) {
            (Some(post), _) => {
                post.assign(ticket);
                return false;
            }
            (None, OnBusy::Queue { most }) if pool.waiting.len() < most as usize => {
                pool.waiting.push_back(ticket);
            }
            (None, _) => self.around.recorder.record(self.around.series.dropped, 1.0),
        }
        true
    }

    fn has_free(&self) -> bool {
        !self.pool.borrow().free.is_empty()
    }
}

impl<F: VuFactory> Part<F> {
    /// Hands out iterations as they come due, until the end of the scenario's time.
    pub(crate) async fn arrive(
        &self,
        users: &mut Users,
        made: Vec<Made<F::Vu>>,
        around: &Rc<Surroundings>,
        arriving: Arriving<'_>,
    ) {
        let Arriving { pacer, pre_allocated_vus, max_vus, duration, on_busy } = arriving;
        let start = users.start;
        let waiting = Waiting { pool: Rc::clone(&users.pool.0), around };
        let spawn = |users: &mut Users, one: Made<F::Vu>| {
            let rein = Rc::new(Rein::new(after(start, Duration::MAX)));
            let source = Assigned::new(Rc::clone(&rein), Rc::clone(&waiting.pool));
            users.spawn_held(one, source, rein, around);
        };
        for one in made {
            spawn(users, one);
        }
        // VUs beyond those made ahead are made one at a time, beside the pacing and never before it.
        let mut spare = self.agent.vus(max_vus).filter(|place| *place >= pre_allocated_vus);
        let mut missing = false;
        let mut making = None;

        let mut alarm = if self.precise { Alarm::fine() } else { Alarm::coarse() };
        let mut handed_out = 0;
        for (number, due) in pacer.arrivals(self.agent.index.into(), self.agent.count.into()) {
            let due = after(start, due);
            loop {
                if missing && making.is_none() {
                    missing = false;
                    making = spare.next().map(|place| Box::pin(self.make(place)));
                }
                let Some(future) = &mut making else {
                    alarm.until(due).await;
                    break;
                };
                tokio::select! {
                    biased;
                    one = future => {
                        making = None;
                        if let Some(one) = one {
                            spawn(users, one);
                        }
                    }
                    () = alarm.until(due) => break,
                }
            }
            if !waiting.has_free() {
                // Those whose iterations have just ended have not had their turn to say so.
                tokio::task::yield_now().await;
            }
            missing |= waiting.place(Ticket { number, due: Some(due) }, on_busy);
            handed_out += 1;
            if handed_out == HANDED_OUT {
                handed_out = 0;
                tokio::task::yield_now().await;
            }
        }
        tokio::time::sleep_until(after(start, duration)).await;
    }
}

/// The pool of a scenario's arrivals on one worker; nobody is in that of another schedule.
#[derive(Clone, Default)]
pub(crate) struct Arrived(Rc<RefCell<Pool>>);

impl Arrived {
    /// Counts those that still wait when all VUs have gone.
    pub(crate) fn drop_waiting(&self, around: &Surroundings) {
        let left = std::mem::take(&mut self.0.borrow_mut().waiting).len();
        if left > 0 {
            around.recorder.record(around.series.dropped, left as f64);
        }
    }
}
