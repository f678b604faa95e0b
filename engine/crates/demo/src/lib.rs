//! The demo target: a small shop over HTTP/1.1 and HTTP/2 to try scripts on, with faults to order.
//!
//! In the clear or by TLS, a client that begins as HTTP/2 begins is answered so, and any other over HTTP/1.1.
//!
//! It is what README, the tests and the benches load. [`Demo`] is the server, [`Faults`] how badly it
//! behaves, and [`Record`] what it saw, so that a test can count on the other side of the wire. It guards
//! nothing, keeps nothing, and is no model of how to write a server.
//!
//! | page | answer |
//! | --- | --- |
//! | `GET /` | a small HTML page |
//! | `GET /health` | `{"status":"up"}`, whatever the faults |
//! | `GET /catalogue?page=N` | twenty products a page, from page 1 |
//! | `GET /products/{id}` | one product |
//! | `POST /login` | `{"user","password"}` in, `{"token"}` out; the password `wrong` is 401 |
//! | `GET /cart`, `POST /cart` | the cart; adds `{"product","quantity"}`; both need `Authorization: Bearer …` |
//! | `POST /checkout` | empties the cart and gives an order number; needs the token too |
//!
//! Test aids, which no fault touches and any method reaches:
//!
//! | page | answer |
//! | --- | --- |
//! | `/bytes/{n}` | n bytes with a `content-length` |
//! | `/drip/{n}` | n bytes, each a chunk and a write of its own |
//! | `/redirect/{n}` | 302 to `/redirect/{n-1}`, and from `/redirect/0` to `/echo` |
//! | `/status/{code}` | that status, 200 to 599 |
//! | `/delay/{milliseconds}` | 200 after that time |
//! | `/echo` | what it saw of the request, as JSON |
//! | `/upload` | the length and checksum of a body of any size, as JSON |
//! | `/events/{milliseconds}` | events so far apart, from after `last-event-id` on; with `?count=N` so many, and with `&break=1` the connection breaks then |
//! | `POST /v1/chat/completions` | a language model's stream of `max_tokens` tokens, as OpenAI has it; `?first=50&gap=10` milliseconds |
//! | `/headers` | headers that are repeated, empty, long, and not text |
//! | `/ws/echo` | by WebSocket: each message back; the handshake sets a cookie, as everywhere under `/ws` |
//! | `/ws/chat` | by WebSocket: each message to everybody there, the sender too |
//! | `/ws/ticker/{milliseconds}` | by WebSocket: `tick 1`, `tick 2`, … so far apart |
//! | `/ws/close/{code}` | by WebSocket: a close frame with this code, 1000 to 4999, at once |
//! | `/close`, `/reset` | nothing: the connection is closed, or reset; by HTTP/2, only the stream is reset |
//! | `GET /record`, `DELETE /record` | [`Record`] as JSON, not itself counted; starts it anew |
//!
//! Start with `server.rs`, then `site.rs`.

mod aids;
mod answer;
mod capacity;
mod dice;
mod duration;
mod events;
mod faults;
mod io;
mod latency;
mod record;
mod route;
mod server;
mod shop;
mod site;
mod stall;
mod tls;
mod websocket;

pub use capacity::Capacity;
pub use faults::{ErrorRate, FaultError, Faults, FaultsError};
pub use latency::Latency;
pub use record::{Answers, Record};
pub use server::{Demo, RunningDemo};
pub use stall::Stall;
