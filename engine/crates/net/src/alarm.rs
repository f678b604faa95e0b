//! A timer that costs nothing until it is waited for.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Instant, Sleep};

/// What may take longer than this may take forever: clocks cannot count on from now without end.
pub(crate) const FOREVER: Duration = Duration::from_secs(365 * 24 * 3600);

/// A timer for whatever is due first.
#[derive(Default)]
pub(crate) struct Alarm {
    due: Option<Instant>,
    /// Kept when it has rung: to set it again is less work than to make it.
    sleep: Option<Pin<Box<Sleep>>>,
}

impl Alarm {
    /// Sets it unless it is set for an earlier moment.
    pub(crate) fn no_later_than(&mut self, deadline: Instant) {
        self.due = Some(self.due.map_or(deadline, |due| due.min(deadline)));
    }

    /// Sets it for this moment, whatever it was set for.
    pub(crate) fn set(&mut self, deadline: Instant) {
        self.due = Some(deadline);
    }

    /// Unsets it, and gives its memory back.
    pub(crate) fn unset(&mut self) {
        *self = Self::default();
    }

    /// Ready when it has rung; it is not set any more then.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(due) = self.due else { return Poll::Pending };
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(due)));
        if sleep.deadline() != due {
            sleep.as_mut().reset(due);
        }
        ready!(sleep.as_mut().poll(cx));
        self.due = None;
        Poll::Ready(())
    }
}
