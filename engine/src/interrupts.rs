//! The signals by which someone outside asks the process to end.
//!
//! What follows from them is whoever listens' to say.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// Ctrl-C and SIGTERM, which is what `kill`, `timeout`, containers and CI systems send.
pub(crate) struct Interrupts {
    interrupt: Signal,
    terminate: Signal,
}

impl Interrupts {
    /// Takes the signals from the system, which would end the process.
    ///
    /// Fails if the system does not let it.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime with its I/O enabled.
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    /// Waits for the next one. Loses none when it is dropped before it is ready, but those that come
    /// while nobody waits count as one.
    pub(crate) async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
