//! Guests that try to reach what they were not granted, or to say by HTTP what they may not: each way is a test.
//!
//! What is granted is the demo target at its address and port; not even this machine is, beside it. What is not is
//! another one beside it, which must not have been connected to.

use std::io::{Read as _, Write as _};
use std::net::IpAddr;
use std::sync::Arc;

use net::{
    Config, Dns, Grant, GrantedHosts, HostOverride, Hosts, HttpVersion, Instead, Policy, Proxies,
    Proxy, ProxyProtocol, Resolver,
};

use super::*;

/// A target that nothing was granted of.
fn inside() -> RunningDemo {
    Demo::spawn_thread(([127, 0, 0, 1], 0).into(), Faults::default()).expect("a free port")
}

fn port_of(url: &str) -> u16 {
    url.rsplit(':').next().and_then(|port| port.parse().ok()).expect("it has a port")
}

/// Grants of a target at its address, and nothing else.
fn only(target: &RunningDemo) -> Policy {
    let here = GrantedHosts::Network(IpAddr::from([127, 0, 0, 1]), 32);
    Policy::new(vec![Grant { hosts: here, port: Some(port_of(&target.url())) }], false)
}

/// What a guest that tries to reach a place says came of it. `set` has the last word on how its requests are made.
fn tried(
    program: &str,
    road: &str,
    there: &str,
    policy: impl FnOnce(&RunningDemo) -> Policy,
    set: impl FnOnce(&mut Config),
) -> (String, Bench) {
    runtime().block_on(async {
        let env = [("ROAD", road), ("THERE", there)];
        let target = Demo::spawn_thread(([127, 0, 0, 1], 0).into(), Faults::default());
        let target = target.expect("a free port");
        let mut config = Config { policy: Arc::new(policy(&target)), ..Config::default() };
        set(&mut config);
        let mut bench = Bench::with_settings(program, &env, |it| it.net = Arc::new(config));
        // What is granted is this one.
        bench.env.insert("BASE_URL".into(), target.url());
        bench.demo = target;
        let outcome = bench.iterate(1).await.remove(0);
        let Outcome::Failed(said) = outcome else { panic!("{road} {there}: {outcome:?}") };
        // The user goes on.
        assert!(matches!(bench.iterate(1).await[0], Outcome::Failed(_)));
        (said, bench)
    })
}

/// A guest that tries to reach the target inside by this road, at this URL, is refused, and nobody is connected to.
fn is_refused(road: &str, url: impl FnOnce(u16) -> String, set: impl FnOnce(&mut Config)) {
    let inside = inside();
    let there = url(port_of(&inside.url()));
    let (said, bench) = tried(artifacts::LEAVES_THE_GRANT, road, &there, only, set);
    assert!(said.starts_with("NotAllowed: "), "{road} {there}: {said}");
    assert_eq!(inside.record().connections, 0, "{road} {there}");
    let tags = [("error", "not allowed"), ("error_code", "1111")];
    let is_http = road != "websocket";
    assert_eq!(count(&bench.totals(), builtin::HTTP_REQS, &tags) > 0.0, is_http, "it is counted");
}

fn at(host: &'static str) -> impl FnOnce(u16) -> String {
    move |port| format!("http://{host}:{port}/")
}

/// Names that have these addresses, whatever they are.
fn resolving(config: &mut Config, addresses: &'static [&'static [&'static str]]) {
    let turn = std::sync::atomic::AtomicUsize::new(0);
    let look_up = move |_: &str| {
        let turn = turn.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let answer = addresses[turn.min(addresses.len() - 1)];
        answer.iter().map(|address| address.parse().expect("an address")).collect()
    };
    let dns = Dns { ttl: Duration::ZERO, ..Dns::default() };
    config.resolver = Arc::new(Resolver::new(dns).asking(Box::new(look_up)));
}

#[test]
pub(crate) fn leaves_the_grant() {
    is_refused("get", at("127.0.0.1"), |_| {});
}

#[test]
fn an_address_beside_the_granted_one_is_not_reached() {
    is_refused("get", at("127.0.0.2"), |_| {});
}

#[test]
fn a_request_that_nobody_asks_after_is_refused_all_the_same() {
    let inside = inside();
    let (said, bench) =
        tried(artifacts::LEAVES_THE_GRANT, "forgotten", &inside.url(), only, |_| {});
    assert_eq!(said, "forgotten");
    assert_eq!(inside.record().connections, 0);
    let tags = [("error", "not allowed")];
    assert_eq!(count(&bench.totals(), builtin::HTTP_REQS, &tags), 2.0, "once an iteration");
}

#[test]
fn requests_at_once_are_judged_one_by_one() {
    is_refused("batch", at("127.0.0.1"), |_| {});
}

#[test]
fn a_response_that_is_read_as_it_comes_is_judged_before() {
    is_refused("open", at("127.0.0.1"), |_| {});
}

#[test]
fn an_event_stream_is_judged_like_any_request() {
    is_refused("events", at("127.0.0.1"), |_| {});
}

#[test]
fn a_websocket_is_judged_before_its_upgrade() {
    is_refused("websocket", |port| format!("ws://127.0.0.1:{port}/ws/echo"), |_| {});
}

#[test]
fn http_2_is_judged_like_the_other() {
    is_refused("http2", at("127.0.0.1"), |_| {});
    is_refused("get", at("127.0.0.1"), |config| config.http_version = HttpVersion::Http2);
}

#[test]
fn a_redirect_leads_to_no_place_that_is_not_granted() {
    let inside = inside();
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("it is bound").port();
    let location = inside.url();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut head = Vec::new();
            let mut byte = [0];
            while !head.ends_with(b"\r\n\r\n") && matches!(stream.read(&mut byte), Ok(1)) {
                head.push(byte[0]);
            }
            let answer =
                format!("HTTP/1.1 302 Found\r\nlocation: {location}/\r\ncontent-length: 0\r\n\r\n");
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    let there = format!("http://127.0.0.1:{port}/");
    let granted = move |_: &RunningDemo| {
        let hosts = GrantedHosts::Network(IpAddr::from([127, 0, 0, 1]), 32);
        Policy::new(vec![Grant { hosts, port: Some(port) }], false)
    };
    let (said, _) = tried(artifacts::LEAVES_THE_GRANT, "get", &there, granted, |_| {});
    assert!(said.starts_with("NotAllowed: "), "{said}");
    assert_eq!(inside.record().connections, 0);
}

#[test]
fn the_names_of_this_machine_are_judged_by_their_address() {
    is_refused("get", at("localhost"), |_| {});
    is_refused("get", at("shop.localhost"), |config| resolving(config, &[&["127.0.0.1"]]));
}

#[test]
fn a_dot_at_the_end_makes_no_other_host_of_it() {
    is_refused("get", at("localhost."), |_| {});
}

#[test]
fn an_ipv4_address_in_the_form_of_ipv6_is_what_it_is() {
    is_refused("get", at("[::ffff:127.0.0.1]"), |_| {});
    is_refused("get", at("[::ffff:7f00:1]"), |_| {});
}

#[test]
fn a_decimal_address_is_what_it_is() {
    is_refused("get", at("2130706433"), |config| resolving(config, &[&["127.0.0.1"]]));
}

#[test]
fn a_hexadecimal_address_is_what_it_is() {
    is_refused("get", at("0x7f000001"), |config| resolving(config, &[&["127.0.0.1"]]));
    is_refused("get", at("0x7f.1"), |config| resolving(config, &[&["127.0.0.1"]]));
}

#[test]
fn an_octal_address_is_what_it_is() {
    is_refused("get", at("0177.0.0.1"), |config| resolving(config, &[&["127.0.0.1"]]));
}

#[test]
fn a_short_address_is_what_it_is() {
    is_refused("get", at("127.1"), |config| resolving(config, &[&["127.0.0.1"]]));
}

#[test]
fn the_address_of_nobody_is_this_machine() {
    is_refused("get", at("0.0.0.0"), |_| {});
}

#[test]
fn a_name_that_is_rebound_is_judged_each_time() {
    // The second time that it is asked for, the name has another address.
    let set = |config: &mut Config| resolving(config, &[&["127.0.0.2"], &["127.0.0.1"]]);
    is_refused("get", at("rebound.example"), set);
}

#[test]
fn of_a_names_addresses_those_that_are_not_granted_are_not_tried() {
    let set = |config: &mut Config| resolving(config, &[&["127.0.0.2", "127.0.0.1", "::1"]]);
    is_refused("get", at("two.example"), set);
}

#[test]
fn the_addresses_of_a_clouds_secrets_are_in_no_grant_of_all() {
    let all =
        |_: &RunningDemo| Policy::new(vec![Grant { hosts: GrantedHosts::All, port: None }], true);
    for there in [
        "http://169.254.169.254/latest/meta-data/",
        "http://[::ffff:a9fe:a9fe]/",
        "http://[fd00:ec2::254]/",
        "http://metadata.example/",
        "http://2852039166/",
    ] {
        let (said, _) = tried(artifacts::LEAVES_THE_GRANT, "get", there, all, |config| {
            resolving(config, &[&["169.254.169.254"]]);
        });
        assert!(said.contains("must be granted by itself"), "{there}: {said}");
    }
}

#[test]
fn a_user_name_that_looks_like_a_granted_host_is_no_host() {
    let inside = inside();
    let there = inside.url().replace("http://", "http://granted.example@");
    let (said, _) = tried(artifacts::LEAVES_THE_GRANT, "get", &there, only, |_| {});
    assert!(said.starts_with("InvalidRequest: ") && said.contains("user name"), "{said}");
    assert_eq!(inside.record().connections, 0);
}

#[test]
fn a_place_that_a_script_puts_behind_a_granted_name_is_judged_for_itself() {
    let inside = inside();
    let port = Some(port_of(&inside.url()));
    let granted = |_: &RunningDemo| {
        let hosts = GrantedHosts::Name("granted.example".to_owned());
        Policy::new(vec![Grant { hosts, port: None }], false)
    };
    let set = |config: &mut Config| {
        let to = Instead::Host { host: "127.0.0.1".to_owned(), port };
        let host = "granted.example".to_owned();
        let hosts = Hosts::new([HostOverride { host, port: None, to, by_script: true }]);
        config.hosts = Arc::new(hosts);
    };
    let there = "http://granted.example/";
    let (said, _) = tried(artifacts::LEAVES_THE_GRANT, "get", there, granted, set);
    assert!(said.starts_with("NotAllowed: "), "{said}");
    assert_eq!(inside.record().connections, 0);
}

#[test]
fn a_proxy_of_a_scripts_own_is_not_spoken_to_unless_it_is_granted() {
    for protocol in [ProxyProtocol::Http, ProxyProtocol::Socks5, ProxyProtocol::Socks5h] {
        let proxy = inside();
        let port = port_of(&proxy.url());
        let set = |config: &mut Config| {
            let proxy = Some(Arc::new(Proxy::new(protocol, "127.0.0.1", port, None).by_script()));
            let (http, https) = (proxy.clone(), proxy);
            config.proxies = Arc::new(Proxies { http, https, direct: Vec::new() });
        };
        // The place that is asked for is granted: it is the proxy that is not.
        let granted = |_: &RunningDemo| {
            let hosts = GrantedHosts::Network(IpAddr::from([127, 0, 0, 9]), 32);
            Policy::new(vec![Grant { hosts, port: None }], false)
        };
        let there = "http://127.0.0.9/";
        let (said, _) = tried(artifacts::LEAVES_THE_GRANT, "get", there, granted, set);
        assert!(said.starts_with("NotAllowed: "), "{protocol:?}: {said}");
        assert_eq!(proxy.record().connections, 0, "{protocol:?}");
    }
}

#[test]
fn a_method_that_is_not_allowed_is_not_sent() {
    let inside = inside();
    let may_get = |target: &RunningDemo| only(target).with_methods(vec!["GET".to_owned()]);
    let (said, _) = tried(artifacts::LEAVES_THE_GRANT, "post", &inside.url(), may_get, |_| {});
    assert!(said.contains("the method `POST`"), "{said}");
    assert_eq!(inside.record().connections, 0);
}

#[test]
fn what_a_script_does_not_want_it_does_not_get() {
    let inside = inside();
    let unwanted = |_: &RunningDemo| {
        Policy::new(vec![Grant { hosts: GrantedHosts::All, port: None }], true).wanted(vec![])
    };
    let there = "http://192.0.2.1/";
    let (said, _) = tried(artifacts::LEAVES_THE_GRANT, "get", there, unwanted, |_| {});
    assert!(said.contains("not among what the script says it wants"), "{said}");
    assert_eq!(inside.record().connections, 0);
}

#[test]
pub(crate) fn program_leaves_the_grant() {
    let inside = inside();
    for road in ["get", "unread", "post"] {
        let there = format!("{}/", inside.url());
        let (said, _) = tried(artifacts::PROGRAM_LEAVES_THE_GRANT, road, &there, only, |_| {});
        assert!(said.contains("HttpRequestDenied"), "{road}: {said}");
    }
    let (said, _) = tried(artifacts::PROGRAM_LEAVES_THE_GRANT, "headers", "", only, |_| {});
    assert!(said.contains("a host of its own: false"), "{said}");
    assert_eq!(inside.record().connections, 0);
}

/// A guest that tries to say what it may not is refused, nothing is sent, and it goes on.
fn says_nothing(way: &str) {
    runtime().block_on(async {
        let bench = Bench::with_env(artifacts::INJECTS_HEADERS, &[("WAY", way)]);
        let outcomes = bench.iterate(2).await;
        let refused = Outcome::Failed("InvalidRequest".to_owned());
        assert_eq!(outcomes, [refused.clone(), refused], "{way}");
        assert_eq!(bench.demo.record().requests, 0, "{way}: nothing was sent");
    });
}

#[test]
pub(crate) fn injects_headers() {
    says_nothing("the value of a header");
}

macro_rules! injections {
    ($($test:ident: $way:literal,)*) => {
        $(#[test] fn $test() { says_nothing($way); })*
    };
}

injections! {
    a_line_feed_alone_ends_no_header: "a line feed alone",
    a_carriage_return_alone_ends_no_header: "a carriage return alone",
    a_zero_is_in_no_header: "a zero",
    the_name_of_a_header_is_one_name: "the name of a header",
    a_cookie_is_one_header: "a cookie",
    a_user_agent_is_one_header: "a user agent",
    credentials_are_one_header: "credentials",
    the_path_of_a_url_ends_no_request_line: "the path of a URL",
    a_url_is_no_second_request: "a second request in a URL",
    the_host_of_a_url_ends_no_header: "the host of a URL",
    a_method_is_no_request: "a method",
    nobody_lies_about_the_host: "another host",
    nobody_lies_about_the_length: "another length",
    nobody_lies_about_the_framing: "another framing",
    an_event_stream_injects_nothing: "an event stream",
    the_header_of_a_websocket_injects_nothing: "a WebSocket's header",
    the_subprotocol_of_a_websocket_injects_nothing: "a WebSocket's subprotocol",
    nobody_lies_about_a_websockets_host: "a WebSocket's host",
    the_url_of_a_websocket_injects_nothing: "a WebSocket's URL",
}
