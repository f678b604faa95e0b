//! A body that is made as it is sent.

use std::sync::Arc;

use net::{Body, Chain, RandomSource};
use wasmtime::component::Resource;
use wasmtime::{Result, bail};

use crate::bindings::wasmload::script::http::{Error, HostUpload};
use crate::limits::{UPLOAD_OWN_BYTES, UPLOAD_PARTS};
use crate::state::VuState;

/// The parts of a body, in order.
#[derive(Default)]
pub struct Upload {
    parts: Vec<Body>,
    /// How many bytes of the script's own it has.
    own: usize,
}

impl Upload {
    /// As it is now.
    pub(super) fn body(&self) -> Body {
        match &self.parts[..] {
            [] => Body::default(),
            [one] => one.clone(),
            parts => Body::Made(Arc::new(Chain::new(parts.to_vec()))),
        }
    }

    /// How many bytes of the script's own it has.
    pub(super) fn own(&self) -> usize {
        self.own
    }

    fn add(&mut self, part: Body, own: usize) -> Result<()> {
        self.own = self.own.saturating_add(own);
        if self.own > UPLOAD_OWN_BYTES {
            bail!(
                "an upload has more than {} MiB of the script's own bytes",
                UPLOAD_OWN_BYTES >> 20
            );
        }
        if self.parts.len() >= UPLOAD_PARTS {
            bail!("an upload has more than {UPLOAD_PARTS} parts");
        }
        self.parts.push(part);
        Ok(())
    }
}

impl HostUpload for VuState {
    fn new(&mut self) -> Result<Resource<Upload>> {
        Ok(self.table.push(Upload::default())?)
    }

    fn add_bytes(&mut self, this: Resource<Upload>, bytes: Vec<u8>) -> Result<()> {
        let own = bytes.len();
        self.requests.take(own)?;
        self.table.get_mut(&this)?.add(Body::from(bytes), own)
    }

    fn add_file(&mut self, this: Resource<Upload>, name: String) -> Result<Result<(), Error>> {
        let Some(file) = self.user.files.get(&name) else {
            let name = name.escape_default();
            let why = format!(
                "the run has no file `{name}`; whoever runs it names one with `--file NAME=FILE`"
            );
            return Ok(Err(Error::NotAllowed(why)));
        };
        let part = Body::Made(Arc::clone(file) as Arc<dyn net::Source>);
        self.table.get_mut(&this)?.add(part, 0)?;
        Ok(Ok(()))
    }

    fn add_random(&mut self, this: Resource<Upload>, length: f64, seed: u32) -> Result<()> {
        // Saturates; what is no number is none.
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it saturates")]
        let length = length as u64;
        let random = RandomSource { length, seed: seed.into() };
        self.table.get_mut(&this)?.add(Body::Made(Arc::new(random)), 0)
    }

    fn add_upload(&mut self, this: Resource<Upload>, upload: Resource<Upload>) -> Result<()> {
        let added = self.table.get(&upload)?;
        let (part, own) = (added.body(), added.own);
        self.requests.take(own)?;
        self.table.get_mut(&this)?.add(part, own)
    }

    fn length(&mut self, this: Resource<Upload>) -> Result<f64> {
        Ok(self.table.get(&this)?.body().length() as f64)
    }

    fn drop(&mut self, this: Resource<Upload>) -> Result<()> {
        let own = self.table.delete(this)?.own;
        self.requests.give_back(own);
        Ok(())
    }
}
