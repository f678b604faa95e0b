//! A VU's event streams: asked for by the guest, driven beside it with its exchanges, and recorded as things happen.
//!
//! A stream is an exchange whose response is read as it comes; that is begun, driven and counted like any other
//! by [`Exchanges`](crate::exchanges::Exchanges). Here its bytes become events, and one that broke is asked for
//! again.
//!
//! | when | what is recorded |
//! | --- | --- |
//! | the request is answered, or never will be | `sse_connect_failed`, `sse_streams` |
//! | an event arrives | `sse_events`, `sse_time_to_first_event` or `sse_event_gap` |
//! | it is a token | `sse_tokens`, `sse_time_to_first_token` |
//! | the stream ends, or is cut off | `sse_stream_duration`, `sse_drops`, `sse_tokens_per_second` |

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Context;
use std::time::Duration;

use http::header::{HeaderName, HeaderValue};
use metrics::{Recorder, SeriesId, builtin};
use net::sse::{Event, EventParser};
use net::{BodyPolicy, Download, Next, Opened};
use tokio::time::{Instant, Sleep, sleep};

use crate::catalogue::{Endpoint, failed};
use crate::time::milliseconds;
use crate::tokens::{Meaning, Tokens};

/// Events that wait to be received before no more are read.
const WAITING: usize = 1_024;
/// Bytes of events that wait to be received before no more are read.
const WAITING_BYTES: usize = 1 << 20;
/// What is kept of a body that is no stream.
const REFUSAL: usize = 64 << 10;
/// How long a stream that broke is left alone, where its target does not say: what browsers do.
const RECONNECT: Duration = Duration::from_secs(3);
/// How long a target has to end a stream after the last event.
const GRACE: Duration = Duration::from_secs(1);

/// Which stream of a VU. Never given twice by one VU.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StreamId(u64);

/// A stream as it is asked for.
pub(crate) struct Source {
    pub(crate) request: net::Request,
    pub(crate) endpoint: Arc<Endpoint>,
    pub(crate) reconnects: u32,
    /// Where the text of a language model is looked for, if it is.
    pub(crate) tokens: Option<Vec<String>>,
}

/// An event, and when it came.
pub(crate) struct Arrived {
    pub(crate) event: Event,
    pub(crate) token: Option<String>,
    pub(crate) at: Instant,
}

/// Why there is no further event.
#[derive(Clone, Debug)]
pub(crate) enum End {
    /// The target ended the stream.
    Ended,
    /// There is no response, or no more of it.
    Failed(net::Error),
    /// The response is no stream; it, and a part of its body.
    NotAStream(Box<Opened>),
    /// An event was too large.
    EventTooLarge,
}

pub(crate) struct EventStreams {
    recorder: Recorder,
    entries: Vec<Entry>,
    next: u64,
}

struct Entry {
    id: StreamId,
    source: Source,
    download: Download,
    stage: Stage,
    parser: EventParser,
    waiting: VecDeque<Arrived>,
    waiting_bytes: usize,
    series: EventSeries,
    tokens: Option<Tokens>,
    /// Whether there was a token, in whichever of its streams.
    has_spoken: bool,
    /// When it was asked for first.
    asked: Instant,
    /// When it was opened last.
    opened: Option<Instant>,
    response: Option<Box<Opened>>,
    /// When the last event came.
    last: Option<Instant>,
    /// How often it may yet be asked for again.
    reconnects: u32,
    /// Whether the event that says that it is the last has come.
    is_done: bool,
    /// Until when the target may end it by itself after that.
    grace: Option<Pin<Box<Sleep>>>,
    /// The guest dropped its handle: it ends, and is forgotten then.
    is_leaving: bool,
}

enum Stage {
    /// The response's head has not come.
    Connecting,
    Open,
    /// What comes is no stream; a part of its body.
    Refused(Vec<u8>),
    /// It is to be asked for again then.
    Waiting(Pin<Box<Sleep>>),
    Over(End),
}

#[derive(Clone, Copy)]
struct EventSeries {
    events: SeriesId,
    gap: SeriesId,
}

/// What came of driving them.
#[derive(Default)]
pub(crate) struct News {
    /// Whether there is anything to be received.
    pub(crate) any: bool,
    /// Those that are to be asked for again.
    pub(crate) again: Vec<StreamId>,
}

impl EventStreams {
    pub(crate) fn new(recorder: Recorder) -> Self {
        Self { recorder, entries: Vec::new(), next: 0 }
    }

    /// Takes note of a stream that is asked for, and gives the request for it.
    pub(crate) fn connect(&mut self, source: Source) -> (StreamId, net::Request) {
        let id = StreamId(self.next);
        self.next += 1;
        let of = |metric| self.recorder.registry().series(metric, source.endpoint.tags());
        let series =
            EventSeries { events: of(builtin::SSE_EVENTS), gap: of(builtin::SSE_EVENT_GAP) };
        let entry = Entry {
            id,
            download: Download::default(),
            stage: Stage::Connecting,
            parser: EventParser::default(),
            waiting: VecDeque::new(),
            waiting_bytes: 0,
            series,
            tokens: source.tokens.as_deref().map(Tokens::at),
            has_spoken: false,
            asked: Instant::now(),
            opened: None,
            response: None,
            last: None,
            reconnects: source.reconnects,
            is_done: false,
            grace: None,
            is_leaving: false,
            source,
        };
        let request = entry.request();
        self.entries.push(entry);
        (id, request)
    }

    /// A stream is asked for again: the request for it, and where it is counted.
    pub(crate) fn again(&mut self, id: StreamId) -> Option<(net::Request, Arc<Endpoint>)> {
        let entry = self.entries.iter_mut().find(|entry| entry.id == id)?;
        entry.download = Download::default();
        // Each stream has a rate of its own.
        entry.tokens = entry.source.tokens.as_deref().map(Tokens::at);
        entry.parser.restart();
        entry.stage = Stage::Connecting;
        Some((entry.request(), Arc::clone(&entry.source.endpoint)))
    }

    /// A request for a stream could not be begun.
    pub(crate) fn not_begun(&mut self, id: StreamId, error: net::Error) {
        if let Some(entry) = self.entries.iter_mut().find(|entry| entry.id == id) {
            entry.failed(&self.recorder, &error);
            entry.stage = Stage::Over(End::Failed(error));
        }
    }

    /// Drives all of them. To be called after their exchanges were driven.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> News {
        let mut news = News::default();
        let recorder = &self.recorder;
        self.entries.retain_mut(|entry| {
            news.any |= entry.poll(cx, recorder);
            match &mut entry.stage {
                Stage::Waiting(until) if !entry.is_leaving => {
                    if until.as_mut().poll(cx).is_ready() {
                        news.again.push(entry.id);
                    }
                    true
                }
                Stage::Waiting(_) | Stage::Over(_) => !entry.is_leaving,
                Stage::Connecting | Stage::Open | Stage::Refused(_) => true,
            }
        });
        news
    }

    fn of(&mut self, id: StreamId) -> Option<&mut Entry> {
        self.entries.iter_mut().find(|entry| entry.id == id)
    }

    /// Whether it was opened, or why it was not. None if that is not known yet.
    pub(crate) fn connected(&mut self, id: StreamId) -> Option<Result<(), End>> {
        let entry = self.of(id)?;
        match &entry.stage {
            Stage::Over(end) if entry.opened.is_none() => Some(Err(end.clone())),
            _ => entry.opened.map(|_| Ok(())),
        }
    }

    /// The response that it is.
    pub(crate) fn response(&mut self, id: StreamId) -> Option<Opened> {
        Some((**self.of(id)?.response.as_ref()?).clone())
    }

    /// The next event, or why there is none. None if none has come yet.
    pub(crate) fn receive(&mut self, id: StreamId) -> Option<Result<Arrived, End>> {
        let entry = self.of(id)?;
        if let Some(arrived) = entry.waiting.pop_front() {
            entry.waiting_bytes -= size(&arrived.event);
            return Some(Ok(arrived));
        }
        match &entry.stage {
            Stage::Over(end) => Some(Err(end.clone())),
            _ => None,
        }
    }

    /// Whether there is an event to be received, or it is over.
    pub(crate) fn is_ready(&mut self, id: StreamId) -> bool {
        self.of(id)
            .is_none_or(|entry| !entry.waiting.is_empty() || matches!(entry.stage, Stage::Over(_)))
    }

    /// Forgets a stream whose request was never begun.
    pub(crate) fn forget_unasked(&mut self, id: StreamId) {
        self.entries.retain(|entry| entry.id != id);
    }

    /// Lets go of a stream: it ends where it is.
    pub(crate) fn forget(&mut self, id: StreamId) {
        if let Some(entry) = self.of(id) {
            entry.is_leaving = true;
            entry.waiting.clear();
            entry.waiting_bytes = 0;
            // One that has said its last word ends by itself, and leaves a connection behind that can be used.
            if !entry.is_done {
                entry.download.close();
            }
        }
    }

    /// Cuts off all of them.
    pub(crate) fn abandon(&mut self) {
        for entry in self.entries.drain(..) {
            if matches!(entry.stage, Stage::Open) {
                entry.record_end(&self.recorder);
            }
        }
    }
}

impl Entry {
    fn request(&self) -> net::Request {
        let mut request = self.source.request.clone();
        request.body_policy = BodyPolicy::Stream(self.download.clone());
        let id = self.parser.last_id();
        if !id.is_empty()
            && let Ok(id) = HeaderValue::from_bytes(id)
        {
            request.headers.insert(HeaderName::from_static("last-event-id"), id);
        }
        request
    }

    /// Goes on. Whether there is anything new for the guest.
    fn poll(&mut self, cx: &mut Context<'_>, recorder: &Recorder) -> bool {
        let mut any = false;
        if let Stage::Connecting = self.stage {
            any |= self.poll_connecting(recorder);
        }
        if let Stage::Refused(_) = self.stage {
            any |= self.poll_refused();
        }
        if let Stage::Open = self.stage {
            let was_full = self.download.is_full();
            any |= self.poll_open(recorder);
            if was_full && !self.download.is_full() {
                // Its connection reads on when it is polled next.
                cx.waker().wake_by_ref();
            }
        }
        if let Some(grace) = &mut self.grace
            && grace.as_mut().poll(cx).is_ready()
        {
            self.grace = None;
            self.download.close();
            // Its exchange ends when it is polled next.
            cx.waker().wake_by_ref();
        }
        any
    }

    fn poll_connecting(&mut self, recorder: &Recorder) -> bool {
        let Some(opened) = self.download.head() else {
            let Some(Err(error)) = self.download.end() else { return false };
            self.failed(recorder, &error);
            // A target that is down for a while is asked again, as after a stream that broke.
            match self.opened {
                Some(_) => self.over(End::Failed(error)),
                None => self.stage = Stage::Over(End::Failed(error)),
            }
            return true;
        };
        let tags = self.source.endpoint.tags();
        if is_stream(&opened.response) {
            recorder.record_tagged(builtin::SSE_CONNECT_FAILED, tags, 0.0);
            recorder.record_tagged(builtin::SSE_STREAMS, tags, 1.0);
            self.opened = Some(Instant::now());
            self.response = Some(Box::new(opened));
            self.stage = Stage::Open;
        } else {
            let status = opened.response.status;
            let tags = tags.with("status", status.as_u16().to_string());
            recorder.record_tagged(builtin::SSE_CONNECT_FAILED, &tags, 1.0);
            self.response = Some(Box::new(opened));
            self.stage = Stage::Refused(Vec::new());
        }
        true
    }

    /// There is no response.
    fn failed(&self, recorder: &Recorder, error: &net::Error) {
        let tags = failed(self.source.endpoint.tags(), "0", error.label(), error.code());
        recorder.record_tagged(builtin::SSE_CONNECT_FAILED, &tags, 1.0);
    }

    fn poll_refused(&mut self) -> bool {
        let Stage::Refused(body) = &mut self.stage else { return false };
        loop {
            match self.download.take() {
                Next::Chunk(chunk) => {
                    let room = REFUSAL - body.len();
                    body.extend_from_slice(&chunk.bytes[..chunk.bytes.len().min(room)]);
                    if body.len() < REFUSAL {
                        continue;
                    }
                    self.download.close();
                }
                Next::Nothing => return false,
                Next::End | Next::Failed(_) => {}
            }
            let Some(mut opened) = self.response.clone() else { return false };
            opened.response.length = body.len() as u64;
            opened.response.body = std::mem::take(body);
            self.stage = Stage::Over(End::NotAStream(opened));
            return true;
        }
    }

    fn poll_open(&mut self, recorder: &Recorder) -> bool {
        let mut any = false;
        while self.waiting.len() < WAITING && self.waiting_bytes < WAITING_BYTES {
            match self.download.take() {
                Next::Nothing => break,
                Next::Chunk(chunk) => match self.take(&chunk, recorder) {
                    Ok(some) => any |= some,
                    Err(net::sse::EventTooLarge) => {
                        self.download.close();
                        self.record_end(recorder);
                        recorder.record_tagged(
                            builtin::SSE_DROPS,
                            self.source.endpoint.tags(),
                            1.0,
                        );
                        self.stage = Stage::Over(End::EventTooLarge);
                        return true;
                    }
                },
                end @ (Next::End | Next::Failed(_)) => {
                    self.record_end(recorder);
                    let is_wanted = !self.is_leaving && !self.is_done;
                    let broke = matches!(end, Next::Failed(_));
                    if is_wanted && (broke || self.source.reconnects > 0) {
                        recorder.record_tagged(
                            builtin::SSE_DROPS,
                            self.source.endpoint.tags(),
                            1.0,
                        );
                    }
                    self.over(match end {
                        Next::Failed(error) if is_wanted => End::Failed(error),
                        _ => End::Ended,
                    });
                    return true;
                }
            }
        }
        any
    }

    /// It is over, unless it is to be asked for again.
    fn over(&mut self, end: End) {
        self.grace = None;
        if self.reconnects > 0 && !self.is_leaving && !self.is_done {
            self.reconnects -= 1;
            let pause = self.parser.retry().unwrap_or(RECONNECT);
            self.stage = Stage::Waiting(Box::pin(sleep(pause)));
        } else {
            self.stage = Stage::Over(end);
        }
    }

    /// Takes in what has come. Whether it ended an event.
    fn take(
        &mut self,
        chunk: &net::Chunk,
        recorder: &Recorder,
    ) -> Result<bool, net::sse::EventTooLarge> {
        let mut events = Vec::new();
        self.parser.push(&chunk.bytes, &mut |event| events.push(event))?;
        let any = !events.is_empty();
        let tags = self.source.endpoint.tags();
        for event in events {
            let at = chunk.arrived;
            let since_asked = milliseconds(at.saturating_duration_since(self.asked));
            recorder.record(self.series.events, 1.0);
            match self.last.replace(at) {
                None => recorder.record_tagged(builtin::SSE_TIME_TO_FIRST_EVENT, tags, since_asked),
                Some(last) => {
                    let gap = milliseconds(at.saturating_duration_since(last));
                    recorder.record(self.series.gap, gap);
                }
            }
            let mut token = None;
            if let Some(tokens) = &mut self.tokens {
                match tokens.meaning(&event.data) {
                    Meaning::Token(text) => {
                        recorder.record_tagged(builtin::SSE_TOKENS, tags, 1.0);
                        if tokens.arrived(at) && !std::mem::replace(&mut self.has_spoken, true) {
                            let metric = builtin::SSE_TIME_TO_FIRST_TOKEN;
                            recorder.record_tagged(metric, tags, since_asked);
                        }
                        token = Some(text);
                    }
                    Meaning::Done => {
                        self.is_done = true;
                        self.grace = Some(Box::pin(sleep(GRACE)));
                    }
                    Meaning::Other => {}
                }
            }
            if !self.is_leaving {
                self.waiting_bytes += size(&event);
                self.waiting.push_back(Arrived { event, token, at });
            }
        }
        Ok(any)
    }

    fn record_end(&self, recorder: &Recorder) {
        let tags = self.source.endpoint.tags();
        if let Some(opened) = self.opened {
            let duration = milliseconds(Instant::now().saturating_duration_since(opened));
            recorder.record_tagged(builtin::SSE_STREAM_DURATION, tags, duration);
        }
        if let Some(rate) = self.tokens.as_ref().and_then(Tokens::per_second) {
            recorder.record_tagged(builtin::SSE_TOKENS_PER_SECOND, tags, rate);
        }
    }
}

fn size(event: &Event) -> usize {
    event.kind.len() + event.data.len() + event.id.len()
}

/// Whether a response is a stream of events: anything else is not read as one, whatever it has in it.
fn is_stream(response: &net::Response) -> bool {
    let kind = response.headers.get("content-type").unwrap_or_default();
    let kind = kind.split(|&byte| byte == b';').next().unwrap_or_default();
    response.status.as_u16() == 200 && kind.trim_ascii().eq_ignore_ascii_case(b"text/event-stream")
}
