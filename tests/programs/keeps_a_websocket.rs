//! Keeps one socket over all its iterations, and never closes it itself.

use wasmload_sdk::prelude::*;

script!(for Keeper);

struct Keeper(WebSocket);

impl Script for Keeper {
    fn start(_data: &[u8]) -> Result<Self> {
        Ok(Self(websocket::connect(&websocket::base_url("/ws/echo"))?))
    }

    fn iterate(&mut self, _flow: &str) -> Result {
        self.0.send_text("still here")?;
        self.0.recv()?;
        // For whoever cuts it off.
        if context::env("WAIT").is_some() {
            self.0.recv()?;
        }
        Ok(())
    }
}
