//! Iterations that start at a fixed rate, however long they take.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::arrivals::{Arrivals, second, validate_total};
use super::{Executor, MAX_RATE, Schedule, Share};
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
    /// How arrivals find VUs.
    #[serde(flatten)]
    pub arrivals: Arrivals,
}

impl ConstantArrivalRate {
    fn pacer(&self) -> ConstantPacer {
        ConstantPacer::new(self.rate, self.time_unit.get(), self.duration.get())
    }
}

impl Executor for ConstantArrivalRate {
    fn kind(&self) -> &'static str {
        "constant-arrival-rate"
    }

    fn validate(&self, problems: &mut Problems) {
        self.arrivals.validate(problems);
        let rate = self.pacer().rate(Duration::ZERO);
        if rate > MAX_RATE {
            problems.push(
                "rate",
                format!("must be at most {MAX_RATE} iterations/s, but is {rate} iterations/s"),
            );
        }
        validate_total(rate * self.duration.get().as_secs_f64(), problems);
    }

    fn describe(&self) -> String {
        let rate = self.pacer().rate(Duration::ZERO);
        format!("{rate:.2} iterations/s for {}", self.duration)
    }

    fn facts(&self) -> Vec<String> {
        self.arrivals.facts()
    }

    fn with(&self, share: Share) -> Arc<dyn Executor> {
        Arc::new(Self { arrivals: self.arrivals.with(share), ..self.clone() })
    }

    fn schedule(&self) -> Schedule {
        self.arrivals.schedule(self.pacer(), self.duration.get())
    }
}
