//! Where a request goes: a URL, parsed once.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;

use http::uri::PathAndQuery;
use http::{HeaderValue, Uri};

/// A parsed URL. Cloning it copies a pointer, so that a request that repeats parses nothing.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Target(Arc<Parts>);

#[derive(PartialEq, Eq, Hash)]
struct Parts {
    text: String,
    host: String,
    address: Option<IpAddr>,
    port: u16,
    https: bool,
    /// The `host` header.
    authority: HeaderValue,
    /// All of it but the fragment, for HTTP/2; its path and query are as the request line has them.
    uri: Uri,
}

/// A text is not a URL that can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// It has no scheme and host.
    #[error("it is not absolute; a URL begins with `http://` or `https://` and a host")]
    NotAbsolute,
    /// It has another scheme than HTTP's.
    #[error("its scheme is neither `http` nor `https`")]
    Scheme,
    /// It has a user name or password.
    #[error("it has a user name or password; send an `authorization` header instead")]
    UserInfo,
    /// It has a port that is none.
    #[error("its port is not a number from 1 to 65535")]
    Port,
    /// Its host is neither a name nor an address.
    #[error("its host is neither a name nor an address")]
    Host,
    /// It is longer than can be sent.
    #[error("it is longer than {LONGEST} bytes")]
    TooLong,
    /// It has characters that no URL may have.
    #[error("it has characters that a URL may not have; encode them with `%`")]
    Characters,
}

/// The longest URL: what `http::Uri` takes is 64 KiB less two bytes.
const LONGEST: usize = 65_000;

impl Target {
    /// Parses an absolute `http:` or `https:` URL. A fragment is not part of what is asked for and is left
    /// out. What is not ASCII must come encoded (`%C3%A4`): servers do not agree on what else it could mean.
    ///
    /// Fails with the [`UrlError`] that says what is wrong with the text.
    pub fn parse(text: &str) -> Result<Self, UrlError> {
        // Spaces and control characters could end the request line early; nothing later sees them.
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(UrlError::Characters);
        }
        if text.len() > LONGEST {
            return Err(UrlError::TooLong);
        }
        let text = text.split('#').next().unwrap_or(text);
        let (scheme, rest) = text.split_once("://").ok_or(UrlError::NotAbsolute)?;
        let https = match scheme.to_ascii_lowercase().as_str() {
            "http" => false,
            "https" => true,
            _ => return Err(UrlError::Scheme),
        };
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        if authority.contains('@') {
            return Err(UrlError::UserInfo);
        }
        let (host, port) = split_port(authority, if https { 443 } else { 80 })?;
        if host.is_empty() {
            return Err(UrlError::NotAbsolute);
        }
        let path = match path {
            "" => "/".to_owned(),
            query if query.starts_with('?') => format!("/{query}"),
            path => path.to_owned(),
        };
        // The parser of the HTTP library decides what a host and a path may consist of.
        let whole = format!("{}://{authority}{path}", if https { "https" } else { "http" });
        let uri = whole.parse::<Uri>().map_err(|_| UrlError::Characters)?;
        if uri.path_and_query().is_none() {
            return Err(UrlError::Characters);
        }
        // Brackets hold an IPv6 address and nothing else.
        let (plain, address) = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']'))
        {
            None => (host, host.parse().ok()),
            Some(plain) => match plain.parse::<Ipv6Addr>() {
                Ok(address) => (plain, Some(address.into())),
                Err(_) => return Err(UrlError::Host),
            },
        };
        Ok(Self(Arc::new(Parts {
            text: text.to_owned(),
            host: plain.to_owned(),
            address,
            port,
            https,
            authority: HeaderValue::from_str(authority).map_err(|_| UrlError::Characters)?,
            uri,
        })))
    }

    /// The URL, without a fragment.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0.text
    }

    /// The host's name or address, without the brackets of an IPv6 address.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.0.host
    }

    /// The host's address, where the URL has one instead of a name.
    #[must_use]
    pub fn address(&self) -> Option<IpAddr> {
        self.0.address
    }

    /// Whether it is to be asked for by TLS.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.0.https
    }

    /// The port; 80 where the URL has none, and 443 for `https`.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.0.port
    }

    pub(crate) fn authority(&self) -> &HeaderValue {
        &self.0.authority
    }

    pub(crate) fn path(&self) -> &str {
        self.0.uri.path_and_query().map_or("/", PathAndQuery::as_str)
    }

    /// The URL in parts, without a fragment.
    pub(crate) fn uri(&self) -> &Uri {
        &self.0.uri
    }

    /// Whether a connection to one serves the other.
    pub(crate) fn same_peer(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
            || (self.0.port == other.0.port
                && self.0.https == other.0.https
                && self.0.host.eq_ignore_ascii_case(&other.0.host))
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Target({})", self.0.text)
    }
}

fn split_port(authority: &str, default: u16) -> Result<(&str, u16), UrlError> {
    // The colons of an IPv6 address stand in brackets.
    let after = authority.rfind(']').map_or(0, |bracket| bracket + 1);
    match authority[after..].rfind(':') {
        None => Ok((authority, default)),
        Some(colon) => {
            let (host, port) = authority.split_at(after + colon);
            let digits = &port[1..];
            match digits.parse::<u16>() {
                Ok(port) if port > 0 && digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                    Ok((host, port))
                }
                _ => Err(UrlError::Port),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_taken_apart() {
        for (text, host, port, path, authority) in [
            ("http://example.test", "example.test", 80, "/", "example.test"),
            ("http://example.test:8080/a?b=c", "example.test", 8080, "/a?b=c", "example.test:8080"),
            ("HTTP://example.test?x", "example.test", 80, "/?x", "example.test"),
            ("http://[::1]:9/p#frag", "::1", 9, "/p", "[::1]:9"),
            ("http://127.0.0.1/%20", "127.0.0.1", 80, "/%20", "127.0.0.1"),
            ("http://localhost:80", "localhost", 80, "/", "localhost:80"),
            ("https://example.test/a", "example.test", 443, "/a", "example.test"),
            ("HTTPS://example.test:80", "example.test", 80, "/", "example.test:80"),
            ("http://example.test#?/x", "example.test", 80, "/", "example.test"),
            (
                "http://example.test/a//../b?c=/d?e",
                "example.test",
                80,
                "/a//../b?c=/d?e",
                "example.test",
            ),
        ] {
            let target = Target::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(target.host(), host, "{text}");
            assert_eq!(target.port(), port, "{text}");
            assert_eq!(target.path(), path, "{text}");
            assert_eq!(target.authority(), authority, "{text}");
        }
    }

    #[test]
    fn what_cannot_be_asked_for_is_refused_with_the_reason() {
        let too_long = &format!("http://example.test/{}", "a".repeat(LONGEST));
        for (text, error) in [
            ("", UrlError::NotAbsolute),
            ("/path", UrlError::NotAbsolute),
            ("example.test/path", UrlError::NotAbsolute),
            ("http://", UrlError::NotAbsolute),
            ("http:///path", UrlError::NotAbsolute),
            ("http://:80/", UrlError::NotAbsolute),
            ("httpss://example.test/", UrlError::Scheme),
            ("ftp://example.test/", UrlError::Scheme),
            ("http://ada:secret@example.test/", UrlError::UserInfo),
            ("http://example.test:0/", UrlError::Port),
            ("http://example.test:99999/", UrlError::Port),
            ("http://example.test:+80/", UrlError::Port),
            ("http://example.test:/", UrlError::Port),
            ("http://example.test/a b", UrlError::Characters),
            ("http://example.test/\r\nx: y", UrlError::Characters),
            ("http://example.test/\0", UrlError::Characters),
            ("http://exa<mple.test/", UrlError::Characters),
            ("http://example.test/\r\n\r\nGET / HTTP/1.1", UrlError::Characters),
            ("http://example.test\r\nx: y/", UrlError::Characters),
            ("http://example.test/?a=\n", UrlError::Characters),
            ("http://example.test/\t", UrlError::Characters),
            ("http://example.test/\u{7f}", UrlError::Characters),
            ("http://example.test/\u{e4}", UrlError::Characters),
            ("http://ex\u{e4}mple.test/", UrlError::Characters),
            ("http://example.test\\path", UrlError::Characters),
            ("http://a%20b/", UrlError::Characters),
            ("http://[::1/", UrlError::Characters),
            ("http://[localhost]/", UrlError::Host),
            ("http://[127.0.0.1]/", UrlError::Host),
            (too_long, UrlError::TooLong),
        ] {
            assert_eq!(Target::parse(text), Err(error), "{text:?}");
        }
    }

    #[test]
    fn a_connection_serves_every_path_of_its_host_and_port() {
        let target = |text| Target::parse(text).expect("a URL");
        assert!(target("http://a.test/x").same_peer(&target("http://A.test:80/y")));
        assert!(!target("http://a.test/x").same_peer(&target("http://a.test:81/x")));
        assert!(!target("http://a.test:443/x").same_peer(&target("https://a.test/x")));
        assert!(!target("http://a.test/x").same_peer(&target("http://b.test/x")));
    }
}
