//! The same pages over every protocol: HTTP/1.1 and HTTP/2, in the clear and by TLS.

use std::sync::Arc;

use demo::{Demo, Faults, RunningDemo};
use http::{Method, Request, Version};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

fn started(by_tls: bool) -> RunningDemo {
    let (address, faults) = (([127, 0, 0, 1], 0).into(), Faults::default());
    let demo = match by_tls {
        true => Demo::spawn_thread_by_tls(address, faults),
        false => Demo::spawn_thread(address, faults),
    };
    demo.expect("a free port")
}

async fn connected(demo: &RunningDemo) -> TcpStream {
    TcpStream::connect(demo.address()).await.expect("it listens")
}

/// A connection of somebody who believes the target and no other, to it by this name.
async fn secured(
    demo: &RunningDemo,
    name: &'static str,
    protocols: &[&[u8]],
) -> TlsStream<TcpStream> {
    let pem = demo.certificate().expect("it has one");
    let mut roots = RootCertStore::empty();
    let certificate = CertificateDer::from_pem_slice(pem.as_bytes()).expect("it is PEM");
    roots.add(certificate).expect("it is a certificate");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("there are ciphers for them")
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
    let name = ServerName::try_from(name).expect("a name");
    let connector = TlsConnector::from(Arc::new(config));
    connector.connect(name, connected(demo).await).await.expect("they agree")
}

/// What a page answers over HTTP/1.1.
async fn over_http1(mut stream: impl AsyncRead + AsyncWrite + Unpin) -> String {
    let request = "GET /health HTTP/1.1\r\nhost: demo\r\nconnection: close\r\n\r\n";
    stream.write_all(request.as_bytes()).await.expect("it listens");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("it answers");
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    answer.split_off(answer.find("\r\n\r\n").expect("a whole head") + 4)
}

/// What two pages answer over one connection of HTTP/2, the second of them asked for first.
async fn over_http2(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) -> String {
    let (mut client, connection) = h2::client::handshake(stream).await.expect("it listens");
    let driver = tokio::spawn(connection);
    let request = |path: &str| {
        let uri = format!("https://demo{path}");
        let request = Request::builder().method(Method::GET).version(Version::HTTP_2).uri(uri);
        request.body(()).expect("a request")
    };
    let (slow, _) = client.send_request(request("/delay/20"), true).expect("it takes more");
    let (quick, _) = client.send_request(request("/health"), true).expect("it takes more");
    let mut body = quick.await.expect("it answers").into_body();
    let mut answer = Vec::new();
    while let Some(piece) = body.data().await {
        answer.extend_from_slice(&piece.expect("it comes"));
    }
    assert_eq!(slow.await.expect("it answers").status(), 200);
    let (hung_up, _) = client.send_request(request("/reset"), true).expect("it takes more");
    assert!(hung_up.await.expect_err("nothing is answered").is_reset());
    // Only the stream was.
    let (again, _) = client.send_request(request("/health"), true).expect("it takes more");
    assert_eq!(again.await.expect("it answers").status(), 200);
    drop((client, body));
    driver.await.expect("no panic").expect("it ends well");
    String::from_utf8(answer).expect("it is text")
}

#[tokio::test]
async fn a_page_is_the_same_whatever_is_spoken() {
    const UP: &str = r#"{"status":"up"}"#;
    let demo = started(false);
    assert!(demo.url().starts_with("http://") && demo.certificate().is_none());
    assert_eq!(over_http1(connected(&demo).await).await, UP);
    assert_eq!(over_http2(connected(&demo).await).await, UP);
    assert_eq!(demo.record().count("GET", "/health", 200), 3);
    assert_eq!((demo.record().malformed, demo.record().connections), (0, 2));

    let demo = started(true);
    assert!(demo.url().starts_with("https://"));
    for (name, protocols, chosen) in [
        ("localhost", &[&b"h2"[..], b"http/1.1"][..], Some(&b"h2"[..])),
        ("127.0.0.1", &[b"http/1.1"], Some(b"http/1.1")),
        ("localhost", &[], None),
    ] {
        let stream = secured(&demo, name, protocols).await;
        assert_eq!(stream.get_ref().1.alpn_protocol(), chosen);
        let answer = match chosen {
            Some(b"h2") => over_http2(stream).await,
            _ => over_http1(stream).await,
        };
        assert_eq!(answer, UP);
    }
    assert_eq!(demo.record().count("GET", "/health", 200), 4);
}

#[tokio::test]
async fn messages_are_echoed_by_tls() {
    let demo = started(true);
    let mut stream = secured(&demo, "localhost", &[b"http/1.1"]).await;
    let handshake = "GET /ws/echo HTTP/1.1\r\nhost: demo\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
                     sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    stream.write_all(handshake.as_bytes()).await.expect("it listens");
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        answer.push(stream.read_u8().await.expect("it answers"));
    }
    assert!(answer.starts_with(b"HTTP/1.1 101 "), "{}", answer.escape_ascii());
    // A text of two bytes, masked with zeros.
    stream.write_all(b"\x81\x82\0\0\0\0hi").await.expect("it listens");
    let mut echo = [0; 4];
    stream.read_exact(&mut echo).await.expect("it answers");
    assert_eq!(&echo, b"\x81\x02hi");
}

#[tokio::test]
async fn a_client_that_says_little_at_first_is_understood() {
    for (first, http2) in [(&b"P"[..], false), (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r", true)] {
        let demo = started(false);
        let mut stream = connected(&demo).await;
        stream.set_nodelay(true).expect("it is a socket");
        stream.write_all(first).await.expect("it listens");
        // What follows comes when this has been read.
        while demo.record().bytes_received < first.len() as u64 {
            tokio::task::yield_now().await;
        }
        if http2 {
            stream.write_all(b"\n\0\0\0\x04\0\0\0\0\0").await.expect("it listens");
            let mut head = [0; 9];
            stream.read_exact(&mut head).await.expect("it answers");
            assert_eq!(head[3], 4, "settings come first");
        } else {
            let rest = b"UT /echo HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
            stream.write_all(rest).await.expect("it listens");
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await.expect("it answers");
            assert!(answer.contains(r#""method":"PUT""#), "{answer}");
        }
    }
}

#[tokio::test]
async fn who_speaks_no_tls_is_let_go() {
    let demo = started(true);
    let mut stream = connected(&demo).await;
    stream.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").await.expect("it listens");
    let mut answer = Vec::new();
    // An alert, and the end.
    let _ = stream.read_to_end(&mut answer).await;
    assert!(!answer.starts_with(b"HTTP"));
    assert_eq!(demo.record().requests, 0);
}
