//! From what a plan says of connections to how they are made.

use std::os::unix::fs::FileTypeExt as _;
use std::path::Path;
use std::sync::Arc;

use net::{Config, ConnectTo, Dns, HostOverride, Hosts, Instead, LocalAddresses, Resolver, Reuse};
use plan::{
    AddressPolicy, AddressSelect, ConnectToPlan, ConnectionReuse, HostPlan, HostTo, HttpVersion,
    NetworkPlan,
};

use crate::exit::ExitCode;
use crate::fault::Fault;
use crate::proxies::proxies;

/// A configuration that says so, and leaves the rest as it is.
///
/// Fails with every unix socket that is not there, or with what is wrong with the environment's proxies.
pub(crate) fn config(plan: &NetworkPlan) -> Result<Config, Fault> {
    check_sockets(plan)?;
    let variable = |name: &str| Some(std::env::var_os(name)?.to_string_lossy().into_owned());
    let hosts = Hosts::new(plan.hosts.iter().map(host));
    Ok(Config {
        resolver: Arc::new(Resolver::new(Dns {
            ttl: plan.dns_ttl,
            select: select(plan.dns_select),
            policy: policy(plan.dns_policy),
        })),
        hosts: Arc::new(hosts.after(plan.connect_to.iter().map(connect_to).collect())),
        unix_socket: plan.unix_socket.as_ref().map(|path| Path::new(path).into()),
        proxies: Arc::new(proxies(plan, &variable)?),
        local_addresses: Arc::new(LocalAddresses::new(plan.local_ips.clone())),
        reuse: match plan.reuse {
            ConnectionReuse::Always => Reuse::Always,
            ConnectionReuse::WithinIteration => Reuse::WithinIteration,
            ConnectionReuse::Never => Reuse::Never,
        },
        ..Config::default()
    })
}

/// Looks for the sockets: a path that is mistyped is to be told before the load, and not by each request.
fn check_sockets(plan: &NetworkPlan) -> Result<(), Fault> {
    let of_hosts = plan.hosts.iter().filter_map(|host| match &host.to {
        HostTo::Unix(path) => Some(("hosts", path)),
        HostTo::Host { .. } => None,
    });
    let of_all = plan.unix_socket.iter().map(|path| ("unixSocket", path));
    let mut fault = None;
    for (key, path) in of_all.chain(of_hosts) {
        if let Some(why) = no_socket(Path::new(path)) {
            let so_far = fault
                .take()
                .unwrap_or_else(|| Fault::new(ExitCode::InvalidConfig, "the options are invalid"));
            fault = Some(so_far.detail(format!("{key}: `{path}`: {why}")));
        }
    }
    fault.map_or(Ok(()), Err)
}

/// Why nothing can be connected to at this path.
fn no_socket(path: &Path) -> Option<String> {
    if std::os::unix::net::SocketAddr::from_pathname(path).is_err() {
        return Some("is longer than the path of a socket may be".to_owned());
    }
    match path.metadata() {
        Ok(found) if found.file_type().is_socket() => None,
        Ok(_) => Some("is no socket".to_owned()),
        Err(error) => Some(error.to_string()),
    }
}

fn host(plan: &HostPlan) -> HostOverride {
    let to = match &plan.to {
        HostTo::Host { host, port } => Instead::Host { host: host.clone(), port: *port },
        HostTo::Unix(path) => Instead::Unix(Path::new(path).into()),
    };
    HostOverride { host: plan.host.clone(), port: plan.port, to, by_script: plan.by_script }
}

fn connect_to(plan: &ConnectToPlan) -> ConnectTo {
    ConnectTo {
        host: plan.host.clone(),
        port: plan.port,
        to_host: plan.to_host.clone(),
        to_port: plan.to_port,
        by_script: plan.by_script,
    }
}

/// How much one host gets at most, if there is a limit.
pub(crate) fn per_host(most: plan::PerHost) -> Option<Arc<net::PerHost>> {
    let is_limited = most.rps.is_some() || most.connections.is_some();
    is_limited.then(|| Arc::new(net::PerHost::new(most.rps, most.connections)))
}

/// The version of HTTP that requests are made with.
pub(crate) fn http_version(version: HttpVersion) -> net::HttpVersion {
    match version {
        HttpVersion::Auto => net::HttpVersion::Auto,
        HttpVersion::Http11 => net::HttpVersion::Http11,
        HttpVersion::Http2 => net::HttpVersion::Http2,
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
