//! Bytes, phases, and what was on the wire.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::peer::{
    EMPTY, answering, client, closing_after, exchange, finish, get, head, peer, post, silent, until,
};

#[tokio::test]
async fn bytes_are_those_on_the_wire() {
    const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello";
    const BODY: usize = 1_000_000;
    let seen = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&seen);
    let url = peer(move |_, mut stream| {
        let seen = Arc::clone(&counted);
        async move {
            while let Some(head) = head(&mut stream).await {
                let mut body = vec![0; if head.starts_with("POST") { BODY } else { 0 }];
                stream.read_exact(&mut body).await.expect("a body");
                seen.store(head.len() + body.len(), Ordering::SeqCst);
                stream.write_all(ANSWER).await.expect("the client listens");
            }
        }
    })
    .await;
    let mut client = client();
    for request in [get(&url), post(&url, vec![b'x'; BODY]), get(&url)] {
        let exchange = exchange(&mut client, request).await;
        assert_eq!(exchange.sent, seen.load(Ordering::SeqCst) as u64);
        assert_eq!(exchange.received, ANSWER.len() as u64);
    }
}

#[tokio::test]
async fn phases_lie_within_the_time_the_exchange_took_and_none_is_counted_twice() {
    let url = answering(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await;
    let broken = closing_after(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nok").await;
    let mut client = client();
    for (url, reused) in [(&url, false), (&url, true), (&broken, false)] {
        let before = Instant::now();
        let exchange = exchange(&mut client, get(url)).await;
        let outside = before.elapsed();
        let t = exchange.timings;
        let parts = [t.blocked, t.dns, t.connecting, t.tls, t.sending, t.waiting, t.receiving];
        assert_eq!(parts.iter().sum::<Duration>(), t.total());
        assert!(t.total() <= outside, "{t:?} in {outside:?}");
        assert_eq!((t.dns, t.tls), (Duration::ZERO, Duration::ZERO));
        assert_eq!(exchange.reused, reused);
        assert_eq!(t.connecting == Duration::ZERO, reused);
        assert!(!reused || t.blocked == Duration::ZERO, "nothing was in the way");
        assert!(t.sending > Duration::ZERO && t.waiting > Duration::ZERO);
        assert_eq!(format!("http://{}/", exchange.remote.expect("a connection")), *url);
    }
}

#[tokio::test]
async fn what_is_cut_off_is_known_to_have_been_on_the_wire() {
    let url = silent().await;
    let mut client = client();
    client.start(get(&url));
    client.start(get(&url));
    assert_eq!((client.running(), client.on_wire()), (2, 0));
    until(&mut client, |client| client.on_wire() == 2).await;
    assert_eq!(client.running(), 2);
}

#[tokio::test]
async fn a_request_that_is_not_written_whole_is_not_on_the_wire() {
    let begun = Arc::new(Notify::new());
    let go_on = Arc::new(Notify::new());
    let serve = {
        let (begun, go_on) = (Arc::clone(&begun), Arc::clone(&go_on));
        move |_, mut stream: TcpStream| {
            let (begun, go_on) = (Arc::clone(&begun), Arc::clone(&go_on));
            async move {
                head(&mut stream).await;
                begun.notify_one();
                go_on.notified().await;
                let mut rest = vec![0; 32 << 20];
                stream.read_exact(&mut rest).await.expect("a body");
                stream.write_all(EMPTY).await.expect("the client listens");
            }
        }
    };
    let url = peer(serve).await;
    let mut client = client();
    // More than the sockets between the two can hold.
    client.start(post(&url, vec![b'x'; 32 << 20]));
    tokio::select! {
        biased;
        () = begun.notified() => {}
        () = until(&mut client, |_| false) => {}
    }
    assert_eq!((client.running(), client.on_wire()), (1, 0));
    go_on.notify_one();
    let finished = finish(&mut client).await;
    finished[0].1.result.as_ref().expect("a response");
    assert!(finished[0].1.sent > 32 << 20);
}
