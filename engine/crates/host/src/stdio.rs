//! What a script's language writes to standard output and standard error: messages like any other.
//!
//! A panic's last words come this way, so the end of it is kept for the report of a trap.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use parking_lot::Mutex;
use tokio::io::AsyncWrite;
use wasmtime_wasi::async_trait;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamResult};

use crate::log::Level;
use crate::state::User;

/// Bytes kept of a line that does not end, and of the last words: a long message's beginning is enough.
const LINE: usize = 4096;

/// One VU's standard output or standard error.
#[derive(Clone)]
pub(crate) struct Stdio {
    shared: Arc<Shared>,
}

struct Shared {
    level: Level,
    user: Arc<User>,
    text: Mutex<Text>,
}

#[derive(Default)]
struct Text {
    /// A line that has not ended yet.
    line: Vec<u8>,
    /// Whole lines since the last call into the script, for the report of a trap.
    words: String,
}

impl Stdio {
    pub(crate) fn new(level: Level, user: Arc<User>) -> Self {
        Self { shared: Arc::new(Shared { level, user, text: Mutex::default() }) }
    }

    /// Forgets what was written before, so that [`Self::words`] are those of one call.
    pub(crate) fn begin_call(&self) {
        self.shared.text.lock().words.clear();
    }

    /// What was written since [`Self::begin_call`], the beginning of it if it was long.
    pub(crate) fn words(&self) -> String {
        self.shared.text.lock().words.clone()
    }

    fn take(&self, bytes: &[u8]) {
        let mut text = self.shared.text.lock();
        for part in bytes.split_inclusive(|&byte| byte == b'\n') {
            let room = LINE.saturating_sub(text.line.len());
            text.line.extend_from_slice(&part[..part.len().min(room)]);
            if part.ends_with(b"\n") {
                let line = std::mem::take(&mut text.line);
                let line = String::from_utf8_lossy(&line).trim_end().to_owned();
                if text.words.len() + line.len() < LINE {
                    text.words.push_str(&line);
                    text.words.push('\n');
                }
                if !line.is_empty() {
                    self.shared.user.log.log(self.shared.level, line);
                }
            }
        }
    }
}

impl IsTerminal for Stdio {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for Stdio {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(self.clone())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

#[async_trait]
impl Pollable for Stdio {
    async fn ready(&mut self) {}
}

#[async_trait]
impl OutputStream for Stdio {
    fn write(&mut self, bytes: bytes::Bytes) -> StreamResult<()> {
        self.take(&bytes);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(LINE)
    }
}

impl AsyncWrite for Stdio {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        self.take(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
