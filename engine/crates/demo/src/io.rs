//! A TCP stream as hyper wants it, with its bytes counted.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

use hyper::rt::{Read, ReadBufCursor, Write};
use hyper::upgrade::OnUpgrade;
use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use crate::site::Site;
use crate::websocket::Talk;

/// What the pages of a connection share with its stream.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) site: Arc<Site>,
    reset: AtomicBool,
    /// What is said on it once it is a WebSocket.
    pub(crate) upgrade: Mutex<Option<(OnUpgrade, Talk)>>,
}

impl Connection {
    pub(crate) fn new(site: Arc<Site>) -> Self {
        Self { site, reset: AtomicBool::new(false), upgrade: Mutex::new(None) }
    }

    /// Has the connection end with a reset instead of an orderly close.
    pub(crate) fn reset_at_close(&self) {
        self.reset.store(true, Ordering::Relaxed);
    }
}

/// The stream of one connection.
#[derive(Debug)]
pub(crate) struct Stream {
    pub(crate) socket: TcpStream,
    pub(crate) connection: Arc<Connection>,
}

impl Stream {
    pub(crate) fn new(socket: TcpStream, connection: Arc<Connection>) -> Self {
        Self { socket, connection }
    }

    fn sent(&self, result: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if let Poll::Ready(Ok(bytes)) = result {
            self.connection.site.record.sent(bytes);
        }
        result
    }
}

impl Read for Stream {
    #[expect(unsafe_code, reason = "hyper's buffer is read into without being zeroed first")]
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        mut cursor: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        // SAFETY: `ReadBuf` writes initialised bytes only, so nothing is made uninitialised again.
        let mut buffer = ReadBuf::uninit(unsafe { cursor.as_mut() });
        ready!(Pin::new(&mut this.socket).poll_read(context, &mut buffer))?;
        let bytes = buffer.filled().len();
        // SAFETY: `buffer` began where `cursor` stands, and its first `bytes` bytes are filled.
        unsafe { cursor.advance(bytes) };
        this.connection.site.record.received(bytes);
        Poll::Ready(Ok(()))
    }
}

impl Write for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.socket).poll_write(context, bytes);
        self.sent(result)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.socket).poll_write_vectored(context, slices);
        self.sent(result)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        // A socket has no buffer of ours to flush.
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.connection.reset.load(Ordering::Relaxed) {
            // An orderly end first would be what the client sees. The reset goes out when the socket is
            // closed; if it could not be asked for, the client sees an early close, which fails as well.
            return Poll::Ready(self.socket.set_zero_linger());
        }
        Pin::new(&mut self.socket).poll_shutdown(context)
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        if self.connection.reset.load(Ordering::Relaxed) {
            // As above; there is nobody left to tell of a failure.
            let _ = self.socket.set_zero_linger();
        }
    }
}
