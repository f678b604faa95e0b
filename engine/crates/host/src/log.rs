//! Messages from scripts, on their way to the person who runs them.
//!
//! Where they end up is not known here: [`LogGate`] hands each to a function. It lets a bounded number
//! through a second, so that a script which logs in a loop costs its run little and its reader nothing.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

/// Messages let through in one second: more than a person reads, few enough for any terminal.
const A_SECOND: u32 = 100;

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
    a_second: u32,
    sink: Box<dyn Fn(LogLine) + Send + Sync>,
    second: Mutex<Second>,
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
        Self(Arc::new(Gate { least, a_second, sink: Box::new(sink), second }))
    }

    pub(crate) fn log(&self, vu: u32, level: Level, message: String) {
        let gate = &*self.0;
        if level < gate.least {
            return;
        }
        let held = {
            let mut second = gate.second.lock();
            let now = Instant::now();
            let mut held = 0;
            if now.duration_since(second.began) >= Duration::from_secs(1) {
                held = second.held;
                *second = Second { began: now, passed: 0, held: 0 };
            }
            if second.passed == gate.a_second {
                second.held += 1;
                return;
            }
            second.passed += 1;
            held
        };
        gate.say_held(held);
        (gate.sink)(LogLine { vu, level, message });
    }
}

impl Gate {
    fn say_held(&self, held: u64) {
        if held > 0 {
            let message = format!(
                "{held} more messages of scripts were left out: at most {A_SECOND} a second"
            );
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
        gate.log(1, Level::Info, "next".into());
        assert_eq!(
            lines.lock()[100..],
            [
                "150 more messages of scripts were left out: at most 100 a second".to_owned(),
                "next".to_owned()
            ]
        );
    }
}
