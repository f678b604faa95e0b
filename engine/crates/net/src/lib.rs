//! Metered protocol clients: what one virtual user says over the network, timed in phases and counted.
//!
//! A [`Client`] belongs to one VU and owns its connections. It spawns nothing: whoever owns it polls it
//! beside whatever else the VU does, and gets each finished [`Exchange`] exactly once, whatever became of
//! it. There is no WebAssembly in sight and nobody to report to; what an exchange means is told elsewhere.
//!
//! Today it speaks HTTP/1.1 over plain TCP. `connection` is where TLS and other protocols join: an exchange
//! only sees a connection that takes a request and gives a response.
//!
//! Start with [`Client`], then `exchange`.

mod bell;
mod client;
mod config;
mod connection;
mod error;
mod exchange;
mod meter;
mod metered;
mod request;
mod resolver;
mod response;
mod target;
mod timings;

pub use client::{Client, ExchangeId};
pub use config::Config;
pub use error::Error;
pub use exchange::Exchange;
pub use request::Request;
pub use resolver::Resolver;
pub use response::{Body, Response};
pub use target::{Target, UrlError};
pub use timings::Timings;
