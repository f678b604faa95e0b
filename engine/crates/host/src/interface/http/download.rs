//! A response that a script reads as it comes.

use std::task::Poll;

use net::{BodyPolicy, Next};
use wasmtime::Result;
use wasmtime::component::Resource;

use super::{Content, Prepared, Response, translated};
use crate::bindings::wasmload::script::http::{Chunk, Error, HostDownload};
use crate::state::VuState;
use crate::time::milliseconds;

/// A response that is read as it comes. Whoever drives the exchanges polls the guest when there is news of it.
pub struct Download(net::Download);

impl VuState {
    /// Sends a request, and waits for the head of its response.
    pub(super) async fn open_download(
        &mut self,
        prepared: Prepared,
        content: Content,
    ) -> Result<Result<Resource<Download>, Error>> {
        let download = net::Download::default();
        let body_policy = Some(BodyPolicy::Stream(download.clone()));
        let content = Content { body_policy, ..content };
        if let Err(error) = self.begin(prepared, content) {
            return Ok(Err(error));
        }
        self.exchanges.lock().watch(download.clone());
        let dropped = CloseOnDrop(Some(&download));
        let opened = std::future::poll_fn(|_| match (download.head(), download.end()) {
            (Some(_), _) => Poll::Ready(Ok(())),
            (None, Some(Err(error))) => Poll::Ready(Err(translated(error))),
            (None, Some(Ok(())) | None) => Poll::Pending,
        })
        .await;
        dropped.keep();
        Ok(match opened {
            Ok(()) => Ok(self.table.push(Download(download))?),
            Err(error) => Err(error),
        })
    }
}

/// Closes a download unless it is kept.
struct CloseOnDrop<'a>(Option<&'a net::Download>);

impl CloseOnDrop<'_> {
    fn keep(mut self) {
        self.0 = None;
    }
}

impl Drop for CloseOnDrop<'_> {
    fn drop(&mut self) {
        if let Some(download) = self.0 {
            download.close();
        }
    }
}

impl HostDownload for VuState {
    fn response(&mut self, this: Resource<Download>) -> Result<Resource<Response>> {
        let opened = self.table.get(&this)?.0.head();
        let opened =
            opened.ok_or_else(|| wasmtime::format_err!("a download begins with its head"))?;
        self.hand_over(Response::opened(opened))
    }

    async fn read(&mut self, this: Resource<Download>) -> Result<Result<Option<Chunk>, Error>> {
        let download = self.table.get(&this)?.0.clone();
        let next = std::future::poll_fn(|_| match download.take() {
            Next::Nothing => Poll::Pending,
            next => Poll::Ready(next),
        });
        let origin = self.user.origin;
        Ok(match next.await {
            Next::Chunk(net::Chunk { bytes, arrived }) => {
                let arrived = milliseconds(arrived.saturating_duration_since(origin));
                Ok(Some(Chunk { bytes, arrived }))
            }
            Next::Failed(error) => Err(translated(error)),
            Next::End | Next::Nothing => Ok(None),
        })
    }

    fn drop(&mut self, this: Resource<Download>) -> Result<()> {
        self.table.delete(this)?.0.close();
        Ok(())
    }
}
