//! The form itself: what is kept, field by field.

use std::collections::BTreeMap;

use plan::Plan;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Buckets, FORMAT, StoredTimeline, VERSION};
use crate::summary::Percentiles;
use crate::summary_json::document::{Document, Number};

/// All that is kept of a load test.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(title = "wasmload result")]
pub struct StoredResult {
    /// What this is: `wasmload result`.
    pub format: String,
    /// The version of this form. The first number rises when a reader of an earlier form could be misled, the second when
    /// something is added.
    #[schemars(extend("pattern" = r"^1\.[0-9]+\.[0-9]+$"))]
    pub version: String,
    /// Whether the run was over when this was written. Else everything below is empty.
    pub complete: bool,
    /// Where it ran, and of what.
    pub environment: Environment,
    /// What was planned.
    pub plan: StoredPlan,
    /// The summary, in the form of `--summary-export`.
    pub summary: Document,
    /// Each method and name of requests, the most frequent first.
    pub endpoints: Vec<Endpoint>,
    /// How many endpoints were too many to be kept.
    pub endpoints_left_out: u64,
    /// The parts of the run: stages, scenarios, or some minutes of a long one; empty where there is but one.
    pub phases: Vec<Phase>,
    /// What the engine itself took of the machine.
    pub injector: StoredInjector,
    /// The histogram of each trend, by its name.
    pub histograms: BTreeMap<String, Histogram>,
    /// Each metric over time.
    pub timeline: StoredTimeline,
}

impl Default for StoredResult {
    fn default() -> Self {
        Self {
            format: FORMAT.to_owned(),
            version: VERSION.to_owned(),
            complete: false,
            environment: Environment::default(),
            plan: StoredPlan::default(),
            summary: Document {
                version: crate::summary_json::VERSION.into(),
                ..Document::default()
            },
            endpoints: Vec::new(),
            endpoints_left_out: 0,
            phases: Vec::new(),
            injector: StoredInjector::default(),
            histograms: BTreeMap::new(),
            timeline: StoredTimeline::default(),
        }
    }
}

/// Where a run took place, and of what.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Environment {
    /// The script, as it was asked for.
    pub script: String,
    /// SHA-256 of its component, in hexadecimal.
    pub digest: String,
    /// What makes it a script: `wasmload:script@0.1.0`.
    pub contract: String,
    /// The version of wasmload.
    pub engine: String,
    /// When it began, by RFC 3339.
    pub started_at: String,
    /// How many worker threads shared the VUs.
    pub workers: u64,
    /// What the run's chance came of, in decimal digits.
    pub seed: Option<String>,
    /// The tags on everything that was measured.
    pub tags: BTreeMap<String, String>,
    /// The machine.
    pub machine: Machine,
}

/// The machine that made the load.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Machine {
    /// Its operating system: `linux`.
    pub os: String,
    /// Its processors' architecture: `x86_64`.
    pub architecture: String,
    /// How many processors it lets this process use.
    pub processors: u64,
    /// Bytes of memory that nobody used before the run; null where the system does not tell.
    pub free_memory: Option<u64>,
}

/// What was planned.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct StoredPlan {
    /// It in words and charts, as `wasmload plan` shows it.
    pub text: String,
    /// Each scenario, in the order of their start.
    pub scenarios: Vec<PlannedScenario>,
}

/// A scenario as it was planned.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct PlannedScenario {
    /// Its name.
    pub name: String,
    /// Its executor, as the options name it.
    pub executor: String,
    /// When it was to start, from the start of the load.
    pub start_time_ms: Number,
    /// How long it was to run, or at most; null where nobody knew beforehand.
    pub duration_ms: Option<Number>,
    /// How long iterations had to finish after it.
    pub graceful_stop_ms: Number,
    /// Whether iterations started when they were due, and not when the one before ended.
    pub arrivals: bool,
    /// Its stages, where it is made of some.
    pub stages: Vec<PlannedStage>,
}

/// A stage of a ramp.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct PlannedStage {
    /// How long it takes.
    pub duration_ms: Number,
    /// What is reached at its end.
    pub target: u32,
}

/// Requests of one method and one name.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Endpoint {
    /// The method.
    pub method: String,
    /// The `name` tag: the URL, or what the script calls it.
    pub name: String,
    /// How many requests.
    pub count: u64,
    /// How many a second of load.
    pub rate: Number,
    /// How many of them failed.
    pub failed: u64,
    /// Bytes that were sent.
    pub sent: u64,
    /// Bytes that were received.
    pub received: u64,
    /// How long those took that were sent; null where none was.
    pub duration: Option<Figures>,
}

/// Figures of a trend, in its unit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Figures {
    /// The mean.
    pub avg: Number,
    /// The smallest.
    pub min: Number,
    /// The median.
    pub p50: Number,
    /// What 90 of 100 do not exceed.
    pub p90: Number,
    /// What 95 of 100 do not exceed.
    pub p95: Number,
    /// What 99 of 100 do not exceed.
    pub p99: Number,
    /// The largest.
    pub max: Number,
}

impl Figures {
    pub(super) fn of(it: Percentiles) -> Self {
        let [avg, min, p50, p90, p95, p99, max] =
            [it.avg, it.min, it.p50, it.p90, it.p95, it.p99, it.max].map(Number);
        Self { avg, min, p50, p90, p95, p99, max }
    }
}

/// A part of the run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Phase {
    /// What it is called.
    pub name: String,
    /// When it began, from the start of the load.
    pub from_ms: Number,
    /// When it ended.
    pub to_ms: Number,
    /// How many VUs were at work at the most.
    pub vus: Number,
    /// Iterations that ended by themselves.
    pub iterations: u64,
    /// HTTP requests.
    pub requests: u64,
    /// How many of them failed.
    pub failed: u64,
    /// HTTP requests a second.
    pub rate: Number,
    /// What 95 of 100 requests did not exceed, in milliseconds; null where none was sent.
    pub p95: Option<Number>,
}

/// What the engine itself took of the machine.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct StoredInjector {
    /// Processors that it kept busy in the mean; null where the system does not tell.
    pub cpu: Option<Number>,
    /// Bytes of memory that it had at the most; null where the system does not tell.
    pub memory: Option<Number>,
    /// How late its timers were: what 95 of 100 did not exceed, in milliseconds.
    pub lag: Option<Number>,
    /// Why it may have been the bottleneck, in words; empty where nothing speaks for that.
    pub doubts: Vec<String>,
}

/// How the samples of a trend are spread, over the whole run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Histogram {
    /// How many samples.
    pub count: u64,
    /// Their sum.
    pub sum: Number,
    /// Their standard deviation.
    pub stdev: Number,
    /// Their figures, to 0.1 %.
    pub figures: Figures,
    /// Their buckets, to 1.6 %: numbers and counts in turn.
    pub buckets: Buckets,
}

impl StoredPlan {
    pub(crate) fn of(plan: &Plan) -> Self {
        const COLUMNS: usize = 80;
        let ms = |time: std::time::Duration| Number(time.as_secs_f64() * 1e3);
        let of = |scenario: &plan::ScenarioPlan| PlannedScenario {
            name: scenario.name.clone(),
            executor: scenario.executor.kind().to_owned(),
            start_time_ms: ms(scenario.start_time),
            duration_ms: Some(scenario.schedule.duration())
                .filter(|duration| *duration != std::time::Duration::MAX)
                .map(ms),
            graceful_stop_ms: ms(scenario.graceful_stop),
            arrivals: scenario.schedule.is_open(),
            stages: scenario
                .executor
                .stages()
                .iter()
                .map(|it| PlannedStage { duration_ms: ms(it.duration.get()), target: it.target })
                .collect(),
        };
        Self {
            text: crate::plan_text::text(plan, Some(COLUMNS), false),
            scenarios: plan.scenarios.iter().map(of).collect(),
        }
    }
}
