//! Peers on the loopback, and a client to meet them with.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;

use bytes::Bytes;
use http::header::EXPECT;
use http::{HeaderValue, Method};
use net::{Body, Client, Config, Error, Exchange, ExchangeId, Request, Target};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

pub(crate) const EMPTY: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";

pub(crate) fn get(url: &str) -> Request {
    Request::new(Method::GET, Target::parse(url).expect("a URL"))
}

pub(crate) fn post(url: &str, body: impl Into<Bytes>) -> Request {
    Request { method: Method::POST, body: Body::Bytes(body.into()), ..get(url) }
}

/// The same, with its body held back until the peer asks for it.
pub(crate) fn expecting(mut request: Request) -> Request {
    request.headers.insert(EXPECT, HeaderValue::from_static("100-continue"));
    request
}

pub(crate) fn client() -> Client {
    Client::new(Arc::new(Config::default()))
}

/// Drives a client until everything it was asked for has ended.
pub(crate) async fn finish(client: &mut Client) -> Vec<(ExchangeId, Exchange)> {
    let mut finished = Vec::new();
    poll_fn(|cx| {
        client.poll(cx, &mut |id, exchange| finished.push((id, exchange)));
        if client.running() == 0 { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    finished
}

/// Drives a client until this holds of it. Nothing may end before.
pub(crate) async fn until(client: &mut Client, holds: impl Fn(&Client) -> bool) {
    poll_fn(|cx| {
        client.poll(cx, &mut |_, exchange| panic!("ended early: {exchange:?}"));
        if holds(client) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

/// One exchange, which must end exactly once.
pub(crate) async fn exchange(client: &mut Client, request: Request) -> Exchange {
    let id = client.start(request);
    let mut finished = finish(client).await;
    assert_eq!(finished.len(), 1, "an exchange ends once");
    let (ended, exchange) = finished.remove(0);
    assert_eq!(ended, id);
    assert_eq!(client.running(), 0);
    exchange
}

pub(crate) fn error(exchange: &Exchange) -> &Error {
    exchange.result.as_ref().expect_err("there is no response")
}

/// Reads a request's head; none at the end of the connection.
pub(crate) async fn head(stream: &mut (impl AsyncRead + Unpin)) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return None,
        }
    }
    Some(String::from_utf8(head).expect("a head is text"))
}

/// A peer that treats its nth connection with `serve(n, stream)`.
pub(crate) async fn peer<F, R>(serve: F) -> String
where
    F: Fn(usize, TcpStream) -> R + Send + 'static,
    R: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    tokio::spawn(async move {
        let mut connections = 0;
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(connections, stream));
            connections += 1;
        }
    });
    format!("http://{address}/")
}

/// A peer that answers each request on each connection with these bytes.
pub(crate) async fn answering(answer: &'static [u8]) -> String {
    peer(move |_, mut stream| async move {
        while head(&mut stream).await.is_some() {
            if stream.write_all(answer).await.is_err() {
                break;
            }
        }
    })
    .await
}

/// A peer that reads one request, writes these bytes, and closes.
pub(crate) async fn closing_after(answer: &'static [u8]) -> String {
    peer(move |_, mut stream| async move {
        head(&mut stream).await;
        let _ = stream.write_all(answer).await;
    })
    .await
}

/// A peer that reads a request and never answers.
pub(crate) async fn silent() -> String {
    peer(|_, mut stream| async move {
        head(&mut stream).await;
        std::future::pending::<()>().await;
        drop(stream);
    })
    .await
}

/// Has the runtime look at its sockets: whatever had come before this was called is known after it.
pub(crate) async fn let_news_arrive() {
    let url = answering(EMPTY).await;
    exchange(&mut client(), get(&url)).await.result.expect("a response");
}
