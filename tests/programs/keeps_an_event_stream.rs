//! Keeps one stream of events over all its iterations; it breaks and is asked for again.

use wasmload_sdk::prelude::*;

script!(for Keeper);

struct Keeper(sse::Events);

impl Script for Keeper {
    fn start(_data: &[u8]) -> Result<Self> {
        let path = context::env("STREAM").unwrap_or("/events/5".into());
        let source = sse::Source::new(&Request::get(&base_url(&path)).name("ticks"));
        Ok(Self(source.reconnects(2).connect()?))
    }

    fn iterate(&mut self, _flow: &str) -> Result {
        let event = self.0.recv()?;
        log::info(&event.id);
        Ok(())
    }
}
