//! Numbers that workers and the controller look at together. They change when a VU comes or goes, not
//! when it iterates; the one exception is the budget that the VUs of a scenario share.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

/// One scenario's numbers.
#[derive(Debug, Default)]
pub(crate) struct ScenarioBoard {
    made: AtomicU32,
    unmade: AtomicU32,
    active: AtomicU32,
    /// Iterations taken from a shared budget. On cache lines of its own by the size of what is
    /// around it would be better still; a contended increment is some 50 ns.
    taken: AtomicU64,
    /// How often its script broke.
    broken: AtomicU64,
    /// Whether the controller was told that this was too often.
    given_up: AtomicBool,
}

impl ScenarioBoard {
    /// VUs made so far.
    pub(crate) fn made(&self) -> u32 {
        self.made.load(Ordering::Relaxed)
    }

    /// VUs that could not be made.
    pub(crate) fn unmade(&self) -> u32 {
        self.unmade.load(Ordering::Relaxed)
    }

    /// VUs at work.
    pub(crate) fn active(&self) -> u32 {
        self.active.load(Ordering::Relaxed)
    }

    /// Takes note of a VU that was made.
    pub(crate) fn make(&self) {
        self.made.fetch_add(1, Ordering::Relaxed);
    }

    /// Takes note of a VU that could not be made.
    pub(crate) fn fail(&self) {
        self.unmade.fetch_add(1, Ordering::Relaxed);
    }

    /// Takes note of a VU that begins to work.
    pub(crate) fn activate(&self) {
        self.active.fetch_add(1, Ordering::Relaxed);
    }

    /// Takes note of a VU that rests or ends.
    pub(crate) fn rest(&self) {
        self.active.fetch_sub(1, Ordering::Relaxed);
    }

    /// Takes note that the script broke; how often it has.
    pub(crate) fn break_down(&self) -> u64 {
        self.broken.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Takes note whether the controller was told that this was too often; what was known before.
    pub(crate) fn give_up(&self, told: bool) -> bool {
        self.given_up.swap(told, Ordering::Relaxed)
    }

    /// Whether a shared budget of `total` iterations is used up.
    pub(crate) fn is_spent(&self, total: u64) -> bool {
        self.taken.load(Ordering::Relaxed) >= total
    }

    /// Takes the next iteration of a shared budget of `total`.
    pub(crate) fn take(&self, total: u64) -> Option<u64> {
        // Once it is spent nobody comes here again, so that it cannot wrap around.
        let number = self.taken.fetch_add(1, Ordering::Relaxed);
        (number < total).then_some(number)
    }
}
