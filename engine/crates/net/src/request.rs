//! A request to be sent.

use std::time::Duration;

use http::header::EXPECT;
use http::{HeaderMap, HeaderValue, Method};

use crate::allowance::Allowance;
use crate::body::Body;
use crate::digest::Digest;
use crate::incoming::BodyPolicy;
use crate::target::Target;
use crate::trace::TraceContext;
use crate::version::HttpVersion;

/// What to ask for.
///
/// `host`, `content-length` and, where there is none, `user-agent` are added when it is sent; a `host`,
/// `content-length` or `transfer-encoding` among the headers is not, since it could say something else. Nor are by
/// HTTP/2 those that are of one connection (`connection`, `upgrade`; RFC 9113 §8.2.2).
#[derive(Clone, Debug)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// The URL.
    pub target: Target,
    /// Headers beside the ones that are added. With `expect: 100-continue` the body is held back until the peer says
    /// that it wants it (RFC 9110 §10.1.1), or has said nothing for a second; without a body it is left out.
    pub headers: HeaderMap,
    /// The body; an empty one is none.
    pub body: Body,
    /// What is done with the response's body.
    pub body_policy: BodyPolicy,
    /// Who to be when the peer asks; the `authorization` that answers it takes the place of any other.
    pub digest: Option<Digest>,
    /// How long the whole exchange may take, instead of what the configuration says. Kept to the millisecond
    /// or two that the runtime's timers are good for.
    pub timeout: Option<Duration>,
    /// How long it may take until there is a connection, instead of what the configuration says: its name, TCP,
    /// a proxy and TLS together, for each connection that is made for it.
    pub connect_timeout: Option<Duration>,
    /// How long the peer may take from the request's last byte to the response's first, if less than all of that.
    pub first_byte_timeout: Option<Duration>,
    /// How many redirects are followed at most, instead of what the configuration says. The last response is
    /// what comes of it, be it another redirect.
    pub redirects: Option<u32>,
    /// Whether the client leaves to its caller what browsers do by themselves: no cookies are added or kept, no
    /// redirect is followed, and a packed body stays packed.
    pub verbatim: bool,
    /// The version of HTTP that it is made with, instead of what the configuration says.
    pub version: Option<HttpVersion>,
    /// Where the bytes of its response count; a client that makes it puts its own here.
    pub allowance: Option<Allowance>,
    /// Its place in a trace; the client that makes it sets this, if it is [chosen](crate::Config::traced_share).
    pub trace: Option<TraceContext>,
}

impl Request {
    /// A request without headers and body, and nothing else set.
    #[must_use]
    pub fn new(method: Method, target: Target) -> Self {
        Self {
            method,
            target,
            headers: HeaderMap::new(),
            body: Body::default(),
            body_policy: BodyPolicy::default(),
            digest: None,
            timeout: None,
            connect_timeout: None,
            first_byte_timeout: None,
            redirects: None,
            verbatim: false,
            version: None,
            allowance: None,
            trace: None,
        }
    }

    /// Whether the body waits until the peer asks for it.
    pub(crate) fn holds_back(&self) -> bool {
        let expects = |value: &HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"100-continue");
        !self.body.is_empty() && self.headers.get(EXPECT).is_some_and(expects)
    }
}
