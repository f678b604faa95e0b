//! HTTP/1.1 as bytes: what a request looks like on the wire, and where a response begins and ends.
//!
//! Written for one purpose, and so without what a general client needs: a message is encoded into a buffer
//! that the thread keeps, a response is parsed where it was read to, and an idle connection holds no buffer
//! at all. There is no socket in here; `connection` has it. The grammar of heads is `httparse`'s.
//!
//! Source: RFC 9112. Where it leaves a choice, the stricter one that servers in use still satisfy.

mod body;
mod head;
mod known;
mod request;

pub(crate) use body::Decoder;
pub(crate) use head::{HEAD_LIMIT, Head, has_end};
pub(crate) use known::parse;
pub(crate) use request::{encode_head, expects_body};
