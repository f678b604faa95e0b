//! Iterations that start at a fixed rate, however long they take.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Executor, MAX_RATE, MAX_VUS, Schedule};
use crate::{ConstantPacer, Length, Pacer, Problems};

/// Iterations start at a fixed rate, however long they take, each on a VU that is free.
///
/// One that finds no VU free, and none that may still be made, is dropped and counted as such.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(example = serde_json::json!({
    "executor": "constant-arrival-rate",
    "rate": 500, "timeUnit": "1s", "duration": "30s", "preAllocatedVUs": 50, "maxVUs": 200
}))]
pub struct ConstantArrivalRate {
    /// How many iterations start in each `timeUnit`.
    #[schemars(range(max = 1_000_000_000))]
    pub rate: NonZeroU32,
    /// The time in which `rate` iterations start.
    #[serde(default = "second")]
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub time_unit: Length,
    /// For how long iterations start.
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub duration: Length,
    /// How many VUs are made before the start.
    #[serde(rename = "preAllocatedVUs")]
    #[schemars(range(max = MAX_VUS))]
    pub pre_allocated_vus: NonZeroU32,
    /// How many VUs there may be in all. As many as `preAllocatedVUs` where it is not given.
    #[serde(rename = "maxVUs", skip_serializing_if = "Option::is_none")]
    #[schemars(range(max = MAX_VUS))]
    pub max_vus: Option<NonZeroU32>,
}

impl ConstantArrivalRate {
    fn max_vus(&self) -> NonZeroU32 {
        self.max_vus.unwrap_or(self.pre_allocated_vus)
    }

    fn pacer(&self) -> ConstantPacer {
        ConstantPacer::new(self.rate, self.time_unit.get(), self.duration.get())
    }
}

impl Executor for ConstantArrivalRate {
    fn kind(&self) -> &'static str {
        "constant-arrival-rate"
    }

    fn validate(&self, problems: &mut Problems) {
        if self.max_vus() < self.pre_allocated_vus {
            problems.push(
                "maxVUs",
                format!(
                    "must be at least preAllocatedVUs, which is {}, but is {}",
                    self.pre_allocated_vus,
                    self.max_vus()
                ),
            );
        }
        let rate = self.pacer().rate(Duration::ZERO);
        if rate > MAX_RATE {
            problems.push(
                "rate",
                format!("must be at most {MAX_RATE} iterations/s, but is {rate} iterations/s"),
            );
        }
    }

    fn describe(&self) -> String {
        let rate = self.pacer().rate(Duration::ZERO);
        format!("{rate:.2} iterations/s for {}", self.duration)
    }

    fn facts(&self) -> Vec<String> {
        vec![match self.max_vus() {
            max if max == self.pre_allocated_vus => format!("maxVUs: {max}"),
            max => format!("maxVUs: {}-{max}", self.pre_allocated_vus),
        }]
    }

    fn schedule(&self) -> Schedule {
        Schedule::Arrivals {
            pacer: Arc::new(self.pacer()),
            pre_allocated_vus: self.pre_allocated_vus.get(),
            max_vus: self.max_vus().get(),
            duration: self.duration.get(),
        }
    }
}

/// The unit of a rate where none is given.
fn second() -> Length {
    Duration::from_secs(1).into()
}
