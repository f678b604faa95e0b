//! Talks to the fuzzing server of the Autobahn test suite, which then says how well: see `tests/autobahn`.
//!
//! It sends every message back, as the suite wants its clients to, and asks for messages to be packed.

use std::env;
use std::error::Error;
use std::future::poll_fn;
use std::io::{Write as _, stdout};
use std::sync::Arc;
use std::task::Poll;

use http::HeaderMap;
use net::Config;
use net::websocket::{End, Handshake, Message, Socket, parse_url};

/// What the suite calls us.
const AGENT: &str = "wasmload";

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let server = env::args().nth(1).ok_or("which server, such as ws://127.0.0.1:9001?")?;
    let mut count = socket(&format!("{server}/getCaseCount"))?;
    let count: u32 = match next(&mut count).await {
        Ok(Message::Text(count)) => count.parse()?,
        other => return Err(format!("the server has no cases: {other:?}").into()),
    };
    for case in 1..=count {
        let mut socket = socket(&format!("{server}/runCase?case={case}&agent={AGENT}"))?;
        let end = loop {
            match next(&mut socket).await {
                Ok(message) => drop(socket.send(&message)),
                Err(end) => break end,
            }
        };
        if case % 50 == 0 || case == count {
            writeln!(stdout(), "{case} of {count}: {end:?}")?;
        }
    }
    let mut report = socket(&format!("{server}/updateReports?agent={AGENT}"))?;
    while next(&mut report).await.is_ok() {}
    Ok(())
}

fn socket(url: &str) -> Result<Socket, Box<dyn Error>> {
    let handshake = Handshake {
        target: parse_url(url)?,
        headers: HeaderMap::new(),
        subprotocols: Vec::new(),
        deflate: true,
        timeout: None,
    };
    Ok(Socket::new(Arc::new(Config::default()), 0, handshake))
}

/// The next message, or how the session ended.
async fn next(socket: &mut Socket) -> Result<Message, End> {
    poll_fn(|cx| {
        // What was sent goes out, and what comes is taken in.
        socket.poll(cx);
        match (socket.receive(), socket.end()) {
            (Some(received), _) => Poll::Ready(Ok(received.message)),
            (None, Some(end)) => Poll::Ready(Err(end.clone())),
            (None, None) => Poll::Pending,
        }
    })
    .await
}
