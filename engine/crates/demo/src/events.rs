//! Streams of events (SSE): a ticker, and a language model that has one thing to say.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use serde::Deserialize;
use serde_json::json;
use tokio::time::{Instant, Sleep, sleep_until};

use crate::aids::number;
use crate::answer::{self, Answer, Body, HungUp};
use crate::duration;

/// What the model says, again and again; each word is a token.
const SPEECH: &str =
    "All models are wrong but some are useful for a load test of what stands in front of them. ";
/// The most events of one stream.
const MOST: u64 = 1_000_000;

/// Events on their way, each at its time.
#[derive(Debug)]
pub(crate) struct Events {
    kind: Kind,
    /// How many have gone.
    gone: u64,
    /// How many there are; no end if it is not said.
    count: Option<u64>,
    /// Whether the connection breaks after the last.
    breaks: bool,
    gap: Duration,
    next: Pin<Box<Sleep>>,
    is_over: bool,
}

#[derive(Debug)]
enum Kind {
    Ticks,
    Tokens,
}

impl Events {
    fn new(kind: Kind, first: Duration, gap: Duration) -> Self {
        let next = Box::pin(sleep_until(Instant::now() + first));
        Self { kind, gone: 0, count: None, breaks: false, gap, next, is_over: false }
    }

    pub(crate) fn is_over(&self) -> bool {
        self.is_over
    }

    /// The next event. Fails if the connection is to break instead.
    pub(crate) fn poll_next(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, HungUp>>> {
        if self.is_over {
            return Poll::Ready(None);
        }
        if self.count.is_some_and(|count| self.gone >= count) {
            if self.breaks {
                // Not before the last event has gone out.
                ready!(self.next.as_mut().poll(context));
            }
            self.is_over = true;
            return Poll::Ready(match (self.breaks, &self.kind) {
                (true, _) => Some(Err(HungUp)),
                (false, Kind::Ticks) => None,
                (false, Kind::Tokens) => Some(Ok(Bytes::from_static(b"data: [DONE]\n\n"))),
            });
        }
        ready!(self.next.as_mut().poll(context));
        self.gone += 1;
        let is_last = self.count == Some(self.gone);
        // By the clock of the stream, so that delays do not add up; but a break must not catch up with the event
        // before it.
        let from = if is_last { Instant::now() } else { self.next.deadline() };
        self.next.as_mut().reset(from + self.gap);
        let event = match self.kind {
            Kind::Ticks => {
                let data = json!({ "event": self.gone, "sent": now() });
                format!("id: {}\ndata: {data}\n\n", self.gone)
            }
            Kind::Tokens => {
                let words: Vec<&str> = SPEECH.split_inclusive(' ').collect();
                let place = usize::try_from(self.gone - 1).unwrap_or_default() % words.len();
                let delta = json!({ "content": words[place] });
                let data = json!({
                    "object": "chat.completion.chunk",
                    "choices": [{ "index": 0, "delta": delta, "finish_reason": null }],
                    "sent": now(),
                });
                format!("data: {data}\n\n")
            }
        };
        Poll::Ready(Some(Ok(event.into())))
    }
}

/// Milliseconds since 1970, with a fraction.
fn now() -> f64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    since.as_secs_f64() * 1e3
}

fn stream(events: Events) -> Answer {
    let mut answer = Response::new(Body::Events(Box::new(events)));
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}

/// A number in a query, or what it is where it is not there.
fn queried(head: &Parts, name: &str, most: u64) -> Result<Option<u64>, Box<Answer>> {
    let query = head.uri.query().unwrap_or_default();
    let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    let value = pairs.find(|(known, _)| *known == name).map(|(_, value)| value);
    value.map(|value| number(value, &format!("a number for `{name}`"), 0..=most)).transpose()
}

fn longest() -> u64 {
    u64::try_from(duration::LONGEST.as_millis()).unwrap_or(u64::MAX)
}

/// `/events/{milliseconds}`
pub(crate) fn ticks(milliseconds: &str, head: &Parts) -> Answer {
    let ticks = || {
        let gap = number(milliseconds, "a number of milliseconds", 1..=longest())?;
        let count = queried(head, "count", MOST)?;
        let breaks = queried(head, "break", 1)? == Some(1);
        let gone = last_event_id(&head.headers);
        if count.is_some_and(|count| gone >= count) {
            // All has been said: 204 tells a client not to come again.
            let mut over = Response::new(Body::Whole(Bytes::new()));
            *over.status_mut() = StatusCode::NO_CONTENT;
            return Ok(over);
        }
        let gap = Duration::from_millis(gap);
        Ok(stream(Events { gone, count, breaks, ..Events::new(Kind::Ticks, gap, gap) }))
    };
    ticks().unwrap_or_else(|refusal: Box<Answer>| *refusal)
}

fn last_event_id(headers: &HeaderMap) -> u64 {
    let id = headers.get("last-event-id").and_then(|value| value.to_str().ok());
    id.and_then(|id| id.parse().ok()).unwrap_or_default()
}

/// `/v1/chat/completions`
pub(crate) fn chat(head: &Parts, body: &[u8]) -> Answer {
    #[derive(Deserialize)]
    struct Asked {
        stream: bool,
        #[serde(default = "usual")]
        max_tokens: u64,
    }
    fn usual() -> u64 {
        20
    }
    let chat = || {
        let asked: Asked = serde_json::from_slice(body).map_err(|error| {
            let problem = format!("the body is not a request for a chat: {error}");
            Box::new(answer::refusal(StatusCode::BAD_REQUEST, &problem))
        })?;
        if !asked.stream || asked.max_tokens > MOST {
            let problem = format!("only `stream: true`, and at most {MOST} `max_tokens`");
            return Err(Box::new(answer::refusal(StatusCode::BAD_REQUEST, &problem)));
        }
        let first = queried(head, "first", longest())?.unwrap_or(50);
        let gap = queried(head, "gap", longest())?.unwrap_or(10);
        let (first, gap) = (Duration::from_millis(first), Duration::from_millis(gap));
        let events = Events::new(Kind::Tokens, first, gap);
        Ok(stream(Events { count: Some(asked.max_tokens), ..events }))
    };
    chat().unwrap_or_else(|refusal| *refusal)
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::*;

    /// The events of a stream, and whether it broke.
    async fn all(mut events: Events) -> (Vec<String>, bool) {
        let mut said = Vec::new();
        loop {
            match poll_fn(|context| events.poll_next(context)).await {
                Some(Ok(bytes)) => said.push(String::from_utf8(bytes.to_vec()).unwrap()),
                Some(Err(HungUp)) => return (said, true),
                None => return (said, false),
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn ticks_come_at_their_times_and_begin_where_they_were_left() {
        let start = Instant::now();
        let gap = Duration::from_millis(250);
        for (gone, breaks, ids) in [(0, false, vec![1, 2, 3]), (2, true, vec![3])] {
            let events =
                Events { gone, count: Some(3), breaks, ..Events::new(Kind::Ticks, gap, gap) };
            let (said, broke) = all(events).await;
            let expected: Vec<_> = ids.iter().map(|id| format!("id: {id}\ndata: ")).collect();
            assert!(said.iter().zip(&expected).all(|(event, begin)| event.starts_with(begin)));
            assert_eq!((said.len(), broke), (expected.len(), breaks));
        }
        assert_eq!(start.elapsed(), gap * 5);
    }

    #[tokio::test(start_paused = true)]
    async fn a_chat_has_as_many_tokens_as_were_asked_for_and_an_end() {
        let events = Events::new(Kind::Tokens, Duration::ZERO, Duration::from_millis(1));
        let (said, broke) = all(Events { count: Some(30), ..events }).await;
        assert!(!broke);
        assert_eq!(said.len(), 31);
        assert_eq!(said[30], "data: [DONE]\n\n");
        assert!(said[0].contains(r#""content":"All ""#), "{}", said[0]);
    }
}
