//! The threads that VUs live on.

use std::future::Future;
use std::num::NonZeroUsize;
use std::thread;

use tokio::runtime::{Builder, LocalOptions};
use tokio::sync::mpsc;

use crate::orders::Message;
use crate::rein::guarded;

/// The workers of a run. Each has a runtime of its own, and a VU stays on its worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Crew(Kind);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Threads(NonZeroUsize),
    Here,
}

impl Crew {
    /// So many threads, at least one.
    pub fn threads(workers: usize) -> Self {
        Self(Kind::Threads(NonZeroUsize::new(workers).unwrap_or(NonZeroUsize::MIN)))
    }

    /// One worker on the thread that the run is awaited on, which must be in a
    /// [`LocalSet`](tokio::task::LocalSet) or a local runtime: a test can pause its clock.
    pub fn here() -> Self {
        Self(Kind::Here)
    }

    /// How many workers there are.
    pub fn workers(self) -> usize {
        match self.0 {
            Kind::Threads(workers) => workers.get(),
            Kind::Here => 1,
        }
    }

    /// Whether its workers are threads, whose time is real.
    pub(crate) fn is_on_threads(self) -> bool {
        matches!(self.0, Kind::Threads(_))
    }

    /// Starts each worker on what `work` gives for its number. One that breaks down says so.
    pub(crate) fn start<W>(
        self,
        messages: &mpsc::Sender<Message>,
        work: impl Fn(usize) -> Box<dyn FnOnce() -> W + Send>,
    ) where
        W: Future<Output = ()> + 'static,
    {
        for worker in 0..self.workers() {
            let (work, messages) = (work(worker), messages.clone());
            match self.0 {
                Kind::Here => {
                    tokio::task::spawn_local(async move {
                        if let Err(fault) = guarded(work()).await {
                            let _ = messages.send(Message::Lost { worker, fault }).await;
                        }
                    });
                }
                Kind::Threads(_) => {
                    let told = messages.clone();
                    let spawned = thread::Builder::new()
                        .name(format!("worker-{worker}"))
                        .spawn(move || on_thread(worker, &messages, work));
                    if let Err(error) = spawned {
                        let fault = format!("the thread could not be started: {error}");
                        // The channel is empty yet: there is room for one message a worker.
                        let _ = told.try_send(Message::Lost { worker, fault });
                    }
                }
            }
        }
    }
}

/// After how many turns of VUs the runtime looks at timers and sockets. A script that computes gives its turn
/// back after some milliseconds: with the runtime's own 61 turns those who begin to compute would keep all others
/// from theirs for 0.1 s. A look costs a third of a microsecond.
const EVENT_INTERVAL: u32 = 8;

fn on_thread<W: Future<Output = ()>>(
    worker: usize,
    messages: &mpsc::Sender<Message>,
    work: Box<dyn FnOnce() -> W + Send>,
) {
    let runtime = Builder::new_current_thread()
        .enable_all()
        .event_interval(EVENT_INTERVAL)
        .build_local(LocalOptions::default());
    let fault = match runtime {
        Ok(runtime) => runtime.block_on(guarded(work())).err(),
        Err(error) => Some(format!("its runtime could not be started: {error}")),
    };
    if let Some(fault) = fault {
        let _ = messages.blocking_send(Message::Lost { worker, fault });
    }
}
