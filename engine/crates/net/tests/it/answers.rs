//! Responses of every shape.

use http::{Method, StatusCode};
use net::Request;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::peer::{answering, client, closing_after, exchange, get, head, peer, post};

#[tokio::test]
async fn bodies_of_every_framing_arrive_whole() {
    for (what, answer, body, proto) in [
        (
            "a length",
            &b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nabc"[..],
            "abc",
            "HTTP/1.1",
        ),
        (
            "chunks",
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n",
            "abc",
            "HTTP/1.1",
        ),
        (
            "chunks with trailers, which are no part of the body",
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nx-sum: 1\r\n\r\n",
            "abc",
            "HTTP/1.1",
        ),
        (
            "the end of the connection, announced",
            b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nabc",
            "abc",
            "HTTP/1.1",
        ),
        ("the end of the connection in HTTP/1.0", b"HTTP/1.0 200 OK\r\n\r\nabc", "abc", "HTTP/1.0"),
        ("a status without body", b"HTTP/1.1 204 No Content\r\n\r\n", "", "HTTP/1.1"),
        (
            "a status without body, but with a length",
            b"HTTP/1.1 304 Not Modified\r\ncontent-length: 3\r\n\r\n",
            "",
            "HTTP/1.1",
        ),
        (
            "an interim response first",
            b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nabc",
            "abc",
            "HTTP/1.1",
        ),
        (
            "two interim responses first, one with headers",
            b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nabc",
            "abc",
            "HTTP/1.1",
        ),
    ] {
        let url = closing_after(answer).await;
        let exchange = exchange(&mut client(), get(&url)).await;
        assert_eq!(exchange.received, answer.len() as u64, "{what}");
        assert_eq!(exchange.proto, proto, "{what}");
        let response = exchange.result.unwrap_or_else(|error| panic!("{what}: {error}"));
        assert_eq!(response.body, body.as_bytes(), "{what}");
    }
}

#[tokio::test]
async fn a_head_request_has_no_body_to_wait_for() {
    let url = answering(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n").await;
    let mut client = client();
    for round in 0..2 {
        let request = Request { method: Method::HEAD, ..get(&url) };
        let exchange = exchange(&mut client, request).await;
        assert_eq!(exchange.reused, round > 0);
        assert!(exchange.result.expect("a response").body.is_empty());
    }
}

#[tokio::test]
async fn a_body_that_comes_in_many_pieces_is_put_together() {
    const LENGTH: usize = 3_000_000;
    let whole: Vec<u8> = (0..LENGTH).map(|at| (at % 251) as u8).collect();
    let expected = whole.clone();
    let url = peer(move |_, mut stream| {
        let whole = whole.clone();
        async move {
            while head(&mut stream).await.is_some() {
                let start = format!("HTTP/1.1 200 OK\r\ncontent-length: {LENGTH}\r\n\r\n");
                stream.write_all(start.as_bytes()).await.expect("the client listens");
                stream.write_all(&whole).await.expect("the client listens");
            }
        }
    })
    .await;
    let mut client = client();
    for round in 0..2 {
        let exchange = exchange(&mut client, get(&url)).await;
        assert_eq!(exchange.reused, round > 0);
        assert!(exchange.result.expect("a response").body == expected, "round {round}");
    }
}

#[tokio::test]
async fn a_body_in_single_bytes_is_put_together() {
    let url = peer(|_, mut stream| async move {
        head(&mut stream).await;
        let mut answer = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
        answer.extend(b"1\r\nx\r\n".repeat(20_000));
        answer.extend(b"0\r\n\r\n");
        stream.write_all(&answer).await.expect("the client listens");
    })
    .await;
    let response = exchange(&mut client(), get(&url)).await.result.expect("a response");
    assert_eq!(response.body, b"x".repeat(20_000));
}

#[tokio::test]
async fn headers_come_in_order_and_with_their_odd_bytes() {
    let url = answering(
        b"HTTP/1.1 418 I'm a teapot\r\nSet-Cookie: a=1\r\nx-odd: \xff\r\nset-cookie: b=2\r\ncontent-length: 0\r\n\r\n",
    )
    .await;
    let response = exchange(&mut client(), get(&url)).await.result.expect("a response");
    assert_eq!(response.status, StatusCode::IM_A_TEAPOT);
    let cookies: Vec<_> = response.headers.get_all("set-cookie").collect();
    assert_eq!(cookies, [b"a=1", b"b=2"]);
    assert_eq!(response.headers.get("x-odd"), Some(&b"\xff"[..]));
}

#[tokio::test]
async fn headers_of_a_hundred_kilobytes_are_read() {
    let url = peer(|_, mut stream| async move {
        head(&mut stream).await;
        let mut answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n".to_vec();
        for number in 0..50 {
            answer.extend(format!("x-{number}: {}\r\n", "v".repeat(2_000)).into_bytes());
        }
        answer.extend(b"\r\n");
        stream.write_all(&answer).await.expect("the client listens");
    })
    .await;
    let response = exchange(&mut client(), get(&url)).await.result.expect("a response");
    assert_eq!(response.headers.iter().count(), 51);
}

#[tokio::test]
async fn an_answer_before_the_request_is_whole_is_an_answer() {
    let url = peer(|_, mut stream| async move {
        head(&mut stream).await;
        let answer = b"HTTP/1.1 413 Too Large\r\ncontent-length: 2\r\n\r\nno";
        stream.write_all(answer).await.expect("the client listens");
        // What was not asked for any more is read, so that closing does not reset the connection.
        let mut rest = vec![0; 1 << 16];
        while stream.read(&mut rest).await.is_ok_and(|read| read > 0) {}
    })
    .await;
    let mut client = client();
    for _ in 0..2 {
        let exchange = exchange(&mut client, post(&url, vec![b'x'; 32 << 20])).await;
        assert!(!exchange.reused, "what is left of the request is in the way of the next");
        let response = exchange.result.expect("a response");
        assert_eq!(response.status, StatusCode::PAYLOAD_TOO_LARGE);
        assert_eq!(response.body, b"no");
    }
}
