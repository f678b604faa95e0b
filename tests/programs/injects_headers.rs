//! Tries to send what it may not say by HTTP, in the way that it is told, and says what came of it.

use wasmload_sdk::prelude::*;
use wasmload_sdk::sse::{ErrorKind, Source};

script!(iterate);

const INJECTED: &str = "a\r\nx-evil: 1";

fn iterate() -> Result {
    let way = context::env("WAY").ok_or("WAY is not set")?;
    let url = base_url("/echo");
    let chat = || websocket::Request::new(&websocket::base_url("/ws/echo"));
    let get = || Request::get(&url);
    let request = match way.as_str() {
        "the value of a header" => get().header("x-a", INJECTED),
        "a line feed alone" => get().header("x-a", "a\nx-evil: 1"),
        "a carriage return alone" => get().header("x-a", "a\rx-evil: 1"),
        "a zero" => get().header("x-a", "a\0b"),
        "the name of a header" => get().header("x-a: 1\r\nx-evil", "1"),
        "a cookie" => get().header("cookie", INJECTED),
        "a user agent" => get().header("user-agent", INJECTED),
        "credentials" => get().bearer(INJECTED),
        "the path of a URL" => Request::get(&base_url("/echo\r\nx-evil: 1")),
        "a second request in a URL" => {
            Request::get(&base_url("/ HTTP/1.1\r\n\r\nGET /evil HTTP/1.1\r\nx: "))
        }
        "the host of a URL" => Request::get("http://127.0.0.1\r\nx-evil: 1/"),
        "a method" => Request::new("GET /evil HTTP/1.1\r\nx:", &url),
        "another host" => get().header("host", "evil.example"),
        "another length" => Request::post(&url).header("content-length", "3").body("smuggled"),
        "another framing" => {
            Request::post(&url).header("transfer-encoding", "chunked").body("0\r\n\r\nsmuggled")
        }
        "an event stream" => {
            let opened = Source::new(&get().header("x-a", INJECTED)).connect();
            let told = opened.err().map_or("sent".to_owned(), |error| match error.kind() {
                ErrorKind::Http(kind) => format!("{kind:?}"),
                kind => format!("{kind:?}"),
            });
            return Err(told.into());
        }
        "a WebSocket's header" => return told(chat().header("x-a", INJECTED)),
        "a WebSocket's subprotocol" => return told(chat().subprotocol(INJECTED)),
        "a WebSocket's host" => return told(chat().header("host", "evil.example")),
        "a WebSocket's URL" => {
            let url = websocket::base_url("/ws/echo\r\nx-evil: 1");
            return told(websocket::Request::new(&url));
        }
        way => return Err(format!("there is no way {way}").into()),
    };
    let sent = request.send();
    Err(sent.err().map_or("sent".to_owned(), |error| format!("{:?}", error.kind())).into())
}

fn told(request: websocket::Request) -> Result {
    let connected = request.connect();
    Err(connected.err().map_or("sent".to_owned(), |it| format!("{:?}", it.kind())).into())
}
