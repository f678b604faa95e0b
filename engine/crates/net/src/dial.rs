//! Making a connection: finding the host's addresses, trying them, having a proxy connect further, and by TLS the
//! handshake.

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
use crate::meter::Meter;
use crate::per_host::{PerHost, Slot, Waiting};
use crate::place::Place;
use crate::policy::{Denied, is_loopback, real};
use crate::proxy::{Asking, Proxy};
use crate::resolver::Resolver;
use crate::route::{Alias, Route, counted_host};
use crate::socket::Socket;
use crate::stream::Stream;
use crate::target::Target;
use crate::tls::{Sessions, TlsStream, from_tls, refuses_protocols};
use crate::version::Offer;

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
    /// Whether requests of HTTP/1.1 will go over it, which a proxy may forward one by one.
    plain_http: bool,
    /// What the peer may choose from, by TLS.
    offer: Offer,
    /// Where the script itself has it go instead, if it does.
    alias: Alias,
    /// The right to have the connection, where that is limited.
    slot: Option<Slot>,
    step: Step,
    /// How long it may take, instead of what the configuration says.
    timeout: Option<Duration>,
    /// Rings when it has taken too long, if there is such a time.
    alarm: Option<Pin<Box<Sleep>>>,
}

enum Step {
    /// Nothing has been done yet.
    Begin,
    /// As many connections as the host may have are in use.
    Waiting(Waiting),
    /// There is nothing to wait for.
    Free,
    /// Names are being looked up.
    Resolving(Pending<Result<(Vec<SocketAddr>, Through), Error>>),
    /// Addresses are being tried.
    Connecting(Connecting, Through),
    /// A unix socket is.
    ConnectingUnix(Pending<Result<UnixStream, Error>>),
    /// The proxy has answered, and is being asked to connect further.
    Asking(Box<Asking>, SocketAddr),
    /// There is a connection to the host, and who it is and which keys to use is being agreed on.
    Handshaking(Box<TlsStream>, Option<SocketAddr>),
    /// It is over.
    Ended,
}

/// Who stands between this machine and the host.
enum Through {
    Nobody,
    /// A proxy that is sent each request.
    Forwarder(Arc<Proxy>),
    /// A proxy that is to connect there.
    Tunnel(Arc<Proxy>, Place),
}

/// A connection, and the peer's address where it has one.
pub(crate) type Dialled = (Stream, Option<SocketAddr>);

impl Dial {
    /// A connection for requests, to be made within this time if one is given and otherwise within the
    /// configuration's. Where only HTTP/1.1 is offered, and in the clear, a proxy of HTTP's kind may be at its
    /// other end and forward them.
    pub(crate) fn new(target: Target, offer: Offer, timeout: Option<Duration>) -> Self {
        let plain_http = offer == Offer::Http1;
        Self {
            target,
            plain_http,
            offer,
            alias: None,
            slot: None,
            step: Step::Begin,
            timeout,
            alarm: None,
        }
    }

    /// The same connection for anything else than such requests: whoever stands between, what goes over it comes
    /// to the target as it is.
    pub(crate) fn tunnelled(self) -> Self {
        Self { plain_http: false, ..self }
    }

    /// Connects to the first of the host's addresses that answers, to the unix socket that stands in for the
    /// host, or to a proxy and by it to the host. A connection that goes through a proxy is there when the proxy
    /// says so, and the peer's address is the proxy's.
    ///
    /// Fails with why the host has none, with the error of the address that failed last, with what the proxy
    /// says, with what went wrong in the handshake, or with [`Error::ConnectTimedOut`] where that has a time of
    /// its own.
    ///
    /// After it is ready, it is not to be polled again.
    pub(crate) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        config: &Arc<Config>,
        own: &mut Own,
        meter: &mut Meter,
    ) -> Poll<Result<Dialled, Error>> {
        if let Step::Begin = self.step {
            let slot = |per_host: &PerHost| per_host.slot(&counted_host(&self.target, config));
            let waiting = config.per_host.as_deref().and_then(slot);
            self.step = waiting.map_or(Step::Free, Step::Waiting);
        }
        if let Step::Waiting(waiting) = &mut self.step {
            self.slot = ready!(waiting.as_mut().poll(cx));
            self.step = Step::Free;
        }
        if let Step::Free = self.step
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

    /// Whether it waits for another connection to the host to end.
    pub(crate) fn is_waiting(&self) -> bool {
        matches!(self.step, Step::Waiting(_))
    }

    /// The right to have the connection that was made, to be kept for as long as it is there.
    pub(crate) fn take_slot(&mut self) -> Option<Slot> {
        self.slot.take()
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
                Step::Begin | Step::Waiting(_) => return Poll::Pending,
                Step::Free => {
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
                    let (addresses, through) = found?;
                    self.step = self.connecting(addresses, through, config, own)?;
                    continue;
                }
                Step::Connecting(connecting, through) => {
                    let connected = ready!(connecting.poll(cx));
                    let (stream, remote) = connected.map_err(|error| through.blamed(error))?;
                    match through {
                        Through::Nobody => (Socket::Tcp(stream), Some(remote)),
                        Through::Forwarder(_) => {
                            meter.connected(Some(remote));
                            let stream = Stream::Forwarded(Box::new(stream));
                            return Poll::Ready(Ok((stream, Some(remote))));
                        }
                        Through::Tunnel(proxy, place) => {
                            let asking = Asking::new(stream, proxy, place, &config.user_agent)?;
                            self.step = Step::Asking(Box::new(asking), remote);
                            continue;
                        }
                    }
                }
                Step::Asking(asking, _) => {
                    let polled = asking.poll(cx);
                    meter.carried(asking.take_traffic());
                    ready!(polled)?;
                    let Step::Asking(asking, remote) = mem::replace(&mut self.step, Step::Ended)
                    else {
                        return Poll::Pending;
                    };
                    (Socket::Tcp(asking.into_socket()), Some(remote))
                }
                Step::ConnectingUnix(connecting) => {
                    (Socket::Unix(ready!(connecting.as_mut().poll(cx))?), None)
                }
                Step::Handshaking(stream, _) => {
                    let polled = stream.poll_handshake(cx);
                    meter.carried(stream.take_traffic());
                    let http2_only = self.offer == Offer::Http2;
                    ready!(polled).map_err(|error| match refuses_protocols(&error) {
                        true if http2_only => Error::NoHttp2,
                        _ => Error::from_io(&error),
                    })?;
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
    fn begun(&mut self, config: &Arc<Config>, own: &Own, meter: &mut Meter) -> Result<Step, Error> {
        let (route, alias) = Route::new(&self.target, self.plain_http, config);
        self.alias = alias;
        let (first, through) = match route {
            Route::Unix(path) => {
                meter.nothing_to_resolve();
                let connecting = async move { connect_unix(&path).await };
                return Ok(Step::ConnectingUnix(Box::pin(connecting)));
            }
            Route::Direct(place) => (place, Through::Nobody),
            Route::Forwarded(proxy) => (proxy.place().clone(), Through::Forwarder(proxy)),
            Route::Tunnel(proxy, place) => (proxy.place().clone(), Through::Tunnel(proxy, place)),
        };
        match (first, through.name_to_find()) {
            (Place::Address(address), None) => {
                meter.nothing_to_resolve();
                self.connecting(vec![address], through, config, own)
            }
            (first, _) => {
                // A name that is asked for tells its servers something; what may not be connected to is not.
                self.may_look_up(&through, config).map_err(not_allowed)?;
                let config = Arc::clone(config);
                let resolving = async move { resolve(&config.resolver, first, through).await };
                Ok(Step::Resolving(Box::pin(resolving)))
            }
        }
    }

    /// Whether the names on the way may be looked up: the target's, or that of the place that the script has put in
    /// its stead, and that of a proxy that the script names.
    fn may_look_up(&self, through: &Through, config: &Config) -> Result<(), Denied> {
        let (host, port) = match &self.alias {
            Some(alias) => alias.parts(),
            None => (self.target.host().to_owned(), self.target.port()),
        };
        config.policy.may_look_up(&host, port)?;
        match through.proxy().filter(|proxy| proxy.is_by_script()).map(|proxy| proxy.place()) {
            Some(Place::Name(name, port)) => config.policy.may_look_up(name, *port),
            Some(Place::Address(_)) | None => Ok(()),
        }
    }

    /// To these addresses, as far as that is allowed: now that they are known, they are what is judged. A proxy that
    /// whoever runs this has named is theirs, and what counts is where it is asked to go; one of the script's own is
    /// judged like any other place, and so is a place that the script has put in the target's stead.
    fn connecting(
        &self,
        mut addresses: Vec<SocketAddr>,
        through: Through,
        config: &Config,
        own: &Own,
    ) -> Result<Step, Error> {
        let policy = &config.policy;
        if let Some(proxy) = through.proxy().filter(|proxy| proxy.is_by_script()) {
            let (host, port) = proxy.place().parts();
            retain(&mut addresses, |address| policy.judge(&host, port, address))?;
        }
        // What a proxy elsewhere takes for itself is not this machine.
        let here = addresses.iter().all(|address| is_loopback(real(address.ip())));
        let alias = self.alias.as_ref().map(Place::parts);
        let target = (self.target.host().to_owned(), self.target.port());
        for (host, port) in [Some(target), alias].into_iter().flatten() {
            match &through {
                Through::Nobody => {
                    retain(&mut addresses, |address| policy.judge(&host, port, address))?;
                }
                Through::Tunnel(_, Place::Address(address)) => {
                    policy.judge_from(&host, port, *address, here).map_err(not_allowed)?;
                }
                Through::Tunnel(_, Place::Name(..)) | Through::Forwarder(_) => {
                    policy.judge_unseen(&host, port, here).map_err(not_allowed)?;
                }
            }
        }
        match Connecting::new(addresses, own.local) {
            Ok(connecting) => Ok(Step::Connecting(connecting, through)),
            Err(error) => Err(through.blamed(error)),
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
        let config = config.tls.config(host, self.offer, &mut own.sessions);
        TlsStream::new(socket, config, name).map_err(|error| from_tls(&error))
    }
}

fn not_allowed(denied: Denied) -> Error {
    Error::NotAllowed(denied.to_string())
}

/// Leaves the addresses that may be connected to.
///
/// Fails with what speaks against the first if none is left of some.
fn retain(
    addresses: &mut Vec<SocketAddr>,
    judge: impl Fn(SocketAddr) -> Result<(), Denied>,
) -> Result<(), Error> {
    let first = addresses.first().map_or(Ok(()), |first| judge(*first));
    addresses.retain(|address| judge(*address).is_ok());
    if addresses.is_empty() { first.map_err(not_allowed) } else { Ok(()) }
}

/// The addresses to try, with all names known that this machine is to know.
async fn resolve(
    resolver: &Resolver,
    first: Place,
    mut through: Through,
) -> Result<(Vec<SocketAddr>, Through), Error> {
    if let Some((name, port)) = through.name_to_find()
        && let Through::Tunnel(_, place) = &mut through
    {
        let addresses = resolver.resolve(&name, port).await?;
        *place = Place::Address(*addresses.first().ok_or(Error::NameNotResolved)?);
    }
    let addresses = match first {
        Place::Address(address) => vec![address],
        Place::Name(name, port) => {
            let found = resolver.resolve(&name, port).await;
            found.map_err(|error| through.blamed(error))?
        }
    };
    Ok((addresses, through))
}

impl Through {
    /// The proxy, if there is one.
    fn proxy(&self) -> Option<&Proxy> {
        match self {
            Self::Nobody => None,
            Self::Forwarder(proxy) | Self::Tunnel(proxy, _) => Some(proxy),
        }
    }

    /// The destination's name, where the proxy is to be given an address for it.
    fn name_to_find(&self) -> Option<(String, u16)> {
        match self {
            Self::Tunnel(proxy, Place::Name(name, port)) if proxy.wants_address() => {
                Some((name.clone(), *port))
            }
            _ => None,
        }
    }

    /// What it means that the first peer was not connected to.
    fn blamed(&self, error: Error) -> Error {
        match self {
            Self::Nobody => error,
            Self::Forwarder(proxy) | Self::Tunnel(proxy, _) => proxy.unreachable(error),
        }
    }
}
