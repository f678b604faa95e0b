//! Responses that are read as they come.
//!
//! Its face is [`http`](crate::http).

use std::time::Duration;

use crate::Result;
use crate::bindings::wasmload::script::http as contract;
use crate::http::{Error, Response};
use crate::timing::duration;

/// A response that is read as it comes. Dropping it ends it where it is, which is no failure.
///
/// ```
/// # use wasmload_sdk::http::Request;
/// # fn download() -> wasmload_sdk::Result {
/// let download = Request::get("http://files.test/a").open()?;
/// for chunk in download.chunks() {
///     let chunk = chunk?;
///     println!("{} bytes at {:?}", chunk.bytes.len(), chunk.arrived);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Download(pub(crate) contract::Download);

/// A part of a body, as it arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunk {
    /// Its bytes, at least one.
    pub bytes: Vec<u8>,
    /// When they were read from the connection, as [`timing::now`](crate::timing::now) counts.
    pub arrived: Duration,
}

impl Download {
    /// The response without its body.
    #[must_use]
    pub fn response(&self) -> Response {
        Response(self.0.response())
    }

    /// Waits for the next part of the body. None when all of it was read.
    ///
    /// # Errors
    ///
    /// What arrived is given first; then it fails with why no more does.
    pub fn read(&self) -> Result<Option<Chunk>, Error> {
        let chunk = self.0.read().map_err(Error)?;
        Ok(chunk
            .map(|contract::Chunk { bytes, arrived }| Chunk { bytes, arrived: duration(arrived) }))
    }

    /// The parts of the body, until all was read. An error is the last.
    pub fn chunks(&self) -> Chunks<'_> {
        Chunks { download: self, is_over: false }
    }
}

/// The parts of a body, as they come: see [`Download::chunks`].
#[derive(Debug)]
pub struct Chunks<'a> {
    download: &'a Download,
    is_over: bool,
}

impl Iterator for Chunks<'_> {
    type Item = Result<Chunk, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_over {
            return None;
        }
        let read = self.download.read().transpose();
        self.is_over = !matches!(read, Some(Ok(_)));
        read
    }
}
