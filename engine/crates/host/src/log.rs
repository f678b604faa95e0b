//! Messages from scripts, on their way to the person who runs them.
//!
//! Where they end up is not known here: [`LogGate`] hands each to a function. It lets a bounded number
//! through a second, so that a script which logs in a loop costs its run little and its reader nothing.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use metrics::{Recorder, SeriesId, Tags, builtin};
use parking_lot::Mutex;
use tokio::time::Instant;

use crate::limits::Limit;

/// Messages let through in one second, where nothing else is said: more than a person reads, few enough for any
/// terminal.
const A_SECOND: u32 = 100;
/// Bytes of a message that are shown: a screen of a page's text.
const MESSAGE: usize = 16 << 10;

/// How much a message matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// For the script's author.
    Debug,
    /// Worth knowing.
    Info,
    /// Probably not meant to be so.
    Warn,
    /// Wrong.
    Error,
}

/// One message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// The VU that wrote it; 0 in `options`, `setup` and `teardown`.
    pub vu: u32,
    /// How much it matters.
    pub level: Level,
    /// What it says, on one or more lines.
    pub message: String,
}

/// Takes messages from all VUs and lets a bounded number through.
#[derive(Clone)]
pub struct LogGate(Arc<Gate>);

struct Gate {
    least: Level,
    sink: Box<dyn Fn(LogLine) + Send + Sync>,
    second: Mutex<Second>,
    a_second: AtomicU32,
}

struct Second {
    began: Instant,
    passed: u32,
    held: u64,
}

impl LogGate {
    /// A gate that hands messages of at least this level to `sink`. The sink must not block.
    pub fn new(least: Level, sink: impl Fn(LogLine) + Send + Sync + 'static) -> Self {
        Self::of(A_SECOND, least, sink)
    }

    /// As [`new`](Self::new), with no bound on how many: of one VU, for somebody who wants to see them all.
    pub(crate) fn unthinned(least: Level, sink: impl Fn(LogLine) + Send + Sync + 'static) -> Self {
        Self::of(u32::MAX, least, sink)
    }

    fn of(a_second: u32, least: Level, sink: impl Fn(LogLine) + Send + Sync + 'static) -> Self {
        let second = Mutex::new(Second { began: Instant::now(), passed: 0, held: 0 });
        let a_second = AtomicU32::new(a_second);
        Self(Arc::new(Gate { least, sink: Box::new(sink), second, a_second }))
    }

    /// Lets so many messages through in a second from now on, of all VUs together.
    pub fn at_most(&self, a_second: u32) {
        self.0.a_second.store(a_second, Ordering::Relaxed);
    }

    /// Whether the message was not one too many.
    fn log(&self, vu: u32, level: Level, message: String) -> bool {
        let gate = &*self.0;
        if level < gate.least {
            return true;
        }
        let held = {
            let mut second = gate.second.lock();
            let now = Instant::now();
            let mut held = 0;
            if now.duration_since(second.began) >= Duration::from_secs(1) {
                held = second.held;
                *second = Second { began: now, passed: 0, held: 0 };
            }
            if second.passed >= gate.a_second.load(Ordering::Relaxed) {
                second.held += 1;
                return false;
            }
            second.passed += 1;
            held
        };
        gate.say_held(held);
        (gate.sink)(LogLine { vu, level, message: bounded(message) });
        true
    }
}

/// The beginning of a message that is too long, marked where it is cut.
fn bounded(mut message: String) -> String {
    if message.len() > MESSAGE {
        message.truncate(message.floor_char_boundary(MESSAGE));
        message.push('…');
        message.shrink_to_fit();
    }
    message
}

/// The messages of one VU. Those that were left out are counted.
pub(crate) struct VuLog {
    vu: u32,
    gate: LogGate,
    recorder: Recorder,
    tags: Tags,
    left_out: OnceLock<SeriesId>,
}

impl VuLog {
    pub(crate) fn new(vu: u32, gate: LogGate, recorder: Recorder, tags: Tags) -> Self {
        Self { vu, gate, recorder, tags, left_out: OnceLock::new() }
    }

    pub(crate) fn log(&self, level: Level, message: String) {
        if self.gate.log(self.vu, level, message) {
            return;
        }
        let left_out = self.left_out.get_or_init(|| {
            let tags = self.tags.with("limit", Limit::LogLines.name());
            self.recorder.registry().series(builtin::LIMITS_REACHED, &tags)
        });
        self.recorder.record(*left_out, 1.0);
    }
}

impl Gate {
    fn say_held(&self, held: u64) {
        if held > 0 {
            let most = self.a_second.load(Ordering::Relaxed);
            let message =
                format!("{held} more messages of scripts were left out: at most {most} a second");
            (self.sink)(LogLine { vu: 0, level: Level::Warn, message });
        }
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        let held = self.second.lock().held;
        self.say_held(held);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_flood_is_thinned_and_what_was_left_out_is_said() {
        let lines = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&lines);
        let gate = LogGate::new(Level::Info, move |line| sink.lock().push(line.message));
        for n in 0..250 {
            gate.log(1, Level::Info, n.to_string());
            gate.log(1, Level::Debug, "not asked for".into());
        }
        assert_eq!(lines.lock().len(), 100);

        tokio::time::advance(Duration::from_secs(1)).await;
        assert!(gate.log(1, Level::Info, "next".into()));
        assert_eq!(
            lines.lock()[100..],
            [
                "150 more messages of scripts were left out: at most 100 a second".to_owned(),
                "next".to_owned()
            ]
        );
    }
    #[tokio::test(start_paused = true)]
    async fn what_was_left_out_of_a_vu_is_counted_and_long_messages_are_cut() {
        let lines = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&lines);
        let gate = LogGate::new(Level::Info, move |line| sink.lock().push(line.message));
        gate.at_most(2);
        let shards = metrics::Shards::new(metrics::Registry::new(), 1);
        let vu = VuLog::new(1, gate, shards.recorder(0), Tags::new().with("scenario", "a"));
        for _ in 0..5 {
            vu.log(Level::Info, "é".repeat(MESSAGE));
        }
        for line in &*lines.lock() {
            assert_eq!(line.len(), MESSAGE + '…'.len_utf8());
        }
        let mut totals = metrics::Totals::new(&shards);
        totals.collect();
        let filter = [("limit".to_owned(), "log-lines".to_owned())];
        match totals.select(builtin::LIMITS_REACHED, &filter) {
            Some(metrics::Sink::Counter(counter)) => assert_eq!(counter.sum, 3.0),
            other => panic!("no counter: {other:?}"),
        }
    }
}
