//! One exchange: a request, its response, and everything that was measured on the way.
//!
//! An exchange is a future that owns its connection while it runs. Nothing else polls that connection, so no
//! task, no channel and no wake-up stands between the VU and its socket. `client` starts and polls them.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use http::{Version, header};
use http_body::Body as _;
use http_body_util::Full;
use hyper::body::Incoming;

use crate::config::Config;
use crate::connection::{Connection, Message};
use crate::error::Error;
use crate::meter::Meter;
use crate::request::Request;
use crate::response::{Body, Response};
use crate::timings::Timings;

/// A finished exchange, whatever became of it.
#[derive(Debug)]
pub struct Exchange {
    /// The response, or why there is none.
    pub result: Result<Response, Error>,
    /// How long each part took.
    pub timings: Timings,
    /// Bytes sent, as they were on the wire; more than zero if anything reached it.
    pub sent: u64,
    /// Bytes received, as they were on the wire.
    pub received: u64,
    /// Whether it used a connection that was there already.
    pub reused: bool,
    /// The peer's address, once there was a connection.
    pub remote: Option<SocketAddr>,
    /// The protocol that was spoken, as k6's `proto` tag has it: `HTTP/1.1` unless the peer answered with
    /// `HTTP/1.0`.
    pub proto: &'static str,
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
            reused: meter.is_reused(),
            remote: meter.remote(),
            proto,
        }
    }
}

/// An exchange, and its connection where that can be used again.
pub(crate) type Ended = (Exchange, Option<Box<Connection>>);

/// Runs an exchange to its end and gives back the connection if it can be used again.
///
/// A kept-alive connection may be closed by the peer at the very moment it is used. Then the request is sent
/// once more on a fresh one, if the peer cannot have seen it or, where no answer came, if acting on it twice
/// is harmless (RFC 9110 §9.2.2). It is still one exchange.
pub(crate) async fn exchange(
    config: Arc<Config>,
    idle: Option<Box<Connection>>,
    request: Request,
    meter: Arc<Meter>,
) -> Ended {
    let target = request.target.clone();
    let message = match idle {
        None => message(&config, request),
        Some(mut connection) => {
            let copy = request.method.is_idempotent().then(|| request.clone());
            let failure = match attempt(&config, &mut connection, message(&config, request)).await {
                Ok(response) => return ended(connection, Ok(response)),
                Err(failure) => failure,
            };
            let again = match (failure.unsent, copy) {
                (Some(unsent), _) => *unsent,
                (None, Some(copy)) if !meter.is_answered() => message(&config, copy),
                _ => return ended(connection, Err(failure.error)),
            };
            meter.retry();
            again
        }
    };
    meter.dialling();
    let found = match target.address() {
        Some(address) => {
            meter.nothing_to_resolve();
            Ok(vec![SocketAddr::new(address, target.port())])
        }
        None => {
            let found = config.resolver.resolve(target.host(), target.port()).await;
            meter.resolved();
            found
        }
    };
    let opened = match found {
        Ok(addresses) => Connection::open(target, &addresses, Arc::clone(&meter))
            .await
            .map_err(|error| Error::from_connecting(&error)),
        Err(error) => Err(error),
    };
    match opened {
        Err(error) => (Exchange::new(Err(error), &meter), None),
        Ok(mut connection) => {
            let result = attempt(&config, &mut connection, message).await;
            ended(connection, result.map_err(|failure| failure.error))
        }
    }
}

fn ended(connection: Box<Connection>, result: Result<Response, Error>) -> Ended {
    let exchange = Exchange::new(result, &connection.meter);
    let keep = exchange.result.is_ok() && connection.is_ready();
    (exchange, keep.then_some(connection))
}

/// Why one attempt on one connection failed.
struct Failure {
    error: Error,
    /// The request, if not a byte of it was written.
    unsent: Option<Box<Message>>,
}

/// Sends a request on a connection and takes the whole response.
async fn attempt(
    config: &Config,
    connection: &mut Connection,
    message: Message,
) -> Result<Response, Failure> {
    let mut sent = pin!(connection.sender.try_send_request(message));
    // The connection writes the request, and the response comes out of it.
    let answer = poll_fn(|cx| connection.drive(cx, |inner| sent.as_mut().poll(inner)));
    let (head, incoming) = match answer.await {
        Ok(response) => response.into_parts(),
        Err(mut failed) => {
            let unsent = failed.take_message().map(Box::new);
            return Err(Failure { error: connection.explain(failed.error()), unsent });
        }
    };
    let body = collect(config.body_limit, connection, incoming)
        .await
        .map_err(|error| Failure { error, unsent: None })?;
    if !connection.is_ready() {
        // The connection learns once more that both messages are over, or that the peer has closed.
        poll_fn(|cx| connection.drive(cx, |_| Poll::Ready(()))).await;
    }
    Ok(Response { status: head.status, version: head.version, headers: head.headers, body })
}

/// Takes the whole body.
async fn collect(
    limit: usize,
    connection: &mut Connection,
    mut incoming: Incoming,
) -> Result<Body, Error> {
    let mut body = Body::default();
    while !incoming.is_end_stream() {
        let frame = poll_fn(|cx| {
            // What is there already, or what the connection brings; only the latter can be waited for.
            match Pin::new(&mut incoming).poll_frame(&mut Context::from_waker(Waker::noop())) {
                Poll::Pending => {
                    connection.drive(cx, |inner| Pin::new(&mut incoming).poll_frame(inner))
                }
                frame => frame,
            }
        });
        match frame.await {
            None => break,
            Some(Err(error)) => return Err(connection.explain(&error)),
            // Trailers are no part of the body.
            Some(Ok(frame)) => {
                if let Ok(piece) = frame.into_data() {
                    if piece.len() > limit - body.len() {
                        return Err(Error::BodyTooLarge(limit));
                    }
                    body.push(piece);
                }
            }
        }
    }
    Ok(body)
}

fn message(config: &Config, request: Request) -> Message {
    let Request { method, target, headers, body, .. } = request;
    let mut message = http::Request::new(Full::new(body));
    *message.method_mut() = method;
    *message.uri_mut() = target.path().clone();
    *message.headers_mut() = headers;
    let headers = message.headers_mut();
    if !headers.is_empty() {
        // Where a message ends follows from its body alone: hyper would believe these.
        headers.remove(header::CONTENT_LENGTH);
        headers.remove(header::TRANSFER_ENCODING);
    }
    headers.insert(header::HOST, target.authority().clone());
    if !headers.contains_key(header::USER_AGENT) {
        headers.insert(header::USER_AGENT, config.user_agent.clone());
    }
    message
}
