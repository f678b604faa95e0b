//! The bytes of a connection, in the clear or by TLS.
//!
//! What speaks a protocol reads and writes one of these and need not know which it is. `dial` makes it.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use crate::socket::{Socket, is_quiet};
use crate::tls::{TlsStream, TlsVersion};

/// A connection's two directions of bytes.
///
/// An enum and no trait object: in the clear it costs two comparisons. What TLS needs is boxed, so that a
/// connection without it is no larger for it.
pub(crate) enum Stream {
    /// In the clear.
    Plain(Socket),
    /// In the clear to a proxy, which forwards requests one by one: it has to be told the whole URL of each.
    Forwarded(Box<TcpStream>),
    /// By TLS.
    Tls(Box<TlsStream>),
}

impl Stream {
    /// Whether nothing has come that was not read, not even the end. Costs no system call where nothing has.
    pub(crate) fn is_quiet(&mut self) -> bool {
        match self {
            Self::Plain(socket) => socket.is_quiet(),
            Self::Forwarded(socket) => is_quiet(socket.try_read(&mut [0])),
            Self::Tls(tls) => tls.is_quiet(),
        }
    }

    /// Whether all that was taken to be written is on the wire.
    pub(crate) fn is_flushed(&self) -> bool {
        match self {
            Self::Plain(_) | Self::Forwarded(_) => true,
            Self::Tls(tls) => tls.is_flushed(),
        }
    }

    /// Whether both sides have agreed on this protocol beside TLS.
    pub(crate) fn has_agreed_on(&self, protocol: &[u8]) -> bool {
        match self {
            Self::Plain(_) | Self::Forwarded(_) => false,
            Self::Tls(tls) => tls.protocol() == Some(protocol),
        }
    }

    /// Whether what is written and read is what goes over the wire.
    pub(crate) fn is_plain(&self) -> bool {
        !matches!(self, Self::Tls(_))
    }

    /// Whether a proxy is at the other end that wants to know the whole URL of each request.
    pub(crate) fn is_forwarded(&self) -> bool {
        matches!(self, Self::Forwarded(_))
    }

    /// The version of TLS that is spoken, if any is.
    pub(crate) fn tls_version(&self) -> Option<TlsVersion> {
        match self {
            Self::Plain(_) | Self::Forwarded(_) => None,
            Self::Tls(tls) => tls.version(),
        }
    }

    /// How many bytes went over the wire since this was last asked; none in the clear, where they are those
    /// that were written and read.
    pub(crate) fn take_traffic(&mut self) -> Option<Traffic> {
        match self {
            Self::Plain(_) | Self::Forwarded(_) => None,
            Self::Tls(tls) => Some(tls.take_traffic()),
        }
    }
}

/// Bytes on the wire, with all that TLS adds to them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Traffic {
    pub(crate) sent: u64,
    pub(crate) received: u64,
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        room: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(socket) => Pin::new(socket).poll_read(cx, room),
            Self::Forwarded(socket) => Pin::new(socket).poll_read(cx, room),
            Self::Tls(tls) => tls.poll_read(cx, room),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(socket) => Pin::new(socket).poll_write(cx, bytes),
            Self::Forwarded(socket) => Pin::new(socket).poll_write(cx, bytes),
            Self::Tls(tls) => tls.poll_write(cx, &[IoSlice::new(bytes)]),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(socket) => Pin::new(socket).poll_write_vectored(cx, parts),
            Self::Forwarded(socket) => Pin::new(socket).poll_write_vectored(cx, parts),
            Self::Tls(tls) => tls.poll_write(cx, parts),
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    /// Ready when all that was written is on the wire: by TLS, taking bytes is not sending them yet.
    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(_) | Self::Forwarded(_) => Poll::Ready(Ok(())),
            Self::Tls(tls) => tls.poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(socket) => Pin::new(socket).poll_shutdown(cx),
            Self::Forwarded(socket) => Pin::new(socket).poll_shutdown(cx),
            Self::Tls(tls) => tls.poll_shutdown(cx),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_in_the_clear_is_a_word_larger_for_all_that_it_could_be_instead() {
        assert_eq!(size_of::<Stream>(), size_of::<TcpStream>() + size_of::<usize>());
    }
}
