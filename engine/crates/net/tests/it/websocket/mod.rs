//! WebSockets against peers written frame by frame.
//!
//! * `conformance`: the Autobahn test suite's cases, and what must come of each
//! * `ending`: sessions that are closed, that break, or whose peer is gone
//! * `handshakes`: what a peer gets to read, and may answer
//! * `packing`: `permessage-deflate`
//! * `talking`: messages and pings both ways
//! * `peer`: the peers themselves
//! * `utf8`: what text is and what not

mod conformance;
mod ending;
mod handshakes;
mod packing;
pub(crate) mod peer;
mod talking;
mod utf8;
