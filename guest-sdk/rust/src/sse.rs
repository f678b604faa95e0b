//! Server-Sent Events: streams of events, such as the tokens of a language model.
//!
//! [`connect`] is the short way; [`Source`] sets a stream up. Dropping the [`Events`] ends the stream.
//!
//! ```
//! use wasmload_sdk::prelude::*;
//!
//! script!(iterate, options = r#"{ "vus": 10, "duration": "30s" }"#);
//!
//! fn iterate() -> Result {
//!     let question = Request::post(&base_url("/v1/chat/completions"))
//!         .json(&json!({ "stream": true, "messages": [{ "role": "user", "content": "Hello" }] }))
//!         .name("chat");
//!     // `sse_time_to_first_token`, `sse_tokens` and `sse_tokens_per_second` are recorded by the engine.
//!     let mut answer = String::new();
//!     for token in sse::Source::new(&question).tokens().connect()?.texts() {
//!         answer += &token?;
//!     }
//!     check("there is an answer", !answer.is_empty());
//!     Ok(())
//! }
//! # fn main() {}
//! ```

use std::fmt;
use std::time::Duration;

use crate::Result;
use crate::bindings::wasmload::script::sse as contract;
use crate::http::{self, Request, Response};
use crate::timing::{duration, milliseconds};

/// Opens a stream of events with a GET.
///
/// # Errors
///
/// Fails with the [`Error`] that says why there is no stream.
pub fn connect(url: &str) -> Result<Events, Error> {
    Source::new(&Request::get(url)).connect()
}

/// Waits until one of these has an event to be received or is over, and gives its place in the list; the lowest
/// place if several are.
///
/// None if the timeout passes first, or at once if the list is empty.
#[must_use]
pub fn wait_any<'a>(
    streams: impl IntoIterator<Item = &'a Events>,
    timeout: Option<Duration>,
) -> Option<usize> {
    let streams: Vec<&contract::Events> = streams.into_iter().map(|stream| &stream.0).collect();
    contract::wait_any(&streams, timeout.map(milliseconds)).map(|index| index as usize)
}

/// A stream to be opened, once or many times.
#[derive(Debug)]
pub struct Source(contract::Source);

impl Source {
    /// A stream that this request asks for, as it is set up now. The time that the request may take is the time until
    /// the response's head, and again until each next byte.
    #[must_use]
    pub fn new(request: &Request) -> Self {
        Self(contract::Source::new(&request.0))
    }

    /// Sets how often a stream that broke or ended is asked for again, from the last identifier on.
    #[must_use]
    pub fn reconnects(self, limit: u32) -> Self {
        self.0.set_reconnects(limit);
        self
    }

    /// Looks for the text of a language model in each event, where OpenAI's and Anthropic's interfaces and those
    /// compatible with them have it. `[DONE]` is the end.
    #[must_use]
    pub fn tokens(self) -> Self {
        self.tokens_at(&[])
    }

    /// Looks for the text of a language model where the first of these JSON Pointers finds some.
    #[must_use]
    pub fn tokens_at(self, pointers: &[&str]) -> Self {
        let pointers: Vec<String> = pointers.iter().map(|&pointer| pointer.to_owned()).collect();
        self.0.set_tokens(&pointers);
        self
    }

    /// Sends the request, and waits until the target has agreed to a stream.
    ///
    /// # Errors
    ///
    /// Fails with the [`Error`] that says why there is no stream.
    pub fn connect(&self) -> Result<Events, Error> {
        self.0.connect().map(Events).map_err(Error::new)
    }
}

/// An event that has arrived whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Its type: `message` unless the target gave another.
    pub kind: String,
    /// Its data; lines are separated by line feeds.
    pub data: String,
    /// The last identifier that the target gave; empty if it gave none.
    pub id: String,
    /// When it arrived, as [`timing::now`](crate::timing::now) counts.
    pub arrived: Duration,
    /// What it adds to the text of a language model, if [tokens](Source::tokens) are looked for and it is one.
    pub token: Option<String>,
}

impl Event {
    /// Its data as a value of this type, from JSON.
    ///
    /// # Errors
    ///
    /// Fails if it is not JSON, or is JSON of another shape.
    #[cfg(feature = "json")]
    pub fn json<T: serde::de::DeserializeOwned>(&self) -> Result<T> {
        serde_json::from_str(&self.data)
            .map_err(|error| format!("an event does not fit: {error}").into())
    }
}

/// A stream that is open. Dropping it ends it, which is no failure.
#[derive(Debug)]
pub struct Events(contract::Events);

impl Events {
    /// The response that the stream is, without a body.
    #[must_use]
    pub fn response(&self) -> Response {
        Response(self.0.response())
    }

    /// Waits for the next event.
    ///
    /// # Errors
    ///
    /// What arrived before the stream ended is received first; then it fails with [`ErrorKind::Ended`], or with why
    /// the stream broke.
    pub fn recv(&self) -> Result<Event, Error> {
        loop {
            if let Some(event) = self.0.receive(None).map_err(Error::new)? {
                return Ok(event.into());
            }
        }
    }

    /// Waits for the next event, or until the timeout passes: then there is none.
    ///
    /// # Errors
    ///
    /// As [`recv`](Self::recv).
    pub fn recv_timeout(&self, timeout: Duration) -> Result<Option<Event>, Error> {
        let received = self.0.receive(Some(milliseconds(timeout)));
        received.map(|event| event.map(Into::into)).map_err(Error::new)
    }

    /// The events, until the target ends the stream. An error is the last.
    pub fn events(&self) -> impl Iterator<Item = Result<Event, Error>> + '_ {
        let mut is_over = false;
        std::iter::from_fn(move || {
            if is_over {
                return None;
            }
            let received = self.recv();
            is_over = received.is_err();
            match received {
                Err(error) if error.kind() == ErrorKind::Ended => None,
                received => Some(received),
            }
        })
    }

    /// The tokens of a language model, until the target ends the stream. An error is the last.
    pub fn texts(&self) -> impl Iterator<Item = Result<String, Error>> + '_ {
        self.events().filter_map(|event| event.map(|event| event.token).transpose())
    }
}

impl From<contract::Event> for Event {
    fn from(event: contract::Event) -> Self {
        let contract::Event { kind, data, id, arrived, token } = event;
        Self { kind, data, id, arrived: duration(arrived), token }
    }
}

/// Why there is no stream, or no further event.
pub struct Error(Why);

enum Why {
    Http(http::Error),
    NotAStream(Response),
    EventTooLarge,
    Ended,
}

impl Error {
    fn new(error: contract::Error) -> Self {
        Self(match error {
            contract::Error::Http(error) => Why::Http(http::Error(error)),
            contract::Error::NotAStream(response) => Why::NotAStream(Response(response)),
            contract::Error::EventTooLarge => Why::EventTooLarge,
            contract::Error::Ended => Why::Ended,
        })
    }

    /// The case, to act on.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match &self.0 {
            Why::Http(error) => ErrorKind::Http(error.kind()),
            Why::NotAStream(_) => ErrorKind::NotAStream,
            Why::EventTooLarge => ErrorKind::EventTooLarge,
            Why::Ended => ErrorKind::Ended,
        }
    }

    /// The response that is not a stream, with up to 64 KiB of its body.
    #[must_use]
    pub fn response(&self) -> Option<&Response> {
        match &self.0 {
            Why::NotAStream(response) => Some(response),
            _ => None,
        }
    }
}

/// The cases of an [`Error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// There is no response, or no more of it.
    Http(http::ErrorKind),
    /// The response is not a stream of events: see [`Error::response`].
    NotAStream,
    /// An event is larger than 1 MiB.
    EventTooLarge,
    /// The target ended the stream, and all of it was received.
    Ended,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Why::Http(error) => error.fmt(f),
            Why::NotAStream(response) => {
                let kind = response.header("content-type");
                let kind = kind.as_deref().unwrap_or("no content-type");
                let (url, status) = (response.url(), response.status());
                write!(f, "{url} answered {status} with {kind}, which is not a stream of events")
            }
            Why::EventTooLarge => f.write_str("an event is too large"),
            Why::Ended => f.write_str("the target ended the stream"),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Error {}
