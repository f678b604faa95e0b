//! Where connections may go and what may be asked for: what was granted, held against the address that is really used.
//!
//! A name says little: it may have another address the next moment, or one that is nobody else's business. So a
//! connection is judged when its addresses are known, by its name and by each of them; where the name alone rules it
//! out, it is not even looked up. `dial` asks. Methods are judged request by request, each hop of a redirect like any
//! other; `client` asks.
//!
//! Who grants, and in which words, is told elsewhere.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use http::Method;

/// Which connections may be made, and for which requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// What whoever runs this allows; everything if it is not said.
    grants: Option<Vec<Grant>>,
    /// What the script says it wants, if it says so: it gets no more, even where more is allowed.
    wants: Option<Vec<Grant>>,
    /// Whether this machine itself may be connected to without a grant.
    loopback: bool,
    /// The methods that requests may have; any if it is not said.
    methods: Option<Vec<Method>>,
}

/// Some places that connections may go to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// Which hosts.
    pub hosts: GrantedHosts,
    /// Which of their ports; all of them if it is not said.
    pub port: Option<u16>,
}

/// Some hosts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GrantedHosts {
    /// The host of this name.
    Name(String),
    /// All hosts whose name ends so, with a dot before it: `example.com` is not among those of `example.com`.
    Under(String),
    /// All hosts. Not the addresses that nobody means: see [`Policy::judge`].
    All,
    /// All addresses whose first so many bits are those of this one.
    Network(IpAddr, u8),
}

/// A connection may not be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denied {
    /// The host, as it was asked for.
    pub host: String,
    /// The port.
    pub port: u16,
    /// Why not.
    pub why: DeniedWhy,
}

/// Why a connection may not be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeniedWhy {
    /// Nobody has granted it.
    NotGranted,
    /// It has an address that must be granted by itself, and what that is.
    Unmeant(IpAddr, &'static str),
    /// The script does not say that it wants it.
    NotWanted,
}

impl fmt::Display for Denied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port, why } = self;
        let named = at_port(host, *port);
        let allow = |place: &str| match quoted(place) {
            Some(place) => format!("; `--allow-net {place}` grants it"),
            None => String::new(),
        };
        match why {
            DeniedWhy::NotGranted => write!(f, "`{named}` is not granted{}", allow(&named)),
            DeniedWhy::Unmeant(address, is) => write!(
                f,
                "`{named}` has the address {address}, which is {is} and must be granted by itself{}",
                allow(&at_port(&address.to_string(), *port))
            ),
            DeniedWhy::NotWanted => {
                write!(f, "`{named}` is not among what the script says it wants (`wants.net`)")
            }
        }
    }
}

/// A host with its port, as URLs and grants have it.
fn at_port(host: &str, port: u16) -> String {
    match host.contains(':') {
        true => format!("[{host}]:{port}"),
        false => format!("{host}:{port}"),
    }
}

/// A place as a shell passes it on; none for what no host is called: a command to be copied has nothing in it that
/// could be another.
fn quoted(place: &str) -> Option<String> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':');
    let bare = place.replace(['[', ']'], "");
    (bare.chars().all(is_plain) && !bare.starts_with('-')).then(|| {
        match bare.len() == place.len() {
            true => bare,
            false => format!("'{place}'"),
        }
    })
}

impl Default for Policy {
    /// Everything.
    fn default() -> Self {
        Self { grants: None, wants: None, loopback: true, methods: None }
    }
}

/// A place that is about to be connected to.
struct Place<'a> {
    host: &'a str,
    /// The port that was asked for.
    port: u16,
    /// The port that is connected to.
    to_port: u16,
    /// The address that packets go to.
    address: IpAddr,
    is: Option<&'static str>,
}

impl Policy {
    /// What these grants cover, and where `loopback` says so this machine itself.
    #[must_use]
    pub fn new(grants: Vec<Grant>, loopback: bool) -> Self {
        Self { grants: Some(grants), loopback, ..Self::default() }
    }

    /// The same, but no more than these, which a script says it wants, and this machine.
    #[must_use]
    pub fn wanted(self, wants: Vec<Grant>) -> Self {
        Self { wants: Some(wants), ..self }
    }

    /// The same, for requests of these methods only.
    #[must_use]
    pub fn with_methods(self, methods: Vec<Method>) -> Self {
        Self { methods: Some(methods), ..self }
    }

    /// Whether requests may have this method.
    ///
    /// Fails with the sentence that says which is not allowed.
    pub(crate) fn judge_method(&self, method: &Method) -> Result<(), String> {
        match &self.methods {
            Some(methods) if !methods.contains(method) => Err(format!(
                "the method `{method}` is not among those that are allowed and wanted (`--allow-method`, \
                 `wants.methods`)"
            )),
            _ => Ok(()),
        }
    }

    /// Whether a script may be told beforehand that it will get this: whatever the place's address turns out to be,
    /// or because only that will tell.
    #[must_use]
    pub fn promises(&self, wanted: &Grant) -> bool {
        let Some(grants) = &self.grants else { return true };
        let fits = |grant: &Grant| {
            let only_the_address_tells = matches!(grant.hosts, GrantedHosts::Network(..))
                && matches!(wanted.hosts, GrantedHosts::Name(_) | GrantedHosts::Under(_))
                && grant.covers_port(wanted);
            only_the_address_tells || grant.covers(wanted)
        };
        let is_here = match &wanted.hosts {
            GrantedHosts::Name(name) => is_local_name(&plain(name)),
            GrantedHosts::Under(name) => is_local_name(&plain(name)),
            GrantedHosts::Network(address, bits) => is_loopback_network(*address, *bits),
            GrantedHosts::All => false,
        };
        self.loopback && is_here || grants.iter().any(fits)
    }

    /// Whether a script may be told beforehand that it will get a place which it says it wants.
    #[must_use]
    pub fn is_wanted(&self, place: &Grant) -> bool {
        let Some(wants) = self.wants.clone() else { return true };
        Self { grants: Some(wants), wants: None, loopback: true, methods: None }.promises(place)
    }

    /// Whether a host may be looked up: some grant could cover it.
    pub(crate) fn may_look_up(&self, host: &str, port: u16) -> Result<(), Denied> {
        let plain = plain(host);
        let could = |grant: &Grant| {
            grant.port.is_none_or(|granted| granted == port)
                && match &grant.hosts {
                    // Only its address will tell.
                    GrantedHosts::Network(..) => true,
                    hosts => hosts.has_name(&plain),
                }
        };
        // Names of this machine are those that the system says are.
        let is_here = is_local_name(&plain);
        let fits = |grants: &Option<Vec<Grant>>, loopback: bool| {
            grants.as_ref().is_none_or(|grants| grants.iter().any(could)) || loopback && is_here
        };
        let why = match (fits(&self.grants, self.loopback), fits(&self.wants, true)) {
            (true, true) => return Ok(()),
            (false, _) => DeniedWhy::NotGranted,
            (true, false) => DeniedWhy::NotWanted,
        };
        Err(Denied { host: plain, port, why })
    }

    /// Whether a host may be connected to at this address.
    ///
    /// Link-local addresses and those at which clouds tell machines their secrets are covered by grants of
    /// addresses only, and not by the name of a host that has one, nor by a grant of all hosts. A grant of a name is
    /// for the port that was asked for, one of addresses for the port that is connected to: whoever runs this may
    /// have said that they differ.
    pub fn judge(&self, host: &str, port: u16, address: SocketAddr) -> Result<(), Denied> {
        self.judge_from(host, port, address, true)
    }

    /// The same, for somebody else who connects: only if that is on this machine (`here`), loopback is its own.
    pub(crate) fn judge_from(
        &self,
        host: &str,
        port: u16,
        address: SocketAddr,
        here: bool,
    ) -> Result<(), Denied> {
        let (host, real) = (plain(host), real(address.ip()));
        let is = meant_by_nobody(real);
        let place = Place { host: &host, port, to_port: address.port(), address: real, is };
        let is_here = here && is_loopback(real);
        let fits = |grants: &Option<Vec<Grant>>, loopback: bool| {
            grants.as_ref().is_none_or(|grants| grants.iter().any(|grant| grant.has(&place)))
                || loopback && is_here
        };
        let why = match (fits(&self.grants, self.loopback), fits(&self.wants, true)) {
            (true, true) => return Ok(()),
            (true, false) => DeniedWhy::NotWanted,
            (false, _) => match is {
                Some(is) => DeniedWhy::Unmeant(address.ip(), is),
                None => DeniedWhy::NotGranted,
            },
        };
        Err(Denied { host, port, why })
    }

    /// Whether a host may be connected to whose address is only known to somebody else, such as a proxy; that one
    /// is on this machine, or (`here` is not set) elsewhere, and what it takes for itself is not this machine.
    pub(crate) fn judge_unseen(&self, host: &str, port: u16, here: bool) -> Result<(), Denied> {
        if let Ok(address) = host.parse() {
            return self.judge_from(host, port, SocketAddr::new(address, port), here);
        }
        let host = plain(host);
        let covers = |grant: &Grant| {
            grant.port.is_none_or(|granted| granted == port) && grant.hosts.has_name(&host)
        };
        // A number in disguise is an address that nobody has seen.
        let is_number = looks_like_number(&host);
        let is_here = here && is_local_name(&host);
        let fits = |grants: &Option<Vec<Grant>>, loopback: bool| match grants {
            None => true,
            Some(grants) => !is_number && grants.iter().any(covers) || loopback && is_here,
        };
        let why = match (fits(&self.grants, self.loopback), fits(&self.wants, true)) {
            (true, true) => return Ok(()),
            (false, _) => DeniedWhy::NotGranted,
            (true, false) => DeniedWhy::NotWanted,
        };
        Err(Denied { host, port, why })
    }
}

impl Grant {
    /// Whether everything that the other one covers is covered by this one.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        use GrantedHosts::{All, Name, Network, Under};
        let hosts = match (&self.hosts, &other.hosts) {
            // All hosts, but not the addresses that nobody means.
            (All, Network(address, _)) => meant_by_nobody(real(*address)).is_none(),
            (All, _) => true,
            (hosts @ (Name(_) | Under(_)), Name(name)) => hosts.has_name(&plain(name)),
            (Under(one), Under(other)) => {
                plain(one) == plain(other) || self.hosts.has_name(&plain(other))
            }
            (Network(network, bits), Network(address, narrow)) => {
                let ((network, bits), (address, narrow)) =
                    (plain_network(*network, *bits), plain_network(*address, *narrow));
                bits <= narrow && in_network(address, network, bits)
            }
            _ => false,
        };
        hosts && self.covers_port(other)
    }

    fn covers_port(&self, other: &Self) -> bool {
        self.port.is_none() || self.port == other.port
    }

    fn has(&self, place: &Place<'_>) -> bool {
        match &self.hosts {
            GrantedHosts::Network(network, bits) => {
                self.port.is_none_or(|granted| granted == place.to_port)
                    && in_network(place.address, *network, *bits)
            }
            hosts => {
                self.port.is_none_or(|granted| granted == place.port)
                    && place.is.is_none()
                    && hosts.has_name(place.host)
            }
        }
    }
}

impl GrantedHosts {
    fn has_name(&self, host: &str) -> bool {
        match self {
            Self::All => true,
            Self::Name(name) => plain(name) == host,
            Self::Under(suffix) => host
                .strip_suffix(&*plain(suffix))
                .is_some_and(|rest| rest.len() > 1 && rest.ends_with('.')),
            Self::Network(..) => false,
        }
    }
}

/// A name as it is compared: in lower case, without the dot that stands for the root.
fn plain(host: &str) -> String {
    host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase()
}

/// RFC 6761 §6.3.
fn is_local_name(host: &str) -> bool {
    host == "localhost"
        || host.ends_with(".localhost")
        || host.parse().is_ok_and(|address| is_loopback(real(address)))
}

/// Whether a system may read a name as an IPv4 address in another way of writing it: `2130706433`, `0x7f.1`, `010.1`.
fn looks_like_number(host: &str) -> bool {
    let last = host.rsplit('.').next().unwrap_or_default();
    let digits = last.strip_prefix("0x").unwrap_or(last);
    !last.is_empty()
        && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
        && last.starts_with(|first: char| first.is_ascii_digit())
}

/// The address that packets go to: IPv4 in whichever form of IPv6 it comes (RFC 4291 §2.5.5, RFC 6052, RFC 3056).
pub(crate) fn real(address: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = address else { return address };
    let segments = v6.segments();
    let of = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        IpAddr::V4(Ipv4Addr::new(a, b, c, d))
    };
    match segments {
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => of(high, low),
        // `::` and `::1` are themselves.
        [0, 0, 0, 0, 0, 0, high, low] if high != 0 => of(high, low),
        [0x2002, high, low, ..] => of(high, low),
        _ => address,
    }
}

/// Whether it is this machine; systems connect to themselves at the unspecified address too.
pub(crate) fn is_loopback(address: IpAddr) -> bool {
    address.is_loopback() || address.is_unspecified()
}

/// A network as one of IPv4 if that is what it is in another form, as [`in_network`] reads it.
fn plain_network(network: IpAddr, bits: u8) -> (IpAddr, u8) {
    match real(network) {
        IpAddr::V4(v4) if network.is_ipv6() && bits >= 96 => (v4.into(), bits - 96),
        _ => (network, bits),
    }
}

/// Whether all of a network is this machine.
fn is_loopback_network(network: IpAddr, bits: u8) -> bool {
    match plain_network(network, bits) {
        (IpAddr::V4(v4), bits) => bits >= 8 && v4.is_loopback(),
        (IpAddr::V6(v6), bits) => bits == 128 && v6.is_loopback(),
    }
}

/// What an address is that no name is granted for.
fn meant_by_nobody(address: IpAddr) -> Option<&'static str> {
    const METADATA: &str = "where clouds tell their machines secrets";
    const LINK_LOCAL: &str = "link-local";
    match address {
        IpAddr::V4(v4) => match v4.octets() {
            // AWS, Azure, Google and most others; Alibaba; Azure; Oracle.
            [169, 254, 169, 254]
            | [169, 254, 170, 2]
            | [100, 100, 100, 200]
            | [168, 63, 129, 16]
            | [192, 0, 0, 192] => Some(METADATA),
            [169, 254, ..] => Some(LINK_LOCAL),
            _ => None,
        },
        IpAddr::V6(v6) if v6 == AWS_IPV6 => Some(METADATA),
        IpAddr::V6(v6) => (v6.segments()[0] & 0xffc0 == 0xfe80).then_some(LINK_LOCAL),
    }
}

const AWS_IPV6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254);

fn in_network(address: IpAddr, network: IpAddr, bits: u8) -> bool {
    let shared = |difference: u128, width: u32, bits: u8| {
        difference.leading_zeros().saturating_sub(128 - width) >= u32::from(bits)
    };
    match (address, network, real(network)) {
        (IpAddr::V4(a), IpAddr::V4(b), _) => {
            shared(u128::from(u32::from(a) ^ u32::from(b)), 32, bits)
        }
        // IPv4 addresses in another form; what the form takes of the bits is no part of them. A wider network has
        // more in it than such addresses, and means them no more than any other.
        (IpAddr::V4(a), IpAddr::V6(_), IpAddr::V4(b)) if bits >= 96 => {
            shared(u128::from(u32::from(a) ^ u32::from(b)), 32, bits - 96)
        }
        (IpAddr::V6(a), IpAddr::V6(b), _) => shared(u128::from(a) ^ u128::from(b), 128, bits),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grant(hosts: GrantedHosts, port: Option<u16>) -> Grant {
        Grant { hosts, port }
    }

    fn name(name: &str) -> GrantedHosts {
        GrantedHosts::Name(name.to_owned())
    }

    fn network(address: &str, bits: u8) -> GrantedHosts {
        GrantedHosts::Network(address.parse().expect("an address"), bits)
    }

    #[test]
    fn a_grant_covers_what_it_names_and_nothing_else() {
        let under = GrantedHosts::Under("example.com".to_owned());
        for (hosts, port, host, asked, address, may) in [
            (name("a.test"), None, "a.test", 80, "10.0.0.1", true),
            (name("a.test"), None, "A.Test.", 443, "10.0.0.1", true),
            (name("a.test"), Some(443), "a.test", 80, "10.0.0.1", false),
            (name("a.test"), None, "b.a.test", 80, "10.0.0.1", false),
            (name("a.test"), None, "xa.test", 80, "10.0.0.1", false),
            (under.clone(), None, "api.example.com", 80, "10.0.0.1", true),
            (under.clone(), None, "a.b.example.com", 80, "10.0.0.1", true),
            (under.clone(), None, "example.com", 80, "10.0.0.1", false),
            (under.clone(), None, "badexample.com", 80, "10.0.0.1", false),
            (under, None, "example.com.evil.test", 80, "10.0.0.1", false),
            (GrantedHosts::All, Some(443), "any.test", 443, "10.0.0.1", true),
            (GrantedHosts::All, Some(443), "any.test", 80, "10.0.0.1", false),
            (network("10.0.0.0", 8), None, "any.test", 80, "10.255.0.1", true),
            (network("10.0.0.0", 8), None, "any.test", 80, "11.0.0.1", false),
            (network("10.0.0.7", 32), None, "10.0.0.7", 80, "10.0.0.7", true),
            (network("10.0.0.7", 32), None, "10.0.0.8", 80, "10.0.0.8", false),
            (network("0.0.0.0", 0), None, "any.test", 80, "8.8.8.8", true),
            (network("2001:db8::", 32), None, "any.test", 80, "2001:db8:1::1", true),
            (network("2001:db8::", 32), None, "any.test", 80, "2001:db9::1", false),
            (network("0.0.0.0", 0), None, "any.test", 80, "2001:db8::1", false),
            (network("::ffff:10.0.0.0", 104), None, "any.test", 80, "10.1.1.1", true),
            (network("::ffff:10.0.0.0", 104), None, "any.test", 80, "11.1.1.1", false),
            (network("2002:a00::", 32), None, "any.test", 80, "11.1.1.1", false),
        ] {
            let policy = Policy::new(vec![grant(hosts.clone(), port)], false);
            let address = SocketAddr::new(address.parse().expect("an address"), asked);
            let found = policy.judge(host, asked, address).is_ok();
            assert_eq!(found, may, "{hosts:?} {port:?}: {host}:{asked} at {address}");
        }
    }

    #[test]
    fn an_address_is_judged_in_whatever_form_it_comes() {
        let grants = vec![grant(name("rebound.test"), None), grant(GrantedHosts::All, Some(1))];
        let policy = Policy::new(grants, false);
        for address in [
            "169.254.169.254",
            "::ffff:169.254.169.254",
            "::169.254.169.254",
            "64:ff9b::a9fe:a9fe",
            "2002:a9fe:a9fe::1",
            "169.254.0.1",
            "fe80::1",
            "fd00:ec2::254",
            "100.100.100.200",
        ] {
            let parsed: IpAddr = address.parse().expect("an address");
            let at = SocketAddr::new(parsed, 1);
            let denied = policy.judge("rebound.test", 1, at).expect_err("nobody means it");
            assert!(matches!(denied.why, DeniedWhy::Unmeant(..)), "{address}");
            let bits = if parsed.is_ipv4() { 32 } else { 128 };
            let named = Policy::new(vec![grant(network(address, bits), None)], false);
            assert!(named.judge("rebound.test", 1, at).is_ok(), "{address} is named");
        }
    }

    #[test]
    fn this_machine_needs_no_grant_unless_it_does() {
        for address in ["127.0.0.1", "127.9.9.9", "::1", "0.0.0.0", "::", "::ffff:127.0.0.1"] {
            let address = SocketAddr::new(address.parse().expect("an address"), 80);
            assert!(Policy::new(vec![], true).judge("x.test", 80, address).is_ok(), "{address}");
            assert!(Policy::new(vec![], false).judge("x.test", 80, address).is_err(), "{address}");
        }
        for (host, may) in [
            ("localhost", true),
            ("shop.localhost", true),
            ("127.0.0.1", true),
            ("::1", true),
            ("2130706433", false),
            ("localhost.evil.test", false),
            ("x.test", false),
        ] {
            assert_eq!(Policy::new(vec![], true).may_look_up(host, 80).is_ok(), may, "{host}");
        }
    }

    #[test]
    fn what_no_grant_could_cover_is_not_even_looked_up() {
        let by_name = Policy::new(vec![grant(name("a.test"), Some(80))], true);
        assert!(by_name.may_look_up("a.test", 80).is_ok());
        assert!(by_name.may_look_up("a.test", 81).is_err());
        assert!(by_name.may_look_up("secret.evil.test", 80).is_err());
        let by_address = Policy::new(vec![grant(network("10.0.0.0", 8), None)], true);
        assert!(by_address.may_look_up("any.test", 80).is_ok(), "only its address will tell");
    }

    #[test]
    fn where_nobody_sees_the_address_the_name_must_be_granted() {
        let policy = Policy::new(
            vec![grant(name("a.test"), None), grant(network("10.0.0.0", 8), None)],
            true,
        );
        for (host, may) in [
            ("a.test", true),
            ("b.test", false),
            ("10.1.2.3", true),
            ("11.1.2.3", false),
            ("167837955", false),
        ] {
            assert_eq!(policy.judge_unseen(host, 80, true).is_ok(), may, "{host}");
        }
        let all = Policy::new(vec![grant(GrantedHosts::All, None)], false);
        for host in
            ["2852039166", "0xa9fea9fe", "0251.0376.0251.0376", "169.254.43518", "0xa9.254.1"]
        {
            assert!(all.judge_unseen(host, 80, true).is_err(), "{host} may be an address");
        }
        for host in ["a.test", "7.example.com", "face", "1password.com"] {
            assert!(all.judge_unseen(host, 80, true).is_ok(), "{host} is a name");
        }
    }

    #[test]
    fn a_refusal_says_what_is_not_granted() {
        let policy = Policy::new(vec![grant(name("a.test"), None)], true);
        let said = |host: &str, address: &str| {
            let address = SocketAddr::new(address.parse().expect("an address"), 8080);
            policy.judge(host, 8080, address).expect_err("it is not granted").to_string()
        };
        assert_eq!(
            said("b.test", "10.0.0.1"),
            "`b.test:8080` is not granted; `--allow-net b.test:8080` grants it"
        );
        assert_eq!(
            said("a.test", "169.254.169.254"),
            "`a.test:8080` has the address 169.254.169.254, which is where clouds tell their machines secrets and \
             must be granted by itself; `--allow-net 169.254.169.254:8080` grants it"
        );
        assert_eq!(
            said("2001:db8::1", "2001:db8::1"),
            "`[2001:db8::1]:8080` is not granted; `--allow-net '[2001:db8::1]:8080'` grants it"
        );
        assert_eq!(
            said("$(reboot).test", "10.0.0.1"),
            "`$(reboot).test:8080` is not granted",
            "no command to be copied does something else"
        );
        let unwanted = Policy::new(vec![grant(GrantedHosts::All, None)], true).wanted(vec![]);
        let address = "10.0.0.1:80".parse().expect("an address");
        assert_eq!(
            unwanted.judge("b.test", 80, address).expect_err("it is not wanted").to_string(),
            "`b.test:80` is not among what the script says it wants (`wants.net`)"
        );
    }

    #[test]
    fn a_script_gets_no_more_than_it_wants_and_no_more_than_was_granted() {
        let granted = vec![grant(name("a.test"), None), grant(name("b.test"), None)];
        let wants = vec![grant(name("a.test"), Some(80)), grant(name("c.test"), None)];
        let policy = Policy::new(granted, false).wanted(wants);
        for (host, port, address, why) in [
            ("a.test", 80, "10.0.0.1", None),
            ("a.test", 81, "10.0.0.1", Some(DeniedWhy::NotWanted)),
            ("b.test", 80, "10.0.0.1", Some(DeniedWhy::NotWanted)),
            ("c.test", 80, "10.0.0.1", Some(DeniedWhy::NotGranted)),
            ("d.test", 80, "10.0.0.1", Some(DeniedWhy::NotGranted)),
            // This machine is always wanted, and here not granted.
            ("127.0.0.1", 80, "127.0.0.1", Some(DeniedWhy::NotGranted)),
        ] {
            let address = SocketAddr::new(address.parse().expect("an address"), port);
            let judged = policy.judge(host, port, address).err().map(|denied| denied.why);
            assert_eq!(judged, why, "{host}:{port}");
            if host != "127.0.0.1" {
                let unseen = policy.judge_unseen(host, port, true).err().map(|denied| denied.why);
                assert_eq!(unseen, why, "{host}:{port}, unseen");
                let asked = policy.may_look_up(host, port).err().map(|denied| denied.why);
                assert_eq!(asked, why, "{host}:{port}, looked up");
            }
        }
        let here = Policy::new(vec![], true).wanted(vec![]);
        assert!(here.judge("x.test", 80, "127.0.0.1:80".parse().expect("an address")).is_ok());
    }

    #[test]
    fn what_one_grant_covers_of_another_is_known_beforehand() {
        let under = |suffix: &str| GrantedHosts::Under(suffix.to_owned());
        for (one, port, other, of_port, covers) in [
            (name("a.test"), None, name("A.test."), Some(80), true),
            (name("a.test"), Some(80), name("a.test"), Some(80), true),
            (name("a.test"), Some(80), name("a.test"), None, false),
            (name("a.test"), Some(80), name("a.test"), Some(81), false),
            (name("a.test"), None, under("a.test"), None, false),
            (under("test"), None, name("a.test"), None, true),
            (under("test"), None, name("test"), None, false),
            (under("test"), None, under("a.test"), None, true),
            (under("a.test"), None, under("a.test"), None, true),
            (under("a.test"), None, under("test"), None, false),
            (under("test"), None, GrantedHosts::All, None, false),
            (GrantedHosts::All, None, under("test"), None, true),
            (GrantedHosts::All, None, GrantedHosts::All, None, true),
            (GrantedHosts::All, None, network("10.0.0.0", 8), None, true),
            (GrantedHosts::All, None, network("169.254.169.254", 32), None, false),
            (GrantedHosts::All, None, network("fe80::", 10), None, false),
            (network("10.0.0.0", 8), None, network("10.1.0.0", 16), None, true),
            (network("10.0.0.0", 8), None, network("::ffff:10.1.0.0", 112), None, true),
            (network("10.0.0.0", 8), None, network("::ffff:10.0.0.0", 97), None, false),
            (network("10.1.0.0", 16), None, network("10.0.0.0", 8), None, false),
            (network("0.0.0.0", 0), None, network("2001:db8::", 32), None, false),
            (network("::", 0), None, network("2001:db8::", 32), None, true),
            (network("10.0.0.0", 8), None, name("a.test"), None, false),
        ] {
            let (one, other) = (grant(one, port), grant(other, of_port));
            assert_eq!(one.covers(&other), covers, "{one:?} {other:?}");
        }
    }

    #[test]
    fn what_will_be_granted_is_promised_beforehand() {
        let policy = Policy::new(vec![grant(network("10.0.0.0", 8), Some(80))], true)
            .wanted(vec![grant(name("a.test"), None)]);
        for (place, port, promised) in [
            (name("localhost"), None, true),
            (name("shop.localhost"), Some(80), true),
            (network("127.0.0.1", 32), Some(8080), true),
            (network("::1", 128), None, true),
            (network("127.0.0.0", 7), None, false),
            // Whether it is one of these addresses, only looking it up will tell.
            (name("a.test"), Some(80), true),
            (name("a.test"), Some(81), false),
            (GrantedHosts::All, Some(80), false),
        ] {
            let place = grant(place, port);
            assert_eq!(policy.promises(&place), promised, "{place:?}");
        }
        assert!(policy.is_wanted(&grant(name("a.test"), Some(1))));
        assert!(!policy.is_wanted(&grant(name("b.test"), Some(1))));
        assert!(!Policy::new(vec![], false).promises(&grant(name("localhost"), None)));
    }

    #[test]
    fn what_somebody_else_takes_for_itself_is_not_this_machine() {
        let policy = Policy::new(vec![], true);
        for host in ["127.0.0.1", "localhost", "::1"] {
            assert!(policy.judge_unseen(host, 80, true).is_ok(), "{host}");
            assert!(policy.judge_unseen(host, 80, false).is_err(), "{host}");
        }
    }

    #[test]
    fn methods_are_those_that_are_allowed() {
        let policy = Policy::default().with_methods(vec![Method::GET]);
        assert!(policy.judge_method(&Method::GET).is_ok());
        let refused = policy.judge_method(&Method::POST).expect_err("it is not allowed");
        assert!(refused.starts_with("the method `POST` is not"), "{refused}");
    }

    #[test]
    fn without_a_policy_everything_goes() {
        let policy = Policy::default();
        let metadata = "169.254.169.254:80".parse().expect("an address");
        assert!(policy.may_look_up("x.test", 80).is_ok());
        assert!(policy.judge("x.test", 80, metadata).is_ok());
        assert!(policy.judge_unseen("x.test", 80, false).is_ok());
        assert!(policy.judge_method(&Method::DELETE).is_ok());
    }
}
