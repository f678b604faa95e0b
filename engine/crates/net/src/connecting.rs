//! Connecting sockets: to the first of several addresses that answers, or to a unix socket.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

#[cfg(target_os = "linux")]
use nix::sys::socket::sockopt::IpBindAddressNoPort;
use tokio::net::{TcpSocket, TcpStream, UnixStream};
use tokio::time::Sleep;

use crate::error::Error;

/// How long an address may take before the next is tried beside it: Go's.
const HEAD_START: Duration = Duration::from_millis(300);
/// How long is waited before a unix socket whose queue was full is tried again: at first, and at most.
/// Arbitrary.
const RETRY: (Duration, Duration) = (Duration::from_millis(1), Duration::from_millis(50));

pub(crate) type Pending<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// Addresses that are tried side by side, each a little after the one before.
pub(crate) struct Connecting {
    trying: Vec<(SocketAddr, Pending<io::Result<TcpStream>>)>,
    others: std::vec::IntoIter<SocketAddr>,
    /// When the next one is due.
    next: Option<Pin<Box<Sleep>>>,
    local: Option<IpAddr>,
}

impl Connecting {
    /// Those of the addresses that can be reached from the local one.
    ///
    /// Fails if it is of another family than all of them.
    pub(crate) fn new(
        mut addresses: Vec<SocketAddr>,
        local: Option<IpAddr>,
    ) -> Result<Self, Error> {
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
    pub(crate) fn poll(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(TcpStream, SocketAddr), Error>> {
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
        Some(local) => bound(local)?.connect(remote).await?,
    };
    // A request goes out when it is written, not when the last one is acknowledged.
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// A socket that connects from this address.
fn bound(local: IpAddr) -> io::Result<TcpSocket> {
    let socket = if local.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // Otherwise binding takes a port that no other socket of this address may have, where connections to
    // different peers can share one. It is chosen when the peer is known; on systems that cannot, it is taken now.
    #[cfg(target_os = "linux")]
    let _ = nix::sys::socket::setsockopt(&socket, IpBindAddressNoPort, &true);
    // The system says the same of an address that is not ours as of a port that is not free.
    socket.bind(SocketAddr::new(local, 0)).map_err(|error| {
        io::Error::other(format!("cannot connect from the address {local}: {error}"))
    })?;
    Ok(socket)
}

/// Connects to the unix socket at this path.
///
/// Where its queue is full the system says so at once, where with TCP it would try again itself; so this does.
pub(crate) async fn connect_unix(path: &Path) -> Result<UnixStream, Error> {
    let (mut wait, longest) = RETRY;
    loop {
        let error = match UnixStream::connect(path).await {
            Ok(stream) => return Ok(stream),
            Err(error) => error,
        };
        match error.kind() {
            io::ErrorKind::WouldBlock => tokio::time::sleep(wait).await,
            // That there is no socket is that nobody listens.
            io::ErrorKind::NotFound => return Err(Error::ConnectionRefused),
            io::ErrorKind::PermissionDenied => {
                let what = format!("cannot connect to `{}`: {error}", path.display());
                return Err(Error::Other(what));
            }
            _ => return Err(Error::from_connecting(&error)),
        }
        wait = (wait * 2).min(longest);
    }
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
    #[cfg(target_os = "linux")]
    async fn a_port_is_not_taken_before_it_is_known_what_for() {
        for (local, any) in [("127.0.0.2", "127.0.0.1:0"), ("::1", "[::1]:0")] {
            let local = local.parse().expect("an address");
            // Not every machine has IPv6.
            let Ok(listener) = TcpListener::bind(any).await else { continue };
            let remote = listener.local_addr().expect("it is bound");
            let socket = bound(local).expect("it is ours");
            assert_eq!(socket.local_addr().expect("it is bound"), SocketAddr::new(local, 0));
            let stream = socket.connect(remote).await.expect("somebody listens");
            let from = stream.local_addr().expect("it is connected");
            assert!(from.ip() == local && from.port() > 0, "{from}");
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
