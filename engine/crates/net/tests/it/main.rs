//! The client against peers written byte by byte: what each does, and what must come of it.
//!
//! * `answers`: responses of every shape a peer may choose
//! * `bodies`: made as they are sent, held back, and read as they come
//! * `connections`: which are used again, and what a dead one costs
//! * `failures`: every way to misbehave, by its name
//! * `following`: redirects, cookies and packed bodies
//! * `http2`: what is said over HTTP/2, and over which connection
//! * `http2_endings`: streams and connections that the peer ends
//! * `http2_failures`: every way to misbehave in it, by its name
//! * `http2_limits`: what either side allows, and whose bytes and time it was
//! * `messages`: what a peer gets to read
//! * `nginx`: a server of the world out there, where it is installed
//! * `numbers`: bytes, phases, and what was on the wire
//! * `policies`: where connections may not go, by whichever road
//! * `politeness`: how much of it all one host gets at most
//! * `proxies`: those who connect in place of this machine, and what they get wrong
//! * `routes`: where connections go to and come from, and how long they are kept
//! * `times`: what happens when time runs out, on a clock that stands still
//! * `tls`: who is believed, what is spoken, and that nothing else changes by it
//! * `tls_settings`: what a run may not say of TLS
//! * `unix_sockets`: places in the file system instead of the network
//! * `websocket`: messages both ways, and peers that break the rules
//! * `peer`, `proxy_peer`, `tls_peer`, `http2_peer`: the peers themselves

mod answers;
mod bodies;
mod connections;
mod failures;
mod following;
mod http2;
mod http2_endings;
mod http2_failures;
mod http2_limits;
mod http2_peer;
mod messages;
mod nginx;
mod numbers;
mod peer;
mod policies;
mod politeness;
mod proxies;
mod proxy_peer;
mod routes;
mod times;
mod tls;
mod tls_peer;
mod tls_settings;
mod unix_sockets;
mod websocket;
