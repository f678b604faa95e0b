//! Where connections may not go, by whichever road.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use net::websocket::{End, Socket};
use net::{
    Client, Config, ConnectTo, Dns, Error, Grant, GrantedHosts, HostOverride, Hosts, Instead,
    Policy, Proxies, Proxy, ProxyProtocol, Resolver,
};

use crate::peer::{EMPTY, answering, error, exchange, finish, get, head, peer, post};
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
    let hosts =
        Hosts::new([HostOverride { host: host.to_owned(), port: None, to, by_script: false }]);
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

/// Where a name is, now and when it is asked for again.
fn resolver(answers: &[&[&str]]) -> Arc<Resolver> {
    let ip = |address: &&str| address.parse::<IpAddr>().expect("an address");
    let answers: Vec<Vec<IpAddr>> =
        answers.iter().map(|answer| answer.iter().map(ip).collect()).collect();
    let asked = AtomicUsize::new(0);
    // Each connection asks anew.
    let dns = Dns { ttl: std::time::Duration::ZERO, ..Dns::default() };
    let look_up = move |_: &str| {
        let turn = asked.fetch_add(1, Ordering::Relaxed);
        answers[turn.min(answers.len() - 1)].clone()
    };
    Arc::new(Resolver::new(dns).asking(Box::new(look_up)))
}

fn port_of(url: &str) -> u16 {
    let port = url.trim_end_matches('/').rsplit(':').next().expect("it has a port");
    port.parse().expect("a number")
}

#[tokio::test]
async fn a_name_that_is_rebound_is_judged_by_the_address_that_it_has_then() {
    let port = port_of(&answering(EMPTY).await);
    let url = format!("http://rebound.test:{port}/");
    let resolver = resolver(&[&["127.0.0.1"], &["127.0.0.2"], &["169.254.169.254"]]);
    let policy = vec![network("127.0.0.1", 32)];
    let config = Arc::new(Config { resolver, reuse: net::Reuse::Never, ..only(policy) });
    let mut client = Client::new(config);
    let mut ends = Vec::new();
    for _ in 0..3 {
        ends.push(exchange(&mut client, get(&url)).await.result.map(|it| it.status.as_u16()));
    }
    assert_eq!(ends[0], Ok(200));
    assert!(is_denied(&ends[1]) && is_denied(&ends[2]), "{ends:?}");
}

#[tokio::test]
async fn of_two_addresses_only_the_granted_one_is_tried() {
    let port = port_of(&answering(EMPTY).await);
    let url = format!("http://two.test:{port}/");
    // Whichever comes first: the one that is not granted is not tried, nor fallen back to.
    for addresses in [["127.0.0.2", "127.0.0.1"], ["127.0.0.1", "127.0.0.2"]] {
        let config =
            Config { resolver: resolver(&[&addresses]), ..only(vec![network("127.0.0.1", 32)]) };
        assert_eq!(outcome(config, &url).await, Ok(200), "{addresses:?}");
        let config =
            Config { resolver: resolver(&[&addresses]), ..only(vec![network("127.0.0.3", 32)]) };
        assert!(is_denied(&outcome(config, &url).await), "{addresses:?}");
    }
}

#[tokio::test]
async fn a_granted_name_grants_no_address_of_a_clouds_secrets() {
    for address in ["169.254.169.254", "::ffff:169.254.169.254", "fd00:ec2::254"] {
        let config = Config { resolver: resolver(&[&[address]]), ..only(vec![named("meta.test")]) };
        let outcome = outcome(config, "http://meta.test/latest/meta-data/").await;
        let Err(Error::NotAllowed(why)) = &outcome else { panic!("{outcome:?}") };
        assert!(why.contains("must be granted by itself; `--allow-net "), "{why}");
    }
}

/// The override that a script itself has in its options.
fn own_override(host: &str, to: &str, port: Option<u16>) -> Arc<Hosts> {
    let to = Instead::Host { host: to.to_owned(), port };
    Arc::new(Hosts::new([HostOverride { host: host.to_owned(), port: None, to, by_script: true }]))
}

#[tokio::test]
async fn a_place_that_a_script_puts_behind_a_granted_name_is_judged_for_itself() {
    let port = port_of(&answering(EMPTY).await);
    let resolver = || resolver(&[&["127.0.0.1"]]);
    for (grants, to, goes, why) in [
        (vec![named("shop.test")], "127.0.0.1", false, "an address that is not granted"),
        (vec![named("shop.test")], "b.test", false, "a name that is not granted"),
        (vec![named("b.test")], "b.test", false, "what it is asked for as is not granted"),
        (vec![named("shop.test"), named("b.test")], "b.test", true, "both are"),
        (vec![network("127.0.0.1", 32)], "127.0.0.1", true, "the address is"),
        (vec![network("127.0.0.1", 32)], "b.test", true, "the address is, whatever it is called"),
    ] {
        let hosts = own_override("shop.test", to, Some(port));
        let config = Config { hosts, resolver: resolver(), ..only(grants) };
        let outcome = outcome(config, "http://shop.test/").await;
        assert_eq!(outcome.is_ok(), goes, "{why}: {outcome:?}");
        assert_eq!(is_denied(&outcome), !goes, "{why}: {outcome:?}");
    }
    let rule = ConnectTo {
        to_host: Some("127.0.0.1".to_owned()),
        to_port: Some(port),
        by_script: true,
        ..ConnectTo::default()
    };
    let hosts = Arc::new(Hosts::default().after(vec![rule]));
    let config = Config { hosts, ..only(vec![named("shop.test")]) };
    assert!(is_denied(&outcome(config, "http://shop.test/").await));
}

#[tokio::test]
async fn a_proxy_of_a_scripts_own_must_be_granted_like_any_place() {
    let inside = answering(EMPTY).await;
    for protocol in [ProxyProtocol::Http, ProxyProtocol::Socks5h] {
        let (url, mut told) = match protocol {
            ProxyProtocol::Http => connecting(&inside).await,
            _ => socks(&inside, false).await,
        };
        for (grants, goes) in [
            (vec![named("shop.test")], false),
            (vec![named("shop.test"), network("127.0.0.1", 32)], true),
            (vec![network("127.0.0.1", 32)], false),
        ] {
            let proxy = Proxy::new(protocol, "127.0.0.1", port_of(&url), None).by_script();
            let proxy = Some(Arc::new(proxy));
            let proxies = Arc::new(Proxies { https: proxy.clone(), http: proxy, direct: vec![] });
            // What is asked for never comes: this proxy connects, and is asked to forward.
            let request_timeout = Duration::from_secs(1);
            let config = Config { proxies, request_timeout, ..only(grants.clone()) };
            let mut client = Client::new(Arc::new(config));
            let ended = exchange(&mut client, get("http://shop.test:1/")).await;
            let denied = matches!(ended.result, Err(Error::NotAllowed(_)));
            assert_eq!(denied, !goes, "{protocol:?} {grants:?}: {:?}", ended.result);
            assert_eq!(told.try_recv().is_ok(), goes, "{protocol:?} {grants:?}");
        }
    }
}

#[tokio::test]
async fn methods_are_judged_at_each_hop() {
    let location = answering(EMPTY).await;
    let url = peer(move |_, mut stream| {
        let location = location.clone();
        async move {
            use tokio::io::AsyncWriteExt as _;
            head(&mut stream).await;
            let answer =
                format!("HTTP/1.1 303 x\r\nlocation: {location}\r\ncontent-length: 0\r\n\r\n");
            stream.write_all(answer.as_bytes()).await.expect("an answer");
        }
    })
    .await;
    let policy = Arc::new(Policy::default().with_methods(vec!["POST".to_owned()]));
    let mut client = Client::new(Arc::new(Config { policy, ..Config::default() }));
    let refused = exchange(&mut client, get(&url)).await;
    let Error::NotAllowed(why) = error(&refused) else { panic!("{refused:?}") };
    assert!(why.contains("the method `GET`"), "{why}");
    assert_eq!((refused.sent, refused.begun), (0, false));
    client.start(post(&url, "tea"));
    let finished = finish(&mut client).await;
    assert_eq!(finished.len(), 2, "what follows a 303 is a GET");
    assert!(matches!(error(&finished[1].1), Error::NotAllowed(_)));

    let policy = Arc::new(Policy::default().with_methods(vec!["POST".to_owned()]));
    let config = Arc::new(Config { policy, ..Config::default() });
    let mut socket = Socket::new(config, 1, handshake("ws://127.0.0.1:1/"));
    until(&mut socket, |_, news| news.ended).await;
    let End::Failed(why) = socket.end().expect("it is over") else { panic!("it was not closed") };
    assert_eq!(why.label(), "not allowed", "a handshake is a GET");
}
