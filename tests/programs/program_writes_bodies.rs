//! Writes bodies in all the ways a guest may, and breaks them off in some.

use wasip2::http::outgoing_handler::handle;
use wasmload_test_programs::{
    ErrorCode, Fields, Method, OutgoingBody, OutgoingRequest, answer, page, post, request,
    response, write,
};

fn main() -> Result<(), String> {
    let told = |error| format!("{error:?}");
    let post_to = |path: &str, headers: &[(&str, &str)]| -> (OutgoingRequest, OutgoingBody) {
        let request = request(&Method::Post, &page(path), headers);
        let body = request.body().expect("the body is given out once");
        (request, body)
    };

    // Written and finished before the request is handed in.
    let (request, body) = post_to("/echo", &[("content-length", "6")]);
    let stream = body.write().expect("the stream is given out once");
    stream.blocking_write_and_flush(b"before").expect("there is room for a little");
    drop(stream);
    OutgoingBody::finish(body, Some(Fields::new())).map_err(told)?;
    let echo = answer(&handle(request, None).map_err(told)?).map_err(told)?.text();
    if !echo.contains(r#""body":"before""#) {
        return Err(format!("before: {echo}"));
    }

    // Nothing written at all.
    let (request, body) = post_to("/echo", &[]);
    let future = handle(request, None).map_err(told)?;
    OutgoingBody::finish(body, None).map_err(told)?;
    let echo = answer(&future).map_err(told)?.text();
    if !echo.contains(r#""body_length":0"#) {
        return Err(format!("empty: {echo}"));
    }

    // Not as long as was said.
    let (request, body) = post_to("/echo", &[("content-length", "6")]);
    let future = handle(request, None).map_err(told)?;
    write(&body.write().expect("a stream"), b"four").expect("there is room");
    let finished = OutgoingBody::finish(body, None);
    if !matches!(finished, Err(ErrorCode::HttpRequestBodySize(Some(4)))) {
        return Err(format!("short: {finished:?}"));
    }
    expect("short", answer(&future), |code| matches!(code, ErrorCode::HttpProtocolError))?;

    // Dropped in the middle: nobody gets half a body.
    let (request, body) = post_to("/echo", &[]);
    let future = handle(request, None).map_err(told)?;
    write(&body.write().expect("a stream"), b"half").expect("there is room");
    drop(body);
    expect("dropped", answer(&future), |code| matches!(code, ErrorCode::HttpProtocolError))?;

    // With trailers, of which none are sent.
    let (request, body) = post_to("/echo", &[]);
    let future = handle(request, None).map_err(told)?;
    let trailers = Fields::new();
    trailers.append("x-sum", b"7").expect("it is allowed");
    OutgoingBody::finish(body, Some(trailers)).map_err(told)?;
    expect("trailers", answer(&future), |code| {
        matches!(code, ErrorCode::HttpRequestTrailerSectionSize(Some(0)))
    })?;

    // More than is collected.
    let large = vec![7; (64 << 20) + 1];
    expect(
        "large",
        post(&page("/echo"), &large),
        |code| matches!(code, ErrorCode::HttpRequestBodySize(Some(length)) if *length > 64 << 20),
    )?;

    // Whoever waits for the response no longer may still write the body: it is sent, and counted.
    let (request, body) = post_to("/status/201", &[]);
    drop(handle(request, None).map_err(told)?);
    write(&body.write().expect("a stream"), &[7; 100_000]).expect("there is room");
    OutgoingBody::finish(body, None).map_err(told)?;

    // A response that nobody reads, and one that is let go of before it is there.
    let (request, body) = post_to("/bytes/100000", &[]);
    let future = handle(request, None).map_err(told)?;
    OutgoingBody::finish(body, None).map_err(told)?;
    drop(response(&future).map_err(told)?);
    if !matches!(future.get(), Some(Err(()))) {
        return Err("a response was given twice".into());
    }
    let (request, body) = post_to("/status/202", &[]);
    let future = handle(request, None).map_err(told)?;
    OutgoingBody::finish(body, None).map_err(told)?;
    drop(future);
    Ok(())
}

fn expect(
    what: &str,
    answer: Result<wasmload_test_programs::Answer, ErrorCode>,
    expected: fn(&ErrorCode) -> bool,
) -> Result<(), String> {
    match answer {
        Ok(answer) => Err(format!("{what}: answered {}", answer.status)),
        Err(code) if expected(&code) => Ok(()),
        Err(code) => Err(format!("{what}: {code:?}")),
    }
}
