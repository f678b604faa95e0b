//! Shaking hands over a connection: the request goes, and its answer comes.

use std::mem::{self, MaybeUninit};
use std::task::{Context, Poll, ready};

use http::{Method, StatusCode};
use tokio::io::ReadBuf;
use tokio::time::Instant;

use super::Error;
use super::handshake::{self, Agreed, Handshake, Subprotocol};
use super::wire::{READ, poll_read, poll_write};
use crate::config::Config;
use crate::encoding::unpack;
use crate::error::Error as ConnectionError;
use crate::http1::{Decoder, HEAD_LIMIT, Head, encode_head, has_end, parse};
use crate::incoming::Incoming;
use crate::interim::Interim;
use crate::meter::Meter;
use crate::response::{Headers, Response};
use crate::stream::Stream;
use crate::timings::Timings;

/// As much of a refusal's body as is kept: more than any page that says why, and the rest is nobody's.
const REFUSAL: usize = 64 << 10;
/// A packed one is unpacked to at most so many bytes.
const UNPACKED: usize = 1 << 20;

/// A connection over which the handshake goes.
pub(super) struct Shaking {
    pub(super) stream: Stream,
    request: Vec<u8>,
    written: usize,
    answer: Vec<u8>,
    key: String,
    subprotocols: Vec<Subprotocol>,
    deflate: bool,
    interim: Interim,
}

/// How a peer has answered.
pub(super) enum Answer {
    /// It has agreed: the headers of its answer, and to what.
    Agreed(Headers, Agreed),
    /// It has refused, and may have more to say about that.
    Refused(Refusing),
}

impl Shaking {
    pub(super) fn new(stream: Stream, handshake: &mut Handshake, config: &Config) -> Self {
        let (request, key) = handshake::request(handshake);
        let mut bytes = Vec::new();
        encode_head(&request, config, false, &mut bytes);
        Self {
            stream,
            request: bytes,
            written: 0,
            answer: Vec::new(),
            key,
            subprotocols: mem::take(&mut handshake.subprotocols),
            deflate: handshake.deflate,
            interim: Interim::default(),
        }
    }

    /// Sends the request and receives the head of the answer.
    pub(super) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        meter: &mut Meter,
    ) -> Poll<Result<Answer, Error>> {
        ready!(poll_write(&mut self.stream, cx, meter, &self.request, &mut self.written, true))
            .map_err(|error| ConnectionError::from_io(&error))?;
        loop {
            let seen = self.answer.len();
            let mut room = [MaybeUninit::uninit(); READ];
            let mut read = ReadBuf::uninit(&mut room);
            ready!(poll_read(&mut self.stream, cx, meter, &mut read))?;
            self.answer.extend_from_slice(read.filled());
            if self.answer.len() == seen {
                return Poll::Ready(Err(ConnectionError::ClosedEarly.into()));
            }
            if !has_end(&self.answer, seen) {
                if self.answer.len() > HEAD_LIMIT {
                    let what = format!("its headers are larger than {} KiB", HEAD_LIMIT >> 10);
                    return Poll::Ready(Err(Error::Handshake(what)));
                }
                continue;
            }
            if let Some(answer) = self.take_heads().transpose() {
                return Poll::Ready(answer);
            }
        }
    }

    /// The connection, and what came after the head of the answer.
    pub(super) fn into_parts(self) -> (Stream, Vec<u8>) {
        (self.stream, self.answer)
    }

    /// Takes the answer's head, and those of interim responses before it. None if it has not come yet.
    fn take_heads(&mut self) -> Result<Option<Answer>, Error> {
        loop {
            let malformed = |error: ConnectionError| Error::Handshake(error.to_string());
            let Some(head) = parse(&self.answer, &Method::GET).map_err(malformed)? else {
                return Ok(None);
            };
            let rest = self.answer.split_off(head.length);
            let whole = mem::replace(&mut self.answer, rest);
            if head.status == StatusCode::SWITCHING_PROTOCOLS {
                let headers = Headers::new(&whole);
                let (key, subprotocols) = (&self.key, &self.subprotocols);
                let agreed = handshake::check(&headers, key, subprotocols, self.deflate);
                return Ok(Some(Answer::Agreed(headers, agreed.map_err(Error::Handshake)?)));
            }
            if !head.status.is_informational() {
                return Ok(Some(Answer::Refused(Refusing::new(head, &whole))));
            }
            self.interim.take(head.status).map_err(malformed)?;
        }
    }
}

/// A refusal whose body is still to come.
pub(super) struct Refusing {
    response: Response,
    body: Incoming,
    rest: Decoder,
    /// When the peer refused.
    pub(super) since: Instant,
}

/// A handshake that was refused, and with which words.
pub(super) struct Refusal {
    pub(super) response: Response,
    pub(super) timings: Timings,
    pub(super) since: Instant,
}

impl Refusing {
    fn new(head: Head, whole: &[u8]) -> Self {
        let response = Response {
            status: head.status,
            version: head.version,
            headers: Headers::new(whole),
            sets_cookies: head.sets_cookies,
            is_packed: head.is_packed,
            ..Response::default()
        };
        let body = Incoming::of_first(REFUSAL);
        Self { response, body, rest: head.body, since: Instant::now() }
    }

    /// Takes a part of the body; whether more of it is wanted. That it is refused is known, so whatever is wrong
    /// with the body is no reason to say anything else.
    pub(super) fn take(&mut self, mut bytes: &[u8]) -> bool {
        let goes_on = self.rest.decode(&mut bytes, &mut self.body).is_ok();
        goes_on && !self.rest.is_over() && self.body.kept() < REFUSAL
    }

    /// Receives what there is of the body.
    pub(super) fn poll(
        &mut self,
        stream: &mut Stream,
        cx: &mut Context<'_>,
        meter: &mut Meter,
    ) -> Poll<()> {
        loop {
            let mut room = [MaybeUninit::uninit(); READ];
            let mut read = ReadBuf::uninit(&mut room);
            let received = ready!(poll_read(stream, cx, meter, &mut read));
            if received.is_err() || read.filled().is_empty() || !self.take(read.filled()) {
                return Poll::Ready(());
            }
        }
    }

    /// The refusal, with as much of the body as has come.
    pub(super) fn end(self, meter: &Meter) -> Refusal {
        let Self { mut response, mut body, since, .. } = self;
        let is_packed = response.is_packed;
        body.finish(&mut response);
        if is_packed {
            // One that is cut short or a bomb stays as it is.
            let _ = unpack(&mut response, UNPACKED);
        }
        Refusal { response, timings: meter.timings(), since }
    }
}
