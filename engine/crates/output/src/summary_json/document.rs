//! The form itself: what is written, field by field, and its schema.

use std::borrow::Cow;
use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A load test's summary, as wasmload writes it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(title = "wasmload summary")]
pub struct Document {
    /// The version of this form. The first number rises when a reader of an earlier form could be
    /// misled, the second when something is added.
    #[schemars(extend("pattern" = r"^1\.[0-9]+\.[0-9]+$"))]
    pub version: Cow<'static, str>,
    /// Whether the run was over when this was written. Else everything below is empty.
    pub complete: bool,
    /// About the run as a whole.
    pub state: State,
    /// Each metric that has samples or thresholds, by name, and parts of metrics by selector.
    pub metrics: BTreeMap<String, MetricEntry>,
    /// Each check, sorted by name.
    pub checks: Vec<Check>,
    /// Each threshold, in the order of the plan.
    pub thresholds: Vec<Threshold>,
    /// Each scenario, in the order of the plan.
    pub scenarios: Vec<Scenario>,
    /// What the search for the breakpoint found; null unless a scenario was one.
    pub breakpoint: Option<Breakpoint>,
    /// Requests that failed, by kind, the most frequent first.
    pub errors: Vec<RequestError>,
    /// Iterations and VUs' starts that failed, by kind, the most frequent first.
    pub failures: Vec<Failure>,
    /// VUs that could not be made, by reason.
    pub unmade_vus: Vec<Unmade>,
    /// Why `setup` failed; null unless it did. Then there was no load.
    pub setup_error: Option<String>,
    /// Why `teardown` failed; null unless it did.
    pub teardown_error: Option<String>,
    /// Faults of the engine itself.
    pub engine_faults: Vec<String>,
    /// How many sets of tags were beyond the cap: their samples are counted under `overflow:true`.
    pub overflowed_series: u64,
    /// How many samples were refused for not being finite numbers.
    pub refused_samples: u64,
    /// Why the run ended before its time; null unless it did.
    pub stop: Option<Stop>,
}

/// About the run as a whole.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct State {
    /// How long the load lasted, in milliseconds: without `setup` and `teardown`.
    pub test_run_duration_ms: Number,
}

/// A metric, or a part of one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MetricEntry {
    /// How its samples become one value.
    #[serde(rename = "type")]
    #[schemars(extend("enum" = ["counter", "gauge", "rate", "trend"]))]
    pub kind: Cow<'static, str>,
    /// What its numbers stand for: plain numbers, milliseconds, or bytes.
    #[schemars(extend("enum" = ["default", "time", "data"]))]
    pub contains: Cow<'static, str>,
    /// What was measured, by statistic; empty where there were no samples.
    pub values: BTreeMap<String, Number>,
    /// Its thresholds, by their text; absent where there are none.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub thresholds: BTreeMap<String, ThresholdMark>,
}

/// Whether a threshold let the run succeed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ThresholdMark {
    /// False if it was crossed; true if it held, and if there was no data.
    pub ok: bool,
}

/// A check.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Check {
    /// What was to hold, in the script's words.
    pub name: String,
    /// How often it held.
    pub passes: u64,
    /// How often it did not.
    pub fails: u64,
}

/// A threshold's verdict.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Threshold {
    /// What it is about, as a selector.
    pub metric: String,
    /// The threshold as it was given.
    pub threshold: String,
    /// What became of it.
    #[schemars(extend("enum" = ["passed", "crossed", "no_data"]))]
    pub outcome: Cow<'static, str>,
    /// What was compared, in the metric's unit, and of several windows the worst; null where there was no data.
    pub observed: Option<Number>,
    /// Why there was no data; null where there was.
    pub reason: Option<String>,
    /// Whether nothing speaks against it: it held, or there was no data and that was worth no failure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ok: Option<bool>,
    /// How it went from second to second; absent of one that was held against the whole run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub course: Option<Course>,
}

/// How a threshold went that is held each second (`over 30s`, `for 60s`). Moments are from the start of the load.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Course {
    /// Over how much of the run it was held each time, in milliseconds: a second where there is no `over`.
    pub over_ms: Number,
    /// For how long on end it must not hold to be crossed, in milliseconds; null where there is no `for`.
    pub for_ms: Option<Number>,
    /// The end of the window in which what was observed was, in milliseconds; null where there was no data.
    pub worst_at_ms: Option<Number>,
    /// When it was first crossed, in milliseconds; null unless it was.
    pub crossed_at_ms: Option<Number>,
    /// The longest time on end for which it did not hold, in milliseconds.
    pub longest_ms: Number,
}

/// A scenario.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Scenario {
    /// Its name.
    pub name: String,
    /// Its executor, as the options name it.
    pub executor: Cow<'static, str>,
    /// What it was to do, in words.
    pub description: String,
    /// The script's flow that it ran, or its flows with `|` between them.
    pub exec: String,
    /// When it started, in milliseconds from the start of the load.
    pub start_time_ms: Number,
    /// How many of its iterations ended by themselves.
    pub iterations: u64,
    /// How many of its iterations were cut off.
    pub interrupted_iterations: u64,
    /// Whether it was ended because its script broke more often than it may.
    pub given_up: bool,
}

/// What a search for the breakpoint found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Breakpoint {
    /// The scenario's name.
    pub scenario: String,
    /// What the loads are numbers of.
    #[schemars(extend("enum" = ["VUs", "iterations/s"]))]
    pub unit: Cow<'static, str>,
    /// Whether the search came to its end.
    pub complete: bool,
    /// The highest load that held; null where none did.
    pub held: Option<u32>,
    /// The lowest load that did not hold; null where all did.
    pub broke: Option<u32>,
    /// The load with the most throughput for its latency; null where nothing was done.
    pub knee: Option<u32>,
    /// The Universal Scalability Law that fits the steps; null where they are too few.
    pub usl: Option<Usl>,
    /// Each load that was tried, in that order.
    pub steps: Vec<Step>,
}

/// `X(N) = λ N / (1 + σ (N − 1) + κ N (N − 1))`: iterations a second, of so many that run at a time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Usl {
    /// λ: the throughput of one, a second.
    pub lambda: Number,
    /// σ: contention.
    pub sigma: Number,
    /// κ: crosstalk.
    pub kappa: Number,
    /// R² of the fit.
    pub r_squared: Number,
    /// How many at a time get the most done; null where the law has no peak.
    pub peak_concurrency: Option<Number>,
    /// How much that is, a second; null where the law has no peak.
    pub peak_throughput: Option<Number>,
}

/// What was measured while a load was kept up, without the step's first quarter.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Step {
    /// How many VUs or iterations a second.
    pub load: u32,
    /// Whether it held.
    pub held: bool,
    /// Whether about as many iterations ended as were due; always of VUs.
    pub kept_up: bool,
    /// For how long it was measured.
    pub measured_ms: Number,
    /// Iterations that ended, a second.
    pub iterations: Number,
    /// HTTP requests, a second.
    pub requests: Number,
    /// How many iterations ran at a time in the mean.
    pub concurrency: Number,
    /// Which share of the iterations that were due found no VU free.
    pub dropped: Number,
    /// Which share of the requests failed; null where there were none.
    pub failed: Option<Number>,
    /// How long a request took, or an iteration that made none, in milliseconds: `avg`, `med`, `p(95)` and
    /// `p(99)`. Empty where nothing ended.
    pub latency: BTreeMap<Cow<'static, str>, Number>,
    /// Each threshold over this step.
    pub thresholds: Vec<Threshold>,
}

/// A way in which requests failed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RequestError {
    /// What it is called: `connection refused`, `status 503`.
    pub error: String,
    /// k6's number for it; null where it has none.
    pub code: Option<u32>,
    /// One of them: its method and its `name` tag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub example: Option<String>,
    /// How many requests.
    pub count: u64,
}

/// A way in which iterations, or the starts of VUs, failed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Failure {
    /// Said by the script, of an iteration or of a VU's start; a trap; or a fault of the engine.
    #[schemars(extend("enum" = ["failed", "start_failed", "timed_out", "trapped", "panicked"]))]
    pub kind: Cow<'static, str>,
    /// Why, in the script's or the engine's words.
    pub message: String,
    /// How often.
    pub count: u64,
}

/// VUs that could not be made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Unmade {
    /// Why.
    pub reason: String,
    /// How many.
    pub count: u32,
}

/// Why a run ended before its time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Stop {
    /// By whom or what.
    #[schemars(extend("enum" = ["exhausted", "threshold_crossed", "interrupted", "aborted", "cut_off"]))]
    pub reason: Cow<'static, str>,
    /// The same in words.
    pub message: String,
}

/// A number, written without a fraction where it has none.
#[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd)]
pub struct Number(pub f64);

impl<'de> Deserialize<'de> for Number {
    /// What JSON has no number for, such as a sum beyond all bounds, is written as `null`.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(Option::deserialize(deserializer)?.unwrap_or(f64::NAN)))
    }
}

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // Up to here every whole number is exact.
        const EXACT: f64 = 9_007_199_254_740_992.0;
        if self.0.fract() == 0.0 && self.0.abs() < EXACT {
            serializer.serialize_i64(self.0 as i64)
        } else {
            serializer.serialize_f64(self.0)
        }
    }
}

impl JsonSchema for Number {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Number".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "number" })
    }
}
