//! TLS: who is believed, what is spoken, and the records between a socket and a protocol.
//!
//! The cryptography and the protocol are rustls'; what is here is how a load test holds it. A connection is
//! driven by the task that reads and writes it, as one in the clear is. Records pass through buffers of the
//! thread, so that an idle connection holds its keys and no buffer. What a run says of TLS ([`TlsSettings`])
//! is checked once, before it starts ([`Tls::new`]).
//!
//! Only HTTP/1.1 is offered to servers (ALPN, in `settings`): where another protocol is to be, that list
//! grows, and what the server chose decides in `dial`.

mod error;
mod settings;
mod stream;
mod trust;

pub use settings::{ClientCertificate, Tls, TlsProblem, TlsSettings, TlsVersion};

pub(crate) use error::from_tls;
pub(crate) use settings::Sessions;
pub(crate) use stream::TlsStream;
