//! Spans of sampled requests: `--trace-sample SHARE`, to the servers of `--out otlp=URL`.
//!
//! Format: OTLP 1 in protocol buffers, packed by gzip, to `/v1/traces` below the URL. A span is one request as its target was told of it
//! (`traceparent`), of the kind `client`, with the attributes that OpenTelemetry's conventions have for HTTP. Each hop of a redirect
//! is one.
//!
//! Spans come from the threads of VUs and wait here for the next second, and not more than so many: what is beyond is left out
//! and counted.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use parking_lot::Mutex;
use plan::Plan;
use prost::Message as _;
use run::Measured;

use super::messages::{
    ExportTraces, KeyValue, ResourceSpans, ScopeSpans, Span as SpanMessage, Status,
};
use super::{nanoseconds, resource, scope};
use crate::numbers::counted;
use crate::out::stream::Format;
use crate::redacted::Redactor;
use crate::secrets::url;

/// Spans that may wait for the next second.
const WAITING: usize = 10_000;
/// Spans of a request at most.
const SPANS: usize = 1_000;
/// `SPAN_KIND_CLIENT`.
const CLIENT: i32 = 3;
/// `STATUS_CODE_ERROR`.
const ERROR: i32 = 2;

/// A request, as a span has it.
#[derive(Clone, Debug)]
pub struct Span {
    /// The trace that it is part of.
    pub trace: u128,
    /// Its own number in it.
    pub span: u64,
    /// The VU; 0 is `setup` and `teardown`.
    pub vu: u32,
    /// Its scenario.
    pub scenario: String,
    /// When it began.
    pub started: SystemTime,
    /// How long it took.
    pub duration: Duration,
    /// The method.
    pub method: String,
    /// The URL that was asked for.
    pub url: String,
    /// The protocol's version: `1.1`.
    pub version: String,
    /// The response's status, or a name for why there is none, and why.
    pub outcome: Result<u16, (String, String)>,
}

/// Where spans are put that servers are to be told of. Clones are the same one.
#[derive(Clone, Debug, Default)]
pub struct SpanSample(Arc<Vec<Arc<Mutex<Waiting>>>>);

#[derive(Debug, Default)]
struct Waiting {
    spans: Vec<Span>,
    /// How many there was no room for.
    left_out: u64,
}

impl SpanSample {
    /// Keeps a span for the next second, if there is room for it.
    pub fn put(&self, span: &Span) {
        for waiting in &*self.0 {
            let mut waiting = waiting.lock();
            if waiting.spans.len() < WAITING {
                waiting.spans.push(span.clone());
            } else {
                waiting.left_out += 1;
            }
        }
    }

    /// Whether nobody is told of what is put here.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What spans become that are put here from now on.
    pub(in crate::out) fn format(&mut self, secrets: Redactor) -> Box<dyn Format> {
        let waiting = Arc::default();
        Arc::make_mut(&mut self.0).push(Arc::clone(&waiting));
        Box::new(Spans { secrets, waiting })
    }
}

#[derive(Debug)]
struct Spans {
    /// What is in no text.
    secrets: Redactor,
    waiting: Arc<Mutex<Waiting>>,
}

impl Spans {
    fn tell(&self, text: &mut Vec<u8>) {
        let spans = std::mem::take(&mut self.waiting.lock().spans);
        for spans in spans.chunks(SPANS) {
            let spans = spans.iter().map(|span| self.message(span)).collect();
            let scope_spans = vec![ScopeSpans { scope: Some(scope()), spans }];
            let of_resource = ResourceSpans { resource: Some(resource()), scope_spans };
            let request = ExportTraces { resource_spans: vec![of_resource] };
            text.extend(request.encode_length_delimited_to_vec());
        }
    }

    fn message(&self, span: &Span) -> SpanMessage {
        let shown = |text: &str| self.secrets.shown(text).into_owned();
        let mut attributes = vec![
            KeyValue::new("http.request.method", &span.method),
            KeyValue::new("url.full", &shown(&url(&without_user(&span.url)))),
            KeyValue::new("network.protocol.version", &span.version),
            KeyValue::new("wasmload.scenario", &shown(&span.scenario)),
            KeyValue::number("wasmload.vu", span.vu.into()),
        ];
        let mut status = None;
        match &span.outcome {
            Ok(code) => {
                attributes.push(KeyValue::number("http.response.status_code", (*code).into()));
                if *code >= 400 {
                    attributes.push(KeyValue::new("error.type", &code.to_string()));
                    status = Some(Status { message: String::new(), code: ERROR });
                }
            }
            Err((name, why)) => {
                attributes.push(KeyValue::new("error.type", name));
                // It may name where it was led to.
                let why = why.split(' ').map(url).collect::<Vec<_>>().join(" ");
                status = Some(Status { message: shown(&why), code: ERROR });
            }
        }
        SpanMessage {
            trace_id: span.trace.to_be_bytes().to_vec(),
            span_id: span.span.to_be_bytes().to_vec(),
            name: span.method.clone(),
            kind: CLIENT,
            start: nanoseconds(span.started),
            end: nanoseconds(span.started + span.duration),
            attributes,
            status,
        }
    }
}

/// A URL without who asks.
fn without_user(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let host = rest[..end].rsplit_once('@').map_or(&rest[..end], |(_, host)| host);
    format!("{scheme}://{host}{}", &rest[end..])
}

impl Format for Spans {
    fn begin(&mut self, _plan: &Plan, _now: SystemTime, _text: &mut Vec<u8>) {}

    fn second(&mut self, _measured: &Measured, _now: SystemTime, text: &mut Vec<u8>) {
        self.tell(text);
    }

    fn end(&mut self, _now: SystemTime, text: &mut Vec<u8>) {
        self.tell(text);
    }

    fn wants_series(&self) -> bool {
        false
    }

    fn left_out(&self) -> Option<String> {
        let left_out = self.waiting.lock().left_out;
        (left_out > 0).then(|| {
            format!("{} had no room; a smaller --trace-sample has fewer", counted(left_out, "span"))
        })
    }
}
