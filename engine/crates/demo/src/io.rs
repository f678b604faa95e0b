//! What connections are read from and written to: sockets with their bytes counted, in the clear or by TLS.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use hyper::upgrade::OnUpgrade;
use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

use crate::site::Site;
use crate::websocket::Talk;

/// What a client says first that speaks HTTP/2 (RFC 9113 §3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// What the pages of a connection share with its socket.
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
    transport: Transport,
    /// What was read to see what is spoken.
    before: Bytes,
}

#[derive(Debug)]
enum Transport {
    Plain(Socket),
    Tls(Box<TlsStream<Socket>>),
}

impl Stream {
    pub(crate) fn plain(socket: Socket) -> Self {
        Self { transport: Transport::Plain(socket), before: Bytes::new() }
    }

    pub(crate) fn tls(stream: TlsStream<Socket>) -> Self {
        Self { transport: Transport::Tls(Box::new(stream)), before: Bytes::new() }
    }

    /// Whether the client speaks HTTP/2: it says so first of all, whatever it has agreed on by TLS. Waits for
    /// the first byte, and for more while it cannot be told.
    pub(crate) async fn speaks_http2(&mut self) -> io::Result<bool> {
        let (mut room, mut seen) = ([0; PREFACE.len()], 0);
        while seen < room.len() && room[..seen] == PREFACE[..seen] {
            match self.read(&mut room[seen..]).await? {
                0 => break,
                read => seen += read,
            }
        }
        self.before = Bytes::copy_from_slice(&room[..seen]);
        Ok(room[..seen] == *PREFACE)
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        room: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if !this.before.is_empty() {
            let part = this.before.len().min(room.remaining());
            room.put_slice(&this.before[..part]);
            this.before.advance(part);
            return Poll::Ready(Ok(()));
        }
        match &mut this.transport {
            Transport::Plain(socket) => Pin::new(socket).poll_read(context, room),
            Transport::Tls(stream) => Pin::new(stream).poll_read(context, room),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match &mut self.get_mut().transport {
            Transport::Plain(socket) => Pin::new(socket).poll_write(context, bytes),
            Transport::Tls(stream) => Pin::new(stream).poll_write(context, bytes),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match &mut self.get_mut().transport {
            Transport::Plain(socket) => Pin::new(socket).poll_write_vectored(context, slices),
            Transport::Tls(stream) => Pin::new(stream).poll_write_vectored(context, slices),
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().transport {
            Transport::Plain(socket) => Pin::new(socket).poll_flush(context),
            Transport::Tls(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().transport {
            Transport::Plain(socket) => Pin::new(socket).poll_shutdown(context),
            Transport::Tls(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }
}

/// A TCP socket whose bytes are counted.
#[derive(Debug)]
pub(crate) struct Socket {
    socket: TcpStream,
    connection: Arc<Connection>,
}

impl Socket {
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

impl AsyncRead for Socket {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        room: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = room.filled().len();
        ready!(Pin::new(&mut this.socket).poll_read(context, room))?;
        this.connection.site.record.received(room.filled().len() - before);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Socket {
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

impl Drop for Socket {
    fn drop(&mut self) {
        if self.connection.reset.load(Ordering::Relaxed) {
            // As above; there is nobody left to tell of a failure.
            let _ = self.socket.set_zero_linger();
        }
    }
}
