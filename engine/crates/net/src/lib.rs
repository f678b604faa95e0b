//! Metered protocol clients: what one virtual user says over the network, timed in phases and counted.
//!
//! A [`Client`] belongs to one VU and owns its connections. It spawns nothing: whoever owns it polls it
//! beside whatever else the VU does, and gets each finished [`Exchange`] exactly once, whatever became of
//! it. There is no WebAssembly in sight and nobody to report to; what an exchange means is told elsewhere.
//!
//! It speaks HTTP/1.1 (`connection`, `http1`), HTTP/2 (`http2`) and WebSocket ([`websocket`]), in the clear and by
//! TLS (`tls`). `dial` makes a `Stream` of either kind, to the target or through a `proxy`, over which a protocol goes. An exchange finds its connection
//! in `connections`, and only sees something that takes a request and gives a response.
//!
//! What a request carries (`body`) and what becomes of a response's bytes (`incoming`, `download`) is the same whatever a
//! connection speaks.
//!
//! HTTP/3 is not spoken: what there is of it for Rust calls itself experimental.
//!
//! Start with [`Client`], then `exchange`, `connections`, `connection` and `http1`, or `http2`.

mod alarm;
mod allowance;
mod body;
mod ceiling;
mod client;
mod config;
mod connecting;
mod connection;
mod connections;
mod cookies;
mod dial;
mod digest;
mod download;
mod encoding;
mod entropy;
mod error;
mod exchange;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzzing;
mod hosts;
mod http1;
mod http2;
mod incoming;
mod interim;
mod local;
mod meter;
mod per_host;
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
mod trace;
mod version;
pub mod websocket;

pub use allowance::Allowance;
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
pub use http2::Http2Code;
pub use incoming::BodyPolicy;
pub use local::LocalAddresses;
pub use per_host::PerHost;
pub use policy::{Denied, DeniedWhy, Grant, GrantedHosts, Policy};
pub use proxy::{Credentials, Direct, Proxies, Proxy, ProxyProtocol};
pub use request::Request;
pub use resolver::{AddressPolicy, AddressSelect, Dns, LookUp, Resolver};
pub use response::{Headers, Response};
pub use target::{Target, UrlError};
pub use timings::Timings;
pub use tls::{ClientCertificate, Tls, TlsProblem, TlsSettings, TlsVersion};
pub use trace::TraceContext;
pub use version::HttpVersion;
