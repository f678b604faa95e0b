//! Which of a VU's sockets something has happened to: of hundreds only those are polled.
//!
//! Each socket has a waker of its own, which wakes the VU's task and remembers who it was. Nothing here knows
//! what a socket is.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Wake, Waker};

use parking_lot::Mutex;

/// Those of some numbered things that were woken.
pub(crate) struct Woken {
    shared: Arc<Mutex<Shared>>,
    /// Those that [`take`](Self::take) gives, while it is not called.
    taken: Vec<u64>,
}

#[derive(Default)]
struct Shared {
    /// Each once.
    woken: Vec<u64>,
    task: Option<Waker>,
}

/// The waker of one of them.
pub(crate) struct OneOf {
    number: u64,
    is_woken: AtomicBool,
    shared: Arc<Mutex<Shared>>,
}

impl Woken {
    pub(crate) fn new() -> Self {
        Self { shared: Arc::default(), taken: Vec::new() }
    }

    /// The waker of the one with this number, which counts as woken.
    pub(crate) fn waker(&self, number: u64) -> Arc<OneOf> {
        let (is_woken, shared) = (AtomicBool::new(true), Arc::clone(&self.shared));
        self.shared.lock().woken.push(number);
        Arc::new(OneOf { number, is_woken, shared })
    }

    /// From now on wakes this task. Gives the numbers of those that were woken, in the order in which they were;
    /// they are to be given [back](Self::give_back).
    pub(crate) fn take(&mut self, task: &Waker) -> Vec<u64> {
        let mut shared = self.shared.lock();
        if !shared.task.as_ref().is_some_and(|known| known.will_wake(task)) {
            shared.task = Some(task.clone());
        }
        std::mem::swap(&mut shared.woken, &mut self.taken);
        std::mem::take(&mut self.taken)
    }

    /// Keeps the memory of what was taken.
    pub(crate) fn give_back(&mut self, mut taken: Vec<u64>) {
        taken.clear();
        self.taken = taken;
    }
}

impl OneOf {
    /// It is about to be looked after: whatever happens from now on wakes it again.
    pub(crate) fn rest(&self) {
        self.is_woken.store(false, Ordering::Release);
    }

    /// Counts as woken, by whoever will look after it anyway: the task is not woken.
    pub(crate) fn stir(&self) {
        if !self.is_woken.swap(true, Ordering::AcqRel) {
            self.shared.lock().woken.push(self.number);
        }
    }
}

impl Wake for OneOf {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if self.is_woken.swap(true, Ordering::AcqRel) {
            return;
        }
        let task = {
            let mut shared = self.shared.lock();
            shared.woken.push(self.number);
            shared.task.clone()
        };
        if let Some(task) = task {
            task.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Counts how often it is woken.
    #[derive(Default)]
    struct Task(std::sync::atomic::AtomicUsize);

    impl Wake for Task {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn only_those_that_were_woken_are_told_and_each_once() {
        let task = Arc::new(Task::default());
        let waker = Waker::from(Arc::clone(&task));
        let mut woken = Woken::new();
        let all = [1, 2, 3].map(|number| woken.waker(number));
        let [one, two, three] = &all;
        let mut take = || {
            let taken = woken.take(&waker);
            all.iter().for_each(|one| one.rest());
            let numbers = taken.clone();
            woken.give_back(taken);
            numbers
        };
        assert_eq!(take(), [1, 2, 3], "new ones are to be polled");
        assert_eq!(take(), [] as [u64; 0]);
        three.wake_by_ref();
        one.wake_by_ref();
        three.wake_by_ref();
        assert_eq!(task.0.load(Ordering::Relaxed), 2);
        assert_eq!(take(), [3, 1]);
        two.stir();
        assert_eq!(task.0.load(Ordering::Relaxed), 2, "whoever stirs looks after it");
        assert_eq!(take(), [2]);
    }
}
