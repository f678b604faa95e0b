//! A number of VUs that changes over time, each starting an iteration as soon as its last one ends.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::stage::{self, Stage};
use super::{Executor, MAX_VUS, Schedule, Share, VuStep};
use crate::options::graceful_stop;
use crate::{Length, Problems};

/// Steps of a ramp that are worked out at most: all stages' changes of the number of VUs together.
/// Arbitrary; up to a million and down again ten times.
const STEPS: u64 = 20_000_000;

/// A number of VUs that changes over time run iterations one after the other.
///
/// ```text
/// VUs
///  10 │    ╱──────╲         stages: 10 s to 10, 20 s to 10, 10 s to 0
///     │  ╱          ╲╌╌╌╌   gracefulRampDown: an iteration that runs when its VU loses its place
///   0 └╱──────────────╲──► time
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
// An editor has no room for the chart.
#[schemars(
    description = "A number of VUs that changes over time run iterations one after the other."
)]
#[schemars(example = serde_json::json!({
    "executor": "ramping-vus", "startVUs": 0, "gracefulRampDown": "10s",
    "stages": [{ "duration": "10s", "target": 10 }, { "duration": "20s", "target": 0 }]
}))]
pub struct RampingVus {
    /// How many VUs at the start.
    #[serde(default = "one", rename = "startVUs")]
    #[schemars(range(max = MAX_VUS))]
    pub start_vus: u32,
    /// What the number of VUs goes towards, one stage after the other.
    #[schemars(length(min = 1))]
    pub stages: Vec<Stage>,
    /// How long an iteration may take to finish whose VU has lost its place.
    #[serde(default = "graceful_stop")]
    pub graceful_ramp_down: Length,
}

fn one() -> u32 {
    1
}

impl RampingVus {
    fn highest(&self) -> u32 {
        stage::highest(self.start_vus, &self.stages)
    }

    /// From each moment on, how many VUs: a VU more or less at each step, the `i`th of `d` after `i`/`d`
    /// of the stage, as k6 has it.
    fn steps(&self) -> Vec<VuStep> {
        let mut steps = vec![VuStep { at: Duration::ZERO, vus: self.start_vus }];
        let mut put = |at, vus| match steps.last_mut() {
            Some(last) if last.at == at => last.vus = vus,
            Some(last) if last.vus == vus => {}
            _ => steps.push(VuStep { at, vus }),
        };
        let (mut begin, mut from) = (Duration::ZERO, self.start_vus);
        for Stage { duration, target } in &self.stages {
            let nanoseconds = duration.get().as_nanos();
            let changes = from.abs_diff(*target);
            for change in 1..=changes {
                let offset = nanoseconds * u128::from(change) / u128::from(changes);
                let at = begin.saturating_add(Duration::from_nanos_u128(offset));
                put(at, if *target > from { from + change } else { from - change });
            }
            begin = begin.saturating_add(duration.get());
            from = *target;
        }
        // The end, also where it was reached before.
        match steps.last_mut() {
            Some(last) if last.at == begin => last.vus = 0,
            _ => steps.push(VuStep { at: begin, vus: 0 }),
        }
        steps
    }
}

impl Executor for RampingVus {
    fn kind(&self) -> &'static str {
        "ramping-vus"
    }

    fn validate(&self, problems: &mut Problems) {
        stage::validate(self.start_vus, &self.stages, "VUs", problems);
        for (place, stage) in self.stages.iter().enumerate() {
            if stage.target > MAX_VUS {
                let path = format!("{}.target", crate::problems::element_of("stages", place));
                problems
                    .push(path, format!("must be at most {MAX_VUS} VUs, but is {}", stage.target));
            }
        }
        let changes = self.changes();
        if changes > STEPS {
            let message = format!(
                "must add and take away at most {STEPS} VUs in all, but change their number by {changes}"
            );
            problems.push("stages", message);
        }
    }

    fn describe(&self) -> String {
        let total = Length::from(stage::total(&self.stages));
        let stages = self.stages.len();
        format!("Up to {} looping VUs for {total} over {stages} stages", self.highest())
    }

    fn facts(&self) -> Vec<String> {
        vec![format!("gracefulRampDown: {}", self.graceful_ramp_down)]
    }

    fn demand(&self) -> Vec<VuStep> {
        match self.schedule() {
            Schedule::Looping { steps, graceful_ramp_down } => held(&steps, graceful_ramp_down),
            _ => Vec::new(),
        }
    }

    fn stages(&self) -> &[Stage] {
        &self.stages
    }

    fn with(&self, share: Share) -> Arc<dyn Executor> {
        let part = |stage: &Stage| Stage { target: share.of(stage.target), ..*stage };
        Arc::new(Self {
            start_vus: share.of(self.start_vus),
            stages: self.stages.iter().map(part).collect(),
            ..self.clone()
        })
    }

    fn schedule(&self) -> Schedule {
        // What cannot be is not worked out: a schedule means nothing then.
        let sensible = self.changes() <= STEPS && self.highest() <= MAX_VUS;
        Schedule::Looping {
            steps: if sensible { self.steps() } else { Vec::new() },
            graceful_ramp_down: self.graceful_ramp_down.get(),
        }
    }
}

impl RampingVus {
    /// VUs added and taken away, in all.
    fn changes(&self) -> u64 {
        let from = std::iter::once(self.start_vus).chain(self.stages.iter().map(|it| it.target));
        from.zip(&self.stages).map(|(from, stage)| u64::from(from.abs_diff(stage.target))).sum()
    }
}

/// How many VUs there may be where each stays for up to `grace` after a step has taken its place: at any
/// moment, the most that any step of the time before has asked for. None stays beyond the last step.
fn held(steps: &[VuStep], grace: Duration) -> Vec<VuStep> {
    let Some(end) = steps.last().map(|step| step.at) else { return Vec::new() };
    let mut held: Vec<VuStep> = Vec::with_capacity(steps.len());
    let mut put = |at: Duration, vus: u32| match held.last_mut() {
        Some(last) if last.at == at => last.vus = vus,
        Some(last) if last.vus == vus => {}
        _ => held.push(VuStep { at, vus }),
    };
    // Numbers that may still be held, in descending order, each with the moment it is given up.
    let mut window: VecDeque<(Duration, u32)> = VecDeque::new();
    for (place, step) in steps.iter().enumerate() {
        let until = steps.get(place + 1).map_or(end, |next| next.at).saturating_add(grace);
        // What runs out before this step leaves what it held to the next smaller.
        while let Some(&(gone, _)) = window.front()
            && gone <= step.at
        {
            window.pop_front();
            let left = window.front().map_or(0, |&(_, vus)| vus);
            put(gone, left.max(if gone == step.at { step.vus } else { left }));
        }
        while window.back().is_some_and(|&(_, vus)| vus <= step.vus) {
            window.pop_back();
        }
        window.push_back((until, step.vus));
        put(step.at, window.front().map_or(0, |&(_, vus)| vus));
    }
    // The scenario's end ends all; its graceful stop is added by who asks.
    put(end, 0);
    held
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ramp(start_vus: u32, stages: &[(u64, u32)], grace: u64) -> RampingVus {
        RampingVus {
            start_vus,
            stages: stages
                .iter()
                .map(|&(seconds, target)| Stage {
                    duration: Duration::from_secs(seconds).into(),
                    target,
                })
                .collect(),
            graceful_ramp_down: Duration::from_secs(grace).into(),
        }
    }

    fn plain(steps: &[VuStep]) -> Vec<(f64, u32)> {
        steps.iter().map(|step| (step.at.as_secs_f64(), step.vus)).collect()
    }

    #[test]
    fn vus_come_and_go_one_by_one() {
        for (start, stages, expected, why) in [
            (0, &[(4, 2)][..], &[(0.0, 0), (2.0, 1), (4.0, 0)][..], "up, and the end"),
            (2, &[(4, 0)], &[(0.0, 2), (2.0, 1), (4.0, 0)], "down"),
            (0, &[(0, 3), (5, 3)], &[(0.0, 3), (5.0, 0)], "a jump"),
            (
                1,
                &[(2, 3), (1, 3), (2, 1)],
                &[(0.0, 1), (1.0, 2), (2.0, 3), (4.0, 2), (5.0, 0)],
                "up, held, and down",
            ),
            (5, &[(3, 5)], &[(0.0, 5), (3.0, 0)], "level"),
            (
                0,
                &[(2, 0), (2, 1)],
                &[(0.0, 0), (4.0, 0)],
                "one that comes as all ends does not come",
            ),
        ] {
            assert_eq!(plain(&ramp(start, stages, 0).steps()), expected, "{why}");
        }
    }

    #[test]
    fn a_vu_that_has_lost_its_place_may_be_there_for_a_while() {
        for (stages, grace, expected, why) in [
            (&[(0, 2), (4, 0)][..], 1, &[(0.0, 2), (3.0, 1), (4.0, 0)][..], "each a second longer"),
            (&[(0, 2), (4, 0)], 9, &[(0.0, 2), (4.0, 0)], "but none beyond the end"),
            (
                &[(0, 4), (2, 4), (0, 1), (6, 1)],
                3,
                &[(0.0, 4), (5.0, 1), (8.0, 0)],
                "after a drop, all of them",
            ),
            (
                &[(0, 4), (2, 4), (0, 1), (1, 1), (0, 3), (5, 3)],
                3,
                &[(0.0, 4), (5.0, 3), (8.0, 0)],
                "into the next rise",
            ),
        ] {
            assert_eq!(plain(&ramp(1, stages, grace).demand()), expected, "{why}");
        }
    }

    prop_compose! {
        fn ramps()(
            start in 0..20_u32,
            stages in proptest::collection::vec((0..9_u64, 0..20_u32), 1..6),
            grace in 0..9_u64,
        ) -> RampingVus {
            ramp(start, &stages, grace)
        }
    }

    /// How many VUs steps ask for at a moment.
    fn at(steps: &[VuStep], moment: Duration) -> u32 {
        steps.iter().take_while(|step| step.at <= moment).last().map_or(0, |step| step.vus)
    }

    proptest! {
        #[test]
        fn steps_are_in_order_and_end_with_none(ramp in ramps()) {
            let steps = ramp.steps();
            prop_assert!(steps.windows(2).all(|two| two[0].at < two[1].at));
            prop_assert_eq!(steps[0].at, Duration::ZERO);
            prop_assert_eq!(steps[steps.len() - 1].vus, 0);
        }

        #[test]
        fn the_number_of_vus_is_within_one_of_the_line(ramp in ramps(), share in 0.0..1.0_f64) {
            let steps = ramp.steps();
            let (mut begin, mut from) = (Duration::ZERO, ramp.start_vus);
            for Stage { duration, target } in ramp.stages {
                let line = f64::from(from) + (f64::from(target) - f64::from(from)) * share;
                let vus = at(&steps, begin + duration.get().mul_f64(share));
                if !duration.get().is_zero() {
                    prop_assert!((f64::from(vus) - line).abs() <= 1.0 + 1e-6, "{vus} {line}");
                }
                begin += duration.get();
                from = target;
            }
        }

        #[test]
        fn demand_is_the_most_of_the_time_before(ramp in ramps(), millis in 0..60_000_u64) {
            let (steps, moment) = (ramp.steps(), Duration::from_millis(millis));
            let end = steps[steps.len() - 1].at;
            let since = moment.saturating_sub(ramp.graceful_ramp_down.get());
            let expected = if moment >= end {
                0
            } else {
                let within = steps.iter().filter(|step| step.at <= moment && step.at > since);
                within.map(|step| step.vus).fold(at(&steps, since), u32::max)
            };
            let demand = ramp.demand();
            // At the very moment a VU may have just gone.
            if !demand.iter().any(|step| step.at == moment) {
                prop_assert_eq!(at(&demand, moment), expected);
            }
            prop_assert!(demand.windows(2).all(|two| two[0].at < two[1].at));
        }
    }
}
