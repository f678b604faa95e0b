//! What the executors of the open model have in common: whom an iteration finds when it is due.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{MAX_ITERATIONS, MAX_VUS, OnBusy, Schedule, Share};
use crate::{Curve, Length, Pacer, PoissonPacer, Problems};

/// The most iterations that may wait for a VU. Arbitrary; a second at the highest rate of one core.
const MOST_WAITING: u32 = 1_000_000;
/// How many may wait where nothing is said. Arbitrary; a short stall at a common rate.
const WAITING: u32 = 10_000;

/// How iterations that are due at their times find a VU.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Arrivals {
    /// How many VUs are made before the start.
    #[serde(rename = "preAllocatedVUs")]
    #[schemars(range(max = MAX_VUS))]
    pub pre_allocated_vus: NonZeroU32,
    /// How many VUs there may be in all. As many as `preAllocatedVUs` where it is not given.
    #[serde(rename = "maxVUs", skip_serializing_if = "Option::is_none")]
    #[schemars(range(max = MAX_VUS))]
    pub max_vus: Option<NonZeroU32>,
    /// How the moments are spread: `uniform` at equal distances, `poisson` by chance, as of many people
    /// who know nothing of each other.
    #[serde(default)]
    pub distribution: Distribution,
    /// What chance starts from: the same seed gives the same moments.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(max = MAX_ITERATIONS))]
    pub seed: Option<u64>,
    /// What becomes of an iteration that finds no VU free: `drop`ped and counted as such, or `queue`d, to
    /// run late on the first VU that is.
    #[serde(default)]
    pub on_busy: Busy,
    /// With `queue`: how many may wait. What comes when so many do is dropped.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(max = MOST_WAITING), extend("default" = WAITING))]
    pub max_queue: Option<NonZeroU32>,
}

/// How the moments of a rate are spread.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Distribution {
    /// At equal distances.
    #[default]
    Uniform,
    /// By chance: a Poisson process.
    Poisson,
}

/// What becomes of an iteration that finds no VU free.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Busy {
    /// It is dropped, and counted in `dropped_iterations`.
    #[default]
    Drop,
    /// It waits for the first VU that is free.
    Queue,
}

impl Arrivals {
    /// Returns arrivals that find so many VUs ahead and so many at most, spread evenly, dropped when none
    /// is free.
    pub(crate) fn of(pre_allocated_vus: NonZeroU32, max_vus: NonZeroU32) -> Self {
        Self {
            pre_allocated_vus,
            max_vus: Some(max_vus),
            distribution: Distribution::Uniform,
            seed: None,
            on_busy: Busy::Drop,
            max_queue: None,
        }
    }

    pub(super) fn max_vus(&self) -> NonZeroU32 {
        self.max_vus.unwrap_or(self.pre_allocated_vus)
    }

    /// The same with a share of the VUs.
    pub(super) fn with(&self, share: Share) -> Self {
        Self {
            pre_allocated_vus: share.of_some(self.pre_allocated_vus),
            max_vus: self.max_vus.map(|vus| share.of_some(vus)),
            ..self.clone()
        }
    }

    pub(super) fn validate(&self, problems: &mut Problems) {
        validate_vus(self.pre_allocated_vus, self.max_vus(), problems);
        if self.max_queue.is_some() && self.on_busy != Busy::Queue {
            problems.push("maxQueue", "has no effect unless onBusy is `queue`");
        }
        if self.seed.is_some() && self.distribution != Distribution::Poisson {
            problems.push("seed", "has no effect unless distribution is `poisson`");
        }
    }

    pub(super) fn facts(&self) -> Vec<String> {
        let mut facts = vec![fact_of_vus(self.pre_allocated_vus.get(), self.max_vus().get())];
        if self.distribution == Distribution::Poisson {
            facts.push(format!("poisson, seed: {}", self.seed.unwrap_or_default()));
        }
        if self.on_busy == Busy::Queue {
            facts.push(format!("maxQueue: {}", self.max_queue()));
        }
        facts
    }

    fn max_queue(&self) -> u32 {
        self.max_queue.map_or(WAITING, NonZeroU32::get)
    }

    pub(super) fn schedule(&self, curve: impl Curve + 'static, duration: Duration) -> Schedule {
        match self.distribution {
            Distribution::Uniform => self.schedule_of(curve, duration),
            Distribution::Poisson => {
                let pacer = PoissonPacer::new(curve, self.seed.unwrap_or_default());
                self.schedule_of(pacer, duration)
            }
        }
    }

    /// The schedule of a pacer that knows its moments.
    pub(super) fn schedule_of(&self, pacer: impl Pacer + 'static, duration: Duration) -> Schedule {
        Schedule::Arrivals {
            pacer: Arc::new(pacer),
            pre_allocated_vus: self.pre_allocated_vus.get(),
            max_vus: self.max_vus().get(),
            duration,
            on_busy: match self.on_busy {
                Busy::Drop => OnBusy::Drop,
                Busy::Queue => OnBusy::Queue { most: self.max_queue() },
            },
        }
    }
}

/// Adds that there may be fewer VUs at most than are made before the start.
pub(super) fn validate_vus(least: NonZeroU32, most: NonZeroU32, problems: &mut Problems) {
    if most < least {
        let message = format!("must be at least preAllocatedVUs, which is {least}, but is {most}");
        problems.push("maxVUs", message);
    }
}

/// How many VUs are made before the start, and how many there may be.
pub(super) fn fact_of_vus(pre_allocated: u32, max: u32) -> String {
    match max == pre_allocated {
        true => format!("maxVUs: {max}"),
        false => format!("maxVUs: {pre_allocated}-{max}"),
    }
}

/// Adds that there would be more iterations than can be counted.
pub(super) fn validate_total(total: f64, problems: &mut Problems) {
    if total > MAX_ITERATIONS as f64 {
        let message = format!(
            "asks for {total:.0} iterations in all; at most {MAX_ITERATIONS} can be counted"
        );
        problems.push("", message);
    }
}

/// The unit of a rate where none is given.
pub(super) fn second() -> Length {
    Duration::from_secs(1).into()
}
