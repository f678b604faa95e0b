//! One connection of one VU that speaks HTTP/1.1, and the exchange that is under way on it.
//!
//! A connection is polled by the task that waits for its response and by nobody else: no task, no channel and
//! no wake-up stands between the VU and its socket. Between exchanges it holds a socket and next to nothing
//! more; what is read goes through the stack, what is written through a buffer of the thread.
//!
//! It does not make itself (`dial`), and does not decide what a failure means (`exchange`). Bytes become
//! messages in `http1`.

use std::cell::RefCell;
use std::future::Future as _;
use std::io::{self, IoSlice};
use std::mem::{self, MaybeUninit};
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

use crate::body::Outgoing;
use crate::config::Config;
use crate::error::Error;
use crate::http1::{Decoder, HEAD_LIMIT, Head, encode_head, has_end, parse};
use crate::incoming::Incoming;
use crate::interim::Interim;
use crate::meter::Meter;
use crate::per_host::Slot;
use crate::request::Request;
use crate::response::{Headers, Response};
use crate::stream::Stream;
use crate::target::Target;
use crate::tls::TlsVersion;

/// Room on the stack for one read, not cleared; a small response is parsed where it was read to.
const READ: usize = 16 << 10;
/// Reads from one connection before others have their turn. Arbitrary.
const READS: usize = 16;
/// Bodies up to this size are copied behind their heads, to be written in one piece.
const COPIED: usize = 4 << 10;
/// How long a body is held back for a peer that does not say whether it wants it: Go's and curl's.
pub(crate) const HELD_BACK: Duration = Duration::from_secs(1);
/// A thread's buffer is given back if a request with very long headers has made it larger than this.
const KEPT: usize = 64 << 10;

thread_local! {
    /// Where requests are encoded. In use only while one is written, so one serves all VUs of a thread.
    static ENCODED: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// A connection, and all that goes with it from one exchange to the next.
pub(crate) struct Connection {
    stream: Stream,
    /// The right to have it, where that is limited.
    slot: Option<Slot>,
    pub(crate) target: Target,
    pub(crate) remote: Option<SocketAddr>,
    /// Whether the peer could have chosen another protocol.
    pub(crate) is_chosen: bool,
    writing: Writing,
    reading: Reading,
    /// Whether this exchange has written anything.
    touched: bool,
    interim: Interim,
    /// Whether the last response left the connection fit for another request.
    keep_alive: bool,
}

/// How much of the request is on its way.
enum Writing {
    /// Nothing yet.
    Nothing,
    /// All but this.
    Rest { head: Bytes, body: Outgoing },
    /// All but the body, which the peer has yet to ask for; until when it is waited for.
    HeldBack(Outgoing, Pin<Box<Sleep>>),
    /// All of it.
    All,
}

/// How much of the response has come.
enum Reading {
    /// A part of its head.
    Head(Vec<u8>),
    /// Its head, and a part of its body.
    Body { response: Response, decoder: Decoder, incoming: Incoming },
}

impl Connection {
    /// Boxed, because it wanders between the client and its exchanges.
    pub(crate) fn new(
        stream: Stream,
        target: Target,
        remote: Option<SocketAddr>,
        is_chosen: bool,
        slot: Option<Slot>,
    ) -> Box<Self> {
        Box::new(Self {
            stream,
            slot,
            target,
            remote,
            is_chosen,
            writing: Writing::Nothing,
            reading: Reading::Head(Vec::new()),
            touched: false,
            interim: Interim::default(),
            keep_alive: true,
        })
    }

    /// Whether somebody else waits for the right to have a connection to the host.
    pub(crate) fn is_wanted(&self) -> bool {
        self.slot.as_ref().is_some_and(Slot::is_wanted)
    }

    /// Whether nothing has come since the last exchange, not even the end: whatever comes before it is asked
    /// for, the connection is of no use any more. Costs no system call where nothing has come.
    pub(crate) fn is_quiet(&mut self) -> bool {
        self.stream.is_quiet()
    }

    /// The version of TLS that is spoken, if any is.
    pub(crate) fn tls_version(&self) -> Option<TlsVersion> {
        self.stream.tls_version()
    }

    /// Whether this exchange has written anything.
    pub(crate) fn is_touched(&self) -> bool {
        self.touched
    }

    /// Whether another exchange can begin on it: both messages are over, and neither side wants to close. The
    /// peer may have closed since; only the next exchange finds out.
    pub(crate) fn is_reusable(&self) -> bool {
        self.keep_alive
    }

    /// Makes it as it was when it was new.
    pub(crate) fn reset(&mut self) {
        self.writing = Writing::Nothing;
        self.reading = Reading::Head(Vec::new());
        self.touched = false;
        self.interim = Interim::default();
    }

    /// Sends the request and receives the response, one beside the other: a peer may answer early.
    ///
    /// After it is ready, it may be polled again only once it has been [`reset`](Self::reset).
    pub(crate) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        config: &Config,
        request: &Request,
        meter: &mut Meter,
    ) -> Poll<Result<Response, Error>> {
        let mut polled = self.poll_messages(cx, config, request, meter);
        while polled.is_pending() && self.is_asked_for_body() {
            polled = self.poll_messages(cx, config, request, meter);
        }
        if let Some(traffic) = self.stream.take_traffic() {
            meter.carried(traffic);
        }
        polled
    }

    fn poll_messages(
        &mut self,
        cx: &mut Context<'_>,
        config: &Config,
        request: &Request,
        meter: &mut Meter,
    ) -> Poll<Result<Response, Error>> {
        if let Poll::Ready(Err(error)) = self.poll_write(cx, config, request, meter) {
            // A peer that breaks off may have said why before.
            return match self.poll_read(cx, config, request, meter) {
                Poll::Ready(Ok(response)) => {
                    self.keep_alive = false;
                    Poll::Ready(Ok(response))
                }
                Poll::Ready(Err(why)) if why.is_of_tls() => Poll::Ready(Err(why)),
                _ => Poll::Ready(Err(Error::from_io(&error))),
            };
        }
        let response = ready!(self.poll_read(cx, config, request, meter));
        // What was not written is in the way of the next request.
        self.keep_alive &= matches!(self.writing, Writing::All);
        Poll::Ready(response)
    }

    /// Whether the body may go now that was held back.
    fn is_asked_for_body(&self) -> bool {
        self.interim.continues() && matches!(self.writing, Writing::HeldBack(..))
    }

    fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        config: &Config,
        request: &Request,
        meter: &mut Meter,
    ) -> Poll<io::Result<()>> {
        match mem::replace(&mut self.writing, Writing::All) {
            Writing::All => Poll::Ready(Ok(())),
            Writing::Nothing => ENCODED.with_borrow_mut(|encoded| {
                encoded.clear();
                encode_head(request, config, self.stream.is_forwarded(), encoded);
                let mut body = Outgoing::new(&request.body);
                let holds_back = request.holds_back();
                if !holds_back && request.body.length() <= COPIED as u64 {
                    let copied = body.chunk()?;
                    encoded.extend_from_slice(copied);
                    let copied = copied.len();
                    body.advance(copied);
                }
                let mut head = &encoded[..];
                let polled = self.write_on(cx, &mut head, body, holds_back, meter);
                encoded.shrink_to(KEPT);
                polled
            }),
            Writing::Rest { mut head, body } => {
                let holds_back = head.has_remaining() && request.holds_back();
                self.write_on(cx, &mut head, body, holds_back, meter)
            }
            Writing::HeldBack(body, mut until) => {
                if !self.interim.continues() && until.as_mut().poll(cx).is_pending() {
                    self.writing = Writing::HeldBack(body, until);
                    return Poll::Pending;
                }
                self.write_on(cx, &mut Bytes::new(), body, false, meter)
            }
        }
    }

    /// Writes what it can of a head and, unless that is held back, of the body behind it, and remembers the rest.
    fn write_on(
        &mut self,
        cx: &mut Context<'_>,
        head: &mut impl Buf,
        mut body: Outgoing,
        holds_back: bool,
        meter: &mut Meter,
    ) -> Poll<io::Result<()>> {
        let polled = self.write_out(cx, head, (!holds_back).then_some(&mut body), meter);
        if polled.is_pending() {
            let head = head.copy_to_bytes(head.remaining());
            self.writing = Writing::Rest { head, body };
        } else if holds_back && matches!(polled, Poll::Ready(Ok(()))) {
            let mut until = Box::pin(tokio::time::sleep(HELD_BACK));
            // To be woken when it is over.
            let _: Poll<()> = until.as_mut().poll(cx);
            self.writing = Writing::HeldBack(body, until);
            return Poll::Pending;
        }
        polled
    }

    /// Writes until all of these are written or the socket takes no more. Without a body, one is still to come.
    fn write_out(
        &mut self,
        cx: &mut Context<'_>,
        head: &mut impl Buf,
        mut body: Option<&mut Outgoing>,
        meter: &mut Meter,
    ) -> Poll<io::Result<()>> {
        let is_all = body.is_some();
        let remains =
            |body: &Option<&mut Outgoing>| body.as_ref().is_some_and(|body| body.has_remaining());
        while head.has_remaining() || remains(&body) {
            let stream = Pin::new(&mut self.stream);
            let written = match body.as_mut().filter(|body| body.has_remaining()) {
                None => ready!(stream.poll_write(cx, head.chunk()))?,
                Some(body) if !head.has_remaining() => {
                    ready!(stream.poll_write(cx, body.chunk()?))?
                }
                Some(body) => {
                    let parts = [IoSlice::new(head.chunk()), IoSlice::new(body.chunk()?)];
                    ready!(stream.poll_write_vectored(cx, &parts))?
                }
            };
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.touched = true;
            let of_head = written.min(head.remaining());
            head.advance(of_head);
            if let Some(body) = &mut body {
                body.advance(written - of_head);
            }
            let is_plain = self.stream.is_plain();
            // By TLS, taken is not sent, and it counts what is sent itself.
            let is_sent = is_all && is_plain && !head.has_remaining() && !remains(&body);
            meter.wrote(if is_plain { written } else { 0 }, is_sent);
        }
        if !meter.is_whole() {
            ready!(Pin::new(&mut self.stream).poll_flush(cx))?;
            meter.wrote(0, is_all);
        }
        Poll::Ready(Ok(()))
    }

    fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        config: &Config,
        request: &Request,
        meter: &mut Meter,
    ) -> Poll<Result<Response, Error>> {
        let is_plain = self.stream.is_plain();
        for _ in 0..READS {
            if let Reading::Body { response, incoming, .. } = &mut self.reading {
                if incoming.is_closed() {
                    self.keep_alive = false;
                    incoming.finish(response);
                    return Poll::Ready(Ok(mem::take(response)));
                }
                if !incoming.wants_more() {
                    // Whoever takes what waits polls this again.
                    return Poll::Pending;
                }
            }
            // What is certain to be body needs no look, and no second copy.
            let room = match &mut self.reading {
                Reading::Body { decoder, incoming, .. } => {
                    incoming.room(decoder.certain(), READ)?
                }
                Reading::Head(_) => None,
            };
            let read = match room {
                Some(mut room) => {
                    let read = ready!(pin!(self.stream.read_buf(&mut room)).poll(cx))
                        .map_err(|error| Error::from_io(&error))?;
                    note_read(meter, read, is_plain);
                    if let Reading::Body { decoder, incoming, .. } = &mut self.reading {
                        decoder.took(read as u64);
                        incoming.took(read);
                    }
                    read
                }
                None => {
                    let mut room = [MaybeUninit::uninit(); READ];
                    let mut read = ReadBuf::uninit(&mut room);
                    ready!(Pin::new(&mut self.stream).poll_read(cx, &mut read))
                        .map_err(|error| Error::from_io(&error))?;
                    let read = read.filled();
                    note_read(meter, read.len(), is_plain);
                    let interim = self.interim.count();
                    self.take(read, config, request)?;
                    if self.interim.count() != interim {
                        let began = match &self.reading {
                            Reading::Head(before) => !before.is_empty(),
                            Reading::Body { .. } => true,
                        };
                        meter.read_interim(began);
                    }
                    read.len()
                }
            };
            let ended = read == 0;
            match &mut self.reading {
                Reading::Body { response, decoder, incoming }
                    if decoder.is_over() || ended && decoder.ends_with_connection() =>
                {
                    incoming.finish(response);
                    return Poll::Ready(Ok(mem::take(response)));
                }
                _ if ended => return Poll::Ready(Err(Error::ClosedEarly)),
                _ => {}
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Takes in what was read.
    fn take(&mut self, read: &[u8], config: &Config, request: &Request) -> Result<(), Error> {
        let mut rest = read;
        if let Reading::Head(before) = &mut self.reading {
            if before.is_empty() {
                rest = self.take_head(rest, request, config)?;
            } else {
                let seen = before.len();
                before.extend_from_slice(rest);
                // Looked at once more only when its end has come, and never copied before.
                if !has_end(before, seen) && before.len() <= HEAD_LIMIT {
                    return Ok(());
                }
                let whole = mem::take(before);
                let left = self.take_head(&whole, request, config)?.len();
                rest = &rest[rest.len() - left..];
            }
        }
        if let Reading::Body { decoder, incoming, .. } = &mut self.reading {
            decoder.decode(&mut rest, incoming)?;
            // What nobody asked for is in the way of the next response.
            self.keep_alive &= rest.is_empty();
        }
        Ok(())
    }

    /// Takes the response's head, and those of interim responses before it, from the beginning of what has
    /// come; what follows it. What is not whole is kept.
    fn take_head<'a>(
        &mut self,
        mut bytes: &'a [u8],
        request: &Request,
        config: &Config,
    ) -> Result<&'a [u8], Error> {
        loop {
            let Some(head) = parse(bytes, &request.method)? else {
                if bytes.len() > HEAD_LIMIT {
                    let what = format!("its headers are larger than {} KiB", HEAD_LIMIT >> 10);
                    return Err(Error::MalformedResponse(what));
                }
                self.reading = Reading::Head(bytes.to_vec());
                return Ok(&[]);
            };
            let Head {
                status,
                version,
                length,
                body: decoder,
                keep_alive,
                sets_cookies,
                is_packed,
            } = head;
            let (head, rest) = bytes.split_at(length);
            if status.is_informational() {
                self.interim.take(status)?;
                bytes = rest;
                if bytes.is_empty() {
                    return Ok(bytes);
                }
                continue;
            }
            if status == http::StatusCode::PROXY_AUTHENTICATION_REQUIRED
                && self.stream.is_forwarded()
            {
                // No target says that: the request never came to it.
                return Err(config.proxies.unauthorized());
            }
            self.keep_alive = keep_alive;
            let response = Response {
                status,
                version,
                headers: Headers::new(head),
                sets_cookies,
                is_packed,
                ..Response::default()
            };
            let incoming =
                Incoming::begin(request, &response, config.body_limit, decoder.certain())?;
            self.reading = Reading::Body { response, decoder, incoming };
            return Ok(rest);
        }
    }
}

/// Notes that so much was read, if anything was. TLS counts itself what came for it.
fn note_read(meter: &mut Meter, read: usize, is_plain: bool) {
    if read > 0 {
        meter.read(if is_plain { read } else { 0 });
    }
}
