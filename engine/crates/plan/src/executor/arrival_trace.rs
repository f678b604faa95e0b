//! Iterations that start at the moments of a file, however long they take.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::arrivals::Arrivals;
use super::{AnyExecutor, Distribution, Executor, Schedule, Share};
use crate::problems::shown;
use crate::{Length, Options, Problems, ScenarioOptions, TracePacer};

/// Iterations start at the moments that a file lists, however long they take, each on a VU that is free.
///
/// The file has a moment a line, in seconds from the start of the scenario such as `12.5`, none before the
/// one above it; empty lines and what follows a `#` are left out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(example = serde_json::json!({
    "executor": "arrival-trace", "file": "monday.txt", "preAllocatedVUs": 50, "maxVUs": 200
}))]
pub struct ArrivalTrace {
    /// The file, from the folder of the options file that names it. A script's own options may not name one.
    #[schemars(length(min = 1))]
    pub file: String,
    /// How arrivals find VUs.
    #[serde(flatten)]
    pub arrivals: Arrivals,
    /// What came of reading the file.
    #[serde(skip)]
    pub read: TraceFile,
}

/// What came of reading the file of a trace.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum TraceFile {
    /// Nobody has read it.
    #[default]
    Unread,
    /// A script names it, which may not.
    Refused,
    /// It cannot be read, or is no trace: why.
    Unfit(String),
    /// These moments are in it.
    Read(TracePacer),
}

impl Executor for ArrivalTrace {
    fn kind(&self) -> &'static str {
        "arrival-trace"
    }

    fn validate(&self, problems: &mut Problems) {
        self.arrivals.validate(problems);
        if self.arrivals.distribution != Distribution::default() {
            problems.push("distribution", "has no meaning for a trace, whose moments are given");
        }
        let file = shown(&self.file);
        match &self.read {
            TraceFile::Read(_) => {}
            TraceFile::Unread => problems.push("file", format!("`{file}` was not read")),
            TraceFile::Refused => problems.push(
                "file",
                format!(
                    "a script may not name files itself, but names `{file}`; if it may be read, give the \
                     scenario in an options file (`--config`)"
                ),
            ),
            TraceFile::Unfit(why) => problems.push("file", format!("`{file}`: {why}")),
        }
    }

    fn describe(&self) -> String {
        let (count, length) = match &self.read {
            TraceFile::Read(trace) => (trace.count(), trace.length()),
            _ => (0, Duration::ZERO),
        };
        format!("{count} iterations over {}, as in {}", Length::from(length), shown(&self.file))
    }

    fn facts(&self) -> Vec<String> {
        self.arrivals.facts()
    }

    fn with(&self, share: Share) -> Arc<dyn Executor> {
        Arc::new(Self { arrivals: self.arrivals.with(share), ..self.clone() })
    }

    fn schedule(&self) -> Schedule {
        match &self.read {
            TraceFile::Read(trace) => self.arrivals.schedule_of(trace.clone(), trace.length()),
            // There is a problem.
            _ => self.arrivals.schedule_of(TracePacer::default(), Duration::ZERO),
        }
    }
}

impl Options {
    /// Reads the files of all traces, by `read`, which is given a file's name and returns its text, or why
    /// there is none.
    ///
    /// What is wrong with one is a problem of [`Options::plan`], together with all others.
    pub fn read_traces(&mut self, mut read: impl FnMut(&Path) -> Result<String, String>) {
        for trace in traces(&mut self.scenarios) {
            if trace.read == TraceFile::Unread {
                let text = read(Path::new(&trace.file));
                trace.read = match text.and_then(|text| TracePacer::parse(&text)) {
                    Ok(pacer) => TraceFile::Read(pacer),
                    Err(why) => TraceFile::Unfit(why),
                };
            }
        }
    }
}

/// The traces among some scenarios.
pub(crate) fn traces(
    scenarios: &mut Option<BTreeMap<String, ScenarioOptions>>,
) -> impl Iterator<Item = &mut ArrivalTrace> {
    let all = scenarios.iter_mut().flat_map(BTreeMap::values_mut);
    all.filter_map(|scenario| match &mut scenario.executor {
        AnyExecutor::ArrivalTrace(trace) => Some(trace),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options() -> Options {
        crate::parse_json(
            r#"{ "scenarios": { "rush": { "executor": "arrival-trace", "file": "a.txt",
                "preAllocatedVUs": 5 } } }"#,
        )
        .unwrap()
    }

    #[test]
    fn iterations_are_due_when_the_file_says() {
        let mut options = options().with_files_in(Path::new("plans"));
        options.read_traces(|file| {
            assert_eq!(file, Path::new("plans/a.txt"));
            Ok("0\n1.5\n60\n".into())
        });
        let plan = options.plan().unwrap();
        let described = plan.scenarios[0].executor.describe();
        assert_eq!(described, "3 iterations over 1m0.001s, as in plans/a.txt");
        let Schedule::Arrivals { pacer, .. } = &plan.scenarios[0].schedule else { panic!() };
        assert_eq!(pacer.due(1), Some(Duration::from_millis(1_500)));
    }

    #[test]
    fn a_file_that_is_no_trace_is_a_problem_among_the_others() {
        for (read, told) in [
            (Ok("1\n0".into()), "`a.txt`: line 2 is before the one above it"),
            (Err("no such file".into()), "`a.txt`: no such file"),
        ] {
            let mut options = options();
            options.vus = Some(0);
            options.read_traces(|_| read.clone());
            let problems = options.plan().unwrap_err().to_string();
            assert!(problems.contains(&format!("scenarios.rush.file: {told}")), "{problems}");
            assert!(problems.contains("vus: must be"), "{problems}");
        }
    }

    #[test]
    fn the_file_of_a_script_is_not_even_looked_for() {
        let mut options = options().without_files();
        options.read_traces(|file| panic!("{} is read", file.display()));
        let problems = options.plan().unwrap_err().to_string();
        assert!(
            problems.contains("a script may not name files itself, but names `a.txt`"),
            "{problems}"
        );
    }
}
