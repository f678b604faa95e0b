//! Where connections go to and come from, and how long they are kept, as options ask for it and as a plan has
//! it.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::ops::RangeInclusive;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::problems::{key_of, shown};
use crate::{Length, Problems, pattern};

/// For how long an answer is used that is used for ever.
const FOREVER: Duration = Duration::from_secs(365 * 24 * 3600);

/// What is made of the addresses that names have.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DnsOptions {
    /// How long an answer is used: `5m`, or `0` to ask for each connection, or `inf` to ask once.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("pattern" = pattern::TTL.regex, "default" = "5m"))]
    pub ttl: Option<String>,

    /// Which address is tried first: always the `first`, one at `random`, or each in its turn (`roundRobin`).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(
        with = "Option<String>",
        extend("enum" = AddressSelect::NAMES, "default" = "roundRobin")
    )]
    pub select: Option<AddressSelect>,

    /// Which addresses are tried: `preferIPv4`, `preferIPv6`, `onlyIPv4`, `onlyIPv6`, or `any` as the system
    /// orders them.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(
        with = "Option<String>",
        extend("enum" = AddressPolicy::NAMES, "default" = "any")
    )]
    pub policy: Option<AddressPolicy>,
}

impl DnsOptions {
    /// Lays these over lower ones.
    pub(crate) fn over(self, lower: Self) -> Self {
        Self {
            ttl: self.ttl.or(lower.ttl),
            select: self.select.or(lower.select),
            policy: self.policy.or(lower.policy),
        }
    }
}

/// Which of a name's addresses is tried first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum AddressSelect {
    /// Always the first.
    First,
    /// One by chance.
    Random,
    /// Each in its turn.
    #[default]
    RoundRobin,
}

impl AddressSelect {
    const NAMES: [&str; 3] = ["first", "random", "roundRobin"];
}

/// Which of a name's addresses are tried.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum AddressPolicy {
    /// IPv4, then IPv6.
    #[serde(rename = "preferIPv4")]
    PreferIpv4,
    /// IPv6, then IPv4.
    #[serde(rename = "preferIPv6")]
    PreferIpv6,
    /// IPv4 only.
    #[serde(rename = "onlyIPv4")]
    OnlyIpv4,
    /// IPv6 only.
    #[serde(rename = "onlyIPv6")]
    OnlyIpv6,
    /// Both, as the system orders them.
    #[default]
    #[serde(rename = "any")]
    Any,
}

impl AddressPolicy {
    const NAMES: [&str; 5] = ["preferIPv4", "preferIPv6", "onlyIPv4", "onlyIPv6", "any"];
}

/// Where connections go to and come from, with nothing left open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetworkPlan {
    /// Where to connect to for some hosts.
    pub hosts: Vec<HostPlan>,
    /// How long an answer about a name is used.
    pub dns_ttl: Duration,
    /// Which of a name's addresses is tried first.
    pub dns_select: AddressSelect,
    /// Which of a name's addresses are tried.
    pub dns_policy: AddressPolicy,
    /// The addresses to connect from, shared out among the VUs; the system's choice if there are none.
    pub local_ips: Vec<RangeInclusive<IpAddr>>,
    /// How long connections are kept.
    pub reuse: ConnectionReuse,
}

/// A host, and where to connect to for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostPlan {
    /// Its name; `*.` at the start stands for any labels.
    pub host: String,
    /// The port that is asked for, if only that is meant.
    pub port: Option<u16>,
    /// The address to connect to.
    pub address: IpAddr,
    /// The port to connect to, if not the one that is asked for.
    pub to_port: Option<u16>,
}

/// How long connections are kept to be used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectionReuse {
    /// As long as the VU lives.
    Always,
    /// For as long as an iteration.
    WithinIteration,
    /// Not at all.
    Never,
}

/// What the options of hosts come to.
pub(crate) fn hosts(hosts: BTreeMap<String, String>, problems: &mut Problems) -> Vec<HostPlan> {
    let mut plans = Vec::new();
    for (key, value) in hosts {
        let path = key_of("hosts", &key);
        let to = value.parse::<SocketAddr>().map(|to| (to.ip(), Some(to.port())));
        let to = to.or_else(|_| value.parse::<IpAddr>().map(|address| (address, None)));
        match (host_and_port(&key), to) {
            (Some((host, port)), Ok((address, to_port))) => {
                plans.push(HostPlan { host: host.to_owned(), port, address, to_port });
            }
            (host, to) => {
                if host.is_none() {
                    problems
                        .push(&path, "must be a host such as `a.test`, `a.test:443` or `*.a.test`");
                }
                if to.is_err() {
                    let message = format!(
                        "must be an address such as `10.0.0.1` or `10.0.0.1:8080`, but is `{}`",
                        shown(&value)
                    );
                    problems.push(&path, message);
                }
            }
        }
    }
    plans
}

fn host_and_port(text: &str) -> Option<(&str, Option<u16>)> {
    let (host, port) = match text.rsplit_once(':') {
        // More than one colon: an IPv6 address, and no port behind it.
        Some((host, port)) if !host.contains(':') => {
            (host, Some(port.parse().ok().filter(|&port: &u16| port > 0)?))
        }
        _ => (text, None),
    };
    let name = host.strip_prefix("*.").unwrap_or(host);
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':');
    (!name.is_empty() && name.chars().all(fits)).then_some((host, port))
}

/// How long an answer is used. One that is no length has been told of by now.
pub(crate) fn ttl(text: Option<&str>) -> Duration {
    match text {
        Some("inf") => FOREVER,
        Some(text) => text.parse::<Length>().map_or(Duration::ZERO, Length::get),
        None => Duration::from_secs(300),
    }
}

/// The addresses that a list of them comes to: `10.0.0.1`, `10.0.0.1-10.0.0.9`, `10.0.0.0/27`.
pub(crate) fn local_ips(text: &str, problems: &mut Problems) -> Vec<RangeInclusive<IpAddr>> {
    let mut ranges = Vec::new();
    for part in text.split(',').map(str::trim) {
        match range(part) {
            Some(range) => ranges.push(range),
            None => problems.push(
                "localIPs",
                format!(
                    "must be addresses, ranges such as `10.0.0.1-10.0.0.9` or networks such as \
                     `10.0.0.0/27`, with commas between, but has `{}`",
                    shown(part)
                ),
            ),
        }
    }
    ranges
}

fn range(text: &str) -> Option<RangeInclusive<IpAddr>> {
    if let Some((network, prefix)) = text.split_once('/') {
        return network_range(network.parse().ok()?, prefix.parse().ok()?);
    }
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let (first, last) = (first.trim().parse::<IpAddr>().ok()?, last.trim().parse::<IpAddr>().ok()?);
    (first.is_ipv4() == last.is_ipv4() && first <= last).then_some(first..=last)
}

/// The hosts of a network: of an IPv4 one neither the first address, which is its own, nor the last, which is
/// that of all.
fn network_range(address: IpAddr, prefix: u32) -> Option<RangeInclusive<IpAddr>> {
    match address {
        IpAddr::V4(address) => {
            let hosts = u32::MAX.checked_shr(prefix).filter(|_| prefix <= 32).unwrap_or(0);
            let first = address.to_bits() & !hosts;
            let (first, last) = match hosts {
                0 | 1 => (first, first | hosts),
                _ => (first + 1, (first | hosts) - 1),
            };
            let range = Ipv4Addr::from_bits(first).into()..=Ipv4Addr::from_bits(last).into();
            (prefix <= 32).then_some(range)
        }
        IpAddr::V6(address) => {
            let hosts = u128::MAX.checked_shr(prefix).unwrap_or(0);
            let first = address.to_bits() & !hosts;
            let last = Ipv6Addr::from_bits(first | hosts);
            (prefix <= 128).then_some(Ipv6Addr::from_bits(first).into()..=last.into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse_json;

    fn network(options: &str) -> NetworkPlan {
        parse_json(options).unwrap().plan().unwrap().network
    }

    #[test]
    fn a_host_is_a_name_with_or_without_a_port_and_so_is_where_it_is() {
        let hosts = network(
            r#"{"hosts":{"a.test":"10.0.0.1","b.test:443":"10.0.0.2:8443","*.c.test":"::1","d":"[::1]:80"}}"#,
        )
        .hosts;
        let told: Vec<_> = hosts
            .iter()
            .map(|it| (it.host.as_str(), it.port, it.address.to_string(), it.to_port))
            .collect();
        assert_eq!(
            told,
            [
                ("*.c.test", None, "::1".to_owned(), None),
                ("a.test", None, "10.0.0.1".to_owned(), None),
                ("b.test", Some(443), "10.0.0.2".to_owned(), Some(8443)),
                ("d", None, "::1".to_owned(), Some(80)),
            ]
        );
    }

    #[test]
    fn local_addresses_are_single_ones_ranges_and_networks() {
        for (text, first, last) in [
            ("10.0.0.1", "10.0.0.1", "10.0.0.1"),
            ("10.0.0.1-10.0.1.2", "10.0.0.1", "10.0.1.2"),
            ("10.0.0.9/24", "10.0.0.1", "10.0.0.254"),
            ("10.0.0.0/31", "10.0.0.0", "10.0.0.1"),
            ("10.0.0.7/32", "10.0.0.7", "10.0.0.7"),
            ("0.0.0.0/0", "0.0.0.1", "255.255.255.254"),
            ("fd00::/126", "fd00::", "fd00::3"),
            ("::1/128", "::1", "::1"),
        ] {
            let ranges = network(&format!(r#"{{"localIPs":"{text}"}}"#)).local_ips;
            assert_eq!(ranges, [first.parse().unwrap()..=last.parse().unwrap()], "{text}");
        }
        assert_eq!(network(r#"{"localIPs":"10.0.0.1, ::1"}"#).local_ips.len(), 2);
    }

    #[test]
    fn names_are_asked_for_as_the_options_say() {
        for (dns, ttl, select, policy) in [
            ("{}", 300, AddressSelect::RoundRobin, AddressPolicy::Any),
            (r#"{"ttl":"0"}"#, 0, AddressSelect::RoundRobin, AddressPolicy::Any),
            (r#"{"ttl":"inf"}"#, FOREVER.as_secs(), AddressSelect::RoundRobin, AddressPolicy::Any),
            (
                r#"{"ttl":"1m30s","select":"first","policy":"onlyIPv6"}"#,
                90,
                AddressSelect::First,
                AddressPolicy::OnlyIpv6,
            ),
        ] {
            let plan = network(&format!(r#"{{"dns":{dns}}}"#));
            assert_eq!(plan.dns_ttl.as_secs(), ttl, "{dns}");
            assert_eq!((plan.dns_select, plan.dns_policy), (select, policy), "{dns}");
        }
        let upper = parse_json(r#"{"dns":{"ttl":"1s"},"hosts":{"a":"10.0.0.1"}}"#).unwrap();
        let lower = r#"{"dns":{"ttl":"2s","select":"random"},"hosts":{"a":"10.0.0.2","b":"::1"}}"#;
        let both = upper.over(parse_json(lower).unwrap()).plan().unwrap().network;
        assert_eq!((both.dns_ttl.as_secs(), both.dns_select), (1, AddressSelect::Random));
        assert_eq!(both.hosts.len(), 2, "hosts are combined key by key");
        assert_eq!(both.hosts[0].address.to_string(), "10.0.0.1");
    }

    #[test]
    fn connections_are_kept_unless_the_options_say_for_how_long() {
        for (options, reuse) in [
            ("{}", ConnectionReuse::Always),
            (r#"{"noVUConnectionReuse":true}"#, ConnectionReuse::WithinIteration),
            (r#"{"noConnectionReuse":true}"#, ConnectionReuse::Never),
            (r#"{"noConnectionReuse":true,"noVUConnectionReuse":true}"#, ConnectionReuse::Never),
            (r#"{"noConnectionReuse":false}"#, ConnectionReuse::Always),
        ] {
            assert_eq!(network(options).reuse, reuse, "{options}");
        }
    }

    #[test]
    fn what_makes_no_sense_is_said_with_its_place() {
        let options = r#"{"dns":{"ttl":"soon","select":"best","policy":"ipv4","cache":1}}"#;
        assert_eq!(
            parse_json(options).unwrap_err().to_string(),
            "dns: unknown key `cache`\n\
             dns.policy: must be `preferIPv4`, `preferIPv6`, `onlyIPv4`, `onlyIPv6` or `any`, but is `ipv4`\n\
             dns.select: must be `first`, `random` or `roundRobin`, but is `best`\n\
             dns.ttl: must be a duration such as `5m`, `0` or `inf`, but is `soon`"
        );
        let options = r#"{
            "hosts": {"a b": "10.0.0.1", "c": "d", "e:0": "10.0.0.1:99999", "*": "::1"},
            "localIPs": "10.0.0.9-10.0.0.1, 10.0.0.0/33, ::1-10.0.0.1, eth0,"
        }"#;
        let told = parse_json(options).unwrap().plan().unwrap_err().to_string();
        let told: Vec<_> =
            told.lines().map(|line| line.split(" must ").collect::<Vec<_>>()).collect();
        let places: Vec<_> = told.iter().map(|line| line[0]).collect();
        assert_eq!(
            places,
            [
                "hosts.\"*\":",
                "hosts.\"a b\":",
                "hosts.c:",
                "hosts.\"e:0\":",
                "hosts.\"e:0\":",
                "localIPs:",
                "localIPs:",
                "localIPs:",
                "localIPs:",
                "localIPs:",
            ]
        );
        assert!(told[5][1].ends_with("but has `10.0.0.9-10.0.0.1`"), "{told:?}");
    }
}
