//! Opens a session, says everything there is to say in it, and closes it.

use wasmload_sdk::prelude::*;

script!(iterate);

fn iterate() -> Result {
    let socket = websocket::Request::new(&websocket::base_url("/ws/echo"))
        .header("x-flavour", "bitter")
        .subprotocol("first")
        .subprotocol("second")
        .timeout(Duration::from_secs(10))
        .name("echo")
        .tag("room", "one")
        .connect()?;
    if socket.subprotocol().as_deref() != Some("first") {
        return Err(format!("the subprotocol is {:?}", socket.subprotocol()).into());
    }
    if socket.header("UPGRADE").as_deref() != Some("websocket") {
        return Err("the handshake's headers are not there".into());
    }

    socket.send_json(&json!({ "id": 7, "items": [{ "price": "1.50" }] }))?;
    socket.expect_answer("7");
    let answer = socket.recv()?;
    let id = answer.pointer("/id").ok_or("the answer has no id")?;
    let took = answer.answers(&id).ok_or("the answer was not expected")?;
    if took.is_zero() || answer.answers(&id).is_some() || answer.answers("8").is_some() {
        return Err("an answer is one, once, and took a while".into());
    }
    if !answer.is_text() || answer.pointer_str("/items/0/price").as_deref() != Some("1.50") {
        return Err(format!("the echo is {}", answer.text()).into());
    }
    if answer.arrived() > wasmload_sdk::timing::now() {
        return Err("it arrives in the future".into());
    }

    let large: Vec<u8> = (0..200_000u32).map(|place| place as u8).collect();
    socket.send_binary(&large)?;
    socket.expect_answer("large");
    let answer = socket.recv()?;
    if answer.is_text() || answer.length() != large.len() || answer.bytes() != large {
        return Err("the echo of bytes is not them".into());
    }
    if socket.recv_timeout(Duration::from_millis(1))?.is_some() {
        return Err("there was more than was said".into());
    }

    socket.ping()?;
    socket.ping()?;
    if !socket.wait_pong(None)? {
        return Err("a ping was not answered".into());
    }
    socket.close_with(4000, "enough")?;
    let over = socket.send_text("too late").expect_err("it is closed");
    if over.close() != Some((4000, "enough")) || socket.messages().next().is_some() {
        return Err(format!("it is over because of {over}").into());
    }
    Ok(())
}
