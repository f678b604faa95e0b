//! The connections of one VU, and what is under way on them.

use std::future::{Future as _, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Instant, Sleep};

use crate::config::Config;
use crate::connection::Connection;
use crate::error::Error;
use crate::exchange::{Exchange, Running};
use crate::meter::Meter;
use crate::request::Request;

/// Connections kept open to one host to be used again: as many as a browser keeps. More may be open while they
/// are in use.
const IDLE_TO_ONE_HOST: usize = 6;
/// Connections kept open to be used again, to all hosts together: a script that goes through many hosts must
/// not keep a connection to each. Arbitrary.
const IDLE: usize = 24;
/// A request that may take longer than this may take forever: clocks cannot count on from now without end.
const FOREVER: Duration = Duration::from_secs(365 * 24 * 3600);

/// Which exchange of a client. Never given twice by one client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ExchangeId(u64);

/// One VU's HTTP client.
///
/// Nothing happens on its own: [`start`](Self::start) begins an exchange, [`poll`](Self::poll) drives all of
/// them. Dropping the client closes its connections.
pub struct Client {
    config: Arc<Config>,
    /// The one that was used last is the last.
    #[expect(clippy::vec_box, reason = "it wanders into an exchange and back")]
    idle: Vec<Box<Connection>>,
    running: Vec<Started>,
    next: u64,
    alarm: Alarm,
}

/// An exchange that has not ended, and when it must have.
struct Started {
    id: ExchangeId,
    deadline: Instant,
    exchange: Running,
}

impl Client {
    /// A client without connections.
    #[must_use]
    pub fn new(config: Arc<Config>) -> Self {
        Self { config, idle: Vec::new(), running: Vec::new(), next: 0, alarm: Alarm::default() }
    }

    /// Begins an exchange. Nothing is sent before the next [`poll`](Self::poll).
    pub fn start(&mut self, request: Request) -> ExchangeId {
        let id = ExchangeId(self.next);
        self.next += 1;
        let started = Instant::now();
        let timeout = request.timeout.unwrap_or(self.config.request_timeout);
        let held = self.config.ceiling.as_ref().map(|ceiling| ceiling.take(started));
        let held = held.filter(|moment| *moment > started);
        // Its time begins when it may.
        let deadline = held.unwrap_or(started) + timeout.min(FOREVER);
        let idle = self.take_idle(&request);
        let meter = match &idle {
            Some(connection) => Meter::on_kept(started, connection.remote),
            None => Meter::new(started),
        };
        let exchange = Running::new(request, idle, held, meter);
        self.running.push(Started { id, deadline, exchange });
        self.alarm.no_later_than(deadline);
        id
    }

    /// The connection to the request's host that was used last: the one the peer is least likely to have
    /// closed.
    fn take_idle(&mut self, request: &Request) -> Option<Box<Connection>> {
        let index = self.idle.iter().rposition(|idle| idle.target.same_peer(&request.target))?;
        Some(self.idle.remove(index))
    }

    /// Drives every exchange, and hands over each that has ended, exactly once.
    ///
    /// Wakes the task of `cx` when it should be called again. To be called within a tokio runtime.
    pub fn poll(
        &mut self,
        cx: &mut Context<'_>,
        on_finished: &mut dyn FnMut(ExchangeId, Exchange),
    ) {
        // What one call does is bounded here, exchange by exchange. The runtime's own bound would keep the
        // timer from ringing while a peer keeps the sockets busy.
        let mut all = std::pin::pin!(tokio::task::unconstrained(poll_fn(|cx| {
            self.poll_all(cx, on_finished);
            Poll::Ready(())
        })));
        // Always ready.
        let _: Poll<()> = all.as_mut().poll(cx);
    }

    fn poll_all(
        &mut self,
        cx: &mut Context<'_>,
        on_finished: &mut dyn FnMut(ExchangeId, Exchange),
    ) {
        let mut index = 0;
        while let Some(running) = self.running.get_mut(index) {
            match running.exchange.poll(cx, &self.config) {
                Poll::Pending => index += 1,
                Poll::Ready((result, connection)) => {
                    let exchange = Exchange::new(result, &running.exchange.meter);
                    let id = running.id;
                    self.running.swap_remove(index);
                    if let Some(connection) = connection {
                        self.keep(connection);
                    }
                    on_finished(id, exchange);
                }
            }
        }
        while !self.running.is_empty() && self.alarm.poll(cx).is_ready() {
            self.end_late(on_finished);
        }
    }

    /// Ends what has run out of time, and sets the alarm for what is next to.
    fn end_late(&mut self, on_finished: &mut dyn FnMut(ExchangeId, Exchange)) {
        let now = Instant::now();
        while let Some(late) = self.running.iter().position(|one| one.deadline <= now) {
            let Started { id, exchange, .. } = self.running.swap_remove(late);
            let connected = exchange.meter.is_connected();
            let error = if connected { Error::TimedOut } else { Error::ConnectTimedOut };
            on_finished(id, Exchange::new(Err(error), &exchange.meter));
        }
        for one in &self.running {
            self.alarm.no_later_than(one.deadline);
        }
    }

    /// Keeps a connection for the next exchange, in place of the one that has been idle longest if there are
    /// too many.
    fn keep(&mut self, connection: Box<Connection>) {
        let mut same = self.idle.iter().filter(|idle| idle.target.same_peer(&connection.target));
        if same.nth(IDLE_TO_ONE_HOST - 1).is_some() {
            let oldest = self.idle.iter().position(|one| one.target.same_peer(&connection.target));
            oldest.map(|oldest| self.idle.remove(oldest));
        } else if self.idle.len() == IDLE {
            self.idle.remove(0);
        }
        self.idle.push(connection);
    }

    /// How many exchanges have not ended.
    #[must_use]
    pub fn running(&self) -> usize {
        self.running.len()
    }

    /// How many requests of those were written whole, so that the target may have counted them.
    #[must_use]
    pub fn on_wire(&self) -> usize {
        let meters = self.running.iter().map(|running| &running.exchange.meter);
        meters.map(|meter| usize::from(meter.is_whole()) + usize::from(meter.is_abandoned())).sum()
    }

    /// Drops an exchange and closes its connection. It is not handed over.
    pub fn cancel(&mut self, id: ExchangeId) {
        self.running.retain(|running| running.id != id);
    }

    /// Closes the connections that no exchange is using.
    pub fn close_connections(&mut self) {
        self.idle.clear();
    }
}

/// One timer for all exchanges of a client, set for the earliest deadline and left alone until it rings, even
/// when that exchange has long ended: a request that is answered in time touches no timer at all.
#[derive(Default)]
struct Alarm {
    due: Option<Instant>,
    sleep: Option<Pin<Box<Sleep>>>,
}

impl Alarm {
    fn no_later_than(&mut self, deadline: Instant) {
        self.due = Some(self.due.map_or(deadline, |due| due.min(deadline)));
    }

    /// Ready when it has rung; it is not set any more then.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(due) = self.due else { return Poll::Pending };
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(due)));
        if sleep.deadline() != due {
            sleep.as_mut().reset(due);
        }
        ready!(sleep.as_mut().poll(cx));
        self.due = None;
        Poll::Ready(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_can_live_in_a_store_that_moves_between_threads() {
        fn is_send<T: Send>() {}
        is_send::<Client>();
    }
}
