//! Frames: what messages look like on the wire, and how they come back out of it (RFC 6455 §5).
//!
//! ```text
//! byte 0   final · reserved ×3 · opcode ×4
//! byte 1   masked · length ×7; 126: two bytes of length follow, 127: eight
//!          4 bytes of mask, if masked: from client to server always, from server to client never
//!          the payload
//! ```

use std::mem;

use super::Error;
use crate::entropy::random;

/// Memory set aside for a message because its frame says that it will come; a larger one grows as it does.
const SET_ASIDE: usize = 64 << 10;
/// The most that the payload of a control frame holds (§5.5).
const CONTROL: usize = 125;
/// The longest header of a frame that is not masked.
const HEADER: usize = 10;

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
}

/// Whether a close frame may have this code. 1002 is the client's own to send.
fn is_code(code: u16) -> bool {
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
    fn of(number: u8) -> Option<Self> {
        [Self::Continuation, Self::Text, Self::Binary, Self::Close, Self::Ping, Self::Pong]
            .into_iter()
            .find(|opcode| *opcode as u8 == number)
    }

    fn is_control(self) -> bool {
        self as u8 >= 0x8
    }
}

/// Appends a whole message or control frame, masked as a client's must be.
pub(super) fn encode(opcode: Opcode, payload: &[u8], into: &mut Vec<u8>) {
    let mask = (random() as u32).to_ne_bytes();
    into.reserve_exact(HEADER + 4 + payload.len());
    into.push(0x80 | opcode as u8);
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

/// Appends a close frame; one without a code if that is [`Close::NO_CODE`].
pub(super) fn encode_close(close: &Close, into: &mut Vec<u8>) {
    let mut payload = Vec::new();
    if close.code != Close::NO_CODE {
        payload.extend_from_slice(&close.code.to_be_bytes());
        payload.extend_from_slice(close.reason.as_bytes());
    }
    encode(Opcode::Close, &payload, into);
}

/// What has come whole.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Arrived {
    Message(Message),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(Close),
}

/// How the peer broke the rules.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Violation {
    /// What to tell it.
    pub(super) code: u16,
    /// What to tell everybody else.
    pub(super) error: Error,
}

impl Violation {
    fn protocol(what: &'static str) -> Self {
        Self { code: 1002, error: Error::Protocol(what) }
    }

    fn not_text(what: &'static str) -> Self {
        Self { code: 1007, error: Error::Protocol(what) }
    }
}

/// Takes bytes as they come, and makes messages of them. Holds what has come of a message and nothing else.
pub(super) struct Decoder {
    /// The largest message.
    limit: usize,
    state: State,
    /// The message under way, whether it is text, and its payload so far.
    message: Option<(bool, Vec<u8>)>,
}

enum State {
    /// A part of a header has come.
    Header { bytes: [u8; HEADER], length: usize },
    /// A part of the payload of a message's frame has come.
    Data { is_final: bool, left: usize },
    /// A part of a control frame has come.
    Control { opcode: Opcode, payload: Vec<u8>, length: usize },
}

const FRESH: State = State::Header { bytes: [0; HEADER], length: 0 };

impl Decoder {
    pub(super) fn new(limit: usize) -> Self {
        Self { limit, state: FRESH, message: None }
    }

    /// Takes from the front of these bytes until something has come whole; none when they are used up.
    ///
    /// Fails if the peer breaks the rules; nothing can be made of what follows then.
    pub(super) fn decode(&mut self, bytes: &mut &[u8]) -> Result<Option<Arrived>, Violation> {
        loop {
            match &mut self.state {
                State::Header { bytes: header, length } => {
                    let wanted = wanted(&header[..*length]);
                    if *length < wanted {
                        let Some((&first, rest)) = bytes.split_first() else { return Ok(None) };
                        header[*length] = first;
                        *length += 1;
                        *bytes = rest;
                    } else {
                        let header = *header;
                        self.state = self.begin(&header[..wanted])?;
                    }
                }
                State::Data { is_final, left } => {
                    let (is_text, message) = self.message.get_or_insert_default();
                    let (taken, rest) = bytes.split_at((*left).min(bytes.len()));
                    message.extend_from_slice(taken);
                    *bytes = rest;
                    *left -= taken.len();
                    if *left > 0 {
                        return Ok(None);
                    }
                    let (is_final, is_text) = (*is_final, *is_text);
                    self.state = FRESH;
                    if is_final {
                        let (_, payload) = self.message.take().unwrap_or_default();
                        return message_of(is_text, payload)
                            .map(|message| Some(Arrived::Message(message)));
                    }
                }
                State::Control { opcode, payload, length } => {
                    let (taken, rest) = bytes.split_at((*length - payload.len()).min(bytes.len()));
                    payload.extend_from_slice(taken);
                    *bytes = rest;
                    if payload.len() < *length {
                        return Ok(None);
                    }
                    let (opcode, payload) = (*opcode, mem::take(payload));
                    self.state = FRESH;
                    return Ok(Some(match opcode {
                        Opcode::Close => Arrived::Close(close_of(&payload)?),
                        Opcode::Ping => Arrived::Ping(payload),
                        _ => Arrived::Pong(payload),
                    }));
                }
            }
        }
    }

    /// What a whole header begins.
    fn begin(&mut self, header: &[u8]) -> Result<State, Violation> {
        let is_final = header[0] & 0x80 != 0;
        if header[0] & 0x70 != 0 {
            return Err(Violation::protocol("a frame has reserved bits set"));
        }
        let Some(opcode) = Opcode::of(header[0] & 0x0F) else {
            return Err(Violation::protocol("a frame has an opcode that is none"));
        };
        if header[1] & 0x80 != 0 {
            return Err(Violation::protocol("a frame from the server is masked"));
        }
        let long = header[2..].iter().fold(0u64, |sum, &byte| sum << 8 | u64::from(byte));
        let (length, shortest) = match header[1] & 0x7F {
            127 => (long, 0x1_0000),
            126 => (long, 126),
            length => (u64::from(length), 0),
        };
        // What is longer than any memory is too large like anything else.
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        if length < shortest {
            return Err(Violation::protocol(
                "a frame's length is not written in its shortest form",
            ));
        }
        if opcode.is_control() {
            if !is_final || length > CONTROL {
                return Err(Violation::protocol("a control frame is fragmented or too long"));
            }
            return Ok(State::Control { opcode, payload: Vec::with_capacity(length), length });
        }
        match (opcode, &self.message) {
            (Opcode::Continuation, None) => {
                return Err(Violation::protocol("a frame continues a message that was not begun"));
            }
            (Opcode::Continuation, Some(_)) => {}
            (_, Some(_)) => {
                return Err(Violation::protocol("a message begins before the last one has ended"));
            }
            (_, None) => self.message = Some((opcode == Opcode::Text, Vec::new())),
        }
        let (_, message) = self.message.get_or_insert_default();
        if length > self.limit - message.len() {
            return Err(Violation { code: 1009, error: Error::MessageTooLarge(self.limit) });
        }
        if message.is_empty() {
            message.reserve_exact(length.min(SET_ASIDE));
        }
        Ok(State::Data { is_final, left: length })
    }
}

/// How long a header that begins so is.
fn wanted(header: &[u8]) -> usize {
    match header.get(1).map(|second| second & 0x7F) {
        Some(127) => 10,
        Some(126) => 4,
        Some(_) | None => 2,
    }
}

fn message_of(is_text: bool, payload: Vec<u8>) -> Result<Message, Violation> {
    if !is_text {
        return Ok(Message::Binary(payload));
    }
    let text = String::from_utf8(payload);
    text.map(Message::Text).map_err(|_| Violation::not_text("a text message is not UTF-8"))
}

fn close_of(payload: &[u8]) -> Result<Close, Violation> {
    let Some((code, reason)) = payload.split_first_chunk() else {
        if payload.is_empty() {
            return Ok(Close { code: Close::NO_CODE, reason: String::new() });
        }
        return Err(Violation::protocol("a close frame has half a code"));
    };
    let code = u16::from_be_bytes(*code);
    if !is_code(code) {
        return Err(Violation::protocol("a close frame has a code that is none"));
    }
    match str::from_utf8(reason) {
        Ok(reason) => Ok(Close { code, reason: reason.to_owned() }),
        Err(_) => Err(Violation::not_text("the reason of a close frame is not UTF-8")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: usize = 70_000;

    /// A frame as a server sends it.
    fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
        let mut frame = vec![first];
        match payload.len() {
            length @ 0..=125 => frame.push(length as u8),
            length @ 126..=0xFFFF => {
                frame.push(126);
                frame.extend_from_slice(&(length as u16).to_be_bytes());
            }
            length => {
                frame.push(127);
                frame.extend_from_slice(&(length as u64).to_be_bytes());
            }
        }
        frame.extend_from_slice(payload);
        frame
    }

    /// All that comes of these bytes, when they come in pieces of this length.
    fn decoded(bytes: &[u8], piece: usize) -> Result<Vec<Arrived>, Violation> {
        let mut decoder = Decoder::new(LIMIT);
        let mut all = Vec::new();
        for mut piece in bytes.chunks(piece) {
            while let Some(arrived) = decoder.decode(&mut piece)? {
                all.push(arrived);
            }
            assert!(piece.is_empty(), "what is not taken is lost");
        }
        Ok(all)
    }

    #[test]
    fn what_is_sent_comes_back_when_it_is_unmasked() {
        for length in [0, 1, 3, 4, 5, 125, 126, 127, 65_535, 65_536, 65_537] {
            let payload: Vec<u8> = (0..length).map(|place| place as u8).collect();
            let mut sent = Vec::new();
            encode(Opcode::Binary, &payload, &mut sent);
            assert_eq!(sent[1] & 0x80, 0x80, "a client masks");
            let header = wanted(&sent);
            let (mask, masked) = sent[header..].split_first_chunk::<4>().expect("there is a mask");
            let plain: Vec<u8> =
                masked.iter().enumerate().map(|(place, byte)| byte ^ mask[place % 4]).collect();
            let mut unmasked = sent[..header].to_vec();
            unmasked[1] &= 0x7F;
            unmasked.extend_from_slice(&plain);
            let message = Arrived::Message(Message::Binary(payload));
            assert_eq!(decoded(&unmasked, unmasked.len()), Ok(vec![message]), "{length}");
        }
    }

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
    fn messages_come_whole_however_they_were_cut() {
        let long = "ä".repeat(30_000);
        let wire = [
            frame(0x81, "hé".as_bytes()),
            // In three fragments, cut inside a letter, with control frames between them.
            frame(0x01, b"h\xc3"),
            frame(0x89, b"are you there"),
            frame(0x00, b"\xa9"),
            frame(0x8A, b""),
            frame(0x80, b"!"),
            frame(0x82, &[0xFF; 200]),
            frame(0x82, b""),
            frame(0x81, long.as_bytes()),
            frame(0x88, b"\x03\xe8bye"),
        ]
        .concat();
        let expected = [
            Arrived::Message(Message::Text("hé".into())),
            Arrived::Ping(b"are you there".to_vec()),
            Arrived::Pong(Vec::new()),
            Arrived::Message(Message::Text("hé!".into())),
            Arrived::Message(Message::Binary(vec![0xFF; 200])),
            Arrived::Message(Message::Binary(Vec::new())),
            Arrived::Message(Message::Text(long)),
            Arrived::Close(Close { code: 1000, reason: "bye".into() }),
        ];
        for piece in [1, 2, 3, 7, 1_000, wire.len()] {
            assert_eq!(decoded(&wire, piece).expect("no rule is broken"), expected, "{piece}");
        }
    }

    #[test]
    fn each_broken_rule_is_told_apart() {
        let broken = |first, payload: &[u8]| decoded(&frame(first, payload), 1).unwrap_err();
        for (violation, code, words) in [
            (broken(0xC1, b"x"), 1002, "reserved bits"),
            (broken(0x91, b"x"), 1002, "reserved bits"),
            (broken(0x83, b"x"), 1002, "opcode"),
            (broken(0x8B, b"x"), 1002, "opcode"),
            (broken(0x80, b"x"), 1002, "not begun"),
            (broken(0x09, b"x"), 1002, "control frame"),
            (broken(0x89, &[0; 126]), 1002, "control frame"),
            (broken(0x88, b"\x03"), 1002, "half a code"),
            (broken(0x88, b"\x03\xed"), 1002, "a code that is none"),
            (broken(0x88, b"\x03\xe8\xff"), 1007, "not UTF-8"),
            (broken(0x81, b"\xff"), 1007, "not UTF-8"),
            (broken(0x81, b"cut \xc3"), 1007, "not UTF-8"),
            (broken(0x82, &[0; LIMIT + 1]), 1009, "larger than 70000"),
            (decoded(b"\x81\x81mask\x00", 1).unwrap_err(), 1002, "masked"),
            (decoded(b"\x82\x7e\x00\x01x", 1).unwrap_err(), 1002, "shortest form"),
            (decoded(b"\x82\x7f\0\0\0\0\0\0\x01\0", 1).unwrap_err(), 1002, "shortest form"),
            (decoded(b"\x82\x7f\xff\xff\xff\xff\xff\xff\xff\xff", 1).unwrap_err(), 1009, "larger"),
            (
                decoded(&[frame(0x01, b"a"), frame(0x81, b"b")].concat(), 1).unwrap_err(),
                1002,
                "before the last one",
            ),
            (
                decoded(&[frame(0x02, &[0; LIMIT]), frame(0x80, b"b")].concat(), 999).unwrap_err(),
                1009,
                "larger than 70000",
            ),
        ] {
            assert_eq!(violation.code, code, "{violation:?}");
            assert!(violation.error.to_string().contains(words), "{violation:?}: {words}");
        }
    }

    #[test]
    fn no_bytes_are_beyond_it() {
        // Knuth's linear congruential generator: the same bytes each time.
        let mut state = 1u64;
        for _ in 0..20_000 {
            let bytes: Vec<u8> = (0..24)
                .map(|_| {
                    state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    (state >> 56) as u8 & if state & 1 == 0 { 0x8F } else { 0xFF }
                })
                .collect();
            let whole = decoded(&bytes, bytes.len());
            assert_eq!(decoded(&bytes, 1), whole, "{bytes:x?}");
        }
    }

    #[test]
    fn a_message_takes_no_more_memory_than_has_come_and_a_little() {
        let mut decoder = Decoder::new(1 << 30);
        let mut header = &b"\x82\x7f\0\0\0\0\x10\0\0\0"[..];
        assert_eq!(decoder.decode(&mut header), Ok(None));
        let (_, message) = decoder.message.as_ref().expect("it has begun");
        assert!(message.capacity() <= SET_ASIDE, "{}", message.capacity());
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
