//! How long each part of an exchange took.

use std::time::Duration;

/// The parts of an exchange, in the order they happen. They follow each other without a gap, so their sum is
/// the whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timings {
    /// Before anything else could begin.
    pub blocked: Duration,
    /// Finding the address of the host's name; zero for an address and on a connection kept alive.
    pub dns: Duration,
    /// Making the TCP connection, and having a proxy connect further; zero on a connection kept alive.
    pub connecting: Duration,
    /// The TLS handshake; zero without TLS and on a connection kept alive.
    pub tls: Duration,
    /// From the connection being there, TLS included, to the request's last byte.
    pub sending: Duration,
    /// From the request's last byte to the response's first.
    pub waiting: Duration,
    /// From the response's first byte to its last.
    pub receiving: Duration,
}

impl Timings {
    /// From the moment the exchange was asked for to its end.
    #[must_use]
    pub fn total(&self) -> Duration {
        self.blocked + self.dns + self.connecting + self.tls + self.duration()
    }

    /// `sending + waiting + receiving`: k6's `http_req_duration`.
    #[must_use]
    pub fn duration(&self) -> Duration {
        self.sending + self.waiting + self.receiving
    }
}
