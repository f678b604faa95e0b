//! How a VU is held: what it may do, until when, and how it is interrupted.
//!
//! One [`Rein`] a VU, shared with the driver of its scenario on the same thread. Nothing in it crosses
//! threads and nothing is registered per iteration: what the VU runs is polled side by side with a
//! flag ([`Attend`]), and whoever gives an order wakes the VU's task. Dropping what it ran *is* the
//! interruption.

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use pin_project_lite::pin_project;
use tokio::time::Instant;

/// What a VU has been told to do.
///
/// ```text
///            ┌────────────┐
///   Rest ──► Go ──► Break │   Break and back to Go as a ramp goes down and up again
///     │      │ ▲──────┘   │
///     └──────┴──► Leave ──┴──► Cut
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Order {
    /// Start iterations until [`Rein::until`]; one that runs then may finish.
    Go,
    /// Drop the iteration that runs, and rest until told otherwise.
    Break,
    /// Finish the iteration that runs, call `stop`, and end.
    Leave,
    /// Drop whatever runs, and end.
    Cut,
}

/// What holds one VU.
pub(crate) struct Rein {
    order: Cell<Order>,
    until: Cell<Instant>,
    /// The VU's task, as it was when it last waited for anything.
    waker: Cell<Option<Waker>>,
    /// Something changed since the VU last looked.
    changed: Cell<bool>,
}

impl Rein {
    /// Returns a rein that lets its VU go until `until`.
    pub(crate) fn new(until: Instant) -> Self {
        Self {
            order: Cell::new(Order::Go),
            until: Cell::new(until),
            waker: Cell::new(None),
            changed: Cell::new(false),
        }
    }

    /// What the VU has been told.
    pub(crate) fn order(&self) -> Order {
        self.order.get()
    }

    /// The moment from which on no iteration starts: at it is too late.
    pub(crate) fn until(&self) -> Instant {
        self.until.get()
    }

    /// Lets the VU go, or go on, until `until`.
    pub(crate) fn go(&self, until: Instant) {
        self.until.set(until);
        self.give(Order::Go);
    }

    /// Lets the VU finish what it runs, and rest.
    pub(crate) fn rest(&self) {
        self.until.set(Instant::now());
        self.wake();
    }

    /// Drops the iteration that runs.
    pub(crate) fn break_off(&self) {
        self.give(Order::Break);
    }

    /// Lets the VU finish and end.
    pub(crate) fn leave(&self) {
        self.give(Order::Leave);
    }

    /// Drops whatever the VU runs, and ends it.
    pub(crate) fn cut(&self) {
        self.give(Order::Cut);
    }

    /// An order to end is never taken back.
    fn give(&self, order: Order) {
        if order > self.order.get() || self.order.get() < Order::Leave {
            self.order.set(order);
        }
        self.wake();
    }

    /// Makes the VU look again.
    pub(crate) fn wake(&self) {
        self.changed.set(true);
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    /// Waits until someone has given an order or woken the VU since this was last waited for.
    pub(crate) async fn changed(&self) {
        poll_fn(|context| {
            self.remember(context);
            if self.changed.replace(false) { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }

    /// A task's waker does not change in practice, so this is a comparison of two pointers.
    fn remember(&self, context: &Context<'_>) {
        let waker = match self.waker.take() {
            Some(known) if known.will_wake(context.waker()) => known,
            _ => context.waker().clone(),
        };
        self.waker.set(Some(waker));
    }
}

/// How something that was attended ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Attended<T> {
    /// It was ready with `value`.
    Ready {
        /// What it gave.
        value: T,
        /// Whether it waited for anything. One that did not has kept the thread to itself.
        waited: bool,
    },
    /// It was dropped by order.
    Interrupted,
    /// It panicked, saying this.
    Panicked(String),
}

impl<T> Attended<T> {
    /// The same ending with another value.
    pub(crate) fn map<U>(self, map: impl FnOnce(T) -> U) -> Attended<U> {
        match self {
            Self::Ready { value, waited } => Attended::Ready { value: map(value), waited },
            Self::Interrupted => Attended::Interrupted,
            Self::Panicked(message) => Attended::Panicked(message),
        }
    }
}

pin_project! {
    /// A future, until it is ready, panics, or the rein's order reaches `bound`.
    #[must_use = "futures do nothing unless awaited"]
    pub(crate) struct Attend<'a, F> {
        rein: &'a Rein,
        interrupts: fn(Order) -> bool,
        waited: bool,
        #[pin]
        future: F,
    }
}

/// Attends an iteration, or the start of a VU.
pub(crate) fn attend<F: Future>(rein: &Rein, future: F) -> Attend<'_, F> {
    Attend {
        rein,
        interrupts: |order| matches!(order, Order::Break | Order::Cut),
        waited: false,
        future,
    }
}

/// Attends the end of a VU, which only a cut interrupts.
pub(crate) fn attend_end<F: Future>(rein: &Rein, future: F) -> Attend<'_, F> {
    Attend { rein, interrupts: |order| order == Order::Cut, waited: false, future }
}

impl<F: Future> Future for Attend<'_, F> {
    type Output = Attended<F::Output>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        if (this.interrupts)(this.rein.order()) {
            return Poll::Ready(Attended::Interrupted);
        }
        // Remembered before the poll: an order may be given from within it.
        this.rein.remember(context);
        match caught(|| this.future.poll(context)) {
            Ok(Poll::Ready(value)) => Poll::Ready(Attended::Ready { value, waited: *this.waited }),
            Ok(Poll::Pending) => {
                *this.waited = true;
                Poll::Pending
            }
            Err(message) => Poll::Ready(Attended::Panicked(message)),
        }
    }
}

pin_project! {
    /// A future whose panic is a value.
    #[must_use = "futures do nothing unless awaited"]
    pub(crate) struct Guarded<F> {
        #[pin]
        future: F,
    }
}

/// Awaits `future`; if it panics, gives what the panic said.
pub(crate) fn guarded<F: Future>(future: F) -> Guarded<F> {
    Guarded { future }
}

impl<F: Future> Future for Guarded<F> {
    type Output = Result<F::Output, String>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let future = self.project().future;
        match caught(|| future.poll(context)) {
            Ok(Poll::Ready(value)) => Poll::Ready(Ok(value)),
            Ok(Poll::Pending) => Poll::Pending,
            Err(message) => Poll::Ready(Err(message)),
        }
    }
}

/// Calls `call`; if it panics, gives what the panic said.
///
/// What panicked is dropped by the caller and never called again, so nothing half done is seen.
fn caught<T>(call: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(call)).map_err(|panic| {
        panic
            .downcast_ref::<&str>()
            .map(|message| (*message).to_owned())
            .or_else(|| panic.downcast_ref::<String>().cloned())
            .unwrap_or_else(|| "panicked".to_owned())
    })
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;
    use std::task::ready;

    use super::*;

    fn rein() -> Rc<Rein> {
        Rc::new(Rein::new(Instant::now()))
    }

    #[tokio::test]
    async fn a_future_that_is_ready_at_once_has_not_waited() {
        let rein = rein();
        assert_eq!(attend(&rein, async { 7 }).await, Attended::Ready { value: 7, waited: false });
        assert_eq!(
            attend(&rein, tokio::task::yield_now()).await,
            Attended::Ready { value: (), waited: true }
        );
    }

    #[tokio::test]
    async fn an_order_interrupts_what_waits_for_ever() {
        type Give = fn(&Rein);
        for (give, attending, ending) in [
            (Rein::break_off as Give, true, false),
            (Rein::leave as Give, false, false),
            (Rein::cut as Give, true, true),
        ] {
            for (interrupted, end) in [(attending, false), (ending, true)] {
                let rein = rein();
                let forever = std::future::pending::<()>();
                let mut attended =
                    Box::pin(if end { attend_end(&rein, forever) } else { attend(&rein, forever) });
                let mut polls = 0;
                let outcome = poll_fn(|context| {
                    polls += 1;
                    if polls == 1 {
                        assert!(attended.as_mut().poll(context).is_pending());
                        give(&rein);
                        return Poll::Pending;
                    }
                    Poll::Ready(match attended.as_mut().poll(context) {
                        Poll::Ready(outcome) => Some(outcome),
                        Poll::Pending => None,
                    })
                })
                .await;
                assert_eq!(outcome.is_some(), interrupted);
            }
        }
    }

    #[tokio::test]
    async fn a_panic_is_a_value() {
        let rein = rein();
        let attended = attend(&rein, async { panic!("broken {}", 1) }).await;
        assert_eq!(attended, Attended::<()>::Panicked("broken 1".into()));
        assert_eq!(guarded(async { panic!("plain") }).await, Err::<(), _>("plain".into()));
    }

    #[tokio::test]
    async fn an_order_to_end_is_never_taken_back() {
        let rein = rein();
        rein.break_off();
        rein.go(Instant::now());
        assert_eq!(rein.order(), Order::Go);
        rein.leave();
        rein.go(Instant::now());
        rein.break_off();
        assert_eq!(rein.order(), Order::Leave);
        rein.cut();
        rein.leave();
        assert_eq!(rein.order(), Order::Cut);
    }

    #[tokio::test]
    async fn a_change_is_noticed_once_even_if_it_came_before_the_wait() {
        let rein = rein();
        rein.wake();
        rein.changed().await;
        let mut again = Box::pin(rein.changed());
        poll_fn(|context| {
            assert!(again.as_mut().poll(context).is_pending());
            Poll::Ready(())
        })
        .await;
        rein.wake();
        poll_fn(|context| {
            ready!(again.as_mut().poll(context));
            Poll::Ready(())
        })
        .await;
    }
}
