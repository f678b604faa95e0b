//! What pages answer with: responses, and the bodies that are made as they are sent.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Response, StatusCode};
use hyper::body::{Frame, SizeHint};
use serde::Serialize;

use crate::events::Events;

/// A response on its way.
pub(crate) type Answer = Response<Body>;

pub(crate) const JSON: HeaderValue = HeaderValue::from_static("application/json");
pub(crate) const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");

/// That a request gets no answer: its connection is closed instead.
#[derive(Debug, thiserror::Error)]
#[error("the page asks to hang up")]
pub(crate) struct HungUp;

/// Answers with bytes that are there already.
pub(crate) fn bytes(status: StatusCode, content_type: HeaderValue, bytes: Bytes) -> Answer {
    let mut answer = Response::new(Body::Whole(bytes));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, content_type);
    answer
}

/// Answers with a value as JSON.
pub(crate) fn json(status: StatusCode, value: &impl Serialize) -> Answer {
    let text = serde_json::to_vec(value).expect("a value of ours has string keys and serialises");
    bytes(status, JSON, text.into())
}

/// Answers that something is wrong, and what.
pub(crate) fn refusal(status: StatusCode, problem: &str) -> Answer {
    #[derive(Serialize)]
    struct Refusal<'a> {
        error: &'a str,
    }
    json(status, &Refusal { error: problem })
}

/// The repeating content of a body that has none of its own: the byte at `i` is `ALPHABET[i % 64]`.
pub(crate) const ALPHABET: &[u8; 64] =
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// How much of [`ALPHABET`] goes out at once: a socket takes about so much, and it is held only once.
const BLOCK: usize = 64 * 1024;

static PATTERN: [u8; BLOCK] = {
    let mut block = [0; BLOCK];
    let mut index = 0;
    while index < BLOCK {
        block[index] = ALPHABET[index % ALPHABET.len()];
        index += 1;
    }
    block
};

/// The body of an [`Answer`].
#[derive(Debug)]
pub(crate) enum Body {
    /// Bytes that are there already.
    Whole(Bytes),
    /// That many bytes of the pattern, with a length told beforehand.
    Pattern { left: u64 },
    /// That many full stops, each a chunk and a write of its own.
    Drip { left: u64, pause: bool },
    /// Events, each at its time.
    Events(Box<Events>),
}

impl Body {
    pub(crate) fn drip(bytes: u64) -> Self {
        Self::Drip { left: bytes, pause: false }
    }
}

impl hyper::body::Body for Body {
    type Data = Bytes;
    type Error = HungUp;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, HungUp>>> {
        let data = match &mut *self {
            Self::Events(events) => {
                let next = events.poll_next(context);
                return next.map(|next| next.map(|event| event.map(Frame::data)));
            }
            Self::Whole(bytes) => std::mem::take(bytes),
            Self::Pattern { left } => {
                let part = usize::try_from(*left).unwrap_or(BLOCK).min(BLOCK);
                *left -= part as u64;
                Bytes::from_static(&PATTERN[..part])
            }
            Self::Drip { left: 0, .. } => Bytes::new(),
            Self::Drip { left, pause } => {
                // Between two bytes it is not ready once, and so hyper sends what it has.
                *pause = !*pause;
                if !*pause {
                    context.waker().wake_by_ref();
                    return Poll::Pending;
                }
                *left -= 1;
                Bytes::from_static(b".")
            }
        };
        Poll::Ready((!data.is_empty()).then(|| Ok(Frame::data(data))))
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(bytes) => bytes.is_empty(),
            Self::Events(events) => events.is_over(),
            Self::Pattern { left } | Self::Drip { left, .. } => *left == 0,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Self::Pattern { left } => SizeHint::with_exact(*left),
            Self::Drip { .. } | Self::Events(_) => SizeHint::default(),
        }
    }
}
