//! Shakes hands with pages that refuse and show what they were sent, and keeps the cookies of those that agree.

use wasmload_sdk::prelude::*;
use wasmload_sdk::websocket::Request;

script!(iterate);

fn iterate() -> Result {
    let refused = |request: &Request| match request.connect() {
        Ok(_) => Err("there is a session".to_owned()),
        Err(error) => Ok(error),
    };
    // This page sets two cookies, whoever asks.
    let error = refused(&Request::new(&websocket::base_url("/headers")))?;
    let response = error.response().ok_or("the refusal has no response")?;
    expect("status", &response.status().to_string(), "200")?;
    expect("error", &error.to_string(), "handshake refused with status 200")?;
    expect("url", &response.url(), &base_url("/headers"))?;
    let set = response.headers().iter().filter(|(name, _)| name == "set-cookie").count();
    expect("set-cookie", &set.to_string(), "2")?;
    expect(
        "cookies of a request",
        &sent(&http::get(&base_url("/echo"))?, "cookie"),
        "first=1; second=2",
    )?;

    // This one a third, and agrees.
    websocket::connect(&websocket::base_url("/ws/echo"))?.close()?;

    // And this one shows what it was sent.
    let request = Request::new(&websocket::base_url("/echo"))
        .header("cookie", "own=0")
        .header("origin", "https://example.test")
        .subprotocol("chat");
    let error = refused(&request)?;
    let echo = error.response().ok_or("the refusal has no response")?;
    for (name, value) in [
        ("cookie", "own=0; first=1; second=2; talked=yes"),
        ("origin", "https://example.test"),
        ("sec-websocket-protocol", "chat"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-extensions", ""),
        ("connection", "Upgrade"),
        ("upgrade", "websocket"),
    ] {
        expect(name, &sent(echo, name), value)?;
    }
    let host = base_url("").trim_start_matches("http://").to_owned();
    expect("host", &sent(echo, "host"), &host)?;

    let packing = refused(&Request::new(&websocket::base_url("/echo")).deflate())?;
    let echo = packing.response().ok_or("the refusal has no response")?;
    let offer = sent(echo, "sec-websocket-extensions");
    if !offer.starts_with("permessage-deflate; server_no_context_takeover") {
        return Err(format!("offered is `{offer}`").into());
    }

    // A page that does not pack talks all the same.
    let socket = Request::new(&websocket::base_url("/ws/echo")).deflate().connect()?;
    expect("extensions", &socket.header("sec-websocket-extensions").unwrap_or_default(), "")?;
    socket.send_text("as it is")?;
    expect("echo", &socket.recv()?.text(), "as it is")?;

    http::clear_cookies();
    let error = refused(&Request::new(&websocket::base_url("/echo")))?;
    expect("no cookies", &sent(error.response().ok_or("no response")?, "cookie"), "")
}

/// The value of a header that the target was sent; empty if it was not.
fn sent(echo: &Response, name: &str) -> String {
    let headers = echo.pointer("/headers").unwrap_or_default();
    let after = headers.split_once(&format!("[\"{name}\",\"")).map_or("", |(_, after)| after);
    after.split('"').next().unwrap_or_default().to_owned()
}

fn expect(what: &str, found: &str, expected: &str) -> Result {
    match found == expected {
        true => Ok(()),
        false => Err(format!("{what}: `{found}` is not `{expected}`").into()),
    }
}
