//! How much one host gets at most, of all clients of a run together.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use net::websocket::{End, Socket};
use net::{Client, Config, Error, PerHost};
use tokio::io::AsyncWriteExt as _;
use tokio::time::Instant;

use crate::peer::{EMPTY, answering, error, exchange, finish, get, head, peer, silent};
use crate::websocket::peer::{handshake, until};

fn most(rps: u32, connections: u32) -> Arc<Config> {
    let per_host = PerHost::new(NonZeroU32::new(rps), NonZeroU32::new(connections));
    Arc::new(Config { per_host: Some(Arc::new(per_host)), ..Config::default() })
}

/// How many connections a peer has, and how many it has had at most.
#[derive(Default)]
struct Open {
    now: AtomicUsize,
    most: AtomicUsize,
}

/// A peer that counts the connections that it has.
async fn counting(open: Arc<Open>) -> String {
    peer(move |_, mut stream| {
        let open = Arc::clone(&open);
        async move {
            let now = open.now.fetch_add(1, Ordering::SeqCst) + 1;
            open.most.fetch_max(now, Ordering::SeqCst);
            while head(&mut stream).await.is_some() {
                tokio::task::yield_now().await;
                if stream.write_all(EMPTY).await.is_err() {
                    break;
                }
            }
            open.now.fetch_sub(1, Ordering::SeqCst);
        }
    })
    .await
}

#[tokio::test]
async fn clients_share_the_connections_that_a_host_may_have() {
    let open = Arc::new(Open::default());
    let url = counting(Arc::clone(&open)).await;
    let config = most(0, 2);
    let users = (0..8).map(|_| {
        let (config, url) = (Arc::clone(&config), url.clone());
        async move {
            let mut client = Client::new(config);
            for _ in 0..5 {
                exchange(&mut client, get(&url)).await.result.expect("its turn comes");
                tokio::task::yield_now().await;
            }
        }
    });
    let local = tokio::task::LocalSet::new();
    for user in users {
        local.spawn_local(user);
    }
    local.await;
    // A connection that was given up may be known to have ended here a little later than there.
    let seen = open.most.load(Ordering::SeqCst);
    assert!((1..=4).contains(&seen), "{seen}");
}

#[tokio::test]
async fn an_idle_connection_is_used_again_and_is_no_second_one() {
    let open = Arc::new(Open::default());
    let url = counting(Arc::clone(&open)).await;
    let mut client = Client::new(most(0, 1));
    for _ in 0..3 {
        exchange(&mut client, get(&url)).await.result.expect("a response");
    }
    assert_eq!(open.most.load(Ordering::SeqCst), 1);
    // Four at once go one after the other.
    for _ in 0..4 {
        client.start(get(&url));
    }
    let finished = finish(&mut client).await;
    assert!(finished.iter().all(|(_, exchange)| exchange.result.is_ok()), "{finished:?}");
}

#[tokio::test]
async fn an_idle_connection_is_given_up_when_somebody_waits_and_its_client_is_polled() {
    let url = answering(EMPTY).await;
    let config = most(0, 1);
    let mut idle = Client::new(Arc::clone(&config));
    exchange(&mut idle, get(&url)).await.result.expect("a response");
    let mut waiting = Client::new(config);
    waiting.start(get(&url));
    // Nothing is under way in the one that has the connection.
    let waited = std::future::poll_fn(|cx| {
        let mut ended = None;
        waiting.poll(cx, &mut |_, exchange| ended = Some(exchange));
        idle.poll(cx, &mut |_, _| {});
        ended.map_or(std::task::Poll::Pending, std::task::Poll::Ready)
    });
    waited.await.result.expect("it was given up");
}

#[tokio::test(start_paused = true)]
async fn who_waits_in_vain_is_told_what_for() {
    let url = silent().await;
    let config = most(0, 1);
    let mut holder = Client::new(Arc::clone(&config));
    holder.start(get(&url));
    crate::peer::until(&mut holder, |client| client.on_wire() == 1).await;
    let mut client = Client::new(Arc::clone(&config));
    let mut request = get(&url);
    request.timeout = Some(Duration::from_secs(1));
    let waited = exchange(&mut client, request).await;
    assert_eq!(error(&waited), &Error::TooManyConnections(1));
    assert_eq!((error(&waited).label(), waited.begun), ("too many connections", false));
    let mut wanted = handshake(&url.replace("http:", "ws:"));
    wanted.timeout = Some(Duration::from_secs(1));
    let mut socket = Socket::new(config, 1, wanted);
    until(&mut socket, |_, news| news.ended).await;
    let End::Failed(why) = socket.end().expect("it is over") else { panic!("it was not closed") };
    assert_eq!(why.label(), "too many connections");
    // Another host is another matter.
    let elsewhere = exchange(&mut client, get("http://elsewhere.invalid/")).await;
    assert_ne!(error(&elsewhere), &Error::TooManyConnections(1));
}

#[tokio::test(start_paused = true)]
async fn requests_to_one_host_are_spaced_and_those_to_another_are_not() {
    let url = answering(EMPTY).await;
    let config = most(10, 0);
    let start = Instant::now();
    let mut client = Client::new(Arc::clone(&config));
    for _ in 0..3 {
        exchange(&mut client, get(&url)).await.result.expect("a response");
    }
    assert_eq!(start.elapsed().as_millis() / 100, 2, "the third begins after two tenths");
    // By whatever name: this machine is one host, and all clients share its rate.
    let name = url.replace("127.0.0.1", "localhost");
    exchange(&mut Client::new(config), get(&name)).await.result.expect("a response");
    assert_eq!(start.elapsed().as_millis() / 100, 3);
}
