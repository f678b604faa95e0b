//! Reads everything that a response has.

use wasmload_sdk::prelude::*;

script!(iterate);

fn iterate() -> Result {
    let headers = http::get(&base_url("/headers"))?;
    let cookies = headers.headers().into_iter().filter(|(name, _)| name == "set-cookie").count();
    ensure(cookies == 2, "duplicate headers survive")?;
    ensure(headers.header("Set-Cookie").is_some(), "header names have no case")?;
    ensure(headers.header("x-none").is_none(), "an absent header is none")?;
    ensure(
        headers.headers().iter().any(|(_, value)| std::str::from_utf8(value).is_err()),
        "bytes that are not text survive",
    )?;

    let bytes = http::get(&base_url("/bytes/70000"))?;
    ensure(bytes.body_length() == 70_000, "the length is known")?;
    ensure(bytes.body().len() == 70_000, "the body is whole")?;
    ensure(bytes.pointer("").is_none(), "what is not JSON has no parts")?;

    let json = Request::post(&base_url("/login"))
        .json(&json!({ "user": "ada", "password": "pass" }))
        .send()?;
    ensure(json.pointer_str("/token").is_some(), "a JSON string is found")?;
    ensure(json.pointer("/nothing/here").is_none(), "an absent part is none")?;
    ensure(json.text().starts_with('{'), "a body is text")?;
    ensure(json.url().ends_with("/login"), "a response knows its URL")?;

    let timings = json.timings();
    ensure(timings.duration() > Duration::ZERO, "an exchange takes time")?;
    ensure(timings.tls_handshaking.is_zero(), "there is no TLS here")
}

fn ensure(holds: bool, claim: &str) -> Result {
    if holds { Ok(()) } else { Err(format!("it does not hold that {claim}").into()) }
}
