//! One WebSocket connection, from the wish for it to its end.
//!
//! | stage | what is awaited | ends by itself after |
//! | --- | --- | --- |
//! | dialling, shaking hands | the connection, the answer to the handshake | the handshake's timeout |
//! | refused | what the peer has to say about that | [`PATIENCE`] |
//! | open | messages both ways | never, but a message must be written within the timeout, and a peer that owes a pong must say something |
//! | closing | the peer's close frame, then the end of the connection | [`PATIENCE`] |
//! | ended | nothing; what arrived before can still be received | |

use std::future::{Future as _, poll_fn};
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use http::Method;
use tokio::time::{Instant, Sleep};

use super::Error;
use super::frame::{Close, Message};
use super::handshake::{Agreed, Handshake};
use super::inbox::{Inbox, Received};
use super::session::{Closing, Session};
use super::shaking::{Answer, Refusal, Refusing, Shaking};
use crate::alarm::{Alarm, FOREVER};
use crate::config::Config;
use crate::dial::{Dial, Own};
use crate::error::Error as ConnectionError;
use crate::meter::Meter;
use crate::per_host::Slot;
use crate::response::{Headers, Response};
use crate::route::counted_host;
use crate::stream::Stream;
use crate::timings::Timings;
use crate::version::Offer;

/// Reads from one connection before others have their turn. Arbitrary.
const READS: usize = 16;
/// How long the peer may take to agree to a close and to end the connection, or to say why it refuses. Arbitrary;
/// servers take one round trip.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

/// How a connection ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// Both sides agreed to close; this is what the side said that began it.
    Closed(Close),
    /// It was not made, or it broke.
    Failed(Error),
}

/// What is new since the last look.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct News {
    /// The handshake has succeeded.
    pub opened: bool,
    /// Messages written whole.
    pub sent: u32,
    /// Messages that came, to be received or not.
    pub received: u32,
    /// How long pings took to be answered.
    pub pongs: Vec<Duration>,
    /// What was to be written has been.
    pub written: bool,
    /// It has ended. Nothing is new afterwards.
    pub ended: bool,
}

impl News {
    /// Whether nothing is.
    #[must_use]
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }
}

/// One connection.
pub struct Socket {
    config: Arc<Config>,
    stage: Stage,
    meter: Meter,
    timeout: Duration,
    alarm: Alarm,
    started: Instant,
    opened: Option<Opened>,
    refusal: Option<Box<Refusal>>,
    inbox: Inbox,
    end: Option<(End, Instant)>,
    /// Whether something was still to be written then.
    lost: bool,
    /// When the message sent last was asked to be.
    last_sent: Option<Instant>,
    /// Bytes sent and received that have been told of.
    told: (u64, u64),
    news: News,
    /// The right to have the connection, where that is limited.
    slot: Option<Slot>,
}

enum Stage {
    Dialling(Box<Dialling>),
    Shaking(Box<Shaking>),
    Refused(Box<(Refusing, Stream)>),
    Open(Box<Session>),
    Ended,
}

struct Dialling {
    /// Until when it may not begin, if it has to wait for its turn.
    held: Option<Pin<Box<Sleep>>>,
    dial: Dial,
    own: Own,
    handshake: Handshake,
}

/// What the handshake has agreed on.
struct Opened {
    since: Instant,
    headers: Headers,
    subprotocol: Option<String>,
}

impl Socket {
    /// A connection of a VU to be made, which is told by its number. Nothing happens before it is
    /// [polled](Self::poll).
    #[must_use]
    pub fn new(config: Arc<Config>, vu: u32, handshake: Handshake) -> Self {
        let started = Instant::now();
        let timeout = handshake.timeout.unwrap_or(config.request_timeout).min(FOREVER);
        let dial = Dial::new(handshake.target.clone(), Offer::Http1, None).tunnelled();
        let own = Own::new(config.local_addresses.of(vu));
        let host = || counted_host(&handshake.target, &config);
        let begins =
            config.per_host.as_ref().map_or(started, |per_host| per_host.take(&host(), started));
        let held = (begins > started).then(|| Box::pin(tokio::time::sleep_until(begins)));
        let mut alarm = Alarm::default();
        alarm.no_later_than(begins + timeout);
        Self {
            config,
            stage: Stage::Dialling(Box::new(Dialling { held, dial, own, handshake })),
            meter: Meter::new(started),
            timeout,
            alarm,
            started,
            opened: None,
            refusal: None,
            inbox: Inbox::default(),
            end: None,
            lost: false,
            last_sent: None,
            told: (0, 0),
            news: News::default(),
            slot: None,
        }
    }

    /// Goes on, and says what is new.
    ///
    /// Wakes the task of `cx` when it should be called again. To be called within a tokio runtime.
    pub fn poll(&mut self, cx: &mut Context<'_>) -> News {
        // As the client: what one call does is bounded here, and the runtime's own bound would keep the alarm
        // from ringing while a peer keeps the socket busy.
        let mut all = std::pin::pin!(tokio::task::unconstrained(poll_fn(|cx| {
            self.go_on(cx);
            Poll::Ready(())
        })));
        // Always ready.
        let _: Poll<()> = all.as_mut().poll(cx);
        self.count_traffic();
        mem::take(&mut self.news)
    }

    /// Takes note of what went over the wire beside what was written and read.
    fn count_traffic(&mut self) {
        let stream = match &mut self.stage {
            Stage::Shaking(shaking) => Some(&mut shaking.stream),
            Stage::Refused(refused) => Some(&mut refused.1),
            Stage::Open(open) => Some(&mut open.stream),
            Stage::Dialling(_) | Stage::Ended => None,
        };
        if let Some(traffic) = stream.and_then(Stream::take_traffic) {
            self.meter.carried(traffic);
        }
    }

    fn go_on(&mut self, cx: &mut Context<'_>) {
        if self.end.is_some() {
            return;
        }
        let end = match self.drive(cx) {
            Poll::Ready(Ok(close)) => End::Closed(close),
            Poll::Ready(Err(error)) => {
                if let Stage::Open(open) = &mut self.stage {
                    // A peer that broke a rule is told, if that can be said at once.
                    let _ = open.poll_write(cx, &mut self.meter, &mut self.news);
                }
                End::Failed(error)
            }
            Poll::Pending if self.alarm.poll(cx).is_ready() => self.too_late(),
            Poll::Pending => return,
        };
        self.end_with(end);
    }

    /// Goes on as far as it can; ready with why it ended.
    fn drive(&mut self, cx: &mut Context<'_>) -> Poll<Result<Close, Error>> {
        loop {
            match &mut self.stage {
                Stage::Dialling(dialling) => {
                    let Dialling { held, dial, own, handshake } = &mut **dialling;
                    // What a handshake is sent as.
                    let method = self.config.policy.judge_method(&Method::GET);
                    method.map_err(ConnectionError::NotAllowed)?;
                    if let Some(held) = held {
                        ready!(held.as_mut().poll(cx));
                    }
                    let connected = dial.poll(cx, &self.config, own, &mut self.meter);
                    let (stream, _) = ready!(connected)?;
                    self.slot = dial.take_slot();
                    let shaking = Shaking::new(stream, handshake, &self.config);
                    self.stage = Stage::Shaking(Box::new(shaking));
                }
                Stage::Shaking(shaking) => {
                    let answer = ready!(shaking.poll(cx, &mut self.meter))?;
                    let Stage::Shaking(shaking) = mem::replace(&mut self.stage, Stage::Ended)
                    else {
                        continue;
                    };
                    let (stream, rest) = shaking.into_parts();
                    match answer {
                        Answer::Agreed(headers, agreed) => {
                            self.open_with(stream, headers, agreed, &rest)?
                        }
                        Answer::Refused(mut refusing) => {
                            self.alarm.no_later_than(Instant::now() + PATIENCE);
                            let goes_on = refusing.take(&rest);
                            self.stage = Stage::Refused(Box::new((refusing, stream)));
                            if !goes_on {
                                return Poll::Ready(Err(self.refused()));
                            }
                        }
                    }
                }
                Stage::Refused(refused) => {
                    let (refusing, stream) = &mut **refused;
                    ready!(refusing.poll(stream, cx, &mut self.meter));
                    return Poll::Ready(Err(self.refused()));
                }
                Stage::Open(_) => return self.talk(cx),
                Stage::Ended => return Poll::Pending,
            }
        }
    }

    /// The handshake has succeeded; this came after it.
    fn open_with(
        &mut self,
        stream: Stream,
        headers: Headers,
        agreed: Agreed,
        rest: &[u8],
    ) -> Result<(), Error> {
        let Agreed { subprotocol, deflate } = agreed;
        self.opened = Some(Opened { since: Instant::now(), headers, subprotocol });
        self.news.opened = true;
        self.alarm.unset();
        let mut session = Session::new(stream, self.config.body_limit, deflate);
        // Messages may come in the same breath as the answer.
        let taken = session.take(rest, &mut self.inbox, &mut self.news);
        self.stage = Stage::Open(Box::new(session));
        taken
    }

    /// Keeps what came of a refusal, and gives the error that it is.
    fn refused(&mut self) -> Error {
        self.count_traffic();
        let Stage::Refused(refused) = mem::replace(&mut self.stage, Stage::Ended) else {
            return ConnectionError::ClosedEarly.into();
        };
        let refusal = refused.0.end(&self.meter);
        let status = refusal.response.status.as_u16();
        self.refusal = Some(Box::new(refusal));
        Error::Refused(status)
    }

    /// Messages both ways, until the end.
    fn talk(&mut self, cx: &mut Context<'_>) -> Poll<Result<Close, Error>> {
        let Self { stage: Stage::Open(open), meter, inbox, news, alarm, .. } = self else {
            return Poll::Pending;
        };
        for _ in 0..READS {
            let written = open.poll_write(cx, meter, news);
            match open.due(written.is_pending(), self.timeout) {
                Some(moment) => alarm.set(moment),
                None => alarm.unset(),
            }
            // A peer that breaks off may have said why before: what has come is taken first.
            let broken = match written {
                Poll::Ready(Err(error)) => Some(ConnectionError::from_io(&error)),
                Poll::Ready(Ok(())) | Poll::Pending => None,
            };
            if inbox.is_full() && open.is_open() && broken.is_none() {
                if open.is_written() {
                    // Who does not listen cannot say that nobody speaks.
                    alarm.unset();
                }
                return Poll::Pending;
            }
            let error = match (open.poll_read(cx, meter, inbox, news), broken) {
                (Poll::Ready(Ok(true)), _) => continue,
                (Poll::Pending, None) => return Poll::Pending,
                (Poll::Ready(Err(error @ (Error::Protocol(_) | Error::MessageTooLarge(_)))), _) => {
                    return Poll::Ready(Err(error));
                }
                (_, Some(broken)) => broken.into(),
                (Poll::Ready(Err(error)), None) => error,
                (Poll::Ready(Ok(false)), None) => Error::ClosedEarly,
            };
            // After both close frames, that the connection ends is as it should be, however it does.
            return Poll::Ready(open.agreed().ok_or(error));
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// What it is when time runs out.
    fn too_late(&mut self) -> End {
        let late = |error: ConnectionError| End::Failed(error.into());
        match &self.stage {
            // The peer agreed to close and does not hang up: so we do.
            Stage::Open(open) => match open.agreed() {
                Some(close) => End::Closed(close),
                None => late(ConnectionError::TimedOut),
            },
            Stage::Dialling(dialling) => late(match &self.config.per_host {
                Some(per_host) if dialling.dial.is_waiting() => {
                    ConnectionError::TooManyConnections(per_host.connections())
                }
                _ => ConnectionError::ConnectTimedOut,
            }),
            // That it is refused is known, if not with all that there was to say.
            Stage::Refused(_) => End::Failed(self.refused()),
            Stage::Shaking(_) | Stage::Ended => late(ConnectionError::TimedOut),
        }
    }

    fn end_with(&mut self, end: End) {
        let at = match &self.stage {
            // The session is over with the close frames; the rest is housekeeping.
            Stage::Open(open) => match open.closing {
                Closing::Agreed(_, at) => at,
                Closing::No | Closing::Asked(_) => Instant::now(),
            },
            _ => Instant::now(),
        };
        self.count_traffic();
        self.alarm.unset();
        self.lost = !self.is_written();
        self.stage = Stage::Ended;
        self.slot = None;
        self.end = Some((end, at));
        self.news.ended = true;
    }

    fn open(&mut self) -> Option<&mut Session> {
        match &mut self.stage {
            Stage::Open(open) if open.is_open() => Some(open),
            _ => None,
        }
    }

    /// Puts a message on its way; [`News::sent`] tells when it has been written. Whether there is a session to
    /// send it in.
    ///
    /// Holds a copy until then, so whoever sends should wait until it [is written](Self::is_written).
    pub fn send(&mut self, message: &Message) -> bool {
        let Some(open) = self.open() else { return false };
        open.send(message);
        self.last_sent = Some(Instant::now());
        true
    }

    /// Puts a ping on its way; [`News::pongs`] tells when it is answered. Whether there is a session to send
    /// it in.
    pub fn ping(&mut self) -> bool {
        let Some(open) = self.open() else { return false };
        open.ping();
        true
    }

    /// Begins to close; the peer's close frame ends the session. Whether there is a session to close.
    ///
    /// The code and reason must be such as [may be sent](Close::may_be_sent).
    pub fn close(&mut self, code: u16, reason: &str) -> bool {
        let Some(open) = self.open() else { return false };
        open.close(Close { code, reason: reason.to_owned() });
        true
    }

    /// Lets go of whatever comes from now on, and of what has come.
    pub fn shut_inbox(&mut self) {
        self.inbox.shut();
    }

    /// The message that came first among those that were not received.
    pub fn receive(&mut self) -> Option<Received> {
        self.inbox.take()
    }

    /// Whether a message waits to be received.
    #[must_use]
    pub fn has_message(&self) -> bool {
        !self.inbox.is_empty()
    }

    /// Whether so many messages wait that no more are read until one is received.
    #[must_use]
    pub fn is_held(&self) -> bool {
        self.inbox.is_full()
    }

    /// Whether messages can be sent: the handshake has succeeded, and no side has begun to close.
    #[must_use]
    pub fn is_open(&self) -> bool {
        matches!(&self.stage, Stage::Open(open) if open.is_open())
    }

    /// Whether everything has been handed to the system.
    #[must_use]
    pub fn is_written(&self) -> bool {
        match &self.stage {
            Stage::Open(open) => open.is_written(),
            _ => !self.lost,
        }
    }

    /// Whether a ping waits for its pong.
    #[must_use]
    pub fn awaits_pong(&self) -> bool {
        matches!(&self.stage, Stage::Open(open) if open.awaits_pong())
    }

    /// How it ended, once it has.
    #[must_use]
    pub fn end(&self) -> Option<&End> {
        self.end.as_ref().map(|(end, _)| end)
    }

    /// Whether the handshake has succeeded, at any time.
    #[must_use]
    pub fn was_opened(&self) -> bool {
        self.opened.is_some()
    }

    /// How long it took until the handshake was answered, or has taken by now.
    #[must_use]
    pub fn connecting(&self) -> Duration {
        let answered = self.opened.as_ref().map(|opened| opened.since);
        let answered = answered.or_else(|| Some(self.refusal.as_ref()?.since));
        let ended = || self.end.as_ref().map(|(_, at)| *at);
        let until = answered.or_else(ended).unwrap_or_else(Instant::now);
        until.saturating_duration_since(self.started)
    }

    /// How long the session lasted from the answer to its handshake, or has lasted by now; none if there was
    /// none.
    #[must_use]
    pub fn session(&self) -> Option<Duration> {
        let until = self.end.as_ref().map_or_else(Instant::now, |(_, at)| *at);
        Some(until.saturating_duration_since(self.opened.as_ref()?.since))
    }

    /// The headers of the answer to the handshake, whether it agreed or refused.
    #[must_use]
    pub fn headers(&self) -> Option<&Headers> {
        let refused = || self.refusal.as_ref().map(|refusal| &refusal.response.headers);
        self.opened.as_ref().map(|opened| &opened.headers).or_else(refused)
    }

    /// The answer that refused the handshake, with the beginning of its body, and how long each part of the
    /// exchange took. Once.
    pub fn take_refusal(&mut self) -> Option<(Response, Timings)> {
        self.refusal.take().map(|refusal| (refusal.response, refusal.timings))
    }

    /// The subprotocol that the peer chose among those offered.
    #[must_use]
    pub fn subprotocol(&self) -> Option<&str> {
        self.opened.as_ref()?.subprotocol.as_deref()
    }

    /// When the message sent last was asked to be sent.
    #[must_use]
    pub fn last_sent(&self) -> Option<Instant> {
        self.last_sent
    }

    /// Whether anything of it was on the wire.
    #[must_use]
    pub fn was_on_wire(&self) -> bool {
        self.meter.sent() > 0
    }

    /// Bytes sent and received, as they were on the wire, that were not told of before.
    pub fn take_bytes(&mut self) -> (u64, u64) {
        let now = (self.meter.sent(), self.meter.received());
        let before = mem::replace(&mut self.told, now);
        (now.0 - before.0, now.1 - before.1)
    }

    /// Ends it at once. The peer is told that we go away if that can be said without waiting.
    pub fn abandon(&mut self) {
        if let Some(open) = self.open()
            && open.is_written()
        {
            open.go_away();
            let mut cx = Context::from_waker(Waker::noop());
            if let Stage::Open(open) = &mut self.stage {
                // If it cannot be said, the end of the connection says it too.
                let _ = open.poll_write(&mut cx, &mut self.meter, &mut News::default());
            }
        }
        if self.end.is_none() {
            self.end_with(End::Failed(Error::ClosedEarly));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_can_live_in_a_store_that_moves_between_threads() {
        fn is_send<T: Send>() {}
        is_send::<Socket>();
    }

    #[test]
    fn an_idle_socket_is_small() {
        // Beside it there are the headers of its handshake, and no buffer.
        let size = size_of::<Socket>() + size_of::<Session>();
        assert!(size <= 1 << 10, "{size} bytes");
    }
}
