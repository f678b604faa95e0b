//! Cannot log in.

use wasmload_sdk::prelude::*;

script!(for Stranger);

struct Stranger;

impl Script for Stranger {
    fn start(_data: &[u8]) -> Result<Self> {
        Err("nobody knows this user".into())
    }

    fn iterate(&mut self, _flow: &str) -> Result {
        Ok(())
    }
}
