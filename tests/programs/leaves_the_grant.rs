//! Tries to reach a place that it was not granted, by the road that it is told, and says what came of it.

use wasmload_sdk::http::{Error, HttpVersion};
use wasmload_sdk::prelude::*;
use wasmload_sdk::sse::{ErrorKind, Source};

script!(iterate);

fn iterate() -> Result {
    let road = context::env("ROAD").ok_or("ROAD is not set")?;
    let there = context::env("THERE").ok_or("THERE is not set")?;
    let get = || Request::get(&there);
    let told = |error: Error| format!("{:?}: {error}", error.kind());
    let refused = match road.as_str() {
        "get" => get().send().err().map(told),
        "post" => Request::post(&there).body("tea").send().err().map(told),
        "http2" => get().http_version(HttpVersion::Http2).send().err().map(told),
        "open" => get().open().err().map(told),
        "batch" => http::batch(&[get(), get()]).into_iter().find_map(|one| one.err().map(told)),
        // Whether or not somebody asks what came of it.
        "forgotten" => {
            drop(get().start());
            http::get(&base_url("/"))?;
            Some("forgotten".to_owned())
        }
        "events" => Source::new(&get()).connect().err().map(|it| match it.kind() {
            ErrorKind::Http(kind) => format!("{kind:?}: {it}"),
            kind => format!("{kind:?}: {it}"),
        }),
        "websocket" => {
            let connected = websocket::connect(&there).err();
            connected.map(|it| format!("{:?}: {it}", it.kind()))
        }
        road => return Err(format!("there is no road {road}").into()),
    };
    Err(refused.unwrap_or_else(|| "reached".to_owned()).into())
}
