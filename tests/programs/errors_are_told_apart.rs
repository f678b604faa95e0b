//! Meets each way in which there is no response, and can tell them apart.

use wasmload_sdk::http::ErrorKind;
use wasmload_sdk::prelude::*;

script!(iterate);

fn iterate() -> Result {
    let closed_port = context::env("CLOSED").ok_or("CLOSED is not set")?;
    let long_line = base_url("/with space");
    for (request, kind) in [
        (Request::get(&closed_port), ErrorKind::ConnectionRefused),
        (Request::get("http://name.invalid/"), ErrorKind::NameNotResolved),
        (Request::get("nonsense"), ErrorKind::InvalidRequest),
        (Request::get(&long_line), ErrorKind::InvalidRequest),
        (Request::new("GE T", &base_url("/")), ErrorKind::InvalidRequest),
        (Request::get(&base_url("/")).header("a b", "c"), ErrorKind::InvalidRequest),
        (Request::get(&base_url("/")).header("a", "b\r\nc: d"), ErrorKind::InvalidRequest),
        (Request::get(&base_url("/")).header("content-length", "7"), ErrorKind::InvalidRequest),
        (
            Request::get(&base_url("/delay/60000")).timeout(Duration::from_millis(30)),
            ErrorKind::TimedOut,
        ),
        (Request::get(&base_url("/close")), ErrorKind::ClosedEarly),
    ] {
        match request.send() {
            Ok(response) => return Err(format!("{kind:?}: answered {}", response.status()).into()),
            Err(error) if error.kind() == kind => {}
            Err(error) => return Err(format!("{kind:?}: got {:?}, {error}", error.kind()).into()),
        }
    }
    Ok(())
}
