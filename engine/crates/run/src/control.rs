//! The handle by which a run is asked for something while it goes on, from any thread: to end early, to
//! pause, to change how many VUs are at work.
//!
//! It knows no signals: whoever assembles the engine maps Ctrl-C to [`Controller::interrupt`] (and a
//! third one to the end of the process, which is not this crate's to end).

use std::collections::BTreeMap;

use tokio::sync::watch;

/// What a run listens to; its [`Controller`]s talk into it.
#[derive(Debug)]
pub struct Control {
    asked: watch::Sender<Asked>,
    heard: watch::Receiver<Asked>,
}

/// Asks a run to do something. Clones ask the same run.
#[derive(Clone, Debug)]
pub struct Controller {
    asked: watch::Sender<Asked>,
}

/// Everything a run has been asked so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Asked {
    /// How often someone interrupted it.
    pub(crate) interrupts: u32,
    /// Why the script asked for its end, the first time it did.
    pub(crate) aborted: Option<String>,
    /// What came to its end, the first time something did that leaves nothing to do.
    pub(crate) exhausted: Option<String>,
    /// Whether controlled VUs are to rest.
    pub(crate) paused: bool,
    /// How many VUs a controlled scenario is to have at work, by its name.
    pub(crate) levels: BTreeMap<String, u32>,
}

impl Control {
    /// Returns a control that nobody has asked anything.
    pub fn new() -> Self {
        let (asked, heard) = watch::channel(Asked::default());
        Self { asked, heard }
    }

    /// Returns a handle to ask the run with.
    pub fn controller(&self) -> Controller {
        Controller { asked: self.asked.clone() }
    }

    /// Waits for something to be asked that this has not returned yet.
    ///
    /// Loses nothing when it is dropped before it is ready.
    pub(crate) async fn changed(&mut self) -> Asked {
        // It cannot fail: `self` holds a sender.
        let _ = self.heard.changed().await;
        self.heard.borrow_and_update().clone()
    }
}

impl Default for Control {
    fn default() -> Self {
        Self::new()
    }
}

impl Controller {
    /// Interrupts the run.
    ///
    /// The first time it ends gracefully: no iteration starts any more, those running may finish
    /// within their scenario's graceful stop, `teardown` runs. (A `setup` that is running may finish;
    /// nothing but `teardown` follows it.) The second time everything is cut off, `teardown` included.
    /// What was recorded is never lost.
    pub fn interrupt(&self) {
        self.asked.send_modify(|asked| asked.interrupts = asked.interrupts.saturating_add(1));
    }

    /// Lets the VUs of `externally-controlled` scenarios rest once they have finished what they run, or go
    /// on.
    pub fn pause(&self, paused: bool) {
        self.asked.send_modify(|asked| asked.paused = paused);
    }

    /// Sets how many VUs of an `externally-controlled` scenario are at work; more than it may have are all
    /// of them. Others know their own numbers.
    pub fn scale(&self, scenario: &str, vus: u32) {
        self.asked.send_modify(|asked| {
            asked.levels.insert(scenario.to_owned(), vus);
        });
    }

    /// Ends the run on behalf of the script: iterations are cut off, `teardown` runs. The first
    /// reason given stands.
    pub fn abort(&self, reason: String) {
        self.asked.send_if_modified(|asked| {
            let first = asked.aborted.is_none();
            if first {
                asked.aborted = Some(reason);
            }
            first
        });
    }

    /// Ends the run because nothing is left to do, and says what came to its end: no iteration starts any
    /// more, those running may finish within their scenario's graceful stop, `teardown` runs. The first
    /// thing said stands.
    pub fn finish(&self, what: String) {
        self.asked.send_if_modified(|asked| {
            let first = asked.exhausted.is_none();
            if first {
                asked.exhausted = Some(what);
            }
            first
        });
    }
}
