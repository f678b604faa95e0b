//! Doors for the fuzz targets of `tests/fuzz` to what nobody else calls by itself. Behind the feature `fuzzing`, and no
//! part of the interface.

use http::{HeaderMap, Method};

use crate::cookies::Jar;
use crate::encoding::unpack;
use crate::error::Error;
use crate::http1::parse;
use crate::incoming::Incoming;
use crate::response::{Headers, Response};
use crate::target::Target;

pub use crate::websocket::fuzzing::messages;

/// The most bytes that are kept of a body.
const LIMIT: usize = 1 << 20;

/// Takes in the cookies of a head, and sends them back: what the target gets is one header's value.
pub fn cookies(bytes: &[u8]) {
    let target = Target::parse("https://shop.test/basket/").expect("it is a URL");
    let mut jar = Jar::default();
    for head in bytes.split(|&byte| byte == 0) {
        jar.take(&target, &Headers::new(&[b"HTTP/1.1 200 OK\r\n", head].concat()));
    }
    let mut headers = HeaderMap::new();
    jar.add_to(&target, &mut headers);
    assert!(headers.len() <= 1);
    for value in headers.values() {
        assert!(!value.as_bytes().iter().any(|byte| b"\r\n\0".contains(byte)), "{value:?}");
    }
}

/// Reads a response whole and in pieces: the same comes of it.
pub fn responses(piece: usize, bytes: &[u8]) {
    let whole = response(bytes, bytes.len());
    assert_eq!(whole, response(bytes, piece));
}

/// The status and the body of a response that comes in pieces, unpacked; none if it does not come whole.
fn response(bytes: &[u8], piece: usize) -> Option<(u16, Vec<u8>)> {
    let head = parse(bytes, &Method::GET).ok()??;
    let (mut decoder, mut body) = (head.body, Incoming::of_first(LIMIT));
    for mut part in bytes[head.length..].chunks(piece.max(1)) {
        decoder.decode(&mut part, &mut body).ok()?;
        assert!(part.is_empty() || decoder.is_over(), "what is not taken is lost");
        if decoder.is_over() {
            break;
        }
    }
    if !decoder.is_over() && !decoder.ends_with_connection() {
        return None;
    }
    let mut response =
        Response { headers: Headers::new(&bytes[..head.length]), ..Response::default() };
    body.finish(&mut response);
    assert!(response.body.len() <= LIMIT);
    match unpack(&mut response, LIMIT) {
        Ok(()) => assert!(response.body.len() <= LIMIT),
        Err(error) => {
            assert!(matches!(error, Error::BodyTooLarge(_) | Error::MalformedResponse(_)))
        }
    }
    Some((head.status.as_u16(), response.body))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;

    /// What the fuzzer found worth keeping, for one target.
    fn corpus(target: &str) -> Vec<Vec<u8>> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../tests/fuzz/corpus");
        let files = fs::read_dir(folder.join(target)).expect("the corpus is kept");
        files
            .map(|file| fs::read(file.expect("it can be listed").path()).expect("a file"))
            .collect()
    }

    #[test]
    fn what_the_fuzzer_kept_is_clean() {
        for input in corpus("cookies") {
            cookies(&input);
        }
        // Their first byte is the length of the pieces.
        for (target, check) in
            [("responses", responses as fn(usize, &[u8])), ("messages", messages)]
        {
            for input in corpus(target) {
                let (piece, bytes) = input.split_first().expect("none is empty");
                check((*piece).into(), bytes);
            }
        }
    }
}
