//! Who is believed, what is spoken, and that nothing else changes by it.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use net::{Client, Config, Error, Request, TlsSettings, TlsVersion};
use rustls::HandshakeKind;
use rustls::version::{TLS12, TLS13};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{Notify, mpsc};
use tokio_rustls::server::TlsStream;

use crate::peer::{error, exchange, get, head, let_news_arrive, peer, post};
use crate::tls_peer::{
    Authority, Identity, Manner, Meddling, client_of, config_of, meddler, relay, server, tls_peer,
};

const HELLO: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello";

async fn answer(mut stream: TlsStream<TcpStream>, answer: &'static [u8]) {
    while head(&mut stream).await.is_some() {
        if stream.write_all(answer).await.is_err() || stream.flush().await.is_err() {
            break;
        }
    }
}

/// A peer that answers each request with the same.
async fn answering_as(identity: &Identity, manner: &Manner<'_>) -> String {
    tls_peer(server(identity, manner), |_, stream| answer(stream, HELLO)).await
}

#[tokio::test]
async fn a_connection_by_tls_is_used_again_and_its_handshake_is_counted_once() {
    let authority = Authority::new("ours");
    let url = answering_as(&authority.issue(&["localhost"]), &Manner::default()).await;
    let mut client = client_of(&authority, TlsSettings::default());
    for reused in [false, true, true] {
        let exchange = exchange(&mut client, get(&url)).await;
        let t = exchange.timings;
        let parts = [t.blocked, t.dns, t.connecting, t.tls, t.sending, t.waiting, t.receiving];
        assert_eq!(parts.iter().sum::<Duration>(), t.total());
        assert_eq!((exchange.reused, t.tls == Duration::ZERO), (reused, reused), "{t:?}");
        assert_eq!(exchange.tls_version, Some(TlsVersion::Tls13));
        assert_eq!(exchange.result.expect("a response").body, b"hello");
    }
}

#[tokio::test]
async fn bytes_are_those_on_the_wire_with_all_that_tls_adds() {
    let authority = Authority::new("ours");
    for version in [&TLS12, &TLS13] {
        let manner = Manner { versions: Some(&[version]), ..Manner::default() };
        let url = answering_as(&authority.issue(&["localhost"]), &manner).await;
        let (url, counted) = relay(&url).await;
        let mut client = client_of(&authority, TlsSettings::default());
        let mut sum = [0, 0];
        for _ in 0..3 {
            let exchange = exchange(&mut client, get(&url)).await;
            assert!(exchange.begun && exchange.result.is_ok());
            sum = [sum[0] + exchange.sent, sum[1] + exchange.received];
            assert_eq!(sum, [0, 1].map(|way| counted[way].load(Ordering::SeqCst)), "{version:?}");
        }
    }
}

#[tokio::test]
async fn large_bodies_go_both_ways_however_they_are_cut_into_records() {
    const LENGTH: usize = 3_000_000;
    let body: Vec<u8> = (0..LENGTH).map(|n| (n / 7) as u8).collect();
    let authority = Authority::new("ours");
    for record in [1_000, 16_384, LENGTH] {
        let identity = authority.issue(&["localhost"]);
        let url =
            tls_peer(server(&identity, &Manner::default()), move |_, mut stream| async move {
                while head(&mut stream).await.is_some() {
                    let mut body = vec![0; LENGTH];
                    stream.read_exact(&mut body).await.expect("a body");
                    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {LENGTH}\r\n\r\n");
                    stream.write_all(head.as_bytes()).await.expect("the client listens");
                    for piece in body.chunks(record) {
                        stream.write_all(piece).await.expect("the client listens");
                    }
                    stream.flush().await.expect("the client listens");
                }
            })
            .await;
        let mut client = client_of(&authority, TlsSettings::default());
        for reused in [false, true] {
            let exchange = exchange(&mut client, post(&url, body.clone())).await;
            assert_eq!(exchange.reused, reused);
            assert!(exchange.sent > LENGTH as u64 && exchange.received > LENGTH as u64);
            let response = exchange.result.expect("a response");
            assert!(response.body == body, "{record}");
        }
    }
}

#[tokio::test]
async fn an_answer_in_records_of_single_bytes_is_an_answer() {
    let authority = Authority::new("ours");
    let identity = authority.issue(&["localhost"]);
    let chunks = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
    let url = tls_peer(server(&identity, &Manner::default()), move |_, mut stream| async move {
        while head(&mut stream).await.is_some() {
            for byte in chunks {
                stream.write_all(&[*byte]).await.expect("the client listens");
            }
            stream.flush().await.expect("the client listens");
        }
    })
    .await;
    let mut client = client_of(&authority, TlsSettings::default());
    for reused in [false, true] {
        let exchange = exchange(&mut client, get(&url)).await;
        assert_eq!(exchange.reused, reused);
        assert_eq!(exchange.result.expect("a response").body, b"abc");
    }
}

#[tokio::test]
async fn a_handshake_is_one_however_it_is_cut_into_records_and_packets() {
    let authority = Authority::new("ours");
    let identity = authority.issue(&["localhost"]);
    for version in [&TLS12, &TLS13] {
        // rustls takes certificates of 64 KiB; a hundred of these are about half of it.
        for (record, padding) in [(Some(64), 0), (Some(64), 100), (None, 100)] {
            let versions: &[_] = &[version];
            let versions = Some(versions);
            let manner = Manner { versions, record, padding, ..Manner::default() };
            let url = answering_as(&identity, &manner).await;
            for url in [meddler(&url, Meddling::Trickled).await, url] {
                let mut client = client_of(&authority, TlsSettings::default());
                for reused in [false, true] {
                    let exchange = exchange(&mut client, get(&url)).await;
                    assert_eq!(exchange.reused, reused);
                    assert_eq!(exchange.result.expect("a response").body, b"hello", "{manner:?}");
                }
            }
        }
    }
}

#[tokio::test]
async fn a_peer_that_is_spoiled_or_cut_off_anywhere_ends_the_exchange_and_nothing_else() {
    let authority = Authority::new("ours");
    let identity = authority.issue(&["localhost"]);
    for version in [&TLS12, &TLS13] {
        let versions: &[_] = &[version];
        for record in [None, Some(64)] {
            let manner = Manner { versions: Some(versions), record, ..Manner::default() };
            let url = answering_as(&identity, &manner).await;
            // Everything up to the answer is shorter than this many steps.
            for place in (0..600).step_by(37) {
                for meddling in [Meddling::Spoiled(place), Meddling::Cut(place)] {
                    let url = meddler(&url, meddling).await;
                    let mut client = client_of(&authority, TlsSettings::default());
                    // What is spoiled may be a length, and then more is waited for.
                    let timeout = Some(Duration::from_millis(200));
                    let request = Request { timeout, ..get(&url) };
                    let exchange = exchange(&mut client, request).await;
                    // There are bytes that nobody looks at, the version of a record for one.
                    let unseen = matches!(meddling, Meddling::Spoiled(_));
                    assert!(unseen || exchange.result.is_err(), "{version:?}, {meddling:?}");
                }
            }
        }
    }
}

#[tokio::test]
async fn each_bad_certificate_has_a_name_and_k6s_number() {
    let (ours, theirs) = (Authority::new("ours"), Authority::new("theirs"));
    for (identity, label, code) in [
        (ours.issue_valid(&["localhost"], (2010, 2020)), "certificate expired", 1300),
        (ours.issue_valid(&["localhost"], (2080, 2090)), "certificate not yet valid", 1300),
        (ours.issue(&["example.test"]), "certificate for another host", 1311),
        (theirs.issue(&["localhost"]), "certificate from unknown issuer", 1310),
    ] {
        for version in [&TLS12, &TLS13] {
            let manner = Manner { versions: Some(&[version]), ..Manner::default() };
            let url = answering_as(&identity, &manner).await;
            let refused = exchange(&mut client_of(&ours, TlsSettings::default()), get(&url)).await;
            let why = error(&refused);
            assert_eq!((why.label(), why.code()), (label, code), "{why}");
            assert!(refused.sent > 0 && refused.received > 0, "there was a handshake");
            assert!(!refused.begun && refused.timings.duration() == Duration::ZERO);
            assert!(refused.timings.tls > Duration::ZERO);

            let blind = TlsSettings { insecure_skip_verify: true, ..TlsSettings::default() };
            let believed = exchange(&mut client_of(&ours, blind), get(&url)).await;
            believed.result.unwrap_or_else(|error| panic!("{label}: {error}"));
        }
    }
}

#[tokio::test]
async fn a_certificate_for_another_host_says_for_which() {
    let authority = Authority::new("ours");
    let url = answering_as(&authority.issue(&["a.test", "b.test"]), &Manner::default()).await;
    let mut client = client_of(&authority, TlsSettings::default());
    let refused = exchange(&mut client, get(&url)).await;
    assert_eq!(
        error(&refused).to_string(),
        "the server's certificate is not for this host: it is for a.test, b.test, not for localhost"
    );
}

#[tokio::test]
async fn a_server_with_its_issuers_own_certificate_is_told_apart_from_a_stranger() {
    let authority = Authority::new("ours");
    let url = answering_as(&Authority::itself(&["localhost"]), &Manner::default()).await;
    let mut client = client_of(&authority, TlsSettings::default());
    let refused = exchange(&mut client, get(&url)).await;
    assert_eq!((error(&refused).label(), error(&refused).code()), ("certificate invalid", 1300));
    assert!(error(&refused).to_string().contains("CA:TRUE"), "{}", error(&refused));
}

#[tokio::test]
async fn an_address_is_as_good_as_a_name_if_the_certificate_has_it() {
    let authority = Authority::new("ours");
    let url = answering_as(&authority.issue(&["127.0.0.1"]), &Manner::default()).await;
    let mut client = client_of(&authority, TlsSettings::default());
    let exchange = exchange(&mut client, get(&url.replace("localhost", "127.0.0.1"))).await;
    assert_eq!(exchange.timings.dns, Duration::ZERO);
    exchange.result.expect("a response");
}

#[tokio::test]
async fn without_a_root_of_ours_the_machine_alone_decides() {
    let authority = Authority::new("ours");
    let url = answering_as(&authority.issue(&["localhost"]), &Manner::default()).await;
    let refused = exchange(&mut Client::new(Arc::new(Config::default())), get(&url)).await;
    assert_eq!(error(&refused), &Error::CertificateFromUnknownIssuer);
}

#[tokio::test]
async fn versions_are_those_that_both_sides_allow() {
    const OLD: TlsVersion = TlsVersion::Tls12;
    const NEW: TlsVersion = TlsVersion::Tls13;
    let authority = Authority::new("ours");
    for (server_speaks, min_version, max_version, spoken) in [
        (&[&TLS12, &TLS13][..], OLD, None, Some(NEW)),
        (&[&TLS12, &TLS13], OLD, Some(OLD), Some(OLD)),
        (&[&TLS12], OLD, None, Some(OLD)),
        (&[&TLS12], NEW, None, None),
        (&[&TLS13], OLD, Some(OLD), None),
    ] {
        let manner = Manner { versions: Some(server_speaks), ..Manner::default() };
        let url = answering_as(&authority.issue(&["localhost"]), &manner).await;
        let settings = TlsSettings { min_version, max_version, ..TlsSettings::default() };
        let exchange = exchange(&mut client_of(&authority, settings), get(&url)).await;
        match spoken {
            Some(_) => {
                assert_eq!(exchange.tls_version, spoken);
                exchange.result.expect("a response");
            }
            None => {
                let why = error(&exchange);
                assert_eq!((why.label(), why.code()), ("TLS failed", 1300));
                let says = "the server speaks none of the versions that are allowed";
                assert!(why.to_string().contains(says), "{why}");
            }
        }
    }
}

#[tokio::test]
async fn a_server_that_wants_to_know_who_is_there_is_shown_the_certificate_for_it() {
    let (ours, theirs) = (Authority::new("ours"), Authority::new("theirs"));
    let (known, foreign) = (ours.issue(&["a client"]), theirs.issue(&["a client"]));
    for version in [&TLS12, &TLS13] {
        let manner =
            Manner { versions: Some(&[version]), clients_of: Some(&ours), ..Manner::default() };
        let url = answering_as(&ours.issue(&["localhost"]), &manner).await;
        for (certificates, accepted, why) in [
            (vec![known.for_domains(&[])], true, "it is for all hosts"),
            (vec![known.for_domains(&["a.test", "LOCALHOST"])], true, "it is for this one"),
            (
                vec![foreign.for_domains(&["*.test"]), known.for_domains(&["localhost"])],
                true,
                "the first is for others",
            ),
            (vec![], false, "there is none"),
            (vec![known.for_domains(&["a.test"])], false, "it is for another host"),
            (vec![foreign.for_domains(&[])], false, "its issuer is not known there"),
        ] {
            let settings =
                TlsSettings { client_certificates: certificates, ..TlsSettings::default() };
            let exchange = exchange(&mut client_of(&ours, settings), get(&url)).await;
            if accepted {
                exchange.result.unwrap_or_else(|error| panic!("{why}: {error}"));
            } else {
                let error = error(&exchange);
                assert_eq!(error.label(), "client certificate refused", "{why}: {error}");
                assert_eq!(error.code(), 1300);
            }
        }
    }
}

#[tokio::test]
async fn an_answer_in_the_clear_is_not_tls() {
    for answer in
        [&b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n"[..], b"SSH-2.0-OpenSSH_9.2\r\n"]
    {
        let url = peer(move |_, mut stream| async move {
            stream.write_all(answer).await.expect("the client listens");
            let _ = stream.read_to_end(&mut Vec::new()).await;
        })
        .await;
        let mut client = client_of(&Authority::new("ours"), TlsSettings::default());
        let exchange = exchange(&mut client, get(&url.replace("http:", "https:"))).await;
        assert_eq!(error(&exchange), &Error::NotTls);
        assert_eq!((error(&exchange).code(), exchange.begun), (1301, false));
    }
}

#[tokio::test]
async fn a_connection_that_ends_within_the_handshake_is_closed_early() {
    let url = peer(|_, mut stream| async move {
        stream.read_u8().await.expect("a byte");
    })
    .await;
    let mut client = client_of(&Authority::new("ours"), TlsSettings::default());
    let exchange = exchange(&mut client, get(&url.replace("http:", "https:"))).await;
    assert!(matches!(error(&exchange), Error::ClosedEarly | Error::ConnectionReset));
    assert!(!exchange.begun && exchange.sent > 0);
}

#[tokio::test]
async fn a_server_that_speaks_nothing_of_what_it_is_offered_says_so() {
    let authority = Authority::new("ours");
    let manner = Manner { protocols: &[b"h3"], ..Manner::default() };
    let url = answering_as(&authority.issue(&["localhost"]), &manner).await;
    let mut client = client_of(&authority, TlsSettings::default());
    let refused = exchange(&mut client, get(&url)).await;
    assert_eq!(error(&refused).label(), "TLS failed");
    let told = error(&refused).to_string();
    assert_eq!(told, "TLS failed: the server speaks none of the protocols that it was offered");
}

#[tokio::test]
async fn a_server_is_told_the_name_that_was_asked_for() {
    let authority = Authority::new("ours");
    let (tell, mut told) = mpsc::unbounded_channel();
    let identity = authority.issue(&["localhost", "127.0.0.1"]);
    let url = tls_peer(server(&identity, &Manner::default()), move |_, stream| {
        let name = stream.get_ref().1.server_name().map(ToOwned::to_owned);
        tell.send(name).expect("the test listens");
        answer(stream, HELLO)
    })
    .await;
    for (host, name) in [("localhost", Some("localhost")), ("127.0.0.1", None)] {
        let mut client = client_of(&authority, TlsSettings::default());
        let exchange = exchange(&mut client, get(&url.replace("localhost", host))).await;
        exchange.result.expect("a response");
        assert_eq!(told.recv().await.expect("it was told").as_deref(), name);
    }
}

/// How the connections of these clients were made, each client's second after its first was closed.
async fn handshakes(
    resume_sessions: bool,
    version: &'static rustls::SupportedProtocolVersion,
) -> Vec<HandshakeKind> {
    let authority = Authority::new("ours");
    let (tell, mut told) = mpsc::unbounded_channel();
    let manner = Manner { versions: Some(&[version]), ..Manner::default() };
    let url = tls_peer(server(&authority.issue(&["localhost"]), &manner), move |_, stream| {
        let kind = stream.get_ref().1.handshake_kind().expect("it is over");
        tell.send(kind).expect("the test listens");
        answer(stream, HELLO)
    })
    .await;
    let settings = TlsSettings { resume_sessions, ..TlsSettings::default() };
    let config = config_of(&authority, settings);
    let mut kinds = Vec::new();
    for _ in 0..2 {
        let mut client = Client::new(Arc::clone(&config));
        for _ in 0..2 {
            exchange(&mut client, get(&url)).await.result.expect("a response");
            client.close_connections();
            kinds.push(told.recv().await.expect("it was told"));
        }
    }
    kinds
}

#[tokio::test]
async fn sessions_are_resumed_if_that_is_asked_for_and_never_those_of_another_vu() {
    use HandshakeKind::{Full, Resumed};
    for version in [&TLS12, &TLS13] {
        assert_eq!(handshakes(false, version).await, [Full; 4], "{version:?}");
        assert_eq!(handshakes(true, version).await, [Full, Resumed, Full, Resumed], "{version:?}");
    }
}

#[tokio::test]
async fn a_kept_connection_that_ended_costs_no_request() {
    for says_so in [true, false] {
        let authority = Authority::new("ours");
        let gone = Arc::new(Notify::new());
        let tell = Arc::clone(&gone);
        let identity = authority.issue(&["localhost"]);
        let url = tls_peer(server(&identity, &Manner::default()), move |number, mut stream| {
            let gone = Arc::clone(&tell);
            async move {
                while head(&mut stream).await.is_some() {
                    stream.write_all(HELLO).await.expect("the client listens");
                    stream.flush().await.expect("the client listens");
                    if number == 0 {
                        break;
                    }
                }
                if says_so {
                    let _ = stream.shutdown().await;
                }
                drop(stream);
                gone.notify_one();
            }
        })
        .await;
        let mut client = client_of(&authority, TlsSettings::default());
        exchange(&mut client, get(&url)).await.result.expect("a response");
        gone.notified().await;
        let_news_arrive().await;
        let second = exchange(&mut client, post(&url, "")).await;
        assert!(!second.reused, "nothing of it had been sent, so it could be sent again");
        second.result.expect("a response");
    }
}

#[tokio::test]
async fn a_body_that_ends_with_the_connection_is_whole_only_if_the_peer_says_so() {
    for says_so in [true, false] {
        let authority = Authority::new("ours");
        let identity = authority.issue(&["localhost"]);
        let url =
            tls_peer(server(&identity, &Manner::default()), move |_, mut stream| async move {
                head(&mut stream).await;
                stream.write_all(b"HTTP/1.1 200 OK\r\n\r\nall of it").await.expect("it listens");
                stream.flush().await.expect("it listens");
                if says_so {
                    stream.shutdown().await.expect("it listens");
                }
            })
            .await;
        let exchange =
            exchange(&mut client_of(&authority, TlsSettings::default()), get(&url)).await;
        match says_so {
            true => assert_eq!(exchange.result.expect("a response").body, b"all of it"),
            false => assert_eq!(error(&exchange), &Error::ClosedEarly),
        }
    }
}

#[tokio::test]
async fn a_connection_is_ended_with_the_words_that_tls_has_for_it() {
    let authority = Authority::new("ours");
    let (tell, mut told) = mpsc::unbounded_channel();
    let identity = authority.issue(&["localhost"]);
    let url = tls_peer(server(&identity, &Manner::default()), move |_, mut stream| {
        let tell = tell.clone();
        async move {
            head(&mut stream).await;
            stream.write_all(HELLO).await.expect("the client listens");
            stream.flush().await.expect("the client listens");
            let end = stream.read(&mut [0]).await.map_err(|error| error.kind());
            tell.send(end).expect("the test listens");
        }
    })
    .await;
    let mut client = client_of(&authority, TlsSettings::default());
    exchange(&mut client, get(&url)).await.result.expect("a response");
    drop(client);
    assert_eq!(told.recv().await, Some(Ok(0)));
}
