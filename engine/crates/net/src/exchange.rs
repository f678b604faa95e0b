//! One exchange: a request, its response, and everything that was measured on the way.
//!
//! Over HTTP/1.1 an exchange owns its connection while it runs, over HTTP/2 a stream on one that it shares
//! (`connections`). `client` starts and polls them.

use std::future::Future as _;
use std::mem;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::Version;
use tokio::time::{Instant, Sleep};

use crate::config::{Config, Reuse};
use crate::connection::Connection;
use crate::connections::{Connections, Shared, Way};
use crate::dial::{Dial, Dialled, Own};
use crate::error::Error;
use crate::http2::{self, Failed, Fate};
use crate::meter::Meter;
use crate::per_host::Slot;
use crate::request::Request;
use crate::response::Response;
use crate::target::Target;
use crate::timings::Timings;
use crate::tls::TlsVersion;
use crate::version::{H2, Offer};

/// How often a request is sent again whose peer ends the connection and has not come to it: as often as Go does. A
/// server that ends its connections after some requests does so to each connection, and that is nobody's failure.
const SENT_AWAY: u32 = 6;

/// A finished exchange, whatever became of it.
#[derive(Debug)]
pub struct Exchange {
    /// The response, or why there is none.
    pub result: Result<Response, Error>,
    /// How long each part took.
    pub timings: Timings,
    /// Bytes sent, as they were on the wire: TLS and its handshake included, and what was said to a proxy.
    pub sent: u64,
    /// Bytes received, as they were on the wire.
    pub received: u64,
    /// Whether anything of the request reached the wire. A connection that failed before has no duration.
    pub begun: bool,
    /// Whether it used a connection that was there already.
    pub reused: bool,
    /// Whether the request had been sent whole before on a connection that then died, so that the peer may
    /// have seen it twice.
    pub retried: bool,
    /// The peer's address, once there was a connection: the proxy's where there is one. A unix socket has none.
    pub remote: Option<SocketAddr>,
    /// Where the response sent its client, which has gone there: another exchange of the same number follows.
    pub redirected: Option<Target>,
    /// The protocol that was spoken, as k6's `proto` tag has it: `HTTP/2.0`, or else `HTTP/1.1` unless the peer
    /// answered with `HTTP/1.0`.
    pub proto: &'static str,
    /// The version of TLS that was spoken, if any was.
    pub tls_version: Option<TlsVersion>,
    /// The request as it was sent, cookies and credentials included, where the configuration [asks for
    /// it](Config::tells_requests), or it is part of a trace.
    pub request: Option<Box<Request>>,
}

impl Exchange {
    /// An exchange that ends now.
    pub(crate) fn new(result: Result<Response, Error>, meter: &Meter) -> Self {
        let proto = match &result {
            Ok(Response { version: Version::HTTP_10, .. }) => "HTTP/1.0",
            _ if meter.is_http2() => "HTTP/2.0",
            _ => "HTTP/1.1",
        };
        Self {
            result,
            timings: meter.timings(),
            sent: meter.sent(),
            received: meter.received(),
            begun: meter.is_begun(),
            reused: meter.is_reused(),
            retried: meter.is_abandoned(),
            remote: meter.remote(),
            redirected: None,
            proto,
            tls_version: meter.tls_version(),
            request: None,
        }
    }
}

/// What came of an exchange, and its connection where that can be used again.
pub(crate) type Ended = (Result<Response, Error>, Option<Box<Connection>>);

/// An exchange that has not ended.
pub(crate) struct Running {
    pub(crate) request: Request,
    offer: Offer,
    stage: Stage,
    /// Whether this is the second attempt, which is the last unless it is sent away.
    again: bool,
    /// How often it has been sent away.
    sent_away: u32,
    pub(crate) meter: Meter,
}

enum Stage {
    /// It is not to begin at all.
    Refused(Error),
    /// It may not begin yet; what comes then.
    Held(Pin<Box<Sleep>>, Box<Self>),
    /// A way is to be found that may be shared with others.
    Finding(Finding),
    /// A connection is being made, which others may wait for.
    Dialling(Box<Dial>, Option<Arc<()>>),
    /// A connection that is kept alive is about to be used again.
    Reusing(Box<Connection>),
    /// Messages come and go.
    Talking(Box<Connection>),
    /// They come and go beside others.
    Sharing(Box<http2::Stream>),
    /// It is over.
    Ended,
}

/// How a way is looked for.
#[derive(Clone, Copy, Debug, Default)]
struct Finding {
    /// Whether the exchange could not begin at once.
    has_waited: bool,
    /// Whether the way is to be one that nobody has used before.
    fresh: bool,
}

impl Running {
    /// An exchange on an idle connection, or else on one that is to be found or made, which may be held back
    /// until a moment. Nothing happens before it is polled. To be made within a runtime if it is held.
    pub(crate) fn new(
        request: Request,
        offer: Offer,
        idle: Option<Box<Connection>>,
        held: Option<Instant>,
        meter: Meter,
    ) -> Self {
        let finding = Finding { has_waited: held.is_some(), fresh: false };
        let stage = match idle {
            Some(connection) => Stage::Reusing(connection),
            None => begun(&request, offer, finding),
        };
        let stage = match held {
            Some(until) => Stage::Held(Box::pin(tokio::time::sleep_until(until)), Box::new(stage)),
            None => stage,
        };
        Self { request, offer, stage, again: false, sent_away: 0, meter }
    }

    /// An exchange that ends at once, for this reason.
    pub(crate) fn refused(request: Request, offer: Offer, error: Error, meter: Meter) -> Self {
        let stage = Stage::Refused(error);
        Self { request, offer, stage, again: false, sent_away: 0, meter }
    }

    /// Whether it may have got further because others have.
    pub(crate) fn is_sharing(&self) -> bool {
        matches!(self.stage, Stage::Finding(_) | Stage::Sharing(_))
    }

    /// Whether it waits for another connection to its host to end.
    pub(crate) fn is_waiting(&self) -> bool {
        matches!(&self.stage, Stage::Dialling(dial, _) if dial.is_waiting())
    }

    /// It has run out of time, and ends.
    pub(crate) fn timed_out(&mut self, connections: &mut Connections) {
        if let Stage::Sharing(stream) = &mut self.stage {
            stream.timed_out(&mut self.meter);
        }
        self.stage = Stage::Ended;
        connections.freed();
    }

    /// Goes on. When it has ended: what came of it, and the connection if that can be used again.
    ///
    /// A kept-alive connection may be closed by the peer at the very moment it is used. Then the request is
    /// sent once more on a fresh one, if the peer cannot have seen it or, where no answer came, if it changes
    /// nothing (RFC 9110 §9.2.1; so does Go's client, and with it k6). So is what the peer says that it has not
    /// begun with (RFC 9113 §8.7): once if it was refused, and some times if its connection was ended. It is still
    /// one exchange.
    pub(crate) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        config: &Arc<Config>,
        own: &mut Own,
        connections: &mut Connections,
    ) -> Poll<Ended> {
        loop {
            match mem::replace(&mut self.stage, Stage::Ended) {
                Stage::Refused(error) => return Poll::Ready((Err(error), None)),
                Stage::Held(mut until, next) => {
                    if until.as_mut().poll(cx).is_pending() {
                        self.stage = Stage::Held(until, next);
                        return Poll::Pending;
                    }
                    self.meter.released();
                    self.stage = *next;
                }
                Stage::Finding(finding) => {
                    let Finding { has_waited, fresh } = finding;
                    match connections.find(cx, &self.request, config, self.offer, fresh) {
                        Way::Along(stream, Shared { remote, tls_version }) => {
                            self.meter.joined(remote, tls_version, has_waited);
                            self.meter.speaks_http2();
                            self.stage = Stage::Sharing(stream);
                        }
                        Way::Idle(connection) => {
                            let tls_version = connection.tls_version();
                            self.meter.joined(connection.remote, tls_version, has_waited);
                            self.stage = Stage::Reusing(connection);
                        }
                        Way::Dial(awaited) => {
                            let dial = Dial::new(
                                self.request.target.clone(),
                                self.offer,
                                self.request.connect_timeout,
                            );
                            self.stage = Stage::Dialling(Box::new(dial), awaited);
                        }
                        Way::Wait => {
                            self.stage = Stage::Finding(Finding { has_waited: true, fresh });
                            return Poll::Pending;
                        }
                        Way::Failed(error) => return Poll::Ready((Err(error), None)),
                    }
                }
                Stage::Dialling(mut dial, awaited) => {
                    match dial.poll(cx, config, own, &mut self.meter) {
                        Poll::Pending => {
                            self.stage = Stage::Dialling(dial, awaited);
                            return Poll::Pending;
                        }
                        Poll::Ready(made) => {
                            // Whoever waited for it goes on, whatever came of it.
                            drop(awaited);
                            connections.freed();
                            let slot = dial.take_slot();
                            let made = made.and_then(|dialled| {
                                self.connected(cx, dialled, slot, config, connections)
                            });
                            match made {
                                Ok(stage) => self.stage = stage,
                                Err(error) => return Poll::Ready((Err(error), None)),
                            }
                        }
                    }
                }
                Stage::Reusing(mut connection) => {
                    if connection.is_quiet() {
                        connection.reset();
                        self.stage = Stage::Talking(connection);
                    } else {
                        // It died while it was idle.
                        self.begin_again(Fate::Unknown);
                    }
                }
                Stage::Talking(mut connection) => {
                    match connection.poll(cx, config, &self.request, &mut self.meter) {
                        Poll::Pending => {
                            self.stage = Stage::Talking(connection);
                            return Poll::Pending;
                        }
                        Poll::Ready(Ok(response)) => {
                            let keeps = config.reuse != Reuse::Never
                                && connection.is_reusable()
                                && !connection.is_wanted();
                            let kept = keeps.then_some(connection);
                            return Poll::Ready((Ok(response), kept));
                        }
                        Poll::Ready(Err(error)) => {
                            if !self.may_again(Fate::Unknown, connection.is_touched()) {
                                return Poll::Ready((Err(error), None));
                            }
                            self.begin_again(Fate::Unknown);
                        }
                    }
                }
                Stage::Sharing(mut stream) => {
                    let polled = stream.poll(cx, config, &self.request, &mut self.meter);
                    let Poll::Ready(ended) = polled else {
                        self.stage = Stage::Sharing(stream);
                        return Poll::Pending;
                    };
                    connections.freed();
                    match ended {
                        Ok(response) => return Poll::Ready((Ok(response), None)),
                        Err(Failed { error, fate }) => {
                            if !self.may_again(fate, stream.is_touched()) {
                                return Poll::Ready((Err(error), None));
                            }
                            self.begin_again(fate);
                        }
                    }
                }
                Stage::Ended => return Poll::Pending,
            }
        }
    }

    /// What follows when there is a connection.
    ///
    /// Fails if the peer does not speak what it must.
    fn connected(
        &mut self,
        cx: &Context<'_>,
        (stream, remote): Dialled,
        slot: Option<Slot>,
        config: &Config,
        connections: &mut Connections,
    ) -> Result<Stage, Error> {
        let target = self.request.target.clone();
        let speaks_http2 = match self.offer {
            Offer::Http1 => false,
            Offer::Http2 if !target.is_https() => true,
            Offer::Http2 | Offer::Either => stream.has_agreed_on(H2),
        };
        if speaks_http2 {
            self.meter.speaks_http2();
            let allowed = connections.allowed(&target);
            let connection = http2::Connection::new(stream, target, remote, allowed, slot)?;
            let stream = connections.share(cx, connection, &self.request, config)?;
            return Ok(Stage::Sharing(stream));
        }
        if self.offer == Offer::Http2 {
            return Err(Error::NoHttp2);
        }
        let is_chosen = self.offer == Offer::Either;
        if is_chosen {
            connections.chose_http1(&target);
        }
        Ok(Stage::Talking(Connection::new(stream, target, remote, is_chosen, slot)))
    }

    /// Whether the request may be sent once more.
    fn may_again(&self, fate: Fate, touched: bool) -> bool {
        let harmless = self.request.method.is_safe() && !self.meter.is_answered();
        match fate {
            // What has begun to answer has begun with it, whatever it says.
            Fate::SentAway | Fate::Refused if self.meter.is_answered() => false,
            Fate::SentAway => self.sent_away < SENT_AWAY,
            Fate::Refused => !self.again,
            Fate::Unknown => !self.again && self.meter.is_reused() && (harmless || !touched),
            Fate::DealtWith => false,
        }
    }

    /// Begins anew on another connection.
    fn begin_again(&mut self, fate: Fate) {
        match fate {
            Fate::SentAway => self.sent_away += 1,
            Fate::Refused | Fate::Unknown | Fate::DealtWith => self.again = true,
        }
        match fate {
            Fate::SentAway | Fate::Refused => self.meter.retry_unprocessed(),
            Fate::Unknown | Fate::DealtWith => self.meter.retry(),
        }
        let finding = Finding { has_waited: true, fresh: true };
        self.stage = begun(&self.request, self.offer, finding);
    }
}

/// The first stage of an exchange that has no connection.
fn begun(request: &Request, offer: Offer, finding: Finding) -> Stage {
    match offer {
        Offer::Http1 => Stage::Dialling(
            Box::new(Dial::new(request.target.clone(), offer, request.connect_timeout)),
            None,
        ),
        Offer::Http2 | Offer::Either => Stage::Finding(finding),
    }
}
