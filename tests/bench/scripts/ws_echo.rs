//! Messages there and back, as fast as they come: one on each socket at a time. `SOCKETS` says how many sockets a
//! user has.

use wasmload_sdk::prelude::*;

script!(for Talker);

struct Talker(Vec<WebSocket>);

impl Script for Talker {
    fn start(_data: &[u8]) -> Result<Self> {
        let sockets = context::env("SOCKETS").ok_or("SOCKETS is not set")?.parse()?;
        let url = websocket::base_url("/ws/echo");
        let connected: Result<Vec<_>, _> = (0..sockets).map(|_| websocket::connect(&url)).collect();
        Ok(Self(connected?))
    }

    fn iterate(&mut self, _flow: &str) -> Result {
        for socket in &self.0 {
            socket.send_text("{\"id\":12345,\"text\":\"hello\"}")?;
        }
        for socket in &self.0 {
            socket.recv()?;
        }
        Ok(())
    }
}
