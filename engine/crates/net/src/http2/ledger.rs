//! Whose bytes go over a connection, and when.
//!
//! The heads of frames are read as they pass, nine bytes each; what is in them is the library's business. Bytes
//! of a stream's frames are its exchange's. All others (settings, pings, windows of the connection, what TLS adds)
//! belong to none, and are given to the exchange that ends next: so everything is counted, and once.

use std::mem;

use tokio::time::Instant;

use crate::error::Error;
use crate::stream::Traffic;

/// What a client says first (RFC 9113 §3.4).
pub(super) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

const DATA: u8 = 0x0;
const HEADERS: u8 = 0x1;
const CONTINUATION: u8 = 0x9;
const END_STREAM: u8 = 0x1;
const END_HEADERS: u8 = 0x4;

/// What is known of one connection.
#[derive(Debug)]
pub(super) struct Ledger {
    /// Those of the streams under way, in the order of their numbers.
    accounts: Vec<Account>,
    going: Frames,
    coming: Frames,
    /// Bytes on the wire that are no stream's; less than none while TLS holds back what it has taken.
    loose: (i64, i64),
    /// Streams whose last byte was taken and is not on the wire yet.
    unsent: Vec<u32>,
    /// How many bytes have come.
    heard: u64,
    /// The first bytes that came, as far as they tell that a peer speaks something else.
    first: First,
    /// Why nothing goes over it any more, if that is so.
    ended: Option<Error>,
    /// Whether the peer may be gone.
    distrusted: bool,
    /// How often it may be read from in this turn.
    pub(super) reads: u32,
}

/// What came first of all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum First {
    /// So many bytes, each as an answer of HTTP/1.1 would begin.
    Http1(usize),
    Other,
}

/// What went over the wire for one stream since it was last asked.
#[derive(Debug)]
pub(super) struct Account {
    stream: u32,
    pub(super) sent: u64,
    pub(super) received: u64,
    /// How many bytes of bodies have come, with their padding; since it began.
    pub(super) content: u64,
    /// When a part of the request was written last.
    pub(super) written: Option<Instant>,
    /// Whether its last byte is on the wire.
    pub(super) whole: bool,
    /// When the first byte of the response came.
    pub(super) answered: Option<Instant>,
    /// Whether its last byte has come.
    pub(super) complete: bool,
}

impl Account {
    fn new(stream: u32) -> Self {
        Self {
            stream,
            sent: 0,
            received: 0,
            content: 0,
            written: None,
            whole: false,
            answered: None,
            complete: false,
        }
    }
}

/// Which way bytes went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Out,
    In,
}

impl Ledger {
    pub(super) fn new() -> Self {
        Self {
            accounts: Vec::new(),
            going: Frames::after(PREFACE.len()),
            coming: Frames::after(0),
            loose: (0, 0),
            unsent: Vec::new(),
            heard: 0,
            first: First::Http1(0),
            ended: None,
            distrusted: false,
            reads: 0,
        }
    }

    /// Opens the account of a stream, which has a higher number than any before.
    pub(super) fn open(&mut self, stream: u32) {
        self.accounts.push(Account::new(stream));
    }

    /// Closes the account of a stream. What nobody has taken from it is nobody's.
    pub(super) fn close(&mut self, stream: u32) {
        if let Ok(place) = self.place(stream) {
            let Account { sent, received, .. } = self.accounts.remove(place);
            self.loose.0 += as_signed(sent);
            self.loose.1 += as_signed(received);
        }
        self.unsent.retain(|unsent| *unsent != stream);
    }

    /// The account of a stream, if it is open.
    pub(super) fn account(&mut self, stream: u32) -> Option<&mut Account> {
        self.place(stream).ok().map(|place| &mut self.accounts[place])
    }

    fn place(&self, stream: u32) -> Result<usize, usize> {
        self.accounts.binary_search_by_key(&stream, |account| account.stream)
    }

    /// How many streams are under way.
    pub(super) fn streams(&self) -> usize {
        self.accounts.len()
    }

    /// Takes what is no stream's.
    pub(super) fn take_loose(&mut self) -> Traffic {
        let take = |loose: &mut i64| match u64::try_from(*loose) {
            Ok(bytes) => {
                *loose = 0;
                bytes
            }
            Err(_) => 0,
        };
        Traffic { sent: take(&mut self.loose.0), received: take(&mut self.loose.1) }
    }

    /// So much went over the wire.
    pub(super) fn carried(&mut self, traffic: Traffic) {
        self.loose.0 += as_signed(traffic.sent);
        self.loose.1 += as_signed(traffic.received);
        self.heard += traffic.received;
    }

    /// These bytes were taken to be written. They are on the wire now if they have all been `flushed`.
    pub(super) fn wrote(&mut self, bytes: &[u8], at: Instant, flushed: bool) {
        let mut frames = mem::take(&mut self.going);
        frames.feed(bytes, |passed| self.pass(Way::Out, passed, at));
        self.going = frames;
        if flushed {
            self.flushed(at);
        }
    }

    /// All that was taken is on the wire.
    pub(super) fn flushed(&mut self, at: Instant) {
        while let Some(stream) = self.unsent.pop() {
            if let Some(account) = self.account(stream) {
                account.whole = true;
                account.written = Some(at);
            }
        }
    }

    /// These bytes have come.
    pub(super) fn read(&mut self, bytes: &[u8], at: Instant) {
        self.look(bytes);
        let mut frames = mem::take(&mut self.coming);
        frames.feed(bytes, |passed| self.pass(Way::In, passed, at));
        self.coming = frames;
    }

    fn pass(&mut self, way: Way, passed: Passed, at: Instant) {
        let Passed { stream, kind, bytes, ends, .. } = passed;
        let is_message = matches!(kind, DATA | HEADERS | CONTINUATION);
        let Some(account) = self.account(stream) else { return };
        match way {
            Way::Out => {
                account.sent += bytes;
                if is_message {
                    account.written = Some(at);
                }
                self.loose.0 -= as_signed(bytes);
                if ends {
                    self.unsent.push(stream);
                }
            }
            Way::In => {
                account.received += bytes;
                account.content += passed.content;
                account.complete |= ends;
                if is_message {
                    account.answered.get_or_insert(at);
                }
                self.loose.1 -= as_signed(bytes);
            }
        }
    }

    /// Holds the first bytes against those of an answer of HTTP/1.1.
    fn look(&mut self, bytes: &[u8]) {
        const HTTP1: &[u8] = b"HTTP/1.";
        if let First::Http1(seen) = self.first {
            let rest = &HTTP1[seen..];
            let some = rest.len().min(bytes.len());
            self.first = if rest[..some] == bytes[..some] {
                First::Http1(seen + some)
            } else {
                First::Other
            };
        }
    }

    /// Whether the peer answers as one does that speaks HTTP/1.1.
    pub(super) fn is_not_http2(&self) -> bool {
        matches!(self.first, First::Http1(seen) if seen > 0)
    }

    /// How many bytes have come so far.
    pub(super) fn heard(&self) -> u64 {
        self.heard
    }

    /// An exchange ran out of time that began when so much had come. If nothing has since, the peer may be gone,
    /// and no other exchange should find out the same way.
    pub(super) fn waited_since(&mut self, heard: u64) {
        self.distrusted |= self.heard == heard;
    }

    /// The peer may be gone.
    pub(super) fn distrust(&mut self) {
        self.distrusted = true;
    }

    /// Whether the peer may be gone.
    pub(super) fn is_distrusted(&self) -> bool {
        self.distrusted
    }

    /// Nothing goes over it any more, because of an error or because the peer has ended it. What was first the
    /// reason stays it; that it has ended is no reason beside any other.
    pub(super) fn ends(&mut self, why: Option<Error>) {
        if matches!(self.ended, None | Some(Error::ClosedEarly)) {
            self.ended = Some(why.unwrap_or(Error::ClosedEarly));
        }
    }

    /// Why nothing goes over it any more, if that is so.
    pub(super) fn ended(&self) -> Option<Error> {
        self.ended.clone()
    }
}

/// Bytes of one frame that have passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Passed {
    stream: u32,
    kind: u8,
    /// How many, the head included.
    bytes: u64,
    /// How many of them are a body's.
    content: u64,
    /// Whether the last of them is the last of the message.
    ends: bool,
}

/// One direction of frames (RFC 9113 §4.1), as far as it has come.
#[derive(Debug, Default)]
struct Frames {
    head: [u8; 9],
    /// How much of the head has come.
    seen: usize,
    /// How much of the frame is still to come.
    left: u64,
    /// Whether the message ends with the heads that are coming.
    ending: bool,
}

impl Frames {
    /// Frames that begin after so many bytes of something else.
    fn after(bytes: usize) -> Self {
        // What comes first is as a frame of the connection, of which the head has passed.
        let left = bytes as u64;
        Self { seen: if left > 0 { 9 } else { 0 }, left, head: [0xff; 9], ending: false }
    }

    fn stream(&self) -> u32 {
        let [.., a, b, c, d] = self.head;
        // The first bit means nothing.
        u32::from_be_bytes([a & 0x7f, b, c, d])
    }

    /// Takes in the next bytes, and tells of each part of a frame among them.
    fn feed(&mut self, mut bytes: &[u8], mut passed: impl FnMut(Passed)) {
        while !bytes.is_empty() {
            let (mut some, mut content) = (0, 0);
            if self.seen < self.head.len() {
                let part = bytes.len().min(self.head.len() - self.seen);
                self.head[self.seen..self.seen + part].copy_from_slice(&bytes[..part]);
                self.seen += part;
                bytes = &bytes[part..];
                if self.seen < self.head.len() {
                    return;
                }
                let [a, b, c, ..] = self.head;
                self.left = u32::from_be_bytes([0, a, b, c]).into();
                some += self.head.len() as u64;
            }
            let kind = self.head[3];
            let part = bytes.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
            bytes = &bytes[part..];
            self.left -= part as u64;
            some += part as u64;
            if kind == DATA {
                content += part as u64;
            }
            let ends = self.left == 0 && self.ends_message();
            passed(Passed { stream: self.stream(), kind, bytes: some, content, ends });
            if self.left == 0 {
                self.seen = 0;
            }
        }
    }

    /// Whether the frame that is over is the last of its message.
    fn ends_message(&mut self) -> bool {
        let (kind, flags) = (self.head[3], self.head[4]);
        match kind {
            DATA => flags & END_STREAM != 0,
            HEADERS | CONTINUATION => {
                if kind == HEADERS {
                    self.ending = flags & END_STREAM != 0;
                }
                self.ending && flags & END_HEADERS != 0
            }
            _ => false,
        }
    }
}

fn as_signed(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, flags: u8, stream: u32, payload: usize) -> Vec<u8> {
        let mut frame = u32::try_from(payload).expect("it is small").to_be_bytes()[1..].to_vec();
        frame.extend([kind, flags]);
        frame.extend(stream.to_be_bytes());
        frame.resize(9 + payload, 0x7a);
        frame
    }

    /// A ledger of two streams, and what was taken of it once all of this has passed in pieces of so many bytes.
    fn passed(way: Way, bytes: &[u8], step: usize) -> Ledger {
        let mut ledger = Ledger::new();
        ledger.open(1);
        ledger.open(3);
        for piece in bytes.chunks(step) {
            let length = piece.len() as u64;
            match way {
                Way::Out => {
                    ledger.carried(Traffic { sent: length, received: 0 });
                    ledger.wrote(piece, Instant::now(), true);
                }
                Way::In => {
                    ledger.carried(Traffic { sent: 0, received: length });
                    ledger.read(piece, Instant::now());
                }
            }
        }
        ledger
    }

    #[tokio::test(start_paused = true)]
    async fn each_byte_is_one_streams_or_the_connections_however_they_come_in_pieces() {
        let outgoing = [
            PREFACE.to_vec(),
            frame(0x4, 0, 0, 12),
            frame(HEADERS, END_STREAM, 1, 30),
            frame(CONTINUATION, END_HEADERS, 1, 5),
            frame(HEADERS, END_HEADERS, 3, 20),
            frame(DATA, 0, 3, 1_000),
            frame(0x8, 0, 0, 4),
            frame(0x3, 0, 5, 4),
        ]
        .concat();
        for step in [1, 2, 9, 10, 64, outgoing.len()] {
            let mut ledger = passed(Way::Out, &outgoing, step);
            let one = ledger.account(1).expect("it is open");
            assert_eq!((one.sent, one.whole), (9 + 30 + 9 + 5, true), "{step}");
            let three = ledger.account(3).expect("it is open");
            assert_eq!((three.sent, three.whole), (9 + 20 + 9 + 1_000, false), "{step}");
            let loose = ledger.take_loose();
            assert_eq!(loose, Traffic { sent: 24 + 21 + 13 + 13, received: 0 }, "{step}");
            assert_eq!(ledger.take_loose(), Traffic::default());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_begins_with_its_head_and_not_with_a_window() {
        let incoming = [frame(0x4, 0, 0, 0), frame(0x8, 0, 1, 4), frame(HEADERS, 4, 3, 9)].concat();
        for step in [1, 7, incoming.len()] {
            let mut ledger = passed(Way::In, &incoming, step);
            let one = ledger.account(1).expect("it is open");
            assert_eq!((one.received, one.answered.is_some()), (13, false), "{step}");
            let three = ledger.account(3).expect("it is open");
            assert_eq!((three.received, three.answered.is_some()), (18, true), "{step}");
            assert!(!three.complete);
            assert_eq!(ledger.heard(), 40);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_a_stream_leaves_behind_is_counted_elsewhere() {
        let mut ledger = passed(Way::In, &frame(DATA, 1, 1, 91), 100);
        let account = ledger.account(1).expect("it is open");
        assert_eq!((account.content, account.complete), (91, true));
        ledger.close(1);
        assert!(ledger.account(1).is_none());
        assert_eq!(ledger.streams(), 1);
        assert_eq!(ledger.take_loose(), Traffic { sent: 0, received: 100 });
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_is_not_sent_while_tls_holds_its_last_byte() {
        let mut ledger = Ledger::new();
        ledger.open(1);
        let bytes = [PREFACE.to_vec(), frame(HEADERS, 5, 1, 10)].concat();
        ledger.wrote(&bytes, Instant::now(), false);
        assert!(!ledger.account(1).expect("it is open").whole);
        assert_eq!(ledger.take_loose(), Traffic::default(), "nothing is on the wire yet");
        ledger.carried(Traffic { sent: 70, received: 0 });
        ledger.flushed(Instant::now());
        let account = ledger.account(1).expect("it is open");
        assert_eq!((account.sent, account.whole), (19, true));
        assert_eq!(ledger.take_loose(), Traffic { sent: 70 - 19, received: 0 });
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_speaks_http_1_is_known_by_its_first_byte_and_no_other_is() {
        for (bytes, is_not) in [
            (&b"HTTP/1.1 400 Bad Request\r\n"[..], true),
            (b"HT", true),
            (b"", false),
            (b"\0\0\0\x04\0\0\0\0\0", false),
            (b"HELLO", false),
        ] {
            for step in [1, 100] {
                let ledger = passed(Way::In, bytes, step);
                assert_eq!(ledger.is_not_http2(), is_not, "{} {step}", bytes.escape_ascii());
            }
        }
    }
}
