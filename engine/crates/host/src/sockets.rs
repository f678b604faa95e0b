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
use std::task::Context;
use std::time::Duration;

use metrics::{MetricId, Recorder, SeriesId, Tags, builtin};
use net::websocket::{End, News, Socket};
use net::{Headers, Response, Target, Timings};
use tokio::time::Instant;

use crate::limits::{ANSWERS_EXPECTED, SOCKETS_AT_ONCE};
use crate::time::milliseconds;

/// Which socket of a VU. Never given twice by one VU.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SocketId(u64);

pub(crate) struct Sockets {
    recorder: Recorder,
    sent: SeriesId,
    received: SeriesId,
    entries: Vec<Entry>,
    next: u64,
    /// The answers that the script waits for, by the keys it gave them.
    expected: HashMap<String, Expected>,
}

struct Entry {
    id: SocketId,
    socket: Box<Socket>,
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
    pub(crate) fn new(recorder: Recorder, sent: SeriesId, received: SeriesId) -> Self {
        Self { recorder, sent, received, entries: Vec::new(), next: 0, expected: HashMap::new() }
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
        if self.entries.len() >= SOCKETS_AT_ONCE {
            return Err(TooMany);
        }
        let id = SocketId(self.next);
        self.next += 1;
        let target = handshake.target.clone();
        let socket = Box::new(Socket::new(config, vu, handshake));
        self.entries.push(Entry { id, socket, target, tags, messages: None, is_leaving: false });
        Ok(id)
    }

    /// Records a connection that is not tried.
    pub(crate) fn record_untried(&self, tags: &Tags, label: &'static str, code: u16) {
        let tags = failure(tags, "0", label, code);
        record(&self.recorder, builtin::WS_CONNECT_FAILED, &tags, 1.0);
    }

    /// Drives all of them, and hands over the headers of each answer to a handshake. Whether anything is new.
    pub(crate) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        on_answered: &mut dyn FnMut(&Target, &Headers),
    ) -> bool {
        let mut any = false;
        let mut index = 0;
        while let Some(entry) = self.entries.get_mut(index) {
            let news = entry.socket.poll(cx);
            record_bytes(&self.recorder, self.sent, self.received, entry);
            index += 1;
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
                let (id, is_leaving) = (entry.id, entry.is_leaving);
                let unanswered = self.forget_expected(id);
                let tags = &self.entries[index - 1].tags;
                if unanswered > 0 {
                    let metric = builtin::WS_MSGS_UNANSWERED;
                    record(&self.recorder, metric, tags, unanswered as f64);
                }
                if is_leaving {
                    index -= 1;
                    self.entries.swap_remove(index);
                }
            }
        }
        any
    }

    /// How many the guest has let go of that are not closed yet.
    pub(crate) fn leaving(&self) -> usize {
        self.entries.iter().filter(|entry| entry.is_leaving).count()
    }

    /// The socket that the guest has under this number.
    pub(crate) fn of(&mut self, id: SocketId) -> Option<&mut Socket> {
        let entry = self.entries.iter_mut().find(|entry| entry.id == id)?;
        Some(&mut entry.socket)
    }

    /// Whether there is something to be received: a message, or that it is over.
    pub(crate) fn is_ready(&mut self, id: SocketId) -> bool {
        self.of(id).is_none_or(|socket| socket.has_message() || socket.end().is_some())
    }

    /// Lets go of a socket: it is closed as it should be, and what it says until then is nobody's.
    pub(crate) fn forget(&mut self, id: SocketId) {
        let Some(place) = self.entries.iter().position(|entry| entry.id == id) else { return };
        let entry = &mut self.entries[place];
        if entry.socket.end().is_some() {
            self.entries.swap_remove(place);
        } else {
            entry.is_leaving = true;
            entry.socket.shut_inbox();
            // It may be closing already.
            entry.socket.close(1000, "");
        }
    }

    /// Lets go of a socket that never was a session, and gives the answer that refused it, if one did, and where
    /// it came from.
    pub(crate) fn forget_refused(&mut self, id: SocketId) -> Option<(Target, Response, Timings)> {
        let entry = self.entries.iter_mut().find(|entry| entry.id == id)?;
        let target = entry.target.clone();
        let refusal = entry.socket.take_refusal();
        self.forget(id);
        refusal.map(|(response, timings)| (target, response, timings))
    }

    /// Takes note that the message sent last will be answered.
    pub(crate) fn expect(&mut self, id: SocketId, key: String) -> Result<(), TooManyExpected> {
        let Some(entry) = self.entries.iter().find(|entry| entry.id == id) else { return Ok(()) };
        let Some(since) = entry.socket.last_sent() else { return Ok(()) };
        if self.expected.len() >= ANSWERS_EXPECTED && !self.expected.contains_key(&key) {
            return Err(TooManyExpected);
        }
        if entry.socket.end().is_some() {
            record(&self.recorder, builtin::WS_MSGS_UNANSWERED, &entry.tags, 1.0);
            return Ok(());
        }
        if let Some(before) = self.expected.insert(key, Expected { socket: id, since })
            && let Some(entry) = self.entries.iter().find(|entry| entry.id == before.socket)
        {
            record(&self.recorder, builtin::WS_MSGS_UNANSWERED, &entry.tags, 1.0);
        }
        Ok(())
    }

    /// Takes note of an answer: how long it took, if it is expected.
    pub(crate) fn answered(&mut self, key: &str, arrived: Instant) -> Option<Duration> {
        let Expected { socket, since } = self.expected.remove(key)?;
        let took = arrived.saturating_duration_since(since);
        let entry = self.entries.iter().find(|entry| entry.id == socket)?;
        record(&self.recorder, builtin::WS_MSG_RTT, &entry.tags, milliseconds(took));
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
                record(&self.recorder, builtin::WS_SESSION_DURATION, &entry.tags, duration);
            }
            if was_open || entry.socket.was_on_wire() {
                record(&self.recorder, builtin::WS_SESSIONS_INTERRUPTED, &entry.tags, 1.0);
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
            record(recorder, builtin::WS_CONNECT_FAILED, &self.tags, 0.0);
            record(recorder, builtin::WS_CONNECTING, &self.tags, connecting);
            record(recorder, builtin::WS_SESSIONS, &self.tags, 1.0);
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
            record(recorder, builtin::WS_PING, &self.tags, milliseconds(*pong));
        }
        if news.ended {
            self.record_end(recorder);
        }
    }

    fn record_end(&self, recorder: &Recorder) {
        let failed = match self.socket.end() {
            Some(End::Failed(error)) => Some(error),
            Some(End::Closed(_)) | None => None,
        };
        if let Some(session) = self.socket.session() {
            record(recorder, builtin::WS_SESSION_DURATION, &self.tags, milliseconds(session));
            if let Some(error) = failed {
                let tags = failure(&self.tags, "101", error.label(), error.code());
                record(recorder, builtin::WS_SESSIONS_FAILED, &tags, 1.0);
            }
        } else if let Some(error) = failed {
            let status = match error {
                net::websocket::Error::Refused(status) => status.to_string(),
                _ => "0".to_owned(),
            };
            let tags = failure(&self.tags, &status, error.label(), error.code());
            record(recorder, builtin::WS_CONNECT_FAILED, &tags, 1.0);
            // As with HTTP: what never reached the wire has no duration.
            if self.socket.was_on_wire() {
                let connecting = milliseconds(self.socket.connecting());
                record(recorder, builtin::WS_CONNECTING, &tags, connecting);
            }
        }
    }
}

fn failure(tags: &Tags, status: &str, label: &'static str, code: u16) -> Tags {
    tags.with("status", status).with("error", label).with("error_code", code.to_string())
}

fn record(recorder: &Recorder, metric: MetricId, tags: &Tags, value: f64) {
    recorder.record(recorder.registry().series(metric, tags), value);
}

fn record_bytes(recorder: &Recorder, sent: SeriesId, received: SeriesId, entry: &mut Entry) {
    let bytes = entry.socket.take_bytes();
    for (series, bytes) in [(sent, bytes.0), (received, bytes.1)] {
        if bytes > 0 {
            recorder.record(series, bytes as f64);
        }
    }
}
