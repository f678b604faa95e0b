//! Frames: what messages look like on the wire (RFC 6455 §5). How they come back out of it stands in `decoder`.
//!
//! ```text
//! byte 0   final · reserved ×3 · opcode ×4
//! byte 1   masked · length ×7; 126: two bytes of length follow, 127: eight
//!          4 bytes of mask, if masked: from client to server always, from server to client never
//!          the payload
//! ```

use crate::entropy::random;

/// The most that the payload of a control frame holds (§5.5).
pub(super) const CONTROL: usize = 125;
/// The longest header of a frame that is not masked.
pub(super) const HEADER: usize = 10;

/// What one side says to the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// Text.
    Text(String),
    /// Bytes.
    Binary(Vec<u8>),
}

impl Message {
    /// Its length in bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.as_bytes().len()
    }

    /// Whether it has no bytes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Its bytes; those of text are UTF-8.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Text(text) => text.as_bytes(),
            Self::Binary(bytes) => bytes,
        }
    }
}

/// Why a session was closed, as one side told the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Close {
    /// The status code (§7.4): 1000 is as it should be, 1005 that none was told.
    pub code: u16,
    /// The reason, in words; often empty.
    pub reason: String,
}

impl Close {
    /// That no code was told.
    pub(super) const NO_CODE: u16 = 1005;

    /// Whether this code and reason may be sent: 1000, 1001, 1003, 1007 to 1014 and 3000 to 4999, as RFC 6455
    /// and its registry have them, and at most 123 bytes of words.
    #[must_use]
    pub fn may_be_sent(code: u16, reason: &str) -> bool {
        is_code(code) && code != 1002 && reason.len() <= CONTROL - 2
    }

    /// A close with this code and no words.
    pub(super) fn of(code: u16) -> Self {
        Self { code, reason: String::new() }
    }

    /// What its frame carries: nothing if it tells no code.
    pub(super) fn payload(&self) -> Vec<u8> {
        let mut payload = Vec::new();
        if self.code != Self::NO_CODE {
            payload.extend_from_slice(&self.code.to_be_bytes());
            payload.extend_from_slice(self.reason.as_bytes());
        }
        payload
    }
}

/// Whether a close frame may have this code. 1002 is the client's own to send.
pub(super) fn is_code(code: u16) -> bool {
    matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999)
}

/// What a frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Opcode {
    Continuation = 0x0,
    Text = 0x1,
    Binary = 0x2,
    Close = 0x8,
    Ping = 0x9,
    Pong = 0xA,
}

impl Opcode {
    pub(super) fn of(number: u8) -> Option<Self> {
        [Self::Continuation, Self::Text, Self::Binary, Self::Close, Self::Ping, Self::Pong]
            .into_iter()
            .find(|opcode| *opcode as u8 == number)
    }

    pub(super) fn is_control(self) -> bool {
        self as u8 >= 0x8
    }
}

/// The bit of a frame's first byte that says that its message is packed (RFC 7692 §6).
pub(super) const PACKED: u8 = 0x40;

/// Appends a whole message or control frame, masked as a client's must be.
pub(super) fn encode(opcode: Opcode, payload: &[u8], into: &mut Vec<u8>) {
    encode_as(opcode as u8, payload, into);
}

/// Appends a whole message that has been packed.
pub(super) fn encode_packed(opcode: Opcode, payload: &[u8], into: &mut Vec<u8>) {
    encode_as(PACKED | opcode as u8, payload, into);
}

fn encode_as(kind: u8, payload: &[u8], into: &mut Vec<u8>) {
    let mask = (random() as u32).to_ne_bytes();
    into.reserve_exact(HEADER + 4 + payload.len());
    into.push(0x80 | kind);
    match payload.len() {
        length @ 0..=125 => into.push(0x80 | length as u8),
        length @ 126..=0xFFFF => {
            into.push(0x80 | 126);
            into.extend_from_slice(&(length as u16).to_be_bytes());
        }
        length => {
            into.push(0x80 | 127);
            into.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
    into.extend_from_slice(&mask);
    let start = into.len();
    into.extend_from_slice(payload);
    for four in into[start..].chunks_mut(4) {
        for (byte, mask) in four.iter_mut().zip(mask) {
            *byte ^= mask;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_messages_have_the_same_mask() {
        let masked = |_| {
            let mut sent = Vec::new();
            encode(Opcode::Text, b"again and again", &mut sent);
            sent
        };
        let sent: std::collections::BTreeSet<_> = (0..100).map(masked).collect();
        assert!(sent.len() > 98, "a mask of 32 bits comes again by chance only");
    }

    #[test]
    fn codes_are_those_that_mean_something_on_the_wire() {
        for (code, sent) in [
            (1000, true),
            (1001, true),
            (1002, false),
            (1004, false),
            (1005, false),
            (1006, false),
            (1011, true),
            (1015, false),
            (2999, false),
            (3000, true),
            (4999, true),
            (5000, false),
        ] {
            assert_eq!(Close::may_be_sent(code, ""), sent, "{code}");
        }
        assert!(Close::may_be_sent(1000, &"x".repeat(123)));
        assert!(!Close::may_be_sent(1000, &"x".repeat(124)));
    }
}
