//! Proxies: which connections go through one, and how it is asked for them.
//!
//! Of HTTP's kind, one is sent requests with their whole URLs where the target is `http`, and is asked to
//! `CONNECT` for everything else (`http_connect`). One of SOCKS 5 is always asked (`socks5`). `asking` carries
//! what is said; `route` decides.
//!
//! Who asked for a proxy, by an option or in the environment, is told elsewhere.

mod asking;
mod http_connect;
mod socks5;

use std::fmt;
use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use http::HeaderValue;

pub(crate) use self::asking::Asking;
use crate::error::Error;
use crate::place::Place;
use crate::target::Target;

/// Through whom connections go.
#[derive(Clone, Debug, Default)]
pub struct Proxies {
    /// The proxy for `http` and `ws` URLs.
    pub http: Option<Arc<Proxy>>,
    /// The proxy for `https` and `wss` URLs.
    pub https: Option<Arc<Proxy>>,
    /// Hosts that are connected to without one.
    pub direct: Vec<Direct>,
}

/// Hosts that are connected to without a proxy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Direct {
    /// Those that URLs give by these addresses, at this port if one is given. What a name's addresses are does
    /// not matter: it may be for the proxy to know.
    Addresses(RangeInclusive<IpAddr>, Option<u16>),
    /// The hosts of a domain.
    Domain {
        /// Its name.
        name: String,
        /// Whether the host of just this name is one of them.
        itself: bool,
        /// The port, if only that is meant.
        port: Option<u16>,
    },
}

/// Who connects to targets in place of this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proxy {
    protocol: ProxyProtocol,
    place: Place,
    credentials: Option<Credentials>,
    /// The credentials as HTTP's header has them.
    authorization: Option<HeaderValue>,
    /// Whether it is the script that names it, and nobody who runs it.
    by_script: bool,
}

/// How a proxy is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProxyProtocol {
    /// HTTP, in the clear.
    Http,
    /// SOCKS 5, after the target's name has been looked up here.
    Socks5,
    /// SOCKS 5, and the proxy looks the target's name up.
    Socks5h,
}

/// Who is there, for a proxy that asks.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The user's name.
    pub user: String,
    /// The password; it may be empty.
    pub password: String,
}

impl fmt::Debug for Credentials {
    /// The password is left out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("user", &self.user).finish_non_exhaustive()
    }
}

impl Proxy {
    /// The proxy at this host, given by its name or its address without brackets.
    #[must_use]
    pub fn new(
        protocol: ProxyProtocol,
        host: &str,
        port: u16,
        credentials: Option<Credentials>,
    ) -> Self {
        let authorization = credentials.as_ref().map(|Credentials { user, password }| {
            let basic = format!("Basic {}", BASE64_STANDARD.encode(format!("{user}:{password}")));
            let mut value = HeaderValue::try_from(basic).expect("base64 is ASCII");
            value.set_sensitive(true);
            value
        });
        Self {
            protocol,
            place: Place::new(host, port),
            credentials,
            authorization,
            by_script: false,
        }
    }

    /// The same, named by a script itself: it is judged whether it may be connected to.
    #[must_use]
    pub fn by_script(self) -> Self {
        Self { by_script: true, ..self }
    }

    /// Whether it is the script that names it.
    pub(crate) fn is_by_script(&self) -> bool {
        self.by_script
    }

    /// Where it is.
    pub(crate) fn place(&self) -> &Place {
        &self.place
    }

    /// Whether it takes requests with their whole URLs.
    pub(crate) fn forwards(&self) -> bool {
        self.protocol == ProxyProtocol::Http
    }

    /// Whether it is to be given addresses only.
    pub(crate) fn wants_address(&self) -> bool {
        self.protocol == ProxyProtocol::Socks5
    }

    /// What it means that there is no connection to it. What this machine has run out of is no fault of its.
    pub(crate) fn unreachable(&self, error: Error) -> Error {
        match error {
            Error::TooManyOpenFiles | Error::OutOfPorts => error,
            error => Error::ProxyUnreachable(format!("`{}`: {error}", self.place)),
        }
    }
}

impl Proxies {
    /// The proxy to connect through, if there is one: `instead` is where to connect to if not to the target
    /// itself, and neither of the two may be a host that is connected to directly.
    pub(crate) fn find(&self, target: &Target, instead: Option<&Place>) -> Option<&Arc<Proxy>> {
        let proxy = if target.is_https() { &self.https } else { &self.http }.as_ref()?;
        let places = [Some(&Place::of(target)), instead];
        let is_direct = |place: &&Place| self.direct.iter().any(|direct| direct.has(place));
        (!places.into_iter().flatten().any(|place| is_direct(&place))).then_some(proxy)
    }

    /// What a proxy that forwards requests is to be told of who is there.
    pub(crate) fn authorization(&self) -> Option<&HeaderValue> {
        self.http.as_ref()?.authorization.as_ref()
    }

    /// What it means that such a proxy wants to be told that.
    pub(crate) fn unauthorized(&self) -> Error {
        match self.authorization() {
            Some(_) => Error::ProxyRefusedCredentials,
            None => Error::ProxyWantsCredentials,
        }
    }
}

impl Direct {
    fn has(&self, place: &Place) -> bool {
        match (self, place) {
            (Self::Addresses(range, port), Place::Address(address)) => {
                range.contains(&address.ip().to_canonical())
                    && port.is_none_or(|port| port == address.port())
            }
            (Self::Domain { name, itself, port }, Place::Name(host, of_host)) => {
                // The dot at the end says that a name is whole, as those of URLs are in any case.
                let host = host.strip_suffix('.').unwrap_or(host);
                let start = host.len().checked_sub(name.len());
                let ends = start.and_then(|start| host.split_at_checked(start));
                ends.is_some_and(|(start, end)| {
                    end.eq_ignore_ascii_case(name)
                        && (start.ends_with('.') || start.is_empty() && *itself)
                }) && port.is_none_or(|port| port == *of_host)
            }
            (Self::Addresses(..), Place::Name(..)) | (Self::Domain { .. }, Place::Address(_)) => {
                false
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn domain(name: &str, itself: bool, port: Option<u16>) -> Direct {
        Direct::Domain { name: name.to_owned(), itself, port }
    }

    fn addresses(first: &str, last: &str, port: Option<u16>) -> Direct {
        let ip = |text: &str| text.parse::<IpAddr>().expect("an address");
        Direct::Addresses(ip(first)..=ip(last), port)
    }

    #[test]
    fn a_host_is_connected_to_directly_if_a_rule_has_it() {
        for (rule, url, direct) in [
            (domain("a.test", true, None), "http://a.test/", true),
            (domain("a.test", true, None), "http://A.TEST./", true),
            (domain("a.test", true, None), "http://b.a.test/", true),
            (domain("a.test", true, None), "http://ba.test/", false),
            (domain("a.test", true, None), "http://test/", false),
            (domain("a.test", false, None), "http://a.test/", false),
            (domain("a.test", false, None), "http://b.a.test/", true),
            (domain("a.test", true, Some(8080)), "http://a.test:8080/", true),
            (domain("a.test", true, Some(8080)), "http://a.test/", false),
            (domain("a.test", true, Some(443)), "https://a.test/", true),
            (addresses("10.0.0.0", "10.0.0.255", None), "http://10.0.0.7/", true),
            (addresses("10.0.0.0", "10.0.0.255", None), "http://10.0.1.7/", false),
            (addresses("10.0.0.0", "10.0.0.255", None), "http://[::ffff:10.0.0.7]/", true),
            (addresses("10.0.0.0", "10.0.0.255", Some(81)), "http://10.0.0.7:81/", true),
            (addresses("10.0.0.0", "10.0.0.255", Some(81)), "http://10.0.0.7/", false),
            (addresses("::1", "::1", None), "http://[::1]/", true),
            // Its address is not asked for, whatever it is.
            (addresses("127.0.0.0", "127.255.255.255", None), "http://localhost/", false),
        ] {
            let proxy = Arc::new(Proxy::new(ProxyProtocol::Http, "p.test", 3128, None));
            let shown = format!("{rule:?}: {url}");
            let (http, https) = (Some(Arc::clone(&proxy)), Some(proxy));
            let proxies = Proxies { http, https, direct: vec![rule] };
            let target = Target::parse(url).expect("a URL");
            assert_eq!(proxies.find(&target, None).is_none(), direct, "{shown}");
        }
    }

    #[test]
    fn each_scheme_has_a_proxy_of_its_own_and_the_place_that_is_gone_to_counts_too() {
        let proxy = |host| Some(Arc::new(Proxy::new(ProxyProtocol::Http, host, 1, None)));
        let proxies = Proxies {
            http: proxy("p.test"),
            https: proxy("s.test"),
            direct: vec![addresses("127.0.0.1", "127.0.0.1", None)],
        };
        for (url, instead, expected) in [
            ("http://a.test/", None, Some("p.test:1")),
            ("https://a.test/", None, Some("s.test:1")),
            ("http://a.test/", Some("127.0.0.1"), None),
            ("http://127.0.0.1/", Some("b.test"), None),
            ("http://a.test/", Some("b.test"), Some("p.test:1")),
        ] {
            let target = Target::parse(url).expect("a URL");
            let instead = instead.map(|host| Place::new(host, 80));
            let found = proxies.find(&target, instead.as_ref());
            let found = found.map(|proxy| proxy.place().to_string());
            assert_eq!(found.as_deref(), expected, "{url} {instead:?}");
        }
        let without = Proxies { https: proxy("s.test"), ..Proxies::default() };
        assert!(without.find(&Target::parse("http://a.test/").expect("a URL"), None).is_none());
    }

    #[test]
    fn a_password_is_not_shown() {
        let credentials = Credentials { user: "ada".to_owned(), password: "secret".to_owned() };
        let proxy = Proxy::new(ProxyProtocol::Http, "p.test", 1, Some(credentials));
        let authorization = proxy.authorization.as_ref().expect("there is one");
        assert_eq!(authorization, "Basic YWRhOnNlY3JldA==");
        let shown = format!("{proxy:?}");
        assert!(!shown.contains("secret") && !shown.contains("YWRh"), "{shown}");
    }
}
