//! `sse`: streams of events.
//!
//! Only translation stands here: the grammar is `net`'s, what becomes of a stream and its samples are
//! [`EventStreams`](crate::event_streams::EventStreams)' affair.

#![expect(unreachable_pub, reason = "the generated bindings name these types in public items")]

use wasmtime::Result;
use wasmtime::component::Resource;

use super::http::{Request, Response, translated};
use crate::bindings::wasmload::script::sse::{Error, Event, Host, HostEvents, HostSource};
use crate::event_streams::{Arrived, End, StreamId};
use crate::exchanges::until;
use crate::state::VuState;
use crate::time::{milliseconds, within};

/// A stream to be opened, as a script sets it up.
pub struct Source {
    /// A copy of the request that it was made of.
    request: Resource<Request>,
    reconnects: u32,
    tokens: Option<Vec<String>>,
}

/// A stream in the hands of a script.
pub struct Events(StreamId);

impl VuState {
    /// Why there is no event.
    fn ended(&mut self, end: End) -> Result<Error> {
        Ok(match end {
            End::Ended => Error::Ended,
            End::Failed(error) => Error::Http(translated(error)),
            End::EventTooLarge => Error::EventTooLarge,
            End::NotAStream(opened) => {
                Error::NotAStream(self.table.push(Response::opened(*opened))?)
            }
        })
    }
}

impl Host for VuState {
    async fn wait_any(
        &mut self,
        streams: Vec<Resource<Events>>,
        timeout: Option<f64>,
    ) -> Result<Option<u32>> {
        let ids: Result<Vec<StreamId>> =
            streams.iter().map(|stream| Ok(self.table.get(stream)?.0)).collect();
        let ids = ids?;
        if ids.is_empty() {
            return Ok(None);
        }
        let first = until(&self.exchanges, |exchanges| {
            let mut places = (0u32..).zip(&ids);
            places.find(|(_, id)| exchanges.streams.is_ready(**id)).map(|(place, _)| place)
        });
        Ok(within(timeout, first).await)
    }
}

impl HostSource for VuState {
    fn new(&mut self, request: Resource<Request>) -> Result<Resource<Source>> {
        let copy = self.table.get(&request)?.clone();
        let request = self.table.push(copy)?;
        Ok(self.table.push(Source { request, reconnects: 0, tokens: None })?)
    }

    fn set_reconnects(&mut self, this: Resource<Source>, limit: u32) -> Result<()> {
        self.table.get_mut(&this)?.reconnects = limit;
        Ok(())
    }

    fn set_tokens(&mut self, this: Resource<Source>, pointers: Vec<String>) -> Result<()> {
        self.table.get_mut(&this)?.tokens = Some(pointers);
        Ok(())
    }

    async fn connect(&mut self, this: Resource<Source>) -> Result<Result<Resource<Events>, Error>> {
        let source = self.table.get(&this)?;
        let (reconnects, tokens) = (source.reconnects, source.tokens.clone());
        let request = Resource::new_borrow(source.request.rep());
        let begun = self.ready(&request)?.and_then(|(prepared, content)| {
            self.begin_stream(prepared, content, reconnects, tokens)
        });
        let id = match begun {
            Ok(id) => id,
            Err(error) => return Ok(Err(Error::Http(error))),
        };
        let connected = until(&self.exchanges, |exchanges| exchanges.streams.connected(id)).await;
        match connected {
            Ok(()) => Ok(Ok(self.table.push(Events(id))?)),
            Err(end) => {
                self.exchanges.lock().streams.forget(id);
                Ok(Err(self.ended(end)?))
            }
        }
    }

    fn drop(&mut self, this: Resource<Source>) -> Result<()> {
        let source = self.table.delete(this)?;
        self.table.delete(source.request)?;
        Ok(())
    }
}

impl HostEvents for VuState {
    fn response(&mut self, this: Resource<Events>) -> Result<Resource<Response>> {
        let id = self.table.get(&this)?.0;
        let opened = self.exchanges.lock().streams.response(id);
        let opened =
            opened.ok_or_else(|| wasmtime::format_err!("a stream begins with its response"))?;
        Ok(self.table.push(Response::opened(opened))?)
    }

    async fn receive(
        &mut self,
        this: Resource<Events>,
        timeout: Option<f64>,
    ) -> Result<Result<Option<Event>, Error>> {
        let id = self.table.get(&this)?.0;
        let next = until(&self.exchanges, |exchanges| exchanges.streams.receive(id));
        Ok(match within(timeout, next).await {
            None => Ok(None),
            Some(Ok(Arrived { event, token, at })) => Ok(Some(Event {
                kind: event.kind,
                data: event.data,
                id: event.id,
                arrived: milliseconds(at.saturating_duration_since(self.user.origin)),
                token,
            })),
            Some(Err(end)) => Err(self.ended(end)?),
        })
    }

    fn drop(&mut self, this: Resource<Events>) -> Result<()> {
        let Events(id) = self.table.delete(this)?;
        self.exchanges.lock().streams.forget(id);
        Ok(())
    }
}
