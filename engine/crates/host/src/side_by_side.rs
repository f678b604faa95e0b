//! One task, two futures: the guest on its fiber, and the exchanges it waits for.
//!
//! Sockets are polled here, on the worker's own stack, and never from the guest's fiber, whose stack would
//! have to hold the protocol clients and would stay resident for every VU. No second task is woken for a
//! request either: the task that a socket wakes polls the exchanges, and enters the fiber only if one of
//! them finished or if something else that the guest waits for (a timer, a yield) has woken it.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use parking_lot::Mutex;

use crate::exchanges::Exchanges;
use crate::turns::{Door, Turn};

/// Wakes the VU's task, and remembers that it is the guest who is to be polled.
pub(crate) struct GuestWaker {
    woken: AtomicBool,
    task: Mutex<Option<Waker>>,
}

impl GuestWaker {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self { woken: AtomicBool::new(false), task: Mutex::new(None) })
    }
}

impl Wake for GuestWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.woken.store(true, Ordering::Release);
        let task = self.task.lock().clone();
        if let Some(task) = task {
            task.wake();
        }
    }
}

/// Runs a call into the guest to its end, turn by turn, and the exchanges that it started to theirs.
pub(crate) async fn side_by_side<T>(
    guest: impl Future<Output = T>,
    exchanges: &Mutex<Exchanges>,
    waker: &Arc<GuestWaker>,
    turn: &Turn,
) -> T {
    let mut door = Door::new(turn);
    let mut guest = std::pin::pin!(guest);
    let guest_waker = Waker::from(Arc::clone(waker));
    let mut result = None;
    waker.woken.store(true, Ordering::Relaxed);

    std::future::poll_fn(move |cx: &mut Context<'_>| {
        {
            let mut task = waker.task.lock();
            if !task.as_ref().is_some_and(|task| task.will_wake(cx.waker())) {
                *task = Some(cx.waker().clone());
            }
        }
        loop {
            // One whose turn it is not stays woken, and is let in later.
            if result.is_none() && waker.woken.load(Ordering::Acquire) && door.poll(cx).is_ready() {
                waker.woken.store(false, Ordering::Release);
                let mut guest_cx = Context::from_waker(&guest_waker);
                if let Poll::Ready(value) = Pin::as_mut(&mut guest).poll(&mut guest_cx) {
                    result = Some(value);
                }
                door.leave();
            }
            let mut exchanges = exchanges.lock();
            let since = turn.now();
            let has_news = exchanges.poll(cx);
            turn.was_served(since);
            if has_news && result.is_none() {
                // What the guest waits for may be there.
                waker.woken.store(true, Ordering::Relaxed);
                continue;
            }
            if exchanges.running() == 0
                && let Some(value) = result.take()
            {
                return Poll::Ready(value);
            }
            return Poll::Pending;
        }
    })
    .await
}
