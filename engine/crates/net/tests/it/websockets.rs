//! WebSockets against peers written frame by frame.

use std::future::poll_fn;
use std::io::ErrorKind;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use http::{HeaderMap, HeaderValue};
use net::websocket::{Close, End, Error, Handshake, Message, News, Socket, Subprotocol, parse_url};
use net::{Config, Error as ConnectionError, TlsSettings};
use sha1::{Digest, Sha1};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use tokio::sync::mpsc;
use tokio::time::{advance, pause, resume};

use crate::peer::{head, peer};
use crate::tls_peer::{Authority, Manner, config_of, server, tls_peer};

pub(crate) fn handshake(url: &str) -> Handshake {
    Handshake {
        target: parse_url(&url.replace("http://", "ws://")).expect("a URL"),
        headers: HeaderMap::new(),
        subprotocols: Vec::new(),
        timeout: None,
    }
}

fn socket(url: &str) -> Socket {
    Socket::new(Arc::new(Config::default()), 1, handshake(url))
}

/// Drives a socket until this holds of it and all news together.
pub(crate) async fn until(socket: &mut Socket, holds: impl Fn(&Socket, &News) -> bool) -> News {
    let mut all = News::default();
    poll_fn(|cx| {
        let news = socket.poll(cx);
        all.opened |= news.opened;
        all.ended |= news.ended;
        all.written |= news.written;
        all.sent += news.sent;
        all.received += news.received;
        all.pongs.extend(news.pongs);
        if holds(socket, &all) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    all
}

async fn opened(url: &str) -> Socket {
    let mut socket = socket(url);
    until(&mut socket, |socket, _| socket.was_opened()).await;
    socket
}

async fn ended(socket: &mut Socket) -> End {
    until(socket, |socket, _| socket.end().is_some()).await;
    socket.end().cloned().expect("it has ended")
}

pub(crate) async fn received(socket: &mut Socket) -> Message {
    until(socket, |socket, _| socket.has_message()).await;
    socket.receive().expect("there is one").message
}

pub(crate) fn text(text: &str) -> Message {
    Message::Text(text.into())
}

/// What a server answers to a request with this head.
fn agreement(head: &str) -> String {
    let key = head.lines().find_map(|line| line.strip_prefix("sec-websocket-key: "));
    let key = key.expect("a key").to_owned() + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    let digits = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut bits: Vec<bool> = Sha1::digest(key)
        .iter()
        .flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1 == 1))
        .collect();
    bits.resize(27 * 6, false);
    let digit = |six: &[bool]| six.iter().fold(0, |sum, &bit| sum * 2 + usize::from(bit));
    let accept: String = bits.chunks(6).map(|six| char::from(digits[digit(six)])).collect();
    format!(
        "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\n\
         sec-websocket-accept: {accept}=\r\n"
    )
}

/// Shakes hands as a server.
async fn shake(stream: &mut (impl AsyncRead + AsyncWrite + Unpin)) {
    let head = head(stream).await.expect("a request");
    let answer = agreement(&head) + "\r\n";
    stream.write_all(answer.as_bytes()).await.expect("the client listens");
}

/// A server's frame of up to 125 bytes.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    [&[first, u8::try_from(payload.len()).expect("a short one")], payload].concat()
}

/// Reads a client's frame: its first byte and its payload. None at the end of the connection.
async fn read_frame(stream: &mut (impl AsyncRead + Unpin)) -> Option<(u8, Vec<u8>)> {
    let first = match stream.read_u8().await {
        Ok(first) => first,
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::UnexpectedEof, "an orderly end");
            return None;
        }
    };
    let second = stream.read_u8().await.expect("a header");
    assert_eq!(second & 0x80, 0x80, "a client masks");
    let length = match second & 0x7F {
        127 => stream.read_u64().await.expect("a length") as usize,
        126 => usize::from(stream.read_u16().await.expect("a length")),
        short => usize::from(short),
    };
    let mut mask = [0; 4];
    stream.read_exact(&mut mask).await.expect("a mask");
    let mut payload = vec![0; length];
    stream.read_exact(&mut payload).await.expect("a payload");
    for (place, byte) in payload.iter_mut().enumerate() {
        *byte ^= mask[place % 4];
    }
    Some((first, payload))
}

/// A peer that shakes hands, writes these bytes, and sends on what it reads until the end.
async fn saying(bytes: Vec<u8>) -> (String, mpsc::UnboundedReceiver<(u8, Vec<u8>)>) {
    let (heard, listener) = mpsc::unbounded_channel();
    let url = peer(move |_, mut stream| {
        let (bytes, heard) = (bytes.clone(), heard.clone());
        async move {
            shake(&mut stream).await;
            stream.write_all(&bytes).await.expect("the client listens");
            while let Some(frame) = read_frame(&mut stream).await {
                let closes = frame.0 == 0x88;
                heard.send(frame).expect("the test listens");
                if closes {
                    break;
                }
            }
        }
    })
    .await;
    (url, listener)
}

/// A peer that shakes hands and sends every message back, and agrees to a close.
async fn echoing() -> String {
    peer(|_, stream| echo(stream)).await
}

pub(crate) async fn echo(mut stream: impl AsyncRead + AsyncWrite + Unpin) {
    shake(&mut stream).await;
    while let Some((first, payload)) = read_frame(&mut stream).await {
        let first = if first == 0x89 { 0x8A } else { first };
        let mut header = vec![first];
        match payload.len() {
            length @ 0..=125 => header.push(length as u8),
            length => {
                header.push(127);
                header.extend_from_slice(&(length as u64).to_be_bytes());
            }
        }
        stream.write_all(&header).await.expect("the client listens");
        stream.write_all(&payload).await.expect("the client listens");
        if first == 0x88 {
            break;
        }
    }
}

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
    lines.retain(|line| !line.starts_with("user-agent: ") && !line.starts_with("host: "));
    let key = lines.iter().position(|line| line.starts_with("sec-websocket-key: "));
    assert_eq!(lines.remove(key.expect("a key")).len(), "sec-websocket-key: ".len() + 24);
    lines.sort_unstable();
    assert_eq!(
        lines,
        [
            "connection: Upgrade",
            "cookie: a=1",
            "sec-websocket-protocol: one, two",
            "sec-websocket-version: 13",
            "upgrade: websocket",
        ]
    );
}

#[tokio::test]
async fn messages_go_both_ways_and_every_byte_is_counted() {
    let url = echoing().await;
    let mut socket = opened(&url).await;
    let (request, answer) = socket.take_bytes();
    assert!(request > 100 && answer > 100, "{request} {answer}");
    let large = Message::Binary((0..3_000_000).map(|place| place as u8).collect());
    for (message, header) in [(text("hé"), 2), (Message::Binary(Vec::new()), 2), (large, 10)] {
        assert!(socket.send(&message));
        let news = until(&mut socket, |socket, _| socket.has_message()).await;
        assert_eq!((news.sent, news.received), (1, 1));
        assert_eq!(socket.receive().expect("there is one").message, message);
        let payload = message.len() as u64;
        assert_eq!(socket.take_bytes(), (payload + header + 4, payload + header));
    }
    assert!(socket.is_written() && socket.receive().is_none());
}

#[tokio::test]
async fn a_ping_is_timed_when_its_own_pong_comes() {
    let url = echoing().await;
    let mut socket = opened(&url).await;
    assert!(socket.ping() && socket.awaits_pong());
    let news = until(&mut socket, |socket, _| !socket.awaits_pong()).await;
    assert_eq!((news.pongs.len(), news.sent, news.received), (1, 0, 0));

    let (url, _heard) = saying([frame(0x8A, b"nobody asked"), frame(0x81, b"x")].concat()).await;
    let mut socket = opened(&url).await;
    assert!(socket.ping());
    let news = until(&mut socket, |socket, _| socket.has_message()).await;
    assert!(news.pongs.is_empty(), "{news:?}");
    assert!(socket.awaits_pong());
}

#[tokio::test]
async fn what_a_peer_says_comes_whole_and_its_pings_are_answered() {
    let said = [
        frame(0x01, b"h\xc3"),
        frame(0x89, b"one"),
        frame(0x89, b"two"),
        frame(0x80, b"\xa9"),
        frame(0x82, b"\xff"),
    ];
    let (url, mut heard) = saying(said.concat()).await;
    let mut socket = opened(&url).await;
    assert_eq!(received(&mut socket).await, text("hé"));
    assert_eq!(received(&mut socket).await, Message::Binary(vec![0xFF]));
    let mut pong = Vec::new();
    until(&mut socket, |socket, _| socket.is_written()).await;
    while pong != b"two" {
        let (first, payload) = heard.recv().await.expect("a pong");
        assert_eq!(first, 0x8A);
        pong = payload;
    }
}

#[tokio::test]
async fn messages_in_the_same_breath_as_the_handshake_are_not_lost() {
    let url = peer(|_, mut stream| async move {
        let head = head(&mut stream).await.expect("a request");
        let mut answer = b"HTTP/1.1 103 Early Hints\r\n\r\n".to_vec();
        answer.extend_from_slice(agreement(&head).as_bytes());
        answer.extend_from_slice(b"\r\n");
        answer.extend(frame(0x81, b"welcome"));
        answer.extend(frame(0x88, b"\x0f\xa0full"));
        stream.write_all(&answer).await.expect("the client listens");
        assert_eq!(read_frame(&mut stream).await, Some((0x88, b"\x0f\xa0".to_vec())));
    })
    .await;
    let mut socket = socket(&url);
    let full = Close { code: 4000, reason: "full".into() };
    assert_eq!(ended(&mut socket).await, End::Closed(full));
    assert!(socket.was_opened());
    assert_eq!(socket.receive().expect("it came before").message, text("welcome"));
    assert!(!socket.send(&text("too late")) && !socket.ping() && !socket.close(1000, ""));
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

#[tokio::test]
async fn a_peer_that_breaks_a_rule_is_told_and_left() {
    for (said, label, code) in [
        (frame(0xC1, b"x"), "protocol error", 1002),
        (frame(0x83, b"x"), "protocol error", 1002),
        (frame(0x80, b"x"), "protocol error", 1002),
        (frame(0x09, b"x"), "protocol error", 1002),
        (frame(0x88, b"\x03\xed"), "protocol error", 1002),
        (b"\x81\x81mask\x00".to_vec(), "protocol error", 1002),
        (frame(0x81, b"\xff"), "protocol error", 1007),
        (b"\x82\x7f\0\0\0\0\xff\0\0\0".to_vec(), "message too large", 1009),
        (b"\x82\x7f\xff\xff\xff\xff\xff\xff\xff\xff".to_vec(), "message too large", 1009),
    ] {
        let (url, mut heard) = saying([frame(0x81, b"before"), said.clone()].concat()).await;
        let mut socket = opened(&url).await;
        let End::Failed(error) = ended(&mut socket).await else { panic!("{said:x?}") };
        assert_eq!(error.label(), label, "{said:x?}: {error}");
        assert_eq!(socket.receive().expect("it was sound").message, text("before"));
        let told = heard.recv().await.expect("a close frame");
        assert_eq!(told, (0x88, u16::to_be_bytes(code).to_vec()), "{said:x?}");
    }
}

#[tokio::test]
async fn a_connection_that_ends_without_a_close_frame_broke() {
    for reset in [false, true] {
        let url = peer(move |_, mut stream| async move {
            shake(&mut stream).await;
            stream.write_all(b"\x81\x05hal").await.expect("the client listens");
            read_frame(&mut stream).await;
            if reset {
                stream.set_zero_linger().expect("it is a socket");
            }
        })
        .await;
        let mut socket = opened(&url).await;
        assert!(socket.send(&text("go")));
        let error = if reset {
            Error::Connection(ConnectionError::ConnectionReset)
        } else {
            Error::ClosedEarly
        };
        assert_eq!(ended(&mut socket).await, End::Failed(error));
        assert!(socket.session().is_some() && socket.receive().is_none());
    }
}

#[tokio::test]
async fn a_close_is_over_when_the_peer_agrees_and_hangs_up() {
    let (url, mut heard) = saying(Vec::new()).await;
    let mut socket = opened(&url).await;
    assert!(socket.close(4001, "enough"));
    assert!(!socket.send(&text("one more")), "the close frame is the last");
    // This peer hangs up without a close frame of its own.
    assert_eq!(ended(&mut socket).await, End::Failed(Error::ClosedEarly));
    assert_eq!(heard.recv().await, Some((0x88, b"\x0f\xa1enough".to_vec())));

    let url = echoing().await;
    let mut socket = opened(&url).await;
    assert!(socket.close(1000, ""));
    let closed = Close { code: 1000, reason: String::new() };
    assert_eq!(ended(&mut socket).await, End::Closed(closed));
}

#[tokio::test]
async fn what_comes_while_closing_can_still_be_received() {
    let url = peer(|_, mut stream| async move {
        shake(&mut stream).await;
        assert_eq!(read_frame(&mut stream).await.expect("a close frame").0, 0x88);
        let rest = [frame(0x81, b"last words"), frame(0x88, b"\x03\xe8"), b"rubbish".to_vec()];
        stream.write_all(&rest.concat()).await.expect("the client listens");
    })
    .await;
    let mut socket = opened(&url).await;
    assert!(socket.close(1000, ""));
    assert!(matches!(ended(&mut socket).await, End::Closed(_)));
    assert_eq!(socket.receive().expect("it came before").message, text("last words"));
    assert!(socket.receive().is_none());
}

/// A peer that shakes hands, says this, and then neither reads nor hangs up.
async fn unmoved(said: &'static [u8]) -> String {
    peer(move |_, mut stream| async move {
        shake(&mut stream).await;
        stream.write_all(said).await.expect("the client listens");
        std::future::pending::<()>().await;
        drop(stream);
    })
    .await
}

/// What is new when so much time has passed, on a clock that stands still otherwise.
async fn after(socket: &mut Socket, seconds: u64) -> News {
    pause();
    advance(Duration::from_secs(seconds)).await;
    let news = poll_fn(|cx| Poll::Ready(socket.poll(cx))).await;
    resume();
    news
}

#[tokio::test]
async fn no_peer_keeps_a_socket_waiting_beyond_its_time() {
    let timed_out = End::Failed(Error::Connection(ConnectionError::TimedOut));
    let is_late_after_60_seconds = async |mut socket: Socket| {
        assert!(!after(&mut socket, 50).await.ended);
        assert!(after(&mut socket, 11).await.ended);
        assert_eq!(socket.end(), Some(&timed_out));
    };
    let mut unanswered = socket(&crate::peer::silent().await);
    until(&mut unanswered, |socket, _| socket.was_on_wire()).await;
    is_late_after_60_seconds(unanswered).await;

    let mut unread = opened(&unmoved(b"").await).await;
    assert!(unread.send(&Message::Binary(vec![0; 32 << 20])));
    until(&mut unread, |socket, _| !socket.is_written()).await;
    is_late_after_60_seconds(unread).await;

    let mut left = opened(&unmoved(b"").await).await;
    assert!(left.close(1000, ""));
    until(&mut left, |_, news| news.written).await;
    assert!(after(&mut left, 6).await.ended);
    assert_eq!(left.end(), Some(&timed_out));
}

#[tokio::test]
async fn connecting_may_have_less_time_than_the_handshake() {
    let connect_timeout = Some(Duration::from_secs(10));
    let config = Arc::new(Config { connect_timeout, ..Config::default() });
    let url = crate::peer::silent().await;
    // By TLS, that nothing is said is that there is no connection yet.
    for (url, late) in [(&url.replace("http://", "wss://"), true), (&url, false)] {
        let mut socket = Socket::new(Arc::clone(&config), 1, handshake(url));
        until(&mut socket, |socket, _| late || socket.was_on_wire()).await;
        assert_eq!(after(&mut socket, 11).await.ended, late);
        let timed_out = End::Failed(Error::Connection(ConnectionError::ConnectTimedOut));
        assert_eq!(socket.end(), late.then_some(&timed_out));
    }
}

#[tokio::test]
async fn a_peer_that_agrees_to_close_and_does_not_hang_up_is_hung_up_on() {
    let mut socket = opened(&unmoved(b"\x88\x02\x03\xe9").await).await;
    until(&mut socket, |socket, _| !socket.is_open() && socket.is_written()).await;
    assert!(socket.end().is_none(), "the peer may still end the connection");
    assert!(after(&mut socket, 6).await.ended);
    let away = Close { code: 1001, reason: String::new() };
    assert_eq!(socket.end(), Some(&End::Closed(away)));
    let session = socket.session().expect("there was one");
    assert!(session < Duration::from_secs(5), "it was over with the close frames: {session:?}");
}

#[tokio::test]
async fn an_open_socket_may_be_silent_for_ever() {
    let mut socket = opened(&unmoved(b"").await).await;
    assert!(after(&mut socket, 24 * 3600).await.is_none());
    assert!(socket.end().is_none());
}

#[tokio::test]
async fn a_reader_that_does_not_receive_holds_the_peer_back() {
    let url = peer(|_, mut stream| async move {
        shake(&mut stream).await;
        let many = frame(0x82, &[7; 100]).repeat(1_000);
        while stream.write_all(&many).await.is_ok() {}
    })
    .await;
    let mut socket = opened(&url).await;
    // As often as it likes, and it reads no more.
    for _ in 0..100 {
        poll_fn(|cx| Poll::Ready(socket.poll(cx))).await;
        tokio::task::yield_now().await;
    }
    let waiting = std::iter::from_fn(|| socket.receive()).count();
    assert!((1_024..2_048).contains(&waiting), "{waiting}");
    assert_eq!(received(&mut socket).await.len(), 100, "the peer goes on");
}

#[tokio::test]
async fn a_peer_that_is_left_is_told() {
    let (url, mut heard) = saying(Vec::new()).await;
    let mut socket = opened(&url).await;
    socket.abandon();
    assert!(socket.end().is_some() && socket.session().is_some());
    assert_eq!(heard.recv().await, Some((0x88, b"\x03\xe9".to_vec())));
}

#[tokio::test]
async fn a_socket_by_tls_talks_as_any_other_to_whom_it_believes() {
    let authority = Authority::new("issuer");
    let identity = authority.issue(&["localhost"]);
    let url = tls_peer(server(&identity, &Manner::default()), |_, stream| echo(stream)).await;
    let asked = || handshake(&url.replace("https://", "wss://"));

    let config = config_of(&authority, TlsSettings::default());
    let mut socket = Socket::new(config, 1, asked());
    until(&mut socket, |socket, _| socket.was_opened()).await;
    let long = text(&"long ".repeat(20_000));
    for message in [text("short"), long] {
        assert!(socket.send(&message));
        assert_eq!(received(&mut socket).await, message);
    }
    assert!(socket.close(1000, ""));
    assert!(matches!(ended(&mut socket).await, End::Closed(_)));

    // Nobody has said that the issuer is to be believed.
    let mut stranger = Socket::new(Arc::new(Config::default()), 1, asked());
    let end = ended(&mut stranger).await;
    assert!(matches!(end, End::Failed(_)), "{end:?}");
    assert!(!stranger.was_opened());
}
