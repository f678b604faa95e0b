//! A request to be sent.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method};

use crate::target::Target;

/// What to ask for.
///
/// `host`, `content-length` and, where there is none, `user-agent` are added when it is sent; a `host`,
/// `content-length` or `transfer-encoding` among the headers is not, since it could say something else.
#[derive(Clone, Debug)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// The URL.
    pub target: Target,
    /// Headers beside the ones that are added.
    pub headers: HeaderMap,
    /// The body; an empty one is none.
    pub body: Bytes,
    /// How long the whole exchange may take, instead of what the configuration says. Kept to the millisecond
    /// or two that the runtime's timers are good for.
    pub timeout: Option<Duration>,
    /// How many redirects are followed at most, instead of what the configuration says. The last response is
    /// what comes of it, be it another redirect.
    pub redirects: Option<u32>,
}

impl Request {
    /// A request without headers and body, and nothing else set.
    #[must_use]
    pub fn new(method: Method, target: Target) -> Self {
        Self {
            method,
            target,
            headers: HeaderMap::new(),
            body: Bytes::new(),
            timeout: None,
            redirects: None,
        }
    }
}
