//! Pages that talk by WebSocket (RFC 6455), as far as clients under test need: no extensions, no fragments
//! sent, and messages up to [`LARGEST`].

use std::io;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::{Buf, Bytes, BytesMut};
use http::header::{CONNECTION, SET_COOKIE, UPGRADE};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use sha1::{Digest, Sha1};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::broadcast;
use tokio::time::{Instant, interval_at};

use crate::answer::{self, Answer, Body};
use crate::io::Stream;
use crate::record::Recorder;

/// The largest message: enough for any test of large ones.
const LARGEST: usize = 16 << 20;
/// What is read in one go where less is wanted: a small message is one read, and not one for each part of its frame.
const AHEAD: usize = 4 << 10;
/// Messages of the chat that wait for a client who is slow to read; it misses the older ones. Arbitrary.
const BEHIND: usize = 1_024;

const TEXT: u8 = 0x1;
const BINARY: u8 = 0x2;
const CLOSE: u8 = 0x8;
const PING: u8 = 0x9;
const PONG: u8 = 0xA;

/// What a page says once the connection is a WebSocket.
#[derive(Clone, Debug)]
pub(crate) enum Talk {
    /// `/ws/echo`: each message back.
    Echo,
    /// `/ws/chat`: each message to everybody there, the sender too.
    Chat(broadcast::Sender<Frame>),
    /// `/ws/ticker/{milliseconds}`: `tick 1`, `tick 2`, … so far apart.
    Ticker(Duration),
    /// `/ws/close/{code}`: closes at once.
    Close(u16),
}

/// An opcode and a payload.
pub(crate) type Frame = (u8, Vec<u8>);

/// The chat of a site.
pub(crate) fn chat() -> broadcast::Sender<Frame> {
    broadcast::channel(BEHIND).0
}

/// Agrees to a handshake, or answers why not. The first subprotocol that is offered is chosen, and a cookie set.
pub(crate) fn agree(head: &Parts) -> Result<Answer, Box<Answer>> {
    let has = |name, token: &str| {
        let values = head.headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
        values.flat_map(|value| value.split(',')).any(|one| one.trim().eq_ignore_ascii_case(token))
    };
    let key = head.headers.get("sec-websocket-key").map(HeaderValue::as_bytes);
    let is_13 = head.headers.get("sec-websocket-version").is_some_and(|version| version == "13");
    let (Some(key), true, true, true) =
        (key, is_13, has(UPGRADE, "websocket"), has(CONNECTION, "upgrade"))
    else {
        let problem = "this page talks by WebSocket, version 13";
        return Err(Box::new(answer::refusal(StatusCode::UPGRADE_REQUIRED, problem)));
    };
    let accept = Sha1::new()
        .chain_update(key)
        .chain_update("258EAFA5-E914-47DA-95CA-C5AB0DC85B11")
        .finalize();
    let mut answer = Response::new(Body::Whole(Bytes::new()));
    *answer.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers: &mut HeaderMap = answer.headers_mut();
    headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    let accept = HeaderValue::from_str(&BASE64_STANDARD.encode(accept)).expect("base64 is ASCII");
    headers.insert("sec-websocket-accept", accept);
    // As those do that want to meet a client again behind several doors.
    headers.insert(SET_COOKIE, HeaderValue::from_static("talked=yes; Path=/"));
    let offered = head.headers.get("sec-websocket-protocol").and_then(|value| value.to_str().ok());
    if let Some(first) = offered.and_then(|offered| offered.split(',').next())
        && let Ok(first) = HeaderValue::from_str(first.trim())
    {
        headers.insert("sec-websocket-protocol", first);
    }
    Ok(answer)
}

/// Talks until one side closes or the connection ends. A client that breaks the rules is left without a word.
pub(crate) async fn serve(upgrade: OnUpgrade, talk: Talk, record: &Recorder) {
    let Ok(upgraded) = upgrade.await else { return };
    let Ok(parts) = upgraded.downcast::<TokioIo<Stream>>() else { return };
    let before = BytesMut::from(&parts.read_buf[..]);
    let mut peer = Peer { stream: parts.io.into_inner(), before, record };
    // However it ends, the client knows.
    let _: io::Result<()> = peer.talk(talk).await;
}

/// A client that has shaken hands.
struct Peer<'a> {
    stream: Stream,
    /// What has been read and not been made a message of.
    before: BytesMut,
    record: &'a Recorder,
}

impl Peer<'_> {
    async fn talk(&mut self, talk: Talk) -> io::Result<()> {
        match talk {
            Talk::Echo => loop {
                let Some((opcode, payload)) = self.message().await? else { return Ok(()) };
                self.say(opcode, &payload).await?;
            },
            Talk::Close(code) => {
                self.write(CLOSE, &code.to_be_bytes()).await?;
                while self.message().await?.is_some() {}
                Ok(())
            }
            Talk::Ticker(every) => {
                let mut clock = interval_at(Instant::now() + every, every);
                for tick in 1u64.. {
                    while !self.is_readable(clock.tick()).await? {
                        // Whatever it says; only its wish to close counts.
                        if self.message().await?.is_none() {
                            return Ok(());
                        }
                    }
                    self.say(TEXT, format!("tick {tick}").as_bytes()).await?;
                }
                Ok(())
            }
            Talk::Chat(room) => {
                let mut heard = room.subscribe();
                loop {
                    let mut said = None;
                    let quiet = self.is_readable(async { said = heard.recv().await.ok() }).await?;
                    if !quiet {
                        let Some(message) = self.message().await? else { return Ok(()) };
                        // There is always somebody: who says it is there.
                        let _ = room.send(message);
                    }
                    if let Some((opcode, payload)) = said {
                        self.say(opcode, &payload).await?;
                    }
                }
            }
        }
    }

    /// Waits until the client has said something, or something else has happened; whether it is the latter.
    async fn is_readable(&mut self, other: impl Future<Output = impl Sized>) -> io::Result<bool> {
        if !self.before.is_empty() {
            return Ok(false);
        }
        tokio::select! {
            _ = other => Ok(true),
            read = self.stream.read_buf(&mut self.before) => match read? {
                0 => Err(io::ErrorKind::UnexpectedEof.into()),
                _ => Ok(false),
            },
        }
    }

    /// The next message; none once the client has closed. Pings are answered.
    async fn message(&mut self) -> io::Result<Option<Frame>> {
        let mut message = None;
        loop {
            let (first, payload) = self.frame().await?;
            match first & 0x0F {
                CLOSE => {
                    let code = payload.get(..2).unwrap_or_default();
                    self.write(CLOSE, code).await?;
                    return Ok(None);
                }
                PING => self.write(PONG, &payload).await?,
                PONG => {}
                opcode => {
                    let (_, whole): &mut Frame = message.get_or_insert((opcode, Vec::new()));
                    if whole.len() + payload.len() > LARGEST {
                        return Err(io::ErrorKind::FileTooLarge.into());
                    }
                    whole.extend_from_slice(&payload);
                    if first & 0x80 != 0 {
                        self.record.message_received();
                        return Ok(message);
                    }
                }
            }
        }
    }

    /// A frame: its first byte and its payload.
    async fn frame(&mut self) -> io::Result<(u8, Vec<u8>)> {
        let [first, second] = self.read().await?;
        let length = match second & 0x7F {
            127 => u64::from_be_bytes(self.read().await?),
            126 => u64::from(u16::from_be_bytes(self.read().await?)),
            short => u64::from(short),
        };
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        let known = matches!(first & 0x0F, 0 | TEXT | BINARY | CLOSE | PING | PONG);
        if !known || second & 0x80 == 0 || length > LARGEST {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let mask: [u8; 4] = self.read().await?;
        let mut payload = vec![0; length];
        self.fill(&mut payload).await?;
        for (byte, mask) in payload.iter_mut().zip(mask.into_iter().cycle()) {
            *byte ^= mask;
        }
        Ok((first, payload))
    }

    async fn read<const N: usize>(&mut self) -> io::Result<[u8; N]> {
        let mut bytes = [0; N];
        self.fill(&mut bytes).await?;
        Ok(bytes)
    }

    async fn fill(&mut self, mut bytes: &mut [u8]) -> io::Result<()> {
        loop {
            let (early, rest) = bytes.split_at_mut(self.before.len().min(bytes.len()));
            self.before.copy_to_slice(early);
            match rest.len() {
                0 => return Ok(()),
                AHEAD.. => return self.stream.read_exact(rest).await.map(drop),
                _ => {
                    self.before.reserve(AHEAD);
                    if self.stream.read_buf(&mut self.before).await? == 0 {
                        return Err(io::ErrorKind::UnexpectedEof.into());
                    }
                }
            }
            bytes = rest;
        }
    }

    /// Sends a message.
    async fn say(&mut self, opcode: u8, payload: &[u8]) -> io::Result<()> {
        self.record.message_sent();
        self.write(opcode, payload).await
    }

    async fn write(&mut self, opcode: u8, payload: &[u8]) -> io::Result<()> {
        let mut frame = vec![0x80 | opcode];
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
        self.stream.write_all(&frame).await?;
        // By TLS, taking bytes is not sending them yet.
        self.stream.flush().await
    }
}
