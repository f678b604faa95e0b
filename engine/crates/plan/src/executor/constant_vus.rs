//! A fixed number of VUs, each starting an iteration as soon as its last one ends.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Executor, MAX_VUS, Schedule, Share, VuStep, one};
use crate::{Length, Problems};

/// A fixed number of VUs run iterations one after the other, for a fixed time.
///
/// ```text
/// VUs
///  10 ┌───────────────┐
///     │               │╌╌╌╌╌╌╌╌╌ gracefulStop
///   0 ┘               └────────► time
///     0           duration
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
// An editor has no room for the chart.
#[schemars(
    description = "A fixed number of VUs run iterations one after the other, for a fixed time."
)]
#[schemars(example = serde_json::json!({ "executor": "constant-vus", "vus": 10, "duration": "30s" }))]
pub struct ConstantVus {
    /// How many VUs.
    #[serde(default = "one")]
    #[schemars(range(max = MAX_VUS))]
    pub vus: NonZeroU32,
    /// For how long iterations start.
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub duration: Length,
}

impl Executor for ConstantVus {
    fn kind(&self) -> &'static str {
        "constant-vus"
    }

    fn validate(&self, _: &mut Problems) {}

    fn describe(&self) -> String {
        format!("{} looping VUs for {}", self.vus, self.duration)
    }

    fn with(&self, share: Share) -> Arc<dyn Executor> {
        Arc::new(Self { vus: share.of_some(self.vus), ..self.clone() })
    }

    fn schedule(&self) -> Schedule {
        Schedule::Looping {
            steps: vec![
                VuStep { at: Duration::ZERO, vus: self.vus.get() },
                VuStep { at: self.duration.get(), vus: 0 },
            ],
            // No VU loses its place before the end.
            graceful_ramp_down: Duration::ZERO,
        }
    }
}
