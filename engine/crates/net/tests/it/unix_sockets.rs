//! Places in the file system instead of the network.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use net::websocket::Socket;
use net::{Client, Config, Error, HostOverride, Hosts, Instead, Request, TlsSettings};
use tempfile::TempDir;
use tokio::io::AsyncWriteExt;
use tokio::net::{UnixListener, UnixSocket, UnixStream};
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;

use crate::peer::{EMPTY, answering, error, exchange, finish, get, head};
use crate::tls_peer::{Authority, Manner, config_of, server};
use crate::websocket::peer::{echo, handshake, received, text, until};

/// A socket in a folder of its own, where each connection is treated with `serve(stream)`.
fn unix_peer<F, R>(serve: F) -> (TempDir, Arc<Path>)
where
    F: Fn(UnixStream) -> R + Send + 'static,
    R: Future<Output = ()> + Send + 'static,
{
    let (folder, path) = place();
    let listener = UnixListener::bind(&path).expect("the folder is ours");
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream));
        }
    });
    (folder, path)
}

/// A path in a folder of its own, where nothing is.
fn place() -> (TempDir, Arc<Path>) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("api.sock").into();
    (folder, path)
}

fn config(path: &Arc<Path>) -> Config {
    Config { unix_socket: Some(Arc::clone(path)), ..Config::default() }
}

#[tokio::test]
async fn all_connections_go_there_and_ask_for_hosts_by_their_names() {
    let (tell, mut told) = mpsc::unbounded_channel();
    let (_folder, path) = unix_peer(move |mut stream| {
        let tell = tell.clone();
        async move {
            while let Some(head) = head(&mut stream).await {
                tell.send(head).expect("the test listens");
                stream.write_all(EMPTY).await.expect("the client listens");
            }
        }
    });
    let mut client = Client::new(Arc::new(config(&path)));
    // Neither a name that has no address nor an address is looked at.
    for (host, reused) in [("a.invalid", false), ("a.invalid", true), ("192.0.2.1:81", false)] {
        let exchange = exchange(&mut client, get(&format!("http://{host}/"))).await;
        let head = told.recv().await.expect("it was told");
        assert!(head.contains(&format!("\r\nhost: {host}\r\n")), "{head}");
        assert_eq!((exchange.reused, exchange.remote), (reused, None));
        let bytes = (head.len() as u64, EMPTY.len() as u64);
        assert_eq!((exchange.sent, exchange.received), bytes);
        assert!(exchange.timings.dns.is_zero(), "nobody was asked");
        exchange.result.expect("a response");
    }
}

#[tokio::test]
async fn one_host_may_be_there_and_the_others_on_the_network() {
    let (_folder, path) = unix_peer(|mut stream| async move {
        head(&mut stream).await;
        let _ = stream.write_all(EMPTY).await;
    });
    let over = HostOverride {
        host: "api.test".to_owned(),
        port: None,
        to: Instead::Unix(path),
        by_script: false,
    };
    let hosts = Arc::new(Hosts::new([over]));
    let mut client = Client::new(Arc::new(Config { hosts, ..Config::default() }));
    for (url, has_address) in
        [("http://api.test/".to_owned(), false), (answering(EMPTY).await, true)]
    {
        let exchange = exchange(&mut client, get(&url)).await;
        assert_eq!(exchange.remote.is_some(), has_address);
        exchange.result.expect("a response");
    }
}

#[tokio::test]
async fn tls_and_websockets_go_over_it_as_over_any_other() {
    let authority = Authority::new("ours");
    let identity = authority.issue(&["api.test"]);
    let acceptor = TlsAcceptor::from(server(&identity, &Manner::default()));
    let (_folder, path) = unix_peer(move |stream| {
        let acceptor = acceptor.clone();
        async move { echo(acceptor.accept(stream).await.expect("they agree")).await }
    });
    let tls = config_of(&authority, TlsSettings::default());
    let config = Arc::new(Config { tls: Arc::clone(&tls.tls), ..config(&path) });
    let mut socket = Socket::new(config, 1, handshake("wss://api.test/chat"));
    until(&mut socket, |socket, _| socket.was_opened()).await;
    // More than a socket takes at once.
    let long = text(&"long ".repeat(200_000));
    assert!(socket.send(&long));
    assert_eq!(received(&mut socket).await, long);
}

#[tokio::test]
async fn where_nobody_listens_a_connection_is_refused() {
    let (_folder, missing) = place();
    let (_folder, stale) = place();
    drop(UnixListener::bind(&stale).expect("the folder is ours"));
    let (_folder, file) = place();
    std::fs::write(&file, "no socket").expect("the folder is ours");
    for path in [missing, stale, file] {
        let refused = exchange(&mut Client::new(Arc::new(config(&path))), get("http://a/")).await;
        assert_eq!(error(&refused), &Error::ConnectionRefused, "{}", path.display());
        assert!(!refused.begun);
    }
}

/// A socket with room for one or two to wait, and who listens there.
fn narrow() -> (TempDir, Arc<Path>, UnixListener) {
    let (folder, path) = place();
    let socket = UnixSocket::new_stream().expect("a socket");
    socket.bind(&path).expect("the folder is ours");
    (folder, path, socket.listen(1).expect("it is bound"))
}

#[tokio::test]
async fn a_queue_that_is_full_is_waited_for() {
    let (_folder, path, listener) = narrow();
    let mut client = Client::new(Arc::new(config(&path)));
    for _ in 0..8 {
        client.start(get("http://api.test/"));
    }
    // Two or three of them have a place in the queue now, and the others have been told that it is full.
    std::future::poll_fn(|cx| {
        client.poll(cx, &mut |_, exchange| panic!("ended early: {exchange:?}"));
        std::task::Poll::Ready(())
    })
    .await;
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                head(&mut stream).await;
                let _ = stream.write_all(EMPTY).await;
            });
        }
    });
    for (_, exchange) in finish(&mut client).await {
        exchange.result.expect("a response");
    }
}

#[tokio::test]
async fn a_queue_that_stays_full_is_not_waited_for_beyond_a_requests_time() {
    let (_folder, path, _listener) = narrow();
    let mut client = Client::new(Arc::new(config(&path)));
    for _ in 0..8 {
        let timeout = Some(Duration::from_millis(50));
        client.start(Request { timeout, ..get("http://api.test/") });
    }
    let finished = finish(&mut client).await;
    let late = finished.iter().filter(|(_, it)| error(it) == &Error::ConnectTimedOut).count();
    assert!((1..8).contains(&late), "{late} of 8");
}
