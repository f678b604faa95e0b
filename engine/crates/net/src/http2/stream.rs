//! One exchange on a connection that it shares with others.
//!
//! What the library has of it changes only while its connection is polled, and after that all exchanges are: so
//! none of this wakes anybody. The one thing that is waited for here is the moment from which a body that was held
//! back goes all the same.

use std::fmt::Write as _;
use std::future::Future as _;
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

use bytes::Bytes;
use h2::client::ResponseFuture;
use h2::{RecvStream, SendStream};
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, SET_COOKIE};
use http::{HeaderMap, Method, StatusCode, Version};
use parking_lot::Mutex;
use tokio::time::{Instant, Sleep};

use crate::body::Outgoing;
use crate::config::Config;
use crate::connection::HELD_BACK;
use crate::error::Error;
use crate::http1::HEAD_LIMIT;
use crate::http2::SENDING;
use crate::http2::error::{Failed, Place, of_stream};
use crate::http2::ledger::{Account, Ledger};
use crate::incoming::Incoming;
use crate::interim::Interim;
use crate::meter::Meter;
use crate::request::Request;
use crate::response::{Headers, Response};

/// A request that is on its way, and its response. Dropping it tells the peer to give it up (`CANCEL`), unless
/// both are over.
pub(crate) struct Stream {
    id: u32,
    ledger: Arc<Mutex<Ledger>>,
    sending: Sending,
    receiving: Receiving,
    interim: Interim,
    /// Whether anything of it was written.
    touched: bool,
    /// How much had come over the connection when it began.
    heard: u64,
}

/// How much of the request is with the library.
enum Sending {
    /// All but the body, which the peer has yet to ask for; until when it is waited for, once that is known.
    HeldBack(Box<(SendStream<Bytes>, Outgoing)>, Option<Pin<Box<Sleep>>>),
    /// All but this.
    Body(Box<(SendStream<Bytes>, Outgoing)>),
    /// All of it.
    All,
}

/// How much of the response has come.
enum Receiving {
    /// Nothing that counts.
    Head(ResponseFuture),
    /// Its head, and a part of its body.
    Body(Box<Body>),
    /// All of it, or as much as there will be.
    Over,
}

struct Body {
    response: Response,
    /// What its head says.
    announced: Option<u64>,
    pieces: RecvStream,
    incoming: Incoming,
    /// Bytes that the peer may not send again yet.
    held: usize,
}

impl Stream {
    pub(super) fn new(
        id: u32,
        ledger: Arc<Mutex<Ledger>>,
        response: ResponseFuture,
        sender: Option<(SendStream<Bytes>, Outgoing)>,
        holds_back: bool,
    ) -> Self {
        let heard = ledger.lock().heard();
        let sending = match sender.map(Box::new) {
            None => Sending::All,
            Some(sender) if holds_back => Sending::HeldBack(sender, None),
            Some(sender) => Sending::Body(sender),
        };
        Self {
            id,
            ledger,
            sending,
            receiving: Receiving::Head(response),
            interim: Interim::default(),
            touched: false,
            heard,
        }
    }

    /// Whether anything of the request was written.
    pub(crate) fn is_touched(&self) -> bool {
        self.touched
    }

    /// It has run out of time.
    pub(crate) fn timed_out(&mut self, meter: &mut Meter) {
        self.settle(meter);
        self.ledger.lock().waited_since(self.heard);
    }

    /// Goes on with what the library has of it.
    ///
    /// After it is ready, it is not to be polled again.
    pub(crate) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        config: &Config,
        request: &Request,
        meter: &mut Meter,
    ) -> Poll<Result<Response, Failed>> {
        let mut polled = self.poll_receive(config, request);
        self.note(meter);
        if polled.is_pending()
            && let Err(error) = self.send(cx)
        {
            polled = Poll::Ready(Err(error.into()));
        }
        if polled.is_ready() {
            self.settle(meter);
        }
        polled
    }

    /// Enters in the meter what is its own of what went over the wire.
    fn note(&mut self, meter: &mut Meter) {
        let mut ledger = self.ledger.lock();
        let Some(account) = ledger.account(self.id) else { return };
        let Account { written, answered, whole, .. } = *account;
        let (sent, received) = (mem::take(&mut account.sent), mem::take(&mut account.received));
        self.touched |= sent > 0;
        meter.sent_by(sent, written, whole);
        meter.received_by(received, answered);
    }

    /// Enters in the meter, at the end, what has become of it, and what went over the connection for nobody.
    fn settle(&mut self, meter: &mut Meter) {
        self.note(meter);
        meter.carried(self.ledger.lock().take_loose());
    }

    /// Hands the library as much of the body as may go.
    ///
    /// Fails if the body cannot be had.
    fn send(&mut self, cx: &mut Context<'_>) -> Result<(), Error> {
        match mem::replace(&mut self.sending, Sending::All) {
            Sending::HeldBack(sender, until) if !self.interim.continues() => {
                // Its time begins when the head is on its way.
                let mut until = match until {
                    None if !self.touched => None,
                    None => Some(Box::pin(tokio::time::sleep(HELD_BACK))),
                    until => until,
                };
                let is_due = until.as_mut().is_some_and(|until| until.as_mut().poll(cx).is_ready());
                if is_due {
                    return self.send_body(sender);
                }
                self.sending = Sending::HeldBack(sender, until);
                Ok(())
            }
            Sending::HeldBack(sender, _) | Sending::Body(sender) => self.send_body(sender),
            Sending::All => Ok(()),
        }
    }

    fn send_body(&mut self, mut sender: Box<(SendStream<Bytes>, Outgoing)>) -> Result<(), Error> {
        let mut cx = Context::from_waker(Waker::noop());
        let (stream, body) = &mut *sender;
        while body.has_remaining() {
            let chunk = body.chunk().map_err(|error| Error::from_io(&error))?;
            stream.reserve_capacity(chunk.len().min(SENDING));
            if stream.capacity() == 0 {
                match stream.poll_capacity(&mut cx) {
                    Poll::Ready(Some(Ok(_))) => continue,
                    Poll::Pending => {
                        self.sending = Sending::Body(sender);
                        return Ok(());
                    }
                    // The stream is over, and so is what may be said on it. Why is told by what came of it.
                    Poll::Ready(None | Some(Err(_))) => return Ok(()),
                }
            }
            let piece = chunk.slice(..chunk.len().min(stream.capacity()));
            body.advance(piece.len());
            if stream.send_data(piece, !body.has_remaining()).is_err() {
                // As above.
                return Ok(());
            }
        }
        Ok(())
    }

    fn poll_receive(
        &mut self,
        config: &Config,
        request: &Request,
    ) -> Poll<Result<Response, Failed>> {
        if let Receiving::Head(_) = self.receiving {
            let (head, pieces) = ready!(self.poll_head()).map(http::Response::into_parts)?;
            // It may have come together with interim ones.
            if let Some(account) = self.ledger.lock().account(self.id) {
                account.answered.get_or_insert_with(Instant::now);
            }
            self.receiving = self.opened(head, pieces, config, request)?;
        }
        self.poll_body()
    }

    fn poll_head(&mut self) -> Poll<Result<http::Response<RecvStream>, Failed>> {
        let Receiving::Head(response) = &mut self.receiving else { return Poll::Pending };
        let mut cx = Context::from_waker(Waker::noop());
        loop {
            match ready!(response.poll_informational(&mut cx)) {
                Some(Ok(interim)) => {
                    self.interim.take(interim.status())?;
                    // The answer is still to come.
                    if let Some(account) = self.ledger.lock().account(self.id) {
                        account.answered = None;
                    }
                }
                Some(Err(error)) => return Poll::Ready(Err(self.failed(&error, Place::Head))),
                None => break,
            }
        }
        let response = ready!(Pin::new(response).poll(&mut cx));
        Poll::Ready(response.map_err(|error| self.failed(&error, Place::Head)))
    }

    /// Takes in the head of the response.
    fn opened(
        &mut self,
        head: http::response::Parts,
        pieces: RecvStream,
        config: &Config,
        request: &Request,
    ) -> Result<Receiving, Failed> {
        let headers = written(head.status, &head.headers)?;
        // A response that has no body may say how long it would be.
        let has_body = request.method != Method::HEAD && !pieces.is_end_stream();
        let announced = head.headers.get(CONTENT_LENGTH).filter(|_| has_body);
        let announced = announced.and_then(|length| length.to_str().ok()?.parse().ok());
        let response = Response {
            status: head.status,
            version: Version::HTTP_2,
            headers,
            sets_cookies: head.headers.contains_key(SET_COOKIE),
            is_packed: head.headers.contains_key(CONTENT_ENCODING),
            ..Response::default()
        };
        let certain = announced.unwrap_or(0);
        let incoming = Incoming::begin(request, &response, config.body_limit, certain)?;
        let body = Body { response, announced, pieces, incoming, held: 0 };
        Ok(Receiving::Body(Box::new(body)))
    }

    fn failed(&self, error: &h2::Error, place: Place) -> Failed {
        of_stream(error, &mut self.ledger.lock(), self.id, place)
    }

    fn poll_body(&mut self) -> Poll<Result<Response, Failed>> {
        let mut cx = Context::from_waker(Waker::noop());
        let ledger = &self.ledger;
        let Receiving::Body(body) = &mut self.receiving else { return Poll::Pending };
        loop {
            let Body { announced, pieces, incoming, held, .. } = &mut **body;
            if incoming.is_closed() {
                break;
            }
            let piece = match pieces.poll_data(&mut cx) {
                Poll::Ready(Some(piece)) => piece,
                Poll::Pending => {
                    body.release();
                    return Poll::Pending;
                }
                // What follows a body is read, so that it is over, and not told.
                Poll::Ready(None) => match ready!(pieces.poll_trailers(&mut cx)) {
                    Ok(_) => break,
                    Err(error) => Err(error),
                },
            };
            // A connection that breaks takes back nothing that has come whole.
            if matches!(&piece, Err(error) if error.is_io() && has_come_whole(ledger, self.id)) {
                break;
            }
            match piece {
                Ok(piece) => {
                    incoming.push(&piece)?;
                    *held += piece.len();
                }
                Err(error) => {
                    let place = Place::Body(*announced);
                    return Poll::Ready(Err(self.failed(&error, place)));
                }
            }
        }
        let Body { response, incoming, .. } = &mut **body;
        incoming.finish(response);
        let response = mem::take(response);
        self.receiving = Receiving::Over;
        Poll::Ready(Ok(response))
    }
}

impl Body {
    /// Lets the peer send again as much as was taken.
    fn release(&mut self) {
        let unread = self.incoming.unread();
        if self.held > unread {
            // Fails for more than has come only.
            let _ = self.pieces.flow_control().release_capacity(self.held - unread);
            self.held = unread;
        }
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.ledger.lock().close(self.id);
    }
}

/// Whether the last byte of a stream's response has come.
fn has_come_whole(ledger: &Mutex<Ledger>, id: u32) -> bool {
    ledger.lock().account(id).is_some_and(|account| account.complete)
}

/// The head of a response as HTTP/1.1 would have it: headers are kept in one form, whatever was spoken.
///
/// Fails if it is larger than any may be.
fn written(status: StatusCode, headers: &HeaderMap) -> Result<Headers, Error> {
    // A colon, a space, and the end of the line.
    let length: usize =
        headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
    if length > HEAD_LIMIT {
        let what = format!("its headers are larger than {} KiB", HEAD_LIMIT >> 10);
        return Err(Error::MalformedResponse(what));
    }
    let mut first = String::new();
    // Writing to a string cannot fail.
    let _ = write!(first, "HTTP/2.0 {}\r\n", status.as_u16());
    let mut head = Vec::with_capacity(first.len() + length + 2);
    head.extend_from_slice(first.as_bytes());
    for (name, value) in headers {
        head.extend_from_slice(name.as_str().as_bytes());
        head.extend_from_slice(b": ");
        head.extend_from_slice(value.as_bytes());
        head.extend_from_slice(b"\r\n");
    }
    head.extend_from_slice(b"\r\n");
    Ok(Headers::new(&head))
}
