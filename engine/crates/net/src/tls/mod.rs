//! TLS: who is believed, what is spoken, and the records between a socket and a protocol.
//!
//! The cryptography and the protocol are rustls'; what is here is how a load test holds it. A connection is
//! driven by the task that reads and writes it, as one in the clear is. Records pass through buffers of the
//! thread, so that an idle connection holds its keys and no buffer. What a run says of TLS ([`TlsSettings`])
//! is checked once, before it starts ([`Tls::new`]).
//!
//! What is to be spoken over it is agreed on with the server in the handshake (ALPN): what it may choose from is
//! said by whoever dials (`version`), what it chose decides in `exchange`.

mod error;
mod settings;
mod stream;
mod trust;

pub use settings::{ClientCertificate, Tls, TlsProblem, TlsSettings, TlsVersion};

pub(crate) use error::{from_tls, refuses_protocols};
pub(crate) use settings::Sessions;
pub(crate) use stream::TlsStream;
