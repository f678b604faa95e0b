//! Proxies, as options and the environment ask for them and as a plan has them.
//!
//! Only what a text says stands here. The environment is read by whoever calls [`ProxyPlan::parse`] and
//! [`Direct::list`] with what it holds.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::RangeInclusive;

use crate::hosts::{host, is_name, port};
use crate::problems::shown;
use crate::{Problems, network};

/// Through whom connections are to go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProxyChoice {
    /// Whoever the environment says, as nothing else was said.
    Environment,
    /// Nobody.
    Nobody,
    /// This one.
    Proxy(ProxyPlan),
}

/// Who connects to targets in place of this machine.
#[derive(Clone, PartialEq, Eq)]
pub struct ProxyPlan {
    /// How it is spoken to.
    pub protocol: ProxyProtocol,
    /// Its name, or its address without brackets.
    pub host: String,
    /// Its port: 80 for HTTP where none is given, and 1080 for SOCKS.
    pub port: u16,
    /// A user name and a password, for a proxy that asks.
    pub credentials: Option<(String, String)>,
}

impl fmt::Debug for ProxyPlan {
    /// The password is left out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProxyPlan")
            .field("protocol", &self.protocol)
            .field("host", &self.host)
            .field("port", &self.port)
            .finish_non_exhaustive()
    }
}

/// How a proxy is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProxyProtocol {
    /// HTTP.
    Http,
    /// SOCKS 5, with the addresses of names looked up here.
    Socks5,
    /// SOCKS 5, with names left to the proxy.
    Socks5h,
}

/// What is wrong with the URL of a proxy, to stand behind its place. Of the URL itself only the scheme is told: it
/// may hold a password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProxyError {
    /// It has a scheme of another kind of proxies.
    #[error(
        "must be the URL of a proxy, which begins with `http://`, `socks5://` or `socks5h://`, and not with \
         `{0}://`"
    )]
    Scheme(String),
    /// It asks to speak to the proxy itself by TLS.
    #[error(
        "must be the URL of a proxy that is spoken to in the clear: `http://`, `socks5://` or `socks5h://`, and \
         not `https://`. Such a proxy carries `https` URLs too"
    )]
    Tls,
    /// It has no host, or one that is none.
    #[error(
        "must have a host that is a name or an address, as in `http://proxy.test:3128`; one of IPv6 stands in \
         brackets"
    )]
    Host,
    /// Its port is none.
    #[error("must have a port from 1 to 65535, as in `http://proxy.test:3128`")]
    Port,
    /// Something follows the port.
    #[error(
        "must end with its host and port, as in `http://proxy.test:3128`; in a user name or a password, `/` is \
         written as `%2F`"
    )]
    Path,
    /// Its user name or password is not encoded as it should be.
    #[error("must have a user name and a password that are text, with `%` written as `%25`")]
    Encoding,
    /// SOCKS has no room for its user name or password.
    #[error("must have a user name of 1 to 255 bytes and a password of at most 255, for SOCKS")]
    Credentials,
}

impl ProxyPlan {
    /// Reads the URL of a proxy: `http://ada:secret@proxy.test:3128`. As for curl and Go, one without a scheme is
    /// of HTTP's kind.
    ///
    /// Fails with what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, ProxyError> {
        let (scheme, rest) = text.split_once("://").unwrap_or(("http", text));
        let protocol = match scheme.to_ascii_lowercase().as_str() {
            "http" => ProxyProtocol::Http,
            "socks5" => ProxyProtocol::Socks5,
            "socks5h" => ProxyProtocol::Socks5h,
            "https" => return Err(ProxyError::Tls),
            _ => return Err(ProxyError::Scheme(shown(scheme))),
        };
        let (credentials, place) = match rest.rsplit_once('@') {
            Some((credentials, place)) => (Some(credentials), place),
            None => (None, rest),
        };
        if credentials.is_some_and(|text| text.contains(['/', '?', '#'])) {
            return Err(ProxyError::Path);
        }
        let place = match place.split_once(['/', '?', '#']) {
            Some((place, "")) => place,
            Some(_) => return Err(ProxyError::Path),
            None => place,
        };
        // The colons of an IPv6 address stand in brackets.
        let bracket = match place.starts_with('[') {
            true => place.find(']').ok_or(ProxyError::Host)?,
            false => 0,
        };
        let (name, port) = match place[bracket..].rfind(':') {
            Some(colon) => {
                let (name, digits) = place.split_at(bracket + colon);
                (name, port(&digits[1..]).ok_or(ProxyError::Port)?)
            }
            None if protocol == ProxyProtocol::Http => (place, 80),
            None => (place, 1080),
        };
        let host = host(name).ok_or(ProxyError::Host)?;
        let credentials = credentials.map(|text| {
            let (user, password) = text.split_once(':').unwrap_or((text, ""));
            Some((decoded(user)?, decoded(password)?))
        });
        let credentials = match credentials {
            None => None,
            Some(pair) => Some(pair.ok_or(ProxyError::Encoding)?),
        };
        if let Some((user, password)) = &credentials
            && protocol != ProxyProtocol::Http
            && (user.is_empty() || user.len() > 255 || password.len() > 255)
        {
            return Err(ProxyError::Credentials);
        }
        Ok(Self { protocol, host, port, credentials })
    }
}

/// A text without the escapes that URLs have (RFC 3986 §2.1); none if it is none.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let mut digit = || char::from(rest.next()?).to_digit(16);
            let (high, low) = (digit()?, digit()?);
            bytes.push(u8::try_from(high * 16 + low).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

/// Hosts that are connected to without a proxy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Direct {
    /// All there are.
    Everything,
    /// Those that URLs give by these addresses, at this port if one is given.
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

impl Direct {
    /// Reads a list as `NO_PROXY` has it, by Go's rules: names (`a.test` and all below it, `.a.test` or `*.a.test`
    /// what is below it only), addresses, networks (`10.0.0.0/8`), each but a network with a port if it likes, and
    /// `*`; with commas or blanks between. What cannot be read is returned as it is.
    pub fn list(text: &str) -> impl Iterator<Item = Result<Self, &str>> {
        let entries = text.split(|c: char| c == ',' || c.is_whitespace());
        entries.filter(|entry| !entry.is_empty()).map(|entry| Self::parse(entry).ok_or(entry))
    }

    /// Those that Go's and many other programs connect to without a proxy that only the environment asks for: this
    /// machine.
    pub fn this_machine() -> [Self; 3] {
        [
            Self::Domain { name: "localhost".to_owned(), itself: true, port: None },
            Self::Addresses(
                Ipv4Addr::new(127, 0, 0, 0).into()..=Ipv4Addr::new(127, 255, 255, 255).into(),
                None,
            ),
            Self::Addresses(Ipv6Addr::LOCALHOST.into()..=Ipv6Addr::LOCALHOST.into(), None),
        ]
    }

    fn parse(entry: &str) -> Option<Self> {
        if entry == "*" {
            return Some(Self::Everything);
        }
        if let Some((network, prefix)) = entry.split_once('/') {
            let (first, last) = network::bounds(network.parse().ok()?, prefix.parse().ok()?)?;
            return Some(Self::Addresses(first..=last, None));
        }
        let one = |address: IpAddr, port| Some(Self::Addresses(address..=address, port));
        if let Ok(address) = entry.parse() {
            return one(address, None);
        }
        let (place, port) = match entry.rsplit_once(':') {
            Some((place, digits)) if !entry.ends_with(']') => (place, Some(port(digits)?)),
            _ => (entry, None),
        };
        let below = place.strip_prefix('*').unwrap_or(place);
        match below.strip_prefix('.') {
            Some(name) if is_name(name) => Some(Self::domain(name, false, port)),
            Some(_) => None,
            None => {
                let host = host(below).filter(|_| below == place)?;
                match host.parse() {
                    Ok(address) => one(address, port),
                    Err(_) => Some(Self::domain(&host, true, port)),
                }
            }
        }
    }

    fn domain(name: &str, itself: bool, port: Option<u16>) -> Self {
        let name = name.strip_suffix('.').unwrap_or(name).to_owned();
        Self::Domain { name, itself, port }
    }
}

/// What the option of a proxy comes to.
pub(crate) fn choice(proxy: Option<&str>, problems: &mut Problems) -> ProxyChoice {
    match proxy {
        None => ProxyChoice::Environment,
        Some("") => ProxyChoice::Nobody,
        Some(url) => match ProxyPlan::parse(url) {
            Ok(proxy) => ProxyChoice::Proxy(proxy),
            Err(error) => {
                problems.push("proxy", error.to_string());
                ProxyChoice::Nobody
            }
        },
    }
}

/// What the option of hosts without a proxy comes to.
pub(crate) fn no_proxy(list: &str, problems: &mut Problems) -> Vec<Direct> {
    let mut direct = Vec::new();
    for entry in Direct::list(list) {
        match entry {
            Ok(entry) => direct.push(entry),
            Err(entry) => problems.push(
                "noProxy",
                format!(
                    "must be names, addresses and networks such as `a.test`, `.a.test:8080` or `10.0.0.0/8`, with \
                     commas between, or `*`, but has `{}`",
                    shown(entry)
                ),
            ),
        }
    }
    direct
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{NetworkPlan, Options, parse_json};

    fn network(options: &str) -> Result<NetworkPlan, String> {
        let plan = parse_json(options).and_then(Options::plan);
        plan.map(|plan| plan.network).map_err(|problems| problems.to_string())
    }

    #[test]
    fn a_proxy_is_a_url() {
        use ProxyProtocol::{Http, Socks5, Socks5h};
        let ada = |password| Some(("ada", password));
        for (text, protocol, host, port, credentials) in [
            ("http://p.test:3128", Http, "p.test", 3128, None),
            ("http://p.test:3128/", Http, "p.test", 3128, None),
            ("HTTP://p.test", Http, "p.test", 80, None),
            ("p.test:3128", Http, "p.test", 3128, None),
            ("10.0.0.1", Http, "10.0.0.1", 80, None),
            ("socks5://[::1]:1", Socks5, "::1", 1, None),
            ("socks5h://[::1]", Socks5h, "::1", 1080, None),
            ("ada@p.test", Http, "p.test", 80, ada("")),
            ("http://ada:@p.test", Http, "p.test", 80, ada("")),
            ("http://ada:a:b@p.test", Http, "p.test", 80, ada("a:b")),
            ("http://ada:a@b@p.test:1", Http, "p.test", 1, ada("a@b")),
            ("socks5://ada:%25%40%2f%c3%A4@p.test", Socks5, "p.test", 1080, ada("%@/ä")),
        ] {
            let parsed = ProxyPlan::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
            let credentials = credentials.map(|(user, word)| (user.to_owned(), word.to_owned()));
            let host = host.to_owned();
            assert_eq!(parsed, ProxyPlan { protocol, host, port, credentials }, "{text}");
        }
    }

    #[test]
    fn what_is_no_proxy_says_why_without_the_password() {
        let long = format!("socks5://{}:p@p.test", "a".repeat(256));
        for (text, error) in [
            ("https://p.test", ProxyError::Tls),
            ("socks4://p.test", ProxyError::Scheme("socks4".to_owned())),
            ("://p.test", ProxyError::Scheme(String::new())),
            ("http://", ProxyError::Host),
            ("http:///", ProxyError::Host),
            ("http://:3128", ProxyError::Host),
            ("http://p test:3128", ProxyError::Host),
            ("http://ada:secret@", ProxyError::Host),
            ("http://::1", ProxyError::Host),
            ("http://[::1", ProxyError::Host),
            ("http://[p.test]:1", ProxyError::Host),
            ("http://256.0.0.1:1", ProxyError::Host),
            ("http://p.test:", ProxyError::Port),
            ("http://p.test:0", ProxyError::Port),
            ("http://p.test:http", ProxyError::Port),
            ("http:p.test", ProxyError::Port),
            ("http://p.test/pac", ProxyError::Path),
            ("http://p.test:3128?x", ProxyError::Path),
            ("http://ada:sec/ret@p.test", ProxyError::Path),
            ("http://ada:%zz@p.test", ProxyError::Encoding),
            ("http://ada:%2@p.test", ProxyError::Encoding),
            ("http://ada:%ff@p.test", ProxyError::Encoding),
            ("socks5://:secret@p.test", ProxyError::Credentials),
            (&long, ProxyError::Credentials),
        ] {
            assert_eq!(ProxyPlan::parse(text), Err(error.clone()), "{text}");
            let said = error.to_string();
            assert!(said.starts_with("must ") && !said.contains("sec"), "{said}");
        }
        let shown = format!("{:?}", ProxyPlan::parse("http://ada:secret@p.test"));
        assert!(shown.contains("p.test") && !shown.contains("secret"), "{shown}");
    }

    #[test]
    fn hosts_without_a_proxy_are_listed_by_gos_rules() {
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        let addresses = |first, last, port| Ok(Direct::Addresses(ip(first)..=ip(last), port));
        let domain =
            |name: &str, itself, port| Ok(Direct::Domain { name: name.to_owned(), itself, port });
        for (entry, expected) in [
            ("*", Ok(Direct::Everything)),
            ("a.test", domain("a.test", true, None)),
            ("a.test.", domain("a.test", true, None)),
            ("a.test:8080", domain("a.test", true, Some(8080))),
            (".a.test", domain("a.test", false, None)),
            ("*.a.test:81", domain("a.test", false, Some(81))),
            ("localhost", domain("localhost", true, None)),
            ("10.0.0.1", addresses("10.0.0.1", "10.0.0.1", None)),
            ("10.0.0.1:81", addresses("10.0.0.1", "10.0.0.1", Some(81))),
            ("::1", addresses("::1", "::1", None)),
            ("[::1]", addresses("::1", "::1", None)),
            ("[::1]:81", addresses("::1", "::1", Some(81))),
            ("10.1.2.3/8", addresses("10.0.0.0", "10.255.255.255", None)),
            ("0.0.0.0/0", addresses("0.0.0.0", "255.255.255.255", None)),
            ("10.0.0.1/32", addresses("10.0.0.1", "10.0.0.1", None)),
            ("fd00::1/126", addresses("fd00::", "fd00::3", None)),
            ("*a.test", Err("*a.test")),
            ("*:80", Err("*:80")),
            (".", Err(".")),
            (":80", Err(":80")),
            ("a.test:0", Err("a.test:0")),
            ("10.0.0.0/33", Err("10.0.0.0/33")),
            ("10.0.0", Err("10.0.0")),
            ("http://a.test", Err("http://a.test")),
            ("<local>", Err("<local>")),
        ] {
            assert_eq!(Direct::list(entry).collect::<Vec<_>>(), [expected], "{entry}");
        }
        let all: Vec<_> = Direct::list(" a.test,,b.test\tc.test , ").collect();
        assert_eq!(all.len(), 3);
    }

    #[test]
    fn options_say_one_proxy_or_none_or_leave_it_to_the_environment() {
        let proxy = ProxyPlan::parse("http://p.test:3128").unwrap();
        for (options, choice, direct) in [
            ("{}", ProxyChoice::Environment, None),
            (r#"{"proxy":""}"#, ProxyChoice::Nobody, None),
            (r#"{"proxy":"p.test:3128"}"#, ProxyChoice::Proxy(proxy), None),
            (r#"{"noProxy":""}"#, ProxyChoice::Environment, Some(0)),
            (r#"{"noProxy":"a.test,10.0.0.0/8"}"#, ProxyChoice::Environment, Some(2)),
        ] {
            let network = network(options).unwrap();
            assert_eq!(network.proxy, choice, "{options}");
            assert_eq!(network.no_proxy.map(|list| list.len()), direct, "{options}");
        }
        assert_eq!(
            network(r#"{"proxy":"ftp://ada:secret@p.test","noProxy":"a.test,http://b.test"}"#)
                .unwrap_err(),
            "proxy: must be the URL of a proxy, which begins with `http://`, `socks5://` or `socks5h://`, and \
             not with `ftp://`\n\
             noProxy: must be names, addresses and networks such as `a.test`, `.a.test:8080` or `10.0.0.0/8`, \
             with commas between, or `*`, but has `http://b.test`"
        );
    }
}
