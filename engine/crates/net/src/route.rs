//! The way to a target.

use std::path::Path;
use std::sync::Arc;

use crate::config::Config;
use crate::hosts::Found;
use crate::place::Place;
use crate::proxy::Proxy;
use crate::target::Target;

/// The way to a target.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Route {
    /// By the unix socket at this path. Proxies have nothing to do with it, as in curl.
    Unix(Arc<Path>),
    /// There.
    Direct(Place),
    /// By a proxy that is sent each request with its whole URL.
    Forwarded(Arc<Proxy>),
    /// By a proxy that is asked to connect there.
    Tunnel(Arc<Proxy>, Place),
}

/// A place that the script itself puts in another's stead, as it is to be judged: by its name or its address.
pub(crate) type Alias = Option<Place>;

/// The host that a target counts for: where its connections go, whatever it is called.
pub(crate) fn counted_host(target: &Target, config: &Config) -> String {
    match config.hosts.find(target.host(), target.port()) {
        Some(Found::Place(place, _)) => place.parts().0,
        Some(Found::Unix(_)) | None => target.host().to_owned(),
    }
}

impl Route {
    /// The way to this target, and what it goes by that is the script's own doing. `plain_http` says that requests
    /// of HTTP/1.1 will go there, which a proxy may forward one by one.
    pub(crate) fn new(target: &Target, plain_http: bool, config: &Config) -> (Self, Alias) {
        if let Some(path) = &config.unix_socket {
            return (Self::Unix(Arc::clone(path)), None);
        }
        let (instead, by_script) = match config.hosts.find(target.host(), target.port()) {
            Some(Found::Unix(path)) => return (Self::Unix(path), None),
            Some(Found::Place(place, by_script)) => (Some(place), by_script),
            None => (None, false),
        };
        let alias = instead.clone().filter(|_| by_script);
        (Self::to(target, instead, plain_http, config), alias)
    }

    fn to(target: &Target, instead: Option<Place>, plain_http: bool, config: &Config) -> Self {
        match config.proxies.find(target, instead.as_ref()) {
            None => Self::Direct(instead.unwrap_or_else(|| Place::of(target))),
            // Such a request has no place for another host than the URL's, so curl asks for a tunnel too.
            Some(proxy)
                if plain_http && instead.is_none() && !target.is_https() && proxy.forwards() =>
            {
                Self::Forwarded(Arc::clone(proxy))
            }
            Some(proxy) => {
                let place = instead.unwrap_or_else(|| Place::of(target));
                Self::Tunnel(Arc::clone(proxy), place)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hosts::{HostOverride, Hosts, Instead};
    use crate::proxy::{Direct, Proxies, ProxyProtocol};

    fn over(host: &str, to: Instead) -> HostOverride {
        HostOverride { host: host.to_owned(), port: None, to, by_script: false }
    }

    #[test]
    fn a_route_follows_from_the_target_and_from_all_that_is_said_of_it() {
        let proxy = |protocol| Arc::new(Proxy::new(protocol, "p.test", 3128, None));
        let proxies = |protocol| Proxies {
            http: Some(proxy(protocol)),
            https: Some(proxy(protocol)),
            direct: vec![Direct::Domain { name: "near.test".to_owned(), itself: true, port: None }],
        };
        let path: Arc<Path> = Path::new("/run/api.sock").into();
        let there = Instead::Host { host: "b.test".to_owned(), port: Some(81) };
        let hosts = Hosts::new([
            over("unix.test", Instead::Unix(Arc::clone(&path))),
            over("over.test", there),
        ]);
        let config = |proxies| Config {
            hosts: Arc::new(hosts.clone()),
            proxies: Arc::new(proxies),
            ..Config::default()
        };
        let plain = config(Proxies::default());
        let http = config(proxies(ProxyProtocol::Http));
        let socks = config(proxies(ProxyProtocol::Socks5h));
        let all_unix = Config { unix_socket: Some(Arc::clone(&path)), ..http.clone() };

        let direct = |host, port| Route::Direct(Place::new(host, port));
        let tunnel = |protocol, host, port| Route::Tunnel(proxy(protocol), Place::new(host, port));
        let forwarded = || Route::Forwarded(proxy(ProxyProtocol::Http));
        let unix = || Route::Unix(Arc::clone(&path));
        for (config, url, plain_http, expected) in [
            (&plain, "http://a.test/", true, direct("a.test", 80)),
            (&plain, "https://10.0.0.1/", true, direct("10.0.0.1", 443)),
            (&plain, "http://over.test/", true, direct("b.test", 81)),
            (&plain, "http://unix.test/", true, unix()),
            (&http, "http://a.test/", true, forwarded()),
            (&http, "http://a.test/", false, tunnel(ProxyProtocol::Http, "a.test", 80)),
            (&http, "https://a.test/", true, tunnel(ProxyProtocol::Http, "a.test", 443)),
            (&http, "http://over.test/", true, tunnel(ProxyProtocol::Http, "b.test", 81)),
            (&http, "http://near.test/", true, direct("near.test", 80)),
            (&http, "http://unix.test/", true, unix()),
            (&all_unix, "https://over.test/", true, unix()),
            (&socks, "http://a.test/", true, tunnel(ProxyProtocol::Socks5h, "a.test", 80)),
        ] {
            let target = Target::parse(url).expect("a URL");
            assert_eq!(Route::new(&target, plain_http, config), (expected, None), "{url}");
        }
    }

    #[test]
    fn a_place_that_the_script_puts_in_is_told() {
        let mut there = over("a.test", Instead::Host { host: "b.test".to_owned(), port: Some(81) });
        there.by_script = true;
        let config = Config { hosts: Arc::new(Hosts::new([there])), ..Config::default() };
        let target = Target::parse("http://a.test/").expect("a URL");
        let (route, alias) = Route::new(&target, true, &config);
        assert_eq!(route, Route::Direct(Place::new("b.test", 81)));
        assert_eq!(alias, Some(Place::new("b.test", 81)));
    }
}
