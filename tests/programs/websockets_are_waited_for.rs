//! Waits for whichever of several sockets has something first, with and without a timeout.

use wasmload_sdk::prelude::*;

script!(iterate);

fn iterate() -> Result {
    let connect = |path| websocket::connect(&websocket::base_url(path));
    let sockets = [connect("/ws/echo")?, connect("/ws/ticker/20")?, connect("/ws/echo")?];
    if websocket::wait_any(&sockets[..1], Some(Duration::from_millis(1))).is_some() {
        return Err("the timeout did not come".into());
    }
    if websocket::wait_any(&[], None).is_some() {
        return Err("nothing was ready, and it was said to be".into());
    }
    if websocket::wait_any(&sockets, None) != Some(1) {
        return Err("only the ticker says anything by itself".into());
    }
    // What comes while the script sleeps waits for it, in order.
    sleep(Duration::from_millis(100));
    for tick in 1..=3 {
        let message = sockets[1].recv()?.text();
        if message != format!("tick {tick}") {
            return Err(format!("tick {tick} was {message}").into());
        }
    }
    // The answer to what one socket sends may come on another.
    let (first, second) = (connect("/ws/chat")?, connect("/ws/chat")?);
    // Each is in the room once it hears itself.
    second.send_text("here")?;
    second.recv()?;
    first.send_text("news")?;
    first.expect_answer("news");
    let heard = second.recv()?;
    if heard.answers("news").is_none() {
        return Err(format!("heard {}", heard.text()).into());
    }

    // More than is read ahead waits with the target, and comes when there is room again.
    let flooded = connect("/ws/echo")?;
    for number in 0..2_500 {
        flooded.send_text(&number.to_string())?;
    }
    for number in 0..2_500 {
        let echo = flooded.recv()?.text();
        if echo != number.to_string() {
            return Err(format!("{echo} in the place of {number}").into());
        }
    }
    Ok(())
}
