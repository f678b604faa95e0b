//! The open model: iterations are due at their times, whether or not those before them have ended.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use tokio::time::Instant;

use crate::rein::{Order, Rein};
use crate::source::{Look, Numbers, Source, Ticket};

/// The VUs of a scenario on one worker that have nothing to do, the one that was busy last on top: its
/// connection is the least likely to have been closed.
pub(crate) type Free = Rc<RefCell<Vec<Post>>>;

/// A free VU, and how to give it an iteration.
#[derive(Clone)]
pub(crate) struct Post {
    pub(crate) rein: Rc<Rein>,
    slot: Rc<Cell<Option<Ticket>>>,
}

impl Post {
    pub(crate) fn new(rein: Rc<Rein>) -> Self {
        Self { rein, slot: Rc::default() }
    }

    /// Gives the VU an iteration and wakes it.
    pub(crate) fn assign(&self, ticket: Ticket) {
        self.slot.set(Some(ticket));
        self.rein.wake();
    }
}

/// Iterates when it is given an iteration.
pub(crate) struct Assigned {
    post: Post,
    free: Free,
}

impl Assigned {
    /// A VU that is free from the start.
    pub(crate) fn new(post: Post, free: Free) -> Self {
        free.borrow_mut().push(post.clone());
        Self { post, free }
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

    fn done(&mut self) {
        self.free.borrow_mut().push(self.post.clone());
    }

    fn owes(&self) -> bool {
        let ticket = self.post.slot.take();
        let given = ticket.is_some();
        self.post.slot.set(ticket);
        given
    }
}
