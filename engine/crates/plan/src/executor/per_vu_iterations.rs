//! A fixed number of iterations for each VU.

use std::num::{NonZeroU32, NonZeroU64};
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::shared_iterations::{max_duration, one_iteration};
use super::{Budget, Executor, MAX_ITERATIONS, MAX_VUS, Schedule, Share, one};
use crate::{Length, Problems};

/// Each VU runs a fixed number of iterations, however long the others take.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(example = serde_json::json!({
    "executor": "per-vu-iterations", "vus": 10, "iterations": 20, "maxDuration": "5m"
}))]
pub struct PerVuIterations {
    /// How many VUs.
    #[serde(default = "one")]
    #[schemars(range(max = MAX_VUS))]
    pub vus: NonZeroU32,
    /// How many iterations each of them runs.
    #[serde(default = "one_iteration")]
    #[schemars(range(max = MAX_ITERATIONS))]
    pub iterations: NonZeroU64,
    /// After how long no further iteration starts, however many are left.
    #[serde(default = "max_duration")]
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub max_duration: Length,
}

impl Executor for PerVuIterations {
    fn kind(&self) -> &'static str {
        "per-vu-iterations"
    }

    fn validate(&self, problems: &mut Problems) {
        if self.iterations.get().checked_mul(u64::from(self.vus.get())).is_none() {
            problems.push(
                "iterations",
                format!(
                    "are too many: {} for each of {} VUs are more than can be counted",
                    self.iterations, self.vus
                ),
            );
        }
    }

    fn describe(&self) -> String {
        format!("{} iterations for each of {} VUs", self.iterations, self.vus)
    }

    fn facts(&self) -> Vec<String> {
        vec![format!("maxDuration: {}", self.max_duration)]
    }

    fn with(&self, share: Share) -> Arc<dyn Executor> {
        Arc::new(Self { vus: share.of_some(self.vus), ..self.clone() })
    }

    fn schedule(&self) -> Schedule {
        Schedule::Iterations {
            vus: self.vus,
            budget: Budget::PerVu(self.iterations.get()),
            max_duration: self.max_duration.get(),
        }
    }
}
