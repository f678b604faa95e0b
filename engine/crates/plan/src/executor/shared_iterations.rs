//! A fixed number of iterations that the VUs share.

use std::num::{NonZeroU32, NonZeroU64};
use std::sync::Arc;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Budget, Executor, MAX_ITERATIONS, MAX_VUS, Schedule, Share, one};
use crate::{Length, Problems};

/// A fixed number of iterations, each run by whichever VU is free: the quick ones run more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(example = serde_json::json!({
    "executor": "shared-iterations", "vus": 10, "iterations": 200, "maxDuration": "5m"
}))]
pub struct SharedIterations {
    /// How many VUs.
    #[serde(default = "one")]
    #[schemars(range(max = MAX_VUS))]
    pub vus: NonZeroU32,
    /// How many iterations they run together; at least as many as there are VUs.
    #[serde(default = "one_iteration")]
    #[schemars(range(max = MAX_ITERATIONS))]
    pub iterations: NonZeroU64,
    /// After how long no further iteration starts, however many are left.
    #[serde(default = "max_duration")]
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub max_duration: Length,
}

impl Executor for SharedIterations {
    fn kind(&self) -> &'static str {
        "shared-iterations"
    }

    fn validate(&self, problems: &mut Problems) {
        if self.iterations.get() < u64::from(self.vus.get()) {
            problems.push(
                "iterations",
                format!(
                    "must be at least the number of VUs, which is {}, but is {}",
                    self.vus, self.iterations
                ),
            );
        }
    }

    fn describe(&self) -> String {
        format!("{} iterations shared among {} VUs", self.iterations, self.vus)
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
            budget: Budget::Shared(self.iterations.get()),
            max_duration: self.max_duration.get(),
        }
    }
}

/// The number of iterations where none is given.
pub(super) fn one_iteration() -> NonZeroU64 {
    NonZeroU64::MIN
}

/// k6's: iterations end by their number, and this only keeps a run from lasting for ever.
pub(crate) fn max_duration() -> Length {
    Duration::from_mins(10).into()
}
