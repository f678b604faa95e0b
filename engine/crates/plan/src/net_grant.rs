//! Places on the network as grants and wants name them: `api.example.com:443`, `*.example.com`, `10.0.0.0/8`, `*`.
//!
//! Only what a text says stands here; whether a place is covered by another, and whether a connection may be made, is
//! told where connections are made.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

use crate::hosts::{is_name, port};
use crate::network::bounds;

/// Some places on the network.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct NetGrant {
    /// Which hosts.
    pub hosts: NetHosts,
    /// Which of their ports; all of them if it is not said.
    pub port: Option<u16>,
}

/// Some hosts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum NetHosts {
    /// All there are.
    All,
    /// The host of this name, in small letters.
    Name(String),
    /// All hosts below this name, which is not among them.
    Under(String),
    /// All addresses whose first so many bits are those of this one; a single address is a network of one.
    Network(IpAddr, u8),
}

/// Why a text names no place, to stand behind its own place.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NetGrantError {
    /// It is empty.
    #[error("must not be empty: it covers nothing")]
    Empty,
    /// It is a URL.
    #[error("must be a host and its port, such as `shop.example:443`, and no URL")]
    Url,
    /// It is none of the forms.
    #[error(
        "must be a host, an address or a network, with a port if only that is meant, such as `shop.example:443`, \
         `*.shop.example`, `10.0.0.0/8`, `[::1]:8080` or `*`"
    )]
    Form,
    /// Its port is none.
    #[error("must have a port from 1 to 65535")]
    Port,
    /// It has an asterisk where that stands for nothing.
    #[error(
        "covers nothing: `*` stands for all hosts, or with a dot before a name for those below it"
    )]
    Asterisk,
    /// It is an address in a form that systems read in different ways.
    #[error("must have an address in its usual form, such as `127.0.0.1` or `::1`")]
    Number,
    /// It has more bits than there are.
    #[error("must have at most {0} bits behind the `/`")]
    Bits(u8),
    /// It is an address in a network.
    #[error(
        "must be a network or an address: the network is `{network}`, the address alone `{address}`"
    )]
    Beyond {
        /// The network that it is in.
        network: String,
        /// The address alone.
        address: IpAddr,
    },
}

impl NetGrant {
    /// Reads `HOST`, `*.HOST`, `ADDRESS`, `ADDRESS/BITS` or `*`, each with `:PORT` behind it or not. With a port, an
    /// address of IPv6 stands in brackets.
    ///
    /// Fails with what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, NetGrantError> {
        if text.is_empty() {
            return Err(NetGrantError::Empty);
        }
        if text.contains("://") {
            return Err(NetGrantError::Url);
        }
        if let Some((address, rest)) = text.split_once('/') {
            return network(address, rest);
        }
        let (host, port) = split_port(text)?;
        let hosts = match host.strip_prefix('*') {
            Some("") => NetHosts::All,
            Some(below) => match below.strip_prefix('.') {
                Some(name) if is_name(name) && !is_number(name) => NetHosts::Under(plain(name)),
                _ => return Err(NetGrantError::Asterisk),
            },
            None if host.contains('*') => return Err(NetGrantError::Asterisk),
            None => match host.parse::<IpAddr>() {
                Ok(address) => NetHosts::Network(address, width(address)),
                Err(_) if is_number(host) => return Err(NetGrantError::Number),
                Err(_) if is_name(host) => NetHosts::Name(plain(host)),
                Err(_) => return Err(NetGrantError::Form),
            },
        };
        Ok(Self { hosts, port })
    }
}

/// A name as it is compared.
fn plain(name: &str) -> String {
    name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase()
}

fn width(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

/// Whether a system may read a name as an address: its last label is a number.
fn is_number(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name);
    let last = name.rsplit('.').next().unwrap_or_default().to_ascii_lowercase();
    let digits = last.strip_prefix("0x").unwrap_or(&last);
    last.starts_with(|first: char| first.is_ascii_digit())
        && digits.chars().all(|c| c.is_ascii_hexdigit())
}

/// The host, without brackets, and the port behind it.
fn split_port(text: &str) -> Result<(&str, Option<u16>), NetGrantError> {
    let port = |digits| port(digits).ok_or(NetGrantError::Port);
    if let Some(rest) = text.strip_prefix('[') {
        let (address, rest) = rest.split_once(']').ok_or(NetGrantError::Form)?;
        if address.parse::<Ipv6Addr>().is_err() {
            return Err(NetGrantError::Form);
        }
        return match rest.strip_prefix(':') {
            None if rest.is_empty() => Ok((address, None)),
            None => Err(NetGrantError::Form),
            Some(digits) => Ok((address, Some(port(digits)?))),
        };
    }
    match text.rsplit_once(':') {
        None => Ok((text, None)),
        Some(_) if text.parse::<Ipv6Addr>().is_ok() => Ok((text, None)),
        Some((host, _)) if host.contains(':') => Err(NetGrantError::Form),
        Some((host, digits)) => Ok((host, Some(port(digits)?))),
    }
}

/// A network by its first address and what stands behind the `/`.
fn network(address: &str, rest: &str) -> Result<NetGrant, NetGrantError> {
    let bare = address.strip_prefix('[').and_then(|bare| bare.strip_suffix(']'));
    let address: IpAddr = bare.unwrap_or(address).parse().map_err(|_| NetGrantError::Form)?;
    let (bits, port) = match rest.split_once(':') {
        Some((bits, digits)) => (bits, Some(port(digits).ok_or(NetGrantError::Port)?)),
        None => (rest, None),
    };
    if bits.is_empty() || !bits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(NetGrantError::Form);
    }
    let most = width(address);
    let bits =
        bits.parse::<u8>().ok().filter(|bits| *bits <= most).ok_or(NetGrantError::Bits(most))?;
    match bounds(address, bits.into()) {
        Some((first, _)) if first == address => {
            Ok(NetGrant { hosts: NetHosts::Network(address, bits), port })
        }
        Some((first, _)) => {
            let meant = NetGrant { hosts: NetHosts::Network(first, bits), port };
            Err(NetGrantError::Beyond { network: meant.to_string(), address })
        }
        None => Err(NetGrantError::Bits(most)),
    }
}

/// As it is written: `[::1]:80`, `10.0.0.0/8:443`.
impl fmt::Display for NetGrant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.hosts {
            NetHosts::All => f.write_str("*")?,
            NetHosts::Name(name) => f.write_str(name)?,
            NetHosts::Under(name) => write!(f, "*.{name}")?,
            NetHosts::Network(address, bits) => {
                match (address, self.port) {
                    (IpAddr::V6(v6), Some(_)) => write!(f, "[{v6}]")?,
                    _ => write!(f, "{address}")?,
                }
                if *bits != width(*address) {
                    write!(f, "/{bits}")?;
                }
            }
        }
        match self.port {
            Some(port) => write!(f, ":{port}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_place_is_a_host_an_address_or_a_network_with_a_port_or_without() {
        let network = |address: &str, bits| NetHosts::Network(address.parse().unwrap(), bits);
        for (text, hosts, port) in [
            ("*", NetHosts::All, None),
            ("*:443", NetHosts::All, Some(443)),
            ("Shop.Example.", NetHosts::Name("shop.example".to_owned()), None),
            ("shop.example:443", NetHosts::Name("shop.example".to_owned()), Some(443)),
            ("localhost", NetHosts::Name("localhost".to_owned()), None),
            ("1password.com", NetHosts::Name("1password.com".to_owned()), None),
            ("*.shop.example:80", NetHosts::Under("shop.example".to_owned()), Some(80)),
            ("10.0.0.1", network("10.0.0.1", 32), None),
            ("10.0.0.1:80", network("10.0.0.1", 32), Some(80)),
            ("::1", network("::1", 128), None),
            ("[::1]", network("::1", 128), None),
            ("[::1]:80", network("::1", 128), Some(80)),
            ("10.0.0.0/8", network("10.0.0.0", 8), None),
            ("0.0.0.0/0", network("0.0.0.0", 0), None),
            ("10.0.0.0/8:443", network("10.0.0.0", 8), Some(443)),
            ("2001:db8::/32", network("2001:db8::", 32), None),
            ("[2001:db8::]/32:443", network("2001:db8::", 32), Some(443)),
        ] {
            assert_eq!(NetGrant::parse(text), Ok(NetGrant { hosts, port }), "{text}");
        }
    }

    #[test]
    fn what_covers_nothing_or_is_not_what_is_meant_is_refused_with_what_would_be() {
        for (text, why) in [
            ("", "must not be empty"),
            ("*.", "covers nothing"),
            ("*shop.example", "covers nothing"),
            ("shop.*", "covers nothing"),
            ("*.*", "covers nothing"),
            ("*.1.2.3", "covers nothing"),
            ("shop.example:0", "must have a port from 1 to 65535"),
            ("shop.example:70000", "must have a port"),
            ("shop.example:", "must have a port"),
            ("*:0", "must have a port"),
            ("10.0.0.0/8:0", "must have a port"),
            ("10.0.0.0/40", "must have at most 32 bits behind the `/`"),
            ("::/129", "must have at most 128 bits"),
            ("10.0.0.0/", "must be a host, an address or a network"),
            ("10.0.0.0/+8", "must be a host"),
            ("shop.example/8", "must be a host"),
            (
                "10.0.0.7/8",
                "must be a network or an address: the network is `10.0.0.0/8`, the address alone `10.0.0.7`",
            ),
            ("10.0.0.7/8:80", "the network is `10.0.0.0/8:80`"),
            ("2001:db8::1/32", "the network is `2001:db8::/32`"),
            (
                "https://shop.example",
                "must be a host and its port, such as `shop.example:443`, and no URL",
            ),
            ("granted.example@evil.example", "must be a host"),
            ("a b", "must be a host"),
            ("a\r\nb", "must be a host"),
            ("[shop.example]:80", "must be a host"),
            ("[::1", "must be a host"),
            ("::1:80:x", "must be a host"),
            ("2130706433", "must have an address in its usual form"),
            ("0x7f000001", "must have an address in its usual form"),
            ("0177.0.0.1", "must have an address in its usual form"),
            ("127.1:80", "must have an address in its usual form"),
        ] {
            let error = NetGrant::parse(text).unwrap_err().to_string();
            assert!(error.contains(why), "{text}: {error}");
        }
    }

    proptest! {
        #[test]
        fn whatever_the_text_is_it_is_read_or_refused_and_what_is_read_is_written_so(text in "[*.:/\\[\\]0-9a-fx]{0,20}") {
            if let Ok(grant) = NetGrant::parse(&text) {
                prop_assert_eq!(NetGrant::parse(&grant.to_string()), Ok(grant));
            }
        }
    }
}
