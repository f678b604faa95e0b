//! Which VU lives on which worker, and which iterations are whose.
//!
//! A scenario is dealt out to `agents`, worker after worker, starting with another worker for each
//! scenario so that several small ones do not all land on the first. VU `v` is agent `v % agents`'s,
//! and so are the arrivals `n` with `n % agents` the same: every agent works out its own share, none
//! needs to ask another, and nothing is lost in division.

use plan::{Raise, Schedule};

/// How many VUs a worker must have of an arrival scenario to take part in it.
///
/// Workers do not hand VUs to each other, so that one with few may drop an iteration while another has
/// a VU to spare. The fewer share a small pool, the rarer that is. Arbitrary: with eight, a share of
/// the work is smooth enough.
const VUS_A_WORKER: u32 = 8;

/// How one scenario is dealt out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Placement {
    scenario: usize,
    workers: usize,
    agents: usize,
}

/// One worker's share of a scenario: agent `index` of `count`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Agent {
    pub(crate) index: u32,
    pub(crate) count: u32,
}

impl Placement {
    /// Deals the scenario of that place in the plan out to so many workers, at least one.
    pub(crate) fn new(scenario: usize, schedule: &Schedule, workers: usize) -> Self {
        let agents = if schedule.is_open() {
            workers.min((vus_at_start(schedule) / VUS_A_WORKER) as usize).max(1)
        } else {
            workers
        };
        Self { scenario, workers, agents }
    }

    /// How many workers have a share.
    pub(crate) fn agents(&self) -> usize {
        self.agents
    }

    /// The share of one worker, if it has any.
    pub(crate) fn agent(&self, worker: usize) -> Option<Agent> {
        let index = (worker + self.workers - self.scenario % self.workers) % self.workers;
        (index < self.agents).then_some(Agent { index: index as u32, count: self.agents as u32 })
    }
}

impl Agent {
    /// Its VUs among the first `vus` of the scenario, by their place in it.
    pub(crate) fn vus(self, vus: u32) -> impl Iterator<Item = u32> {
        (self.index..vus).step_by(self.count as usize)
    }
}

/// VUs made before the load starts.
pub(crate) fn vus_at_start(schedule: &Schedule) -> u32 {
    match schedule {
        Schedule::Looping { steps, .. } => steps.iter().map(|step| step.vus).max().unwrap_or(0),
        Schedule::Iterations { vus, .. } => vus.get(),
        Schedule::Controlled { max_vus, .. } => *max_vus,
        Schedule::Arrivals { pre_allocated_vus, .. } => *pre_allocated_vus,
        Schedule::Search(search) => match search.raise {
            Raise::Vus => search.max,
            Raise::Rate { pre_allocated_vus, .. } => pre_allocated_vus,
        },
    }
}

/// The most VUs there may ever be.
pub(crate) fn vus_at_most(schedule: &Schedule) -> u32 {
    match schedule {
        Schedule::Arrivals { pre_allocated_vus, max_vus, .. } => *max_vus.max(pre_allocated_vus),
        Schedule::Search(search) => search.max_vus().max(vus_at_start(schedule)),
        Schedule::Looping { .. } | Schedule::Controlled { .. } | Schedule::Iterations { .. } => {
            vus_at_start(schedule)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use plan::{Schedule, VuStep};

    use super::*;

    fn looping() -> Schedule {
        let steps = vec![VuStep { at: Duration::ZERO, vus: 7 }];
        Schedule::Looping { steps, graceful_ramp_down: Duration::ZERO }
    }

    #[test]
    fn every_vu_lives_on_one_worker() {
        for scenario in 0..5 {
            for workers in 1..5 {
                let placement = Placement::new(scenario, &looping(), workers);
                let mut all: Vec<_> = (0..workers)
                    .filter_map(|worker| placement.agent(worker))
                    .flat_map(|agent| agent.vus(7))
                    .collect();
                all.sort_unstable();
                assert_eq!(all, [0, 1, 2, 3, 4, 5, 6]);
            }
        }
    }

    #[test]
    fn small_scenarios_start_at_different_workers() {
        let first = |scenario| {
            let placement = Placement::new(scenario, &looping(), 3);
            (0..3).find(|worker| placement.agent(*worker).is_some_and(|agent| agent.index == 0))
        };
        assert_eq!([0, 1, 2, 3].map(first), [Some(0), Some(1), Some(2), Some(0)]);
    }
}
