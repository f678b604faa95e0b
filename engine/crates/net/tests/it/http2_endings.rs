//! HTTP/2: streams and connections that the peer ends, why it says it does, and what is sent again.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use http::Method;
use net::{Body, Error, Http2Code, RandomSource, Request};

use crate::http2_peer::{
    DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, OK, RST_STREAM, Raw, client, frame, goaway,
    header, raw_peer, writing,
};
use crate::peer::{error, exchange, finish, get, let_news_arrive, peer, post, until};

const PROTOCOL_ERROR: u32 = 1;
const REFUSED_STREAM: u32 = 7;
/// A setting (RFC 9113 §6.5.2).
const MAX_CONCURRENT_STREAMS: u16 = 0x3;
const ENHANCE_YOUR_CALM: u32 = 11;

#[tokio::test]
async fn a_stream_that_is_reset_says_why() {
    for (code, shown, number) in [
        (0, "NO_ERROR", 1631),
        (PROTOCOL_ERROR, "PROTOCOL_ERROR", 1632),
        (2, "INTERNAL_ERROR", 1633),
        (8, "CANCEL", 1639),
        (ENHANCE_YOUR_CALM, "ENHANCE_YOUR_CALM", 1642),
        (13, "HTTP_1_1_REQUIRED", 1644),
        (0xbeef, "code 0xbeef", 1630),
    ] {
        let reset = frame(RST_STREAM, 0, 1, &code.to_be_bytes());
        let head = frame(HEADERS, END_HEADERS, 1, &[OK, &header("content-length", "9")].concat());
        let body = frame(DATA, 0, 1, b"a");
        for before in [vec![], head.clone(), [head, body].concat()] {
            let url = writing([before, reset.clone()].concat()).await;
            let mut client = client();
            let exchange = exchange(&mut client, get(&url)).await;
            assert_eq!(error(&exchange), &Error::StreamReset(Http2Code(code)));
            assert_eq!(
                (error(&exchange).label(), error(&exchange).code()),
                ("stream reset", number)
            );
            let told = error(&exchange).to_string();
            assert_eq!(told, format!("the server reset the stream: {shown}"));
            assert!(exchange.begun && exchange.sent > 0 && exchange.received > 0);
            assert_eq!(exchange.proto, "HTTP/2.0");
        }
    }
}

/// Serves, as stream after stream, what these say: answered, or refused by a reset.
async fn refusing(answers: &'static [bool]) -> (String, Arc<AtomicUsize>) {
    let connections = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&connections);
    let url = raw_peer(move |_, mut raw| {
        counted.fetch_add(1, Ordering::SeqCst);
        async move {
            for answers in answers {
                let stream = raw.request().await;
                if *answers {
                    raw.answer(stream).await;
                } else {
                    raw.send(RST_STREAM, 0, stream, &REFUSED_STREAM.to_be_bytes()).await;
                }
            }
            raw.until_closed().await;
        }
    })
    .await;
    (url, connections)
}

#[tokio::test]
async fn what_is_refused_is_sent_once_more_and_no_oftener_whatever_its_method() {
    for method in [Method::GET, Method::POST] {
        let (url, _) = refusing(&[false, true]).await;
        let request = Request { method, body: Body::from(&b"body"[..]), ..get(&url) };
        let answered = exchange(&mut client(), request.clone()).await;
        answered.result.as_ref().expect("the second time it is answered");
        assert!(!answered.retried, "nothing of it was done the first time");

        let (url, connections) = refusing(&[false, false, true]).await;
        let request = Request { target: get(&url).target, ..request };
        let mut client = client();
        let refused = exchange(&mut client, request).await;
        assert_eq!(error(&refused), &Error::StreamReset(Http2Code(REFUSED_STREAM)));
        assert_eq!(error(&refused).code(), 1638);
        exchange(&mut client, get(&url)).await.result.expect("the connection is as good as ever");
        assert_eq!(connections.load(Ordering::SeqCst), 1);
    }
}

#[tokio::test]
async fn after_goodbye_on_an_idle_connection_the_next_request_has_another() {
    // Politely, in two steps as servers do; with a reason; and without a word.
    for parting in [
        frame(GOAWAY, 0, 0, &goaway(1, 0)),
        [frame(GOAWAY, 0, 0, &goaway(0x7fff_ffff, 0)), frame(GOAWAY, 0, 0, &goaway(1, 0))].concat(),
        frame(GOAWAY, 0, 0, &goaway(1, ENHANCE_YOUR_CALM)),
        vec![],
    ] {
        for stays in [true, false] {
            let parting = parting.clone();
            if parting.is_empty() && stays {
                continue;
            }
            let url = raw_peer(move |number, mut raw| {
                let parting = parting.clone();
                async move {
                    let stream = raw.request().await;
                    raw.answer(stream).await;
                    if number == 0 {
                        raw.write(&parting).await;
                        if !stays {
                            return;
                        }
                    }
                    raw.until_closed().await;
                }
            })
            .await;
            let mut client = client();
            exchange(&mut client, get(&url)).await.result.expect("a response");
            let_news_arrive().await;
            let next = exchange(&mut client, post(&url, "body")).await;
            next.result.as_ref().expect("a response");
            assert!(!next.reused && !next.retried);
        }
    }
}

#[tokio::test]
async fn after_goodbye_those_under_way_finish_and_those_refused_begin_anew() {
    let url = raw_peer(|number, mut raw| async move {
        let mut streams = vec![raw.request().await, raw.request().await];
        if number == 0 {
            streams.push(raw.request().await);
            // The third is not begun with.
            raw.send(GOAWAY, 0, 0, &goaway(streams[1], 0)).await;
            streams.pop();
        }
        for stream in streams {
            raw.answer(stream).await;
        }
        raw.until_closed().await;
    })
    .await;
    let mut client = client();
    let started: Vec<_> = (0..3).map(|_| client.start(get(&url))).collect();
    until(&mut client, |client| client.on_wire() == 3).await;
    let fourth = client.start(get(&url));
    let mut finished = finish(&mut client).await;
    finished.sort_by_key(|(id, _)| *id);
    for (id, exchange) in &finished {
        exchange.result.as_ref().expect("a response");
        assert!(!exchange.retried, "{id:?}");
    }
    assert_eq!(finished.len(), 4);
    assert_eq!((finished[2].0, finished[3].0), (started[2], fourth));
}

#[tokio::test]
async fn a_peer_that_sends_everybody_away_is_asked_some_times_and_no_more() {
    for (code, number) in [(0, 1611), (PROTOCOL_ERROR, 1612), (12, 1623), (77, 1610)] {
        let connections = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&connections);
        let url = raw_peer(move |_, mut raw| {
            counted.fetch_add(1, Ordering::SeqCst);
            async move {
                raw.request().await;
                raw.send(GOAWAY, 0, 0, &goaway(0, code)).await;
                raw.until_closed().await;
            }
        })
        .await;
        let exchange = exchange(&mut client(), get(&url)).await;
        assert_eq!(error(&exchange), &Error::GoAway(Http2Code(code)));
        assert_eq!((error(&exchange).label(), error(&exchange).code()), ("sent away", number));
        assert_eq!(connections.load(Ordering::SeqCst), 7);
    }
}

#[tokio::test]
async fn a_peer_that_ends_connections_after_some_requests_answers_all_of_them_all_the_same() {
    // As nginx with few streams and few requests a connection.
    const ALLOWED: usize = 4;
    const REQUESTS: usize = 10;
    let refused = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&refused);
    let url = peer(move |_, stream| {
        let refused = Arc::clone(&counted);
        async move {
            let allowed = u32::try_from(ALLOWED).expect("it is small");
            let mut raw = Raw::greeted_with(stream, &[(MAX_CONCURRENT_STREAMS, allowed)]).await;
            // Those that have come, are refused if too many are open, and are answered as soon as no more come.
            let (mut open, mut begun) = (Vec::new(), 0);
            loop {
                let next = match open.len() {
                    0 => raw.next(HEADERS).await,
                    _ => tokio::select! {
                        biased;
                        next = raw.next(HEADERS) => next,
                        () = tokio::task::yield_now() => None,
                    },
                };
                match next {
                    Some(request) if open.len() < ALLOWED => {
                        open.push(request.stream);
                        begun += 1;
                        if begun == REQUESTS {
                            raw.send(GOAWAY, 0, 0, &goaway(request.stream, 0)).await;
                            break;
                        }
                    }
                    Some(request) => {
                        refused.fetch_add(1, Ordering::SeqCst);
                        let code = REFUSED_STREAM.to_be_bytes();
                        raw.send(RST_STREAM, 0, request.stream, &code).await;
                    }
                    None if open.is_empty() => return,
                    None => raw.answer(open.remove(0)).await,
                }
            }
            for stream in open {
                raw.answer(stream).await;
            }
            raw.until_closed().await;
        }
    })
    .await;
    let mut client = client();
    for _ in 0..100 {
        client.start(post(&url, "body"));
    }
    for (_, exchange) in finish(&mut client).await {
        exchange.result.as_ref().expect("a response");
        assert!(!exchange.retried);
    }
    let at_first = refused.load(Ordering::SeqCst);
    assert!(at_first < 100, "{at_first} were refused");
    // How many it allows is remembered.
    client.close_connections();
    for _ in 0..100 {
        client.start(post(&url, "body"));
    }
    for (_, exchange) in finish(&mut client).await {
        exchange.result.expect("a response");
    }
    assert_eq!(refused.load(Ordering::SeqCst), at_first);
}

#[tokio::test]
async fn a_goodbye_with_a_reason_is_why_what_it_cut_off_has_no_response() {
    for (code, expected) in
        [(ENHANCE_YOUR_CALM, Error::GoAway(Http2Code(ENHANCE_YOUR_CALM))), (0, Error::ClosedEarly)]
    {
        let url = raw_peer(move |_, mut raw| async move {
            let stream = raw.request().await;
            raw.send(HEADERS, END_HEADERS, stream, OK).await;
            raw.send(GOAWAY, 0, 0, &goaway(stream, code)).await;
        })
        .await;
        assert_eq!(error(&exchange(&mut client(), get(&url)).await), &expected);
    }
}

#[tokio::test]
async fn a_connection_that_dies_costs_a_request_that_can_be_repeated_only_time() {
    for (method, seen_by_peer) in [(Method::GET, 2), (Method::POST, 1)] {
        let seen = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&seen);
        // The first connection serves one request, swallows the next, and closes.
        let url = raw_peer(move |number, mut raw| {
            let seen = Arc::clone(&counted);
            async move {
                let stream = raw.request().await;
                seen.fetch_add(number, Ordering::SeqCst);
                raw.answer(stream).await;
                raw.request().await;
                seen.fetch_add(1, Ordering::SeqCst);
            }
        })
        .await;
        let mut client = client();
        exchange(&mut client, get(&url)).await.result.expect("a response");
        let second = exchange(&mut client, Request { method, ..get(&url) }).await;
        assert_eq!(seen.load(Ordering::SeqCst), seen_by_peer);
        assert_eq!(second.retried, seen_by_peer == 2);
        if seen_by_peer == 1 {
            assert_eq!(error(&second), &Error::ClosedEarly);
        } else {
            second.result.expect("a response");
        }
    }
    // A fresh one is not tried again.
    let url = raw_peer(|_, mut raw| async move {
        raw.request().await;
    })
    .await;
    assert_eq!(error(&exchange(&mut client(), get(&url)).await), &Error::ClosedEarly);
    let url = raw_peer(|_, mut raw| async move {
        raw.request().await;
        raw.0.set_zero_linger().expect("it is a socket");
    })
    .await;
    assert_eq!(error(&exchange(&mut client(), get(&url)).await), &Error::ConnectionReset);
}

#[tokio::test]
async fn what_a_peer_said_before_it_broke_off_counts() {
    for answers in [true, false] {
        let url = raw_peer(move |_, mut raw| async move {
            let stream = raw.request().await;
            if answers {
                let no = [header(":status", "413"), header("x-why", "too large")].concat();
                raw.send(HEADERS, END_HEADERS | END_STREAM, stream, &no).await;
            }
            // Much has come that it has not read: it breaks off.
        })
        .await;
        let body = Body::Made(Arc::new(RandomSource { length: 64 << 20, seed: 1 }));
        let exchange = exchange(&mut client(), Request { body, ..post(&url, "") }).await;
        if answers {
            assert_eq!(exchange.result.as_ref().expect("a response").status, 413);
        } else {
            let broken = [Error::ConnectionReset, Error::ClosedEarly];
            assert!(broken.contains(error(&exchange)), "{}", error(&exchange));
        }
        assert!(exchange.sent < 64 << 20);
    }
}
