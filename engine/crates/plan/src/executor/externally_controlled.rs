//! A number of VUs that somebody sets while the run goes on.

use std::sync::Arc;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Executor, MAX_VUS, Schedule, Share};
use crate::{Length, Problems};

/// A number of VUs run iterations one after the other; how many is set while the run goes on, through the
/// control API (`--address`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(example = serde_json::json!({
    "executor": "externally-controlled", "vus": 10, "maxVUs": 50, "duration": "10m"
}))]
pub struct ExternallyControlled {
    /// How many VUs at the start.
    #[serde(default)]
    #[schemars(range(max = MAX_VUS))]
    pub vus: u32,
    /// How many VUs there may be: they are made before the start. As many as `vus` where it is not given.
    #[serde(rename = "maxVUs", skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = MAX_VUS))]
    pub max_vus: Option<u32>,
    /// For how long iterations start; zero is until somebody stops the run.
    pub duration: Length,
}

impl ExternallyControlled {
    fn max_vus(&self) -> u32 {
        self.max_vus.unwrap_or(self.vus)
    }
}

impl Executor for ExternallyControlled {
    fn kind(&self) -> &'static str {
        "externally-controlled"
    }

    fn validate(&self, problems: &mut Problems) {
        let (vus, most) = (self.vus, self.max_vus());
        if most < vus {
            problems.push("maxVUs", format!("must be at least vus, which is {vus}, but is {most}"));
        } else if most == 0 {
            problems.push("maxVUs", "must be more than 0 where vus is 0: nobody could ever run");
        }
    }

    fn describe(&self) -> String {
        let length = match self.duration.get() {
            Duration::ZERO => "until it is stopped".to_owned(),
            _ => format!("for {}", self.duration),
        };
        format!(
            "Externally controlled execution with {} VUs, {} max VUs, {length}",
            self.vus,
            self.max_vus()
        )
    }

    fn with(&self, share: Share) -> Arc<dyn Executor> {
        Arc::new(Self {
            vus: share.of(self.vus),
            max_vus: self.max_vus.map(|vus| share.of(vus)),
            ..self.clone()
        })
    }

    fn schedule(&self) -> Schedule {
        Schedule::Controlled {
            vus: self.vus,
            max_vus: self.max_vus(),
            duration: match self.duration.get() {
                Duration::ZERO => Duration::MAX,
                duration => duration,
            },
        }
    }
}
