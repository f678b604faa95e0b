//! The open model: iterations are due at their times, whether or not those before them have ended.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::Future;
use std::num::NonZeroU32;
use std::ops::Range;
use std::pin::Pin;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use plan::{ConstantPacer, OnBusy, Pacer};
use tokio::sync::watch;
use tokio::time::Instant;
use vu::VuFactory;

use crate::alarm::Alarm;
use crate::moment::after;
use crate::orders::{Orders, SearchOrder};
use crate::placement::Agent;
use crate::rein::{Order, Rein};
use crate::source::{Look, Numbers, Source, Ticket};
use crate::user::Surroundings;
use crate::worker::{Made, Part, Users};

const SECOND: Duration = Duration::from_secs(1);
/// How late an iteration of the last moment may be handed out: no timer rings on time, and those that are due
/// are not to be lost for that. What is later is the worker's own lag.
const LATE: Duration = Duration::from_millis(50);
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

/// Hands out a scenario's iterations on one worker, and makes VUs where they are missing.
pub(crate) struct Arriving<'a, F: VuFactory> {
    part: &'a Part<F>,
    around: &'a Rc<Surroundings>,
    waiting: Waiting<'a>,
    on_busy: OnBusy,
    /// VUs beyond those made ahead, by their places. They are made one at a time, beside the pacing and
    /// never before it.
    spare: Box<dyn Iterator<Item = u32>>,
    making: Option<Making<'a, F>>,
    missing: bool,
    alarm: Alarm,
    handed_out: u32,
}

type Making<'a, F> = Pin<Box<dyn Future<Output = Option<Made<<F as VuFactory>::Vu>>> + 'a>>;

impl<'a, F: VuFactory> Arriving<'a, F> {
    /// Arrivals of a part of a scenario, of whose VUs the `spare` ones are not made ahead.
    pub(crate) fn new(
        part: &'a Part<F>,
        users: &Users,
        around: &'a Rc<Surroundings>,
        spare: Range<u32>,
        on_busy: OnBusy,
    ) -> Self {
        let ahead = spare.start;
        Self {
            part,
            around,
            waiting: Waiting { pool: Rc::clone(&users.pool.0), around },
            on_busy,
            spare: Box::new(part.agent.vus(spare.end).filter(move |place| *place >= ahead)),
            making: None,
            missing: false,
            alarm: if part.precise { Alarm::fine() } else { Alarm::coarse() },
            handed_out: 0,
        }
    }

    /// Lets VUs wait for iterations.
    pub(crate) fn spawn(&self, users: &mut Users, made: impl IntoIterator<Item = Made<F::Vu>>) {
        for one in made {
            let rein = Rc::new(Rein::new(after(users.start, Duration::MAX)));
            let source = Assigned::new(Rc::clone(&rein), Rc::clone(&self.waiting.pool));
            users.spawn_held(one, source, rein, self.around);
        }
    }

    /// Keeps up one rate after the other, as a search asks for them, until it ends.
    pub(crate) async fn follow(&mut self, users: &mut Users, orders: &mut watch::Receiver<Orders>) {
        loop {
            let order = orders.borrow_and_update().search;
            let pacing = async {
                match order {
                    SearchOrder::Keep { load, since } => {
                        let rate = NonZeroU32::new(load).unwrap_or(NonZeroU32::MIN);
                        let pacer = ConstantPacer::new(rate, SECOND, Duration::MAX);
                        self.pace(users, since, &pacer, None).await;
                    }
                    SearchOrder::Rest => {}
                    SearchOrder::End => return,
                }
                std::future::pending().await
            };
            tokio::select! {
                biased;
                changed = orders.wait_for(|orders| orders.search != order) => {
                    // Whoever asked is gone: as at the end.
                    if changed.is_err() { return; }
                }
                () = pacing => return,
            }
        }
    }

    /// Hands out iterations as they come due, until there are no more or it is `end`: then what is due and
    /// was not handed out is dropped. May be dropped itself, and another pacer be followed.
    pub(crate) async fn pace(
        &mut self,
        users: &mut Users,
        start: Instant,
        pacer: &dyn Pacer,
        end: Option<Instant>,
    ) {
        let Agent { index, count } = self.part.agent;
        let end = end.map(|end| end + LATE);
        let mut arrivals = pacer.arrivals(index.into(), count.into());
        while let Some((_, due)) = arrivals.next() {
            let due = after(start, due);
            self.wait_until(due, users).await;
            if end.is_some_and(|end| Instant::now() > end) {
                let dropped = 1 + arrivals.count();
                self.around.recorder.record(self.around.series.dropped, dropped as f64);
                return;
            }
            if !self.waiting.has_free() {
                // Those whose iterations have just ended have not had their turn to say so.
                turn().await;
            }
            let number = self.around.numbers.take();
            self.missing |= self.waiting.place(Ticket { number, due: Some(due) }, self.on_busy);
            self.handed_out += 1;
            if self.handed_out == HANDED_OUT {
                self.handed_out = 0;
                turn().await;
            }
        }
    }

    /// Waits for a moment, and makes VUs meanwhile if some are missing.
    async fn wait_until(&mut self, due: Instant, users: &mut Users) {
        loop {
            if self.missing && self.making.is_none() {
                self.missing = false;
                self.making = self.spare.next().map(|place| -> Making<'a, F> {
                    let part = self.part;
                    Box::pin(async move { part.make(place).await })
                });
            }
            let Some(making) = &mut self.making else {
                return self.alarm.until(due).await;
            };
            tokio::select! {
                biased;
                one = making => {
                    self.making = None;
                    self.spawn(users, one);
                }
                () = self.alarm.until(due) => return,
            }
        }
    }
}

/// Lets everyone else on this worker have a turn. Other than the runtime's own, it does not wait for a look at
/// timers and sockets, which comes late where VUs compute.
async fn turn() {
    let mut had = false;
    std::future::poll_fn(|cx| {
        if std::mem::replace(&mut had, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
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
