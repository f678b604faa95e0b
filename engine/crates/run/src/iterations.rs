//! A number of iterations, each VU's own or shared by all.

use std::sync::Arc;

use plan::Budget;
use tokio::time::Instant;

use crate::board::ScenarioBoard;
use crate::rein::{Order, Rein};
use crate::source::{Look, Numbers, Source, Ticket};

/// Iterates until the budget is used up.
pub(crate) struct Budgeted {
    budget: Budget,
    /// Iterations of this VU so far.
    taken: u64,
    board: Arc<ScenarioBoard>,
}

impl Budgeted {
    pub(crate) fn new(budget: Budget, board: Arc<ScenarioBoard>) -> Self {
        Self { budget, taken: 0, board }
    }

    fn is_spent(&self) -> bool {
        match self.budget {
            Budget::PerVu(each) => self.taken >= each,
            Budget::Shared(total) => self.board.is_spent(total),
        }
    }
}

impl Source for Budgeted {
    const PAUSES: bool = true;

    fn look(&mut self, rein: &Rein, now: Instant) -> Look {
        if rein.order() == Order::Go && now < rein.until() && !self.is_spent() {
            Look::Iterate
        } else {
            Look::Leave
        }
    }

    fn take(&mut self, numbers: &Numbers) -> Option<Ticket> {
        self.taken += 1;
        let number = match self.budget {
            Budget::PerVu(_) => numbers.take(),
            Budget::Shared(total) => self.board.take(total)?,
        };
        Some(Ticket { number, due: None })
    }

    fn done(&mut self) {}
}
