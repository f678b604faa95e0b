//! HTTP/2 (RFC 9113): many exchanges over one connection.
//!
//! Frames, the packing of heads and flow control are the library's, `h2`; what is here is how a load test holds it.
//! A [`Connection`] is polled by the task of its VU and by nobody else, like everything in this crate: no task is
//! spawned for it, and what the library would wake a task for is seen when the VU looks next (`connection`). Each
//! exchange is a [`Stream`]: its request goes out as the peer's windows allow, its response comes in as fast as it
//! is taken (`stream`). Between the library and the socket sits a `Wire`, which reads the heads of frames as they
//! pass and keeps a `Ledger` of whose bytes went when: the library does not say when the last byte of a request
//! was written, and that is where sending ends.
//!
//! Which exchange goes over which connection is decided in `connections`, and what a failure means in `exchange`.
//! Server push is not allowed to servers, and priorities are not sent: browsers' have been abandoned by RFC 9113.

mod connection;
mod error;
mod ledger;
mod request;
mod stream;
mod wire;

pub(crate) use connection::{Connection, NoStream};
pub(crate) use error::{Failed, Fate};
pub(crate) use stream::Stream;

pub use error::Http2Code;

/// How much of a response may come that nobody has taken: Go's, and with it k6's. Smaller ones would slow down
/// responses over distances where a load test's own limits must not be what is measured.
const STREAM_WINDOW: u32 = 4 << 20;
/// The same of all responses of a connection together: as much as makes no difference, as Go's, so that a response
/// that nobody takes holds up none of the others.
const CONNECTION_WINDOW: u32 = 1 << 30;
/// Heads up to so many times what may be are taken in, to be refused by their size: the library refuses larger ones,
/// and does not say why.
const TOLD: usize = 4;
/// Streams that are begun before a peer has said for the first time how many it allows: what it should allow at least (RFC 9113
/// §6.5.2), and what browsers assume.
const STREAMS_AT_FIRST: usize = 100;
/// Streams that were given up and whose late frames are known as such, and not taken for a peer's mistakes: as
/// many as a VU can have requests.
const GIVEN_UP: usize = 1_000;
/// How long those are known.
const GIVEN_UP_FOR: std::time::Duration = std::time::Duration::from_secs(30);
/// How much of a request is with the library at once, and so in memory twice at most.
const SENDING: usize = 256 << 10;
/// Reads from a connection before its exchanges have their turn. Arbitrary.
const READS: u32 = 16;
