//! Reads as many bytes in each iteration as it is told, and fails in each.

use wasmload_sdk::prelude::*;

script!(for Reader);

struct Reader {
    iterations: u32,
}

impl Script for Reader {
    fn start(_: &[u8]) -> Result<Self> {
        log::info("started");
        Ok(Self { iterations: 0 })
    }

    fn iterate(&mut self, _: &str) -> Result {
        self.iterations += 1;
        let bytes = context::env("BYTES").unwrap_or_default();
        let body = http::get(&base_url(&format!("/bytes/{bytes}")))?.body();
        Err(format!("{} bytes in iteration {} of its instance", body.len(), self.iterations).into())
    }
}
