//! Iterations that start at a rate that changes over time, however long they take.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::arrivals::{Arrivals, second, validate_total};
use super::stage::{self, Stage};
use super::{Executor, MAX_RATE, Schedule, Share};
use crate::{Length, Pacer as _, Problems, RampingPacer};

/// Iterations start at a rate that changes over time, however long they take, each on a VU that is free.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(example = serde_json::json!({
    "executor": "ramping-arrival-rate", "startRate": 0, "preAllocatedVUs": 50, "maxVUs": 200,
    "stages": [{ "duration": "10s", "target": 500 }, { "duration": "20s", "target": 500 }]
}))]
pub struct RampingArrivalRate {
    /// How many iterations start in each `timeUnit` at the start.
    #[serde(default)]
    #[schemars(range(max = 1_000_000_000))]
    pub start_rate: u32,
    /// The time in which as many iterations start as a rate says.
    #[serde(default = "second")]
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub time_unit: Length,
    /// What the rate goes towards, one stage after the other.
    #[schemars(length(min = 1))]
    pub stages: Vec<Stage>,
    /// How arrivals find VUs.
    #[serde(flatten)]
    pub arrivals: Arrivals,
}

impl RampingArrivalRate {
    fn pacer(&self) -> RampingPacer {
        let stages = self.stages.iter().map(|stage| (stage.duration.get(), stage.target));
        RampingPacer::new(self.start_rate, stages, self.time_unit.get())
    }

    fn highest(&self) -> f64 {
        let unit = self.time_unit.get().as_secs_f64();
        f64::from(stage::highest(self.start_rate, &self.stages)) / unit
    }
}

impl Executor for RampingArrivalRate {
    fn kind(&self) -> &'static str {
        "ramping-arrival-rate"
    }

    fn validate(&self, problems: &mut Problems) {
        self.arrivals.validate(problems);
        stage::validate(self.start_rate, &self.stages, "iterations", problems);
        let highest = self.highest();
        if highest > MAX_RATE {
            let message =
                format!("must ask for at most {MAX_RATE} iterations/s, but ask for {highest}");
            problems.push("stages", message);
        }
        validate_total(self.pacer().total(), problems);
    }

    fn describe(&self) -> String {
        let total = Length::from(stage::total(&self.stages));
        let stages = self.stages.len();
        format!("Up to {:.2} iterations/s for {total} over {stages} stages", self.highest())
    }

    fn facts(&self) -> Vec<String> {
        self.arrivals.facts()
    }

    fn stages(&self) -> &[Stage] {
        &self.stages
    }

    fn with(&self, share: Share) -> Arc<dyn Executor> {
        Arc::new(Self { arrivals: self.arrivals.with(share), ..self.clone() })
    }

    fn schedule(&self) -> Schedule {
        let pacer = self.pacer();
        let duration = stage::total(&self.stages);
        self.arrivals.schedule(pacer, duration)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_rate_follows_the_stages() {
        let text = r#"{ "startRate": 10, "timeUnit": "1m", "preAllocatedVUs": 1,
            "stages": [{ "duration": "10s", "target": 70 }, { "duration": "5s", "target": 0 }] }"#;
        let ramp: RampingArrivalRate = serde_json::from_str(text).unwrap();
        let Schedule::Arrivals { pacer, duration, .. } = ramp.schedule() else { panic!() };
        assert_eq!(duration, Duration::from_secs(15));
        for (at, rate) in [(0, 10.0), (5, 40.0), (10, 70.0), (15, 0.0)] {
            assert_eq!((pacer.rate(Duration::from_secs(at)) * 60.0).round(), rate, "at {at} s");
        }
        assert_eq!(ramp.describe(), "Up to 1.17 iterations/s for 15s over 2 stages");
    }
}
