//! How sessions end: agreed on, broken, or because the peer is not there any more.

use std::sync::Arc;
use std::time::Duration;

use net::websocket::{Close, End, Error, Message, Socket};
use net::{Config, Error as ConnectionError};
use parking_lot::Mutex;
use tokio::io::AsyncWriteExt;
use tokio::sync::mpsc;

use super::peer::{
    after, echoing, ended, frame, handshake, opened, read_frame, saying, shake, socket, text,
    unmoved, until,
};
use crate::peer::peer;

#[tokio::test]
async fn a_connection_that_ends_without_a_close_frame_broke() {
    for reset in [false, true] {
        let url = peer(move |_, mut stream| async move {
            shake(&mut stream).await;
            stream.write_all(b"\x81\x05hal").await.expect("the client listens");
            read_frame(&mut stream).await;
            if reset {
                stream.set_zero_linger().expect("it is a socket");
            }
        })
        .await;
        let mut socket = opened(&url).await;
        assert!(socket.send(&text("go")));
        let error = if reset {
            Error::Connection(ConnectionError::ConnectionReset)
        } else {
            Error::ClosedEarly
        };
        assert_eq!(ended(&mut socket).await, End::Failed(error));
        assert!(socket.session().is_some() && socket.receive().is_none());
    }
}

#[tokio::test]
async fn a_close_is_over_when_the_peer_agrees_and_hangs_up() {
    let (url, mut heard) = saying(Vec::new()).await;
    let mut socket = opened(&url).await;
    assert!(socket.close(4001, "enough"));
    assert!(!socket.send(&text("one more")), "the close frame is the last");
    // This peer hangs up without a close frame of its own.
    assert_eq!(ended(&mut socket).await, End::Failed(Error::ClosedEarly));
    assert_eq!(heard.recv().await, Some((0x88, b"\x0f\xa1enough".to_vec())));

    let url = echoing().await;
    let mut socket = opened(&url).await;
    assert!(socket.close(1000, ""));
    let closed = Close { code: 1000, reason: String::new() };
    assert_eq!(ended(&mut socket).await, End::Closed(closed));
}

#[tokio::test]
async fn what_comes_while_closing_can_still_be_received() {
    let url = peer(|_, mut stream| async move {
        shake(&mut stream).await;
        assert_eq!(read_frame(&mut stream).await.expect("a close frame").0, 0x88);
        let rest = [frame(0x81, b"last words"), frame(0x88, b"\x03\xe8"), b"rubbish".to_vec()];
        stream.write_all(&rest.concat()).await.expect("the client listens");
    })
    .await;
    let mut socket = opened(&url).await;
    assert!(socket.close(1000, ""));
    assert!(matches!(ended(&mut socket).await, End::Closed(_)));
    assert_eq!(socket.receive().expect("it came before").message, text("last words"));
    assert!(socket.receive().is_none());
}

#[tokio::test]
async fn no_peer_keeps_a_socket_waiting_beyond_its_time() {
    let timed_out = End::Failed(Error::Connection(ConnectionError::TimedOut));
    let is_late_after_60_seconds = async |mut socket: Socket| {
        assert!(!after(&mut socket, 50).await.ended);
        assert!(after(&mut socket, 11).await.ended);
        assert_eq!(socket.end(), Some(&timed_out));
    };
    let mut unanswered = socket(&crate::peer::silent().await);
    until(&mut unanswered, |socket, _| socket.was_on_wire()).await;
    is_late_after_60_seconds(unanswered).await;

    let mut unread = opened(&unmoved(b"").await).await;
    assert!(unread.send(&Message::Binary(vec![0; 32 << 20])));
    until(&mut unread, |socket, _| !socket.is_written()).await;
    is_late_after_60_seconds(unread).await;

    let mut left = opened(&unmoved(b"").await).await;
    assert!(left.close(1000, ""));
    until(&mut left, |_, news| news.written).await;
    assert!(after(&mut left, 6).await.ended);
    assert_eq!(left.end(), Some(&timed_out));
}

#[tokio::test]
async fn a_peer_that_agrees_to_close_and_does_not_hang_up_is_hung_up_on() {
    let mut socket = opened(&unmoved(b"\x88\x02\x03\xe9").await).await;
    until(&mut socket, |socket, _| !socket.is_open() && socket.is_written()).await;
    assert!(socket.end().is_none(), "the peer may still end the connection");
    assert!(after(&mut socket, 6).await.ended);
    let away = Close { code: 1001, reason: String::new() };
    assert_eq!(socket.end(), Some(&End::Closed(away)));
    let session = socket.session().expect("there was one");
    assert!(session < Duration::from_secs(5), "it was over with the close frames: {session:?}");
}

#[tokio::test]
async fn an_open_socket_may_be_silent_for_ever() {
    let mut socket = opened(&unmoved(b"").await).await;
    assert!(after(&mut socket, 24 * 3600).await.is_none());
    assert!(socket.end().is_none());
}

#[tokio::test]
async fn a_peer_that_is_left_is_told() {
    let (url, mut heard) = saying(Vec::new()).await;
    let mut socket = opened(&url).await;
    socket.abandon();
    assert!(socket.end().is_some() && socket.session().is_some());
    assert_eq!(heard.recv().await, Some((0x88, b"\x03\xe9".to_vec())));
}

#[tokio::test]
async fn a_peer_that_answers_no_ping_and_says_nothing_is_gone_after_a_while() {
    let timed_out = End::Failed(Error::Connection(ConnectionError::TimedOut));
    let mut gone = opened(&unmoved(b"").await).await;
    assert!(gone.ping());
    until(&mut gone, |socket, _| socket.is_written()).await;
    assert!(!after(&mut gone, 50).await.ended);
    assert!(gone.ping(), "another changes nothing");
    assert!(after(&mut gone, 11).await.ended);
    assert_eq!(gone.end(), Some(&timed_out));

    // One that says other things is there, whether or not it knows pings.
    let url = peer(|_, mut stream| async move {
        shake(&mut stream).await;
        while let Some((first, payload)) = read_frame(&mut stream).await {
            if first == 0x81 {
                stream.write_all(&frame(0x81, &payload)).await.expect("the client listens");
            }
        }
    })
    .await;
    let mut there = opened(&url).await;
    assert!(there.ping());
    for _ in 0..3 {
        assert!(!after(&mut there, 50).await.ended);
        assert!(there.send(&text("still there?")));
        until(&mut there, |socket, _| socket.has_message()).await;
        there.receive().expect("there is one");
    }
    assert!(there.awaits_pong() && there.end().is_none());
    assert!(after(&mut there, 61).await.ended, "now it is not");
}

#[tokio::test]
async fn who_does_not_listen_does_not_say_that_nobody_speaks() {
    let url = peer(|_, mut stream| async move {
        shake(&mut stream).await;
        read_frame(&mut stream).await;
        let many = frame(0x82, &[7; 100]).repeat(2_000);
        stream.write_all(&many).await.expect("the client listens");
        while let Some((first, payload)) = read_frame(&mut stream).await {
            if first == 0x89 {
                stream.write_all(&frame(0x8A, &payload)).await.expect("the client listens");
            }
        }
    })
    .await;
    let mut socket = opened(&url).await;
    assert!(socket.send(&text("go")));
    until(&mut socket, |_, news| news.received >= 1_024).await;
    assert!(socket.ping());
    until(&mut socket, |socket, _| socket.is_written()).await;
    // More waits than is read ahead, so the pong is not seen.
    assert!(after(&mut socket, 3_600).await.is_none());
    assert!(socket.awaits_pong());
    while socket.awaits_pong() {
        socket.receive().expect("there is more");
        until(&mut socket, |socket, _| socket.has_message() || !socket.awaits_pong()).await;
    }
    assert!(socket.end().is_none());
}

#[tokio::test]
async fn connecting_may_have_less_time_than_the_handshake() {
    let connect_timeout = Some(Duration::from_secs(10));
    let config = Arc::new(Config { connect_timeout, ..Config::default() });
    let url = crate::peer::silent().await;
    // By TLS, that nothing is said is that there is no connection yet.
    for (url, late) in [(&url.replace("http://", "wss://"), true), (&url, false)] {
        let mut socket = Socket::new(Arc::clone(&config), 1, handshake(url));
        until(&mut socket, |socket, _| late || socket.was_on_wire()).await;
        assert_eq!(after(&mut socket, 11).await.ended, late);
        let timed_out = End::Failed(Error::Connection(ConnectionError::ConnectTimedOut));
        assert_eq!(socket.end(), late.then_some(&timed_out));
    }
}

#[tokio::test]
async fn to_read_and_to_answer_a_ping_a_peer_has_its_time_for_each() {
    let (speak, asked) = mpsc::unbounded_channel::<()>();
    let asked = Arc::new(Mutex::new(Some(asked)));
    let url = peer(move |_, mut stream| {
        let mut asked = asked.lock().take().expect("one client");
        async move {
            shake(&mut stream).await;
            // It speaks when it is asked to, and never reads.
            while asked.recv().await.is_some() {
                stream.write_all(&frame(0x81, b"here")).await.expect("the client listens");
            }
        }
    })
    .await;
    let mut socket = opened(&url).await;
    let hear = async |socket: &mut Socket| {
        speak.send(()).expect("the peer is there");
        until(socket, |socket, _| socket.has_message()).await;
        socket.receive().expect("there is one");
    };
    assert!(socket.ping());
    hear(&mut socket).await;
    assert!(!after(&mut socket, 50).await.ended);
    assert!(socket.send(&Message::Binary(vec![0; 32 << 20])));
    hear(&mut socket).await;
    assert!(!socket.is_written());
    // The ping is older than a minute, but neither the silence nor the writing is.
    assert!(!after(&mut socket, 20).await.ended);
    hear(&mut socket).await;
    assert!(!after(&mut socket, 30).await.ended);
    assert!(after(&mut socket, 11).await.ended, "now the writing is");
    let timed_out = End::Failed(Error::Connection(ConnectionError::TimedOut));
    assert_eq!(socket.end(), Some(&timed_out));
}
