//! A response that is read while it comes.
//!
//! The connection puts in what arrives, whoever asked takes it out. If nobody takes, a connection of its own stops
//! reading, one that is shared gives the peer no more room to send: what waits here is bounded.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::time::Instant;

use crate::error::Error;
use crate::response::Response;
use crate::target::Target;
use crate::timings::Timings;

/// Bytes that wait to be taken before no more are read.
const WAITING: usize = 256 << 10;
/// Pieces that wait to be taken before no more are read: a peer may send a byte at a time, and each costs more
/// than its byte.
const PIECES: usize = 4_096;

/// Pieces that come all the same are put together up to this size.
const MERGED: usize = 64 << 10;

/// A response on its way to whoever reads it. Clones are the same one.
///
/// Its lock is never contended: a VU is one task.
#[derive(Clone, Debug, Default)]
pub struct Download(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    opened: Option<Opened>,
    chunks: VecDeque<Chunk>,
    waiting: usize,
    end: Option<Result<(), Error>>,
    /// Whether something came since this was last asked.
    news: bool,
    closed: bool,
}

/// What is known of a response once its head has come.
#[derive(Clone, Debug)]
pub struct Opened {
    /// The response, without its body.
    pub response: Response,
    /// The URL that answered: that of the last redirect.
    pub target: Target,
    /// How long each part took so far.
    pub timings: Timings,
}

/// A piece of a body, as one read gave it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunk {
    /// Its bytes, at least one.
    pub bytes: Vec<u8>,
    /// When it was read from the socket.
    pub arrived: Instant,
}

/// What there is to be taken of a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// A piece of it.
    Chunk(Chunk),
    /// Nothing yet.
    Nothing,
    /// It is over, and all of it has been taken.
    End,
    /// No more comes than has been taken.
    Failed(Error),
}

impl Download {
    /// The response without its body, once that of the last redirect has come.
    #[must_use]
    pub fn head(&self) -> Option<Opened> {
        self.0.lock().opened.clone()
    }

    /// Takes the next piece of the body.
    #[must_use]
    pub fn take(&self) -> Next {
        let mut state = self.0.lock();
        if let Some(chunk) = state.chunks.pop_front() {
            state.waiting -= chunk.bytes.len();
            return Next::Chunk(chunk);
        }
        match &state.end {
            None => Next::Nothing,
            Some(Ok(())) => Next::End,
            Some(Err(error)) => Next::Failed(error.clone()),
        }
    }

    /// How its exchange ended, if it has: also if pieces are left to be taken.
    #[must_use]
    pub fn end(&self) -> Option<Result<(), Error>> {
        self.0.lock().end.clone()
    }

    /// Whether anything came since this was last asked: the head, a piece, the end.
    #[must_use]
    pub fn take_news(&self) -> bool {
        std::mem::take(&mut self.0.lock().news)
    }

    /// Ends it where it is: nobody reads on. Its exchange ends as one whose response has come, with its
    /// connection closed, when it is polled next and has a head.
    pub fn close(&self) {
        let mut state = self.0.lock();
        state.closed = true;
        state.chunks.clear();
        state.waiting = 0;
    }

    /// Whether it was [closed](Self::close).
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.0.lock().closed
    }

    /// Whether no more should be read before something is taken.
    #[must_use]
    pub fn is_full(&self) -> bool {
        let state = self.0.lock();
        state.waiting >= WAITING || state.chunks.len() >= PIECES
    }

    /// How many bytes wait to be taken.
    pub(crate) fn waiting(&self) -> usize {
        self.0.lock().waiting
    }

    /// The head has come.
    pub(crate) fn opened(&self, response: Response, target: Target) {
        let mut state = self.0.lock();
        state.opened = Some(Opened { response, target, timings: Timings::default() });
        state.news = true;
    }

    /// So much time has passed.
    pub(crate) fn took(&self, timings: Timings) {
        if let Some(opened) = &mut self.0.lock().opened {
            opened.timings = timings;
        }
    }

    /// A piece of the body has come.
    pub(crate) fn push(&self, bytes: &[u8]) {
        let mut state = self.0.lock();
        if !state.closed && !bytes.is_empty() {
            state.waiting += bytes.len();
            let is_full = state.chunks.len() >= PIECES;
            let has_room = |last: &&mut Chunk| is_full && last.bytes.len() < MERGED;
            match state.chunks.back_mut().filter(has_room) {
                // Where others share its connection, a response is read all the same, and its peer is stopped
                // by the window it has: what waits is bounded, but the pieces of it must be too.
                Some(last) => last.bytes.extend_from_slice(bytes),
                None => {
                    let chunk = Chunk { bytes: bytes.to_vec(), arrived: Instant::now() };
                    state.chunks.push_back(chunk);
                }
            }
            state.news = true;
        }
    }

    /// Its exchange has ended.
    pub(crate) fn ended(&self, how: Result<(), Error>, timings: Timings) {
        self.took(timings);
        let mut state = self.0.lock();
        state.end.get_or_insert(how);
        state.news = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(download: &Download) -> Option<Vec<u8>> {
        match download.take() {
            Next::Chunk(chunk) => Some(chunk.bytes),
            _ => None,
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_came_before_a_failure_is_taken_before_it() {
        let download = Download::default();
        assert_eq!(download.take(), Next::Nothing);
        download.push(b"ab");
        download.push(b"");
        download.push(b"c");
        download.ended(Err(Error::ConnectionReset), Timings::default());
        assert!(download.take_news() && !download.take_news());
        assert_eq!(taken(&download).as_deref(), Some(&b"ab"[..]));
        assert_eq!(taken(&download).as_deref(), Some(&b"c"[..]));
        assert_eq!(download.take(), Next::Failed(Error::ConnectionReset));
        assert_eq!(download.take(), Next::Failed(Error::ConnectionReset));
    }

    #[tokio::test(start_paused = true)]
    async fn it_is_full_until_something_is_taken() {
        for pieces in [vec![vec![0; WAITING]; 1], vec![vec![0]; PIECES]] {
            let download = Download::default();
            for piece in &pieces {
                assert!(!download.is_full());
                download.push(piece);
            }
            assert!(download.is_full());
            assert!(taken(&download).is_some());
            assert!(!download.is_full());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn pieces_that_come_all_the_same_are_put_together() {
        let download = Download::default();
        let bytes: Vec<u8> = (0..=255).cycle().take(PIECES * 3).collect();
        for byte in &bytes {
            download.push(&[*byte]);
        }
        assert_eq!(download.waiting(), bytes.len());
        let pieces: Vec<_> = std::iter::from_fn(|| taken(&download)).collect();
        assert_eq!(pieces.len(), PIECES);
        assert!(pieces.concat() == bytes);
        assert_eq!(download.waiting(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_is_kept_once_nobody_reads() {
        let download = Download::default();
        download.push(b"ab");
        download.close();
        download.push(b"cd");
        assert_eq!(download.take(), Next::Nothing);
        assert!(!download.is_full());
    }
}
