//! A session: a connection over which frames go, both ways.

use std::collections::VecDeque;
use std::io;
use std::mem::{self, MaybeUninit};
use std::task::{Context, Poll, ready};

use tokio::io::ReadBuf;
use tokio::time::Instant;

use super::Error;
use super::frame::{Arrived, Close, Decoder, Message, Opcode, encode, encode_close};
use super::inbox::Inbox;
use super::socket::News;
use super::wire::{self, READ};
use crate::entropy::random;
use crate::meter::Meter;
use crate::stream::Stream;

/// Pings that wait for their pongs; older ones are forgotten.
const PINGS: usize = 64;

/// A connection over which frames go. Every buffer is empty while nothing is under way.
pub(super) struct Session {
    pub(super) stream: Stream,
    decoder: Decoder,
    /// Whole frames; the first so many bytes have been written.
    outbox: Vec<u8>,
    written: usize,
    /// Messages among them.
    unsent: u32,
    /// The ping to be answered: only the last need be (§5.5.3), so a peer who sends many fills nothing.
    pong: Option<Vec<u8>>,
    /// Pings without their pongs, the oldest first: what they carry, and when they were asked for.
    pings: VecDeque<([u8; 8], Instant)>,
    pub(super) closing: Closing,
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
    pub(super) fn new(stream: Stream, limit: usize) -> Self {
        Self {
            stream,
            decoder: Decoder::new(limit),
            outbox: Vec::new(),
            written: 0,
            unsent: 0,
            pong: None,
            pings: VecDeque::new(),
            closing: Closing::No,
        }
    }

    /// Whether no side has begun to close.
    pub(super) fn is_open(&self) -> bool {
        matches!(self.closing, Closing::No)
    }

    /// Whether everything has been handed to the system.
    pub(super) fn is_written(&self) -> bool {
        self.outbox.is_empty()
    }

    /// Whether a ping waits for its pong.
    pub(super) fn awaits_pong(&self) -> bool {
        !self.pings.is_empty()
    }

    /// Puts a message on its way.
    pub(super) fn send(&mut self, message: &Message) {
        match message {
            Message::Text(text) => encode(Opcode::Text, text.as_bytes(), &mut self.outbox),
            Message::Binary(bytes) => encode(Opcode::Binary, bytes, &mut self.outbox),
        }
        self.unsent += 1;
    }

    /// Puts a ping on its way.
    pub(super) fn ping(&mut self) {
        // Not a number that counts up: a peer that sends pongs unasked must not hit one by chance.
        let carries = random().to_ne_bytes();
        encode(Opcode::Ping, &carries, &mut self.outbox);
        if self.pings.len() == PINGS {
            self.pings.pop_front();
        }
        self.pings.push_back((carries, Instant::now()));
    }

    /// Begins to close.
    pub(super) fn close(&mut self, close: Close) {
        encode_close(&close, &mut self.outbox);
        self.closing = Closing::Asked(close);
    }

    /// Says that we go away, whether or not the peer agrees. For when nobody will wait for that.
    pub(super) fn go_away(&mut self) {
        encode_close(&Close { code: 1001, reason: String::new() }, &mut self.outbox);
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
        loop {
            if self.outbox.is_empty() {
                // A close frame is the last that is sent.
                match self.pong.take() {
                    Some(payload) if matches!(self.closing, Closing::No) => {
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
                    if matches!(self.closing, Closing::No) || !inbox.is_full() {
                        inbox.put(message);
                    }
                }
                Ok(Some(Arrived::Ping(payload))) => self.pong = Some(payload),
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
                            let echo = Close { code: close.code, reason: String::new() };
                            encode_close(&echo, &mut self.outbox);
                            close
                        }
                    };
                    self.closing = Closing::Agreed(said, now);
                }
                Err(violation) => {
                    let told = Close { code: violation.code, reason: String::new() };
                    if matches!(self.closing, Closing::No) {
                        encode_close(&told, &mut self.outbox);
                    }
                    return Err(violation.error);
                }
            }
        }
        Ok(())
    }
}
