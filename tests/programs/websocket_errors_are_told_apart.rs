//! Meets each way in which there is no session, or no longer one, and can tell them apart.

use wasmload_sdk::prelude::*;
use wasmload_sdk::websocket::{ErrorKind, Request};

script!(iterate);

fn iterate() -> Result {
    let closed_port = context::env("CLOSED").ok_or("CLOSED is not set")?;
    let url = |path| websocket::base_url(path);
    let echo = || Request::new(&url("/ws/echo"));
    for (request, kind) in [
        (Request::new(&closed_port), ErrorKind::ConnectionRefused),
        (Request::new("ws://name.invalid/"), ErrorKind::NameNotResolved),
        (Request::new("nonsense"), ErrorKind::InvalidRequest),
        (Request::new(&base_url("/ws/echo")), ErrorKind::InvalidRequest),
        (Request::new(&url("/ws/echo\r\nx: y")), ErrorKind::InvalidRequest),
        (Request::new(&url("/ws/echo\0")), ErrorKind::InvalidRequest),
        (echo().header("a", "b\r\nc: d"), ErrorKind::InvalidRequest),
        (echo().header("a\0", "b"), ErrorKind::InvalidRequest),
        (echo().header("sec-websocket-key", "mine"), ErrorKind::InvalidRequest),
        (echo().header("a", "b\0c"), ErrorKind::InvalidRequest),
        (echo().header("host", "other.test"), ErrorKind::InvalidRequest),
        (echo().header("upgrade", "h2c"), ErrorKind::InvalidRequest),
        (echo().subprotocol("a\r\nb: c"), ErrorKind::InvalidRequest),
        (echo().subprotocol("a\0"), ErrorKind::InvalidRequest),
        (Request::new(&url("/status/403")), ErrorKind::Refused),
        (Request::new(&url("/close")), ErrorKind::ClosedEarly),
        (
            Request::new(&url("/delay/60000")).timeout(Duration::from_millis(30)),
            ErrorKind::TimedOut,
        ),
    ] {
        match request.connect() {
            Ok(_) => return Err(format!("{kind:?}: there is a session").into()),
            Err(error) if error.kind() == kind => {}
            Err(error) => return Err(format!("{kind:?}: got {:?}, {error}", error.kind()).into()),
        }
    }
    let refused = Request::new(&url("/status/403")).connect().expect_err("it is no session");
    if refused.status() != Some(403) {
        return Err(format!("refused with {:?}", refused.status()).into());
    }

    let socket = websocket::connect(&url("/ws/close/4321"))?;
    let over = socket.recv().expect_err("it says nothing");
    if over.close() != Some((4321, "")) {
        return Err(format!("it is over because of {over}").into());
    }
    let closed = socket.close().expect_err("it is over");
    let socket = echo().connect()?;
    let reserved = socket.close_with(1005, "").expect_err("it is not to be sent");
    let long = socket.close_with(1000, &"x".repeat(124)).expect_err("it is too long");
    let kinds = [closed.kind(), reserved.kind(), long.kind()];
    if kinds != [ErrorKind::Closed, ErrorKind::InvalidRequest, ErrorKind::InvalidRequest] {
        return Err(format!("closing fails with {kinds:?}").into());
    }
    Ok(())
}
