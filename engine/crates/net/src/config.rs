//! What all clients of a run share.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;

use crate::ceiling::Ceiling;
use crate::hosts::Hosts;
use crate::local::LocalAddresses;
use crate::per_host::PerHost;
use crate::policy::Policy;
use crate::proxy::Proxies;
use crate::resolver::Resolver;
use crate::tls::Tls;
use crate::version::HttpVersion;

/// How requests are made, for every VU of a run or of a scenario.
///
/// Clones share the ceiling and the resolver, and with it what is known of names.
#[derive(Clone, Debug)]
pub struct Config {
    /// Sent with each request that has no `user-agent` of its own.
    pub user_agent: HeaderValue,
    /// How long a whole exchange may take, where the request does not say.
    pub request_timeout: Duration,
    /// How long it may take until there is a connection, where the request does not say, if not as long as the
    /// whole exchange.
    pub connect_timeout: Option<Duration>,
    /// How many redirects are followed at most, where the request does not say.
    pub max_redirects: u32,
    /// The largest response body that is kept, in bytes, packed and unpacked. A larger one fails its exchange.
    pub body_limit: usize,
    /// How many bytes of bodies a client holds at most that nobody has taken yet, but for the first 64 KiB of each; one
    /// that would be more fails its exchange.
    pub held_limit: usize,
    /// How many requests a second all clients together may begin, if not as many as they like.
    pub ceiling: Option<Arc<Ceiling>>,
    /// How much one host gets of that at most, if there is a limit.
    pub per_host: Option<Arc<PerHost>>,
    /// Finds the addresses of names.
    pub resolver: Arc<Resolver>,
    /// Where to connect to for some hosts, whatever the resolver would say.
    pub hosts: Arc<Hosts>,
    /// The unix socket that all connections go to, if they do, whatever anything else would say.
    pub unix_socket: Option<Arc<Path>>,
    /// Through whom connections go that do not go to a unix socket.
    pub proxies: Arc<Proxies>,
    /// The addresses of this machine that connections go out from; the system's choice if there are none.
    pub local_addresses: Arc<LocalAddresses>,
    /// How long connections are kept to be used again.
    pub reuse: Reuse,
    /// Whether exchanges come with their requests, for somebody who shows them.
    pub tells_requests: bool,
    /// The share of requests, from 0 to 1, that say to their target that they are part of a trace; exchanges of those come with
    /// their requests.
    pub traced_share: f64,
    /// Where connections may go.
    pub policy: Arc<Policy>,
    /// The version of HTTP that is spoken, where the request does not say.
    pub http_version: HttpVersion,
    /// How `https` is spoken.
    pub tls: Arc<Tls>,
}

/// How long connections are kept to be used again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reuse {
    /// As long as the VU lives.
    #[default]
    Always,
    /// For as long as one of its iterations: k6's `noVUConnectionReuse`.
    WithinIteration,
    /// Not at all, and servers are told so: k6's `noConnectionReuse`.
    Never,
}

impl Default for Config {
    /// 60 seconds and ten redirects, as k6; 64 MiB, so that a few users who download something large still fit a machine.
    fn default() -> Self {
        Self {
            user_agent: HeaderValue::from_static(concat!("wasmload/", env!("CARGO_PKG_VERSION"))),
            request_timeout: Duration::from_secs(60),
            connect_timeout: None,
            max_redirects: 10,
            body_limit: 64 << 20,
            held_limit: 256 << 20,
            ceiling: None,
            per_host: None,
            resolver: Arc::default(),
            hosts: Arc::default(),
            unix_socket: None,
            proxies: Arc::default(),
            local_addresses: Arc::default(),
            reuse: Reuse::default(),
            tells_requests: false,
            traced_share: 0.0,
            policy: Arc::default(),
            http_version: HttpVersion::default(),
            tls: Arc::default(),
        }
    }
}
