//! An exchange as those sinks see it that show single ones: `http_debug`, `har`.

use std::time::{Duration, SystemTime};

/// A request that was made, and what came of it. Secrets are in it: whoever shows it
/// [takes them out](Self::without_secrets) first.
#[derive(Clone, Debug)]
pub struct Exchanged {
    /// The VU that made it; 0 is `setup` and `teardown`.
    pub vu: u32,
    /// Its scenario; empty for 0.
    pub scenario: String,
    /// When it began.
    pub started: SystemTime,
    /// The method.
    pub method: String,
    /// The URL, without a fragment.
    pub url: String,
    /// As k6's tag has it: `HTTP/1.1`, `HTTP/2.0`.
    pub proto: String,
    /// What was sent.
    pub request: Message,
    /// What came back, or in words why nothing did.
    pub outcome: Result<Answer, String>,
    /// How long each part took.
    pub phases: Phases,
    /// Bytes on the wire: those sent, those received.
    pub wire: (u64, u64),
    /// The peer's address, once there was a connection.
    pub remote: Option<String>,
}

/// A response.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// Its headers and its body.
    pub message: Message,
}

/// Headers and a body.
#[derive(Clone, Debug, Default)]
pub struct Message {
    /// Names and values, in order; bytes that are not text are U+FFFD.
    pub headers: Vec<(String, String)>,
    /// What is known of the body.
    pub body: Vec<u8>,
    /// How long the whole body is.
    pub length: u64,
}

/// How long each part of an exchange took, in the order they happen.
#[derive(Clone, Copy, Debug, Default)]
pub struct Phases {
    /// Before anything else could begin.
    pub blocked: Duration,
    /// Finding the host's address.
    pub looking_up: Duration,
    /// Making the connection, without TLS.
    pub connecting: Duration,
    /// The TLS handshake.
    pub tls_handshaking: Duration,
    /// Writing the request.
    pub sending: Duration,
    /// From the request's last byte to the response's first.
    pub waiting: Duration,
    /// From the response's first byte to its last.
    pub receiving: Duration,
}

impl Phases {
    /// All of them.
    pub fn total(&self) -> Duration {
        self.blocked
            + self.looking_up
            + self.connecting
            + self.tls_handshaking
            + self.sending
            + self.waiting
            + self.receiving
    }
}

impl Message {
    /// The first value of a header, whatever the case of its name.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        headers.find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}
