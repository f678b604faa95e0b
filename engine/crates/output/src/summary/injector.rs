//! What the engine itself took of the machine, and whether it was the bottleneck.

use std::time::Duration;

use metrics::{Contains, Sink, builtin};
use run::Finished;

use crate::numbers;

/// The least load that is judged: shorter runs have too few seconds to say anything.
const LEAST: Duration = Duration::from_secs(10);
/// Lateness of the engine's own timers, in milliseconds, above which its figures are suspect.
const LATE: f64 = 50.0;
/// The share of its workers' processors above which the engine had hardly any left.
const BUSY: f64 = 0.9;

/// What the engine took.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Injector {
    /// How many worker threads it had.
    pub workers: usize,
    /// Processors that it kept busy in the mean, where the system tells.
    pub cpu: Option<f64>,
    /// Bytes of memory that it had at the most, where the system tells.
    pub memory: Option<f64>,
    /// How late its timers were: what 95 of 100 did not exceed, in milliseconds.
    pub lag: Option<f64>,
    /// Why it may have been the bottleneck, in words; empty where nothing speaks for that.
    pub doubts: Vec<String>,
}

impl Injector {
    pub(super) fn of(finished: &Finished) -> Self {
        let timeline = &finished.timeline;
        let all = 0..timeline.len();
        let cpu = timeline.over(builtin::INJECTOR_CPU, all.clone());
        let memory = timeline.over(builtin::INJECTOR_MEMORY, all);
        let lag = match finished.totals.select(builtin::INJECTOR_LAG, &[]) {
            Some(Sink::Trend(trend)) if trend.count() > 0 => Some(trend.quantile(0.95)),
            _ => None,
        };
        let mut injector = Self {
            workers: finished.workers,
            cpu: (cpu.count > 0).then(|| cpu.mean()),
            memory: (memory.count > 0).then_some(memory.max),
            lag,
            doubts: Vec::new(),
        };
        if finished.elapsed >= LEAST {
            injector.doubts = injector.bottlenecks();
        }
        injector
    }

    fn bottlenecks(&self) -> Vec<String> {
        let mut doubts = Vec::new();
        if let Some(cpu) = self.cpu.filter(|cpu| *cpu >= BUSY * self.workers as f64) {
            let workers = numbers::counted(self.workers as u64, "worker thread");
            doubts.push(format!(
                "the load generator kept {cpu:.1} processors busy and has {workers}: it may have been the bottleneck, and \
                 not the target"
            ));
        }
        if let Some(lag) = self.lag.filter(|lag| *lag >= LATE) {
            let lag = numbers::value(lag, metrics::Kind::Trend, Contains::Time);
            doubts.push(format!(
                "the load generator's own timers were late by {lag} (p95): something else used this machine, and times \
                 measured on it are too long"
            ));
        }
        doubts
    }
}
