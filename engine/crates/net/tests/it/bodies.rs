//! Bodies that are made as they are sent, held back, forgotten, or read as they come.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use net::{
    Body, BodyPolicy, Chain, Client, Config, Download, Error, Exchange, Next, RandomSource, Request,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::mpsc;
use tokio::time::{advance, pause};

use crate::peer::{
    EMPTY, client, error, exchange, expecting, finish, get, head, peer, post, until,
};

const SECOND: Duration = Duration::from_secs(1);

/// A body that is made as it is sent: so many bytes that nobody can guess, and an end that anybody can.
fn made(length: u64) -> Body {
    let random = Body::Made(Arc::new(RandomSource { length, seed: 1 }));
    Body::Made(Arc::new(Chain::new(vec![random, Body::from(&b"the end"[..])])))
}

fn reading(url: &str) -> (Request, Download) {
    let download = Download::default();
    let body_policy = BodyPolicy::Stream(download.clone());
    (Request { body_policy, ..get(url) }, download)
}

/// A peer that reads a request whose body is this long, tells its head and the body's last seven bytes, and
/// answers.
async fn swallowing(length: usize) -> (String, mpsc::Receiver<(String, Vec<u8>)>) {
    let (tell, told) = mpsc::channel(8);
    let url = peer(move |_, mut stream| {
        let tell = tell.clone();
        async move {
            while let Some(head) = head(&mut stream).await {
                let mut body = vec![0; length];
                stream.read_exact(&mut body).await.expect("the body comes");
                let end = body.split_off(length - 7);
                tell.send((head, end)).await.expect("somebody listens");
                stream.write_all(EMPTY).await.expect("an answer");
            }
        }
    })
    .await;
    (url, told)
}

#[tokio::test]
async fn a_body_that_is_made_as_it_is_sent_arrives_whole_and_can_be_sent_again() {
    let length = (3 << 20) + 7;
    let (url, mut told) = swallowing(length).await;
    let mut client = client();
    for _ in 0..2 {
        let request = Request { body: made(3 << 20), ..post(&url, "") };
        let exchange = exchange(&mut client, request).await;
        let (head, end) = told.recv().await.expect("the peer tells");
        assert!(head.contains(&format!("content-length: {length}\r\n")), "{head}");
        assert_eq!(end, b"the end");
        assert_eq!(exchange.sent, (head.len() + length) as u64);
        assert!(exchange.result.is_ok());
    }
    assert!(told.is_empty());
}

#[tokio::test]
async fn a_body_waits_until_the_peer_asks_for_it() {
    for (asks, length) in [(true, 8), (true, 100_000), (false, 8)] {
        let (tell, mut told) = mpsc::channel(1);
        let url = peer(move |_, mut stream| {
            let tell = tell.clone();
            async move {
                let head = head(&mut stream).await.expect("a request");
                if asks {
                    stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await.expect("it asks");
                    let mut body = vec![0; length];
                    stream.read_exact(&mut body).await.expect("the body comes");
                    stream.write_all(EMPTY).await.expect("an answer");
                } else {
                    let no = b"HTTP/1.1 413 Too Large\r\ncontent-length: 0\r\n\r\n";
                    stream.write_all(no).await.expect("an answer");
                    let mut rest = Vec::new();
                    stream.read_to_end(&mut rest).await.expect("it is closed");
                    assert!(rest.is_empty(), "nobody asked for {} bytes", rest.len());
                }
                tell.send(head).await.expect("somebody listens");
            }
        })
        .await;
        let request = expecting(post(&url, vec![b'x'; length]));
        let mut client = client();
        let exchange = exchange(&mut client, request).await;
        let status = exchange.result.expect("a response").status;
        assert_eq!(status, if asks { 200 } else { 413 });
        let head = told.recv().await.expect("the peer tells");
        assert!(head.contains("\r\nexpect: 100-continue\r\n"), "{head}");
        let body = if asks { length } else { 0 };
        assert_eq!(exchange.sent, (head.len() + body) as u64);
    }
}

#[tokio::test]
async fn a_peer_that_does_not_ask_gets_the_body_after_a_second() {
    let (url, mut told) = swallowing(8).await;
    let mut client = client();
    client.start(expecting(post(&url, "1the end")));
    client.start(expecting(post(&url, "")));
    let id = client.start(expecting(post(&url, "12345678")));
    client.cancel(id);
    // The head is out: but for the clock nothing moves.
    poll_fn(|cx| {
        client.poll(cx, &mut |_, _| ());
        Poll::Ready(())
    })
    .await;
    pause();
    advance(SECOND * 2).await;
    tokio::time::resume();
    poll_fn(|cx| {
        client.poll(cx, &mut |_, exchange| assert!(exchange.result.is_ok()));
        if told.is_empty() { Poll::Pending } else { Poll::Ready(()) }
    })
    .await;
    assert_eq!(told.recv().await.expect("the peer tells").1, b"the end");
}

#[tokio::test]
async fn a_response_is_read_as_it_comes_and_measured_once() {
    let (next, wait) = mpsc::channel::<()>(1);
    let wait = Arc::new(tokio::sync::Mutex::new(wait));
    let url = peer(move |_, mut stream| {
        let wait = Arc::clone(&wait);
        async move {
            head(&mut stream).await;
            let start = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\nx-a: 1\r\n\r\n";
            stream.write_all(start).await.expect("a head");
            for piece in [&b"3\r\none\r\n"[..], b"3\r\ntwo\r\n", b"0\r\n\r\n"] {
                wait.lock().await.recv().await.expect("the test goes on");
                stream.write_all(piece).await.expect("a piece");
            }
            std::future::pending::<()>().await;
        }
    })
    .await;
    let mut client = client();
    let (request, download) = reading(&url);
    client.start(request);
    until(&mut client, |_| download.head().is_some()).await;
    let response = download.head().expect("it is there").response;
    assert_eq!(response.headers.get("x-a"), Some(&b"1"[..]));
    assert_eq!(download.take(), Next::Nothing);
    for piece in [&b"one"[..], b"two"] {
        next.send(()).await.expect("the peer waits");
        let mut taken = Next::Nothing;
        poll_fn(|cx| {
            client.poll(cx, &mut |_, _| panic!("it goes on"));
            taken = download.take();
            if taken == Next::Nothing { Poll::Pending } else { Poll::Ready(()) }
        })
        .await;
        assert!(matches!(taken, Next::Chunk(chunk) if chunk.bytes == piece));
    }
    next.send(()).await.expect("the peer waits");
    let finished = finish(&mut client).await;
    assert_eq!(finished.len(), 1);
    let response = finished[0].1.result.as_ref().expect("a response");
    assert_eq!((response.length, response.body.len()), (6, 0));
    assert_eq!(download.take(), Next::End);
}

#[tokio::test]
async fn a_stream_that_nobody_reads_stops_and_goes_on_when_it_is_read() {
    let total = 8 << 20;
    let url = peer(move |_, mut stream| async move {
        head(&mut stream).await;
        let start = format!("HTTP/1.1 200 OK\r\ncontent-length: {total}\r\n\r\n");
        stream.write_all(start.as_bytes()).await.expect("a head");
        stream.write_all(&vec![b'x'; total]).await.expect("it is all read");
    })
    .await;
    let mut client = client();
    let (request, download) = reading(&url);
    client.start(Request { timeout: Some(SECOND * 5), ..request });
    let mut most = 0;
    let mut taken = 0;
    // Nobody reads until the clock has passed its time: that is no fault of the peer's.
    until(&mut client, |_| download.head().is_some()).await;
    for _ in 0..100 {
        poll_fn(|cx| {
            client.poll(cx, &mut |_, exchange| panic!("ended early: {exchange:?}"));
            Poll::Ready(())
        })
        .await;
        tokio::task::yield_now().await;
    }
    pause();
    advance(SECOND * 60).await;
    poll_fn(|cx| {
        client.poll(cx, &mut |_, exchange| panic!("ended early: {exchange:?}"));
        Poll::Ready(())
    })
    .await;
    tokio::time::resume();
    poll_fn(|cx| {
        client.poll(cx, &mut |_, exchange| assert!(exchange.result.is_ok()));
        let mut waiting = 0;
        while let Next::Chunk(chunk) = download.take() {
            waiting += chunk.bytes.len();
        }
        most = most.max(waiting);
        taken += waiting;
        if waiting > 0 {
            cx.waker().wake_by_ref();
        }
        if client.running() == 0 && waiting == 0 { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    assert_eq!(taken, total);
    assert!(most <= (256 + 16) << 10, "{most} bytes waited");
}

/// A peer that goes on for ever.
async fn endless() -> String {
    peer(|_, mut stream| async move {
        head(&mut stream).await;
        let start = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
        let mut sent = stream.write_all(start).await;
        while sent.is_ok() {
            sent = stream.write_all(b"8\r\nfor ever\r\n").await;
        }
    })
    .await
}

#[tokio::test]
async fn a_stream_that_is_closed_ends_as_one_that_came() {
    let url = endless().await;
    let mut client = client();
    let (request, download) = reading(&url);
    client.start(request);
    until(&mut client, |_| download.head().is_some()).await;
    download.close();
    let finished = finish(&mut client).await;
    assert!(finished[0].1.result.is_ok());
    // Its connection is of no more use.
    assert!(!exchange(&mut client, get(&crate::peer::answering(EMPTY).await)).await.reused);
}

#[tokio::test]
async fn a_body_without_end_is_kept_up_to_the_limit_and_forgotten_until_time_is_up() {
    let url = endless().await;
    let mut client =
        Client::new(Arc::new(net::Config { body_limit: 1 << 20, ..Default::default() }));
    let kept = exchange(&mut client, get(&url)).await;
    assert_eq!(error(&kept), &Error::BodyTooLarge(1 << 20));
    let request = Request {
        body_policy: BodyPolicy::Discard,
        timeout: Some(Duration::from_millis(300)),
        ..get(&url)
    };
    let discarded = exchange(&mut client, request).await;
    assert_eq!(error(&discarded), &Error::TimedOut);
    assert!(discarded.received > 0);
}

#[tokio::test]
async fn a_peer_that_goes_silent_in_a_stream_is_given_its_time_anew_with_each_byte() {
    let (next, wait) = mpsc::channel::<()>(1);
    let wait = Arc::new(tokio::sync::Mutex::new(wait));
    let url = peer(move |_, mut stream| {
        let wait = Arc::clone(&wait);
        async move {
            head(&mut stream).await;
            stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.expect("a head");
            while wait.lock().await.recv().await.is_some() {
                stream.write_all(b"x").await.expect("a piece");
            }
        }
    })
    .await;
    let mut client = client();
    let (request, download) = reading(&url);
    client.start(Request { timeout: Some(SECOND * 10), ..request });
    until(&mut client, |_| download.head().is_some()).await;
    let mut ended: Option<Exchange> = None;
    for _ in 0..5 {
        pause();
        advance(SECOND * 7).await;
        tokio::time::resume();
        next.send(()).await.expect("the peer waits");
        until(&mut client, |_| matches!(download.take(), Next::Chunk(_))).await;
    }
    pause();
    advance(SECOND * 11).await;
    poll_fn(|cx| {
        client.poll(cx, &mut |_, exchange| ended = Some(exchange));
        Poll::Ready(())
    })
    .await;
    assert_eq!(error(&ended.expect("it has ended")), &Error::TimedOut);
    assert_eq!(download.take(), Next::Failed(Error::TimedOut));
}

#[tokio::test]
async fn the_first_byte_has_a_time_of_its_own() {
    let url = crate::peer::silent().await;
    let mut client = client();
    client.start(Request { first_byte_timeout: Some(SECOND * 3), ..get(&url) });
    until(&mut client, |client| client.on_wire() == 1).await;
    pause();
    advance(SECOND * 4).await;
    let mut ended = None;
    poll_fn(|cx| {
        client.poll(cx, &mut |_, exchange| ended = Some(exchange));
        Poll::Ready(())
    })
    .await;
    assert_eq!(error(&ended.expect("it has ended")), &Error::TimedOut);
}

#[tokio::test]
async fn a_stream_begins_where_its_redirects_lead() {
    let url = peer(|_, mut stream| async move {
        while let Some(head) = head(&mut stream).await {
            let answer = match head.starts_with("GET / ") {
                true => "HTTP/1.1 302 Found\r\nlocation: /there\r\ncontent-length: 4\r\n\r\ngone",
                false => "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nthere",
            };
            stream.write_all(answer.as_bytes()).await.expect("an answer");
        }
    })
    .await;
    let mut client = client();
    let (request, download) = reading(&url);
    client.start(request);
    let finished = finish(&mut client).await;
    assert_eq!(finished.len(), 2);
    assert_eq!(download.head().expect("a head").response.status, 200);
    assert!(matches!(download.take(), Next::Chunk(chunk) if chunk.bytes == b"there"));
    assert_eq!(download.take(), Next::End);
    // Where none are followed, the first response is the one.
    let (request, download) = reading(&url);
    client.start(Request { redirects: Some(0), ..request });
    assert_eq!(finish(&mut client).await.len(), 1);
    assert_eq!(download.head().expect("a head").response.status, 302);
    assert!(matches!(download.take(), Next::Chunk(chunk) if chunk.bytes == b"gone"));
}

#[tokio::test]
async fn an_interim_response_is_no_first_byte() {
    let url = peer(|_, mut stream| async move {
        head(&mut stream).await;
        stream.write_all(b"HTTP/1.1 103 Early Hints\r\n\r\n").await.expect("it says so");
        std::future::pending::<()>().await;
    })
    .await;
    let mut client = client();
    client.start(Request { first_byte_timeout: Some(SECOND * 3), ..get(&url) });
    until(&mut client, |client| client.on_wire() == 1).await;
    // Whatever it says comes in the meantime.
    crate::peer::let_news_arrive().await;
    until(&mut client, |_| true).await;
    pause();
    advance(SECOND * 4).await;
    let finished = finish(&mut client).await;
    assert_eq!(error(&finished[0].1), &Error::TimedOut);
    let timings = finished[0].1.timings;
    assert!(timings.waiting >= SECOND * 3 && timings.receiving.is_zero(), "{timings:?}");
}

#[tokio::test]
async fn bodies_that_nobody_has_taken_are_bounded_together() {
    const LENGTH: usize = 1 << 20;
    let url = peer(|_, mut stream| async move {
        while head(&mut stream).await.is_some() {
            let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {LENGTH}\r\n\r\n");
            let sent = async {
                stream.write_all(head.as_bytes()).await?;
                stream.write_all(&vec![b'a'; LENGTH]).await
            };
            if sent.await.is_err() {
                break;
            }
        }
    })
    .await;
    // Two and a half of them.
    let config = Config { held_limit: LENGTH * 5 / 2, ..Config::default() };
    let mut client = Client::new(Arc::new(config));
    for _ in 0..5 {
        client.start(get(&url));
    }
    let mut ended: Vec<_> = finish(&mut client).await.into_iter().map(|(_, it)| it).collect();
    let failed = ended.iter().filter(|exchange| exchange.result.is_err()).count();
    // The last one may be whole before it is known that it was too much.
    assert!((2..=3).contains(&failed), "{failed} of five failed: two have room");
    for exchange in ended.iter().filter(|exchange| exchange.result.is_err()) {
        assert_eq!(error(exchange), &Error::BodyTooLarge(LENGTH * 5 / 2));
    }
    // Taken over, they count no more.
    for exchange in &mut ended {
        if let Ok(response) = &mut exchange.result {
            response.take_over();
        }
    }
    let one_more = exchange(&mut client, get(&url)).await;
    assert_eq!(one_more.result.expect("there is room").body.len(), LENGTH);
}
