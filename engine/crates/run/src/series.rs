//! The series a run records in by itself, looked up once.
//!
//! What a VU measures beyond these (requests, checks, restarts) it records where it runs.

use std::collections::BTreeMap;

use metrics::{Registry, SeriesId, Tags, builtin};

/// What is recorded of each iteration of one scenario.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ScenarioSeries {
    pub(crate) iterations: SeriesId,
    pub(crate) duration: SeriesId,
    pub(crate) lag: SeriesId,
    pub(crate) failed: SeriesId,
    pub(crate) interrupted: SeriesId,
    pub(crate) dropped: SeriesId,
    pub(crate) traps: SeriesId,
    pub(crate) start_duration: SeriesId,
    pub(crate) stop_duration: SeriesId,
}

impl ScenarioSeries {
    /// Looks them up with a scenario's tags and its name.
    pub(crate) fn new(registry: &Registry, name: &str, tags: &BTreeMap<String, String>) -> Self {
        let tags: Tags = tags.clone().into_iter().collect();
        let tags = tags.with("scenario", name);
        let series = |metric| registry.series(metric, &tags);
        Self {
            iterations: series(builtin::ITERATIONS),
            duration: series(builtin::ITERATION_DURATION),
            lag: series(builtin::ITERATION_LAG),
            failed: series(builtin::ITERATIONS_FAILED),
            interrupted: series(builtin::ITERATIONS_INTERRUPTED),
            dropped: series(builtin::DROPPED_ITERATIONS),
            traps: series(builtin::TRAPS),
            start_duration: series(builtin::VU_START_DURATION),
            stop_duration: series(builtin::VU_STOP_DURATION),
        }
    }
}

/// What is recorded of the run as a whole.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RunSeries {
    pub(crate) vus: SeriesId,
    pub(crate) vus_max: SeriesId,
    pub(crate) injector_lag: SeriesId,
    pub(crate) injector_cpu: SeriesId,
    pub(crate) injector_memory: SeriesId,
}

impl RunSeries {
    /// Looks them up with the run's tags.
    pub(crate) fn new(registry: &Registry, tags: &BTreeMap<String, String>) -> Self {
        let tags: Tags = tags.clone().into_iter().collect();
        Self {
            vus: registry.series(builtin::VUS, &tags),
            vus_max: registry.series(builtin::VUS_MAX, &tags),
            injector_lag: registry.series(builtin::INJECTOR_LAG, &tags),
            injector_cpu: registry.series(builtin::INJECTOR_CPU, &tags),
            injector_memory: registry.series(builtin::INJECTOR_MEMORY, &tags),
        }
    }
}
