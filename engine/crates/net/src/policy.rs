//! Where connections may go and what may be asked for: what was granted, held against the address that is really used.
//!
//! A name says little: it may have another address the next moment, or one that is nobody else's business. So a
//! connection is judged when its addresses are known, by its name and by each of them; where the name alone rules it
//! out, it is not even looked up. `dial` asks. Methods are judged request by request, each hop of a redirect like any
//! other; `client` asks.
//!
//! Who grants, and in which words, is told elsewhere.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

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
    methods: Option<Vec<String>>,
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
    pub fn with_methods(self, methods: Vec<String>) -> Self {
        Self { methods: Some(methods), ..self }
    }

    /// Whether requests may have this method.
    ///
    /// Fails with the sentence that says which is not allowed.
    pub(crate) fn judge_method(&self, method: &Method) -> Result<(), String> {
        match &self.methods {
            Some(methods) if !methods.iter().any(|name| name == method.as_str()) => Err(format!(
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
pub(crate) fn plain(host: &str) -> String {
    host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase()
}

/// RFC 6761 §6.3.
pub(crate) fn is_local_name(host: &str) -> bool {
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
        [0, 0, 0, 0, 0, 0xffff, high, low]
        | [0, 0, 0, 0, 0xffff, 0, high, low]
        | [0x64, 0xff9b, 0, 0, 0, 0, high, low]
        | [0x64, 0xff9b, 1, _, _, _, high, low] => of(high, low),
        // Teredo (RFC 4380 §4): the client's address, turned over.
        [0x2001, 0, .., high, low] => of(!high, !low),
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
        IpAddr::V6(v6) if METADATA_V6.iter().any(|known| v6.segments().starts_with(known)) => {
            Some(METADATA)
        }
        IpAddr::V6(v6) => (v6.segments()[0] & 0xffc0 == 0xfe80).then_some(LINK_LOCAL),
    }
}

/// How those of IPv6 begin: AWS, Oracle, Scaleway, Google.
const METADATA_V6: [&[u16]; 4] =
    [&[0xfd00, 0xec2], &[0xfd00, 0xc1], &[0xfd00, 0x42], &[0xfd20, 0xce]];

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
mod tests;
