//! Meets each way in which there is no response, in the standard's words.

use std::time::Duration;

use wasip2::http::outgoing_handler::handle;
use wasmload_test_programs::{
    ErrorCode, Fields, HeaderError, Method, OutgoingRequest, RequestOptions, answer, get, page,
    request,
};

type Expected = fn(&ErrorCode) -> bool;

fn main() -> Result<(), String> {
    let closed_port = std::env::var("CLOSED").map_err(|error| error.to_string())?;
    let userinfo = page("/").replace("http://", "http://ada:secret@");
    let long = page(&format!("/{}", "a".repeat(65_000)));
    let (home, late, large) = (page("/"), page("/delay/60000"), page("/bytes/70000000"));
    let (early, reset) = (page("/close"), page("/reset"));
    let connect = Method::Connect;
    let rows: [(&Method, &str, Expected); 11] = [
        (&Method::Get, &closed_port, |code| matches!(code, ErrorCode::ConnectionRefused)),
        (&Method::Get, "http://name.invalid/", |code| matches!(code, ErrorCode::DnsError(_))),
        (&Method::Get, "ftp://a.test/", |code| matches!(code, ErrorCode::HttpRequestUriInvalid)),
        (&Method::Get, "http://a.test:99999/", |code| {
            matches!(code, ErrorCode::HttpRequestUriInvalid)
        }),
        (&Method::Get, &userinfo, |code| matches!(code, ErrorCode::HttpRequestUriInvalid)),
        (&Method::Get, &long, |code| matches!(code, ErrorCode::HttpRequestUriTooLong)),
        (&connect, &home, |code| matches!(code, ErrorCode::HttpRequestMethodInvalid)),
        (&Method::Get, &early, |code| matches!(code, ErrorCode::HttpResponseIncomplete)),
        (&Method::Post, &reset, |code| matches!(code, ErrorCode::ConnectionTerminated)),
        (&Method::Get, &late, |code| matches!(code, ErrorCode::HttpResponseTimeout)),
        (&Method::Get, &large, |code| {
            matches!(code, ErrorCode::HttpResponseBodySize(Some(67_108_864)))
        }),
    ];
    for (method, url, expected) in rows {
        let options = RequestOptions::new();
        if url == late {
            let time = Duration::from_millis(30).as_nanos() as u64;
            options.set_first_byte_timeout(Some(time)).expect("a limit of time is supported");
        }
        let handled = handle(request(method, url, &[]), Some(options));
        match handled.and_then(|future| answer(&future)) {
            Ok(answer) => return Err(format!("{url:.80}: answered {}", answer.status)),
            Err(code) if expected(&code) => {}
            Err(code) => return Err(format!("{url:.80}: {code:?}")),
        }
    }

    // A length that is not that of the body: there is none.
    let lying = request(&Method::Get, &home, &[("content-length", "7")]);
    if !matches!(handle(lying, None), Err(ErrorCode::HttpRequestBodySize(Some(0)))) {
        return Err("a request without its body was sent".into());
    }

    let fields = Fields::new();
    for (name, value, refused) in [
        ("x-a", &b"b\r\nc: d"[..], "syntax"),
        ("x-a", b"b\0", "syntax"),
        ("x-a\r\nc", b"b", "syntax"),
        ("x a", b"b", "syntax"),
        ("host", b"other.test", "forbidden"),
        ("connection", b"close", "forbidden"),
        ("transfer-encoding", b"chunked", "forbidden"),
    ] {
        let error = match fields.append(name, value) {
            Ok(()) => "nothing",
            Err(HeaderError::InvalidSyntax) => "syntax",
            Err(HeaderError::Forbidden) => "forbidden",
            Err(HeaderError::Immutable) => "immutable",
        };
        if error != refused {
            return Err(format!("{name:?}: {value:?}: {error}"));
        }
    }
    let injected = OutgoingRequest::new(Fields::new());
    for path in ["/a b", "/a\r\nx: y", "/\0", "a", "//b\n"] {
        if injected.set_path_with_query(Some(path)).is_ok() && path != "a" {
            return Err(format!("the path {path:?} was taken"));
        }
    }
    for authority in ["a.test\r\nx: y", "a.test/b", "a b"] {
        if injected.set_authority(Some(authority)).is_ok() {
            return Err(format!("the authority {authority:?} was taken"));
        }
    }
    // The user goes on.
    get(&home).map(|_| ()).map_err(|error| format!("{error:?}"))
}
