//! HTTP/2: what a peer allows and what it is allowed, and whose bytes and time it was.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use h2::server::Builder;
use net::{Body, BodyPolicy, Download, Error, Next, RandomSource, Request, Timings, TlsSettings};
use tokio::sync::{Notify, Semaphore, mpsc};

use crate::http2_peer::{
    DATA, END_HEADERS, END_STREAM, HEADERS, OK, RST_STREAM, Raw, SETTINGS, WINDOW_UPDATE, client,
    frame, header, raw_peer, respond, serve, serving, settings, swallow,
};
use crate::peer::{self, error, exchange, finish, get, let_news_arrive, post, until};
use crate::tls_peer::{Authority, Manner, config_of, relay, server, tls_peer};

/// The ids of settings (RFC 9113 §6.5.2).
const INITIAL_WINDOW_SIZE: u16 = 0x4;
const MAX_FRAME_SIZE: u16 = 0x5;

const SECOND: Duration = Duration::from_secs(1);

fn made(length: u64) -> Body {
    Body::Made(Arc::new(RandomSource { length, seed: 1 }))
}

#[tokio::test]
async fn megabytes_go_up_through_a_small_window() {
    let length = (5 << 20) + 3;
    for window in [1_000, 65_535, 1 << 20] {
        let mut builder = Builder::new();
        builder.initial_window_size(window);
        let url = serving(builder, move |request, to| async move {
            assert_eq!(request.headers()["content-length"], length.to_string());
            let came = swallow(request).await;
            respond(to, came.to_string());
        })
        .await;
        let mut client = client();
        for body in [made(length), Body::from(vec![b'x'; usize::try_from(length).expect("fits")])] {
            client.start(Request { body, ..post(&url, "") });
        }
        for (_, exchange) in finish(&mut client).await {
            assert!(exchange.sent > length, "{}", exchange.sent);
            assert_eq!(exchange.result.expect("a response").body, length.to_string().as_bytes());
        }
    }
}

/// Takes what comes of a body, and how many bytes that was.
fn take(download: &Download) -> usize {
    let mut taken = 0;
    while let Next::Chunk(chunk) = download.take() {
        taken += chunk.bytes.len();
    }
    taken
}

#[tokio::test]
async fn what_nobody_reads_stops_at_its_window_and_holds_up_nobody_else() {
    const TOTAL: usize = 32 << 20;
    const WINDOW: usize = 4 << 20;
    let url = serving(Builder::new(), |request, mut to| async move {
        if request.uri().path() == "/quick" {
            return respond(to, vec![b'x'; 1 << 20]);
        }
        let mut stream = to.send_response(http::Response::new(()), false).expect("it waits");
        stream.send_data(Bytes::from(vec![b'x'; TOTAL]), true).expect("it waits");
    })
    .await;
    let mut client = client();
    let download = Download::default();
    let body_policy = BodyPolicy::Stream(download.clone());
    let timeout = Some(SECOND * 5);
    let slow = client.start(Request { body_policy, timeout, ..get(&url) });
    until(&mut client, |_| download.head().is_some()).await;
    // Many megabytes beside it, which would not fit into one window with it.
    for _ in 0..20 {
        let quick = client.start(get(&format!("{url}quick")));
        let mut ended = Vec::new();
        poll_fn(|cx| {
            client.poll(cx, &mut |id, exchange| ended.push((id, exchange.result.is_ok())));
            if ended.is_empty() { Poll::Pending } else { Poll::Ready(()) }
        })
        .await;
        assert_eq!(ended, [(quick, true)]);
    }
    // That nobody reads is no fault of the peer's, however long.
    tokio::time::pause();
    tokio::time::advance(SECOND * 60).await;
    until(&mut client, |_| true).await;
    tokio::time::resume();
    let mut taken = take(&download);
    assert!(taken <= WINDOW && taken > WINDOW / 2, "{taken} bytes waited");
    poll_fn(|cx| {
        client.poll(cx, &mut |id, exchange| {
            assert_eq!(id, slow);
            assert_eq!(exchange.result.expect("a response").length, TOTAL as u64);
        });
        let more = take(&download);
        assert!(more <= WINDOW, "{more} bytes waited");
        taken += more;
        if more > 0 {
            cx.waker().wake_by_ref();
        }
        if client.running() == 0 { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    assert_eq!(taken + take(&download), TOTAL);
}

#[tokio::test]
async fn a_window_that_changes_on_the_way_is_kept_to() {
    let url = peer::peer(|_, stream| async move {
        // No byte of a body may go before more is allowed.
        let mut raw = Raw::greeted_with(stream, &[(INITIAL_WINDOW_SIZE, 0)]).await;
        let stream = raw.request().await;
        raw.answer(stream).await;
        let stream = raw.request().await;
        let mut came = Vec::new();
        raw.send(SETTINGS, 0, 0, &settings(&[(INITIAL_WINDOW_SIZE, 10)])).await;
        while came.len() < 10 {
            came.extend(raw.next(DATA).await.expect("a part of the body comes").payload);
        }
        // Less than was used: it owes five bytes now.
        raw.send(SETTINGS, 0, 0, &settings(&[(INITIAL_WINDOW_SIZE, 5)])).await;
        raw.send(WINDOW_UPDATE, 0, stream, &7u32.to_be_bytes()).await;
        while came.len() < 12 {
            came.extend(raw.next(DATA).await.expect("a part of the body comes").payload);
        }
        assert_eq!(came.len(), 12, "no more was allowed");
        raw.send(WINDOW_UPDATE, 0, stream, &100u32.to_be_bytes()).await;
        while came.len() < 26 {
            came.extend(raw.next(DATA).await.expect("the rest comes").payload);
        }
        assert_eq!(came, b"abcdefghijklmnopqrstuvwxyz");
        raw.answer(stream).await;
        raw.until_closed().await;
    })
    .await;
    let mut client = client();
    // The first window is the standard's: what the peer wishes is known when it has answered once.
    exchange(&mut client, get(&url)).await.result.expect("a response");
    let exchange = exchange(&mut client, post(&url, "abcdefghijklmnopqrstuvwxyz")).await;
    exchange.result.expect("a response");
}

#[tokio::test]
async fn frames_are_no_larger_than_the_peer_takes_them() {
    for (wishes, largest) in [(&[][..], 16_384), (&[(MAX_FRAME_SIZE, 40_000)][..], 40_000)] {
        let (tell, mut told) = mpsc::unbounded_channel();
        let url = peer::peer(move |_, stream| {
            let tell = tell.clone();
            async move {
                let mut raw = Raw::greeted_with(stream, wishes).await;
                let large = (1u32 << 30).to_be_bytes();
                raw.send(WINDOW_UPDATE, 0, 0, &large).await;
                for _ in 0..2 {
                    let stream = raw.request().await;
                    raw.send(WINDOW_UPDATE, 0, stream, &large).await;
                    let mut last = 0;
                    while last & END_STREAM == 0 {
                        let data = raw.next(DATA).await.expect("the body comes");
                        tell.send(data.payload.len()).expect("the test listens");
                        last = data.flags;
                    }
                    raw.answer(stream).await;
                }
                raw.until_closed().await;
            }
        })
        .await;
        let mut client = client();
        for _ in 0..2 {
            let exchange = exchange(&mut client, post(&url, vec![b'x'; 500_000])).await;
            exchange.result.expect("a response");
        }
        let mut sizes = Vec::new();
        while let Ok(size) = told.try_recv() {
            sizes.push(size);
        }
        assert_eq!(sizes.iter().max(), Some(&largest));
        assert_eq!(sizes.iter().sum::<usize>(), 1_000_000);
    }
}

#[tokio::test]
async fn no_more_streams_are_open_than_the_peer_allows_and_the_others_wait_in_order() {
    for allowed in [1, 3] {
        let mut builder = Builder::new();
        builder.max_concurrent_streams(allowed);
        let (open, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let seen = (open, Arc::clone(&most));
        let url = serving(builder, move |request, to| {
            let (open, most) = seen.clone();
            most.fetch_max(open.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            async move {
                tokio::task::yield_now().await;
                open.fetch_sub(1, Ordering::SeqCst);
                respond(to, request.uri().path().to_owned());
            }
        })
        .await;
        let mut client = client();
        // What the peer allows is known from then on.
        exchange(&mut client, get(&url)).await.result.expect("a response");
        let started: Vec<_> = (0..20).map(|n| client.start(get(&format!("{url}{n}")))).collect();
        let finished = finish(&mut client).await;
        for (id, exchange) in &finished {
            let n = started.iter().position(|started| started == id).expect("it was started");
            let response = exchange.result.as_ref().expect("a response");
            assert_eq!(response.body, format!("/{n}").as_bytes());
            assert_eq!(exchange.timings.blocked > Duration::ZERO, n >= allowed as usize, "{n}");
        }
        if allowed == 1 {
            let ended: Vec<_> = finished.iter().map(|(id, _)| *id).collect();
            assert_eq!(ended, started);
        }
        assert!(most.load(Ordering::SeqCst) <= allowed as usize);
    }
}

#[tokio::test]
async fn what_a_peer_refuses_before_its_wishes_are_known_is_sent_again() {
    let mut builder = Builder::new();
    builder.max_concurrent_streams(1);
    let served = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&served);
    let url = serving(builder, move |_, to| {
        counted.fetch_add(1, Ordering::SeqCst);
        async move { respond(to, "") }
    })
    .await;
    let mut client = client();
    for _ in 0..20 {
        client.start(get(&url));
    }
    for (_, exchange) in finish(&mut client).await {
        exchange.result.as_ref().expect("a response");
        assert!(!exchange.retried, "the peer has done nothing with it before");
    }
    assert_eq!(served.load(Ordering::SeqCst), 20);
}

#[tokio::test]
async fn one_that_is_given_up_is_told_to_the_peer_and_leaves_the_others_unharmed() {
    for times_out in [true, false] {
        let (tell, told) = mpsc::unbounded_channel();
        let url = raw_peer(move |number, mut raw| {
            let tell = tell.clone();
            async move {
                assert_eq!(number, 0, "nobody asked for a second connection");
                let (first, second) = (raw.request().await, raw.request().await);
                tell.send(()).expect("the test listens");
                let reset = raw.next(RST_STREAM).await.expect("one is given up");
                // CANCEL.
                assert_eq!((reset.stream, reset.payload), (first, vec![0, 0, 0, 8]));
                // What was on its way all the same harms nobody.
                raw.send(HEADERS, END_HEADERS, first, OK).await;
                raw.send(DATA, END_STREAM, first, b"late").await;
                raw.send(HEADERS, END_HEADERS, second, OK).await;
                raw.send(DATA, END_STREAM, second, b"in time").await;
                let third = raw.request().await;
                raw.answer(third).await;
                raw.until_closed().await;
            }
        })
        .await;
        let mut client = client();
        let first = client.start(Request { timeout: Some(SECOND * 5), ..get(&url) });
        let second = client.start(get(&url));
        until(&mut client, |_| !told.is_empty()).await;
        if times_out {
            tokio::time::pause();
            tokio::time::advance(SECOND * 6).await;
            let mut late = Vec::new();
            poll_fn(|cx| {
                client.poll(cx, &mut |id, exchange| late.push((id, exchange)));
                Poll::Ready(())
            })
            .await;
            tokio::time::resume();
            let (id, exchange) = late.pop().expect("it is late");
            assert_eq!((id, error(&exchange), late.len()), (first, &Error::TimedOut, 0));
            assert!(exchange.begun && exchange.sent > 0);
        } else {
            client.cancel(first);
        }
        let (id, exchange) = finish(&mut client).await.remove(0);
        assert_eq!((id, exchange.result.expect("a response").body), (second, b"in time".to_vec()));
        let third = crate::peer::exchange(&mut client, get(&url)).await;
        assert!(third.reused && third.result.is_ok());
    }
}

#[tokio::test]
async fn a_connection_on_which_nothing_came_is_not_trusted_again() {
    let url = raw_peer(|_, mut raw| async move {
        let stream = raw.request().await;
        raw.answer(stream).await;
        // From here on it is as good as gone.
        raw.until_closed().await;
    })
    .await;
    let mut client = client();
    exchange(&mut client, get(&url)).await.result.expect("a response");
    let_news_arrive().await;
    client.start(Request { timeout: Some(SECOND * 5), ..get(&url) });
    until(&mut client, |client| client.on_wire() == 1).await;
    tokio::time::pause();
    tokio::time::advance(SECOND * 6).await;
    let late = finish(&mut client).await.remove(0).1;
    tokio::time::resume();
    assert_eq!(error(&late), &Error::TimedOut);
    let next = exchange(&mut client, get(&url)).await;
    assert!(!next.reused && next.result.is_ok());
}

#[tokio::test]
async fn a_response_that_is_over_before_its_request_is_a_response() {
    let gone = Arc::new(Notify::new());
    let tell = Arc::clone(&gone);
    let url = raw_peer(move |_, mut raw| {
        let tell = Arc::clone(&tell);
        async move {
            let stream = raw.request().await;
            let no = [header(":status", "413"), header("x-why", "too large")].concat();
            raw.send(HEADERS, END_HEADERS | END_STREAM, stream, &no).await;
            // NO_ERROR: the rest of the request is not needed (RFC 9113 §8.1).
            raw.send(RST_STREAM, 0, stream, &[0; 4]).await;
            tell.notify_one();
            let stream = raw.request().await;
            raw.answer(stream).await;
            raw.until_closed().await;
        }
    })
    .await;
    let mut client = client();
    let refused = exchange(&mut client, Request { body: made(1 << 30), ..post(&url, "") }).await;
    let response = refused.result.as_ref().expect("a response");
    assert_eq!(response.headers.get("x-why"), Some(&b"too large"[..]));
    assert!(refused.sent < 1 << 30);
    gone.notified().await;
    assert!(exchange(&mut client, get(&url)).await.reused);
}

/// The phases of an exchange, which must be as long as they are together.
fn summed(t: Timings) -> Duration {
    let parts = [t.blocked, t.dns, t.connecting, t.tls, t.sending, t.waiting, t.receiving];
    let sum = parts.iter().sum();
    assert_eq!(sum, t.total());
    sum
}

#[tokio::test]
async fn every_byte_on_the_wire_is_counted_once() {
    let authority = Authority::new("ours");
    let manner = Manner { protocols: &[b"h2"], ..Manner::default() };
    let url = tls_peer(server(&authority.issue(&["localhost"]), &manner), |_, stream| async {
        serve(stream, Builder::new(), |request, to| async move {
            let length = swallow(request).await;
            respond(to, vec![b'x'; length * 2]);
        })
        .await;
    })
    .await;
    let (url, counted) = relay(&url).await;
    let mut client = net::Client::new(config_of(&authority, TlsSettings::default()));
    let (mut sent, mut received) = (0, 0);
    for lengths in [&[0][..], &[10, 100_000, 0, 3_000_000], &[5]] {
        let before = tokio::time::Instant::now();
        for &length in lengths {
            client.start(post(&url, vec![b'x'; length]));
        }
        let finished = finish(&mut client).await;
        for (_, exchange) in &finished {
            let body = exchange.result.as_ref().expect("a response").body.len() as u64;
            assert!(exchange.sent > body / 2 && exchange.received > body);
            // Nobody has another's body.
            assert!(exchange.received < body + body / 10 + 5_000, "{} {body}", exchange.received);
            assert!(summed(exchange.timings) <= before.elapsed());
            assert!(exchange.timings.sending > Duration::ZERO);
            assert!(exchange.timings.waiting > Duration::ZERO);
            sent += exchange.sent;
            received += exchange.received;
        }
    }
    // What is said about windows at the very end belongs to whoever comes next, if anybody does.
    let on_wire = [0, 1].map(|way: usize| counted[way].load(Ordering::SeqCst));
    assert!(sent <= on_wire[0] && on_wire[0] - sent < 500, "{sent} of {}", on_wire[0]);
    assert!(received <= on_wire[1] && on_wire[1] - received < 500, "{received} of {}", on_wire[1]);
}

#[tokio::test]
async fn in_the_clear_the_first_exchange_has_all_that_it_took_to_begin() {
    let (tell, mut told) = mpsc::unbounded_channel();
    let url = raw_peer(move |_, mut raw| {
        let tell = tell.clone();
        async move {
            let mut seen = 24;
            for _ in 0..2 {
                let stream = loop {
                    let read = raw.read().await.expect("a request comes");
                    seen += 9 + read.payload.len() as u64;
                    if read.kind == HEADERS {
                        break read.stream;
                    }
                };
                tell.send(std::mem::take(&mut seen)).expect("the test listens");
                let answer = [header(":status", "200"), header("x-a", "1")].concat();
                raw.write(&frame(HEADERS, END_HEADERS | END_STREAM, stream, &answer)).await;
            }
            raw.until_closed().await;
        }
    })
    .await;
    let mut client = client();
    let (mut sent, mut seen) = (0, 0);
    for settings in [9, 0] {
        let exchange = exchange(&mut client, get(&url)).await;
        exchange.result.expect("a response");
        let head = header(":status", "200").len() + header("x-a", "1").len();
        assert_eq!(exchange.received, (settings + 9 + head) as u64);
        sent += exchange.sent;
        seen += told.recv().await.expect("it was told");
    }
    assert_eq!(sent, seen);
}

#[tokio::test]
async fn a_request_that_is_not_written_whole_is_not_on_the_wire() {
    let go_on = Arc::new(Semaphore::new(0));
    let wait = Arc::clone(&go_on);
    let url = serving(Builder::new(), move |request, to| {
        let wait = Arc::clone(&wait);
        async move {
            let _permit = wait.acquire().await.expect("it is not closed");
            swallow(request).await;
            respond(to, "");
        }
    })
    .await;
    let mut client = client();
    client.start(post(&url, vec![b'x'; 1 << 20]));
    client.start(get(&url));
    // All of the one, and of the other what a window takes.
    until(&mut client, |client| client.on_wire() == 1).await;
    go_on.add_permits(1);
    for (_, exchange) in finish(&mut client).await {
        exchange.result.expect("a response");
    }
}
