//! The form itself: what is written, field by field, and its schema.

use std::borrow::Cow;
use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Serialize, Serializer};

/// A load test's summary, as wasmload writes it.
#[derive(Debug, Default, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(title = "wasmload summary")]
pub(super) struct Document {
    /// The version of this form. The first number rises when a reader of an earlier form could be
    /// misled, the second when something is added.
    #[schemars(extend("pattern" = r"^1\.[0-9]+\.[0-9]+$"))]
    pub(super) version: &'static str,
    /// Whether the run was over when this was written. Else everything below is empty.
    pub(super) complete: bool,
    /// About the run as a whole.
    pub(super) state: State,
    /// Each metric that has samples or thresholds, by name, and parts of metrics by selector.
    pub(super) metrics: BTreeMap<String, MetricEntry>,
    /// Each check, sorted by name.
    pub(super) checks: Vec<Check>,
    /// Each threshold, in the order of the plan.
    pub(super) thresholds: Vec<Threshold>,
    /// Each scenario, in the order of the plan.
    pub(super) scenarios: Vec<Scenario>,
    /// What the search for the breakpoint found; null unless a scenario was one.
    pub(super) breakpoint: Option<Breakpoint>,
    /// Requests that failed, by kind, the most frequent first.
    pub(super) errors: Vec<RequestError>,
    /// Iterations and VUs' starts that failed, by kind, the most frequent first.
    pub(super) failures: Vec<Failure>,
    /// VUs that could not be made, by reason.
    pub(super) unmade_vus: Vec<Unmade>,
    /// Why `setup` failed; null unless it did. Then there was no load.
    pub(super) setup_error: Option<String>,
    /// Why `teardown` failed; null unless it did.
    pub(super) teardown_error: Option<String>,
    /// Faults of the engine itself.
    pub(super) engine_faults: Vec<String>,
    /// How many sets of tags were beyond the cap: their samples are counted under `overflow:true`.
    pub(super) overflowed_series: u64,
    /// How many samples were refused for not being finite numbers.
    pub(super) refused_samples: u64,
    /// Why the run ended before its time; null unless it did.
    pub(super) stop: Option<Stop>,
}

/// About the run as a whole.
#[derive(Debug, Default, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct State {
    /// How long the load lasted, in milliseconds: without `setup` and `teardown`.
    pub(super) test_run_duration_ms: Number,
}

/// A metric, or a part of one.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct MetricEntry {
    /// How its samples become one value.
    #[serde(rename = "type")]
    #[schemars(extend("enum" = ["counter", "gauge", "rate", "trend"]))]
    pub(super) kind: &'static str,
    /// What its numbers stand for: plain numbers, milliseconds, or bytes.
    #[schemars(extend("enum" = ["default", "time", "data"]))]
    pub(super) contains: &'static str,
    /// What was measured, by statistic; empty where there were no samples.
    pub(super) values: BTreeMap<String, Number>,
    /// Its thresholds, by their text; absent where there are none.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(default)]
    pub(super) thresholds: BTreeMap<String, ThresholdMark>,
}

/// Whether a threshold let the run succeed.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct ThresholdMark {
    /// False if it was crossed; true if it held, and if there was no data.
    pub(super) ok: bool,
}

/// A check.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Check {
    /// What was to hold, in the script's words.
    pub(super) name: String,
    /// How often it held.
    pub(super) passes: u64,
    /// How often it did not.
    pub(super) fails: u64,
}

/// A threshold's verdict.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Threshold {
    /// What it is about, as a selector.
    pub(super) metric: String,
    /// The threshold as it was given.
    pub(super) threshold: String,
    /// What became of it.
    #[schemars(extend("enum" = ["passed", "crossed", "no_data"]))]
    pub(super) outcome: &'static str,
    /// What was compared, in the metric's unit; null where there was no data.
    pub(super) observed: Option<Number>,
    /// Why there was no data; null where there was.
    pub(super) reason: Option<String>,
}

/// A scenario.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Scenario {
    /// Its name.
    pub(super) name: String,
    /// Its executor, as the options name it.
    pub(super) executor: &'static str,
    /// What it was to do, in words.
    pub(super) description: String,
    /// The script's flow that it ran, or its flows with `|` between them.
    pub(super) exec: String,
    /// When it started, in milliseconds from the start of the load.
    pub(super) start_time_ms: Number,
    /// How many of its iterations ended by themselves.
    pub(super) iterations: u64,
    /// How many of its iterations were cut off.
    pub(super) interrupted_iterations: u64,
    /// Whether it was ended because its script broke more often than it may.
    pub(super) given_up: bool,
}

/// What a search for the breakpoint found.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Breakpoint {
    /// The scenario's name.
    pub(super) scenario: String,
    /// What the loads are numbers of.
    #[schemars(extend("enum" = ["VUs", "iterations/s"]))]
    pub(super) unit: &'static str,
    /// Whether the search came to its end.
    pub(super) complete: bool,
    /// The highest load that held; null where none did.
    pub(super) held: Option<u32>,
    /// The lowest load that did not hold; null where all did.
    pub(super) broke: Option<u32>,
    /// The load with the most throughput for its latency; null where nothing was done.
    pub(super) knee: Option<u32>,
    /// The Universal Scalability Law that fits the steps; null where they are too few.
    pub(super) usl: Option<Usl>,
    /// Each load that was tried, in that order.
    pub(super) steps: Vec<Step>,
}

/// `X(N) = λ N / (1 + σ (N − 1) + κ N (N − 1))`: iterations a second, of so many that run at a time.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Usl {
    /// λ: the throughput of one, a second.
    pub(super) lambda: Number,
    /// σ: contention.
    pub(super) sigma: Number,
    /// κ: crosstalk.
    pub(super) kappa: Number,
    /// R² of the fit.
    pub(super) r_squared: Number,
    /// How many at a time get the most done; null where the law has no peak.
    pub(super) peak_concurrency: Option<Number>,
    /// How much that is, a second; null where the law has no peak.
    pub(super) peak_throughput: Option<Number>,
}

/// What was measured while a load was kept up, without the step's first quarter.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Step {
    /// How many VUs or iterations a second.
    pub(super) load: u32,
    /// Whether it held.
    pub(super) held: bool,
    /// Whether about as many iterations ended as were due; always of VUs.
    pub(super) kept_up: bool,
    /// For how long it was measured.
    pub(super) measured_ms: Number,
    /// Iterations that ended, a second.
    pub(super) iterations: Number,
    /// HTTP requests, a second.
    pub(super) requests: Number,
    /// How many iterations ran at a time in the mean.
    pub(super) concurrency: Number,
    /// Which share of the iterations that were due found no VU free.
    pub(super) dropped: Number,
    /// Which share of the requests failed; null where there were none.
    pub(super) failed: Option<Number>,
    /// How long a request took, or an iteration that made none, in milliseconds: `avg`, `med`, `p(95)` and
    /// `p(99)`. Empty where nothing ended.
    pub(super) latency: BTreeMap<&'static str, Number>,
    /// Each threshold over this step.
    pub(super) thresholds: Vec<Threshold>,
}

/// A way in which requests failed.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct RequestError {
    /// What it is called: `connection refused`, `status 503`.
    pub(super) error: String,
    /// k6's number for it; null where it has none.
    pub(super) code: Option<u32>,
    /// One of them: its method and its `name` tag.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) example: Option<String>,
    /// How many requests.
    pub(super) count: u64,
}

/// A way in which iterations, or the starts of VUs, failed.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Failure {
    /// Said by the script, of an iteration or of a VU's start; a trap; or a fault of the engine.
    #[schemars(extend("enum" = ["failed", "start_failed", "timed_out", "trapped", "panicked"]))]
    pub(super) kind: &'static str,
    /// Why, in the script's or the engine's words.
    pub(super) message: String,
    /// How often.
    pub(super) count: u64,
}

/// VUs that could not be made.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Unmade {
    /// Why.
    pub(super) reason: String,
    /// How many.
    pub(super) count: u32,
}

/// Why a run ended before its time.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Stop {
    /// By whom or what.
    #[schemars(extend("enum" = ["exhausted", "threshold_crossed", "interrupted", "aborted", "cut_off"]))]
    pub(super) reason: &'static str,
    /// The same in words.
    pub(super) message: String,
}

/// A number, written without a fraction where it has none.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Number(pub(super) f64);

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
