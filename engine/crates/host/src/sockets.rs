//! A VU's WebSockets: wished for by the guest, driven beside it with its exchanges, and recorded as things
//! happen.
//!
//! | when | what is recorded |
//! | --- | --- |
//! | the handshake is answered, or never will be | `ws_connect_failed`, `ws_connecting`, `ws_sessions` |
//! | messages and pongs come, messages are written | `ws_msgs_*`, `ws_ping`, `data_*` |
//! | the script names an answer | `ws_msg_rtt` |
//! | the session ends | `ws_session_duration`, `ws_sessions_failed`, `ws_msgs_unanswered` |
//! | it is cut off | `ws_session_duration`, `ws_sessions_interrupted` |

use std::collections::HashMap;
use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::Duration;

use metrics::{Recorder, SeriesId, Tags, builtin};
use net::websocket::{End, News, Socket};
use net::{Headers, Response, Target, Timings};
use tokio::time::Instant;

use crate::catalogue::failed;
use crate::limits::ANSWERS_EXPECTED;
use crate::time::milliseconds;
use crate::woken::{OneOf, Woken};

/// Which socket of a VU. Never given twice by one VU.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct SocketId(u64);

pub(crate) struct Sockets {
    woken: Woken,
    recorder: Recorder,
    sent: SeriesId,
    received: SeriesId,
    /// In the order of their numbers.
    entries: Vec<Entry>,
    next: u64,
    /// How many may be open at once.
    most: usize,
    /// The answers that the script waits for, by the keys it gave them.
    expected: HashMap<String, Expected>,
}

struct Entry {
    id: SocketId,
    socket: Box<Socket>,
    waker: Arc<OneOf>,
    target: Target,
    /// Of the VU, the request and, once it is open, the session.
    tags: Tags,
    /// Where its messages are counted, once it is open.
    messages: Option<MessageSeries>,
    /// The guest dropped its handle: it closes, and is forgotten then.
    is_leaving: bool,
}

#[derive(Clone, Copy)]
struct MessageSeries {
    sent: SeriesId,
    received: SeriesId,
}

struct Expected {
    socket: SocketId,
    since: Instant,
}

/// Why a connection is not even tried.
pub(crate) struct TooMany;

/// More answers are expected than may be.
#[derive(Debug, thiserror::Error)]
#[error("the script expects more than {ANSWERS_EXPECTED} answers at once")]
pub(crate) struct TooManyExpected;

impl Sockets {
    pub(crate) fn new(recorder: Recorder, sent: SeriesId, received: SeriesId, most: usize) -> Self {
        let (woken, entries) = (Woken::new(), Vec::new());
        let expected = HashMap::new();
        Self { woken, recorder, sent, received, entries, next: 0, most, expected }
    }

    /// Begins to connect; nothing is sent before the next [`poll`](Self::poll). The tags are those of its
    /// samples.
    ///
    /// Fails if too many are open.
    pub(crate) fn connect(
        &mut self,
        config: Arc<net::Config>,
        vu: u32,
        handshake: net::websocket::Handshake,
        tags: Tags,
    ) -> Result<SocketId, TooMany> {
        if self.entries.len() >= self.most {
            return Err(TooMany);
        }
        let id = SocketId(self.next);
        self.next += 1;
        let target = handshake.target.clone();
        let socket = Box::new(Socket::new(config, vu, handshake));
        let waker = self.woken.waker(id.0);
        let entry = Entry { id, socket, waker, target, tags, messages: None, is_leaving: false };
        self.entries.push(entry);
        Ok(id)
    }

    /// Records a connection that is not tried.
    pub(crate) fn record_untried(&self, tags: &Tags, label: &'static str, code: u16) {
        let tags = failed(tags, "0", label, code);
        self.recorder.record_tagged(builtin::WS_CONNECT_FAILED, &tags, 1.0);
    }

    /// Drives those that something has happened to, and hands over the headers of each answer to a handshake.
    /// Whether anything is new.
    pub(crate) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        on_answered: &mut dyn FnMut(&Target, &Headers),
    ) -> bool {
        if self.entries.is_empty() {
            return false;
        }
        let mut any = false;
        let woken = self.woken.take(cx.waker());
        for &number in &woken {
            // One that has been let go of may have been woken before.
            let Some(place) = self.place(SocketId(number)) else { continue };
            let entry = &mut self.entries[place];
            entry.waker.rest();
            let waker = Waker::from(Arc::clone(&entry.waker));
            let news = entry.socket.poll(&mut Context::from_waker(&waker));
            record_bytes(&self.recorder, self.sent, self.received, entry);
            if news.is_none() {
                continue;
            }
            any = true;
            let is_refused = news.ended && !entry.socket.was_opened();
            if (news.opened || is_refused)
                && let Some(headers) = entry.socket.headers()
            {
                on_answered(&entry.target, headers);
            }
            entry.record(&self.recorder, &news);
            if news.ended {
                self.has_ended(place);
            }
        }
        self.woken.give_back(woken);
        any
    }

    /// What there is to do when a session ends.
    fn has_ended(&mut self, place: usize) {
        let (id, is_leaving) = (self.entries[place].id, self.entries[place].is_leaving);
        let unanswered = self.forget_expected(id);
        if unanswered > 0 {
            let tags = &self.entries[place].tags;
            self.recorder.record_tagged(builtin::WS_MSGS_UNANSWERED, tags, unanswered as f64);
        }
        if is_leaving {
            self.entries.remove(place);
        }
    }

    fn place(&self, id: SocketId) -> Option<usize> {
        self.entries.binary_search_by_key(&id, |entry| entry.id).ok()
    }

    /// How many the guest has let go of that are not closed yet.
    pub(crate) fn leaving(&self) -> usize {
        self.entries.iter().filter(|entry| entry.is_leaving).count()
    }

    /// The socket that the guest has under this number, to look at. What is asked of it is done only if it is
    /// [stirred](Self::stir).
    pub(crate) fn of(&mut self, id: SocketId) -> Option<&mut Socket> {
        let place = self.place(id)?;
        Some(&mut self.entries[place].socket)
    }

    /// Has a socket driven when the others are, whether or not anything happens to it: something will be asked of
    /// it.
    pub(crate) fn stir(&self, id: SocketId) {
        if let Some(place) = self.place(id) {
            self.entries[place].waker.stir();
        }
    }

    /// Whether there is something to be received: a message, or that it is over.
    pub(crate) fn is_ready(&mut self, id: SocketId) -> bool {
        self.of(id).is_none_or(|socket| socket.has_message() || socket.end().is_some())
    }

    /// Lets go of a socket: it is closed as it should be, and what it says until then is nobody's.
    pub(crate) fn forget(&mut self, id: SocketId) {
        let Some(place) = self.place(id) else { return };
        let entry = &mut self.entries[place];
        if entry.socket.end().is_some() {
            self.entries.remove(place);
        } else {
            entry.is_leaving = true;
            entry.waker.stir();
            entry.socket.shut_inbox();
            // It may be closing already.
            entry.socket.close(1000, "");
        }
    }

    /// Lets go of a socket that never was a session, and gives the answer that refused it, if one did, and where
    /// it came from.
    pub(crate) fn forget_refused(&mut self, id: SocketId) -> Option<(Target, Response, Timings)> {
        let place = self.place(id)?;
        let entry = &mut self.entries[place];
        let target = entry.target.clone();
        let refusal = entry.socket.take_refusal();
        self.forget(id);
        refusal.map(|(response, timings)| (target, response, timings))
    }

    /// Takes note that the message sent last will be answered.
    pub(crate) fn expect(&mut self, id: SocketId, key: String) -> Result<(), TooManyExpected> {
        let Some(place) = self.place(id) else { return Ok(()) };
        let entry = &self.entries[place];
        let Some(since) = entry.socket.last_sent() else { return Ok(()) };
        if self.expected.len() >= ANSWERS_EXPECTED && !self.expected.contains_key(&key) {
            return Err(TooManyExpected);
        }
        if entry.socket.end().is_some() {
            self.recorder.record_tagged(builtin::WS_MSGS_UNANSWERED, &entry.tags, 1.0);
            return Ok(());
        }
        if let Some(before) = self.expected.insert(key, Expected { socket: id, since })
            && let Some(place) = self.place(before.socket)
        {
            let tags = &self.entries[place].tags;
            self.recorder.record_tagged(builtin::WS_MSGS_UNANSWERED, tags, 1.0);
        }
        Ok(())
    }

    /// Takes note of an answer: how long it took, if it is expected.
    pub(crate) fn answered(&mut self, key: &str, arrived: Instant) -> Option<Duration> {
        let Expected { socket, since } = self.expected.remove(key)?;
        let took = arrived.saturating_duration_since(since);
        let tags = &self.entries[self.place(socket)?].tags;
        self.recorder.record_tagged(builtin::WS_MSG_RTT, tags, milliseconds(took));
        Some(took)
    }

    /// Stops waiting for the answers to what a socket sent; how many there were.
    fn forget_expected(&mut self, id: SocketId) -> usize {
        let before = self.expected.len();
        self.expected.retain(|_, expected| expected.socket != id);
        before - self.expected.len()
    }

    /// Cuts off all of them.
    pub(crate) fn abandon(&mut self) {
        self.expected.clear();
        for mut entry in self.entries.drain(..) {
            if entry.socket.end().is_some() {
                continue;
            }
            let was_open = entry.socket.was_opened();
            entry.socket.abandon();
            record_bytes(&self.recorder, self.sent, self.received, &mut entry);
            if let Some(session) = entry.socket.session() {
                let duration = milliseconds(session);
                self.recorder.record_tagged(builtin::WS_SESSION_DURATION, &entry.tags, duration);
            }
            if was_open || entry.socket.was_on_wire() {
                self.recorder.record_tagged(builtin::WS_SESSIONS_INTERRUPTED, &entry.tags, 1.0);
            }
        }
    }
}

impl Entry {
    fn record(&mut self, recorder: &Recorder, news: &News) {
        if news.opened {
            self.tags = self.tags.with("status", "101");
            if let Some(subprotocol) = self.socket.subprotocol() {
                self.tags = self.tags.with("subproto", subprotocol);
            }
            let connecting = milliseconds(self.socket.connecting());
            recorder.record_tagged(builtin::WS_CONNECT_FAILED, &self.tags, 0.0);
            recorder.record_tagged(builtin::WS_CONNECTING, &self.tags, connecting);
            recorder.record_tagged(builtin::WS_SESSIONS, &self.tags, 1.0);
            let of = |metric| recorder.registry().series(metric, &self.tags);
            self.messages = Some(MessageSeries {
                sent: of(builtin::WS_MSGS_SENT),
                received: of(builtin::WS_MSGS_RECEIVED),
            });
        }
        if let Some(series) = self.messages {
            for (series, messages) in [(series.sent, news.sent), (series.received, news.received)] {
                if messages > 0 {
                    recorder.record(series, f64::from(messages));
                }
            }
        }
        for pong in &news.pongs {
            recorder.record_tagged(builtin::WS_PING, &self.tags, milliseconds(*pong));
        }
        if news.ended {
            self.record_end(recorder);
        }
    }

    fn record_end(&self, recorder: &Recorder) {
        let why = match self.socket.end() {
            Some(End::Failed(error)) => Some(error),
            Some(End::Closed(_)) | None => None,
        };
        if let Some(session) = self.socket.session() {
            recorder.record_tagged(builtin::WS_SESSION_DURATION, &self.tags, milliseconds(session));
            if let Some(error) = why {
                let tags = failed(&self.tags, "101", error.label(), error.code());
                recorder.record_tagged(builtin::WS_SESSIONS_FAILED, &tags, 1.0);
            }
        } else if let Some(error) = why {
            let status = match error {
                net::websocket::Error::Refused(status) => status.to_string(),
                _ => "0".to_owned(),
            };
            let tags = failed(&self.tags, &status, error.label(), error.code());
            recorder.record_tagged(builtin::WS_CONNECT_FAILED, &tags, 1.0);
            // As with HTTP: what never reached the wire has no duration.
            if self.socket.was_on_wire() {
                let connecting = milliseconds(self.socket.connecting());
                recorder.record_tagged(builtin::WS_CONNECTING, &tags, connecting);
            }
        }
    }
}

fn record_bytes(recorder: &Recorder, sent: SeriesId, received: SeriesId, entry: &mut Entry) {
    let bytes = entry.socket.take_bytes();
    for (series, bytes) in [(sent, bytes.0), (received, bytes.1)] {
        if bytes > 0 {
            recorder.record(series, bytes as f64);
        }
    }
}
