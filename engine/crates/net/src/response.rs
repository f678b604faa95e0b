//! A response that has arrived whole.

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, StatusCode, Version};

/// What came back.
#[derive(Debug)]
pub struct Response {
    /// The status.
    pub status: StatusCode,
    /// The version of HTTP that the peer spoke.
    pub version: Version,
    /// The headers in the order they came; names in lower case.
    pub headers: HeaderMap,
    /// The body.
    pub body: Body,
}

/// A body, in the pieces in which it came until somebody reads it.
#[derive(Debug, Default)]
pub struct Body {
    first: Bytes,
    more: Vec<Bytes>,
    /// Small pieces that came last, put together.
    tail: BytesMut,
    length: usize,
}

/// Pieces smaller than this are copied together: a peer that sends single bytes must not make each of them
/// cost a list entry. Larger ones stay where they were read to. Arbitrary.
const SMALL: usize = 4096;

impl Body {
    pub(crate) fn push(&mut self, piece: Bytes) {
        self.length += piece.len();
        if self.first.is_empty() {
            self.first = piece;
        } else if piece.len() < SMALL {
            self.tail.extend_from_slice(&piece);
        } else {
            if !self.tail.is_empty() {
                self.more.push(self.tail.split().freeze());
            }
            self.more.push(piece);
        }
    }

    /// Its length in bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.length
    }

    /// Whether it has no bytes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// All of it in one piece. Put together the first time it is asked for, if it came in several.
    pub fn bytes(&mut self) -> Bytes {
        if self.first.len() < self.length {
            let mut whole = BytesMut::with_capacity(self.length);
            whole.extend_from_slice(&self.first);
            for piece in self.more.drain(..) {
                whole.extend_from_slice(&piece);
            }
            whole.extend_from_slice(&self.tail);
            self.more = Vec::new();
            self.tail = BytesMut::new();
            self.first = whole.freeze();
        }
        self.first.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_of_any_size_come_back_in_order() {
        for sizes in [
            &[][..],
            &[0],
            &[3],
            &[0, 3],
            &[3, 0, 4],
            &[SMALL, 1, 1, SMALL, 1],
            &[1, SMALL - 1, SMALL, SMALL + 1, 2],
        ] {
            let (mut body, mut expected) = (Body::default(), Vec::new());
            for (number, &size) in (0u8..).zip(sizes) {
                body.push(vec![number; size].into());
                expected.extend(vec![number; size]);
            }
            assert_eq!(body.len(), expected.len(), "{sizes:?}");
            assert_eq!(body.is_empty(), expected.is_empty(), "{sizes:?}");
            assert_eq!(body.bytes(), expected, "{sizes:?}");
            assert_eq!(body.bytes(), expected, "{sizes:?}, asked again");
        }
    }

    #[test]
    fn single_bytes_are_not_kept_singly() {
        let mut body = Body::default();
        for _ in 0..10_000 {
            body.push(Bytes::from_static(b"x"));
        }
        assert_eq!((body.len(), body.more.len()), (10_000, 0));
    }
}
