//! A response that has arrived whole.

use std::fmt;
use std::sync::Arc;

use http::{StatusCode, Version};

use crate::allowance::{Allowance, Lease};
use crate::error::Error;

/// What came back.
#[derive(Clone, Debug, Default)]
pub struct Response {
    /// The status.
    pub status: StatusCode,
    /// The version of HTTP that the peer spoke.
    pub version: Version,
    /// The headers.
    pub headers: Headers,
    /// The body, without the marks that chunks have on the wire: all of it, unpacked, or what the request asked to
    /// keep.
    pub body: Vec<u8>,
    /// How many bytes the body has, kept or not; of one that was kept whole, unpacked.
    pub length: u64,
    /// The SHA-256 of the body as it came, if the request asked for it.
    pub sha256: Option<[u8; 32]>,
    /// Whether it sets cookies: most do not, and are not looked through for them.
    pub(crate) sets_cookies: bool,
    /// Whether its body is packed.
    pub(crate) is_packed: bool,
    /// What its body counts for its client.
    pub(crate) lease: Option<Arc<Lease>>,
}

impl Response {
    /// Its body has become another.
    ///
    /// Fails with [`Error::BodyTooLarge`] if its client holds more than it may.
    pub(crate) fn count_again(&mut self, allowance: &Allowance) -> Result<(), Error> {
        self.lease = None;
        let mut lease = None;
        let held = allowance.hold(&mut lease, self.body.len());
        self.lease = lease.map(Arc::new);
        held
    }

    /// Its body is counted by whoever has it, and not among those that its client holds any more.
    pub fn take_over(&mut self) {
        self.lease = None;
    }
}

/// The headers of a response in the order they came, as they stood on the wire until somebody reads them:
/// most are never read.
#[derive(Clone, Default)]
pub struct Headers(Box<[u8]>);

impl Headers {
    /// The headers in a head, which has been found to be one.
    pub(crate) fn new(head: &[u8]) -> Self {
        Self(head.into())
    }

    /// How many bytes they take.
    #[must_use]
    pub fn size(&self) -> usize {
        self.0.len()
    }

    /// Each header: its name, in the letters the peer used, and its value, which need not be text.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        // The first line is the status.
        self.0.split(|&byte| byte == b'\n').skip(1).filter_map(|line| {
            let colon = line.iter().position(|&byte| byte == b':')?;
            let name = str::from_utf8(line[..colon].trim_ascii()).ok()?;
            Some((name, line[colon + 1..].trim_ascii()))
        })
    }

    /// The values of all headers of a name, whatever the case of its letters.
    pub fn get_all(&self, name: &str) -> impl Iterator<Item = &[u8]> {
        self.iter()
            .filter(move |(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }

    /// The first value of a name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        self.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }
}

impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map()
            .entries(self.iter().map(|(name, value)| (name, value.escape_ascii().to_string())))
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_found_by_name_whatever_the_case_and_come_in_order() {
        let headers = Headers::new(
            b"HTTP/1.1 200 OK: fine\r\nSet-Cookie: a=1\r\nx-odd:\xff \r\nset-cookie:b=2; c:d\nempty:\r\n\r\n",
        );
        let cookies: Vec<_> = headers.get_all("SET-COOKIE").collect();
        assert_eq!(cookies, [&b"a=1"[..], b"b=2; c:d"]);
        assert_eq!(headers.get("x-odd"), Some(&b"\xff"[..]));
        assert_eq!(headers.get("empty"), Some(&b""[..]));
        assert_eq!(headers.get("http/1.1 200 ok"), None);
        let names: Vec<_> = headers.iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["Set-Cookie", "x-odd", "set-cookie", "empty"]);
        assert_eq!(Headers::default().iter().count(), 0);
    }
}
