//! Where connections go to and come from, and how long they are kept, as options ask for it and as a plan has
//! it. Places that stand in for others are in `hosts`, proxies in `proxy`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::RangeInclusive;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::problems::shown;
use crate::{ConnectToPlan, Direct, HostPlan, Length, Problems, ProxyChoice, pattern};

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
    /// The unix socket that all connections go to, if they do.
    pub unix_socket: Option<String>,
    /// Other places to connect to, held against a host before `hosts`; the first that fits stands.
    pub connect_to: Vec<ConnectToPlan>,
    /// Where to connect to for some hosts.
    pub hosts: Vec<HostPlan>,
    /// Through whom connections go.
    pub proxy: ProxyChoice,
    /// Whether a script's own options say so.
    pub proxy_by_script: bool,
    /// Hosts that are connected to without a proxy, in place of those that the environment lists.
    pub no_proxy: Option<Vec<Direct>>,
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
    match bounds(address, prefix)? {
        (IpAddr::V4(first), IpAddr::V4(last)) if prefix < 31 => {
            let (first, last) = (first.to_bits() + 1, last.to_bits() - 1);
            Some(Ipv4Addr::from_bits(first).into()..=Ipv4Addr::from_bits(last).into())
        }
        (first, last) => Some(first..=last),
    }
}

/// The first and the last address of a network.
pub(crate) fn bounds(address: IpAddr, prefix: u32) -> Option<(IpAddr, IpAddr)> {
    match address {
        IpAddr::V4(address) if prefix <= 32 => {
            let hosts = u32::MAX.checked_shr(prefix).unwrap_or(0);
            let first = address.to_bits() & !hosts;
            let last = Ipv4Addr::from_bits(first | hosts);
            Some((Ipv4Addr::from_bits(first).into(), last.into()))
        }
        IpAddr::V6(address) if prefix <= 128 => {
            let hosts = u128::MAX.checked_shr(prefix).unwrap_or(0);
            let first = address.to_bits() & !hosts;
            let last = Ipv6Addr::from_bits(first | hosts);
            Some((Ipv6Addr::from_bits(first).into(), last.into()))
        }
        IpAddr::V4(_) | IpAddr::V6(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{HostTo, parse_json};

    fn network(options: &str) -> NetworkPlan {
        parse_json(options).unwrap().plan().unwrap().network
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
        let upper = HostTo::Host { host: "10.0.0.1".to_owned(), port: None };
        assert_eq!(both.hosts[0].to, upper);
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
        let options = r#"{"localIPs": "10.0.0.9-10.0.0.1, 10.0.0.0/33, ::1-10.0.0.1, eth0,"}"#;
        let told = parse_json(options).unwrap().plan().unwrap_err().to_string();
        let told: Vec<_> =
            told.lines().map(|line| line.split(" must ").collect::<Vec<_>>()).collect();
        assert_eq!(told.iter().map(|line| line[0]).collect::<Vec<_>>(), ["localIPs:"; 5]);
        assert!(told[0][1].ends_with("but has `10.0.0.9-10.0.0.1`"), "{told:?}");
    }
}
