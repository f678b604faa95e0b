//! WebSocket: connections that stay, and messages both ways.
//!
//! [`connect`] is the short way; [`Request`] sets a connection up. A [`WebSocket`] lasts until a side closes it,
//! however many iterations that takes; dropping it closes it.
//!
//! ```
//! use wasmload_sdk::prelude::*;
//!
//! script!(iterate, options = r#"{ "vus": 100, "duration": "1m" }"#);
//!
//! fn iterate() -> Result {
//!     let socket = websocket::connect(&websocket::base_url("/ws/echo"))?;
//!     socket.send_text("hello")?;
//!     // The time from here on is in `ws_msg_rtt`, once the answer is there.
//!     socket.expect_answer("hello");
//!     match socket.recv_timeout(Duration::from_secs(5))? {
//!         Some(message) => check("it is the echo", message.answers("hello").is_some()),
//!         None => check("there is an echo", false),
//!     };
//!     socket.close()?;
//!     Ok(())
//! }
//! # fn main() {}
//! ```
//!
//! The engine reads while the script runs, sleeps or waits, and stamps each message when it arrives. Many sockets
//! at once are waited for with [`wait_any`].

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::Result;
use crate::bindings::wasmload::script::websocket as contract;
use crate::http::Response;
use crate::timing::{duration, milliseconds};

/// Connects to an absolute `ws:` or `wss:` URL.
///
/// # Errors
///
/// Fails with the [`Error`] that says why there is no session.
pub fn connect(url: &str) -> Result<WebSocket, Error> {
    Request::new(url).connect()
}

/// A URL on the target: as [`base_url`](crate::context::base_url), with `ws` in place of `http`.
#[must_use]
pub fn base_url(path: &str) -> String {
    let url = crate::context::base_url(path);
    match url.strip_prefix("http") {
        Some(rest) => format!("ws{rest}"),
        None => url,
    }
}

/// Waits until one of these has a message to be received or is over, and gives its place in the list; the
/// lowest place if several are.
///
/// None if the timeout passes first, or at once if the list is empty.
#[must_use]
pub fn wait_any<'a>(
    sockets: impl IntoIterator<Item = &'a WebSocket>,
    timeout: Option<Duration>,
) -> Option<usize> {
    let sockets: Vec<&contract::Socket> = sockets.into_iter().map(|socket| &socket.0).collect();
    contract::wait_any(&sockets, timeout.map(milliseconds)).map(|index| index as usize)
}

/// A connection to be made, once or many times.
///
/// Setting it up never fails; [`connect`](Self::connect) says what cannot be sent.
#[derive(Debug)]
pub struct Request(contract::Request);

impl Request {
    /// A connection to an absolute `ws:` or `wss:` URL.
    #[must_use]
    pub fn new(url: &str) -> Self {
        Self(contract::Request::new(url))
    }

    /// Adds a header to the handshake.
    #[must_use]
    pub fn header(self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.0.add_header(name, value.as_ref());
        self
    }

    /// Adds `authorization: Bearer` with this token.
    #[must_use]
    pub fn bearer(self, token: &str) -> Self {
        self.header("authorization", format!("Bearer {token}"))
    }

    /// Offers a subprotocol, after any offered before.
    #[must_use]
    pub fn subprotocol(self, name: &str) -> Self {
        self.0.add_subprotocol(name);
        self
    }

    /// Offers that messages be packed (`permessage-deflate`, RFC 7692): k6's `compression: 'deflate'`.
    ///
    /// A target may decline, and then they are not; [`WebSocket::header`] of `sec-websocket-extensions` says what
    /// was agreed on.
    #[doc(alias = "compression")]
    #[must_use]
    pub fn deflate(self) -> Self {
        self.0.offer_deflate();
        self
    }

    /// Sets how long connecting and the handshake may take, and then how long any one message may take to be
    /// written and a peer that owes the answer to a ping may say nothing, instead of the run's request timeout.
    #[must_use]
    pub fn timeout(self, length: Duration) -> Self {
        self.0.set_timeout(milliseconds(length));
        self
    }

    /// Sets the `name` tag of its samples, which is the URL otherwise.
    #[must_use]
    pub fn name(self, name: &str) -> Self {
        self.0.set_name(name);
        self
    }

    /// Adds a tag to its samples.
    #[must_use]
    pub fn tag(self, name: &str, value: &str) -> Self {
        self.0.set_tag(name, value);
        self
    }

    /// Connects, and waits until the target has agreed to the handshake.
    ///
    /// # Errors
    ///
    /// Fails with the [`Error`] that says why there is no session.
    pub fn connect(&self) -> Result<WebSocket, Error> {
        self.0.connect().map(WebSocket).map_err(|error| {
            let refusal = self.0.refusal().map(|response| Arc::new(Response(response)));
            Error { error, refusal }
        })
    }
}

/// A session. Dropping it closes it with code 1000.
#[derive(Debug)]
pub struct WebSocket(contract::Socket);

impl WebSocket {
    /// Sends text, and waits until all of it is handed to the system.
    ///
    /// # Errors
    ///
    /// Fails with [`ErrorKind::Closed`] if a side has begun to close, with [`ErrorKind::TimedOut`] if the target
    /// does not read for too long, and otherwise with why the session is over.
    pub fn send_text(&self, text: &str) -> Result<(), Error> {
        self.0.send_text(text).map_err(Error::from)
    }

    /// Sends bytes, likewise.
    ///
    /// # Errors
    ///
    /// As [`send_text`](Self::send_text).
    pub fn send_binary(&self, bytes: impl AsRef<[u8]>) -> Result<(), Error> {
        self.0.send_binary(bytes.as_ref()).map_err(Error::from)
    }

    /// Sends this value as JSON, as text.
    ///
    /// # Errors
    ///
    /// As [`send_text`](Self::send_text).
    ///
    /// # Panics
    ///
    /// If the value has no JSON, such as a map whose keys are not strings.
    #[cfg(feature = "json")]
    pub fn send_json(&self, value: &impl serde::Serialize) -> Result<(), Error> {
        let text = serde_json::to_string(value);
        self.send_text(&text.expect("a message must be a value that JSON can hold"))
    }

    /// Announces that the message sent last will be answered by one that [`Message::answers`] will name by
    /// this key. The time begins when the message was to be sent, not now.
    ///
    /// An answer that never comes is counted in `ws_msgs_unanswered` when the session ends.
    pub fn expect_answer(&self, key: &str) {
        self.0.expect_answer(key);
    }

    /// Sends a ping and does not wait for its pong; the time between them is in `ws_ping`. If the target says
    /// nothing at all for as long as the request's timeout instead, the session is over.
    ///
    /// # Errors
    ///
    /// As [`send_text`](Self::send_text).
    pub fn ping(&self) -> Result<(), Error> {
        self.0.ping().map_err(Error::from)
    }

    /// Waits until every ping was answered; false if the timeout passes first.
    ///
    /// # Errors
    ///
    /// Fails with why the session is over if it ends before.
    pub fn wait_pong(&self, timeout: Option<Duration>) -> Result<bool, Error> {
        self.0.wait_pong(timeout.map(milliseconds)).map_err(Error::from)
    }

    /// Waits for the next message.
    ///
    /// # Errors
    ///
    /// What arrived before the session ended is received first; then it fails with why it is over, which is
    /// [`ErrorKind::Closed`] if both sides closed it.
    pub fn recv(&self) -> Result<Message, Error> {
        loop {
            if let Some(message) = self.0.receive(None).map_err(Error::from)? {
                return Ok(Message(message));
            }
        }
    }

    /// Waits for the next message, or until the timeout passes: then there is none.
    ///
    /// # Errors
    ///
    /// As [`recv`](Self::recv).
    pub fn recv_timeout(&self, timeout: Duration) -> Result<Option<Message>, Error> {
        let received = self.0.receive(Some(milliseconds(timeout)));
        received.map(|message| message.map(Message)).map_err(Error::from)
    }

    /// The messages, until both sides have closed. An error is the last.
    pub fn messages(&self) -> Messages<'_> {
        Messages { socket: self, is_over: false }
    }

    /// Closes the session with code 1000, and waits until the target has agreed.
    ///
    /// # Errors
    ///
    /// As [`close_with`](Self::close_with).
    pub fn close(&self) -> Result<(), Error> {
        self.close_with(1000, "")
    }

    /// Closes the session with this code and reason, and waits until the target has agreed and ended the
    /// connection. Messages that arrive until then can still be received.
    ///
    /// # Errors
    ///
    /// Fails with [`ErrorKind::InvalidRequest`] if the code may not be sent or the reason has more than 123
    /// bytes, with [`ErrorKind::TimedOut`] if the target does not agree within 5 seconds, with
    /// [`ErrorKind::ClosedEarly`] if it ends the connection instead, and with why the session is over if it was
    /// already.
    pub fn close_with(&self, code: u16, reason: &str) -> Result<(), Error> {
        self.0.close(code, reason).map_err(Error::from)
    }

    /// The subprotocol that the target chose among those offered.
    #[must_use]
    pub fn subprotocol(&self) -> Option<String> {
        self.0.subprotocol()
    }

    /// The first header of this name in the answer to the handshake, whatever its case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<String> {
        self.0.header(name)
    }
}

/// The messages of a session, as they come: see [`WebSocket::messages`].
#[derive(Debug)]
pub struct Messages<'a> {
    socket: &'a WebSocket,
    is_over: bool,
}

impl Iterator for Messages<'_> {
    type Item = Result<Message, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_over {
            return None;
        }
        let received = self.socket.recv();
        self.is_over = received.is_err();
        match received {
            Err(error) if error.kind() == ErrorKind::Closed => None,
            received => Some(received),
        }
    }
}

/// A message that has arrived whole. It is copied to the script only when asked for.
#[derive(Debug)]
pub struct Message(contract::Message);

impl Message {
    /// Whether it is text, and not bytes.
    #[must_use]
    pub fn is_text(&self) -> bool {
        self.0.is_text()
    }

    /// Its length in bytes, without copying it.
    #[must_use]
    pub fn length(&self) -> usize {
        self.0.length() as usize
    }

    /// A copy of it as text.
    #[must_use]
    pub fn text(&self) -> String {
        self.0.text()
    }

    /// A copy of its bytes.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        self.0.bytes()
    }

    /// It as a value of this type, from JSON.
    ///
    /// # Errors
    ///
    /// Fails if it is not JSON, or is JSON of another shape.
    #[cfg(feature = "json")]
    pub fn json<T: serde::de::DeserializeOwned>(&self) -> Result<T> {
        serde_json::from_slice(&self.bytes())
            .map_err(|error| format!("a message does not fit: {error}").into())
    }

    /// The part of a JSON message that a JSON Pointer names, such as `/items/0/price`, as JSON text.
    ///
    /// The engine finds it: the message is not copied.
    #[must_use]
    pub fn pointer(&self, pointer: &str) -> Option<String> {
        self.0.json(pointer)
    }

    /// The string in a JSON message that a JSON Pointer names; none if what it names is not a string.
    #[cfg(feature = "json")]
    #[must_use]
    pub fn pointer_str(&self, pointer: &str) -> Option<String> {
        serde_json::from_str(&self.pointer(pointer)?).ok()
    }

    /// When its last byte arrived, as [`timing::now`](crate::timing::now) counts.
    #[must_use]
    pub fn arrived(&self) -> Duration {
        duration(self.0.arrived())
    }

    /// Says that it is the answer that [`WebSocket::expect_answer`] announced under this key, on whichever
    /// socket of this virtual user: how long it took, which is recorded in `ws_msg_rtt`.
    ///
    /// None if no answer is expected under this key.
    pub fn answers(&self, key: &str) -> Option<Duration> {
        self.0.answers(key).map(duration)
    }
}

/// Why there is no session, or why it is over.
#[derive(Clone)]
pub struct Error {
    error: contract::Error,
    /// The answer, if it was that that refused.
    refusal: Option<Arc<Response>>,
}

impl From<contract::Error> for Error {
    fn from(error: contract::Error) -> Self {
        Self { error, refusal: None }
    }
}

impl Error {
    /// The case, to act on.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self.error {
            contract::Error::InvalidRequest(_) => ErrorKind::InvalidRequest,
            contract::Error::NameNotResolved => ErrorKind::NameNotResolved,
            contract::Error::ConnectionRefused => ErrorKind::ConnectionRefused,
            contract::Error::ConnectionReset => ErrorKind::ConnectionReset,
            contract::Error::ClosedEarly => ErrorKind::ClosedEarly,
            contract::Error::TimedOut => ErrorKind::TimedOut,
            contract::Error::Refused(_) => ErrorKind::Refused,
            contract::Error::MalformedHandshake(_) => ErrorKind::MalformedHandshake,
            contract::Error::ProtocolError(_) => ErrorKind::ProtocolError,
            contract::Error::MessageTooLarge => ErrorKind::MessageTooLarge,
            contract::Error::Closed(_) => ErrorKind::Closed,
            contract::Error::NotAllowed(_) => ErrorKind::NotAllowed,
            contract::Error::Other(_) => ErrorKind::Other,
        }
    }

    /// The status that a handshake was refused with.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        match self.error {
            contract::Error::Refused(status) => Some(status),
            _ => None,
        }
    }

    /// The answer that a handshake was refused with; of its body at most the first 64 KiB.
    #[must_use]
    pub fn response(&self) -> Option<&Response> {
        self.refusal.as_deref()
    }

    /// The code and reason that a session was closed with; the code is 1005 if none was given.
    #[must_use]
    pub fn close(&self) -> Option<(u16, &str)> {
        match &self.error {
            contract::Error::Closed(close) => Some((close.code, &close.reason)),
            _ => None,
        }
    }
}

/// The cases of an [`Error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The URL, a header, a subprotocol, or the code or reason of a close cannot be sent; nothing was.
    InvalidRequest,
    /// The host's name has no address.
    NameNotResolved,
    /// Nobody listens at the address.
    ConnectionRefused,
    /// The peer, or something on the way, broke the connection.
    ConnectionReset,
    /// The peer ended the connection without a close frame, or before the handshake was complete.
    ClosedEarly,
    /// The handshake, the writing of a message, the peer's answer to a ping or its agreement to close took too long.
    TimedOut,
    /// The peer refused the handshake: see [`Error::status`] and [`Error::response`].
    Refused,
    /// The peer's answer to the handshake is not one.
    MalformedHandshake,
    /// The peer broke the rules of the protocol.
    ProtocolError,
    /// The peer sent a message larger than the engine keeps.
    MessageTooLarge,
    /// The session was closed, or is being closed: see [`Error::close`].
    Closed,
    /// The engine or its user does not allow this.
    NotAllowed,
    /// Anything else.
    Other,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.error {
            contract::Error::InvalidRequest(why) => write!(f, "invalid request: {why}"),
            contract::Error::NameNotResolved => f.write_str("name not resolved"),
            contract::Error::ConnectionRefused => f.write_str("connection refused"),
            contract::Error::ConnectionReset => f.write_str("connection reset"),
            contract::Error::ClosedEarly => f.write_str("connection closed without a close frame"),
            contract::Error::TimedOut => f.write_str("timed out"),
            contract::Error::Refused(status) => write!(f, "handshake refused with status {status}"),
            contract::Error::MalformedHandshake(what) => write!(f, "malformed handshake: {what}"),
            contract::Error::ProtocolError(what) => write!(f, "protocol error: {what}"),
            contract::Error::MessageTooLarge => f.write_str("message too large"),
            contract::Error::Closed(close) if close.reason.is_empty() => {
                write!(f, "closed with code {}", close.code)
            }
            contract::Error::Closed(close) => {
                write!(f, "closed with code {}: {}", close.code, close.reason)
            }
            contract::Error::NotAllowed(what) => write!(f, "not allowed: {what}"),
            contract::Error::Other(what) => f.write_str(what),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Error {}
