//! Bodies that the engine makes as it sends them.
//!
//! Its face is [`http`](crate::http).

use crate::Result;
use crate::bindings::wasmload::script::http as contract;
use crate::http::{Error, bytes};

/// A body that the engine makes as it sends it, so that it is never in the script's memory: of files, of random
/// bytes, and of what the script adds between them.
///
/// ```
/// # use wasmload_sdk::http::{Multipart, Request, Upload};
/// # fn upload() -> wasmload_sdk::Result {
/// let whole = Upload::random(500_000_000, 1);
/// Request::put("http://files.test/a").upload(&whole).send()?;
/// // The file that `wasmload run --file video=cat.mp4` names.
/// let form = Multipart::new().upload("video", "cat.mp4", "video/mp4", Upload::file("video")?);
/// Request::post("http://files.test/").multipart(form).send()?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Upload(pub(crate) contract::Upload);

impl Upload {
    /// One without bytes.
    #[must_use]
    pub fn new() -> Self {
        Self(contract::Upload::new())
    }

    /// A file of those that the run was given (`--file NAME=FILE`), by its name.
    ///
    /// # Errors
    ///
    /// Fails with [`ErrorKind::NotAllowed`](crate::http::ErrorKind::NotAllowed) if the run has no file of this name.
    pub fn file(name: &str) -> Result<Self, Error> {
        let upload = Self::new();
        upload.0.add_file(name).map_err(Error)?;
        Ok(upload)
    }

    /// So many bytes that nothing can pack, always the same for the same seed.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "no body is as long as would show it")]
    pub fn random(length: u64, seed: u32) -> Self {
        let upload = Self::new();
        upload.0.add_random(length as f64, seed);
        upload
    }

    /// Adds these bytes.
    #[must_use]
    pub fn bytes(self, bytes: impl AsRef<[u8]>) -> Self {
        self.0.add_bytes(bytes.as_ref());
        self
    }

    /// Adds all that another one has.
    #[must_use]
    pub fn and(self, other: &Self) -> Self {
        self.0.add_upload(&other.0);
        self
    }

    /// How many bytes it has.
    #[must_use]
    pub fn length(&self) -> u64 {
        bytes(self.0.length())
    }
}

impl Default for Upload {
    fn default() -> Self {
        Self::new()
    }
}
