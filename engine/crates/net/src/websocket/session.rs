//! A session: a connection over which frames go, both ways.

use std::collections::VecDeque;
use std::io;
use std::mem::{self, MaybeUninit};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::ReadBuf;
use tokio::time::Instant;

use super::Error;
use super::decoder::{Arrived, Decoder};
use super::deflate::{Deflate, pack};
use super::frame::{Close, Message, Opcode, encode, encode_packed};
use super::inbox::Inbox;
use super::socket::{News, PATIENCE};
use super::wire::{self, READ};
use crate::entropy::random;
use crate::meter::Meter;
use crate::stream::Stream;

/// Pings that wait for their pongs; older ones are forgotten.
const PINGS: usize = 64;
/// Pongs are sent for all pings until so many bytes wait to be written, and then for the last ping only.
const PONGS: usize = 4 << 10;

/// A connection over which frames go. Every buffer is empty while nothing is under way.
pub(super) struct Session {
    pub(super) stream: Stream,
    decoder: Decoder,
    /// Whether messages are packed.
    packs: bool,
    /// Where messages are packed, all that is to be framed waits here. To send is the guest's turn, on its own
    /// small stack, and packing wants a large one.
    unframed: Vec<(Opcode, Vec<u8>)>,
    /// Whole frames; the first so many bytes have been written.
    outbox: Vec<u8>,
    written: usize,
    /// Messages among all these.
    unsent: u32,
    /// The ping to be answered when there is room. Only the last need be (§5.5.3), so a peer who sends many and
    /// reads nothing fills nothing.
    pong: Option<Vec<u8>>,
    /// Pings without their pongs, the oldest first: what they carry, and when they were asked for.
    pings: VecDeque<([u8; 8], Instant)>,
    /// If there are any, since when the peer has not said a thing.
    silent: Instant,
    /// What the peer is to do, and until when.
    owed: Option<(Owed, Instant)>,
    pub(super) closing: Closing,
}

/// What a peer may not take for ever to do.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Owed {
    /// To read what we write.
    Reading,
    /// To agree to the close and end the connection.
    Closing,
}

/// How far the close has come.
pub(super) enum Closing {
    /// Nobody wants it.
    No,
    /// Our close frame is on its way; this is what it says.
    Asked(Close),
    /// Both close frames were there, at this moment. What is left is that the peer ends the connection: whoever
    /// does it first keeps the port for a while (RFC 6455 §7.1.1), and that should not be us.
    Agreed(Close, Instant),
}

impl Session {
    /// A session in which messages of up to so many bytes are received, packed if that was agreed on.
    pub(super) fn new(stream: Stream, limit: usize, deflate: Option<Deflate>) -> Self {
        Self {
            stream,
            packs: deflate.is_some(),
            decoder: Decoder::new(limit, deflate),
            unframed: Vec::new(),
            outbox: Vec::new(),
            written: 0,
            unsent: 0,
            pong: None,
            pings: VecDeque::new(),
            silent: Instant::now(),
            owed: None,
            closing: Closing::No,
        }
    }

    /// Whether no side has begun to close.
    pub(super) fn is_open(&self) -> bool {
        matches!(self.closing, Closing::No)
    }

    /// Whether everything has been handed to the system.
    pub(super) fn is_written(&self) -> bool {
        self.unframed.is_empty() && self.outbox.is_empty()
    }

    /// Whether a ping waits for its pong.
    pub(super) fn awaits_pong(&self) -> bool {
        !self.pings.is_empty()
    }

    /// Until when the peer has time for what it owes us, if it owes us anything: to read what is being written, to
    /// close, or to say anything at all while a ping is not answered. It has the timeout for each but the close.
    pub(super) fn due(&mut self, writes: bool, timeout: Duration) -> Option<Instant> {
        let owed = match (self.is_open(), writes) {
            (false, _) => (Owed::Closing, PATIENCE),
            (true, true) => (Owed::Reading, timeout),
            (true, false) => {
                self.owed = None;
                return self.awaits_pong().then(|| self.silent + timeout);
            }
        };
        match self.owed {
            Some((known, due)) if known == owed.0 => Some(due),
            _ => {
                let due = Instant::now() + owed.1;
                self.owed = Some((owed.0, due));
                Some(due)
            }
        }
    }

    /// Puts a message on its way.
    pub(super) fn send(&mut self, message: &Message) {
        match message {
            Message::Text(text) => self.put(Opcode::Text, text.as_bytes()),
            Message::Binary(bytes) => self.put(Opcode::Binary, bytes),
        }
        self.unsent += 1;
    }

    /// Puts a ping on its way.
    pub(super) fn ping(&mut self) {
        // Not a number that counts up: a peer that sends pongs unasked must not hit one by chance.
        let carries = random().to_ne_bytes();
        self.put(Opcode::Ping, &carries);
        let now = Instant::now();
        if self.pings.is_empty() {
            self.silent = now;
        } else if self.pings.len() == PINGS {
            self.pings.pop_front();
        }
        self.pings.push_back((carries, now));
    }

    /// Begins to close.
    pub(super) fn close(&mut self, close: Close) {
        self.put(Opcode::Close, &close.payload());
        self.closing = Closing::Asked(close);
    }

    /// Says that we go away, whether or not the peer agrees. For when nobody will wait for that.
    pub(super) fn go_away(&mut self) {
        self.put(Opcode::Close, &Close::of(1001).payload());
    }

    /// Puts a frame on its way, after those before it.
    fn put(&mut self, opcode: Opcode, payload: &[u8]) {
        if self.packs {
            self.unframed.push((opcode, payload.to_vec()));
        } else {
            encode(opcode, payload, &mut self.outbox);
        }
    }

    /// Frames what waits for it.
    fn frame(&mut self) {
        for (opcode, payload) in mem::take(&mut self.unframed) {
            match opcode {
                Opcode::Text | Opcode::Binary => {
                    encode_packed(opcode, &pack(&payload), &mut self.outbox);
                }
                _ => encode(opcode, &payload, &mut self.outbox),
            }
        }
    }

    /// What both sides agreed on, if they did.
    pub(super) fn agreed(&self) -> Option<Close> {
        match &self.closing {
            Closing::Agreed(close, _) => Some(close.clone()),
            Closing::No | Closing::Asked(_) => None,
        }
    }

    /// Writes what there is, and the pong that is due.
    pub(super) fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        meter: &mut Meter,
        news: &mut News,
    ) -> Poll<io::Result<()>> {
        self.frame();
        loop {
            if self.outbox.is_empty() {
                // A close frame is the last that is sent.
                match self.pong.take() {
                    Some(payload) if self.is_open() => {
                        encode(Opcode::Pong, &payload, &mut self.outbox);
                    }
                    _ => return Poll::Ready(Ok(())),
                }
            }
            let (stream, written) = (&mut self.stream, &mut self.written);
            ready!(wire::poll_write(stream, cx, meter, &self.outbox, written, false))?;
            (self.outbox, self.written) = (Vec::new(), 0);
            news.sent += mem::take(&mut self.unsent);
            news.written = true;
        }
    }

    /// Reads once. Whether the connection goes on.
    pub(super) fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        meter: &mut Meter,
        inbox: &mut Inbox,
        news: &mut News,
    ) -> Poll<Result<bool, Error>> {
        let mut room = [MaybeUninit::uninit(); READ];
        let mut read = ReadBuf::uninit(&mut room);
        ready!(wire::poll_read(&mut self.stream, cx, meter, &mut read))?;
        let read = read.filled();
        if self.awaits_pong() {
            self.silent = Instant::now();
        }
        Poll::Ready(self.take(read, inbox, news).map(|()| !read.is_empty()))
    }

    /// Takes in what was read.
    pub(super) fn take(
        &mut self,
        mut bytes: &[u8],
        inbox: &mut Inbox,
        news: &mut News,
    ) -> Result<(), Error> {
        // What comes after the close frame is nothing.
        while !matches!(self.closing, Closing::Agreed(..)) {
            match self.decoder.decode(&mut bytes) {
                Ok(None) => return Ok(()),
                Ok(Some(Arrived::Message(message))) => {
                    news.received += 1;
                    if self.is_open() || !inbox.is_full() {
                        inbox.put(message);
                    }
                }
                Ok(Some(Arrived::Ping(payload))) => {
                    if self.is_open() && self.outbox.len() - self.written < PONGS {
                        encode(Opcode::Pong, &payload, &mut self.outbox);
                    } else {
                        self.pong = Some(payload);
                    }
                }
                Ok(Some(Arrived::Pong(payload))) => {
                    let of = |(carries, _): &([u8; 8], _)| carries[..] == payload[..];
                    if let Some(place) = self.pings.iter().position(of) {
                        // A pong may answer for the pings before it too; those are not known to have been.
                        let answered = self.pings.drain(..=place).next_back();
                        news.pongs.extend(answered.map(|(_, sent)| sent.elapsed()));
                    }
                }
                Ok(Some(Arrived::Close(close))) => {
                    let now = Instant::now();
                    let said = match mem::replace(&mut self.closing, Closing::No) {
                        Closing::Asked(ours) => ours,
                        Closing::No | Closing::Agreed(..) => {
                            self.put(Opcode::Close, &Close::of(close.code).payload());
                            close
                        }
                    };
                    self.closing = Closing::Agreed(said, now);
                }
                Err(violation) => {
                    if self.is_open() {
                        self.put(Opcode::Close, &Close::of(violation.code).payload());
                    }
                    return Err(violation.error);
                }
            }
        }
        Ok(())
    }
}
