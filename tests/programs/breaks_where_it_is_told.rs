//! Panics in the call that `IN` names, each time.

use wasmload_sdk::prelude::*;

script!(for Breaker);

struct Breaker;

fn reach(call: &str) {
    assert!(context::env("IN").as_deref() != Some(call), "no way through {call}");
}

impl Script for Breaker {
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
