//! The connections of one VU, and what is under way on them.

use std::future::{Future as _, poll_fn};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::header::{AUTHORIZATION, CONTENT_LENGTH, COOKIE, HOST, USER_AGENT};
use http::{HeaderMap, HeaderValue};
use tokio::time::Instant;

use crate::alarm::{Alarm, FOREVER};
use crate::allowance::Allowance;
use crate::config::{Config, Reuse};
use crate::connections::Connections;
use crate::cookies::Jar;
use crate::dial::Own;
use crate::digest::{self, Challenges};
use crate::encoding::unpack;
use crate::error::Error;
use crate::exchange::{Exchange, Running};
use crate::incoming::BodyPolicy;
use crate::meter::Meter;
use crate::redirect::follow;
use crate::request::Request;
use crate::response::{Headers, Response};
use crate::route::counted_host;
use crate::target::Target;
use crate::trace;
use crate::version::Offer;

/// How often connections that exchanges share and those exchanges take turns before others have theirs. Arbitrary.
const ROUNDS: u32 = 16;

/// Which exchange of a client. Never given twice by one client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ExchangeId(u64);

/// One VU's HTTP client.
///
/// Nothing happens on its own: [`start`](Self::start) begins an exchange, [`poll`](Self::poll) drives all of
/// them. Dropping the client closes its connections.
pub struct Client {
    config: Arc<Config>,
    connections: Connections,
    running: Vec<Started>,
    next: u64,
    /// One timer for all exchanges, set for the earliest deadline and left alone until it rings, even when that
    /// exchange has long ended: a request that is answered in time touches no timer at all.
    alarm: Alarm,
    cookies: Jar,
    challenges: Challenges,
    own: Own,
    /// What bodies that nobody has taken may have together.
    allowance: Allowance,
}

/// An exchange that has not ended, and when it must have.
struct Started {
    id: ExchangeId,
    deadline: Instant,
    /// How long it may take, or if its response is read as it comes, how long its peer may be silent.
    patience: Duration,
    /// When the first byte of the response must have come, once that is known.
    first_byte: Option<Instant>,
    /// Bytes received when the deadline was last put off.
    heard: u64,
    /// The cookies that its request came with; to another host they do not follow.
    cookies: Option<HeaderValue>,
    exchange: Running,
}

impl Client {
    /// A client without connections.
    #[must_use]
    pub fn new(config: Arc<Config>) -> Self {
        Self::of_vu(config, 0)
    }

    /// A client without connections, of the VU with this number: where there are several addresses to connect
    /// from, it has one of them.
    #[must_use]
    pub fn of_vu(config: Arc<Config>, vu: u32) -> Self {
        let own = Own::new(config.local_addresses.of(vu));
        Self {
            allowance: Allowance::new(config.held_limit),
            config,
            connections: Connections::default(),
            running: Vec::new(),
            next: 0,
            alarm: Alarm::default(),
            cookies: Jar::default(),
            challenges: Challenges::default(),
            own,
        }
    }

    /// Begins an exchange. Nothing is sent before the next [`poll`](Self::poll).
    pub fn start(&mut self, request: Request) -> ExchangeId {
        let id = self.reserve();
        self.begin(id, request);
        id
    }

    /// A number for an exchange that is to [`begin`](Self::begin) later, if at all.
    pub fn reserve(&mut self) -> ExchangeId {
        let id = ExchangeId(self.next);
        self.next += 1;
        id
    }

    /// Begins the exchange of a [reserved](Self::reserve) number, as [`start`](Self::start) does. To be called
    /// once a number.
    pub fn begin(&mut self, id: ExchangeId, mut request: Request) {
        request.allowance = Some(self.allowance.clone());
        let timeout = request.timeout.unwrap_or(self.config.request_timeout);
        match request.verbatim {
            true => request.redirects = Some(0),
            false => {
                request.redirects.get_or_insert(self.config.max_redirects);
            }
        }
        let cookies = request.headers.get(COOKIE).cloned();
        let (exchange, begins) = self.begun(request);
        // Its time begins when it may.
        let deadline = begins + timeout.min(FOREVER);
        self.running.push(Started {
            id,
            deadline,
            patience: timeout.min(FOREVER),
            first_byte: None,
            heard: 0,
            cookies,
            exchange,
        });
        self.alarm.no_later_than(deadline);
    }

    /// An exchange that has not begun, and when it may.
    fn begun(&mut self, mut request: Request) -> (Running, Instant) {
        let now = Instant::now();
        let version = request.version.unwrap_or(self.config.http_version);
        let offer = Offer::of(version, request.target.is_https());
        if let Err(why) = self.config.policy.judge_method(&request.method) {
            let refused = Running::refused(request, offer, Error::NotAllowed(why), Meter::new(now));
            return (refused, now);
        }
        let held = self.config.ceiling.as_ref().map(|ceiling| ceiling.take(now));
        let begins = held.unwrap_or(now).max(now);
        let begins = match &self.config.per_host {
            Some(per_host) => per_host.take(&counted_host(&request.target, &self.config), begins),
            None => begins,
        };
        let held = Some(begins).filter(|moment| *moment > now);
        if !request.verbatim {
            self.cookies.add_to(&request.target, &mut request.headers);
            if let Some(answer) = self.challenges.answer(&request) {
                request.headers.insert(AUTHORIZATION, answer);
            }
        }
        trace::choose(&mut request, self.config.traced_share);
        // Whether there is a connection of HTTP/2 is seen when all that came for it has been.
        let idle = match offer {
            Offer::Http1 => self.connections.take_idle(&request.target, offer),
            Offer::Http2 | Offer::Either => None,
        };
        let meter = match &idle {
            Some(connection) => Meter::on_kept(now, connection.remote, connection.tls_version()),
            None => Meter::new(now),
        };
        (Running::new(request, offer, idle, held, meter), held.unwrap_or(now))
    }

    /// Drives every exchange, and hands over each that has ended, exactly once: one that is redirected
    /// several times, each with its own figures, the last one without [`Exchange::redirected`].
    ///
    /// Wakes the task of `cx` when it should be called again. To be called within a tokio runtime.
    pub fn poll(
        &mut self,
        cx: &mut Context<'_>,
        on_finished: &mut dyn FnMut(ExchangeId, Exchange),
    ) {
        // So it is at the end of each iteration.
        if self.running.is_empty() && self.connections.need_nobody() {
            return;
        }
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
        self.connections.begin_turn(cx);
        if self.config.per_host.is_some() {
            self.connections.give_way();
        }
        for round in 0..ROUNDS {
            self.connections.poll();
            self.poll_running(cx, round > 0, on_finished);
            while !self.running.is_empty() && self.alarm.poll(cx).is_ready() {
                self.end_late(on_finished);
            }
            if !self.connections.is_restless() {
                break;
            }
        }
        if self.connections.end_turn() {
            cx.waker().wake_by_ref();
        }
    }

    /// Goes on with each exchange, or only with those that others may have something for.
    fn poll_running(
        &mut self,
        cx: &mut Context<'_>,
        only_sharing: bool,
        on_finished: &mut dyn FnMut(ExchangeId, Exchange),
    ) {
        let mut index = 0;
        while let Some(running) = self.running.get_mut(index) {
            if only_sharing && !running.exchange.is_sharing() {
                index += 1;
                continue;
            }
            let polled =
                running.exchange.poll(cx, &self.config, &mut self.own, &mut self.connections);
            match polled {
                Poll::Pending => {
                    running.put_off();
                    if let Some(first_byte) = running.first_byte {
                        self.alarm.no_later_than(first_byte);
                    }
                    index += 1;
                }
                Poll::Ready((result, connection)) => {
                    let id = running.id;
                    let mut exchange = running.exchange(result, &self.config);
                    let next = self.next(index, &mut exchange);
                    if let Some(connection) = connection {
                        self.connections.keep(connection);
                    }
                    match next {
                        Some(request) => {
                            let (exchange, _) = self.begun(request);
                            self.running[index].exchange = exchange;
                            self.running[index].first_byte = None;
                        }
                        None => {
                            self.running[index].ended(&exchange);
                            // Those that wait for a connection get one in the order in which they began. Drained, it is
                            // not moved to be dropped.
                            self.running.drain(index..=index);
                        }
                    }
                    on_finished(id, exchange);
                }
            }
        }
    }

    /// Takes out of a response what is not the script's: cookies, the packing of its body, and where it
    /// redirects to. The request that follows, if one does.
    fn next(&mut self, index: usize, exchange: &mut Exchange) -> Option<Request> {
        let Started { cookies, exchange: Running { request, .. }, .. } = &mut self.running[index];
        let response = exchange.result.as_mut().ok().filter(|_| !request.verbatim)?;
        if response.sets_cookies {
            self.cookies.take(&request.target, &response.headers);
        }
        let unpacked = match response.is_packed {
            true => unpack(response, self.config.body_limit)
                .and_then(|()| response.count_again(&self.allowance)),
            false => Ok(()),
        };
        let next = unpacked.and_then(|()| match self.challenges.take(request, response) {
            true => Ok(Some(digest::again(request))),
            false => follow(request, response),
        });
        match next {
            Ok(Some(mut next)) => {
                exchange.redirected = Some(next.target.clone());
                // Those of the jar are chosen anew.
                let kept_host = next.headers.remove(COOKIE).is_some();
                *cookies = cookies.take().filter(|_| kept_host);
                next.headers.extend(cookies.clone().map(|own| (COOKIE, own)));
                Some(next)
            }
            Ok(None) => None,
            Err(error) => {
                exchange.result = Err(error);
                None
            }
        }
    }

    /// Ends what has run out of time, and sets the alarm for what is next to.
    fn end_late(&mut self, on_finished: &mut dyn FnMut(ExchangeId, Exchange)) {
        let now = Instant::now();
        for one in &mut self.running {
            one.excuse(now);
        }
        while let Some(late) = self.running.iter().position(|one| one.due() <= now) {
            let mut late = self.running.remove(late);
            let waited = late.exchange.is_waiting();
            late.exchange.timed_out(&mut self.connections);
            let error = match (&self.config.per_host, late.exchange.meter.is_connected()) {
                (_, true) => Error::TimedOut,
                (Some(per_host), false) if waited => {
                    Error::TooManyConnections(per_host.connections())
                }
                (_, false) => Error::ConnectTimedOut,
            };
            let exchange = late.exchange(Err(error), &self.config);
            late.ended(&exchange);
            on_finished(late.id, exchange);
        }
        for one in &self.running {
            self.alarm.no_later_than(one.due());
        }
    }

    /// How it makes requests.
    #[must_use]
    pub fn config(&self) -> Arc<Config> {
        Arc::clone(&self.config)
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

    /// Drops an exchange and closes its connection, unless others share that. It is not handed over.
    pub fn cancel(&mut self, id: ExchangeId) {
        self.running.retain(|running| running.id != id);
        // It may have been what others waited for.
        self.connections.wake_waiting();
    }

    /// Adds the cookies that belong to a URL to the headers of a request that somebody else makes.
    pub fn add_cookies(&self, target: &Target, headers: &mut HeaderMap) {
        self.cookies.add_to(target, headers);
    }

    /// Keeps the cookies that the answer to such a request sets.
    pub fn keep_cookies(&mut self, target: &Target, headers: &Headers) {
        if headers.get("set-cookie").is_some() {
            self.cookies.take(target, headers);
        }
    }

    /// The cookies that a request to this URL is sent with, names and values.
    #[must_use]
    pub fn cookies(&self, target: &Target) -> Vec<(String, String)> {
        self.cookies.of(target)
    }

    /// Keeps a cookie as if a response from there had set it; it is what `set-cookie` would say.
    pub fn keep_cookie(&mut self, target: &Target, cookie: &str) {
        self.cookies.keep(target, std::iter::once(cookie.as_bytes()));
    }

    /// From now on, [`reset_cookies`](Self::reset_cookies) comes back to the cookies that there are now.
    pub fn mark_cookies(&mut self) {
        self.cookies.mark();
    }

    /// Forgets the cookies that came since they were [marked](Self::mark_cookies), or all of them.
    pub fn reset_cookies(&mut self) {
        self.cookies.reset();
    }

    /// Forgets all cookies.
    pub fn clear_cookies(&mut self) {
        self.cookies.clear();
    }

    /// Closes what is not to be kept for the next iteration.
    pub fn end_iteration(&mut self) {
        if self.config.reuse == Reuse::WithinIteration {
            self.close_connections();
        } else if self.config.per_host.is_some() {
            self.connections.give_way();
        }
    }

    /// Closes the connections that no exchange is using.
    pub fn close_connections(&mut self) {
        self.connections.close();
    }
}

impl Started {
    /// What came of it, which ends now.
    fn exchange(&self, result: Result<Response, Error>, config: &Config) -> Exchange {
        let is_told = config.tells_requests || self.exchange.request.trace.is_some();
        let request = is_told.then(|| self.told_request(config));
        Exchange { request, ..Exchange::new(result, &self.exchange.meter) }
    }

    /// The request with all that is added to it when it is sent.
    fn told_request(&self, config: &Config) -> Box<Request> {
        let mut told = self.exchange.request.clone();
        told.headers.insert(HOST, told.target.authority().clone());
        told.headers.entry(USER_AGENT).or_insert_with(|| config.user_agent.clone());
        if !told.body.is_empty() {
            told.headers.insert(CONTENT_LENGTH, told.body.length().into());
        }
        Box::new(told)
    }

    /// When it must have got further.
    fn due(&self) -> Instant {
        let first_byte = self.first_byte.filter(|_| !self.exchange.meter.is_answered());
        first_byte.map_or(self.deadline, |first_byte| first_byte.min(self.deadline))
    }

    /// Sets the moment until which the peer must have answered, and the next one for a peer that goes on.
    fn put_off(&mut self) {
        let Running { request, meter, .. } = &self.exchange;
        if let Some(limit) = request.first_byte_timeout
            && self.first_byte.is_none()
            && meter.is_whole()
        {
            self.first_byte = Some(Instant::now() + limit.min(FOREVER));
        }
        if let BodyPolicy::Stream(download) = &request.body_policy
            && meter.received() != self.heard
        {
            download.took(meter.timings());
            self.heard = meter.received();
            self.deadline = Instant::now() + self.patience;
        }
    }

    /// Puts off what is late through no fault of its peer: nobody takes what it has sent.
    fn excuse(&mut self, now: Instant) {
        if let BodyPolicy::Stream(download) = &self.exchange.request.body_policy
            && download.is_full()
        {
            self.deadline = now + self.patience;
        }
    }

    /// Tells whoever reads the response as it comes that it is over.
    fn ended(&self, exchange: &Exchange) {
        if let BodyPolicy::Stream(download) = &self.exchange.request.body_policy {
            let how = exchange.result.as_ref().map(drop).map_err(Clone::clone);
            download.ended(how, exchange.timings);
        }
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
