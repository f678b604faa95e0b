//! Cannot prepare the run.

use wasmload_sdk::prelude::*;

script!(for Unprepared);

struct Unprepared;

impl Script for Unprepared {
    fn setup() -> Result<Vec<u8>> {
        Err("the database is empty".into())
    }

    fn start(_data: &[u8]) -> Result<Self> {
        Ok(Self)
    }

    fn iterate(&mut self, _flow: &str) -> Result {
        Ok(())
    }
}
