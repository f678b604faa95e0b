//! HTTP/2 with peers that behave: what is said, and over which connection.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use h2::server::Builder;
use http::{HeaderMap, HeaderValue, Method, StatusCode, Version};
use net::{BodyPolicy, Config, Download, Error, HttpVersion, Next, Request, Reuse, TlsSettings};
use tokio::net::TcpListener;
use tokio::sync::{Barrier, mpsc};

use crate::http2_peer::{
    END_HEADERS, END_STREAM, HEADERS, OK, answering, client, client_with, header, raw_peer,
    respond, serve, serving, swallow,
};
use crate::peer::{self, error, exchange, expecting, finish, get, post, until};
use crate::tls_peer::{Authority, Manner, client_of, config_of, server, tls_peer};

const BOTH: &[&[u8]] = &[b"h2", b"http/1.1"];

#[tokio::test]
async fn a_request_and_its_response_are_what_they_are_over_http_1() {
    let (tell, mut told) = mpsc::unbounded_channel();
    let url = serving(Builder::new(), move |request, mut to| {
        tell.send((request.method().clone(), request.uri().to_string(), request.headers().clone()))
            .expect("the test listens");
        async move {
            assert_eq!(swallow(request).await, 4);
            let mut response = http::Response::new(());
            *response.status_mut() = StatusCode::CREATED;
            for cookie in ["a=1", "b=2"] {
                response.headers_mut().append("set-cookie", HeaderValue::from_static(cookie));
            }
            let odd = HeaderValue::from_bytes(b"\xff \x80").expect("a value need not be text");
            response.headers_mut().insert("x-odd", odd);
            let mut stream = to.send_response(response, false).expect("the client waits");
            stream.send_data("hello".into(), true).expect("the client waits");
        }
    })
    .await;
    let mut headers = HeaderMap::new();
    headers.insert("X-Own", HeaderValue::from_static("1"));
    headers.insert("connection", HeaderValue::from_static("close"));
    let mut client = client();
    let request = Request { headers, ..post(&format!("{url}p?q"), "body") };
    let exchanged = exchange(&mut client, request).await;
    assert_eq!((exchanged.proto, exchanged.tls_version), ("HTTP/2.0", None));
    let response = exchanged.result.expect("a response");
    assert_eq!((response.status, response.version), (StatusCode::CREATED, Version::HTTP_2));
    assert_eq!((response.body.as_slice(), response.length), (&b"hello"[..], 5));
    let headers: Vec<_> = response.headers.iter().collect();
    let expected = [("set-cookie", &b"a=1"[..]), ("set-cookie", b"b=2"), ("x-odd", b"\xff \x80")];
    assert_eq!(headers, expected);

    let (method, uri, headers) = told.recv().await.expect("it was told");
    assert_eq!((method, uri), (Method::POST, format!("{url}p?q")));
    let names: Vec<_> = headers.keys().map(http::HeaderName::as_str).collect();
    assert_eq!(names, ["x-own", "user-agent", "content-length"]);

    // What one response sets goes with the next request.
    client.start(post(&url, "more"));
    finish(&mut client).await;
    let (.., headers) = told.recv().await.expect("it was told");
    assert_eq!(headers.get("cookie").expect("it has them"), "a=1; b=2");
}

/// A peer by TLS that chooses from these protocols, says what each connection speaks, and answers in it.
async fn choosing(
    authority: &Authority,
    protocols: &'static [&'static [u8]],
) -> (String, mpsc::UnboundedReceiver<Option<Vec<u8>>>) {
    let (tell, told) = mpsc::unbounded_channel();
    let manner = Manner { protocols, ..Manner::default() };
    let url = tls_peer(server(&authority.issue(&["localhost"]), &manner), move |_, mut stream| {
        let chosen = stream.get_ref().1.alpn_protocol().map(<[u8]>::to_vec);
        tell.send(chosen.clone()).expect("the test listens");
        async move {
            if chosen.as_deref() == Some(b"h2") {
                serve(stream, Builder::new(), |_, to| async move { respond(to, "") }).await;
            } else {
                while peer::head(&mut stream).await.is_some() {
                    let answer =
                        tokio::io::AsyncWriteExt::write_all(&mut stream, peer::EMPTY).await;
                    answer.expect("the client listens");
                }
            }
        }
    })
    .await;
    (url, told)
}

#[tokio::test]
async fn by_tls_the_server_chooses_from_what_it_is_offered() {
    use HttpVersion::{Auto, Http2, Http11};
    let authority = Authority::new("ours");
    for (protocols, version, spoken) in [
        (BOTH, Auto, Some("HTTP/2.0")),
        (BOTH, Http11, Some("HTTP/1.1")),
        (BOTH, Http2, Some("HTTP/2.0")),
        (&[b"http/1.1"], Auto, Some("HTTP/1.1")),
        (&[b"http/1.1"], Http2, None),
        (&[b"h2"], Auto, Some("HTTP/2.0")),
        (&[], Auto, Some("HTTP/1.1")),
        (&[], Http2, None),
    ] {
        let (url, _told) = choosing(&authority, protocols).await;
        // Said by the configuration, and by the request in its place.
        let config = config_of(&authority, TlsSettings::default());
        let of_config = Config { http_version: version, ..Config::clone(&config) };
        let mut configured = net::Client::new(Arc::new(of_config));
        let mut asked = net::Client::new(config);
        for exchange in [
            exchange(&mut configured, get(&url)).await,
            exchange(&mut asked, Request { version: Some(version), ..get(&url) }).await,
        ] {
            match spoken {
                Some(spoken) => {
                    exchange.result.as_ref().expect("a response");
                    assert_eq!(exchange.proto, spoken, "{version:?}");
                }
                None => {
                    assert_eq!(error(&exchange), &Error::NoHttp2);
                    assert_eq!((error(&exchange).code(), exchange.begun), (1600, false));
                }
            }
        }
    }
}

#[tokio::test]
async fn what_was_forced_is_not_taken_for_what_was_chosen() {
    let authority = Authority::new("ours");
    let (url, mut told) = choosing(&authority, BOTH).await;
    let mut client = client_of(&authority, TlsSettings::default());
    let of = |version| Request { version: Some(version), ..get(&url) };
    let mut spoken = Vec::new();
    for version in [HttpVersion::Http11, HttpVersion::Auto, HttpVersion::Http11, HttpVersion::Http2]
    {
        let exchange = exchange(&mut client, of(version)).await;
        spoken.push((exchange.proto, exchange.reused));
    }
    let expected =
        [("HTTP/1.1", false), ("HTTP/2.0", false), ("HTTP/1.1", true), ("HTTP/2.0", true)];
    assert_eq!(spoken, expected);
    let offered = [told.recv().await, told.recv().await].map(|chosen| chosen.expect("it was told"));
    assert_eq!(offered, [Some(b"http/1.1".to_vec()), Some(b"h2".to_vec())]);
}

#[tokio::test]
async fn a_websocket_offers_what_it_can_go_over_and_nothing_else() {
    let authority = Authority::new("ours");
    let (url, mut told) = choosing(&authority, BOTH).await;
    let target = net::websocket::parse_url(&url.replace("https", "wss")).expect("a URL");
    let (headers, subprotocols) = (HeaderMap::new(), Vec::new());
    let handshake =
        net::websocket::Handshake { target, headers, subprotocols, timeout: None, deflate: false };
    let config = config_of(&authority, TlsSettings::default());
    let config = Config { http_version: HttpVersion::Http2, ..Config::clone(&config) };
    let mut socket = net::websocket::Socket::new(Arc::new(config), 0, handshake);
    std::future::poll_fn(|cx| match socket.poll(cx).ended {
        true => std::task::Poll::Ready(()),
        false => std::task::Poll::Pending,
    })
    .await;
    assert_eq!(told.recv().await.expect("it was told").as_deref(), Some(&b"http/1.1"[..]));
}

#[tokio::test]
async fn in_the_clear_http_2_is_spoken_only_if_somebody_knows_that_it_can_be() {
    let url = answering(b"hello").await;
    let spoken = exchange(&mut client(), get(&url)).await;
    assert_eq!(spoken.result.expect("a response").body, b"hello");
    assert_eq!(spoken.proto, "HTTP/2.0");
    let url = peer::answering(peer::EMPTY).await;
    assert_eq!(exchange(&mut peer::client(), get(&url)).await.proto, "HTTP/1.1");
    // One that speaks HTTP/1.1 says so in its own way.
    let url = peer::closing_after(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n").await;
    let refused = exchange(&mut client(), get(&url)).await;
    assert_eq!(error(&refused), &Error::NoHttp2);
}

#[tokio::test]
async fn requests_at_once_share_one_connection_from_the_first_on() {
    let authority = Authority::new("ours");
    let (url, mut told) = choosing(&authority, BOTH).await;
    let mut client = client_of(&authority, TlsSettings::default());
    for kept in [false, true] {
        let started: Vec<_> = (0..20).map(|_| client.start(get(&url))).collect();
        let mut finished = finish(&mut client).await;
        finished.sort_by_key(|(id, _)| *id);
        assert_eq!(finished.iter().map(|(id, _)| *id).collect::<Vec<_>>(), started);
        for (place, (_, exchange)) in finished.iter().enumerate() {
            exchange.result.as_ref().expect("a response");
            let made = place == 0 && !kept;
            assert_eq!(exchange.reused, !made, "{place}");
            let t = exchange.timings;
            // Those that waited for the connection were blocked for as long as it took to make.
            assert_eq!(t.connecting > Duration::ZERO, made, "{t:?}");
            assert_eq!(t.tls > Duration::ZERO, made, "{t:?}");
            assert_eq!(t.blocked > Duration::ZERO, !kept, "{t:?}");
            assert!(exchange.remote.is_some() && exchange.tls_version.is_some());
        }
    }
    assert_eq!(told.recv().await.expect("it was told").as_deref(), Some(&b"h2"[..]));
    assert!(told.try_recv().is_err(), "there was one connection");
}

#[tokio::test]
async fn where_the_server_chooses_http_1_the_others_connect_too() {
    let authority = Authority::new("ours");
    let (url, mut told) = choosing(&authority, &[b"http/1.1"]).await;
    let mut client = client_of(&authority, TlsSettings::default());
    for connections in [5, 0] {
        for _ in 0..5 {
            client.start(get(&url));
        }
        for (_, exchange) in finish(&mut client).await {
            exchange.result.expect("a response");
            assert_eq!(exchange.proto, "HTTP/1.1");
        }
        let mut made = 0;
        while told.try_recv().is_ok() {
            made += 1;
        }
        assert!(made <= connections, "{made} connections");
    }
    // It is known by now what the server speaks, so nobody waits for anybody.
    client.close_connections();
    for _ in 0..5 {
        client.start(get(&url));
    }
    for (_, exchange) in finish(&mut client).await {
        assert!(!exchange.reused && exchange.timings.tls > Duration::ZERO);
    }
}

#[tokio::test]
async fn where_the_first_cannot_connect_the_others_find_out_for_themselves() {
    let closed = TcpListener::bind("127.0.0.1:0").await.and_then(|port| port.local_addr());
    let url = format!("https://{}/", closed.expect("a port"));
    let mut client = peer::client();
    for _ in 0..5 {
        client.start(get(&url));
    }
    for (_, exchange) in finish(&mut client).await {
        assert_eq!(error(&exchange), &Error::ConnectionRefused);
    }
    // The same when the first is given up.
    let authority = Authority::new("ours");
    let (url, _told) = choosing(&authority, BOTH).await;
    let mut client = client_of(&authority, TlsSettings::default());
    let first = client.start(get(&url));
    client.start(get(&url));
    let mut polled = false;
    std::future::poll_fn(|cx| {
        if !std::mem::replace(&mut polled, true) {
            client.poll(cx, &mut |_, exchange| panic!("ended early: {exchange:?}"));
            client.cancel(first);
            return std::task::Poll::Pending;
        }
        std::task::Poll::Ready(())
    })
    .await;
    assert!(finish(&mut client).await[0].1.result.is_ok());
}

#[tokio::test]
async fn connections_are_kept_for_as_long_as_the_configuration_says() {
    for (reuse, reused) in [
        (Reuse::Always, [false, true, true]),
        (Reuse::WithinIteration, [false, true, false]),
        (Reuse::Never, [false, false, false]),
    ] {
        let url = answering(b"").await;
        let mut client = client_with(Config { reuse, ..Config::default() });
        let first = exchange(&mut client, get(&url)).await.reused;
        let second = exchange(&mut client, get(&url)).await.reused;
        client.end_iteration();
        let third = exchange(&mut client, get(&url)).await.reused;
        assert_eq!([first, second, third], reused, "{reuse:?}");
    }
    let url = answering(b"").await;
    let mut client = client_with(Config { reuse: Reuse::Never, ..Config::default() });
    client.start(get(&url));
    client.start(get(&url));
    assert!(finish(&mut client).await.iter().all(|(_, exchange)| !exchange.reused));
}

#[tokio::test]
async fn many_hosts_do_not_cost_a_connection_each() {
    let mut client = client();
    let mut urls = Vec::new();
    for _ in 0..26 {
        urls.push(answering(b"").await);
    }
    for url in &urls {
        exchange(&mut client, get(url)).await.result.expect("a response");
    }
    assert!(exchange(&mut client, get(&urls[25])).await.reused);
    assert!(!exchange(&mut client, get(&urls[0])).await.reused, "it was idle longest");
}

#[tokio::test]
async fn a_hundred_streams_go_side_by_side() {
    const STREAMS: usize = 100;
    let all = Arc::new(Barrier::new(STREAMS));
    let connections = Arc::new(AtomicUsize::new(0));
    let (counted, barrier) = (Arc::clone(&connections), all);
    let url = peer::peer(move |_, stream| {
        counted.fetch_add(1, Ordering::SeqCst);
        let barrier = Arc::clone(&barrier);
        async move {
            serve(stream, Builder::new(), move |request, to| {
                let barrier = Arc::clone(&barrier);
                async move {
                    // None is answered before all have come.
                    barrier.wait().await;
                    respond(to, request.uri().path().to_owned());
                }
            })
            .await;
        }
    })
    .await;
    let mut client = client();
    let started: Vec<_> =
        (0..STREAMS).map(|n| (client.start(get(&format!("{url}{n}"))), n)).collect();
    for (id, exchange) in finish(&mut client).await {
        let (_, n) = started.iter().find(|(started, _)| *started == id).expect("it was started");
        assert_eq!(exchange.result.expect("a response").body, format!("/{n}").as_bytes());
    }
    assert_eq!(connections.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn what_a_response_may_do_without_is_not_waited_for() {
    for (method, status, body) in [
        (Method::HEAD, "200", ""),
        (Method::GET, "204", ""),
        (Method::GET, "304", ""),
        (Method::GET, "200", "hello"),
    ] {
        let url = raw_peer(move |_, mut raw| async move {
            let stream = raw.request().await;
            // Interim responses come before the one that counts, trailers behind its body.
            raw.send(HEADERS, END_HEADERS, stream, &header(":status", "103")).await;
            let length = header("content-length", "5");
            let head = [header(":status", status), length].concat();
            let last = if body.is_empty() { END_STREAM } else { 0 };
            raw.send(HEADERS, END_HEADERS | last, stream, &head).await;
            if !body.is_empty() {
                raw.send(0, 0, stream, body.as_bytes()).await;
                let trailer = header("x-trailer", "1");
                raw.send(HEADERS, END_HEADERS | END_STREAM, stream, &trailer).await;
            }
            raw.until_closed().await;
        })
        .await;
        let exchange = exchange(&mut client(), Request { method, ..get(&url) }).await;
        let response = exchange.result.expect("a response");
        assert_eq!(response.status.as_str(), status);
        assert_eq!(response.headers.get("content-length"), Some(&b"5"[..]));
        assert_eq!(response.headers.get("x-trailer"), None);
        assert_eq!(response.body, body.as_bytes());
    }
}

#[tokio::test]
async fn a_body_waits_until_the_peer_asks_for_it() {
    for asks in [true, false] {
        let url = raw_peer(move |_, mut raw| async move {
            let stream = raw.request().await;
            if asks {
                raw.send(HEADERS, END_HEADERS, stream, &header(":status", "100")).await;
                let body = raw.next(0).await.expect("the body comes");
                assert_eq!((body.payload.as_slice(), body.flags), (&b"body"[..], END_STREAM));
                raw.answer(stream).await;
            } else {
                let no = header(":status", "413");
                raw.send(HEADERS, END_HEADERS | END_STREAM, stream, &no).await;
                let body = raw.next(0).await;
                assert_eq!(body, None, "nobody asked for it");
            }
            raw.until_closed().await;
        })
        .await;
        let request = expecting(post(&url, "body"));
        let mut client = client();
        let exchange = exchange(&mut client, request).await;
        let status = exchange.result.expect("a response").status;
        assert_eq!(status, if asks { 200 } else { 413 });
    }
}

#[tokio::test]
async fn a_peer_that_does_not_ask_gets_the_body_after_a_second() {
    let (tell, told) = mpsc::unbounded_channel();
    let url = raw_peer(move |_, mut raw| {
        let tell = tell.clone();
        async move {
            let stream = raw.request().await;
            tell.send(()).expect("the test listens");
            assert_eq!(raw.next(0).await.expect("the body comes").payload, b"body");
            raw.answer(stream).await;
            raw.until_closed().await;
        }
    })
    .await;
    let mut client = client();
    client.start(expecting(post(&url, "body")));
    until(&mut client, |_| !told.is_empty()).await;
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(2)).await;
    tokio::time::resume();
    assert!(finish(&mut client).await[0].1.result.is_ok());
}

#[tokio::test]
async fn a_response_is_read_as_it_comes_while_others_go_on() {
    let (next, wait) = mpsc::channel::<()>(1);
    let wait = Arc::new(tokio::sync::Mutex::new(wait));
    let url = serving(Builder::new(), move |request, mut to| {
        let wait = Arc::clone(&wait);
        async move {
            if request.uri().path() == "/quick" {
                return respond(to, "quick");
            }
            let mut stream = to.send_response(http::Response::new(()), false).expect("it waits");
            for (piece, is_last) in [("one", false), ("two", true)] {
                wait.lock().await.recv().await.expect("the test goes on");
                stream.send_data(piece.into(), is_last).expect("it waits");
            }
        }
    })
    .await;
    let mut client = client();
    let download = Download::default();
    let body_policy = BodyPolicy::Stream(download.clone());
    let slow = client.start(Request { body_policy, ..get(&url) });
    until(&mut client, |_| download.head().is_some()).await;
    for piece in ["one", "two"] {
        assert_eq!(download.take(), Next::Nothing);
        let quick = client.start(get(&format!("{url}quick")));
        let mut ended = Vec::new();
        std::future::poll_fn(|cx| {
            client.poll(cx, &mut |id, exchange| ended.push((id, exchange.result.is_ok())));
            if ended.is_empty() { std::task::Poll::Pending } else { std::task::Poll::Ready(()) }
        })
        .await;
        assert_eq!(ended, [(quick, true)]);
        next.send(()).await.expect("the peer waits");
        std::future::poll_fn(|cx| {
            client.poll(cx, &mut |id, exchange| {
                assert_eq!(id, slow);
                exchange.result.expect("a response");
            });
            match download.take() {
                Next::Chunk(chunk) => {
                    assert_eq!(chunk.bytes, piece.as_bytes());
                    std::task::Poll::Ready(())
                }
                Next::Nothing => std::task::Poll::Pending,
                other => panic!("{other:?}"),
            }
        })
        .await;
    }
    finish(&mut client).await;
    assert_eq!(download.take(), Next::End);
}

#[tokio::test]
async fn a_stream_that_nobody_reads_on_is_given_up_and_its_connection_is_not() {
    let (tell, mut told) = mpsc::unbounded_channel();
    let url = raw_peer(move |_, mut raw| {
        let tell = tell.clone();
        async move {
            let stream = raw.request().await;
            raw.send(HEADERS, END_HEADERS, stream, OK).await;
            let reset = raw.next(crate::http2_peer::RST_STREAM).await.expect("it is given up");
            tell.send((reset.stream == stream, reset.payload)).expect("the test listens");
            let stream = raw.request().await;
            raw.answer(stream).await;
            raw.until_closed().await;
        }
    })
    .await;
    let mut client = client();
    let download = Download::default();
    let body_policy = BodyPolicy::Stream(download.clone());
    client.start(Request { body_policy, ..get(&url) });
    until(&mut client, |_| download.head().is_some()).await;
    download.close();
    assert!(finish(&mut client).await[0].1.result.is_ok());
    // CANCEL.
    assert_eq!(told.recv().await.expect("it was told"), (true, vec![0, 0, 0, 8]));
    let next = exchange(&mut client, get(&url)).await;
    assert!(next.reused && next.result.is_ok());
}
