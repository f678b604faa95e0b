//! Which version of HTTP is spoken with a server, and what it is offered.

/// The version of HTTP that a request is made with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum HttpVersion {
    /// By TLS what the server chooses of HTTP/2 and HTTP/1.1 (ALPN, RFC 7301), as browsers do; in the clear
    /// HTTP/1.1, as they do too.
    #[default]
    Auto,
    /// HTTP/1.1.
    Http11,
    /// HTTP/2: by TLS it is all that is offered, in the clear it is spoken without asking (RFC 9113 §3.3).
    Http2,
}

/// What a connection may speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Offer {
    /// HTTP/1.1 only: what WebSocket needs too.
    Http1,
    /// HTTP/2 only.
    Http2,
    /// Whichever of the two the server chooses.
    Either,
}

impl Offer {
    pub(crate) const ALL: [Self; 3] = [Self::Http1, Self::Http2, Self::Either];

    /// What a connection for such a request may speak.
    pub(crate) fn of(version: HttpVersion, is_https: bool) -> Self {
        match version {
            HttpVersion::Http2 => Self::Http2,
            HttpVersion::Auto if is_https => Self::Either,
            HttpVersion::Auto | HttpVersion::Http11 => Self::Http1,
        }
    }

    /// The names that TLS has for it, the best first.
    pub(crate) fn protocols(self) -> &'static [&'static [u8]] {
        match self {
            Self::Http1 => &[b"http/1.1"],
            Self::Http2 => &[H2],
            Self::Either => &[H2, b"http/1.1"],
        }
    }
}

/// HTTP/2 by TLS.
pub(crate) const H2: &[u8] = b"h2";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clear_is_http_1_unless_somebody_knows_better() {
        for (version, https, offer) in [
            (HttpVersion::Auto, true, Offer::Either),
            (HttpVersion::Auto, false, Offer::Http1),
            (HttpVersion::Http11, true, Offer::Http1),
            (HttpVersion::Http11, false, Offer::Http1),
            (HttpVersion::Http2, true, Offer::Http2),
            (HttpVersion::Http2, false, Offer::Http2),
        ] {
            assert_eq!(Offer::of(version, https), offer, "{version:?} {https}");
        }
    }
}
