//! Where connections go to and come from, and how long they are kept.

use std::net::IpAddr;
use std::sync::Arc;

use net::{Client, Config, ConnectTo, Error, HostOverride, Hosts, Instead, LocalAddresses, Reuse};
use tokio::io::AsyncWriteExt;
use tokio::sync::mpsc;

use crate::peer::{EMPTY, answering, error, exchange, get, head, peer};

fn ip(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

#[tokio::test]
async fn a_host_is_found_where_the_overrides_say_and_is_asked_for_by_its_name() {
    let (tell, mut told) = mpsc::unbounded_channel();
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
    let port = url.trim_end_matches('/').rsplit(':').next().and_then(|port| port.parse().ok());
    let hosts = Arc::new(Hosts::new([HostOverride {
        host: "*.invalid".to_owned(),
        port: None,
        to: Instead::Host { host: "127.0.0.1".to_owned(), port },
        by_script: false,
    }]));
    let mut client = Client::new(Arc::new(Config { hosts, ..Config::default() }));
    let found = exchange(&mut client, get("http://shop.invalid/")).await;
    found.result.expect("a response");
    assert_eq!(found.remote.map(|remote| remote.port()), port);
    assert!(found.timings.dns.is_zero(), "nobody was asked");
    assert!(told.recv().await.expect("it was told").contains("\r\nhost: shop.invalid\r\n"));
    // Any other name is looked up; one with a label of 64 letters has no address, and nobody need be asked.
    let other = format!("http://{}.example/", "a".repeat(64));
    assert_eq!(error(&exchange(&mut client, get(&other)).await), &Error::NameNotResolved);
}

#[tokio::test]
async fn another_name_or_port_is_connected_to_and_the_first_is_asked_for() {
    let (tell, mut told) = mpsc::unbounded_channel();
    let url = peer(move |_, mut stream| {
        let tell = tell.clone();
        async move {
            tell.send(head(&mut stream).await.expect("a request")).expect("the test listens");
            stream.write_all(EMPTY).await.expect("the client listens");
        }
    })
    .await;
    let port = url.trim_end_matches('/').rsplit(':').next().and_then(|port| port.parse().ok());
    let host = |host: &str| Some(host.to_owned());
    for (connect_to, asked) in [
        (ConnectTo { to_host: host("localhost"), to_port: port, ..ConnectTo::default() }, "a.test"),
        (ConnectTo { port: Some(80), to_port: port, ..ConnectTo::default() }, "127.0.0.1"),
        (
            ConnectTo {
                host: host("A.test"),
                to_host: host("127.0.0.1"),
                to_port: port,
                ..ConnectTo::default()
            },
            "a.test",
        ),
    ] {
        let hosts = Arc::new(Hosts::default().after(vec![connect_to]));
        let mut client = Client::new(Arc::new(Config { hosts, ..Config::default() }));
        let found = exchange(&mut client, get(&format!("http://{asked}/"))).await;
        found.result.expect("a response");
        assert_eq!(found.remote.map(|remote| remote.port()), port);
        let head = told.recv().await.expect("it was told");
        assert!(head.contains(&format!("\r\nhost: {asked}\r\n")), "{head}");
    }
}

#[tokio::test]
#[cfg(target_os = "linux")]
async fn each_vu_connects_from_an_address_of_its_own() {
    let (tell, mut told) = mpsc::unbounded_channel();
    let url = peer(move |_, mut stream| {
        let tell = tell.clone();
        async move {
            tell.send(stream.peer_addr().expect("it is connected").ip()).expect("it listens");
            head(&mut stream).await;
            let _ = stream.write_all(EMPTY).await;
        }
    })
    .await;
    let ranges = vec![ip("127.0.0.2")..=ip("127.0.0.3")];
    let local_addresses = Arc::new(LocalAddresses::new(ranges));
    let config = Arc::new(Config { local_addresses, ..Config::default() });
    for (vu, from) in [(1, "127.0.0.2"), (2, "127.0.0.3"), (3, "127.0.0.2")] {
        let mut client = Client::of_vu(Arc::clone(&config), vu);
        exchange(&mut client, get(&url)).await.result.expect("a response");
        assert_eq!(told.recv().await, Some(ip(from)));
    }
}

#[tokio::test]
async fn from_an_address_of_one_family_no_address_of_the_other_is_reached() {
    let url = answering(EMPTY).await;
    let local_addresses = Arc::new(LocalAddresses::new(vec![ip("::1")..=ip("::1")]));
    let config = Arc::new(Config { local_addresses, ..Config::default() });
    let exchange = exchange(&mut Client::of_vu(config, 1), get(&url)).await;
    assert_eq!(error(&exchange), &Error::Unreachable);
}

#[tokio::test]
async fn an_address_that_is_not_ours_is_named() {
    let url = answering(EMPTY).await;
    // Of a network that is for documents only (RFC 5737).
    let local_addresses = Arc::new(LocalAddresses::new(vec![ip("192.0.2.1")..=ip("192.0.2.1")]));
    let config = Arc::new(Config { local_addresses, ..Config::default() });
    let exchange = exchange(&mut Client::of_vu(config, 1), get(&url)).await;
    let told = error(&exchange).to_string();
    assert!(told.starts_with("cannot connect from the address 192.0.2.1: "), "{told}");
}

#[tokio::test]
async fn connections_are_kept_for_as_long_as_was_asked_for() {
    let url = answering(EMPTY).await;
    for (reuse, within, beyond) in [
        (Reuse::Always, true, true),
        (Reuse::WithinIteration, true, false),
        (Reuse::Never, false, false),
    ] {
        let mut client = Client::new(Arc::new(Config { reuse, ..Config::default() }));
        assert!(!exchange(&mut client, get(&url)).await.reused, "{reuse:?}");
        assert_eq!(exchange(&mut client, get(&url)).await.reused, within, "{reuse:?}");
        client.end_iteration();
        assert_eq!(exchange(&mut client, get(&url)).await.reused, beyond, "{reuse:?}");
    }
}
