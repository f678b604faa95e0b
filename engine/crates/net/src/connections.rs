//! The connections of one VU: which of them serves a request, which are kept, and who waits for one.
//!
//! HTTP/1.1 serves one exchange at a time, so an exchange takes its connection along and gives it back. A
//! connection of HTTP/2 stays here, where all its exchanges find it. Where it is for the server to choose which of
//! the two is spoken, whoever connects first finds out; others wait for that, and then go along or connect too.

use std::sync::{Arc, Weak};
use std::task::{Context, Waker};

use crate::config::{Config, Reuse};
use crate::connection::Connection;
use crate::error::Error;
use crate::http2::{self, NoStream};
use crate::request::Request;
use crate::target::Target;
use crate::version::Offer;

/// Connections kept open to one host to be used again: as many as a browser keeps. More may be open while they
/// are in use.
const IDLE_TO_ONE_HOST: usize = 6;
/// Connections kept open to be used again, to all hosts together: a script that goes through many hosts must
/// not keep a connection to each. Arbitrary.
const IDLE: usize = 24;

/// All connections of one VU that no exchange has taken along.
#[derive(Default)]
pub(crate) struct Connections {
    /// Of HTTP/1.1. The one that was used last is the last.
    #[expect(clippy::vec_box, reason = "it wanders into an exchange and back")]
    idle: Vec<Box<Connection>>,
    /// Of HTTP/2, idle or not; the newest is the last.
    #[expect(clippy::vec_box, reason = "it is large, and there are few")]
    shared: Vec<Box<http2::Connection>>,
    /// Those in the making that others wait for; and for as long as somebody makes them.
    awaited: Vec<(Target, Weak<()>)>,
    /// What peers have chosen before; who was met last is the last.
    known: Vec<(Target, Known)>,
    /// Whether something has become different for those that wait.
    changed: bool,
    /// Who waits for a connection.
    waiting: Option<Waker>,
}

/// What a peer has chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Known {
    /// HTTP/1.1: nobody need wait to find out.
    Http1,
    /// HTTP/2, with so many streams at once: no more need be refused.
    Http2(usize),
}

/// How a request gets a connection.
pub(crate) enum Way {
    /// It goes along over one of HTTP/2.
    Along(Box<http2::Stream>, Shared),
    /// This one of HTTP/1.1 is idle.
    Idle(Box<Connection>),
    /// It makes one; others may wait until this is dropped.
    Dial(Option<Arc<()>>),
    /// It waits.
    Wait,
    /// There is none for it.
    Failed(Error),
}

/// What an exchange is to know of a connection that it shares.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shared {
    pub(crate) remote: Option<std::net::SocketAddr>,
    pub(crate) tls_version: Option<crate::tls::TlsVersion>,
}

impl Connections {
    /// The connection of HTTP/1.1 to the request's host that was used last: the one the peer is least likely to
    /// have closed.
    pub(crate) fn take_idle(&mut self, target: &Target, offer: Offer) -> Option<Box<Connection>> {
        let index = self.idle.iter().rposition(|idle| {
            // Where the server may choose, what was chosen for it does not count.
            idle.target.same_peer(target) && (offer == Offer::Http1 || idle.is_chosen)
        })?;
        Some(self.idle.remove(index))
    }

    /// Keeps a connection of HTTP/1.1 for the next exchange, in place of the one that has been idle longest if
    /// there are too many.
    pub(crate) fn keep(&mut self, connection: Box<Connection>) {
        let mut same = self.idle.iter().filter(|idle| idle.target.same_peer(&connection.target));
        if same.nth(IDLE_TO_ONE_HOST - 1).is_some() {
            let oldest = self.idle.iter().position(|one| one.target.same_peer(&connection.target));
            oldest.map(|oldest| self.idle.remove(oldest));
        } else if self.idle.len() == IDLE {
            self.idle.remove(0);
        }
        self.idle.push(connection);
        self.changed = true;
    }

    /// A way for a request that may go over HTTP/2; one that nobody has used before if it is to be `fresh`.
    pub(crate) fn find(
        &mut self,
        cx: &Context<'_>,
        request: &Request,
        config: &Config,
        offer: Offer,
        fresh: bool,
    ) -> Way {
        if config.reuse == Reuse::Never {
            return Way::Dial(None);
        }
        let target = &request.target;
        let mut is_full = false;
        for connection in self.shared.iter_mut().rev() {
            if connection.target.same_peer(target) {
                match connection.open(request, config) {
                    Ok(stream) => return Way::Along(stream, connection.shared()),
                    Err(NoStream::Later) => is_full = true,
                    Err(NoStream::Never) => {}
                    Err(NoStream::Refused(error)) => return Way::Failed(error),
                }
            }
        }
        if is_full {
            return self.wait(cx);
        }
        if offer == Offer::Either {
            if !fresh && let Some(idle) = self.take_idle(target, offer) {
                return Way::Idle(idle);
            }
            if self.known(target) == Some(Known::Http1) {
                return Way::Dial(None);
            }
        }
        self.awaited.retain(|(_, dial)| dial.strong_count() > 0);
        if self.awaited.iter().any(|(awaited, _)| awaited.same_peer(target)) {
            return self.wait(cx);
        }
        let dial = Arc::new(());
        self.awaited.push((target.clone(), Arc::downgrade(&dial)));
        Way::Dial(Some(dial))
    }

    fn wait(&mut self, cx: &Context<'_>) -> Way {
        if !self.waiting.as_ref().is_some_and(|waiting| waiting.will_wake(cx.waker())) {
            self.waiting = Some(cx.waker().clone());
        }
        Way::Wait
    }

    fn known(&self, target: &Target) -> Option<Known> {
        let (_, known) = self.known.iter().find(|(peer, _)| peer.same_peer(target))?;
        Some(*known)
    }

    fn remember(&mut self, target: &Target, what: Known) {
        self.known.retain(|(peer, _)| !peer.same_peer(target));
        if self.known.len() == IDLE {
            self.known.remove(0);
        }
        self.known.push((target.clone(), what));
    }

    /// A peer that could choose has chosen HTTP/1.1.
    pub(crate) fn chose_http1(&mut self, target: &Target) {
        self.remember(target, Known::Http1);
        self.changed = true;
    }

    /// How many streams at once a peer allowed on an earlier connection.
    pub(crate) fn allowed(&self, target: &Target) -> Option<usize> {
        let earlier = self.shared.iter().rfind(|one| one.target.same_peer(target));
        let earlier = earlier.map(|earlier| earlier.allowed());
        earlier.or_else(|| match self.known(target) {
            Some(Known::Http2(allowed)) => Some(allowed),
            Some(Known::Http1) | None => None,
        })
    }

    /// Takes in a new connection of HTTP/2, and begins the exchange that made it.
    ///
    /// Fails if the library does not take the request.
    pub(crate) fn share(
        &mut self,
        cx: &Context<'_>,
        mut connection: Box<http2::Connection>,
        request: &Request,
        config: &Config,
    ) -> Result<Box<http2::Stream>, Error> {
        connection.begin_turn(cx);
        let opened = connection.open(request, config);
        if config.reuse == Reuse::Never {
            connection.retire();
        }
        self.shared.push(connection);
        self.changed = true;
        opened.map_err(|none| match none {
            NoStream::Refused(error) => error,
            // A new one takes at least one.
            NoStream::Later | NoStream::Never => Error::ClosedEarly,
        })
    }

    /// An exchange is over that others may have waited for.
    pub(crate) fn freed(&mut self) {
        self.changed = true;
    }

    /// Wakes whoever waits for a connection, after something changed behind their backs.
    pub(crate) fn wake_waiting(&mut self) {
        if let Some(waiting) = self.waiting.take() {
            waiting.wake();
        }
    }

    /// Whether none of them has anything to do while there is no exchange, and none may be wanted by others.
    pub(crate) fn need_nobody(&self) -> bool {
        self.shared.is_empty() && self.idle.iter().all(|idle| !idle.is_wanted())
    }

    /// Begins a turn: nothing in it wakes the task of `cx`, which is at it.
    pub(crate) fn begin_turn(&mut self, cx: &Context<'_>) {
        for connection in &self.shared {
            connection.begin_turn(cx);
        }
    }

    /// Reads and writes on connections of HTTP/2, where there is anything to be read or written.
    pub(crate) fn poll(&mut self) {
        (self.changed, self.waiting) = (false, None);
        for connection in self.shared.iter_mut().filter(|connection| connection.has_news()) {
            connection.poll();
        }
    }

    /// Whether exchanges have left something to do since this was polled, here or for each other.
    pub(crate) fn is_restless(&self) -> bool {
        self.changed && self.waiting.is_some()
            || self.shared.iter().any(|connection| connection.has_news())
    }

    /// Ends the turn: lets go of what is of no more use. Whether there is something left to do all the same.
    pub(crate) fn end_turn(&mut self) -> bool {
        if self.shared.is_empty() {
            return self.is_restless();
        }
        let mut idle = self.shared.iter().filter(|connection| connection.streams() == 0).count();
        let goes = |connection: &mut Box<http2::Connection>| {
            let is_idle = connection.streams() == 0;
            let too_many = is_idle && idle > IDLE;
            idle -= usize::from(too_many);
            too_many || connection.is_over() || is_idle && !connection.is_open()
        };
        self.let_go(goes);
        let mut has_news = false;
        for connection in &self.shared {
            has_news |= connection.end_turn();
        }
        has_news || self.is_restless()
    }

    /// Closes the connections that no exchange is using; those that are used take no other.
    pub(crate) fn close(&mut self) {
        self.idle.clear();
        for connection in &mut self.shared {
            connection.retire();
        }
        self.let_go(|connection| connection.streams() == 0);
    }

    /// Closes the connections that no exchange is using, and that others wait for who may have no more.
    pub(crate) fn give_way(&mut self) {
        self.idle.retain(|idle| !idle.is_wanted());
        self.let_go(|connection| connection.streams() == 0 && connection.is_wanted());
    }

    /// Closes those of HTTP/2 that go, and remembers what their peers allowed.
    fn let_go(&mut self, goes: impl FnMut(&mut Box<http2::Connection>) -> bool) {
        let gone: Vec<_> = self.shared.extract_if(.., goes).collect();
        for connection in gone {
            self.remember(&connection.target, Known::Http2(connection.allowed()));
        }
    }
}
