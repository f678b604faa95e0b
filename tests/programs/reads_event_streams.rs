//! Reads streams of events: to their end, in part, again after they broke, and several at once.

use wasmload_sdk::prelude::*;
use wasmload_sdk::sse::{ErrorKind, Source};

script!(iterate);

fn ensure(holds: bool, what: &str) -> Result {
    if holds { Ok(()) } else { Err(what.into()) }
}

fn ticks(query: &str) -> Request {
    Request::get(&base_url(&format!("/events/5{query}"))).name("ticks")
}

fn iterate() -> Result {
    // To its end.
    let events = Source::new(&ticks("?count=3")).connect()?;
    ensure(events.response().status() == 200, "a stream is a response")?;
    let mut last = Duration::ZERO;
    for n in 1..=3 {
        let event = events.recv()?;
        ensure(event.kind == "message" && event.id == n.to_string(), "events come in order")?;
        ensure(event.arrived > last && event.token.is_none(), "each at its time")?;
        last = event.arrived;
    }
    let over = events.recv().expect_err("there were three");
    ensure(over.kind() == ErrorKind::Ended, &over.to_string())?;

    // Two at once, and neither to its end.
    let slow = Source::new(&Request::get(&base_url("/events/60000")).name("slow")).connect()?;
    let quick = Source::new(&ticks("")).connect()?;
    ensure(sse::wait_any([&slow, &quick], None) == Some(1), "the quick one is ready")?;
    let short = Some(Duration::from_millis(1));
    ensure(sse::wait_any([&slow], short).is_none(), "the slow one is not")?;
    ensure(slow.recv_timeout(Duration::from_millis(1))?.is_none(), "nothing has come")?;
    ensure(quick.recv()?.id == "1", "nothing is lost by waiting")?;
    drop((slow, quick));

    // One that breaks, and is asked for again.
    let broken = Source::new(&ticks("?count=2&break=1")).connect()?;
    let read: Vec<_> = broken.events().map(|event| event.map_err(|error| error.kind())).collect();
    ensure(read.len() == 3 && read[..2].iter().all(Result::is_ok), "what came is read first")?;
    let closed = ErrorKind::Http(http::ErrorKind::ClosedEarly);
    ensure(read[2].as_ref().err() == Some(&closed), &format!("{read:?}"))?;

    // The text of a language model.
    let question = Request::post(&base_url("/v1/chat/completions?first=2&gap=1"))
        .json(&json!({ "stream": true, "max_tokens": 5 }))
        .name("chat");
    let chat = Source::new(&question).tokens().connect()?;
    let answer = chat.texts().collect::<Result<String, _>>()?;
    ensure(answer == "All models are wrong but ", &answer)?;

    // What is none.
    let missing = sse::connect(&base_url("/nowhere")).expect_err("there is no such page");
    ensure(missing.kind() == ErrorKind::NotAStream, &missing.to_string())?;
    let response = missing.response().ok_or("it has a response")?;
    ensure(response.status() == 404, "with its status")?;
    let told = response.pointer_str("/error");
    ensure(told.as_deref() == Some("there is no page `/nowhere`"), "and its body")?;
    let page = sse::connect(&base_url("/health")).expect_err("it is a page");
    ensure(page.to_string().ends_with("which is not a stream of events"), &page.to_string())?;
    let refused = sse::connect("http://127.0.0.1:1/").expect_err("nobody is there");
    let kind = ErrorKind::Http(http::ErrorKind::ConnectionRefused);
    ensure(refused.kind() == kind, &refused.to_string())
}
