//! What a run says, and to whom: one file a sink.
//!
//! | file | sink |
//! | --- | --- |
//! | `terminal` | live progress and messages, on standard error |
//! | `summary_text` | the summary for people, on standard output |
//! | `summary_json`, `summary_file` | the summary for machines, in a file |
//! | `own_summary` | the summary that a script makes itself |
//! | `out` | samples, reports and the whole result, in files: a kind each |
//! | `html` | the report as a page with charts, in a file |
//! | `har` | a sample of the exchanges, for browsers' tools, in a file |
//! | `http_debug` | single exchanges for people, on standard error |
//! | `crossed` | each threshold that is crossed, for whoever is to be told |
//!
//! `stored` is what is kept of a run: reports are made of it, at the end or later. `redacted` keeps what is secret out of all of them. `plan_text` is not of a run: it is what a plan would do, for people, without doing it.
//!
//! A sink is an [`Output`]. It hears every [`Event`] of the run in order and, when the run is over, the
//! [`Summary`]; it can stop nothing and change nothing. Sinks that leave the process make their files
//! and connections before the run, so that what cannot be written to is known before there is load.
//!
//! Nothing here measures, decides whether a threshold holds, or picks an exit code. To add a sink is
//! one file that implements [`Output`], and one [`Outputs::push`] where the engine is assembled:
//!
//! ```no_run
//! use output::{Header, Manner, Outputs, Redacting, Redactor, Screen, Severity, SummaryFile, SummaryText, Terminal};
//!
//! let (no_color, quiet) = (false, false);
//! let secret = Redactor::new(["hunter22"]);
//! let screen = Screen::stderr(Manner::of_stderr(no_color, quiet), secret.clone())?;
//! let header = Header { script: "shop.wasm".into(), outputs: vec!["shop.json".into()] };
//! let stdout = std::io::stdout();
//! let colour = output::coloured(&stdout, no_color);
//!
//! let mut outputs = Outputs::new();
//! outputs.push(Terminal::new(screen.clone(), header));
//! outputs.push(SummaryText::new(Redacting::new(stdout, secret.clone()), colour));
//! outputs.push(SummaryFile::create("shop.json".as_ref())?.without(secret));
//!
//! // Any thread may say something without garbling the progress or waiting for the terminal.
//! let log = screen.clone();
//! std::thread::spawn(move || log.message(Severity::Info, "VU 3: logged in"));
//!
//! let mut hear = |event: &run::Event| outputs.on_event(event);
//! // The run calls `hear` with each event; then:
//! for error in outputs.finish() {
//!     screen.message(Severity::Error, &format!("failed to {error}: {}", error.source));
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod course;
mod crossed;
mod exchanged;
mod har;
pub mod html;
pub mod http_debug;
mod line;
mod numbers;
pub mod out;
mod own_summary;
pub mod plan_text;
mod redacted;
mod report_file;
mod screen;
mod secrets;
pub mod stored;
mod summary;
mod summary_file;
pub mod summary_json;
pub mod summary_text;
mod terminal;

use std::fmt;
use std::io;

use run::{Event, EventKind};
use thiserror::Error;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

pub use crossed::{Crossings, Notice};
pub use exchanged::{Answer, Exchanged, Message, Phases};
pub use har::{Har, HarError, HarSample};
pub use out::{Out, OutError, Span, SpanSample};
pub use own_summary::{Terminals, acts, printable, results};
pub use redacted::{Redacting, Redactor, SHORTEST_SECRET};
pub use screen::{Manner, Screen, Severity, coloured};
pub use stored::{Setting, StoredResult};
pub use summary::{
    CheckSummary, Doubts, EndpointSummary, GroupSummary, Injector, MetricSummary, Percentiles,
    PhaseSummary, RequestError, ScenarioSummary, Summary, ThresholdSummary, Values,
};
pub use summary_file::{CreateError, SummaryFile};
pub use summary_text::{SummaryMode, SummaryText};
pub use terminal::{Header, Terminal};

/// A sink for what a run says.
pub trait Output {
    /// Hears a fact about the run. Called in order, on the thread that controls the run: it must return
    /// soon whatever its sink does, and keep no more than a bounded amount. Only
    /// [`EventKind::RunFinished`] may take its time: there is no load any more.
    fn on_event(&mut self, event: &Event);

    /// Whether [`EventKind::Measured`] is to have what was measured by series, which takes memory.
    fn wants_series(&self) -> bool {
        false
    }

    /// Hears the summary, once, after every output has heard [`EventKind::RunFinished`].
    fn on_summary(&mut self, _summary: &Summary) {}

    /// Hears that the script has made a summary for people itself, and what is to be shown in place of ours.
    fn on_own_summary(&mut self, _text: &str) {}

    /// Whether it is to hear the whole result, which takes time to make.
    fn wants_result(&self) -> bool {
        false
    }

    /// Hears all that is kept of the run, once, after the summary, if any output [wants it](Self::wants_result).
    fn on_result(&mut self, _result: &StoredResult) {}

    /// Hears that nothing more comes, so that it can write what is left while others do. Called once.
    fn close(&mut self) {}

    /// Whether [`finish`](Self::finish) may have to wait for somebody else: a disk, a server.
    fn waits(&self) -> bool {
        false
    }

    /// Writes what is left to write. Called once, last, however the run ended.
    ///
    /// Fails with [`OutputError`] if anything it was to write is not written.
    fn finish(&mut self) -> Result<(), OutputError>;
}

/// What could not be written, and why. Fits "failed to …".
#[derive(Debug, Error)]
#[error("write {target}")]
pub struct OutputError {
    /// Where to: `` `summary.json` ``, or words such as "the summary".
    pub target: String,
    /// Why.
    pub source: io::Error,
}

/// All outputs of a run.
#[derive(Default)]
pub struct Outputs {
    all: Vec<Box<dyn Output>>,
    setting: Setting,
    /// When the run began, by RFC 3339.
    started: String,
}

impl Outputs {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Says where the run takes place, and of what, for those who keep its result.
    #[must_use]
    pub fn of(self, setting: Setting) -> Self {
        Self { setting, ..self }
    }

    /// Adds one, behind those there are.
    pub fn push(&mut self, output: impl Output + 'static) {
        self.all.push(Box::new(output));
    }

    /// Whether any of them wants what was measured by series: [`run::RunSpec::by_series`].
    pub fn want_series(&self) -> bool {
        self.all.iter().any(|output| output.wants_series())
    }

    /// Tells each of a fact, and at the end of the summary, which is computed once for all of them.
    pub fn on_event(&mut self, event: &Event) {
        if let EventKind::RunStarted { .. } = &event.kind {
            self.started = OffsetDateTime::now_utc().format(&Rfc3339).unwrap_or_default();
        }
        for output in &mut self.all {
            output.on_event(event);
        }
        if let EventKind::RunFinished(finished) = &event.kind {
            let summary = Summary::new(finished);
            for output in &mut self.all {
                output.on_summary(&summary);
            }
            if self.all.iter().any(|output| output.wants_result()) {
                let result = StoredResult::new(finished, &summary, &self.setting, &self.started);
                for output in &mut self.all {
                    output.on_result(&result);
                }
            }
        }
    }

    /// Tells each that the script has made a summary for people itself.
    pub fn on_own_summary(&mut self, text: &str) {
        for output in &mut self.all {
            output.on_own_summary(text);
        }
    }

    /// Lets each write what it has left, and returns the errors: one that fails keeps no other from
    /// being written. Those that wait for somebody else come last, and wait at the same time.
    pub fn finish(mut self) -> Vec<OutputError> {
        self.all.iter_mut().for_each(|output| output.close());
        self.all.sort_by_key(|output| output.waits());
        self.all.iter_mut().filter_map(|output| output.finish().err()).collect()
    }
}

impl fmt::Debug for Outputs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Outputs").field(&self.all.len()).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::rc::Rc;
    use std::time::Duration;

    use super::*;
    use crate::summary::tests::ordinary;

    /// Writes down what it hears, and fails if it is to.
    struct Heard(Rc<RefCell<Vec<String>>>, &'static str, bool);

    impl Output for Heard {
        fn on_event(&mut self, event: &Event) {
            let what = match &event.kind {
                EventKind::RunFinished(_) => "finished",
                _ => "event",
            };
            self.0.borrow_mut().push(format!("{} {what}", self.1));
        }

        fn on_summary(&mut self, summary: &Summary) {
            self.0.borrow_mut().push(format!("{} summary {:?}", self.1, summary.elapsed));
        }

        fn finish(&mut self) -> Result<(), OutputError> {
            self.0.borrow_mut().push(format!("{} finish", self.1));
            match self.2 {
                true => Err(OutputError {
                    target: self.1.to_owned(),
                    source: io::ErrorKind::StorageFull.into(),
                }),
                false => Ok(()),
            }
        }
    }

    #[test]
    fn every_output_hears_everything_in_order_and_one_that_fails_keeps_none_from_finishing() {
        let heard = Rc::default();
        let mut outputs = Outputs::new();
        outputs.push(Heard(Rc::clone(&heard), "a", true));
        outputs.push(Heard(Rc::clone(&heard), "b", false));
        let elapsed = Duration::from_secs(12);
        outputs.on_event(&Event { elapsed, kind: EventKind::LoadFinished });
        let finished = Box::new(ordinary());
        outputs.on_event(&Event { elapsed, kind: EventKind::RunFinished(finished) });
        let errors = outputs.finish();
        assert_eq!(errors.iter().map(ToString::to_string).collect::<Vec<_>>(), ["write a"]);
        assert_eq!(
            *heard.borrow(),
            [
                "a event",
                "b event",
                "a finished",
                "b finished",
                "a summary 10s",
                "b summary 10s",
                "a finish",
                "b finish",
            ]
        );
    }
}
