//! What a peer gets to read.

use std::sync::Arc;

use http::Method;
use http::header::{HeaderMap, HeaderName, HeaderValue};
use net::{Client, Config, Request, Target};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::mpsc;

use crate::peer::{EMPTY, exchange, head, peer};

/// What reaches a peer when this is sent: the lines of the head in order of the alphabet, and the body.
async fn read_by_peer(
    method: Method,
    path: &str,
    headers: &[(&'static str, &'static str)],
    body: &'static str,
) -> (String, Vec<String>, String) {
    let (tell, mut told) = mpsc::channel(1);
    let url = peer(move |_, mut stream| {
        let tell = tell.clone();
        async move {
            let head = head(&mut stream).await.expect("a head");
            let mut sent = vec![0; body.len()];
            stream.read_exact(&mut sent).await.expect("a body");
            stream.write_all(EMPTY).await.expect("the client listens");
            tell.send((head, String::from_utf8(sent).expect("text"))).await.expect("it waits");
        }
    })
    .await;
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.append(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    let config =
        Config { user_agent: HeaderValue::from_static("wasmload/test"), ..Config::default() };
    let request = Request {
        headers: map,
        body: body.as_bytes().into(),
        ..Request::new(method, Target::parse(&format!("{url}{path}")).expect("a URL"))
    };
    exchange(&mut Client::new(Arc::new(config)), request).await.result.expect("a response");
    let (head, body) = told.recv().await.expect("the peer tells");
    let address = url.trim_start_matches("http://").trim_end_matches('/');
    let mut lines = head.trim_end().split("\r\n").map(|line| line.replace(address, "PEER"));
    let first = lines.next().expect("a request line");
    let mut rest: Vec<String> = lines.collect();
    rest.sort();
    (first, rest, body)
}

#[tokio::test]
async fn a_request_is_what_was_asked_for_and_no_more() {
    let (line, headers, _) = read_by_peer(Method::GET, "a/b?c=d#e", &[], "").await;
    assert_eq!(line, "GET /a/b?c=d HTTP/1.1");
    assert_eq!(headers, ["host: PEER", "user-agent: wasmload/test"]);
}

#[tokio::test]
async fn a_body_has_its_length() {
    let (line, headers, body) = read_by_peer(Method::POST, "", &[], "four").await;
    assert_eq!(line, "POST / HTTP/1.1");
    assert_eq!(headers, ["content-length: 4", "host: PEER", "user-agent: wasmload/test"]);
    assert_eq!(body, "four");
}

#[tokio::test]
async fn headers_are_all_sent_and_an_own_user_agent_instead_of_the_engines() {
    let own = [("x-a", "1"), ("user-agent", "me"), ("x-a", "2")];
    let (_, headers, _) = read_by_peer(Method::GET, "", &own, "").await;
    assert_eq!(headers, ["host: PEER", "user-agent: me", "x-a: 1", "x-a: 2"]);
}

#[tokio::test]
async fn headers_cannot_change_where_a_message_ends_or_whom_it_is_for() {
    for smuggled in [
        ("content-length", "1"),
        ("content-length", "1000"),
        ("transfer-encoding", "chunked"),
        ("host", "somewhere.else"),
    ] {
        let (_, headers, body) = read_by_peer(Method::POST, "", &[smuggled], "four").await;
        let expected = ["content-length: 4", "host: PEER", "user-agent: wasmload/test"];
        assert_eq!(headers, expected, "{smuggled:?}");
        assert_eq!(body, "four", "{smuggled:?}");
    }
}
