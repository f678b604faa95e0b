//! Peers that talk by WebSocket, frame by frame, and a client to meet them with.

use std::future::poll_fn;
use std::io::ErrorKind;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use http::HeaderMap;
use net::Config;
use net::websocket::{End, Handshake, Message, News, Socket, parse_url};
use sha1::{Digest, Sha1};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc;
use tokio::time::{advance, pause, resume};

use crate::peer::{head, peer};

pub(crate) fn handshake(url: &str) -> Handshake {
    Handshake {
        target: parse_url(&url.replace("http://", "ws://")).expect("a URL"),
        headers: HeaderMap::new(),
        subprotocols: Vec::new(),
        deflate: false,
        timeout: None,
    }
}

/// The same, with messages packed if the peer agrees.
pub(crate) fn packed(url: &str) -> Handshake {
    Handshake { deflate: true, ..handshake(url) }
}

pub(crate) fn socket(url: &str) -> Socket {
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

pub(crate) async fn opened(url: &str) -> Socket {
    let mut socket = socket(url);
    until(&mut socket, |socket, _| socket.was_opened()).await;
    socket
}

pub(crate) async fn ended(socket: &mut Socket) -> End {
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
pub(crate) fn agreement(head: &str) -> String {
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

/// The same with these headers besides, and the empty line at the end.
pub(crate) fn agreement_with(head: &str, headers: &[&str]) -> String {
    let headers: String = headers.iter().map(|header| format!("{header}\r\n")).collect();
    agreement(head) + &headers + "\r\n"
}

/// Shakes hands as a server.
pub(crate) async fn shake(stream: &mut (impl AsyncRead + AsyncWrite + Unpin)) {
    let head = head(stream).await.expect("a request");
    let answer = agreement(&head) + "\r\n";
    stream.write_all(answer.as_bytes()).await.expect("the client listens");
}

/// A server's frame.
pub(crate) fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    match payload.len() {
        length @ 0..=125 => frame.push(length as u8),
        length @ 126..=0xFFFF => {
            frame.push(126);
            frame.extend_from_slice(&(length as u16).to_be_bytes());
        }
        length => {
            frame.push(127);
            frame.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
    frame.extend_from_slice(payload);
    frame
}

/// Reads a client's frame: its first byte and its payload. None at the end of the connection.
pub(crate) async fn read_frame(stream: &mut (impl AsyncRead + Unpin)) -> Option<(u8, Vec<u8>)> {
    frame_or_end(stream, &[ErrorKind::UnexpectedEof]).await
}

/// The same, where a client may leave in the midst of what it is told: the system then resets the connection.
pub(crate) async fn read_frame_or_reset(
    stream: &mut (impl AsyncRead + Unpin),
) -> Option<(u8, Vec<u8>)> {
    frame_or_end(stream, &[ErrorKind::UnexpectedEof, ErrorKind::ConnectionReset]).await
}

async fn frame_or_end(
    stream: &mut (impl AsyncRead + Unpin),
    ends: &[ErrorKind],
) -> Option<(u8, Vec<u8>)> {
    let first = match stream.read_u8().await {
        Ok(first) => first,
        Err(error) => {
            assert!(ends.contains(&error.kind()), "an orderly end: {error}");
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
pub(crate) async fn saying(bytes: Vec<u8>) -> (String, mpsc::UnboundedReceiver<(u8, Vec<u8>)>) {
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
pub(crate) async fn echoing() -> String {
    peer(|_, stream| echo(stream)).await
}

pub(crate) async fn echo(mut stream: impl AsyncRead + AsyncWrite + Unpin) {
    shake(&mut stream).await;
    while let Some((first, payload)) = read_frame(&mut stream).await {
        let first = if first == 0x89 { 0x8A } else { first };
        stream.write_all(&frame(first, &payload)).await.expect("the client listens");
        if first == 0x88 {
            break;
        }
    }
}

/// A peer that shakes hands, says this, and then neither reads nor hangs up.
pub(crate) async fn unmoved(said: &'static [u8]) -> String {
    peer(move |_, mut stream| async move {
        shake(&mut stream).await;
        stream.write_all(said).await.expect("the client listens");
        std::future::pending::<()>().await;
        drop(stream);
    })
    .await
}

/// What is new when so much time has passed, on a clock that stands still otherwise.
pub(crate) async fn after(socket: &mut Socket, seconds: u64) -> News {
    pause();
    advance(Duration::from_secs(seconds)).await;
    let news = poll_fn(|cx| Poll::Ready(socket.poll(cx))).await;
    resume();
    news
}
