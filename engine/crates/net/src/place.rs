//! A host and a port to connect to.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use crate::target::Target;

/// Where to connect to, on the network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// There.
    Address(SocketAddr),
    /// Wherever that name is, at this port.
    Name(String, u16),
}

impl Place {
    /// A host by its name or its address, which has no brackets.
    pub(crate) fn new(host: &str, port: u16) -> Self {
        match host.parse::<IpAddr>() {
            Ok(address) => Self::Address(SocketAddr::new(address, port)),
            Err(_) => Self::Name(host.to_owned(), port),
        }
    }

    /// Its host, as grants name it, and its port.
    pub(crate) fn parts(&self) -> (String, u16) {
        match self {
            Self::Address(address) => (address.ip().to_string(), address.port()),
            Self::Name(name, port) => (name.clone(), *port),
        }
    }

    /// Where a URL says that it is.
    pub(crate) fn of(target: &Target) -> Self {
        match target.address() {
            Some(address) => Self::Address(SocketAddr::new(address, target.port())),
            None => Self::Name(target.host().to_owned(), target.port()),
        }
    }
}

/// As URLs have it, the port always: `a.test:80`, `[::1]:80`.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => address.fmt(f),
            Self::Name(name, port) => write!(f, "{name}:{port}"),
        }
    }
}
