//! Metered protocol clients: what one virtual user says over the network, timed in phases and counted.
//!
//! A [`Client`] belongs to one VU and owns its connections. It spawns nothing: whoever owns it polls it
//! beside whatever else the VU does, and gets each finished [`Exchange`] exactly once, whatever became of
//! it. There is no WebAssembly in sight and nobody to report to; what an exchange means is told elsewhere.
//!
//! Today it speaks HTTP/1.1 and WebSocket ([`websocket`]), in the clear and by TLS (`tls`). `dial` makes a `Stream` of
//! either kind, to the target or through a `proxy`, over which a protocol goes; `connection` is where other versions of HTTP join: an exchange only sees
//! a connection that takes a request and gives a response.
//!
//! What a request carries (`body`) and what becomes of a response's bytes (`incoming`, `download`) is the same whatever a
//! connection speaks.
//!
//! Start with [`Client`], then `exchange`, `connection` and `http1`.

mod alarm;
mod base64;
mod body;
mod ceiling;
mod client;
mod config;
mod connecting;
mod connection;
mod cookies;
mod dial;
mod digest;
mod download;
mod encoding;
mod entropy;
mod error;
mod exchange;
mod hosts;
mod http1;
mod incoming;
mod local;
mod meter;
mod place;
mod policy;
mod proxy;
mod redirect;
mod request;
mod resolver;
mod response;
mod route;
mod socket;
pub mod sse;
mod stream;
mod target;
mod timings;
mod tls;
pub mod websocket;

pub use body::{Body, Chain, FileSource, RandomSource, Source};
pub use ceiling::Ceiling;
pub use client::{Client, ExchangeId};
pub use config::{Config, Reuse};
pub use digest::Digest;
pub use download::{Chunk, Download, Next, Opened};
pub use encoding::Encoding;
pub use error::Error;
pub use exchange::Exchange;
pub use hosts::{ConnectTo, HostOverride, Hosts, Instead};
pub use incoming::BodyPolicy;
pub use local::LocalAddresses;
pub use policy::{Denied, Grant, GrantedHosts, Policy};
pub use proxy::{Credentials, Direct, Proxies, Proxy, ProxyProtocol};
pub use request::Request;
pub use resolver::{AddressPolicy, AddressSelect, Dns, Resolver};
pub use response::{Headers, Response};
pub use target::{Target, UrlError};
pub use timings::Timings;
pub use tls::{ClientCertificate, Tls, TlsProblem, TlsSettings, TlsVersion};
