//! Why there is no session, or no longer one.

/// Why a connection did not become a session, or why a session broke.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The connection was not made or broke, as any may.
    #[error(transparent)]
    Connection(#[from] crate::Error),
    /// The peer answered the handshake with this status instead of 101.
    #[error("handshake refused with status {0}")]
    Refused(u16),
    /// The peer agreed to the handshake, but not to the one that was asked for.
    #[error("malformed handshake: {0}")]
    Handshake(String),
    /// The peer broke the rules of the protocol.
    #[error("protocol error: {0}")]
    Protocol(&'static str),
    /// A message is larger than is kept.
    #[error("message larger than {0} bytes")]
    MessageTooLarge(usize),
    /// The peer ended the connection without a close frame.
    #[error("connection closed without a close frame")]
    ClosedEarly,
}

impl Error {
    /// k6's number for it, as its `error_code` tag has it.
    #[must_use]
    pub fn code(&self) -> u16 {
        match self {
            Self::Connection(error) => error.code(),
            Self::Refused(status) => 1000 + status,
            Self::Handshake(_)
            | Self::Protocol(_)
            | Self::MessageTooLarge(_)
            | Self::ClosedEarly => 1000,
        }
    }

    /// A few words for it, the same for all of its kind.
    #[must_use]
    pub fn label(&self) -> &'static str {
        match self {
            Self::Connection(error) => error.label(),
            Self::Refused(_) => "handshake refused",
            Self::Handshake(_) => "malformed handshake",
            Self::Protocol(_) => "protocol error",
            Self::MessageTooLarge(_) => "message too large",
            Self::ClosedEarly => "closed early",
        }
    }
}
