//! Sockets that are open and silent: what each takes. `SOCKETS` says how many a user has.

use wasmload_sdk::prelude::*;

script!(for Idler);

struct Idler(Vec<WebSocket>);

impl Script for Idler {
    fn start(_data: &[u8]) -> Result<Self> {
        let sockets = context::env("SOCKETS").ok_or("SOCKETS is not set")?.parse()?;
        let url = websocket::base_url("/ws/echo");
        let connected: Result<Vec<_>, _> = (0..sockets).map(|_| websocket::connect(&url)).collect();
        Ok(Self(connected?))
    }

    fn iterate(&mut self, _flow: &str) -> Result {
        match websocket::wait_any(&self.0, None) {
            // Nobody says a thing: the end of the run cuts it off here.
            None => Ok(()),
            Some(place) => Err(format!("socket {place} is not silent").into()),
        }
    }
}
