//! The door for the fuzz target of frames: see [`crate::fuzzing`].

use super::decoder::{Arrived, Decoder, Violation};
use super::deflate::Deflate;

/// The largest message.
const LIMIT: usize = 1 << 20;

/// Reads frames whole and in pieces, with messages that may be packed and without: the same comes of them.
pub fn messages(piece: usize, bytes: &[u8]) {
    for packed in [false, true] {
        assert_eq!(arrived(packed, bytes, bytes.len()), arrived(packed, bytes, piece));
    }
}

/// What comes whole before the rules are broken, if they are, and how.
fn arrived(packed: bool, bytes: &[u8], piece: usize) -> (Vec<Arrived>, Option<Violation>) {
    let offered = b"permessage-deflate; server_no_context_takeover";
    let agreed = || Deflate::agreed([&offered[..]].into_iter()).expect("it was offered");
    let mut decoder = Decoder::new(LIMIT, packed.then(agreed).flatten());
    let mut all = Vec::new();
    for mut part in bytes.chunks(piece.max(1)) {
        loop {
            match decoder.decode(&mut part) {
                Ok(Some(arrived)) => all.push(arrived),
                Ok(None) => break,
                Err(violation) => return (all, Some(violation)),
            }
        }
        assert!(part.is_empty(), "what is not taken is lost");
    }
    (all, None)
}
