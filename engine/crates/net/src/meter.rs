//! When what happened in an exchange, and how many bytes it took.
//!
//! `dial` and `connection` make the marks as they go; the exchange reads them at its end. Four looks at the
//! clock make up a request on a connection that is kept alive: asked for, written, answered, over.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::time::Instant;

use crate::stream::Traffic;
use crate::timings::Timings;
use crate::tls::TlsVersion;

/// Marks of one exchange, in nanoseconds since it was asked for.
#[derive(Debug)]
pub(crate) struct Meter {
    started: Instant,
    dialled: Option<u64>,
    resolved: Option<u64>,
    connected: Option<u64>,
    /// The same without TLS.
    secured: Option<u64>,
    written: Option<u64>,
    answered: Option<u64>,
    sent: u64,
    received: u64,
    /// Whether all that was to be sent has been written.
    whole: bool,
    /// Whether that was so for an attempt that came to nothing.
    abandoned: bool,
    reused: bool,
    /// Whether anything of the request itself was written, in any attempt.
    begun: bool,
    remote: Option<SocketAddr>,
    tls_version: Option<TlsVersion>,
    /// Whether the connection speaks HTTP/2.
    http2: bool,
}

impl Meter {
    /// A meter for an exchange that was asked for at this moment.
    pub(crate) fn new(started: Instant) -> Self {
        Self {
            started,
            dialled: None,
            resolved: None,
            connected: None,
            secured: None,
            written: None,
            answered: None,
            sent: 0,
            received: 0,
            whole: false,
            abandoned: false,
            reused: false,
            begun: false,
            remote: None,
            tls_version: None,
            http2: false,
        }
    }

    /// A meter for an exchange on a connection that is there already.
    pub(crate) fn on_kept(
        started: Instant,
        remote: Option<SocketAddr>,
        tls_version: Option<TlsVersion>,
    ) -> Self {
        Self {
            dialled: Some(0),
            resolved: Some(0),
            connected: Some(0),
            secured: Some(0),
            reused: true,
            remote,
            tls_version,
            ..Self::new(started)
        }
    }

    /// Begins anew for a second attempt of the same exchange. What the first took counts as blocked; what it
    /// sent was sent.
    pub(crate) fn retry(&mut self) {
        let Self { started, sent, received, whole, begun, .. } = *self;
        *self = Self { sent, received, abandoned: whole, begun, ..Self::new(started) };
    }

    /// The same, where the peer says that it has done nothing with the first.
    pub(crate) fn retry_unprocessed(&mut self) {
        self.retry();
        self.abandoned = false;
    }

    /// The exchange was held back until now, which counts as blocked.
    pub(crate) fn released(&mut self) {
        if self.reused {
            self.ready();
        }
    }

    /// The exchange goes over a connection that is there, together with others. If it had to wait for that, this
    /// counts as blocked.
    pub(crate) fn joined(
        &mut self,
        remote: Option<SocketAddr>,
        tls_version: Option<TlsVersion>,
        has_waited: bool,
    ) {
        if has_waited {
            self.ready();
        } else {
            let at_once = Some(0);
            (self.dialled, self.resolved) = (at_once, at_once);
            (self.connected, self.secured) = (at_once, at_once);
        }
        self.reused = true;
        self.remote = remote;
        self.tls_version = tls_version;
    }

    fn ready(&mut self) {
        let now = Some(self.now());
        (self.dialled, self.resolved, self.connected, self.secured) = (now, now, now, now);
    }

    /// What is said goes over HTTP/2.
    pub(crate) fn speaks_http2(&mut self) {
        self.http2 = true;
    }

    /// Whether what is said goes over HTTP/2.
    pub(crate) fn is_http2(&self) -> bool {
        self.http2
    }

    pub(crate) fn dialling(&mut self) {
        self.dialled = Some(self.now());
    }

    pub(crate) fn resolved(&mut self) {
        self.resolved = Some(self.now());
    }

    /// An address was given instead of a name: nothing was looked up.
    pub(crate) fn nothing_to_resolve(&mut self) {
        self.resolved = self.dialled;
    }

    /// There is a connection, and unless [`securing`](Self::securing) follows it is fit for use. The peer has
    /// no address where it goes by a unix socket.
    pub(crate) fn connected(&mut self, remote: Option<SocketAddr>) {
        self.connected = Some(self.now());
        self.secured = self.connected;
        self.remote = remote;
    }

    /// The connection is to be made safe first.
    pub(crate) fn securing(&mut self) {
        self.secured = None;
    }

    /// The connection is safe now, by this version of TLS.
    pub(crate) fn secured(&mut self, version: Option<TlsVersion>) {
        self.secured = Some(self.now());
        self.tls_version = version;
    }

    /// This went over the wire beside what [`wrote`](Self::wrote) and [`read`](Self::read) are told.
    pub(crate) fn carried(&mut self, traffic: Traffic) {
        self.sent += traffic.sent;
        self.received += traffic.received;
    }

    /// A part of the request was written, to its last byte if it is `whole`; so many bytes of it as have not
    /// been counted elsewhere.
    pub(crate) fn wrote(&mut self, bytes: usize, whole: bool) {
        self.sent += bytes as u64;
        self.begun = true;
        self.whole = whole;
        self.written = Some(self.now());
    }

    /// A part of the response was read; so many bytes of it as have not been counted elsewhere.
    pub(crate) fn read(&mut self, bytes: usize) {
        self.received += bytes as u64;
        if self.answered.is_none() {
            self.answered = Some(self.now());
        }
    }

    /// What was read was interim: the answer is still to come. Of it, so much may be there already.
    pub(crate) fn read_interim(&mut self, answer_began: bool) {
        self.answered = answer_began.then(|| self.now());
    }

    /// So much was sent; a part of the request itself last then, to its last byte if it is `whole`.
    pub(crate) fn sent_by(&mut self, bytes: u64, written: Option<Instant>, whole: bool) {
        self.sent += bytes;
        if let Some(written) = written {
            self.begun = true;
            self.whole = whole;
            self.written = Some(self.since_start(written));
        }
    }

    /// So much has come; the first byte of the response then.
    pub(crate) fn received_by(&mut self, bytes: u64, answered: Option<Instant>) {
        self.received += bytes;
        if let Some(answered) = answered
            && self.answered.is_none()
        {
            self.answered = Some(self.since_start(answered));
        }
    }

    /// Bytes sent for this exchange.
    pub(crate) fn sent(&self) -> u64 {
        self.sent
    }

    /// Bytes received for this exchange.
    pub(crate) fn received(&self) -> u64 {
        self.received
    }

    /// Whether a connection was there to send on.
    pub(crate) fn is_connected(&self) -> bool {
        self.connected.is_some()
    }

    /// Whether the whole request has been written.
    pub(crate) fn is_whole(&self) -> bool {
        self.whole
    }

    /// Whether an attempt that came to nothing had been written whole.
    pub(crate) fn is_abandoned(&self) -> bool {
        self.abandoned
    }

    /// Whether anything of a response came.
    pub(crate) fn is_answered(&self) -> bool {
        self.answered.is_some()
    }

    /// Whether anything of the request was written.
    pub(crate) fn is_begun(&self) -> bool {
        self.begun
    }

    /// The version of TLS that is spoken, once it is known.
    pub(crate) fn tls_version(&self) -> Option<TlsVersion> {
        self.tls_version
    }

    /// Whether the connection had been used before.
    pub(crate) fn is_reused(&self) -> bool {
        self.reused
    }

    /// The peer, once there is a connection, if it has an address.
    pub(crate) fn remote(&self) -> Option<SocketAddr> {
        self.remote
    }

    /// The phases of an exchange that ends at this moment. A phase that was not reached is zero, and the one
    /// that was under way lasted until now.
    pub(crate) fn timings(&self) -> Timings {
        let end = self.now();
        let mut at = 0;
        let mut until = |mark: Option<u64>| {
            let mark = mark.unwrap_or(end).clamp(at, end.max(at));
            let length = Duration::from_nanos(mark - at);
            at = mark;
            length
        };
        let (written, answered) = (self.written, self.answered);
        Timings {
            blocked: until(self.dialled),
            dns: until(self.resolved),
            connecting: until(self.connected),
            tls: until(self.secured),
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
        self.since_start(Instant::now())
    }

    fn since_start(&self, moment: Instant) -> u64 {
        // Enough for five hundred years.
        let since = moment.saturating_duration_since(self.started);
        u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    const MS: Duration = Duration::from_millis(1);

    type Step = fn(&mut Meter, SocketAddr);

    #[tokio::test(start_paused = true)]
    async fn each_phase_is_the_time_between_its_marks() {
        let mut meter = Meter::new(Instant::now());
        advance(MS).await;
        meter.dialling();
        advance(2 * MS).await;
        meter.resolved();
        advance(3 * MS).await;
        meter.connected(Some(SocketAddr::from(([127, 0, 0, 1], 80))));
        meter.securing();
        advance(7 * MS).await;
        meter.secured(Some(TlsVersion::Tls13));
        advance(4 * MS).await;
        meter.wrote(10, true);
        advance(5 * MS).await;
        meter.read(7);
        advance(6 * MS).await;
        meter.read(8);
        let expected = Timings {
            blocked: MS,
            dns: 2 * MS,
            connecting: 3 * MS,
            tls: 7 * MS,
            sending: 4 * MS,
            waiting: 5 * MS,
            receiving: 6 * MS,
        };
        assert_eq!(meter.timings(), expected);
        assert_eq!((meter.sent(), meter.received(), meter.is_whole()), (10, 15, true));
        assert_eq!((expected.duration(), expected.total()), (15 * MS, 28 * MS));
    }

    #[tokio::test(start_paused = true)]
    async fn an_exchange_on_a_kept_connection_begins_with_sending() {
        let remote = SocketAddr::from(([127, 0, 0, 1], 80));
        let mut meter = Meter::on_kept(Instant::now(), Some(remote), None);
        assert_eq!((meter.sent(), meter.received(), meter.is_whole()), (0, 0, false));
        advance(MS).await;
        meter.wrote(3, true);
        advance(2 * MS).await;
        meter.read(4);
        let expected = Timings { sending: MS, waiting: 2 * MS, ..Timings::default() };
        assert_eq!(meter.timings(), expected);
        assert!(meter.is_reused() && meter.remote().is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn a_second_attempt_counts_what_the_first_took_as_blocked() {
        let remote = SocketAddr::from(([127, 0, 0, 1], 80));
        let mut meter = Meter::on_kept(Instant::now(), Some(remote), None);
        meter.wrote(10, true);
        advance(5 * MS).await;
        meter.retry();
        meter.dialling();
        meter.nothing_to_resolve();
        advance(MS).await;
        meter.connected(Some(remote));
        meter.wrote(10, true);
        meter.read(1);
        let expected = Timings { blocked: 5 * MS, connecting: MS, ..Timings::default() };
        assert_eq!(meter.timings(), expected);
        assert_eq!((meter.sent(), meter.is_reused()), (20, false));
    }

    #[tokio::test(start_paused = true)]
    async fn parts_sum_to_the_whole_wherever_an_exchange_ends() {
        // The last row: a peer that answers while the request is still being written.
        let remote = SocketAddr::from(([127, 0, 0, 1], 80));
        let rows: [&[Step]; 7] = [
            &[],
            &[|meter, _| meter.dialling()],
            &[|meter, _| meter.dialling(), |meter, _| meter.resolved()],
            &[|meter, _| meter.dialling(), |meter, remote| meter.connected(Some(remote))],
            &[|meter, remote| meter.connected(Some(remote)), |meter, _| meter.securing()],
            &[|meter, remote| meter.connected(Some(remote)), |meter, _| meter.wrote(1, false)],
            &[
                |meter, remote| meter.connected(Some(remote)),
                |meter, _| meter.wrote(1, false),
                |meter, _| meter.read(1),
                |meter, _| meter.wrote(1, false),
            ],
        ];
        for (row, steps) in rows.iter().enumerate() {
            let started = Instant::now();
            let mut meter = Meter::new(started);
            for step in *steps {
                advance(MS).await;
                step(&mut meter, remote);
            }
            advance(MS).await;
            assert_eq!(meter.timings().total(), started.elapsed(), "row {row}");
        }
    }
}
