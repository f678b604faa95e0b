//! One exchange: a request, its response, and everything that was measured on the way.
//!
//! An exchange owns its connection while it runs. `client` starts and polls them.

use std::future::Future as _;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::Version;
use tokio::time::{Instant, Sleep};

use crate::config::{Config, Reuse};
use crate::connection::Connection;
use crate::dial::{Dial, Own};
use crate::error::Error;
use crate::meter::Meter;
use crate::request::Request;
use crate::response::Response;
use crate::target::Target;
use crate::timings::Timings;
use crate::tls::TlsVersion;

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
    /// The protocol that was spoken, as k6's `proto` tag has it: `HTTP/1.1` unless the peer answered with
    /// `HTTP/1.0`.
    pub proto: &'static str,
    /// The version of TLS that was spoken, if any was.
    pub tls_version: Option<TlsVersion>,
    /// The request as it was sent, cookies and credentials included, where the configuration [asks for
    /// it](Config::tells_requests).
    pub request: Option<Box<Request>>,
}

impl Exchange {
    /// An exchange that ends now.
    pub(crate) fn new(result: Result<Response, Error>, meter: &Meter) -> Self {
        let proto = match &result {
            Ok(Response { version: Version::HTTP_10, .. }) => "HTTP/1.0",
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
    stage: Stage,
    pub(crate) meter: Meter,
}

enum Stage {
    /// It may not begin yet; what comes then.
    Held(Pin<Box<Sleep>>, Box<Self>),
    /// A connection is being made.
    Dialling(Box<Dial>),
    /// A connection that is kept alive is about to be used again.
    Reusing(Box<Connection>),
    /// Messages come and go.
    Talking(Box<Connection>),
    /// It is over.
    Ended,
}

impl Running {
    /// An exchange on an idle connection, or else on one that is to be made, which may be held back until a
    /// moment. Nothing happens before it is polled. To be made within a runtime if it is held.
    pub(crate) fn new(
        request: Request,
        idle: Option<Box<Connection>>,
        held: Option<Instant>,
        meter: Meter,
    ) -> Self {
        let stage = match idle {
            Some(connection) => Stage::Reusing(connection),
            None => dialling(&request),
        };
        let stage = match held {
            Some(until) => Stage::Held(Box::pin(tokio::time::sleep_until(until)), Box::new(stage)),
            None => stage,
        };
        Self { request, stage, meter }
    }

    /// Goes on. When it has ended: what came of it, and the connection if that can be used again.
    ///
    /// A kept-alive connection may be closed by the peer at the very moment it is used. Then the request is
    /// sent once more on a fresh one, if the peer cannot have seen it or, where no answer came, if it changes
    /// nothing (RFC 9110 §9.2.1; so does Go's client, and with it k6). It is still one exchange.
    pub(crate) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        config: &Arc<Config>,
        own: &mut Own,
    ) -> Poll<Ended> {
        let Self { request, stage, meter } = self;
        loop {
            match std::mem::replace(stage, Stage::Ended) {
                Stage::Held(mut until, next) => {
                    if until.as_mut().poll(cx).is_pending() {
                        *stage = Stage::Held(until, next);
                        return Poll::Pending;
                    }
                    meter.released();
                    *stage = *next;
                }
                Stage::Dialling(mut dial) => match dial.poll(cx, config, own, meter) {
                    Poll::Pending => {
                        *stage = Stage::Dialling(dial);
                        return Poll::Pending;
                    }
                    Poll::Ready(Ok((stream, remote))) => {
                        let target = request.target.clone();
                        *stage = Stage::Talking(Connection::new(stream, target, remote));
                    }
                    Poll::Ready(Err(error)) => return Poll::Ready((Err(error), None)),
                },
                Stage::Reusing(mut connection) => {
                    if connection.is_quiet() {
                        connection.reset();
                        *stage = Stage::Talking(connection);
                    } else {
                        // It died while it was idle.
                        *stage = again(request, meter);
                    }
                }
                Stage::Talking(mut connection) => {
                    match connection.poll(cx, config, request, meter) {
                        Poll::Pending => {
                            *stage = Stage::Talking(connection);
                            return Poll::Pending;
                        }
                        Poll::Ready(Ok(response)) => {
                            let keeps = config.reuse != Reuse::Never && connection.is_reusable();
                            let kept = keeps.then_some(connection);
                            return Poll::Ready((Ok(response), kept));
                        }
                        Poll::Ready(Err(error)) => {
                            let harmless = request.method.is_safe() && !meter.is_answered();
                            if meter.is_reused() && (harmless || !connection.is_touched()) {
                                *stage = again(request, meter);
                            } else {
                                return Poll::Ready((Err(error), None));
                            }
                        }
                    }
                }
                Stage::Ended => return Poll::Pending,
            }
        }
    }
}

/// Begins anew on a fresh connection.
fn again(request: &Request, meter: &mut Meter) -> Stage {
    meter.retry();
    dialling(request)
}

fn dialling(request: &Request) -> Stage {
    Stage::Dialling(Box::new(Dial::new(request.target.clone(), request.connect_timeout)))
}
