//! WebSockets against peers written frame by frame.
//!
//! * `ending`: sessions that are closed, that break, or whose peer is gone
//! * `handshakes`: what a peer gets to read, and may answer
//! * `packing`: `permessage-deflate`
//! * `talking`: messages and pings both ways
//! * `peer`: the peers themselves

mod ending;
mod handshakes;
mod packing;
pub(crate) mod peer;
mod talking;
