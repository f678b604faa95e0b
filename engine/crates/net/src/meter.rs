//! When what happened in an exchange, and how many bytes it took.
//!
//! The stream that `metered` wraps and the exchange itself make the marks; the exchange reads them at its
//! end. Four looks at the clock make up a request on a connection that is kept alive: asked for, written,
//! answered, over.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use crate::timings::Timings;

/// Marks of the exchange that is under way on a connection.
///
/// The socket inside the HTTP library and the exchange outside of it both hold one. They are polled by the
/// same task, one after the other, so the marks are only atomic to say so to the compiler: plain loads and
/// stores, no ordering, no read-modify-write.
#[derive(Debug)]
pub(crate) struct Meter {
    /// From when all marks are counted.
    epoch: Instant,
    started: Mark,
    dialled: Mark,
    resolved: Mark,
    connected: Mark,
    written: Mark,
    answered: Mark,
    sent: AtomicU64,
    received: AtomicU64,
    /// Whether all that was to be sent has been written.
    whole: AtomicBool,
    reused: AtomicBool,
    /// Looked at once an exchange and never waited for.
    remote: Mutex<Option<SocketAddr>>,
}

/// A moment: nanoseconds since the meter's epoch plus one, or zero for one that has not come.
#[derive(Debug, Default)]
struct Mark(AtomicU64);

impl Mark {
    fn get(&self) -> Option<u64> {
        self.0.load(Ordering::Relaxed).checked_sub(1)
    }

    fn set(&self, moment: Option<u64>) {
        self.0.store(moment.map_or(0, |moment| moment.saturating_add(1)), Ordering::Relaxed);
    }
}

impl Meter {
    /// A meter for an exchange that was asked for at this moment.
    pub(crate) fn new(started: Instant) -> Arc<Self> {
        let meter = Self {
            epoch: started,
            started: Mark::default(),
            dialled: Mark::default(),
            resolved: Mark::default(),
            connected: Mark::default(),
            written: Mark::default(),
            answered: Mark::default(),
            sent: AtomicU64::new(0),
            received: AtomicU64::new(0),
            whole: AtomicBool::new(false),
            reused: AtomicBool::new(false),
            remote: Mutex::new(None),
        };
        meter.started.set(Some(0));
        Arc::new(meter)
    }

    /// Begins anew for an exchange that was asked for at this moment, on a connection that is there already.
    pub(crate) fn reuse(&self, started: Instant) {
        let started = Some(self.since_epoch(started));
        for mark in [&self.started, &self.dialled, &self.resolved, &self.connected] {
            mark.set(started);
        }
        self.sent.store(0, Ordering::Relaxed);
        self.received.store(0, Ordering::Relaxed);
        self.reused.store(true, Ordering::Relaxed);
        self.forget_message();
    }

    /// Begins anew for a second attempt of the same exchange. What the first took counts as blocked; what it
    /// sent was sent.
    pub(crate) fn retry(&self) {
        for mark in [&self.dialled, &self.resolved, &self.connected] {
            mark.set(None);
        }
        self.reused.store(false, Ordering::Relaxed);
        *self.remote.lock() = None;
        self.forget_message();
    }

    fn forget_message(&self) {
        self.written.set(None);
        self.answered.set(None);
        self.whole.store(false, Ordering::Relaxed);
    }

    pub(crate) fn dialling(&self) {
        self.dialled.set(Some(self.now()));
    }

    pub(crate) fn resolved(&self) {
        self.resolved.set(Some(self.now()));
    }

    /// An address was given instead of a name: nothing was looked up.
    pub(crate) fn nothing_to_resolve(&self) {
        self.resolved.set(self.dialled.get());
    }

    pub(crate) fn connected(&self, remote: SocketAddr) {
        self.connected.set(Some(self.now()));
        *self.remote.lock() = Some(remote);
    }

    pub(crate) fn wrote(&self, bytes: usize) {
        let sent = self.sent.load(Ordering::Relaxed);
        self.sent.store(sent + bytes as u64, Ordering::Relaxed);
        self.whole.store(false, Ordering::Relaxed);
        self.written.set(Some(self.now()));
    }

    /// hyper flushes when it has nothing left to write.
    pub(crate) fn flushed(&self) {
        if self.written.get().is_some() {
            self.whole.store(true, Ordering::Relaxed);
        }
    }

    pub(crate) fn read(&self, bytes: usize) {
        let received = self.received.load(Ordering::Relaxed);
        self.received.store(received + bytes as u64, Ordering::Relaxed);
        if self.answered.get().is_none() {
            self.answered.set(Some(self.now()));
        }
    }

    /// Bytes sent for this exchange.
    pub(crate) fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// Bytes received for this exchange.
    pub(crate) fn received(&self) -> u64 {
        self.received.load(Ordering::Relaxed)
    }

    /// Whether a connection was there to send on.
    pub(crate) fn is_connected(&self) -> bool {
        self.connected.get().is_some()
    }

    /// Whether the whole request has been written.
    pub(crate) fn is_whole(&self) -> bool {
        self.whole.load(Ordering::Relaxed)
    }

    /// Whether anything of a response came.
    pub(crate) fn is_answered(&self) -> bool {
        self.answered.get().is_some()
    }

    /// Whether the connection had been used before.
    pub(crate) fn is_reused(&self) -> bool {
        self.reused.load(Ordering::Relaxed)
    }

    /// The peer, once there is a connection.
    pub(crate) fn remote(&self) -> Option<SocketAddr> {
        *self.remote.lock()
    }

    /// The phases of an exchange that ends at this moment. A phase that was not reached is zero, and the one
    /// that was under way lasted until now.
    pub(crate) fn timings(&self) -> Timings {
        let end = self.now();
        let mut at = self.started.get().unwrap_or(end);
        let mut until = |mark: Option<u64>| {
            let mark = mark.unwrap_or(end).clamp(at, end.max(at));
            let length = Duration::from_nanos(mark - at);
            at = mark;
            length
        };
        let (written, answered) = (self.written.get(), self.answered.get());
        Timings {
            blocked: until(self.dialled.get()),
            dns: until(self.resolved.get()),
            connecting: until(self.connected.get()),
            tls: Duration::ZERO,
            // A server may answer before the request is written whole: then sending ends with the answer.
            sending: until(match (written, answered) {
                (Some(written), Some(answered)) => Some(written.min(answered)),
                (written, _) => written,
            }),
            waiting: until(answered),
            receiving: until(None),
        }
    }

    fn now(&self) -> u64 {
        self.since_epoch(Instant::now())
    }

    /// Nanoseconds; enough for five hundred years.
    fn since_epoch(&self, moment: Instant) -> u64 {
        let since = moment.saturating_duration_since(self.epoch);
        u64::try_from(since.as_nanos()).unwrap_or(u64::MAX - 1)
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    const MS: Duration = Duration::from_millis(1);

    type Step = fn(&Meter, SocketAddr);

    #[tokio::test(start_paused = true)]
    async fn each_phase_is_the_time_between_its_marks() {
        let meter = Meter::new(Instant::now());
        advance(MS).await;
        meter.dialling();
        advance(2 * MS).await;
        meter.resolved();
        advance(3 * MS).await;
        meter.connected(SocketAddr::from(([127, 0, 0, 1], 80)));
        advance(4 * MS).await;
        meter.wrote(10);
        meter.flushed();
        advance(5 * MS).await;
        meter.read(7);
        advance(6 * MS).await;
        meter.read(8);
        let expected = Timings {
            blocked: MS,
            dns: 2 * MS,
            connecting: 3 * MS,
            tls: Duration::ZERO,
            sending: 4 * MS,
            waiting: 5 * MS,
            receiving: 6 * MS,
        };
        assert_eq!(meter.timings(), expected);
        assert_eq!((meter.sent(), meter.received(), meter.is_whole()), (10, 15, true));
        assert_eq!((expected.duration(), expected.total()), (15 * MS, 21 * MS));
    }

    #[tokio::test(start_paused = true)]
    async fn an_exchange_on_a_kept_connection_begins_with_sending() {
        let meter = Meter::new(Instant::now());
        meter.connected(SocketAddr::from(([127, 0, 0, 1], 80)));
        meter.wrote(10);
        meter.read(10);
        advance(100 * MS).await;
        meter.reuse(Instant::now());
        assert_eq!((meter.sent(), meter.received(), meter.is_whole()), (0, 0, false));
        advance(MS).await;
        meter.wrote(3);
        advance(2 * MS).await;
        meter.read(4);
        let expected = Timings { sending: MS, waiting: 2 * MS, ..Timings::default() };
        assert_eq!(meter.timings(), expected);
        assert!(meter.is_reused() && meter.remote().is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn a_second_attempt_counts_what_the_first_took_as_blocked() {
        let meter = Meter::new(Instant::now());
        meter.reuse(Instant::now());
        meter.wrote(10);
        advance(5 * MS).await;
        meter.retry();
        meter.dialling();
        meter.nothing_to_resolve();
        advance(MS).await;
        meter.connected(SocketAddr::from(([127, 0, 0, 1], 80)));
        meter.wrote(10);
        meter.read(1);
        let expected = Timings { blocked: 5 * MS, connecting: MS, ..Timings::default() };
        assert_eq!(meter.timings(), expected);
        assert_eq!((meter.sent(), meter.is_reused()), (20, false));
    }

    #[tokio::test(start_paused = true)]
    async fn parts_sum_to_the_whole_wherever_an_exchange_ends() {
        // The last row: a peer that answers while the request is still being written.
        let remote = SocketAddr::from(([127, 0, 0, 1], 80));
        let rows: [&[Step]; 6] = [
            &[],
            &[|meter, _| meter.dialling()],
            &[|meter, _| meter.dialling(), |meter, _| meter.resolved()],
            &[|meter, _| meter.dialling(), |meter, remote| meter.connected(remote)],
            &[|meter, remote| meter.connected(remote), |meter, _| meter.wrote(1)],
            &[
                |meter, remote| meter.connected(remote),
                |meter, _| meter.wrote(1),
                |meter, _| meter.read(1),
                |meter, _| meter.wrote(1),
            ],
        ];
        for (row, steps) in rows.iter().enumerate() {
            let started = Instant::now();
            let meter = Meter::new(started);
            for step in *steps {
                advance(MS).await;
                step(&meter, remote);
            }
            advance(MS).await;
            assert_eq!(meter.timings().total(), started.elapsed(), "row {row}");
        }
    }
}
