//! Keeps the HTTP library's calls to itself from waking the VU.
//!
//! hyper's connection and its request and response halves wake each other through channels, as if each were
//! a task. Here one future polls them one after the other, so such a call would only have the whole VU polled
//! once more for nothing (measured: three polls a request instead of two). So they are given a [`Bell`] to
//! ring. The socket alone, which `metered` wraps, knows the task.
//!
//! The rule that makes this sound: silence the bell, then drive; and whoever returns `Pending` after that
//! wakes the task himself if the bell has rung since.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use parking_lot::Mutex;

/// What hyper wakes instead of the task.
#[derive(Debug)]
pub(crate) struct Bell {
    rung: AtomicBool,
    /// The task that drives the connection now. Never waited for: a VU is one task.
    task: Mutex<Waker>,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.rung.store(true, Ordering::Release);
    }
}

impl Bell {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self { rung: AtomicBool::new(false), task: Mutex::new(Waker::noop().clone()) })
    }

    /// Silences the bell: what it rang for is looked after now, for this task.
    pub(crate) fn silence(&self, cx: &Context<'_>) {
        self.rung.store(false, Ordering::Relaxed);
        let mut task = self.task.lock();
        if !task.will_wake(cx.waker()) {
            task.clone_from(cx.waker());
        }
    }

    /// Has the task polled again if the bell has rung and there is nothing to show for it.
    pub(crate) fn heed<T>(&self, cx: &Context<'_>, polled: Poll<T>) -> Poll<T> {
        if polled.is_pending() && self.rung.load(Ordering::Acquire) {
            cx.waker().wake_by_ref();
        }
        polled
    }

    /// Polls with the task itself as who is to be woken.
    pub(crate) fn for_task<T>(&self, poll: impl FnOnce(&mut Context<'_>) -> T) -> T {
        poll(&mut Context::from_waker(&self.task.lock()))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::*;

    #[derive(Default)]
    struct Task(AtomicUsize);

    impl Wake for Task {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    #[test]
    fn a_task_is_woken_for_what_rang_since_the_bell_was_silenced_and_only_then() {
        let task = Arc::new(Task::default());
        let waker = Waker::from(Arc::clone(&task));
        let cx = Context::from_waker(&waker);
        let woken = || task.0.load(Ordering::SeqCst);
        let bell = Bell::new();
        let inner = Waker::from(Arc::clone(&bell));

        inner.wake_by_ref();
        bell.silence(&cx);
        assert!(bell.heed(&cx, Poll::<()>::Pending).is_pending());
        assert_eq!(woken(), 0, "what rang before was looked after");
        inner.wake_by_ref();
        assert!(bell.heed(&cx, Poll::Ready(())).is_ready());
        assert_eq!(woken(), 0, "there is something to show for it");
        assert!(bell.heed(&cx, Poll::<()>::Pending).is_pending());
        assert_eq!(woken(), 1);
        bell.for_task(|cx| cx.waker().wake_by_ref());
        assert_eq!(woken(), 2, "the socket wakes the task at once");
    }
}
