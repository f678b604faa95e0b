//! What a peer gets to read before there is a session, and what it may answer.

use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;
use net::websocket::{End, Error, News, Socket, Subprotocol};
use net::{Ceiling, Config, Encoding, Error as ConnectionError};
use tokio::io::AsyncWriteExt;
use tokio::sync::mpsc;

use super::peer::{after, agreement, echoing, ended, handshake, read_frame, socket, until};
use crate::peer::{head, let_news_arrive, peer};

#[tokio::test]
async fn a_peer_gets_to_read_a_handshake_and_the_scripts_headers() {
    let (heard, mut listener) = mpsc::unbounded_channel();
    let url = peer(move |_, mut stream| {
        let heard = heard.clone();
        async move {
            let head = head(&mut stream).await.expect("a request");
            let answer = agreement(&head) + "Sec-WebSocket-Protocol: two\r\nx-seen: 1\r\n\r\n";
            heard.send(head).expect("the test listens");
            stream.write_all(answer.as_bytes()).await.expect("the client listens");
            read_frame(&mut stream).await;
        }
    })
    .await;
    let mut asked = handshake(&format!("{url}chat?room=1"));
    for (name, value) in [
        ("cookie", "a=1"),
        ("origin", "https://example.test"),
        ("host", "other.test"),
        ("sec-websocket-version", "7"),
        ("sec-websocket-extensions", "permessage-deflate"),
    ] {
        asked.headers.insert(name, HeaderValue::from_static(value));
    }
    asked.subprotocols = ["one", "two"].map(|name| Subprotocol::new(name).expect("a token")).into();
    let mut socket = Socket::new(Arc::new(Config::default()), 1, asked);
    let news = until(&mut socket, |_, news| news.opened).await;
    assert_eq!(news, News { opened: true, ..News::default() });
    assert_eq!(socket.subprotocol(), Some("two"));
    assert_eq!(socket.headers().and_then(|headers| headers.get("x-seen")), Some(&b"1"[..]));

    let head = listener.recv().await.expect("a head");
    let mut lines: Vec<&str> = head.lines().filter(|line| !line.is_empty()).collect();
    assert_eq!(lines.remove(0), "GET /chat?room=1 HTTP/1.1");
    let host = url.trim_start_matches("http://").trim_end_matches('/');
    assert!(lines.contains(&&*format!("host: {host}")), "{head}");
    lines.retain(|line| !line.starts_with("user-agent: ") && !line.starts_with("host: "));
    let key = lines.iter().position(|line| line.starts_with("sec-websocket-key: "));
    assert_eq!(lines.remove(key.expect("a key")).len(), "sec-websocket-key: ".len() + 24);
    lines.sort_unstable();
    assert_eq!(
        lines,
        [
            "connection: Upgrade",
            "cookie: a=1",
            "origin: https://example.test",
            "sec-websocket-protocol: one, two",
            "sec-websocket-version: 13",
            "upgrade: websocket",
        ]
    );
}

#[tokio::test]
async fn a_handshake_that_is_not_agreed_to_has_a_name() {
    let long = format!("HTTP/1.1 101 x\r\nx: {}", "y".repeat(200_000));
    for (answer, label, code) in [
        ("HTTP/1.1 403 Forbidden\r\ncontent-length: 7\r\n\r\nnot you", "handshake refused", 1403),
        ("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", "handshake refused", 1200),
        ("HTTP/1.1 503 Full\r\n\r\nand a body without end", "handshake refused", 1503),
        ("HTTP/1.1 101 x\r\n\r\n", "malformed handshake", 1000),
        (
            "HTTP/1.1 101 x\r\nupgrade: websocket\r\nconnection: upgrade\r\n\
             sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n",
            "malformed handshake",
            1000,
        ),
        ("SSH-2.0-OpenSSH_9.2\r\n\r\n", "malformed handshake", 1000),
        (&long, "malformed handshake", 1000),
        ("", "closed early", 1000),
        ("HTTP/1.1 101 x\r\nupgra", "closed early", 1000),
    ] {
        let bytes = answer.to_owned().into_bytes();
        let url = peer(move |_, mut stream| {
            let bytes = bytes.clone();
            async move {
                head(&mut stream).await;
                let _ = stream.write_all(&bytes).await;
            }
        })
        .await;
        let mut socket = socket(&url);
        let End::Failed(error) = ended(&mut socket).await else { panic!("{answer}") };
        assert_eq!((error.label(), error.code()), (label, code), "{error}");
        assert!(!socket.was_opened() && socket.session().is_none() && socket.was_on_wire());
    }
    let closed = std::net::TcpListener::bind("127.0.0.1:0").and_then(|port| port.local_addr());
    let mut socket = socket(&format!("http://{}/", closed.expect("a port")));
    let refused = End::Failed(Error::Connection(ConnectionError::ConnectionRefused));
    assert_eq!(ended(&mut socket).await, refused);
    assert!(!socket.was_on_wire());
}

/// A peer that refuses with these bytes, and then hangs up or does not.
async fn refusing(answer: Vec<u8>, hangs_up: bool) -> Socket {
    let url = peer(move |_, mut stream| {
        let answer = answer.clone();
        async move {
            head(&mut stream).await;
            // A client that has heard enough may leave.
            let _ = stream.write_all(&answer).await;
            if !hangs_up {
                std::future::pending::<()>().await;
            }
        }
    })
    .await;
    socket(&url)
}

#[tokio::test]
async fn a_refusal_can_be_read_with_its_body() {
    let answer = |headers: &str, body: &[u8]| {
        let head = format!("HTTP/1.1 403 Forbidden\r\nx-why: members only\r\n{headers}\r\n");
        [head.as_bytes(), body].concat()
    };
    let chunks = b"4\r\nnot \r\n3\r\nyou\r\n0\r\n\r\n";
    let packed = Encoding::Gzip.pack(b"not you");
    let gzip = format!("content-encoding: gzip\r\ncontent-length: {}\r\n", packed.len());
    for (answer, hangs_up, body) in [
        (answer("content-length: 7\r\n", b"not you and more"), false, &b"not you"[..]),
        (answer("content-length: 0\r\n", b""), false, b""),
        (answer("transfer-encoding: chunked\r\n", chunks), false, b"not you"),
        (answer(&gzip, &packed), false, b"not you"),
        (answer("", b"not you"), true, b"not you"),
        // What is wrong with the body is no reason to say anything else.
        (answer("content-length: 9\r\n", b"not you"), true, b"not you"),
        (answer("transfer-encoding: chunked\r\n", b"7\r\nnot youx"), false, b"not you"),
        (answer("", &b"x".repeat(200_000)), false, &b"x".repeat(64 << 10)),
    ] {
        let mut socket = refusing(answer, hangs_up).await;
        assert_eq!(ended(&mut socket).await, End::Failed(Error::Refused(403)));
        let why = socket.headers().and_then(|headers| headers.get("x-why"));
        assert_eq!(why, Some(&b"members only"[..]));
        let (response, timings) = socket.take_refusal().expect("it was refused");
        assert_eq!(response.status, 403);
        assert!(response.body == body, "{} bytes", response.body.len());
        assert!(timings.total() >= timings.waiting && !timings.waiting.is_zero());
        assert!(socket.take_refusal().is_none(), "once");
    }
}

#[tokio::test]
async fn a_refusal_is_not_awaited_to_its_end_for_ever() {
    let answer = b"HTTP/1.1 503 Full\r\ncontent-length: 100\r\n\r\ncome back".to_vec();
    let mut socket = refusing(answer, false).await;
    // Nothing tells from outside that the head is there; the alarm is set for five seconds then.
    until(&mut socket, |socket, _| socket.was_on_wire()).await;
    let_news_arrive().await;
    assert!(!after(&mut socket, 0).await.ended);
    assert!(after(&mut socket, 6).await.ended);
    assert_eq!(socket.end(), Some(&End::Failed(Error::Refused(503))));
    let connecting = socket.connecting();
    assert!(connecting < Duration::from_secs(5), "it was answered with its head: {connecting:?}");
    assert_eq!(socket.take_refusal().expect("it was refused").0.body, b"come back");
}

#[tokio::test]
async fn a_handshake_waits_for_no_ceiling_as_with_k6() {
    let ceiling = Arc::new(Ceiling::new(1.try_into().expect("more than none")));
    let untouched = format!("{ceiling:?}");
    let config = Arc::new(Config { ceiling: Some(Arc::clone(&ceiling)), ..Config::default() });
    let url = echoing().await;
    for _ in 0..3 {
        let mut socket = Socket::new(Arc::clone(&config), 1, handshake(&url));
        until(&mut socket, |socket, _| socket.was_opened()).await;
    }
    assert_eq!(format!("{ceiling:?}"), untouched, "no moment of it was taken");
}
