//! Shaking hands over a connection: the request goes, and its answer comes.

use std::mem::{self, MaybeUninit};
use std::task::{Context, Poll, ready};

use http::{Method, StatusCode};
use tokio::io::ReadBuf;

use super::Error;
use super::handshake::{self, Handshake, Subprotocol};
use super::wire::{READ, poll_read, poll_write};
use crate::config::Config;
use crate::error::Error as ConnectionError;
use crate::http1::{HEAD_LIMIT, encode_head, has_end, parse};
use crate::meter::Meter;
use crate::response::Headers;
use crate::stream::Stream;

/// Interim responses before the one that counts. Arbitrary; servers send one or two.
const INTERIM: u8 = 32;

/// A connection over which the handshake goes.
pub(super) struct Shaking {
    pub(super) stream: Stream,
    request: Vec<u8>,
    written: usize,
    pub(super) answer: Vec<u8>,
    key: String,
    subprotocols: Vec<Subprotocol>,
    interim: u8,
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
            interim: 0,
        }
    }

    /// Sends the request and receives the head of the answer; what follows it is left in `answer`.
    pub(super) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        meter: &mut Meter,
    ) -> Poll<Result<(Headers, Option<String>), Error>> {
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
            if let Some(agreed) = self.take_heads().transpose() {
                return Poll::Ready(agreed);
            }
        }
    }

    /// Takes the answer's head, and those of interim responses before it. None if it has not come yet.
    fn take_heads(&mut self) -> Result<Option<(Headers, Option<String>)>, Error> {
        loop {
            let malformed = |error: ConnectionError| Error::Handshake(error.to_string());
            let Some(head) = parse(&self.answer, &Method::GET).map_err(malformed)? else {
                return Ok(None);
            };
            let rest = self.answer.split_off(head.length);
            let whole = mem::replace(&mut self.answer, rest);
            if head.status == StatusCode::SWITCHING_PROTOCOLS {
                let headers = Headers::new(&whole);
                let chosen = handshake::check(&headers, &self.key, &self.subprotocols);
                let chosen = chosen.map_err(Error::Handshake)?;
                return Ok(Some((headers, chosen)));
            }
            if !head.status.is_informational() {
                return Err(Error::Refused(head.status.as_u16()));
            }
            self.interim += 1;
            if self.interim > INTERIM {
                let what = format!("it comes after more than {INTERIM} interim ones");
                return Err(Error::Handshake(what));
            }
        }
    }
}
