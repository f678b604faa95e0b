//! From what a plan says of connections to how they are made.

use std::sync::Arc;

use net::{Config, Dns, HostOverride, Hosts, Instead, LocalAddresses, Resolver, Reuse};
use plan::{AddressPolicy, AddressSelect, ConnectionReuse, HostPlan, NetworkPlan};

/// A configuration that says so, and leaves the rest as it is.
pub(crate) fn config(plan: &NetworkPlan) -> Config {
    let over = |host: &HostPlan| HostOverride {
        host: host.host.clone(),
        port: host.port,
        to: Instead::Host { host: host.address.to_string(), port: host.to_port },
    };
    Config {
        resolver: Arc::new(Resolver::new(Dns {
            ttl: plan.dns_ttl,
            select: select(plan.dns_select),
            policy: policy(plan.dns_policy),
        })),
        hosts: Arc::new(Hosts::new(plan.hosts.iter().map(over))),
        local_addresses: Arc::new(LocalAddresses::new(plan.local_ips.clone())),
        reuse: match plan.reuse {
            ConnectionReuse::Always => Reuse::Always,
            ConnectionReuse::WithinIteration => Reuse::WithinIteration,
            ConnectionReuse::Never => Reuse::Never,
        },
        ..Config::default()
    }
}

fn select(select: AddressSelect) -> net::AddressSelect {
    match select {
        AddressSelect::First => net::AddressSelect::First,
        AddressSelect::Random => net::AddressSelect::Random,
        AddressSelect::RoundRobin => net::AddressSelect::RoundRobin,
    }
}

fn policy(policy: AddressPolicy) -> net::AddressPolicy {
    match policy {
        AddressPolicy::PreferIpv4 => net::AddressPolicy::PreferIpv4,
        AddressPolicy::PreferIpv6 => net::AddressPolicy::PreferIpv6,
        AddressPolicy::OnlyIpv4 => net::AddressPolicy::OnlyIpv4,
        AddressPolicy::OnlyIpv6 => net::AddressPolicy::OnlyIpv6,
        AddressPolicy::Any => net::AddressPolicy::Any,
    }
}
