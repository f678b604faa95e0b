//! One connection of one VU, and the streams on it.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use bytes::Bytes;
use h2::client::{Builder, SendRequest};
use parking_lot::Mutex;

use crate::body::Outgoing;
use crate::config::Config;
use crate::connections::Shared;
use crate::error::Error;
use crate::http1::HEAD_LIMIT;
use crate::http2::ledger::Ledger;
use crate::http2::wire::Wire;
use crate::http2::{
    CONNECTION_WINDOW, GIVEN_UP, GIVEN_UP_FOR, READS, SENDING, STREAM_WINDOW, STREAMS_AT_FIRST,
    Stream, TOLD, error, request,
};
use crate::per_host::Slot;
use crate::request::Request;
use crate::stream;
use crate::target::Target;
use crate::tls::TlsVersion;

/// A connection, shared by the exchanges of a VU with one peer.
pub(crate) struct Connection {
    pub(crate) target: Target,
    remote: Option<SocketAddr>,
    tls_version: Option<TlsVersion>,
    /// Nothing once it is over.
    driver: Option<h2::client::Connection<Wire, Bytes>>,
    requests: SendRequest<Bytes>,
    ledger: Arc<Mutex<Ledger>>,
    bell: Arc<Bell>,
    waker: Waker,
    /// Whether it takes no more streams for reasons of ours.
    is_retired: bool,
    /// The right to have it, where that is limited.
    slot: Option<Slot>,
}

/// Why there is no stream for a request.
#[derive(Debug)]
pub(crate) enum NoStream {
    /// As many are under way as the peer allows.
    Later,
    /// There will be none on this connection.
    Never,
    /// The library does not take the request.
    Refused(Error),
}

impl Connection {
    /// A connection over a stream of bytes that is there. Until the peer says how many streams it allows, it is
    /// taken to allow as many as before, if that is known. Nothing is sent before it is [polled](Self::poll).
    ///
    /// Fails if the library does not take it.
    pub(crate) fn new(
        stream: stream::Stream,
        target: Target,
        remote: Option<SocketAddr>,
        allowed: Option<usize>,
        slot: Option<Slot>,
    ) -> Result<Box<Self>, Error> {
        let tls_version = stream.tls_version();
        let ledger = Arc::new(Mutex::new(Ledger::new()));
        let wire = Wire::new(stream, Arc::clone(&ledger));
        let mut builder = Builder::new();
        builder
            .enable_push(false)
            .initial_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .max_header_list_size(u32::try_from(TOLD * HEAD_LIMIT).unwrap_or(u32::MAX))
            .initial_max_send_streams(allowed.unwrap_or(STREAMS_AT_FIRST))
            .max_concurrent_reset_streams(GIVEN_UP)
            .reset_stream_duration(GIVEN_UP_FOR)
            .max_send_buffer_size(SENDING);
        let bell = Arc::new(Bell::default());
        // It has something to say from the start.
        bell.rung.store(true, Ordering::SeqCst);
        let waker = Waker::from(Arc::clone(&bell));
        // All it does is to write the preface, which the wire takes at once.
        let handshake = pin!(builder.handshake(wire));
        let Poll::Ready(made) = handshake.poll(&mut Context::from_waker(&waker)) else {
            return Err(Error::Other("the connection does not take the preface".to_owned()));
        };
        let (requests, driver) = made.map_err(|error| error::of_connection(&error))?;
        Ok(Box::new(Self {
            target,
            remote,
            tls_version,
            driver: Some(driver),
            requests,
            ledger,
            bell,
            waker,
            is_retired: false,
            slot,
        }))
    }

    /// Begins a turn of the task of `cx`, which is woken from now on whenever there are news; but not while the
    /// turn lasts.
    pub(crate) fn begin_turn(&self, cx: &Context<'_>) {
        self.bell.begin_turn(cx);
    }

    /// Ends the turn. Whether there are news that came in it.
    pub(crate) fn end_turn(&self) -> bool {
        self.bell.end_turn()
    }

    /// Whether it is to be polled.
    pub(crate) fn has_news(&self) -> bool {
        self.driver.is_some() && self.bell.has_rung()
    }

    /// Reads what has come, and writes what is to go.
    pub(crate) fn poll(&mut self) {
        let Some(driver) = &mut self.driver else { return };
        self.bell.hear();
        self.ledger.lock().reads = READS;
        let polled = Pin::new(driver).poll(&mut Context::from_waker(&self.waker));
        let mut ledger = self.ledger.lock();
        if let Poll::Ready(ended) = polled {
            ledger.ends(ended.err().map(|error| error::of_connection(&error)));
        }
        // What the peer has ended need not be ended politely by us too.
        if ledger.ended().is_some() {
            drop(ledger);
            self.driver = None;
        }
    }

    /// What its exchanges are to know of it.
    pub(crate) fn shared(&self) -> Shared {
        Shared { remote: self.remote, tls_version: self.tls_version }
    }

    /// Whether nothing goes over it any more.
    pub(crate) fn is_over(&self) -> bool {
        self.driver.is_none()
    }

    /// Whether it takes further streams, now or later.
    pub(crate) fn is_open(&mut self) -> bool {
        // After GOAWAY, and when the numbers of streams have run out, the library says no.
        let mut cx = Context::from_waker(Waker::noop());
        let taken = !matches!(self.requests.poll_ready(&mut cx), Poll::Ready(Err(_)));
        taken && !self.is_retired && !self.is_over() && !self.ledger.lock().is_distrusted()
    }

    /// Whether somebody else waits for the right to have a connection to the host.
    pub(crate) fn is_wanted(&self) -> bool {
        self.slot.as_ref().is_some_and(Slot::is_wanted)
    }

    /// How many streams are under way.
    pub(crate) fn streams(&self) -> usize {
        self.ledger.lock().streams()
    }

    /// How many streams the peer allows at once.
    pub(crate) fn allowed(&self) -> usize {
        self.requests.current_max_send_streams()
    }

    /// Takes no more streams; those under way go on.
    pub(crate) fn retire(&mut self) {
        self.is_retired = true;
    }

    /// Begins an exchange. It is sent when this is [polled](Self::poll).
    pub(crate) fn open(
        &mut self,
        request: &Request,
        config: &Config,
    ) -> Result<Box<Stream>, NoStream> {
        if !self.is_open() {
            return Err(NoStream::Never);
        }
        let mut cx = Context::from_waker(Waker::noop());
        let is_full = self.streams() >= self.allowed();
        if is_full || self.requests.poll_ready(&mut cx).is_pending() {
            return Err(NoStream::Later);
        }
        let body = Outgoing::new(&request.body);
        let is_whole = !body.has_remaining();
        let head = request::head(request, config);
        let (response, sender) = self
            .requests
            .send_request(head, is_whole)
            .map_err(|error| NoStream::Refused(error::of_connection(&error)))?;
        let id = sender.stream_id().into();
        self.ledger.lock().open(id);
        let sender = (!is_whole).then_some((sender, body));
        let ledger = Arc::clone(&self.ledger);
        Ok(Box::new(Stream::new(id, ledger, response, sender, request.holds_back())))
    }
}

/// What the library and the socket ring when a connection is to be polled.
///
/// The library wakes the task of a connection whenever an exchange has something for it. That is the very task
/// that is at it, and polls the connection next in any case: it is woken only if it sleeps.
#[derive(Debug, Default)]
struct Bell {
    rung: AtomicBool,
    /// Whether whoever hears it is there.
    attended: AtomicBool,
    task: Mutex<Option<Waker>>,
}

impl Bell {
    fn begin_turn(&self, cx: &Context<'_>) {
        self.attended.store(true, Ordering::SeqCst);
        let mut task = self.task.lock();
        if !task.as_ref().is_some_and(|task| task.will_wake(cx.waker())) {
            *task = Some(cx.waker().clone());
        }
    }

    fn end_turn(&self) -> bool {
        self.attended.store(false, Ordering::SeqCst);
        self.has_rung()
    }

    fn has_rung(&self) -> bool {
        self.rung.load(Ordering::SeqCst)
    }

    fn hear(&self) {
        self.rung.store(false, Ordering::SeqCst);
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.rung.store(true, Ordering::SeqCst);
        if !self.attended.load(Ordering::SeqCst) {
            let task = self.task.lock().clone();
            if let Some(task) = task {
                task.wake();
            }
        }
    }
}
