//! Making a connection: finding the host's addresses, trying them, and by TLS the handshake.

use std::future::Future as _;
use std::mem;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use rustls::pki_types::ServerName;
use tokio::net::UnixStream;
use tokio::time::Sleep;

use crate::alarm::FOREVER;
use crate::config::Config;
use crate::connecting::{Connecting, Pending, connect_unix};
use crate::error::Error;
use crate::hosts::Found;
use crate::meter::Meter;
use crate::place::Place;
use crate::socket::Socket;
use crate::stream::Stream;
use crate::target::Target;
use crate::tls::{Sessions, TlsStream, from_tls};

/// What the connections of one client have in common, other than its configuration.
#[derive(Debug)]
pub(crate) struct Own {
    /// The address to connect from, if not the system's choice.
    local: Option<IpAddr>,
    sessions: Sessions,
}

impl Own {
    pub(crate) fn new(local: Option<IpAddr>) -> Self {
        Self { local, sessions: Sessions::default() }
    }
}

/// A connection in the making.
pub(crate) struct Dial {
    target: Target,
    step: Step,
    /// How long it may take, instead of what the configuration says.
    timeout: Option<Duration>,
    /// Rings when it has taken too long, if there is such a time.
    alarm: Option<Pin<Box<Sleep>>>,
}

enum Step {
    /// Nothing has been done yet.
    Begin,
    /// The host's name is being looked up.
    Resolving(Pending<Result<Vec<SocketAddr>, Error>>),
    /// Addresses are being tried.
    Connecting(Connecting),
    /// A unix socket is.
    ConnectingUnix(Pending<Result<UnixStream, Error>>),
    /// One has answered, and who it is and which keys to use is being agreed on.
    Handshaking(Box<TlsStream>, Option<SocketAddr>),
    /// It is over.
    Ended,
}

/// A connection, and the peer's address where it has one.
type Dialled = (Stream, Option<SocketAddr>);

impl Dial {
    /// A connection to be made, within this time if one is given and otherwise within the configuration's.
    pub(crate) fn new(target: Target, timeout: Option<Duration>) -> Self {
        Self { target, step: Step::Begin, timeout, alarm: None }
    }

    /// Connects to the first of the host's addresses that answers, or to the unix socket that stands in for
    /// the host.
    ///
    /// Fails with why the host has none, with the error of the address that failed last, with what went wrong in
    /// the handshake, or with [`Error::ConnectTimedOut`] where that has a time of its own.
    ///
    /// After it is ready, it is not to be polled again.
    pub(crate) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        config: &Arc<Config>,
        own: &mut Own,
        meter: &mut Meter,
    ) -> Poll<Result<Dialled, Error>> {
        if let Step::Begin = self.step
            && let Some(timeout) = self.timeout.or(config.connect_timeout)
        {
            self.alarm = Some(Box::pin(tokio::time::sleep(timeout.min(FOREVER))));
        }
        let polled = self.go_on(cx, config, own, meter);
        if polled.is_pending()
            && let Some(alarm) = &mut self.alarm
            && alarm.as_mut().poll(cx).is_ready()
        {
            return Poll::Ready(Err(Error::ConnectTimedOut));
        }
        polled
    }

    fn go_on(
        &mut self,
        cx: &mut Context<'_>,
        config: &Arc<Config>,
        own: &mut Own,
        meter: &mut Meter,
    ) -> Poll<Result<Dialled, Error>> {
        loop {
            let (socket, remote) = match &mut self.step {
                Step::Begin => {
                    if self.target.is_https() {
                        // Before anything is timed that is the target's.
                        config.tls.prepare();
                    }
                    meter.dialling();
                    self.step = self.begun(config, own, meter)?;
                    continue;
                }
                Step::Resolving(found) => {
                    let found = ready!(found.as_mut().poll(cx));
                    meter.resolved();
                    self.step = Step::Connecting(Connecting::new(found?, own.local)?);
                    continue;
                }
                Step::Connecting(connecting) => {
                    let (stream, remote) = ready!(connecting.poll(cx))?;
                    (Socket::Tcp(stream), Some(remote))
                }
                Step::ConnectingUnix(connecting) => {
                    (Socket::Unix(ready!(connecting.as_mut().poll(cx))?), None)
                }
                Step::Handshaking(stream, _) => {
                    let polled = stream.poll_handshake(cx);
                    meter.carried(stream.take_traffic());
                    ready!(polled).map_err(|error| Error::from_io(&error))?;
                    meter.secured(stream.version());
                    let Step::Handshaking(stream, remote) =
                        mem::replace(&mut self.step, Step::Ended)
                    else {
                        return Poll::Pending;
                    };
                    return Poll::Ready(Ok((Stream::Tls(stream), remote)));
                }
                Step::Ended => return Poll::Pending,
            };
            meter.connected(remote);
            if !self.target.is_https() {
                return Poll::Ready(Ok((Stream::Plain(socket), remote)));
            }
            meter.securing();
            self.step = Step::Handshaking(self.securing(socket, config, own)?, remote);
        }
    }

    /// The first step, wherever it leads.
    fn begun(&self, config: &Arc<Config>, own: &Own, meter: &mut Meter) -> Result<Step, Error> {
        let unix = || config.unix_socket.clone().map(Found::Unix);
        let instead = || config.hosts.find(self.target.host(), self.target.port());
        let place = match unix().or_else(instead) {
            Some(Found::Unix(path)) => {
                meter.nothing_to_resolve();
                let connecting = async move { connect_unix(&path).await };
                return Ok(Step::ConnectingUnix(Box::pin(connecting)));
            }
            Some(Found::Place(place)) => place,
            None => Place::of(&self.target),
        };
        match place {
            Place::Address(address) => {
                meter.nothing_to_resolve();
                Ok(Step::Connecting(Connecting::new(vec![address], own.local)?))
            }
            Place::Name(name, port) => {
                let config = Arc::clone(config);
                let resolving = async move { config.resolver.resolve(&name, port).await };
                Ok(Step::Resolving(Box::pin(resolving)))
            }
        }
    }

    /// A connection by TLS to be, over a socket that is connected.
    fn securing(
        &self,
        socket: Socket,
        config: &Config,
        own: &mut Own,
    ) -> Result<Box<TlsStream>, Error> {
        let host = self.target.host();
        // rustls refuses a name that no certificate could have.
        let name = ServerName::try_from(host.to_owned())
            .map_err(|error| Error::Tls(format!("`{host}`: {error}")))?;
        let config = config.tls.config(host, &mut own.sessions);
        TlsStream::new(socket, config, name).map_err(|error| from_tls(&error))
    }
}
