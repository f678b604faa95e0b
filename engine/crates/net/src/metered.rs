//! Wraps a socket to stamp and count what passes through it.
//!
//! HTTP libraries do not say when a request's last byte left or a response's first byte came, so [`Metered`]
//! looks for itself and marks the moments in a [`Meter`].

use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use hyper::rt::{Read, ReadBufCursor, Write};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::bell::Bell;
use crate::meter::Meter;

/// A stream whose bytes are counted and stamped, in the form that hyper wants.
pub(crate) struct Metered<S> {
    stream: S,
    meter: Arc<Meter>,
    bell: Arc<Bell>,
}

impl<S> Metered<S> {
    pub(crate) fn new(stream: S, meter: Arc<Meter>, bell: Arc<Bell>) -> Self {
        Self { stream, meter, bell }
    }
}

/// Room on the stack for one read, not cleared. hyper's buffer can be handed to tokio only with unsafe code,
/// and copying a response of this size costs less than the system call that brought it. It also keeps
/// hyper's own buffer, which grows while reads fill it, from growing past twice this size.
const READ: usize = 16 << 10;

// The context that hyper passes on rings the bell; the stream wakes the task itself.
impl<S: AsyncRead + Unpin> Read for Metered<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        mut buf: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let Self { stream, meter, bell } = &mut *self;
        let mut room = [MaybeUninit::uninit(); READ];
        let limit = buf.remaining().min(READ);
        let mut read = ReadBuf::uninit(&mut room[..limit]);
        ready!(bell.for_task(|cx| Pin::new(stream).poll_read(cx, &mut read)))?;
        if !read.filled().is_empty() {
            meter.read(read.filled().len());
            buf.put_slice(read.filled());
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> Write for Metered<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let Self { stream, meter, bell } = &mut *self;
        let written = ready!(bell.for_task(|cx| Pin::new(stream).poll_write(cx, bytes)))?;
        meter.wrote(written);
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Self { stream, meter, bell } = &mut *self;
        ready!(bell.for_task(|cx| Pin::new(stream).poll_flush(cx)))?;
        meter.flushed();
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Self { stream, bell, .. } = &mut *self;
        bell.for_task(|cx| Pin::new(stream).poll_shutdown(cx))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let Self { stream, meter, bell } = &mut *self;
        let written = ready!(bell.for_task(|cx| Pin::new(stream).poll_write_vectored(cx, parts)))?;
        meter.wrote(written);
        Poll::Ready(Ok(written))
    }
}
