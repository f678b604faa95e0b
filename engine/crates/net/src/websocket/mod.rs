//! WebSocket (RFC 6455): connections that stay, and messages both ways.
//!
//! A [`Socket`] is one connection from the wish for it to its end. Like the HTTP client it spawns nothing:
//! whoever owns it polls it beside whatever else the VU does, and is told what is new. It dials as HTTP does
//! (`dial`), shakes hands by one HTTP request (`shaking`), and then speaks in frames (`session`). While nobody
//! says anything it holds no buffer.
//!
//! Messages are packed where that is asked for and the peer agrees (`deflate`); there are no other extensions. What
//! a message answers, and what is counted under which name, is told elsewhere. So are cookies: whoever makes a
//! handshake adds them to its headers, and finds in those of the answer which to keep.
//!
//! Handshakes wait for no [`Ceiling`](crate::Ceiling): in k6 too, `rps` is for requests.
//!
//! The framing is our own, as HTTP's is and for the same reasons: libraries keep a buffer to read and one to
//! write for each connection, 4 to 128 KiB, where ten thousand idle ones should hold none.

mod decoder;
mod deflate;
mod error;
mod frame;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod handshake;
mod inbox;
mod session;
mod shaking;
mod socket;
mod url;
mod wire;

pub use error::Error;
pub use frame::{Close, Message};
pub use handshake::{Handshake, Subprotocol};
pub use inbox::Received;
pub use socket::{End, News, Socket};
pub use url::{UrlError, parse_url};
