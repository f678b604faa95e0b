//! Which connections are used again, and what a dead one costs.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use http::Method;
use net::{Client, Request};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Notify;

use crate::peer::{
    EMPTY, answering, client, closing_after, error, exchange, finish, get, head, let_news_arrive,
    peer, post, silent, until,
};

#[tokio::test]
async fn a_connection_is_used_again() {
    let url = answering(EMPTY).await;
    let mut client = client();
    let reused: Vec<bool> = [
        exchange(&mut client, get(&url)).await,
        exchange(&mut client, get(&format!("{url}other/path"))).await,
        exchange(&mut client, Request { method: Method::DELETE, ..get(&url) }).await,
    ]
    .iter()
    .map(|exchange| exchange.reused)
    .collect();
    assert_eq!(reused, [false, true, true]);
    client.close_connections();
    assert!(!exchange(&mut client, get(&url)).await.reused);
}

#[tokio::test]
async fn a_connection_that_the_peer_ends_is_not_used_again() {
    for answer in [
        &b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"[..],
        b"HTTP/1.0 200 OK\r\ncontent-length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\nand more than it said",
    ] {
        let url = answering(answer).await;
        let mut client = client();
        for _ in 0..2 {
            let exchange = exchange(&mut client, get(&url)).await;
            assert!(!exchange.reused, "{}", answer.escape_ascii());
            exchange.result.expect("a response");
        }
    }
}

#[tokio::test]
async fn requests_at_once_have_connections_of_their_own_and_six_are_kept() {
    let url = answering(EMPTY).await;
    let mut client = client();
    for kept in [0, 6] {
        let started: Vec<_> = (0..20).map(|_| client.start(get(&url))).collect();
        assert_eq!(client.running(), 20);
        let finished = finish(&mut client).await;
        let reused = finished.iter().filter(|(_, exchange)| exchange.reused).count();
        assert_eq!(reused, kept);
        let mut ended: Vec<_> = finished
            .into_iter()
            .map(|(id, exchange)| exchange.result.map(|_| id).expect("a response"))
            .collect();
        ended.sort();
        assert_eq!(ended, started);
    }
}

#[tokio::test]
async fn many_hosts_do_not_cost_a_connection_each() {
    let mut client = client();
    let mut urls = Vec::new();
    for _ in 0..25 {
        urls.push(answering(EMPTY).await);
    }
    for url in &urls {
        exchange(&mut client, get(url)).await.result.expect("a response");
    }
    assert!(exchange(&mut client, get(&urls[24])).await.reused);
    assert!(!exchange(&mut client, get(&urls[0])).await.reused, "it was idle longest");
}

/// A peer whose first connection serves one request, writes `parting`, and is gone; the next ones serve all.
/// It is gone when this returns, and the client can know.
async fn client_with_a_dead_connection(parting: &'static [u8]) -> (Client, String) {
    let gone = Arc::new(Notify::new());
    let serve = {
        let gone = Arc::clone(&gone);
        move |number: usize, mut stream: TcpStream| {
            let gone = Arc::clone(&gone);
            async move {
                while let Some(head) = head(&mut stream).await {
                    let length = if head.starts_with("POST") { 4 } else { 0 };
                    stream.read_exact(&mut vec![0; length]).await.expect("a body");
                    stream.write_all(EMPTY).await.expect("the client listens");
                    if number == 0 {
                        stream.write_all(parting).await.expect("the client listens");
                        break;
                    }
                }
                drop(stream);
                gone.notify_one();
            }
        }
    };
    let url = peer(serve).await;
    let mut client = client();
    exchange(&mut client, get(&url)).await.result.expect("a response");
    gone.notified().await;
    let_news_arrive().await;
    (client, url)
}

#[tokio::test]
async fn a_kept_connection_that_died_costs_no_request_whatever_its_method() {
    // Some servers say on an idle connection why they close it.
    for parting in [&b""[..], b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\n\r\n"] {
        let (mut client, url) = client_with_a_dead_connection(parting).await;
        let get = exchange(&mut client, get(&url)).await;
        get.result.as_ref().expect("a response");
        assert!(!get.reused);

        let (mut client, url) = client_with_a_dead_connection(parting).await;
        let post = exchange(&mut client, post(&url, "body")).await;
        post.result.as_ref().expect("nothing of it had been sent, so it can be sent again");
        assert!(!post.reused);
    }
}

#[tokio::test]
async fn what_the_peer_may_have_seen_is_sent_again_only_if_it_may_be_repeated() {
    for (method, seen_by_peer) in [(Method::GET, 2), (Method::PUT, 1), (Method::POST, 1)] {
        // The first connection serves one request, swallows the next, and closes.
        let seen = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&seen);
        let url = peer(move |number, mut stream| {
            let seen = Arc::clone(&counted);
            async move {
                for turn in 0.. {
                    let Some(head) = head(&mut stream).await else { return };
                    seen.fetch_add(usize::from(head.contains("/twice")), Ordering::SeqCst);
                    if number == 0 && turn == 1 {
                        return;
                    }
                    stream.write_all(EMPTY).await.expect("the client listens");
                }
            }
        })
        .await;
        let mut client = client();
        exchange(&mut client, get(&url)).await.result.expect("a response");
        let request = Request { method: method.clone(), ..get(&format!("{url}twice")) };
        let second = exchange(&mut client, request).await;
        assert_eq!(seen.load(Ordering::SeqCst), seen_by_peer, "{method}");
        if seen_by_peer == 2 {
            second.result.as_ref().unwrap_or_else(|error| panic!("{method}: {error}"));
        } else {
            assert_eq!(error(&second).label(), "closed early", "{method}");
        }
        assert_eq!(second.reused, seen_by_peer == 1, "{method}");
        assert_eq!(second.retried, seen_by_peer == 2, "{method}");
    }
}

#[tokio::test]
async fn a_fresh_connection_that_dies_is_not_tried_again() {
    let tried = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&tried);
    let url = peer(move |_, mut stream| {
        counted.fetch_add(1, Ordering::SeqCst);
        async move {
            head(&mut stream).await;
        }
    })
    .await;
    let exchange = exchange(&mut client(), get(&url)).await;
    assert_eq!(error(&exchange).label(), "closed early");
    assert_eq!(tried.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_connection_that_answered_in_part_is_not_tried_again() {
    // The first connection serves one request, and half of the next.
    let url = peer(|number, mut stream| async move {
        head(&mut stream).await;
        let _ = stream.write_all(EMPTY).await;
        head(&mut stream).await;
        assert_eq!(number, 0, "nobody asked for a second connection");
        let _ = stream.write_all(b"HTTP/1.1 200 O").await;
    })
    .await;
    let mut client = client();
    exchange(&mut client, get(&url)).await.result.expect("a response");
    let second = exchange(&mut client, get(&url)).await;
    assert!(second.reused);
    assert_eq!(error(&second).label(), "closed early");
}

#[tokio::test]
async fn what_failed_leaves_no_connection_behind() {
    let url = closing_after(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc").await;
    let mut client = client();
    for _ in 0..2 {
        let exchange = exchange(&mut client, get(&url)).await;
        assert!(!exchange.reused);
        assert_eq!(error(&exchange).label(), "closed early");
    }
}

#[tokio::test]
async fn a_cancelled_exchange_closes_its_connection_and_is_not_handed_over() {
    let closed = Arc::new(Notify::new());
    let noticed = Arc::clone(&closed);
    let url = peer(move |_, mut stream| {
        let closed = Arc::clone(&noticed);
        async move {
            head(&mut stream).await;
            assert!(head(&mut stream).await.is_none());
            closed.notify_one();
        }
    })
    .await;
    let mut client = client();
    let cancelled = client.start(get(&url));
    until(&mut client, |client| client.on_wire() == 1).await;
    client.cancel(cancelled);
    assert_eq!((client.running(), client.on_wire()), (0, 0));
    closed.notified().await;
    assert!(finish(&mut client).await.is_empty());
}

#[tokio::test]
async fn a_cancelled_exchange_does_not_disturb_the_others() {
    let (slow, quick) = (silent().await, answering(EMPTY).await);
    let mut client = client();
    let cancelled = client.start(get(&slow));
    let kept = client.start(get(&quick));
    client.cancel(cancelled);
    let finished = finish(&mut client).await;
    assert_eq!(finished.iter().map(|(id, _)| *id).collect::<Vec<_>>(), [kept]);
    finished[0].1.result.as_ref().expect("a response");
}
