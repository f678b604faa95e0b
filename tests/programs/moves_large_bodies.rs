//! Sends and receives bodies that are never in its memory, in every way there is.

use wasmload_sdk::prelude::*;

script!(iterate);

const LARGE: u64 = 5_000_000;

fn ensure(holds: bool, what: &str) -> Result {
    if holds { Ok(()) } else { Err(what.into()) }
}

fn iterate() -> Result {
    let upload = Upload::random(LARGE, 7).bytes("the end");
    ensure(upload.length() == LARGE + 7, "an upload knows its length")?;
    let request = Request::put(&base_url("/upload")).upload(&upload).keep_body();
    let first = request.send()?;
    ensure(first.pointer("/length").as_deref() == Some("5000007"), &first.text())?;
    let second = request.send()?;
    ensure(first.text() == second.text(), "it is the same each time")?;
    let other = Upload::random(LARGE, 8).bytes("the end");
    let third = Request::put(&base_url("/upload")).upload(&other).keep_body().send()?;
    ensure(first.text() != third.text(), "another seed, other bytes")?;

    let form = Multipart::new()
        .text("title", "A letter")
        .upload("letter", "letter.txt", "text/plain", Upload::file("letter")?)
        .text("after", "all");
    let echo =
        Request::post(&base_url("/echo")).multipart(form).expect_continue().keep_body().send()?;
    let body = echo.pointer_str("/body").ok_or("the form is text")?;
    let asked =
        echo.pointer("/headers").is_some_and(|all| all.matches("100-continue").count() == 1);
    ensure(asked, "what is expected is said once")?;
    ensure(
        body.contains(
            "filename=\"letter.txt\"\r\ncontent-type: text/plain\r\n\r\nDear Ada,\n\r\n--",
        ),
        &body,
    )?;
    ensure(body.contains("name=\"after\"\r\n\r\nall\r\n--") && body.ends_with("--\r\n"), &body)?;
    let missing = Upload::file("diary").expect_err("it was not given");
    ensure(missing.kind() == http::ErrorKind::NotAllowed, "a file must be given")?;
    let said = "not allowed: the run has no file `diary`; whoever runs it names one with `--file NAME=FILE`";
    ensure(missing.to_string() == said, &missing.to_string())?;

    let large = |request: Request| request.send();
    let get = || Request::get(&base_url("/bytes/5000000"));
    let discarded = large(get().discard_body())?;
    ensure(discarded.body_length() == LARGE && discarded.body().is_empty(), "it is counted")?;
    let first = large(get().keep_first(10))?;
    ensure(first.body_length() == LARGE && first.text() == "ABCDEFGHIJ", "its beginning is kept")?;
    let hashed = large(get().hash_body())?;
    ensure(hashed.sha256().is_some_and(|hash| hash.len() == 64), "it is hashed")?;
    ensure(hashed.body().is_empty() && first.sha256().is_none(), "and not kept")?;
    let usual = http::get(&base_url("/bytes/10"))?;
    let kept = Request::get(&base_url("/bytes/10")).keep_body().send()?;
    ensure(kept.text() == "ABCDEFGHIJ", "it is kept if asked for")?;
    let expected = if context::env("DISCARDS").is_some() { "" } else { "ABCDEFGHIJ" };
    ensure(usual.text() == expected && usual.body_length() == 10, "or as the run has it")?;

    let download = get().timeout(Duration::from_secs(20)).open()?;
    let response = download.response();
    ensure(response.status() == 200, "the status is there before the body")?;
    ensure(response.header("content-length").as_deref() == Some("5000000"), "so are headers")?;
    let (mut length, mut last) = (0, Duration::ZERO);
    for chunk in download.chunks() {
        let chunk = chunk?;
        ensure(chunk.arrived >= last, "parts come one after another")?;
        last = chunk.arrived;
        length += chunk.bytes.len() as u64;
    }
    ensure(length == LARGE, "all of it is read")?;
    ensure(download.read()?.is_none(), "the end is the end")?;

    // What is not read to its end is no failure.
    let cut = Request::get(&base_url("/bytes/1000000000")).open()?;
    ensure(cut.read()?.is_some(), "it begins")?;
    drop(cut);
    let refused = Request::get("http://127.0.0.1:1/").open().expect_err("nobody is there");
    ensure(refused.kind() == http::ErrorKind::ConnectionRefused, "a failure has its name")?;
    Ok(())
}
