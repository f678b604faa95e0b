//! Where a WebSocket is: a `ws:` URL is an `http:` one with another first word, and a `wss:`
//! URL an `https:` one (RFC 6455 §3).

use crate::target::{Target, UrlError as HttpUrlError};

/// A text is not a URL that can be connected to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// It has no scheme and host.
    #[error("it is not absolute; a URL begins with `ws://` or `wss://` and a host")]
    NotAbsolute,
    /// It has another scheme than WebSocket's.
    #[error("its scheme is neither `ws` nor `wss`")]
    Scheme,
    /// What follows the scheme is wrong.
    #[error(transparent)]
    Rest(HttpUrlError),
}

impl From<HttpUrlError> for UrlError {
    fn from(error: HttpUrlError) -> Self {
        match error {
            HttpUrlError::NotAbsolute => Self::NotAbsolute,
            HttpUrlError::Scheme => Self::Scheme,
            rest => Self::Rest(rest),
        }
    }
}

/// Parses an absolute `ws:` or `wss:` URL by the rules of [`Target::parse`].
///
/// Fails with the [`UrlError`] that says what is wrong with the text.
pub fn parse_url(text: &str) -> Result<Target, UrlError> {
    let Some((scheme, rest)) = text.split_once("://") else {
        return Err(UrlError::NotAbsolute);
    };
    let scheme = match scheme.to_ascii_lowercase().as_str() {
        "ws" => "http",
        "wss" => "https",
        _ => return Err(UrlError::Scheme),
    };
    Ok(Target::parse(&format!("{scheme}://{rest}"))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_taken_apart_as_one_of_http_is() {
        for text in ["ws://example.test:8080/a?b=c#d", "WS://example.test:8080/a?b=c"] {
            let target = parse_url(text).expect("a URL");
            let parts = (target.host(), target.port(), target.path());
            assert_eq!(parts, ("example.test", 8080, "/a?b=c"), "{text}");
        }
    }

    #[test]
    fn what_cannot_be_connected_to_is_refused_with_the_reason() {
        for (text, error) in [
            ("", UrlError::NotAbsolute),
            ("example.test/chat", UrlError::NotAbsolute),
            ("ws://", UrlError::NotAbsolute),
            ("http://example.test/", UrlError::Scheme),
            ("https://example.test/", UrlError::Scheme),
            ("ws://example.test:0/", UrlError::Rest(HttpUrlError::Port)),
            ("ws://ada@example.test/", UrlError::Rest(HttpUrlError::UserInfo)),
            ("ws://example.test/a b", UrlError::Rest(HttpUrlError::Characters)),
            ("ws://example.test/\r\nx: y", UrlError::Rest(HttpUrlError::Characters)),
            ("ws://example.test/\0", UrlError::Rest(HttpUrlError::Characters)),
        ] {
            assert_eq!(parse_url(text), Err(error), "{text:?}");
        }
    }

    #[test]
    fn what_asks_for_tls_gets_it() {
        let target = parse_url("WSS://example.test/chat").expect("a URL");
        assert!(target.is_https());
        assert_eq!((target.host(), target.port()), ("example.test", 443));
        assert!(!parse_url("ws://example.test/").expect("a URL").is_https());
    }
}
