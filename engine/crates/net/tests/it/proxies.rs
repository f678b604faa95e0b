//! Those who connect in place of this machine, and what they get wrong.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use http::header::{AUTHORIZATION, PROXY_AUTHORIZATION};
use http::{HeaderMap, HeaderValue};
use net::websocket::Socket;
use net::{
    Client, Config, Direct, Error, HostOverride, Hosts, Instead, Proxies, ProxyProtocol, Request,
    TlsSettings,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::{Notify, mpsc};
use tokio::time::{advance, pause};

use crate::peer::{EMPTY, answering, error, exchange, get, head, peer, until as until_client};
use crate::proxy_peer::{Told, connecting, socks, through};
use crate::tls_peer::{Authority, Manner, config_of, relay, server, tls_peer};
use crate::websocket::peer::{echo, handshake, received, text, until};

const PROTOCOLS: [ProxyProtocol; 3] =
    [ProxyProtocol::Http, ProxyProtocol::Socks5, ProxyProtocol::Socks5h];

fn client(config: Config) -> Client {
    Client::new(Arc::new(config))
}

/// A proxy that answers each request itself, and tells the heads it read.
async fn forwarding() -> (String, Told) {
    let (tell, told) = mpsc::unbounded_channel();
    let url = peer(move |_, mut stream| {
        let tell = tell.clone();
        async move {
            while let Some(head) = head(&mut stream).await {
                tell.send(head).expect("the test listens");
                stream.write_all(EMPTY).await.expect("the client listens");
            }
        }
    })
    .await;
    (url, told)
}

#[tokio::test]
async fn a_proxy_forwards_requests_that_it_is_told_the_whole_urls_of() {
    let (url, mut told) = forwarding().await;
    let mut client = client(through(ProxyProtocol::Http, &url, true));
    // A name that has no address is the proxy's matter; each host has connections of its own.
    for (target, reused) in [
        ("http://a.invalid/x?y", false),
        ("http://a.invalid/z", true),
        ("http://b.invalid:81/", false),
        ("http://a.invalid/", true),
    ] {
        let headers = HeaderMap::from_iter([
            (PROXY_AUTHORIZATION, HeaderValue::from_static("the script's")),
            (AUTHORIZATION, HeaderValue::from_static("for the target")),
        ]);
        let exchange = exchange(&mut client, Request { headers, ..get(target) }).await;
        let head = told.recv().await.expect("it was told");
        assert!(head.starts_with(&format!("GET {target} HTTP/1.1\r\n")), "{head}");
        let host = target.split('/').nth(2).expect("a host");
        assert!(head.contains(&format!("\r\nhost: {host}\r\n")), "{head}");
        assert!(head.contains("\r\nproxy-authorization: Basic YWRhOnNlY3JldA==\r\n"), "{head}");
        assert!(!head.contains("the script's") && head.contains("for the target"), "{head}");
        assert_eq!(exchange.reused, reused, "{target}");
        let bytes = (head.len() as u64, EMPTY.len() as u64);
        assert_eq!((exchange.sent, exchange.received), bytes);
        assert_eq!(exchange.remote.map(|remote| format!("http://{remote}/")), Some(url.clone()));
        exchange.result.expect("a response");
    }
}

#[tokio::test]
async fn a_proxy_that_is_told_no_name_and_password_hears_what_the_script_says() {
    let (url, mut told) = forwarding().await;
    let headers = HeaderMap::from_iter([(PROXY_AUTHORIZATION, HeaderValue::from_static("own"))]);
    let request = Request { headers, ..get("http://a.invalid/") };
    let exchange = exchange(&mut client(through(ProxyProtocol::Http, &url, false)), request).await;
    exchange.result.expect("a response");
    let head = told.recv().await.expect("it was told");
    assert!(head.contains("\r\nproxy-authorization: own\r\n"), "{head}");
}

#[tokio::test]
async fn a_proxy_that_forwards_may_want_to_know_who_is_there_and_a_target_may_not() {
    let url = answering(b"HTTP/1.1 407 x\r\ncontent-length: 0\r\n\r\n").await;
    for (as_ada, expected) in
        [(false, Error::ProxyWantsCredentials), (true, Error::ProxyRefusedCredentials)]
    {
        let mut client = client(through(ProxyProtocol::Http, &url, as_ada));
        let refused = exchange(&mut client, get("http://a.invalid/")).await;
        assert_eq!(error(&refused), &expected);
        assert!(refused.begun && refused.remote.is_some());
    }
    let answered = exchange(&mut client(Config::default()), get(&url)).await;
    assert_eq!(answered.result.expect("a response").status, 407);
}

#[tokio::test]
async fn a_proxy_connects_to_targets_by_tls_and_every_byte_is_counted() {
    let authority = Authority::new("ours");
    // Only who was asked for by that name has a certificate for it.
    let identity = authority.issue(&["a.invalid"]);
    let target = tls_peer(server(&identity, &Manner::default()), |_, mut stream| async move {
        while head(&mut stream).await.is_some() {
            stream.write_all(EMPTY).await.expect("the client listens");
        }
    })
    .await;
    let tls = config_of(&authority, TlsSettings::default());
    for (protocol, as_ada) in [
        (ProxyProtocol::Http, false),
        (ProxyProtocol::Http, true),
        (ProxyProtocol::Socks5h, false),
        (ProxyProtocol::Socks5h, true),
    ] {
        let (proxy, mut told) = match protocol {
            ProxyProtocol::Http => connecting(&target).await,
            _ => socks(&target, as_ada).await,
        };
        // It counts what goes over the wire to the proxy.
        let (proxy, counted) = relay(&proxy.replace("http://", "https://")).await;
        let proxy = proxy.replace("https://", "http://");
        let config = Config { tls: Arc::clone(&tls.tls), ..through(protocol, &proxy, as_ada) };
        let mut client = client(config);
        let mut sum = [0, 0];
        for reused in [false, true] {
            let exchange = exchange(&mut client, get("https://a.invalid/")).await;
            let t = exchange.timings;
            let parts = [t.blocked, t.dns, t.connecting, t.tls, t.sending, t.waiting, t.receiving];
            assert_eq!(parts.iter().sum::<Duration>(), t.total());
            assert_eq!((exchange.reused, t.connecting.is_zero()), (reused, reused));
            sum = [sum[0] + exchange.sent, sum[1] + exchange.received];
            exchange.result.expect("a response");
            assert_eq!(sum, [0, 1].map(|way| counted[way].load(Ordering::SeqCst)), "{protocol:?}");
        }
        let told = told.recv().await.expect("it was told");
        match protocol {
            ProxyProtocol::Http => {
                let start = "CONNECT a.invalid:443 HTTP/1.1\r\nhost: a.invalid:443\r\n";
                assert!(told.starts_with(start), "{told}");
                assert_eq!(told.contains("proxy-authorization: Basic YWRhOnNl"), as_ada);
            }
            _ => assert_eq!(told, "a.invalid:443"),
        }
    }
}

#[tokio::test]
async fn websockets_go_through_a_proxy_that_connects() {
    let target = peer(|_, stream| echo(stream)).await;
    for protocol in PROTOCOLS {
        let (proxy, mut told) = match protocol {
            ProxyProtocol::Http => connecting(&target).await,
            _ => socks(&target, false).await,
        };
        let config = Arc::new(through(protocol, &proxy, false));
        let mut socket = Socket::new(config, 1, handshake("ws://192.0.2.1:8080/chat"));
        until(&mut socket, |socket, _| socket.was_opened()).await;
        assert!(socket.send(&text("hello")));
        assert_eq!(received(&mut socket).await, text("hello"));
        let told = told.recv().await.expect("it was told");
        assert!(told.contains("192.0.2.1:8080"), "{protocol:?}: {told}");
    }
}

#[tokio::test]
async fn a_name_is_looked_up_here_or_by_the_proxy_as_the_protocol_has_it() {
    let target = answering(EMPTY).await;
    let port = target.trim_end_matches('/').rsplit(':').next().expect("a port");
    for (protocol, host, asked) in [
        (ProxyProtocol::Socks5h, "localhost", "localhost"),
        (ProxyProtocol::Socks5, "127.0.0.1", "127.0.0.1"),
        (ProxyProtocol::Socks5, "localhost", "the loopback"),
    ] {
        let (proxy, mut told) = socks(&target, false).await;
        let url = format!("http://{host}:{port}/");
        let found = exchange(&mut client(through(protocol, &proxy, false)), get(&url)).await;
        found.result.expect("a response");
        let told = told.recv().await.expect("it was told");
        let told = told.strip_suffix(&format!(":{port}")).expect("the target's port");
        match asked {
            "the loopback" => assert!(matches!(told, "127.0.0.1" | "[::1]"), "{told}"),
            name => assert_eq!(told, name),
        }
        assert_eq!(found.timings.dns.is_zero(), asked == host, "who was not asked took no time");
    }
    // A label has 63 letters at most, so nobody need be asked.
    let unknown = format!("http://{}/", "a".repeat(64));
    let (proxy, _told) = socks(&target, false).await;
    let mut client = client(through(ProxyProtocol::Socks5, &proxy, false));
    assert_eq!(error(&exchange(&mut client, get(&unknown)).await), &Error::NameNotResolved);
}

#[tokio::test]
async fn a_place_that_stands_in_for_a_host_is_what_the_proxy_is_asked_for() {
    let target = answering(EMPTY).await;
    let to = Instead::Host { host: "b.invalid".to_owned(), port: Some(81) };
    let over = HostOverride { host: "a.invalid".to_owned(), port: None, to, by_script: false };
    let hosts = Arc::new(Hosts::new([over]));
    let (proxy, mut told) = connecting(&target).await;
    let config = Config { hosts, ..through(ProxyProtocol::Http, &proxy, false) };
    let found = exchange(&mut client(config), get("http://a.invalid/")).await;
    found.result.expect("a response");
    let told = told.recv().await.expect("it was told");
    assert!(told.starts_with("CONNECT b.invalid:81 HTTP/1.1\r\n"), "{told}");
}

#[tokio::test]
async fn what_is_to_be_connected_to_directly_is() {
    let (proxy, _told) = forwarding().await;
    let target = answering(EMPTY).await;
    let config = through(ProxyProtocol::Http, &proxy, false);
    let loopback = Direct::Domain { name: "localhost".to_owned(), itself: true, port: None };
    let proxies = Proxies { direct: vec![loopback], ..(*config.proxies).clone() };
    let mut client = client(Config { proxies: Arc::new(proxies), ..config });
    for (url, peer) in
        [(target.replace("127.0.0.1", "localhost"), &target), (target.clone(), &proxy)]
    {
        let remote = exchange(&mut client, get(&url)).await.remote.expect("a connection");
        assert!(peer.ends_with(&format!(":{}/", remote.port())), "{url}: {remote}");
    }
}

#[tokio::test]
async fn a_proxy_that_is_not_there_is_told_apart_from_a_target_that_is_not() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").and_then(|port| port.local_addr());
    let closed = closed.expect("a port");
    let nowhere = format!("{}:1", "a".repeat(64));
    for (proxy, why) in [(closed.to_string(), "connection refused"), (nowhere, "name not resolved")]
    {
        for protocol in PROTOCOLS {
            for scheme in ["http", "https"] {
                let mut client = client(through(protocol, &format!("http://{proxy}/"), false));
                let url = format!("{scheme}://192.0.2.1/");
                let failed = exchange(&mut client, get(&url)).await;
                let expected = Error::ProxyUnreachable(format!("`{proxy}`: {why}"));
                assert_eq!(error(&failed), &expected, "{protocol:?} {scheme}");
                assert_eq!((error(&failed).code(), failed.remote), (1210, None));
            }
        }
    }
    // This one is there, and says what is wrong with the target.
    let proxy = peer(|_, mut stream| async move {
        stream.read_exact(&mut [0; 3]).await.expect("a greeting");
        stream.write_all(b"\x05\0").await.expect("the client listens");
        stream.read_exact(&mut [0; 10]).await.expect("a request");
        stream.write_all(b"\x05\x05\0\x01\0\0\0\0\0\0").await.expect("the client listens");
    })
    .await;
    let mut client = client(through(ProxyProtocol::Socks5, &proxy, false));
    let failed = exchange(&mut client, get("http://192.0.2.1/")).await;
    assert_eq!(error(&failed), &Error::ConnectionRefused);
    assert!(!failed.begun);
    assert_eq!((failed.sent, failed.received), (13, 12), "all that was said");
}

#[tokio::test]
async fn each_way_of_a_proxy_to_misbehave_has_a_name() {
    use ProxyProtocol::{Http, Socks5h};
    let refused = |what: &str| Error::ProxyRefused(what.to_owned());
    let closed = "it closed the connection before it had answered";
    for (protocol, as_ada, answer, expected) in [
        (Http, false, &b""[..], refused(closed)),
        (Http, false, b"HTTP/1.1 200 Conn", refused(closed)),
        (Http, false, b"HTTP/1.1 100 Continue\r\n\r\n", refused(closed)),
        (Http, false, b"HTTP/1.1 403 Forbidden\r\n\r\n<h1>", refused("403 Forbidden")),
        (Http, false, b"HTTP/1.0 502 x\r\n\r\n", refused("502 Bad Gateway")),
        (Http, false, b"HTTP/1.1 407 x\r\n\r\n", Error::ProxyWantsCredentials),
        (Http, true, b"HTTP/1.1 407 x\r\n\r\n", Error::ProxyRefusedCredentials),
        (Http, false, b"\x05\0", Error::MalformedProxyAnswer("invalid HTTP version".to_owned())),
        (Socks5h, false, b"", refused(closed)),
        (Socks5h, false, b"\x05", refused(closed)),
        (Socks5h, false, b"\x05\xff", Error::ProxyWantsCredentials),
        (Socks5h, true, b"\x05\x02\x01\x05", Error::ProxyRefusedCredentials),
        (Socks5h, false, b"\x05\0\x05\x02", refused("its rules do not allow it")),
        (Socks5h, false, b"\x05\0\x05\x04", Error::Unreachable),
        (
            Socks5h,
            false,
            b"HTTP/1.1 400 Bad Request\r\n\r\n",
            Error::MalformedProxyAnswer(
                "it is not of SOCKS 5; is it one of HTTP, `http://`?".to_owned(),
            ),
        ),
    ] {
        let proxy = peer(move |_, mut stream| async move {
            stream.read_u8().await.expect("a word");
            let _ = stream.write_all(answer).await;
            let _ = stream.shutdown().await;
            // What it has not read would reset the connection.
            let _ = stream.read_to_end(&mut Vec::new()).await;
        })
        .await;
        let failed =
            exchange(&mut client(through(protocol, &proxy, as_ada)), get("https://a.invalid/"))
                .await;
        assert_eq!(error(&failed), &expected, "{}", answer.escape_ascii());
        assert!(failed.sent > 0 && !failed.begun && failed.remote.is_none());
        assert_eq!(failed.received, answer.len() as u64, "{}", answer.escape_ascii());
    }
}

#[tokio::test]
async fn a_proxy_that_breaks_the_connection_or_never_comes_to_an_end_is_left() {
    for (protocol, piece, label) in [
        (ProxyProtocol::Http, &b""[..], "proxy refused"),
        (ProxyProtocol::Socks5, b"", "proxy refused"),
        (ProxyProtocol::Http, b"HTTP/1.1 200 OK\r\nx: y", "malformed answer of the proxy"),
        (ProxyProtocol::Http, b"HTTP/1.1 100 x\r\n\r\n", "malformed answer of the proxy"),
        (ProxyProtocol::Socks5, b"garbage", "malformed answer of the proxy"),
    ] {
        let proxy = peer(move |_, mut stream| async move {
            stream.read_u8().await.expect("a word");
            let pieces = piece.repeat(1_000);
            while !pieces.is_empty() && stream.write_all(&pieces).await.is_ok() {}
            stream.set_zero_linger().expect("it is a socket");
        })
        .await;
        let failed =
            exchange(&mut client(through(protocol, &proxy, false)), get("https://192.0.2.1/"))
                .await;
        assert_eq!(error(&failed).label(), label, "{}", piece.escape_ascii());
        assert!(failed.received < 1 << 20, "{} bytes were read", failed.received);
    }
}

#[tokio::test]
async fn what_comes_behind_a_proxys_answer_is_the_targets() {
    for (protocol, answer) in [
        (ProxyProtocol::Http, &b"HTTP/1.1 200 OK\r\n\r\n"[..]),
        (ProxyProtocol::Socks5h, b"\x05\0\x05\0\0\x01\0\0\0\0\0\0"),
    ] {
        // The target answers before it is asked, and all of it comes at once.
        let proxy = peer(move |_, mut stream| async move {
            stream.read_u8().await.expect("a word");
            let both = [answer, EMPTY].concat();
            stream.write_all(&both).await.expect("the client listens");
            let _ = stream.read_to_end(&mut Vec::new()).await;
        })
        .await;
        // In the clear, and not to be forwarded: there is a place that stands in for the host.
        let to = Instead::Host { host: "b.invalid".to_owned(), port: None };
        let over = HostOverride { host: "a.invalid".to_owned(), port: None, to, by_script: false };
        let hosts = Arc::new(Hosts::new([over]));
        let config = Config { hosts, ..through(protocol, &proxy, false) };
        let early = exchange(&mut client(config), get("http://a.invalid/")).await;
        early.result.as_ref().expect("a response");
        assert_eq!(early.received, (answer.len() + EMPTY.len()) as u64);
    }
}

#[tokio::test]
async fn a_proxy_that_says_nothing_takes_up_the_time_to_connect() {
    for protocol in PROTOCOLS {
        let heard = Arc::new(Notify::new());
        let hears = Arc::clone(&heard);
        let proxy = peer(move |_, mut stream| {
            let hears = Arc::clone(&hears);
            async move {
                stream.read_u8().await.expect("a word");
                hears.notify_one();
                std::future::pending::<()>().await;
            }
        })
        .await;
        for (timeout, connect_timeout) in [(10, None), (60, Some(10))] {
            let mut client = client(through(protocol, &proxy, false));
            client.start(Request {
                timeout: Some(Duration::from_secs(timeout)),
                connect_timeout: connect_timeout.map(Duration::from_secs),
                ..get("https://192.0.2.1/")
            });
            tokio::select! {
                biased;
                () = heard.notified() => {}
                () = until_client(&mut client, |_| false) => {}
            }
            pause();
            advance(Duration::from_secs(11)).await;
            let late = AtomicUsize::new(0);
            std::future::poll_fn(|cx| {
                client.poll(cx, &mut |_, exchange| {
                    assert_eq!(error(&exchange), &Error::ConnectTimedOut);
                    assert!(exchange.timings.connecting >= Duration::from_secs(10));
                    assert!(exchange.sent > 0 && !exchange.begun, "{exchange:?}");
                    late.fetch_add(1, Ordering::SeqCst);
                });
                std::task::Poll::Ready(())
            })
            .await;
            assert_eq!(late.load(Ordering::SeqCst), 1, "{protocol:?}");
            tokio::time::resume();
        }
    }
}
