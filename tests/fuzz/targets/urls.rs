//! URLs of requests and sockets, and of proxies: what is accepted has no line break to smuggle anything behind.

#![no_main]

use libfuzzer_sys::fuzz_target;
use net::Target;

fuzz_target!(|text: &str| {
    for target in
        [Target::parse(text).ok(), net::websocket::parse_url(text).ok()].into_iter().flatten()
    {
        assert!(target.as_str().bytes().all(|byte| byte.is_ascii_graphic()), "{target:?}");
        assert!(!target.host().is_empty());
        let again =
            Target::parse(target.as_str()).expect("what is accepted can be asked for again");
        assert_eq!((again.host(), again.port()), (target.host(), target.port()));
    }
    let _ = plan::ProxyPlan::parse(text);
});
