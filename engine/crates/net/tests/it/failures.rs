//! Every way to misbehave, by its name. Each is one exchange, which the `exchange` of `peer` holds.

use std::net::SocketAddr;
use std::sync::Arc;

use net::{Client, Config, Error};
use tokio::io::AsyncWriteExt;

use crate::peer::{client, closing_after, error, exchange, get, head, peer, post};

#[tokio::test]
async fn a_port_nobody_listens_at_refuses() {
    let closed: SocketAddr = std::net::TcpListener::bind("127.0.0.1:0")
        .and_then(|port| port.local_addr())
        .expect("a port");
    let refused = exchange(&mut client(), get(&format!("http://{closed}/"))).await;
    assert_eq!(error(&refused), &Error::ConnectionRefused);
    assert_eq!((refused.sent, refused.received, refused.remote), (0, 0, None));
}

#[tokio::test]
async fn a_name_without_address_is_not_resolved() {
    // Longer than the 63 characters a label may have, so nobody need be asked.
    let url = format!("http://{}/", "a".repeat(64));
    let unknown = exchange(&mut client(), get(&url)).await;
    assert_eq!(error(&unknown), &Error::NameNotResolved);
    assert_eq!(unknown.sent, 0);
}

#[tokio::test]
async fn a_name_with_an_address_is_connected_to() {
    let url = closing_after(b"HTTP/1.1 204 No Content\r\n\r\n").await;
    let url = url.replace("127.0.0.1", "localhost");
    let exchange = exchange(&mut client(), get(&url)).await;
    exchange.result.expect("every machine has a localhost");
    assert!(exchange.remote.is_some_and(|remote| remote.ip().is_loopback()));
}

#[tokio::test]
async fn what_is_no_response_has_a_name() {
    for (answer, expected) in [
        (&b""[..], "closed early"),
        (b"HTTP/1.1 200 OK\r\nconte", "closed early"),
        (b"HTTP/1.1 100 Continue\r\n\r\n", "closed early"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc", "closed early"),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nab", "closed early"),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n", "closed early"),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n", "malformed response"),
        (
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nabc\r\n",
            "malformed response",
        ),
        (
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nfffffffffffffffff\r\n",
            "malformed response",
        ),
        (b"HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n", "malformed response"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n", "malformed response"),
        (
            b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n",
            "malformed response",
        ),
        (b"HTTP/1.1 200 OK\r\nbad header\r\n\r\n", "malformed response"),
        (b"HTTP/1.1 999999 OK\r\n\r\n", "malformed response"),
        (b"HTTP/9.9 200 OK\r\n\r\n", "malformed response"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "malformed response"),
        (b"\x15\x03\x01\x00\x02\x02\x46", "malformed response"),
    ] {
        let url = closing_after(answer).await;
        let exchange = exchange(&mut client(), get(&url)).await;
        assert_eq!(error(&exchange).label(), expected, "{}", answer.escape_ascii());
        assert_eq!(error(&exchange).code(), 1000);
        assert!(exchange.sent > 0 && exchange.remote.is_some());
        assert_eq!(exchange.received, answer.len() as u64, "{}", answer.escape_ascii());
    }
}

#[tokio::test]
async fn a_connection_that_is_reset_is_not_one_that_is_closed() {
    for answer in [&b""[..], b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc"] {
        let url = peer(move |_, mut stream| async move {
            head(&mut stream).await;
            stream.write_all(answer).await.expect("the client listens");
            stream.set_zero_linger().expect("it is a socket");
        })
        .await;
        let exchange = exchange(&mut client(), get(&url)).await;
        assert_eq!(error(&exchange), &Error::ConnectionReset);
        assert_eq!(error(&exchange).code(), 1220);
    }
}

#[tokio::test]
async fn a_connection_that_is_reset_while_a_request_is_sent_is_reset() {
    let url = peer(|_, mut stream| async move {
        head(&mut stream).await;
        stream.set_zero_linger().expect("it is a socket");
    })
    .await;
    let exchange = exchange(&mut client(), post(&url, vec![b'x'; 32 << 20])).await;
    assert_eq!(error(&exchange), &Error::ConnectionReset);
    assert!(exchange.sent > 0 && exchange.sent < 32 << 20);
}

#[tokio::test]
async fn endless_headers_end() {
    for piece in [&b"x-more: and more and more and more\r\n"[..], b"x"] {
        let url = peer(move |_, mut stream| async move {
            head(&mut stream).await;
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n").await;
            let pieces = piece.repeat(1_000);
            while stream.write_all(&pieces).await.is_ok() {}
        })
        .await;
        let exchange = exchange(&mut client(), get(&url)).await;
        assert_eq!(error(&exchange).label(), "malformed response");
        assert!(exchange.received < 1 << 20, "{} bytes were read", exchange.received);
    }
}

#[tokio::test]
async fn endless_bodies_end() {
    let config = Arc::new(Config { body_limit: 100_000, ..Config::default() });
    for (start, piece) in [
        (&b"HTTP/1.1 200 OK\r\n\r\n"[..], &b"xxxxxxxxxxxxxxxx"[..]),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 18446744073709551613\r\n\r\n", b"xxxxxxxxxxxxxxxx"),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
    ] {
        let url = peer(move |_, mut stream| async move {
            head(&mut stream).await;
            let _ = stream.write_all(start).await;
            let pieces = piece.repeat(1_000);
            while stream.write_all(&pieces).await.is_ok() {}
        })
        .await;
        let exchange = exchange(&mut Client::new(Arc::clone(&config)), get(&url)).await;
        assert_eq!(error(&exchange), &Error::BodyTooLarge(100_000), "{}", start.escape_ascii());
    }
}

#[tokio::test]
async fn a_body_as_large_as_is_kept_is_kept() {
    let url = closing_after(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nabcd").await;
    for (body_limit, fits) in [(4, true), (3, false)] {
        let config = Config { body_limit, ..Config::default() };
        let exchange = exchange(&mut Client::new(Arc::new(config)), get(&url)).await;
        assert_eq!(exchange.result.is_ok(), fits, "{body_limit}");
    }
}
