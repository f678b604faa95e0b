//! Making a connection: finding the host's addresses, trying them, and by TLS the handshake.

use std::future::Future;
use std::io;
use std::mem;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use rustls::pki_types::ServerName;
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::Sleep;

use crate::config::Config;
use crate::error::Error;
use crate::meter::Meter;
use crate::stream::Stream;
use crate::target::Target;
use crate::tls::{Sessions, TlsStream, from_tls};

/// How long an address may take before the next is tried beside it: Go's.
const HEAD_START: Duration = Duration::from_millis(300);

type Pending<T> = Pin<Box<dyn Future<Output = T> + Send>>;

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
}

enum Step {
    /// Nothing has been done yet.
    Begin,
    /// The host's name is being looked up.
    Resolving(Pending<Result<Vec<SocketAddr>, Error>>),
    /// Addresses are being tried.
    Connecting(Connecting),
    /// One has answered, and who it is and which keys to use is being agreed on.
    Handshaking(Box<TlsStream>, SocketAddr),
    /// It is over.
    Ended,
}

/// Addresses that are tried side by side, each a little after the one before.
struct Connecting {
    trying: Vec<(SocketAddr, Pending<io::Result<TcpStream>>)>,
    others: std::vec::IntoIter<SocketAddr>,
    /// When the next one is due.
    next: Option<Pin<Box<Sleep>>>,
    local: Option<IpAddr>,
}

impl Dial {
    pub(crate) fn new(target: Target) -> Self {
        Self { target, step: Step::Begin }
    }

    /// Connects to the first of the host's addresses that answers.
    ///
    /// Fails with why the host has none, with the error of the address that failed last, or with what went
    /// wrong in the handshake.
    ///
    /// After it is ready, it is not to be polled again.
    pub(crate) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        config: &Arc<Config>,
        own: &mut Own,
        meter: &mut Meter,
    ) -> Poll<Result<(Stream, SocketAddr), Error>> {
        loop {
            let addresses = match &mut self.step {
                Step::Begin => {
                    if self.target.is_https() {
                        // Before anything is timed that is the target's.
                        config.tls.prepare();
                    }
                    meter.dialling();
                    let (host, port) = (self.target.host(), self.target.port());
                    let instead = config.hosts.find(host, port);
                    let literal = || Some(SocketAddr::new(self.target.address()?, port));
                    match instead.or_else(literal) {
                        Some(address) => {
                            meter.nothing_to_resolve();
                            vec![address]
                        }
                        None => {
                            let (config, target) = (Arc::clone(config), self.target.clone());
                            self.step = Step::Resolving(Box::pin(async move {
                                config.resolver.resolve(target.host(), target.port()).await
                            }));
                            continue;
                        }
                    }
                }
                Step::Resolving(found) => {
                    let found = ready!(found.as_mut().poll(cx));
                    meter.resolved();
                    found?
                }
                Step::Connecting(connecting) => {
                    let (stream, remote) = ready!(connecting.poll(cx))?;
                    meter.connected(remote);
                    if !self.target.is_https() {
                        return Poll::Ready(Ok((Stream::Plain(stream), remote)));
                    }
                    meter.securing();
                    let host = self.target.host();
                    // rustls refuses a name that no certificate could have.
                    let name = ServerName::try_from(host.to_owned())
                        .map_err(|error| Error::Tls(format!("`{host}`: {error}")))?;
                    let config = config.tls.config(host, &mut own.sessions);
                    let stream = TlsStream::new(stream, config, name);
                    let stream = stream.map_err(|error| from_tls(&error))?;
                    self.step = Step::Handshaking(stream, remote);
                    continue;
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
            self.step = Step::Connecting(Connecting::new(addresses, own.local)?);
        }
    }
}

impl Connecting {
    /// Those of the addresses that can be reached from the local one.
    ///
    /// Fails if it is of another family than all of them.
    fn new(mut addresses: Vec<SocketAddr>, local: Option<IpAddr>) -> Result<Self, Error> {
        if let Some(local) = local {
            addresses.retain(|address| address.is_ipv4() == local.is_ipv4());
            if addresses.is_empty() {
                return Err(Error::Unreachable);
            }
        }
        Ok(Self { trying: Vec::new(), others: addresses.into_iter(), next: None, local })
    }

    /// Tries the first address, and the next whenever one has failed or has not answered for a while: an
    /// address that swallows packets must not hide the others (RFC 8305).
    ///
    /// Fails with the error of the last.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<(TcpStream, SocketAddr), Error>> {
        let mut failed = Error::NameNotResolved;
        loop {
            let mut place = 0;
            while let Some((remote, connecting)) = self.trying.get_mut(place) {
                match connecting.as_mut().poll(cx) {
                    Poll::Pending => place += 1,
                    Poll::Ready(Ok(stream)) => return Poll::Ready(Ok((stream, *remote))),
                    Poll::Ready(Err(error)) => {
                        failed = Error::from_connecting(&error);
                        drop(self.trying.swap_remove(place));
                        self.next = None;
                    }
                }
            }
            let waits = match &mut self.next {
                Some(next) => next.as_mut().poll(cx).is_pending(),
                None => false,
            };
            if waits && !self.trying.is_empty() {
                return Poll::Pending;
            }
            let Some(remote) = self.others.next() else {
                return if self.trying.is_empty() {
                    Poll::Ready(Err(failed))
                } else {
                    Poll::Pending
                };
            };
            self.trying.push((remote, Box::pin(connect(remote, self.local))));
            let more = !self.others.as_slice().is_empty();
            self.next = more.then(|| Box::pin(tokio::time::sleep(HEAD_START)));
        }
    }
}

async fn connect(remote: SocketAddr, local: Option<IpAddr>) -> io::Result<TcpStream> {
    let stream = match local {
        None => TcpStream::connect(remote).await?,
        Some(local) => {
            let socket = if local.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
            // The system says the same of an address that is not ours as of a port that is not free.
            socket.bind(SocketAddr::new(local, 0)).map_err(|error| {
                io::Error::other(format!("cannot connect from the address {local}: {error}"))
            })?;
            socket.connect(remote).await?
        }
    };
    // A request goes out when it is written, not when the last one is acknowledged.
    stream.set_nodelay(true)?;
    Ok(stream)
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn an_address_that_does_not_answer_does_not_hide_the_next() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let open = listener.local_addr().expect("it is bound");
        // Nobody listens at the first, the second is of a network that is for documents only (RFC 5737).
        let closed = SocketAddr::from(([127, 0, 0, 1], 1));
        let silent = SocketAddr::from(([192, 0, 2, 1], 80));
        for addresses in [vec![closed, open], vec![silent, open], vec![silent, closed, open]] {
            let mut connecting = Connecting::new(addresses, None).expect("any will do");
            let (_, remote) = poll_fn(|cx| connecting.poll(cx)).await.expect("one of them answers");
            assert_eq!(remote, open);
        }
    }

    #[tokio::test]
    async fn where_no_address_answers_the_last_error_is_told() {
        let closed = SocketAddr::from(([127, 0, 0, 1], 1));
        for (addresses, error) in
            [(vec![closed, closed], Error::ConnectionRefused), (vec![], Error::NameNotResolved)]
        {
            let mut connecting = Connecting::new(addresses, None).expect("any will do");
            let failed = poll_fn(|cx| connecting.poll(cx)).await.expect_err("nobody listens");
            assert_eq!(failed, error);
        }
    }
}
