//! What the engine itself takes of the machine while it makes load.
//!
//! Where that is read is not this crate's affair: whoever assembles the engine brings the function.

use std::time::Duration;

use metrics::Recorder;
use tokio::time::Instant;

use crate::series::RunSeries;

/// What this process has used so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    /// Processor time of all its threads, since it began.
    pub cpu: Duration,
    /// Bytes of memory that it has now.
    pub memory: u64,
}

/// Says what this process has used so far; `None` where the system does not tell.
pub type UsageSource = fn() -> Option<Usage>;

/// Records it second by second.
#[derive(Debug)]
pub(crate) struct UsageMeter {
    source: Option<UsageSource>,
    before: Option<(Instant, Usage)>,
}

/// The least time between two looks of which the share of a processor says something.
const LEAST: Duration = Duration::from_millis(500);

impl UsageMeter {
    pub(crate) fn new(source: Option<UsageSource>) -> Self {
        Self { source, before: None }
    }

    /// Begins to count.
    pub(crate) fn start(&mut self) {
        self.before = self.look();
    }

    fn look(&self) -> Option<(Instant, Usage)> {
        Some((Instant::now(), (self.source?)()?))
    }

    /// Records what was used since the last time, unless that was a moment ago.
    pub(crate) fn record(&mut self, recorder: &Recorder, series: &RunSeries) {
        let Some((last, before)) = self.before else { return };
        if last.elapsed() < LEAST {
            return;
        }
        let Some((now, usage)) = self.look() else { return };
        let cpu = usage.cpu.saturating_sub(before.cpu).as_secs_f64();
        recorder.record(series.injector_cpu, cpu / (now - last).as_secs_f64());
        recorder.record(series.injector_memory, usage.memory as f64);
        self.before = Some((now, usage));
    }
}
