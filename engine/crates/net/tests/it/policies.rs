//! Where connections may not go, by whichever road.

use std::sync::Arc;

use net::websocket::{End, Socket};
use net::{
    Client, Config, Error, Grant, GrantedHosts, HostOverride, Hosts, Instead, Policy, ProxyProtocol,
};

use crate::peer::{EMPTY, answering, error, exchange, finish, get, head, peer};
use crate::proxy_peer::{connecting, socks, through};
use crate::websocket::peer::{handshake, until};

fn named(name: &str) -> Grant {
    Grant { hosts: GrantedHosts::Name(name.to_owned()), port: None }
}

fn network(address: &str, bits: u8) -> Grant {
    let hosts = GrantedHosts::Network(address.parse().expect("an address"), bits);
    Grant { hosts, port: None }
}

/// Only these, and not even this machine.
fn only(grants: Vec<Grant>) -> Config {
    Config { policy: Arc::new(Policy::new(grants, false)), ..Config::default() }
}

/// The same, where whoever runs this has said that a host is at the peer.
fn only_at(grants: Vec<Grant>, host: &str, url: &str) -> Config {
    let authority = url.trim_start_matches("http://").trim_end_matches('/');
    let (address, port) = authority.split_once(':').expect("it has a port");
    let port = Some(port.parse().expect("a port"));
    let to = Instead::Host { host: address.to_owned(), port };
    let hosts = Hosts::new([HostOverride { host: host.to_owned(), port: None, to }]);
    Config { hosts: Arc::new(hosts), ..only(grants) }
}

async fn outcome(config: Config, url: &str) -> Result<u16, Error> {
    let mut client = Client::new(Arc::new(config));
    let exchange = exchange(&mut client, get(url)).await;
    exchange.result.map(|response| response.status.as_u16())
}

fn is_denied(outcome: &Result<u16, Error>) -> bool {
    matches!(outcome, Err(Error::NotAllowed(_)))
}

#[tokio::test]
async fn an_address_is_granted_by_itself_or_by_the_name_that_led_to_it() {
    let url = answering(EMPTY).await;
    for (grants, goes) in [
        (vec![], false),
        (vec![network("127.0.0.0", 8)], true),
        (vec![network("127.0.0.2", 32)], false),
        (vec![named("127.0.0.1")], true),
    ] {
        let outcome = outcome(only(grants.clone()), &url).await;
        assert_eq!(outcome.is_ok(), goes, "{grants:?}: {outcome:?}");
        assert_eq!(is_denied(&outcome), !goes, "{grants:?}: {outcome:?}");
    }
    for (grants, goes) in [
        (vec![named("shop.test")], true),
        (vec![named("other.test")], false),
        (vec![network("127.0.0.1", 32)], true),
        (vec![network("10.0.0.0", 8)], false),
    ] {
        let outcome =
            outcome(only_at(grants.clone(), "shop.test", &url), "http://shop.test/").await;
        assert_eq!(outcome.is_ok(), goes, "{grants:?}: {outcome:?}");
    }
}

#[tokio::test]
async fn a_name_that_no_grant_covers_is_not_looked_up() {
    // Would it be looked up, it would not be found.
    for url in ["http://secret-of-mine.invalid/", "http://2130706433.invalid/"] {
        let denied = outcome(only(vec![named("shop.test")]), url).await;
        assert!(is_denied(&denied), "{denied:?}");
        let asked = outcome(only(vec![network("10.0.0.0", 8)]), url).await;
        assert_eq!(asked, Err(Error::NameNotResolved));
    }
}

#[tokio::test]
async fn a_number_in_another_form_is_judged_as_what_it_is() {
    let url = answering(EMPTY).await;
    let port = url.rsplit(':').next().expect("it has a port");
    // Systems read these as 127.0.0.1, if they read them at all.
    for host in ["2130706433", "0x7f000001", "0177.0.0.1", "127.1", "[::ffff:127.0.0.1]"] {
        let url = format!("http://{host}:{port}");
        let outcome = outcome(only(vec![named("shop.test"), network("10.0.0.0", 8)]), &url).await;
        assert!(outcome.is_err(), "{host}: {outcome:?}");
        assert_ne!(outcome, Err(Error::ConnectionRefused), "{host} was connected to");
    }
}

#[tokio::test]
async fn a_redirect_leads_nowhere_that_is_not_granted() {
    let inside = answering(EMPTY).await;
    let location = inside.replace("127.0.0.1", "127.0.0.2");
    let url = peer(move |_, mut stream| {
        let location = location.clone();
        async move {
            use tokio::io::AsyncWriteExt as _;
            head(&mut stream).await;
            let answer =
                format!("HTTP/1.1 302 x\r\nlocation: {location}\r\ncontent-length: 0\r\n\r\n");
            stream.write_all(answer.as_bytes()).await.expect("an answer");
        }
    })
    .await;
    let mut client = Client::new(Arc::new(only(vec![network("127.0.0.1", 32)])));
    client.start(get(&url));
    let finished = finish(&mut client).await;
    assert_eq!(finished.len(), 2, "both hops are counted");
    assert!(matches!(error(&finished[1].1), Error::NotAllowed(_)));
    assert_eq!((finished[1].1.sent, finished[1].1.begun), (0, false));
}

#[tokio::test]
async fn a_proxy_is_asked_for_nothing_that_is_not_granted() {
    let inside = answering(EMPTY).await;
    for protocol in [ProxyProtocol::Http, ProxyProtocol::Socks5, ProxyProtocol::Socks5h] {
        let (proxy, _told) = match protocol {
            ProxyProtocol::Http => connecting(&inside).await,
            ProxyProtocol::Socks5 | ProxyProtocol::Socks5h => socks(&inside, true).await,
        };
        for url in [
            "http://10.0.0.1/",
            "https://10.0.0.1/",
            "http://169.254.169.254/",
            "http://2852039166/",
        ] {
            let policy = Arc::new(Policy::new(vec![named("shop.test")], true));
            let config = Config { policy, ..through(protocol, &proxy, true) };
            let outcome = outcome(config, url).await;
            assert!(is_denied(&outcome), "{protocol:?} {url}: {outcome:?}");
        }
    }
}

#[tokio::test]
async fn a_websocket_is_held_to_the_same() {
    let url = answering(EMPTY).await.replace("http:", "ws:");
    let mut socket = Socket::new(Arc::new(only(vec![named("shop.test")])), 1, handshake(&url));
    until(&mut socket, |_, news| news.ended).await;
    let End::Failed(why) = socket.end().expect("it is over") else { panic!("it was not closed") };
    assert_eq!(why.label(), "not allowed");
}
