//! The same in each language: a request and a check, then a pause or none; or nothing at all. `MODE` says which.

use wasmload_sdk::prelude::*;

script!(for Cost);

struct Cost {
    mode: String,
}

impl Script for Cost {
    fn start(_: &[u8]) -> Result<Self> {
        Ok(Self { mode: context::env("MODE").unwrap_or_default() })
    }

    fn iterate(&mut self, _: &str) -> Result {
        if self.mode == "nothing" {
            return Ok(());
        }
        let page = http::get(&base_url("/"))?;
        check("status is 200", page.status() == 200);
        if self.mode == "sleep" {
            sleep(Duration::from_secs(2));
        }
        Ok(())
    }
}
