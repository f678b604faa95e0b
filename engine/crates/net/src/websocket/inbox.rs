//! Messages that have arrived and wait to be received.

use std::collections::VecDeque;

use tokio::time::Instant;

use super::frame::Message;

/// Messages that wait to be received before no more are read: the peer then has to wait, as with any slow
/// reader. Arbitrary.
const WAITING: usize = 1_024;
/// Likewise, in bytes.
const WAITING_BYTES: usize = 1 << 20;

/// A message, and when its last byte came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// The message.
    pub message: Message,
    /// When it arrived, whenever it was asked for.
    pub arrived: Instant,
}

/// What waits to be received, the oldest first.
#[derive(Default)]
pub(super) struct Inbox {
    messages: VecDeque<Received>,
    bytes: usize,
    /// Whether nobody will receive any more.
    shut: bool,
}

impl Inbox {
    /// Whether no more should be read.
    pub(super) fn is_full(&self) -> bool {
        self.messages.len() >= WAITING || self.bytes >= WAITING_BYTES
    }

    /// Takes in a message that arrives now.
    pub(super) fn put(&mut self, message: Message) {
        if !self.shut {
            self.bytes += message.len();
            self.messages.push_back(Received { message, arrived: Instant::now() });
        }
    }

    /// Hands over the message that came first.
    pub(super) fn take(&mut self) -> Option<Received> {
        let received = self.messages.pop_front()?;
        self.bytes -= received.message.len();
        if self.messages.is_empty() {
            // What a burst has made large is given back.
            self.messages = VecDeque::new();
        }
        Some(received)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    /// Lets go of what there is, and of whatever comes from now on.
    pub(super) fn shut(&mut self) {
        *self = Self { shut: true, ..Self::default() };
    }
}
