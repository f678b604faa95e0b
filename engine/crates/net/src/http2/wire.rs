//! What the library reads and writes: the socket, and a ledger that sees what passes.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

use crate::error::Error;
use crate::http2::ledger::{Ledger, PREFACE};
use crate::stream::{Stream, Traffic};

/// Parts of one write that are taken at once: the library has two, and the preface comes before them.
const PARTS: usize = 8;

/// A connection's bytes on their way between the library and the socket.
pub(super) struct Wire {
    stream: Stream,
    ledger: Arc<Mutex<Ledger>>,
    /// What of the preface was taken and not written yet: it goes with what follows it, in one packet.
    preface: Preface,
    /// Why nothing can be written any more. What the peer said before may still be read.
    deaf: Option<Error>,
}

enum Preface {
    /// The library has yet to give it.
    Awaited,
    /// So much of it is to be written.
    Held(&'static [u8]),
}

impl Wire {
    pub(super) fn new(stream: Stream, ledger: Arc<Mutex<Ledger>>) -> Self {
        Self { stream, ledger, preface: Preface::Awaited, deaf: None }
    }

    /// Writes what it can of these, behind what is left of the preface. How much of them it was, if any.
    fn write(&mut self, cx: &mut Context<'_>, parts: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        loop {
            let held = match self.preface {
                Preface::Awaited => {
                    self.preface = Preface::Held(PREFACE);
                    // All that has come is the preface, which is the first thing the library writes, in one piece.
                    return Poll::Ready(Ok(PREFACE.len()));
                }
                Preface::Held(held) => held,
            };
            let mut all = [IoSlice::new(&[]); PARTS];
            let mut count = 0;
            for part in [IoSlice::new(held)].iter().chain(parts).filter(|part| !part.is_empty()) {
                if let Some(place) = all.get_mut(count) {
                    *place = *part;
                    count += 1;
                }
            }
            let all = &all[..count];
            if all.is_empty() {
                return Poll::Ready(Ok(0));
            }
            let written = ready!(Pin::new(&mut self.stream).poll_write_vectored(cx, all))?;
            self.note_written(all, written);
            let of_preface = written.min(held.len());
            self.preface = Preface::Held(&held[of_preface..]);
            if written > of_preface || written == 0 {
                return Poll::Ready(Ok(written - of_preface));
            }
        }
    }

    /// Enters so many of these bytes as written.
    fn note_written(&mut self, parts: &[IoSlice<'_>], written: usize) {
        let (now, flushed) = (Instant::now(), self.stream.is_flushed());
        let mut ledger = self.ledger.lock();
        let traffic = self.stream.take_traffic();
        ledger.carried(traffic.unwrap_or(Traffic { sent: written as u64, received: 0 }));
        let mut left = written;
        for part in parts {
            let some = part.len().min(left);
            left -= some;
            ledger.wrote(&part[..some], now, flushed);
        }
    }

    /// The peer takes no more. It may have said why, or answered, before it broke off: until that has been read,
    /// the library need not know.
    fn goes_deaf(&mut self, error: &io::Error) {
        self.deaf = Some(Error::from_io(error));
        self.ledger.lock().distrust();
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        room: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        {
            let mut ledger = this.ledger.lock();
            if ledger.reads == 0 {
                // Others have their turn.
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            ledger.reads -= 1;
        }
        let before = room.filled().len();
        let polled = Pin::new(&mut this.stream).poll_read(cx, room);
        let read = &room.filled()[before..];
        let traffic = this.stream.take_traffic();
        let traffic = traffic.unwrap_or(Traffic { sent: 0, received: read.len() as u64 });
        match polled {
            Poll::Pending => {
                this.ledger.lock().carried(traffic);
                Poll::Pending
            }
            Poll::Ready(Ok(())) => {
                let mut ledger = this.ledger.lock();
                ledger.carried(traffic);
                if read.is_empty() {
                    ledger.ends(this.deaf.take());
                } else {
                    ledger.read(read, Instant::now());
                }
                Poll::Ready(Ok(()))
            }
            Poll::Ready(Err(error)) => {
                let why = Error::from_io(&error);
                let deaf = this.deaf.take().filter(|_| !why.is_of_tls());
                this.ledger.lock().ends(Some(deaf.unwrap_or(why)));
                Poll::Ready(Err(error))
            }
        }
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.deaf.is_none() {
            match this.write(cx, parts) {
                Poll::Ready(Err(error)) => this.goes_deaf(&error),
                polled => return polled,
            }
        }
        Poll::Ready(Ok(parts.iter().map(|part| part.len()).sum()))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.deaf.is_some() {
            return Poll::Ready(Ok(()));
        }
        if let Preface::Held([_, ..]) = this.preface
            && let Err(error) = ready!(this.write(cx, &[]))
        {
            this.goes_deaf(&error);
            return Poll::Ready(Ok(()));
        }
        if this.stream.is_flushed() {
            return Poll::Ready(Ok(()));
        }
        let polled = Pin::new(&mut this.stream).poll_flush(cx);
        let traffic = this.stream.take_traffic().unwrap_or_default();
        this.ledger.lock().carried(traffic);
        match ready!(polled) {
            Ok(()) => this.ledger.lock().flushed(Instant::now()),
            Err(error) => this.goes_deaf(&error),
        }
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}
