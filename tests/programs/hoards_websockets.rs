//! Opens as many sockets as it can.

use wasmload_sdk::prelude::*;
use wasmload_sdk::websocket::ErrorKind;

script!(iterate);

fn iterate() -> Result {
    let mut sockets = Vec::new();
    let refused = loop {
        match websocket::connect(&websocket::base_url("/ws/echo")) {
            Ok(socket) => sockets.push(socket),
            Err(error) => break error,
        }
    };
    if sockets.len() != 255 || refused.kind() != ErrorKind::NotAllowed {
        return Err(format!("{} sockets, then {refused}", sockets.len()).into());
    }
    // One that is let go of makes room for another once it is closed.
    sockets[0].close()?;
    sockets.remove(0);
    sockets.push(websocket::connect(&websocket::base_url("/ws/echo"))?);
    Ok(())
}
