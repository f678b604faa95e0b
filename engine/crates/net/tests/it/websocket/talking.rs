//! Messages and pings, both ways.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Poll;

use net::websocket::{Close, End, Message, Socket};
use net::{Config, TlsSettings};
use tokio::io::AsyncWriteExt;

use super::peer::{
    agreement, echo, echoing, ended, frame, handshake, opened, read_frame, received, saying, shake,
    socket, text, until,
};
use crate::peer::{head, peer};
use crate::tls_peer::{Authority, Manner, config_of, relay, server, tls_peer};

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
async fn a_socket_by_tls_talks_as_any_other_to_whom_it_believes() {
    let authority = Authority::new("issuer");
    let identity = authority.issue(&["localhost"]);
    let url = tls_peer(server(&identity, &Manner::default()), |_, stream| echo(stream)).await;
    let (url, counted) = relay(&url).await;
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
    let [sent, received] = [0, 1].map(|way: usize| counted[way].load(Ordering::SeqCst));
    assert_eq!(socket.take_bytes(), (sent, received), "to the last");

    // Nobody has said that the issuer is to be believed.
    let mut stranger = Socket::new(Arc::new(Config::default()), 1, asked());
    let end = ended(&mut stranger).await;
    assert!(matches!(end, End::Failed(_)), "{end:?}");
    assert!(!stranger.was_opened());
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
