//! What happens when time runs out. The clock stands still from when the stage is set, and is moved by hand.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use net::{Ceiling, Client, Config, Error, Exchange, ExchangeId, Request};
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::Notify;
use tokio::time::{advance, pause, resume};

use crate::peer::{EMPTY, answering, client, error, exchange, finish, get, peer, silent, until};

const SECOND: Duration = Duration::from_secs(1);

fn within(seconds: u32, url: &str) -> Request {
    Request { timeout: Some(SECOND * seconds), ..get(url) }
}

/// What has ended by now.
async fn ended(client: &mut Client) -> Vec<(ExchangeId, Exchange)> {
    let mut finished = Vec::new();
    std::future::poll_fn(|cx| {
        client.poll(cx, &mut |id, exchange| finished.push((id, exchange)));
        std::task::Poll::Ready(())
    })
    .await;
    finished
}

#[tokio::test]
async fn each_request_has_the_time_it_was_given() {
    let url = silent().await;
    let mut client = client();
    // The later deadline does not hide the earlier one, nor the earlier one the later.
    let patient = client.start(within(80, &url));
    let hasty = client.start(within(20, &url));
    until(&mut client, |client| client.on_wire() == 2).await;
    pause();
    for (id, seconds) in [(hasty, 21), (patient, 60)] {
        advance(SECOND * seconds).await;
        let finished = ended(&mut client).await;
        assert_eq!(finished.iter().map(|(id, _)| *id).collect::<Vec<_>>(), [id]);
        let exchange = &finished[0].1;
        assert_eq!(error(exchange), &Error::TimedOut);
        assert!(exchange.sent > 0 && exchange.remote.is_some());
        assert!(exchange.timings.waiting >= SECOND * 20, "{:?}", exchange.timings);
        assert_eq!(exchange.timings.receiving, Duration::ZERO);
    }
}

#[tokio::test]
async fn without_a_time_of_its_own_a_request_has_the_configurations() {
    let url = silent().await;
    let mut client = client();
    client.start(get(&url));
    until(&mut client, |client| client.on_wire() == 1).await;
    pause();
    advance(SECOND * 55).await;
    assert!(ended(&mut client).await.is_empty());
    advance(SECOND * 6).await;
    assert_eq!(error(&ended(&mut client).await[0].1), &Error::TimedOut);
}

#[tokio::test]
async fn a_request_answered_in_time_leaves_an_alarm_that_disturbs_nobody() {
    let (quick, slow) = (answering(EMPTY).await, silent().await);
    let mut client = client();
    assert!(exchange(&mut client, within(10, &quick)).await.result.is_ok());
    client.start(within(30, &slow));
    until(&mut client, |client| client.on_wire() == 1).await;
    pause();
    // The alarm of the first request rings, and is set for the second.
    advance(SECOND * 15).await;
    assert!(ended(&mut client).await.is_empty());
    advance(SECOND * 16).await;
    assert_eq!(error(&ended(&mut client).await[0].1), &Error::TimedOut);
}

/// A listener that accepts nobody, and where it is: when its queue is full it drops whoever knocks.
fn deaf() -> (TcpListener, String) {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.bind("127.0.0.1:0".parse().expect("an address")).expect("a free port");
    let listener = socket.listen(1).expect("it is bound");
    let url = format!("http://{}/", listener.local_addr().expect("it is bound"));
    (listener, url)
}

#[tokio::test]
async fn a_connection_that_is_not_made_in_time_has_a_name_of_its_own() {
    let (_listener, url) = deaf();
    let mut client = client();
    let mut started: Vec<_> = (0..8).map(|_| client.start(within(30, &url))).collect();
    // Someone got a place in the queue; the last of them cannot.
    until(&mut client, |client| client.on_wire() > 0).await;
    pause();
    advance(SECOND * 31).await;
    let mut finished = ended(&mut client).await;
    finished.sort_by_key(|(id, _)| *id);
    started.sort();
    assert_eq!(finished.iter().map(|(id, _)| *id).collect::<Vec<_>>(), started);
    let last = &finished[7].1;
    assert_eq!(error(last), &Error::ConnectTimedOut);
    assert_eq!((error(last).code(), last.sent, last.remote), (1211, 0, None));
    assert!(last.timings.connecting >= SECOND * 30);
    assert_eq!(last.timings.duration(), Duration::ZERO);
}

#[tokio::test]
async fn connecting_may_have_less_time_than_the_whole() {
    let of_all = Config { connect_timeout: Some(SECOND * 10), ..Config::default() };
    // What a request says itself stands; one that is connected has all of its time.
    for (config, own, connects_within) in
        [(of_all.clone(), None, 10), (of_all, Some(20), 20), (Config::default(), Some(10), 10)]
    {
        let (_listener, url) = deaf();
        let mut client = Client::new(Arc::new(config));
        for _ in 0..8 {
            let connect_timeout = own.map(|seconds| SECOND * seconds);
            client.start(Request { connect_timeout, ..within(60, &url) });
        }
        until(&mut client, |client| client.on_wire() > 0).await;
        pause();
        advance(SECOND * (connects_within - 1)).await;
        assert!(ended(&mut client).await.is_empty());
        let connected = client.on_wire();
        advance(SECOND * 2).await;
        let late = ended(&mut client).await;
        assert_eq!(late.len(), 8 - connected);
        for (_, exchange) in late {
            assert_eq!(error(&exchange), &Error::ConnectTimedOut);
            assert!(exchange.timings.connecting >= SECOND * connects_within);
        }
        advance(SECOND * 60).await;
        for (_, exchange) in ended(&mut client).await {
            assert_eq!(error(&exchange), &Error::TimedOut);
        }
        resume();
    }
}

#[tokio::test]
async fn shaking_hands_by_tls_is_connecting() {
    let heard = Arc::new(Notify::new());
    let hears = Arc::clone(&heard);
    let url = peer(move |_, mut stream| {
        let hears = Arc::clone(&hears);
        async move {
            stream.read_u8().await.expect("it says hello");
            hears.notify_one();
            std::future::pending::<()>().await;
        }
    })
    .await;
    let url = url.replace("http", "https");
    let mut client = client();
    client.start(Request { connect_timeout: Some(SECOND * 10), ..within(60, &url) });
    tokio::select! {
        biased;
        () = heard.notified() => {}
        () = until(&mut client, |_| false) => {}
    }
    pause();
    advance(SECOND * 11).await;
    let late = &ended(&mut client).await[0].1;
    assert_eq!(error(late), &Error::ConnectTimedOut);
    assert!(late.sent > 0 && !late.begun && late.timings.tls >= SECOND * 10);
}

#[tokio::test]
async fn all_the_time_there_is_and_none_at_all_are_lengths_like_any_other() {
    let (quick, slow) = (answering(EMPTY).await, silent().await);
    let mut client = client();
    let all = Some(Duration::MAX);
    let forever = Request { timeout: all, connect_timeout: all, ..get(&quick) };
    assert!(exchange(&mut client, forever).await.result.is_ok());
    let never = exchange(&mut client, within(0, &slow)).await;
    assert!(matches!(error(&never), Error::ConnectTimedOut | Error::TimedOut));
}

#[tokio::test]
async fn requests_over_the_ceiling_wait_for_their_turn_and_are_blocked_meanwhile() {
    let url = answering(EMPTY).await;
    let ceiling = Some(Arc::new(Ceiling::new(NonZeroU32::new(100).expect("more than none"))));
    let mut client = Client::new(Arc::new(Config { ceiling, ..Config::default() }));
    for _ in 0..5 {
        // The last one waits for longer than it may then take.
        client.start(Request { timeout: Some(SECOND / 50), ..get(&url) });
    }
    let finished = finish(&mut client).await;
    let mut waited: Vec<_> = finished.iter().map(|(_, it)| it.timings.blocked).collect();
    waited.sort_unstable();
    for (place, waited) in (0..).zip(waited) {
        assert!(waited >= (SECOND / 100) * place, "{place}: {waited:?}");
    }
}
