//! What becomes of a response's body as it comes.
//!
//! Whatever a connection speaks, it hands the bytes of bodies to an [`Incoming`], which does what the request
//! asked for.

use std::sync::Arc;

use bytes::BufMut as _;
use bytes::buf::Limit;
use sha2::{Digest as _, Sha256};

use crate::allowance::{Allowance, Lease};
use crate::body::at_most_usize;
use crate::digest;
use crate::download::Download;
use crate::error::Error;
use crate::redirect::led_to;
use crate::request::Request;
use crate::response::Response;

/// Memory set aside for a body because its head says that it will come; a larger one grows as it does.
const SET_ASIDE: usize = 1 << 20;

/// What is done with a response's body.
#[derive(Clone, Debug, Default)]
pub enum BodyPolicy {
    /// It is kept, up to the limit of the configuration; a larger one fails its exchange.
    #[default]
    Keep,
    /// Its bytes are counted, and forgotten.
    Discard,
    /// So many of its first bytes are kept, packed as they came; all are counted. More than the limit of the
    /// configuration are not kept.
    First(usize),
    /// Its SHA-256 is kept; its bytes are counted, and forgotten.
    Hash,
    /// It is handed over as it comes. The time that an exchange may take is then the time that may pass until the
    /// next byte.
    Stream(Download),
}

/// A body that has come in part.
#[derive(Debug)]
pub(crate) struct Incoming {
    keeps: Keeps,
    body: Vec<u8>,
    length: u64,
    allowance: Option<Allowance>,
    lease: Option<Lease>,
}

#[derive(Debug)]
enum Keeps {
    /// All; no more than this may come.
    All(usize),
    /// The first bytes.
    First(usize),
    Hash(Box<Sha256>),
    Stream(Download),
}

impl Incoming {
    /// The body that follows a head, of which at least `certain` bytes will come. Where the request asks to read it as
    /// it comes, and no other response takes its place, whoever reads gets the head now.
    ///
    /// Fails as [`new`](Self::new) does.
    pub(crate) fn begin(
        request: &Request,
        head: &Response,
        limit: usize,
        certain: u64,
    ) -> Result<Self, Error> {
        let is_last = led_to(request, head).is_none() && !digest::is_answered(request, head);
        let mut incoming = Self::new(&request.body_policy, is_last, limit, certain)?;
        incoming.allowance.clone_from(&request.allowance);
        if let Keeps::Stream(download) = &incoming.keeps {
            download.opened(head.clone(), request.target.clone());
        }
        Ok(incoming)
    }

    /// A body of which nothing has come, and at least this many bytes will. If it is not the last of its
    /// exchange, which is redirected, nobody will read it.
    ///
    /// Fails with [`Error::BodyTooLarge`] if that is more than may be kept.
    fn new(policy: &BodyPolicy, is_last: bool, limit: usize, certain: u64) -> Result<Self, Error> {
        let certain = at_most_usize(certain);
        let (keeps, set_aside) = match policy {
            BodyPolicy::Keep if certain > limit => return Err(Error::BodyTooLarge(limit)),
            BodyPolicy::Keep => (Keeps::All(limit), certain),
            BodyPolicy::First(some) => {
                let some = limit.min(*some);
                (Keeps::First(some), some.min(certain))
            }
            BodyPolicy::Hash => (Keeps::Hash(Box::default()), 0),
            BodyPolicy::Stream(download) if is_last => (Keeps::Stream(download.clone()), 0),
            BodyPolicy::Discard | BodyPolicy::Stream(_) => (Keeps::First(0), 0),
        };
        let mut body = Vec::new();
        body.reserve_exact(set_aside.min(SET_ASIDE));
        Ok(Self { keeps, body, length: 0, allowance: None, lease: None })
    }

    /// A body of which so many of the first bytes are kept.
    pub(crate) fn of_first(bytes: usize) -> Self {
        Self {
            keeps: Keeps::First(bytes),
            body: Vec::new(),
            length: 0,
            allowance: None,
            lease: None,
        }
    }

    /// How many of its bytes are kept.
    pub(crate) fn kept(&self) -> usize {
        self.body.len()
    }

    /// Takes in the next bytes.
    ///
    /// Fails with [`Error::BodyTooLarge`] if they are too many.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.length += bytes.len() as u64;
        match &mut self.keeps {
            Keeps::All(limit) if bytes.len() > limit.saturating_sub(self.body.len()) => {
                return Err(Error::BodyTooLarge(*limit));
            }
            Keeps::All(_) => self.body.extend_from_slice(bytes),
            Keeps::First(some) => {
                let more = bytes.len().min(some.saturating_sub(self.body.len()));
                self.body.extend_from_slice(&bytes[..more]);
            }
            Keeps::Hash(hash) => hash.update(bytes),
            Keeps::Stream(download) => download.push(bytes),
        }
        self.hold()
    }

    /// Counts what is kept.
    ///
    /// Fails with [`Error::BodyTooLarge`] if that is more than the client may hold.
    fn hold(&mut self) -> Result<(), Error> {
        match &self.allowance {
            Some(allowance) => allowance.hold(&mut self.lease, self.body.len()),
            None => Ok(()),
        }
    }

    /// Room for bytes that are certain to come, at least `least` of them, if they are to be kept where they are
    /// read to. [`took`](Self::took) is told how many came.
    ///
    /// Fails with [`Error::BodyTooLarge`] if they are too many.
    pub(crate) fn room(
        &mut self,
        certain: u64,
        least: usize,
    ) -> Result<Option<Limit<&mut Vec<u8>>>, Error> {
        let Keeps::All(limit) = self.keeps else { return Ok(None) };
        self.hold()?;
        let certain = at_most_usize(certain);
        if certain <= least {
            return Ok(None);
        }
        if certain > limit.saturating_sub(self.body.len()) {
            return Err(Error::BodyTooLarge(limit));
        }
        // Grows by doubling at least; what was set aside is filled first.
        if self.body.capacity() - self.body.len() < least {
            self.body.reserve(certain.min(SET_ASIDE));
        }
        Ok(Some((&mut self.body).limit(certain)))
    }

    /// So many bytes were put where there was [`room`](Self::room).
    pub(crate) fn took(&mut self, bytes: usize) {
        self.length += bytes as u64;
    }

    /// Whether more is to be read now.
    pub(crate) fn wants_more(&self) -> bool {
        match &self.keeps {
            Keeps::Stream(download) => !download.is_full(),
            Keeps::All(_) | Keeps::First(_) | Keeps::Hash(_) => true,
        }
    }

    /// How many bytes of it wait for whoever reads it as it comes.
    pub(crate) fn unread(&self) -> usize {
        match &self.keeps {
            Keeps::Stream(download) => download.waiting(),
            Keeps::All(_) | Keeps::First(_) | Keeps::Hash(_) => 0,
        }
    }

    /// Whether whoever read it does not any more.
    pub(crate) fn is_closed(&self) -> bool {
        matches!(&self.keeps, Keeps::Stream(download) if download.is_closed())
    }

    /// Puts what was kept into its response.
    pub(crate) fn finish(&mut self, response: &mut Response) {
        // What came where there was room has not been counted yet; if it is too much, the next one fails.
        let _ = self.hold();
        response.body = std::mem::take(&mut self.body);
        response.length = self.length;
        response.lease = self.lease.take().map(Arc::new);
        // What was cut cannot be unpacked.
        response.is_packed &= matches!(self.keeps, Keeps::All(_));
        if let Keeps::Hash(hash) = &mut self.keeps {
            response.sha256 = Some(hash.finalize_reset().into());
        }
    }
}

#[cfg(test)]
impl Incoming {
    /// A body that is kept up to a limit.
    pub(crate) fn keeping(limit: usize) -> Self {
        Self { keeps: Keeps::All(limit), ..Self::of_first(0) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn received(policy: &BodyPolicy, limit: usize) -> Result<Response, Error> {
        let mut incoming = Incoming::new(policy, true, limit, 3)?;
        for piece in [&b"ab"[..], b"", b"c", b"def"] {
            incoming.push(piece)?;
        }
        let mut response = Response { is_packed: true, ..Response::default() };
        incoming.finish(&mut response);
        Ok(response)
    }

    #[test]
    fn of_a_body_is_kept_what_was_asked_for_and_all_of_it_is_counted() {
        for (policy, body, is_packed) in [
            (BodyPolicy::Keep, &b"abcdef"[..], true),
            (BodyPolicy::Discard, b"", false),
            (BodyPolicy::First(0), b"", false),
            (BodyPolicy::First(4), b"abcd", false),
            (BodyPolicy::First(400), b"abcdef", false),
            (BodyPolicy::Hash, b"", false),
            (BodyPolicy::Stream(Download::default()), b"", false),
        ] {
            let response = received(&policy, 10).expect("it is not too large");
            assert_eq!(response.body, body, "{policy:?}");
            assert_eq!(response.length, 6, "{policy:?}");
            assert_eq!(response.is_packed, is_packed, "{policy:?}");
            assert_eq!(response.sha256.is_some(), matches!(policy, BodyPolicy::Hash));
        }
    }

    #[test]
    fn only_what_is_kept_whole_can_be_too_large() {
        for (policy, kept) in [
            (BodyPolicy::Keep, None),
            (BodyPolicy::Discard, Some(0)),
            (BodyPolicy::First(6), Some(5)),
            (BodyPolicy::Hash, Some(0)),
        ] {
            let length = received(&policy, 5).ok().map(|response| response.body.len());
            assert_eq!(length, kept, "{policy:?}");
        }
        let announced = Incoming::new(&BodyPolicy::Keep, true, 5, 6);
        assert_eq!(announced.err(), Some(Error::BodyTooLarge(5)));
        assert!(Incoming::new(&BodyPolicy::Discard, true, 5, 6).is_ok());
    }

    #[test]
    fn a_hash_is_that_of_all_bytes() {
        let hash = received(&BodyPolicy::Hash, 10).expect("a response").sha256.expect("a hash");
        assert_eq!(hash, <[u8; 32]>::from(Sha256::digest(b"abcdef")));
    }
}
