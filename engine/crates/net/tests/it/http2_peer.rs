//! Peers that speak HTTP/2: well-behaved ones by the server of the library `h2`, all others frame by frame.

use std::sync::Arc;

use bytes::Bytes;
use h2::RecvStream;
use h2::server::{Builder, SendResponse};
use net::{Client, Config, HttpVersion};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::peer::peer;

pub(crate) const DATA: u8 = 0x0;
pub(crate) const HEADERS: u8 = 0x1;
pub(crate) const RST_STREAM: u8 = 0x3;
pub(crate) const SETTINGS: u8 = 0x4;
pub(crate) const PUSH_PROMISE: u8 = 0x5;
pub(crate) const PING: u8 = 0x6;
pub(crate) const GOAWAY: u8 = 0x7;
pub(crate) const WINDOW_UPDATE: u8 = 0x8;
pub(crate) const CONTINUATION: u8 = 0x9;

pub(crate) const END_STREAM: u8 = 0x1;
pub(crate) const ACK: u8 = 0x1;
pub(crate) const END_HEADERS: u8 = 0x4;

/// `:status: 200`, packed.
pub(crate) const OK: &[u8] = &[0x88];

/// A client that speaks HTTP/2 without asking.
pub(crate) fn client() -> Client {
    client_with(Config::default())
}

pub(crate) fn client_with(config: Config) -> Client {
    Client::new(Arc::new(Config { http_version: HttpVersion::Http2, ..config }))
}

/// Serves the requests of a connection, each in a task of its own, until it ends.
pub(crate) async fn serve<T, F, R>(stream: T, builder: Builder, answer: F)
where
    T: AsyncRead + AsyncWrite + Unpin,
    F: Fn(http::Request<RecvStream>, SendResponse<Bytes>) -> R,
    R: Future<Output = ()> + Send + 'static,
{
    let Ok(mut connection) = builder.handshake(stream).await else { return };
    while let Some(Ok((request, respond))) = connection.accept().await {
        tokio::spawn(answer(request, respond));
    }
}

/// A peer in the clear whose connections are served like this.
pub(crate) async fn serving<F, R>(builder: Builder, answer: F) -> String
where
    F: Fn(http::Request<RecvStream>, SendResponse<Bytes>) -> R + Clone + Send + Sync + 'static,
    R: Future<Output = ()> + Send + 'static,
{
    peer(move |_, stream| {
        let (builder, answer) = (builder.clone(), answer.clone());
        async move { serve(stream, builder, answer).await }
    })
    .await
}

/// Answers with 200 and this body.
pub(crate) fn respond(mut to: SendResponse<Bytes>, body: impl Into<Bytes>) {
    let body = body.into();
    let mut stream = to
        .send_response(http::Response::new(()), body.is_empty())
        .expect("the client waits for it");
    if !body.is_empty() {
        stream.send_data(body, true).expect("the client waits for it");
    }
}

/// A peer in the clear that answers each request with this body.
pub(crate) async fn answering(body: &'static [u8]) -> String {
    serving(Builder::new(), move |_, to| async move { respond(to, body) }).await
}

/// Reads a body to its end, letting more come as it goes. How many bytes it has.
pub(crate) async fn swallow(request: http::Request<RecvStream>) -> usize {
    let mut body = request.into_body();
    let mut length = 0;
    while let Some(piece) = body.data().await {
        let piece = piece.expect("it comes");
        length += piece.len();
        body.flow_control().release_capacity(piece.len()).expect("so much has come");
    }
    length
}

/// A frame as it is on the wire (RFC 9113 §4.1).
pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("it is small").to_be_bytes();
    let stream = stream.to_be_bytes();
    [&length[1..], &[kind, flags], &stream, payload].concat()
}

/// The payload of SETTINGS.
pub(crate) fn settings(all: &[(u16, u32)]) -> Vec<u8> {
    all.iter()
        .flat_map(|(id, value)| [&id.to_be_bytes()[..], &value.to_be_bytes()].concat())
        .collect()
}

/// The payload of GOAWAY.
pub(crate) fn goaway(last: u32, code: u32) -> Vec<u8> {
    [last.to_be_bytes(), code.to_be_bytes()].concat()
}

/// A header packed without the table and without Huffman (RFC 7541 §6.2.2).
pub(crate) fn header(name: &str, value: &str) -> Vec<u8> {
    let mut packed = vec![0x00];
    for text in [name, value] {
        // An integer with seven bits in its first byte.
        match text.len() {
            short @ 0..127 => packed.push(short as u8),
            mut long => {
                packed.push(127);
                long -= 127;
                while long >= 128 {
                    packed.push((long % 128) as u8 | 0x80);
                    long /= 128;
                }
                packed.push(long as u8);
            }
        }
        packed.extend_from_slice(text.as_bytes());
    }
    packed
}

/// What a peer has read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) kind: u8,
    pub(crate) flags: u8,
    pub(crate) stream: u32,
    pub(crate) payload: Vec<u8>,
}

/// A connection that is spoken on frame by frame.
pub(crate) struct Raw(pub(crate) TcpStream);

impl Raw {
    /// Takes in what a client says first, and says that it has no wishes of its own.
    pub(crate) async fn greeted(stream: TcpStream) -> Self {
        Self::greeted_with(stream, &[]).await
    }

    /// The same, with wishes.
    pub(crate) async fn greeted_with(mut stream: TcpStream, wishes: &[(u16, u32)]) -> Self {
        let mut preface = [0; 24];
        stream.read_exact(&mut preface).await.expect("a client speaks first");
        assert_eq!(&preface, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
        let mut raw = Self(stream);
        raw.send(SETTINGS, 0, 0, &settings(wishes)).await;
        raw
    }

    /// Writes a frame; a client that is gone does not mind.
    pub(crate) async fn send(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
        self.write(&frame(kind, flags, stream, payload)).await;
    }

    /// Writes bytes; a client that is gone does not mind.
    pub(crate) async fn write(&mut self, bytes: &[u8]) {
        let _ = self.0.write_all(bytes).await;
    }

    /// The next frame; none at the end of the connection.
    pub(crate) async fn read(&mut self) -> Option<Frame> {
        let mut head = [0; 9];
        self.0.read_exact(&mut head).await.ok()?;
        let [a, b, c, kind, flags, stream @ ..] = head;
        let mut payload = vec![0; u32::from_be_bytes([0, a, b, c]) as usize];
        self.0.read_exact(&mut payload).await.ok()?;
        Some(Frame { kind, flags, stream: u32::from_be_bytes(stream), payload })
    }

    /// The next frame of a kind; none at the end of the connection.
    pub(crate) async fn next(&mut self, kind: u8) -> Option<Frame> {
        loop {
            let frame = self.read().await?;
            if frame.kind == kind {
                return Some(frame);
            }
        }
    }

    /// The stream of the next request.
    pub(crate) async fn request(&mut self) -> u32 {
        self.next(HEADERS).await.expect("a request comes").stream
    }

    /// Answers a request with 200 and no body.
    pub(crate) async fn answer(&mut self, stream: u32) {
        self.send(HEADERS, END_STREAM | END_HEADERS, stream, OK).await;
    }

    /// Reads until the client closes.
    pub(crate) async fn until_closed(&mut self) {
        while self.read().await.is_some() {}
    }
}

/// A peer in the clear that is spoken on frame by frame, its nth connection with `serve(n, raw)`.
pub(crate) async fn raw_peer<F, R>(serve: F) -> String
where
    F: Fn(usize, Raw) -> R + Clone + Send + Sync + 'static,
    R: Future<Output = ()> + Send + 'static,
{
    peer(move |number, stream| {
        let serve = serve.clone();
        async move { serve(number, Raw::greeted(stream).await).await }
    })
    .await
}

/// A peer that reads one request of stream 1, writes these bytes, and waits for the client to close.
pub(crate) async fn writing(bytes: impl Into<Bytes>) -> String {
    let bytes = bytes.into();
    raw_peer(move |_, mut raw| {
        let bytes = bytes.clone();
        async move {
            assert_eq!(raw.request().await, 1);
            raw.write(&bytes).await;
            raw.until_closed().await;
        }
    })
    .await
}
