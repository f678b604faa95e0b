//! Bytes to and from a connection, counted as they go.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::error::Error;
use crate::meter::Meter;
use crate::stream::Stream;

/// Room for one read, on the stack and not cleared.
pub(super) const READ: usize = 16 << 10;

/// Reads once, into an empty buffer; it stays empty at the end of the connection.
pub(super) fn poll_read(
    stream: &mut Stream,
    cx: &mut Context<'_>,
    meter: &mut Meter,
    read: &mut ReadBuf<'_>,
) -> Poll<Result<(), Error>> {
    ready!(Pin::new(&mut *stream).poll_read(cx, read)).map_err(|error| Error::from_io(&error))?;
    meter.read(counted(stream, read.filled().len()));
    Poll::Ready(Ok(()))
}

/// Writes these bytes, of which the first so many have been written, and hands them to the system. They are the
/// whole of what is to be sent if `whole`.
pub(super) fn poll_write(
    stream: &mut Stream,
    cx: &mut Context<'_>,
    meter: &mut Meter,
    bytes: &[u8],
    written: &mut usize,
    whole: bool,
) -> Poll<io::Result<()>> {
    while *written < bytes.len() {
        let taken = ready!(Pin::new(&mut *stream).poll_write(cx, &bytes[*written..]))?;
        if taken == 0 {
            return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
        }
        *written += taken;
        meter.wrote(counted(stream, taken), whole && *written == bytes.len());
    }
    // By TLS, taken is not sent.
    Pin::new(stream).poll_flush(cx)
}

/// So many of these bytes as the stream does not count itself.
fn counted(stream: &Stream, bytes: usize) -> usize {
    if stream.is_plain() { bytes } else { 0 }
}
