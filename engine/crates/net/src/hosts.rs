//! Addresses that stand in place of names.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};

/// Where to connect to for some hosts, whatever the system would say: k6's `hosts`.
#[derive(Clone, Debug, Default)]
pub struct Hosts {
    /// By name in small letters, and port where the pattern has one.
    exact: HashMap<(String, Option<u16>), Instead>,
    /// What follows the asterisk, with its dot; the longest first, and those with a port before others.
    wildcards: Vec<(String, Option<u16>, Instead)>,
}

/// A host, and where to connect to for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostOverride {
    /// Its name; `*.` at the start stands for any labels.
    pub host: String,
    /// The port that is asked for; any if there is none.
    pub port: Option<u16>,
    /// The address to connect to.
    pub address: IpAddr,
    /// The port to connect to; the one that is asked for if there is none.
    pub to_port: Option<u16>,
}

#[derive(Clone, Copy, Debug)]
struct Instead {
    address: IpAddr,
    port: Option<u16>,
}

impl Hosts {
    /// These overrides. Of several that fit a host, the most specific stands: a name before an asterisk, more
    /// labels before fewer, with a port before without.
    #[must_use]
    pub fn new(overrides: impl IntoIterator<Item = HostOverride>) -> Self {
        let mut hosts = Self::default();
        for HostOverride { host, port, address, to_port } in overrides {
            let host = host.to_ascii_lowercase();
            let instead = Instead { address, port: to_port };
            match host.strip_prefix('*') {
                Some(rest) => hosts.wildcards.push((rest.to_owned(), port, instead)),
                None => {
                    hosts.exact.insert((host, port), instead);
                }
            }
        }
        hosts.wildcards.sort_by_key(|(rest, port, _)| {
            (std::cmp::Reverse(rest.len()), std::cmp::Reverse(port.is_some()))
        });
        hosts
    }

    /// Where to connect to for this host, if that is said.
    pub(crate) fn find(&self, host: &str, port: u16) -> Option<SocketAddr> {
        if self.exact.is_empty() && self.wildcards.is_empty() {
            return None;
        }
        let mut host = host.to_ascii_lowercase();
        let mut exact = |port| {
            let key = (std::mem::take(&mut host), port);
            let found = self.exact.get(&key).copied();
            host = key.0;
            found
        };
        let found = exact(Some(port)).or_else(|| exact(None));
        let found = found.or_else(|| {
            let mut wildcards = self.wildcards.iter();
            let fits = wildcards.find(|(rest, its_port, _)| {
                host.ends_with(rest.as_str())
                    && host.len() > rest.len()
                    && its_port.is_none_or(|its| its == port)
            });
            fits.map(|(_, _, instead)| *instead)
        });
        found.map(|instead| SocketAddr::new(instead.address, instead.port.unwrap_or(port)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_specific_override_stands() {
        let over = |host: &str, port, to: &str, to_port| HostOverride {
            host: host.to_owned(),
            port,
            address: to.parse().expect("an address"),
            to_port,
        };
        let hosts = Hosts::new([
            over("a.test", None, "10.0.0.1", None),
            over("A.test", Some(443), "10.0.0.2", Some(8443)),
            over("*.test", None, "10.0.0.3", None),
            over("*.b.test", None, "::1", Some(1)),
            over("*.b.test", Some(81), "10.0.0.5", None),
        ]);
        for (host, port, expected) in [
            ("a.test", 80, Some("10.0.0.1:80")),
            ("a.TEST", 443, Some("10.0.0.2:8443")),
            ("c.test", 80, Some("10.0.0.3:80")),
            ("b.test", 80, Some("10.0.0.3:80")),
            ("x.b.test", 80, Some("[::1]:1")),
            ("y.x.b.test", 81, Some("10.0.0.5:81")),
            ("test", 80, None),
            (".test", 80, None),
            ("a.example", 80, None),
        ] {
            let expected = expected.map(|text| text.parse().expect("an address"));
            assert_eq!(hosts.find(host, port), expected, "{host}:{port}");
        }
        assert_eq!(Hosts::default().find("a.test", 80), None);
    }
}
