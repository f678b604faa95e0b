//! Takes frames apart as they come, and makes messages of them (RFC 6455 §5).

use std::mem;

use super::Error;
use super::deflate::{Broken, Deflate};
use super::frame::{CONTROL, Close, HEADER, Message, Opcode, PACKED, is_code};

/// Memory set aside for a message because its frame says that it will come; a larger one grows as it does.
const SET_ASIDE: usize = 64 << 10;

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

    /// What was sent is not of the kind that it is said to be.
    fn inconsistent(what: &'static str) -> Self {
        Self { code: 1007, error: Error::Protocol(what) }
    }
}

/// Takes bytes as they come, and makes messages of them. Holds what has come of a message and, where messages
/// are packed, what the next may refer to.
pub(super) struct Decoder {
    /// The largest message.
    limit: usize,
    state: State,
    /// The message under way.
    message: Option<Partial>,
    /// How messages may be packed, if they may.
    deflate: Option<Deflate>,
}

/// As much of a message as has come.
#[derive(Default)]
struct Partial {
    is_text: bool,
    is_packed: bool,
    payload: Vec<u8>,
    /// How much of the payload is known to be text.
    checked: usize,
}

impl Partial {
    /// Finds out as soon as can be that this will never be text, as peers like to be told.
    fn check(&mut self) -> Result<(), Violation> {
        if !self.is_text || self.is_packed {
            return Ok(());
        }
        match str::from_utf8(&self.payload[self.checked..]) {
            Ok(text) => self.checked += text.len(),
            Err(error) if error.error_len().is_some() => {
                return Err(Violation::inconsistent("a text message is not UTF-8"));
            }
            // A letter may have been cut.
            Err(error) => self.checked += error.valid_up_to(),
        }
        Ok(())
    }
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
    pub(super) fn new(limit: usize, deflate: Option<Deflate>) -> Self {
        Self { limit, state: FRESH, message: None, deflate }
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
                    let message = self.message.get_or_insert_default();
                    let (taken, rest) = bytes.split_at((*left).min(bytes.len()));
                    message.payload.extend_from_slice(taken);
                    *bytes = rest;
                    *left -= taken.len();
                    let (is_final, is_whole) = (*is_final, *left == 0);
                    if is_whole {
                        self.state = FRESH;
                    }
                    if !(is_whole && is_final) {
                        message.check()?;
                    }
                    if !is_whole {
                        return Ok(None);
                    }
                    if is_final {
                        let message = self.message.take().unwrap_or_default();
                        return self.message_of(message).map(Arrived::Message).map(Some);
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
        let opcode = Opcode::of(header[0] & 0x0F);
        let begins = matches!(opcode, Some(Opcode::Text | Opcode::Binary));
        // Only the frame that begins a message says that it is packed (RFC 7692 §6.1).
        let is_packed = header[0] & 0x70 == PACKED && begins && self.deflate.is_some();
        if header[0] & 0x70 != 0 && !is_packed {
            return Err(Violation::protocol("a frame has reserved bits set"));
        }
        let Some(opcode) = opcode else {
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
            (_, None) => {
                let is_text = opcode == Opcode::Text;
                self.message = Some(Partial { is_text, is_packed, ..Partial::default() });
            }
        }
        let message = self.message.get_or_insert_default();
        // What does not pack grows a little by packing.
        let most = if message.is_packed { self.limit + self.limit / 256 + 64 } else { self.limit };
        if length > most - message.payload.len() {
            return Err(self.too_large());
        }
        if message.payload.is_empty() {
            message.payload.reserve_exact(length.min(SET_ASIDE));
        }
        Ok(State::Data { is_final, left: length })
    }

    /// What a whole message is.
    fn message_of(&mut self, message: Partial) -> Result<Message, Violation> {
        let Partial { is_text, is_packed, mut payload, .. } = message;
        if is_packed && let Some(deflate) = &mut self.deflate {
            payload = deflate.unpack(payload, self.limit).map_err(|broken| match broken {
                Broken::TooLarge => self.too_large(),
                Broken::NotDeflate => Violation::inconsistent("a message is not packed as it says"),
            })?;
        }
        if !is_text {
            return Ok(Message::Binary(payload));
        }
        let text = String::from_utf8(payload);
        text.map(Message::Text).map_err(|_| Violation::inconsistent("a text message is not UTF-8"))
    }

    fn too_large(&self) -> Violation {
        Violation { code: 1009, error: Error::MessageTooLarge(self.limit) }
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
        Err(_) => Err(Violation::inconsistent("the reason of a close frame is not UTF-8")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::websocket::deflate::pack;
    use crate::websocket::frame::encode;

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
        decoded_with(Decoder::new(LIMIT, None), bytes, piece)
    }

    /// The same where messages may be packed.
    fn unpacked(bytes: &[u8], piece: usize) -> Result<Vec<Arrived>, Violation> {
        let offered = b"permessage-deflate; server_no_context_takeover";
        let deflate = Deflate::agreed([&offered[..]].into_iter()).expect("it was offered");
        decoded_with(Decoder::new(LIMIT, deflate), bytes, piece)
    }

    fn decoded_with(
        mut decoder: Decoder,
        bytes: &[u8],
        piece: usize,
    ) -> Result<Vec<Arrived>, Violation> {
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
        let mut noise = noise();
        for turn in 0..20_000 {
            let mask = if turn % 2 == 0 { 0x8F } else { 0xFF };
            let bytes: Vec<u8> = noise.by_ref().map(|byte| byte & mask).take(24).collect();
            let whole = decoded(&bytes, bytes.len());
            assert_eq!(decoded(&bytes, 1), whole, "{bytes:x?}");
            let whole = unpacked(&bytes, bytes.len());
            assert_eq!(unpacked(&bytes, 1), whole, "{bytes:x?}");
        }
    }

    #[test]
    fn a_message_takes_no_more_memory_than_has_come_and_a_little() {
        let mut decoder = Decoder::new(1 << 30, None);
        let mut header = &b"\x82\x7f\0\0\0\0\x10\0\0\0"[..];
        assert_eq!(decoder.decode(&mut header), Ok(None));
        let message = &decoder.message.as_ref().expect("it has begun").payload;
        assert!(message.capacity() <= SET_ASIDE, "{}", message.capacity());
    }

    #[test]
    fn packed_messages_come_whole_however_they_were_cut() {
        let long = "ä".repeat(30_000);
        let packed = pack(long.as_bytes());
        let (first, rest) = packed.split_at(packed.len() / 2);
        let wire = [
            frame(0xC1, &pack(b"hello")),
            // In three fragments, with a control frame and an empty one between them.
            frame(0x41, first),
            frame(0x89, b"are you there"),
            frame(0x00, b""),
            frame(0x80, rest),
            // Not each message must be packed.
            frame(0x82, b"plain"),
            frame(0xC2, &pack(b"")),
        ]
        .concat();
        let expected = [
            Arrived::Message(Message::Text("hello".into())),
            Arrived::Ping(b"are you there".to_vec()),
            Arrived::Message(Message::Text(long)),
            Arrived::Message(Message::Binary(b"plain".to_vec())),
            Arrived::Message(Message::Binary(Vec::new())),
        ];
        for piece in [1, 2, 3, 7, 1_000, wire.len()] {
            assert_eq!(unpacked(&wire, piece).expect("no rule is broken"), expected, "{piece}");
        }
    }

    #[test]
    fn each_broken_rule_of_packing_is_told_apart() {
        let hello = pack(b"hello");
        let bomb = pack(&vec![0; LIMIT + 1]);
        for (wire, code, words) in [
            (frame(0xA1, b"x"), 1002, "reserved bits"),
            (frame(0xE1, &hello), 1002, "reserved bits"),
            (frame(0xC9, b"x"), 1002, "reserved bits"),
            (frame(0xC8, b""), 1002, "reserved bits"),
            (frame(0xC3, b"x"), 1002, "reserved bits"),
            ([frame(0x41, &hello[..2]), frame(0xC0, &hello[2..])].concat(), 1002, "reserved bits"),
            (frame(0xC1, b"plain"), 1007, "not packed as it says"),
            (frame(0xC1, b""), 1007, "not packed as it says"),
            (frame(0xC1, &hello[..3]), 1007, "not packed as it says"),
            (frame(0xC1, &pack(b"\xff")), 1007, "not UTF-8"),
            (frame(0xC2, &bomb), 1009, "larger than 70000"),
            (frame(0xC2, &vec![0; LIMIT + LIMIT / 256 + 65]), 1009, "larger than 70000"),
        ] {
            let violation = unpacked(&wire, 5).unwrap_err();
            assert_eq!(violation.code, code, "{violation:?}");
            assert!(violation.error.to_string().contains(words), "{violation:?}: {words}");
        }
        let incompressible: Vec<u8> = noise().take(LIMIT).collect();
        let packed = frame(0xC2, &pack(&incompressible));
        assert!(packed.len() > LIMIT, "it does not pack");
        let message = Arrived::Message(Message::Binary(incompressible));
        assert_eq!(unpacked(&packed, packed.len()), Ok(vec![message]));
    }

    #[test]
    fn what_will_never_be_text_is_refused_before_it_is_whole() {
        // The message goes on after each of these, and nobody needs to wait for that.
        for begun in [
            &b"\x01\x03ok\xff"[..],
            b"\x81\x05ok\xff",
            b"\x81\x7e\x01\x00\xed\xa0",
            b"\x81\x7e\x01\x00\xf4\x90",
            b"\x01\x02a\xc3\x00\x01\x28",
        ] {
            let violation = decoded(begun, 1).expect_err("it is not text");
            assert_eq!(violation.code, 1007, "{}", begun.escape_ascii());
        }
        for begun in [&b"\x01\x02a\xc3"[..], b"\x81\x7e\x01\x00\xf4\x8f\xbf", b"\x02\x01\xff"] {
            assert_eq!(decoded(begun, 1), Ok(Vec::new()), "{}", begun.escape_ascii());
        }
    }

    /// Bytes that do not pack: Knuth's linear congruential generator, the same each time.
    fn noise() -> impl Iterator<Item = u8> {
        let mut state = 1u64;
        std::iter::repeat_with(move || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 56) as u8
        })
    }
}
