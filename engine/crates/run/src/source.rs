//! Where a VU's iterations come from: the one thing in which the three loops differ for it.

use std::cell::Cell;

use tokio::time::Instant;

use crate::placement::Agent;
use crate::rein::Rein;

/// Where the iterations of one VU come from.
pub(crate) trait Source: 'static {
    /// Whether a VU whose `start` failed pauses before it tries again. Where somebody else sets the
    /// pace it does not.
    const PAUSES: bool;

    /// What the VU is to do now.
    fn look(&mut self, rein: &Rein, now: Instant) -> Look;

    /// Takes an iteration, after [`Look::Iterate`]. `None` where another VU took the last one.
    fn take(&mut self, numbers: &Numbers) -> Option<Ticket>;

    /// Says that the VU is done with what it took.
    fn done(&mut self);

    /// Whether the VU, which ends, was given an iteration that it has not taken.
    fn owes(&self) -> bool {
        false
    }
}

/// What a VU is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Look {
    /// Take an iteration.
    Iterate,
    /// Wait for one.
    Rest,
    /// End.
    Leave,
}

/// The right to run one iteration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ticket {
    /// Its number in the scenario.
    pub(crate) number: u64,
    /// When it was due, where something asked for a moment.
    pub(crate) due: Option<Instant>,
}

/// Numbers for the iterations of one agent, which no other agent of the scenario gives out.
#[derive(Debug)]
pub(crate) struct Numbers {
    next: Cell<u64>,
    step: u64,
}

impl Numbers {
    /// The numbers of an agent: its index, and on in steps of their count.
    pub(crate) fn new(agent: Agent) -> Self {
        Self { next: Cell::new(agent.index.into()), step: agent.count.into() }
    }

    /// Gives out the next.
    pub(crate) fn take(&self) -> u64 {
        self.next.replace(self.next.get() + self.step)
    }
}
