//! Says which numbers it draws by chance, in each of its calls.

use wasip2::random::{insecure, insecure_seed, random};
use wasmload_sdk::prelude::*;

script!(for Gambler);

struct Gambler;

fn draw(when: &str) {
    let numbers = (random::get_random_u64(), insecure::get_insecure_random_u64());
    let (of_instance, bytes) = (insecure_seed::insecure_seed(), random::get_random_bytes(4));
    log::info(&format!("{when}: {numbers:?} {of_instance:?} {bytes:?}"));
}

impl Script for Gambler {
    fn setup() -> Result<Vec<u8>> {
        draw("setup");
        Ok(Vec::new())
    }

    fn start(_: &[u8]) -> Result<Self> {
        draw("start");
        Ok(Self)
    }

    fn iterate(&mut self, _: &str) -> Result {
        draw("iterate");
        Ok(())
    }

    fn stop(&mut self) {
        draw("stop");
    }

    fn teardown(_: &[u8]) -> Result {
        draw("teardown");
        Ok(())
    }
}
