//! Never returns from the call that `IN` names.

use wasmload_sdk::prelude::*;

script!(for Looper);

struct Looper;

fn reach(call: &str) {
    let is_here = context::env("IN").as_deref() == Some(call);
    while std::hint::black_box(is_here) {}
}

impl Script for Looper {
    fn setup() -> Result<Vec<u8>> {
        reach("setup");
        Ok(Vec::new())
    }

    fn start(_data: &[u8]) -> Result<Self> {
        reach("start");
        Ok(Self)
    }

    fn iterate(&mut self, _flow: &str) -> Result {
        reach("iterate");
        Ok(())
    }

    fn stop(&mut self) {
        reach("stop");
    }

    fn teardown(_data: &[u8]) -> Result {
        reach("teardown");
        Ok(())
    }
}
