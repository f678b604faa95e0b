//! What `setup` returns reaches `start` and `teardown`, byte for byte.

use wasmload_sdk::prelude::*;

script!(for Carrier);

struct Carrier {
    received: Vec<u8>,
}

const SENT: [u8; 5] = [0, 13, 10, 200, 255];

impl Script for Carrier {
    fn setup() -> Result<Vec<u8>> {
        Ok(SENT.to_vec())
    }

    fn start(data: &[u8]) -> Result<Self> {
        Ok(Self { received: data.to_vec() })
    }

    fn iterate(&mut self, _flow: &str) -> Result {
        if self.received == SENT { Ok(()) } else { Err("other bytes came".into()) }
    }

    fn stop(&mut self) {
        log::info("stopped");
    }

    fn teardown(data: &[u8]) -> Result {
        if data == SENT { Ok(()) } else { Err("other bytes came".into()) }
    }
}
