//! A VU's exchanges: begun by the guest, driven beside it, and recorded when they end. Its [`EventStreams`] and
//! [`Sockets`] are driven with them.
//!
//! The guest (inside its fiber) begins exchanges and takes what came of them; [`side_by_side`] polls them.
//! Both reach this through one lock that is never contended, since a VU is one task. Samples are recorded
//! the moment an exchange ends, whether or not the guest ever asks what came of it.
//!
//! [`side_by_side`]: crate::side_by_side

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use metrics::{Recorder, SeriesId, Tags, builtin};
use net::{BodyPolicy, Client, Download, Exchange, ExchangeId, Target};
use parking_lot::Mutex;
use wasmtime_wasi_http::WasiBody;

use crate::catalogue::{Ending, Endpoint, Kind};
use crate::event_streams::{EventStreams, Source, StreamId};
use crate::limits::Limits;
use crate::observer::VuObserver;
use crate::sockets::{SocketId, Sockets, TooMany};
use crate::time::milliseconds;
use crate::uploads::{Upload, Uploads};

pub(crate) struct Exchanges {
    client: Client,
    recorder: Recorder,
    series: VuSeries,
    entries: Vec<Entry>,
    pub(crate) sockets: Sockets,
    pub(crate) uploads: Uploads,
    pub(crate) streams: EventStreams,
    /// Responses that the guest reads as they come.
    downloads: Vec<Download>,
    /// Who is shown its exchanges.
    observer: Option<VuObserver>,
    limits: Arc<Limits>,
}

/// Series that belong to a VU and not to one of its requests.
#[derive(Clone, Copy)]
struct VuSeries {
    sent: SeriesId,
    received: SeriesId,
    interrupted: SeriesId,
    retries: SeriesId,
}

struct Entry {
    id: ExchangeId,
    target: Target,
    endpoint: Arc<Endpoint>,
    /// How late its iteration was: the response time counts from when it should have been sent.
    lag: Duration,
    state: State,
}

enum State {
    Running,
    /// The guest dropped its handle: recorded when it ends, and forgotten.
    Unwanted,
    /// The guest reads its response as it comes: recorded when it ends, and forgotten.
    Read(Download),
    Finished(Box<Finished>),
}

/// What the guest gets.
pub(crate) struct Finished {
    pub(crate) target: Target,
    pub(crate) timings: net::Timings,
    pub(crate) result: Result<net::Response, net::Error>,
}

impl Exchanges {
    pub(crate) fn new(
        client: Client,
        recorder: Recorder,
        vu: &Tags,
        observer: Option<VuObserver>,
        limits: &Arc<Limits>,
    ) -> Self {
        let registry = recorder.registry();
        let series = VuSeries {
            sent: registry.series(builtin::DATA_SENT, vu),
            received: registry.series(builtin::DATA_RECEIVED, vu),
            interrupted: registry.series(builtin::HTTP_REQS_INTERRUPTED, vu),
            retries: registry.series(builtin::HTTP_REQ_RETRIES, vu),
        };
        let most = limits.sockets as usize;
        let sockets = Sockets::new(recorder.clone(), series.sent, series.received, most);
        let (uploads, streams) = (Uploads::default(), EventStreams::new(recorder.clone()));
        let (entries, downloads) = (Vec::new(), Vec::new());
        Self {
            client,
            recorder,
            series,
            entries,
            sockets,
            uploads,
            streams,
            downloads,
            observer,
            limits: Arc::clone(limits),
        }
    }

    /// Begins an exchange; nothing is sent before the next [`poll`](Self::poll).
    ///
    /// None if too many are on their way.
    pub(crate) fn start(
        &mut self,
        request: net::Request,
        endpoint: Arc<Endpoint>,
        lag: Duration,
    ) -> Option<ExchangeId> {
        let state = match &request.body_policy {
            BodyPolicy::Stream(download) => State::Read(download.clone()),
            _ => State::Running,
        };
        let id = self.reserve()?;
        self.begin(id, request, endpoint, lag, state);
        Some(id)
    }

    /// Has the guest polled when there is news of a response that it reads as it comes.
    pub(crate) fn watch(&mut self, download: Download) {
        self.downloads.push(download);
    }

    /// Begins a stream of events.
    ///
    /// None if too many requests are on their way.
    pub(crate) fn stream(&mut self, source: Source, lag: Duration) -> Option<StreamId> {
        let endpoint = Arc::clone(&source.endpoint);
        let (id, request) = self.streams.connect(source);
        if self.start(request, endpoint, lag).is_none() {
            self.streams.forget_unasked(id);
            return None;
        }
        Some(id)
    }

    /// Begins an exchange when the guest has written its body.
    ///
    /// None if too many are on their way.
    pub(crate) fn upload(
        &mut self,
        request: net::Request,
        body: WasiBody,
        endpoint: Arc<Endpoint>,
        lag: Duration,
    ) -> Option<ExchangeId> {
        let id = self.reserve()?;
        self.uploads.add(Upload::new(id, request, body, endpoint, lag));
        Some(id)
    }

    fn reserve(&mut self) -> Option<ExchangeId> {
        let on_their_way = self.entries.len() + self.uploads.len();
        (on_their_way < self.limits.requests_at_once as usize).then(|| self.client.reserve())
    }

    fn begin(
        &mut self,
        id: ExchangeId,
        request: net::Request,
        endpoint: Arc<Endpoint>,
        lag: Duration,
        state: State,
    ) {
        let target = request.target.clone();
        self.client.begin(id, request);
        self.entries.push(Entry { id, target, endpoint, lag, state });
    }

    /// Takes in bodies, and begins the exchanges of those that are finished. Whether any is refused.
    fn begin_uploads(&mut self, cx: &mut Context<'_>) -> bool {
        let limit = self.client.config().body_limit;
        let all = usize::try_from(self.limits.request_bytes).unwrap_or(usize::MAX);
        let mut any = false;
        for (upload, refusal) in self.uploads.take_ended(cx, limit, all) {
            let Upload { id, request, endpoint, lag, is_unwanted, .. } = upload;
            if refusal.is_some() {
                self.record_unsent(&endpoint, Ending::INVALID);
                any = true;
                continue;
            }
            let state = if is_unwanted { State::Unwanted } else { State::Running };
            self.begin(id, request, endpoint, lag, state);
        }
        any
    }

    /// Drives what is running. Whether any exchange ended, or anything is new of a socket.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> bool {
        let mut ended = self.uploads.len() > 0 && self.begin_uploads(cx);
        let Self { client, recorder, series, entries, sockets, observer, .. } = self;
        ended |= sockets.poll(cx, &mut |target, headers| client.keep_cookies(target, headers));
        client.poll(cx, &mut |id, exchange| {
            ended |= exchange.redirected.is_none();
            if let Some(observer) = observer {
                observer.hear(&exchange);
            }
            let Some(index) = entries.iter().position(|entry| entry.id == id) else { return };
            let entry = &mut entries[index];
            record(recorder, *series, &entry.endpoint, entry.lag, &exchange);
            if let Some(target) = exchange.redirected {
                // The iteration's lag is no part of what it waits for from here on.
                (entry.target, entry.lag) = (target, Duration::ZERO);
                return;
            }
            if matches!(entry.state, State::Unwanted | State::Read(_)) {
                entries.swap_remove(index);
            } else {
                let (target, timings) = (entry.target.clone(), exchange.timings);
                let finished = Finished { target, timings, result: exchange.result };
                entry.state = State::Finished(Box::new(finished));
            }
        });
        self.downloads.retain(|download| {
            ended |= download.take_news();
            !download.is_closed() && download.end().is_none()
        });
        ended | self.poll_streams(cx)
    }

    /// Drives the streams of events, and asks again for those that are to be. Whether there is anything new.
    fn poll_streams(&mut self, cx: &mut Context<'_>) -> bool {
        let news = self.streams.poll(cx);
        for id in news.again {
            let Some((request, endpoint)) = self.streams.again(id) else { continue };
            if self.start(request, endpoint, Duration::ZERO).is_none() {
                let why = too_many(&self.limits);
                self.streams.not_begun(id, net::Error::Other(why));
            }
            // It is driven from the next time on.
            cx.waker().wake_by_ref();
        }
        news.any
    }

    /// Begins to connect a socket, with the VU's cookies. As [`Sockets::connect`].
    pub(crate) fn connect(
        &mut self,
        vu: u32,
        mut handshake: net::websocket::Handshake,
        tags: Tags,
    ) -> Result<SocketId, TooMany> {
        self.client.add_cookies(&handshake.target, &mut handshake.headers);
        self.sockets.connect(self.client.config(), vu, handshake, tags)
    }

    /// How many have not ended, sockets that the guest has let go of among them, and not those that it goes on
    /// reading.
    pub(crate) fn running(&self) -> usize {
        let is_read =
            |entry: &&Entry| matches!(&entry.state, State::Read(download) if !download.is_closed());
        let read = self.entries.iter().filter(is_read).count();
        self.client.running().saturating_sub(read) + self.sockets.leaving()
    }

    pub(crate) fn is_finished(&self, id: ExchangeId) -> bool {
        let is_this = |entry: &Entry| entry.id == id && matches!(entry.state, State::Finished(_));
        self.entries.iter().any(is_this) || self.uploads.is_refused(id)
    }

    /// What came of it, once.
    pub(crate) fn take(&mut self, id: ExchangeId) -> Option<Finished> {
        let index = self
            .entries
            .iter()
            .position(|entry| entry.id == id && matches!(entry.state, State::Finished(_)))?;
        match self.entries.swap_remove(index).state {
            State::Finished(finished) => Some(*finished),
            State::Running | State::Unwanted | State::Read(_) => None,
        }
    }

    /// Lets go of an exchange whose result nobody will ask for.
    pub(crate) fn forget(&mut self, id: ExchangeId) {
        let Some(index) = self.entries.iter().position(|entry| entry.id == id) else {
            return self.uploads.forget(id);
        };
        match self.entries[index].state {
            State::Running => self.entries[index].state = State::Unwanted,
            State::Unwanted | State::Read(_) => {}
            State::Finished(_) => {
                self.entries.swap_remove(index);
            }
        }
    }

    /// The cookies that a request to this URL is sent with.
    pub(crate) fn cookies(&self, target: &Target) -> Vec<(String, String)> {
        self.client.cookies(target)
    }

    /// Keeps a cookie as if that URL had set it.
    pub(crate) fn keep_cookie(&mut self, target: &Target, cookie: &str) {
        self.client.keep_cookie(target, cookie);
    }

    /// Forgets the cookies of an earlier user in this place, if there was one.
    pub(crate) fn clear_cookies(&mut self) {
        self.client.clear_cookies();
    }

    /// Keeps the cookies that there are now for all iterations.
    pub(crate) fn mark_cookies(&mut self) {
        self.client.mark_cookies();
    }

    /// Forgets the cookies of the iteration before.
    pub(crate) fn reset_cookies(&mut self) {
        self.client.reset_cookies();
    }

    /// Records a request that could not be sent at all.
    pub(crate) fn record_unsent(&self, endpoint: &Endpoint, ending: Ending) {
        // Nothing was spoken; k6 has the protocol that would have been.
        let kind = Kind { ending, proto: "HTTP/1.1", tls_version: None };
        let series = endpoint.series(kind, self.recorder.registry());
        let mut batch = self.recorder.batch();
        batch.record(series.requests, 1.0);
        batch.record(series.failed, 1.0);
    }

    /// An iteration is over: connections that are not to outlive it are closed.
    pub(crate) fn end_iteration(&mut self) {
        self.client.end_iteration();
    }

    /// Cuts off what is running. What the target may have counted is counted as interrupted.
    pub(crate) fn abandon(&mut self) {
        self.sockets.abandon();
        self.streams.abandon();
        self.downloads.clear();
        self.uploads.abandon();
        let on_wire = self.client.on_wire();
        if on_wire > 0 {
            self.recorder.record(self.series.interrupted, on_wire as f64);
        }
        for entry in self.entries.drain(..) {
            if !matches!(entry.state, State::Finished(_)) {
                self.client.cancel(entry.id);
            }
        }
        self.end_iteration();
    }
}

impl Drop for Exchanges {
    fn drop(&mut self) {
        self.abandon();
    }
}

/// Waits until this gives something. Nothing is registered to be woken by: whoever drives the exchanges polls the guest
/// again when anything is new.
pub(crate) async fn until<T>(
    exchanges: &Mutex<Exchanges>,
    mut known: impl FnMut(&mut Exchanges) -> Option<T>,
) -> T {
    std::future::poll_fn(|_| match known(&mut exchanges.lock()) {
        Some(known) => Poll::Ready(known),
        None => Poll::Pending,
    })
    .await
}

/// What is said of a request that is one too many.
pub(crate) fn too_many(limits: &Limits) -> String {
    format!("more than {} requests of one user at once", limits.requests_at_once)
}

fn record(
    recorder: &Recorder,
    vu: VuSeries,
    endpoint: &Endpoint,
    lag: Duration,
    exchange: &Exchange,
) {
    let ending = match &exchange.result {
        Ok(response) if exchange.redirected.is_some() && response.status == 401 => {
            Ending::Challenge
        }
        Ok(response) => Ending::Status(response.status.as_u16()),
        Err(error) => Ending::Error { label: error.label(), code: error.code() },
    };
    let kind = Kind { ending, proto: exchange.proto, tls_version: exchange.tls_version };
    let series = endpoint.series(kind, recorder.registry());
    let (sent, received) = endpoint.bytes(recorder.registry());
    let timings = &exchange.timings;
    let mut batch = recorder.batch();
    batch.record(series.requests, 1.0);
    batch.record(series.failed, if endpoint.expects(ending) { 0.0 } else { 1.0 });
    if exchange.retried {
        batch.record(vu.retries, 1.0);
    }
    batch.record(sent, exchange.sent as f64);
    batch.record(received, exchange.received as f64);
    // A request that never reached the wire has no duration; zeros would make the target look fast.
    if exchange.begun {
        batch.record(series.duration, milliseconds(timings.duration()));
        batch.record(series.response, milliseconds(lag + timings.total()));
        batch.record(series.blocked, milliseconds(timings.blocked + timings.dns));
        batch.record(series.connecting, milliseconds(timings.connecting));
        batch.record(series.tls_handshaking, milliseconds(timings.tls));
        batch.record(series.sending, milliseconds(timings.sending));
        batch.record(series.waiting, milliseconds(timings.waiting));
        batch.record(series.receiving, milliseconds(timings.receiving));
    }
}
