//! A search for the highest load that holds.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::arrivals::{fact_of_vus, validate_vus};
use super::{Executor, MAX_RATE, MAX_VUS, Schedule, Share};
use crate::{Growth, Length, Problems, Raise, Search};

/// The factor where neither `multiply` nor `add` is given.
const MULTIPLY: f64 = 2.0;
/// The most steps that a search may need. Arbitrary; with the usual length of a step that is hours.
const MOST_STEPS: u32 = 1_000;

/// VUs or the rate are raised step by step until a step does not hold; then the highest load that does is
/// looked for between that step and the one before, halving the distance each time.
///
/// A step holds if every threshold holds over it, its first quarter left out, and with `rate` about as many
/// iterations ended as were due and no more than one in a hundred found no VU free. It should be much longer
/// than an iteration. Only one scenario of a run can search.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(example = serde_json::json!({
    "executor": "breakpoint", "raise": "rate", "start": 100, "max": 20_000, "multiply": 2.0,
    "stepDuration": "10s", "tolerance": 0.05, "preAllocatedVUs": 50, "maxVUs": 500
}))]
pub struct Breakpoint {
    /// What is raised: `vus` that iterate one after the other, or the `rate` at which iterations start.
    pub raise: Raised,
    /// The first load: VUs, or iterations per second.
    #[schemars(range(max = MAX_RATE))]
    pub start: NonZeroU32,
    /// The highest load that is tried.
    #[schemars(range(max = MAX_RATE))]
    pub max: NonZeroU32,
    /// By which factor the load is raised each time: more than 1. 2 where neither this nor `add` is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(max = 1000), extend("exclusiveMinimum" = 1))]
    pub multiply: Option<f64>,
    /// By how much the load is raised each time, in place of `multiply`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(max = MAX_RATE))]
    pub add: Option<NonZeroU32>,
    /// How long each load is kept up.
    #[serde(default = "step_duration")]
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub step_duration: Length,
    /// How exact the answer is to be: how far the highest load that held may be below the lowest that did
    /// not, as a share of that.
    #[serde(default = "tolerance")]
    #[schemars(range(min = 0.001, max = 0.5))]
    pub tolerance: f64,
    /// With `rate`: how many VUs are made before the start.
    #[serde(default, rename = "preAllocatedVUs", skip_serializing_if = "Option::is_none")]
    #[schemars(range(max = MAX_VUS))]
    pub pre_allocated_vus: Option<NonZeroU32>,
    /// With `rate`: how many VUs there may be in all. As many as `preAllocatedVUs` where it is not given.
    #[serde(default, rename = "maxVUs", skip_serializing_if = "Option::is_none")]
    #[schemars(range(max = MAX_VUS))]
    pub max_vus: Option<NonZeroU32>,
}

/// What a search raises.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Raised {
    /// How many VUs iterate one after the other.
    Vus,
    /// How many iterations start in a second.
    Rate,
}

fn step_duration() -> Length {
    Duration::from_secs(10).into()
}

fn tolerance() -> f64 {
    0.05
}

impl Breakpoint {
    fn search(&self) -> Search {
        let pre_allocated = self.pre_allocated_vus.unwrap_or(NonZeroU32::MIN);
        Search {
            raise: match self.raise {
                Raised::Vus => Raise::Vus,
                Raised::Rate => Raise::Rate {
                    pre_allocated_vus: pre_allocated.get(),
                    max_vus: self.max_vus.unwrap_or(pre_allocated).get(),
                },
            },
            start: self.start.get(),
            max: self.max.get(),
            growth: match self.add {
                Some(by) => Growth::Linear(by.get()),
                None => Growth::Geometric(self.multiply.unwrap_or(MULTIPLY)),
            },
            tolerance: self.tolerance,
            step: self.step_duration.get(),
        }
    }
}

impl Executor for Breakpoint {
    fn kind(&self) -> &'static str {
        "breakpoint"
    }

    fn validate(&self, problems: &mut Problems) {
        let (start, max) = (self.start, self.max);
        if max < start {
            problems.push("max", format!("must be at least start, which is {start}, but is {max}"));
        }
        let most = match self.raise {
            Raised::Vus => f64::from(MAX_VUS),
            Raised::Rate => MAX_RATE,
        };
        if f64::from(max.get()) > most {
            problems.push(
                "max",
                format!("must be at most {most} {}, but is {max}", self.search().raise.unit()),
            );
        }
        if self.multiply.is_some() && self.add.is_some() {
            problems.push("add", "cannot be given together with `multiply`");
        }
        match (self.raise, self.pre_allocated_vus, self.max_vus) {
            (Raised::Rate, None, _) => {
                problems.push("preAllocatedVUs", "must be given where the rate is raised");
            }
            (Raised::Rate, Some(least), most) => {
                validate_vus(least, most.unwrap_or(least), problems);
            }
            (Raised::Vus, least, most) => {
                for (key, given) in
                    [("preAllocatedVUs", least.is_some()), ("maxVUs", most.is_some())]
                {
                    if given {
                        problems
                            .push(key, "has no effect where VUs are raised: `max` says how many");
                    }
                }
            }
        }
        if problems.is_empty() {
            let steps = self.search().max_steps();
            if steps > MOST_STEPS {
                let message = format!(
                    "may need {steps} steps, more than {MOST_STEPS}: raise the load faster, or \
                     start closer to `max`"
                );
                problems.push("", message);
            }
        }
    }

    fn describe(&self) -> String {
        let by = match self.search().growth {
            Growth::Linear(by) => format!("+{by}"),
            Growth::Geometric(factor) => format!("×{factor}"),
        };
        format!(
            "Search for the breakpoint from {} to {} {} ({by} every {})",
            self.start,
            self.max,
            self.search().raise.unit(),
            self.step_duration
        )
    }

    fn facts(&self) -> Vec<String> {
        let mut facts = Vec::new();
        if let Raise::Rate { pre_allocated_vus, max_vus } = self.search().raise {
            facts.push(fact_of_vus(pre_allocated_vus, max_vus));
        }
        facts.push(format!("tolerance: {}%", self.tolerance * 100.0));
        facts
    }

    fn with(&self, share: Share) -> Arc<dyn Executor> {
        let of_vus = |vus| match self.raise {
            Raised::Vus => share.of_some(vus),
            Raised::Rate => vus,
        };
        Arc::new(Self {
            start: of_vus(self.start),
            max: of_vus(self.max),
            pre_allocated_vus: self.pre_allocated_vus.map(|vus| share.of_some(vus)),
            max_vus: self.max_vus.map(|vus| share.of_some(vus)),
            ..self.clone()
        })
    }

    fn schedule(&self) -> Schedule {
        Schedule::Search(self.search())
    }
}
