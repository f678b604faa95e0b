//! A chat by WebSocket: how long a message takes to everybody and back, with pings and a close as it should be.

use wasmload_sdk::prelude::*;

script!(
    iterate,
    options = r#"{
        "vus": 10,
        "iterations": 20,
        "thresholds": { "ws_msg_rtt": ["p(95)<500"], "ws_connect_failed": ["rate==0"], "checks": ["rate==1"] }
    }"#
);

fn iterate() -> Result {
    let socket =
        websocket::Request::new(&websocket::base_url("/ws/chat")).name("chat").connect()?;
    socket.ping()?;
    for number in 1..=5 {
        // Everybody in the room hears it; the identifier tells our own from the others'.
        let id = format!("{}-{}-{number}", context::vu(), context::iteration());
        socket.send_json(&json!({ "id": id, "text": "hello, room" }))?;
        socket.expect_answer(&id);
        // Whoever is in a full room hears much: it is over when our own comes, or after five seconds.
        let heard = loop {
            let Some(message) = socket.recv_timeout(Duration::from_secs(5))? else { break None };
            if message.pointer_str("/id").as_deref() == Some(&id) {
                break message.answers(&id);
            }
        };
        check("our own message is heard", heard.is_some());
        sleep(Duration::from_millis(20));
    }
    check("pings are answered", socket.wait_pong(Some(Duration::from_secs(5)))?);
    socket.close()?;
    Ok(())
}
