//! Stages: what a ramping executor goes towards, and how long it takes.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::problems::element_of;
use crate::{Length, Problems};

/// One part of a ramp: a target that is reached in equal steps over a time.
///
/// A stage without duration is a jump.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Stage {
    /// How long it takes.
    pub duration: Length,
    /// What is reached at its end: VUs, or iterations in each `timeUnit`.
    #[schemars(range(max = 1_000_000_000))]
    pub target: u32,
}

/// The most stages a ramp may have. Arbitrary; a day in steps of seconds fits.
pub(super) const MOST: usize = 100_000;

/// Adds what makes no sense of stages that start from `start`, of what `things` names.
pub(super) fn validate(start: u32, stages: &[Stage], things: &str, problems: &mut Problems) {
    if stages.is_empty() {
        problems.push("stages", "must not be empty");
    } else if stages.len() > MOST {
        problems.push("stages", format!("must be at most {MOST}, but are {}", stages.len()));
    } else if total(stages).is_zero() {
        problems.push("stages", "never start: their durations are zero together");
    } else if start == 0 && stages.iter().all(|stage| stage.target == 0) {
        problems.push("stages", format!("ask for no {things} at all"));
    }
    let mut end = Duration::ZERO;
    for (place, stage) in stages.iter().enumerate() {
        match end.checked_add(stage.duration.get()) {
            Some(sum) => end = sum,
            None => {
                let path = format!("{}.duration", element_of("stages", place));
                return problems.push(path, "makes the sum of all durations too long");
            }
        }
    }
}

/// How long all stages take together.
pub(super) fn total(stages: &[Stage]) -> Duration {
    stages.iter().fold(Duration::ZERO, |sum, stage| sum.saturating_add(stage.duration.get()))
}

/// The most that any of them asks for.
pub(super) fn highest(start: u32, stages: &[Stage]) -> u32 {
    stages.iter().map(|stage| stage.target).fold(start, u32::max)
}

impl Stage {
    /// Reads `30s:10`, as k6's `--stage` has it: a duration and a target.
    ///
    /// Fails with what is wrong, to be put behind "must" or "it".
    pub fn parse(text: &str) -> Result<Self, String> {
        let form = "must be DURATION:TARGET, such as 30s:10";
        let (duration, target) = text.split_once(':').ok_or(form)?;
        let duration = duration.trim().parse().map_err(|_| form)?;
        let target = target.trim().parse().map_err(|_| form)?;
        Ok(Self { duration, target })
    }
}
