//! Which loads a search for the breaking point tries, one after the other.
//!
//! Nothing here knows the time or what is measured: [`Steps`] is told whether a load held and says which
//! is next. `run` keeps each load up for a step and judges it.

use std::time::Duration;

/// A search for the highest load that holds.
///
/// The load is raised from `start` until a step does not hold; what lies between the highest that held
/// and the lowest that did not is then halved until the two are within `tolerance` of each other.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Search {
    /// What is raised.
    pub raise: Raise,
    /// The first load, at least 1: VUs, or iterations per second.
    pub start: u32,
    /// The highest that is tried.
    pub max: u32,
    /// How it is raised.
    pub growth: Growth,
    /// How far the highest load that held may be below the lowest that did not, as a share of that.
    pub tolerance: f64,
    /// How long each load is kept up.
    pub step: Duration,
}

/// What a search raises.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Raise {
    /// How many VUs iterate one after the other: a closed model.
    Vus,
    /// How many iterations start in a second, as [`Schedule::Arrivals`](crate::Schedule::Arrivals): an
    /// open model.
    Rate {
        /// How many VUs are made before the start.
        pre_allocated_vus: u32,
        /// How many VUs there may be in all; at least `pre_allocated_vus`.
        max_vus: u32,
    },
}

impl Raise {
    /// What a load is a number of: `VUs` or `iterations/s`.
    pub fn unit(&self) -> &'static str {
        match self {
            Self::Vus => "VUs",
            Self::Rate { .. } => "iterations/s",
        }
    }
}

/// How a load is raised.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Growth {
    /// By so much each time, at least 1.
    Linear(u32),
    /// By this factor each time, more than 1; at least by 1.
    Geometric(f64),
}

impl Search {
    /// How much of the start of each step is not judged: a quarter, in which queues come to the length that
    /// goes with the load.
    pub fn settling(&self) -> Duration {
        self.step / 4
    }

    /// Returns the most VUs there may be.
    pub fn max_vus(&self) -> u32 {
        match self.raise {
            Raise::Vus => self.max,
            Raise::Rate { max_vus, .. } => max_vus,
        }
    }

    /// Returns the most steps there may be.
    pub fn max_steps(&self) -> u32 {
        self.longest(|raised, halved| raised.saturating_add(halved))
    }

    /// Returns how long it takes at most.
    ///
    /// After a step that did not hold, what it left behind is worked off before the next one, for no longer
    /// than a step. There are at most as many of those as there are halvings.
    pub fn max_duration(&self) -> Duration {
        let halved_twice = |raised: u32, halved: u32| raised.saturating_add(halved * 2);
        self.step.saturating_mul(self.longest(halved_twice))
    }

    /// The most that something comes to, by how often the load is raised, the first included, and how often
    /// what lies between is halved.
    fn longest(&self, length: impl Fn(u32, u32) -> u32) -> u32 {
        let (mut raised, mut below, mut most) = (0_u32, 0, 0);
        let mut level = self.start.min(self.max);
        loop {
            raised = raised.saturating_add(1);
            most = most.max(length(raised, self.halvings(below, level)));
            if level >= self.max {
                return most;
            }
            (below, level) = (level, self.above(level));
        }
    }

    /// The next load, going up.
    fn above(&self, level: u32) -> u32 {
        let next = match self.growth {
            Growth::Linear(by) => level.saturating_add(by),
            // Saturates.
            Growth::Geometric(factor) => (f64::from(level) * factor).round() as u32,
        };
        next.max(level.saturating_add(1)).min(self.max)
    }

    /// How close is close enough where the lowest load that did not hold is this one.
    fn close(&self, broke: u32) -> u32 {
        ((f64::from(broke) * self.tolerance) as u32).max(1)
    }

    /// At most so many steps halve what lies between two loads.
    fn halvings(&self, held: u32, broke: u32) -> u32 {
        // The closeness asked for is least where all that is tried does not hold.
        let close = self.close(held.max(1));
        let (mut gap, mut steps) = (broke.saturating_sub(held), 0);
        while gap > close {
            gap = gap.div_ceil(2);
            steps += 1;
        }
        steps
    }
}

/// How far a [`Search`] has come.
#[derive(Clone, Debug)]
pub struct Steps {
    search: Search,
    /// The highest that held.
    held: Option<u32>,
    /// The lowest that did not.
    broke: Option<u32>,
    next: Option<u32>,
}

impl Steps {
    /// A search that has tried nothing.
    pub fn new(search: Search) -> Self {
        Self { search, held: None, broke: None, next: Some(search.start.min(search.max)) }
    }

    /// The load that is to be tried now; `None` once there is nothing more to find out.
    pub fn next(&self) -> Option<u32> {
        self.next
    }

    /// The highest load that held.
    pub fn held(&self) -> Option<u32> {
        self.held
    }

    /// The lowest load that did not hold.
    pub fn broke(&self) -> Option<u32> {
        self.broke
    }

    /// Takes note of whether [`next`](Self::next) held.
    pub fn record(&mut self, held: bool) {
        let Some(level) = self.next else { return };
        if held {
            self.held = Some(level);
        } else {
            self.broke = Some(level);
        }
        self.next = match (self.held, self.broke) {
            (Some(held), None) => (held < self.search.max).then(|| self.search.above(held)),
            (held, Some(broke)) => {
                let held = held.unwrap_or(0);
                let gap = broke - held;
                (gap > self.search.close(broke)).then(|| held + gap / 2)
            }
            (None, None) => unreachable!("one of them was set above"),
        };
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn search(start: u32, max: u32, growth: Growth, tolerance: f64) -> Search {
        let step = Duration::from_secs(10);
        Search { raise: Raise::Vus, start, max, growth, tolerance, step }
    }

    /// All loads tried on something that holds up to `capacity`, and what is found.
    fn tried(search: Search, capacity: u32) -> (Vec<u32>, Option<u32>) {
        let mut steps = Steps::new(search);
        let mut all = Vec::new();
        while let Some(level) = steps.next() {
            all.push(level);
            steps.record(level <= capacity);
        }
        (all, steps.held())
    }

    #[test]
    fn loads_are_raised_until_one_breaks_and_then_halved() {
        use Growth::{Geometric, Linear};
        for (search, capacity, loads, held, why) in [
            (
                search(100, 10_000, Geometric(2.0), 0.05),
                1_000,
                &[100, 200, 400, 800, 1_600, 1_200, 1_000, 1_100, 1_050][..],
                Some(1_000),
                "geometric",
            ),
            (search(10, 100, Linear(20), 0.1), 60, &[10, 30, 50, 70, 60, 65], Some(60), "linear"),
            (search(40, 100, Linear(20), 0.25), 0, &[40, 20, 10, 5, 2, 1], None, "nothing holds"),
            (search(40, 90, Geometric(2.0), 0.1), 500, &[40, 80, 90], Some(90), "all holds"),
            (search(1, 4, Geometric(1.1), 0.5), 9, &[1, 2, 3, 4], Some(4), "at least one more"),
            (search(8, 8, Linear(1), 0.5), 9, &[8], Some(8), "a single load"),
        ] {
            assert_eq!(tried(search, capacity), (loads.to_vec(), held), "{why}");
        }
    }

    prop_compose! {
        fn searches()(
            start in 1..5_000_u32,
            room in 0..100_000_u32,
            growth in prop_oneof![
                (100..10_000_u32).prop_map(Growth::Linear),
                (1.1..10.0).prop_map(Growth::Geometric),
            ],
            tolerance in 0.001..0.5,
        ) -> Search {
            search(start, start + room, growth, tolerance)
        }
    }

    proptest! {
        #[test]
        fn what_is_found_is_within_the_tolerance(search in searches(), capacity in 1..100_000_u32) {
            let (loads, held) = tried(search, capacity);
            prop_assert!(loads.len() as u32 <= search.max_steps(), "{} steps", loads.len());
            let held = held.unwrap_or(0);
            prop_assert!(held <= capacity && held <= search.max);
            let most = f64::from(capacity.min(search.max));
            let allowed = (most * search.tolerance / (1.0 - search.tolerance)).max(1.0);
            prop_assert!(most - f64::from(held) <= allowed, "{held} of {most}");
        }

        /// Whatever holds and does not, as by chance.
        #[test]
        fn it_ends_whatever_holds(search in searches(), holds: Vec<bool>) {
            let mut steps = Steps::new(search);
            let mut tried = 0;
            let mut holds = holds.into_iter().cycle();
            while let Some(level) = steps.next() {
                prop_assert!((1..=search.max).contains(&level));
                steps.record(holds.next().unwrap_or(true));
                tried += 1;
            }
            prop_assert!(tried <= search.max_steps());
        }
    }
}
