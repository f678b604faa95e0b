//! Bodies that are packed: unpacked as they come, within bounds, and packed before they go.

use std::io::{self, Read};

use bytes::Bytes;
use flate2::Compression;
use flate2::read::{DeflateDecoder, GzEncoder, MultiGzDecoder, ZlibDecoder, ZlibEncoder};

use crate::error::Error;
use crate::response::Response;

/// How many encodings a body may have, one upon the other: more than anybody sends.
const LAYERS: usize = 4;

/// How a body is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// RFC 1952.
    Gzip,
    /// RFC 1950, the format that HTTP means by `deflate`.
    Deflate,
}

impl Encoding {
    /// Its name, as `content-encoding` has it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Deflate => "deflate",
        }
    }

    /// Packs a body.
    #[must_use]
    pub fn pack(self, body: &[u8]) -> Bytes {
        let mut packed = Vec::new();
        let level = Compression::default();
        let read = match self {
            Self::Gzip => GzEncoder::new(body, level).read_to_end(&mut packed),
            Self::Deflate => ZlibEncoder::new(body, level).read_to_end(&mut packed),
        };
        read.expect("memory can be read from, and grows");
        packed.into()
    }
}

/// Unpacks the body of a response as its `content-encoding` says, into at most `limit` bytes. One that is not
/// known is left as it is: the script may know it.
///
/// Fails with [`Error::BodyTooLarge`], which is what a bomb comes to, and with [`Error::MalformedResponse`]
/// where the body is not what it is said to be.
pub(crate) fn unpack(response: &mut Response, limit: usize) -> Result<(), Error> {
    if response.body.is_empty() {
        return Ok(());
    }
    let names: Vec<String> = response
        .headers
        .get_all("content-encoding")
        .flat_map(|value| value.split(|byte| *byte == b','))
        .map(|name| String::from_utf8_lossy(name.trim_ascii()).to_ascii_lowercase())
        .collect();
    if names.len() > LAYERS {
        let what = format!("its body is encoded more than {LAYERS} times");
        return Err(Error::MalformedResponse(what));
    }
    // The last one was put on last.
    for name in names.iter().rev() {
        let body = &response.body[..];
        let unpacked = match name.as_str() {
            "gzip" | "x-gzip" => bounded(MultiGzDecoder::new(body), limit),
            // The format is zlib's; some servers leave its frame away.
            "deflate" if is_zlib(body) => bounded(ZlibDecoder::new(body), limit),
            "deflate" => bounded(DeflateDecoder::new(body), limit),
            "br" => bounded(brotli_decompressor::Decompressor::new(body, 4 << 10), limit),
            "zstd" => ruzstd::decoding::StreamingDecoder::new(body)
                .map_err(io::Error::other)
                .and_then(|decoder| bounded(decoder, limit)),
            _ => return Ok(()),
        };
        let unpacked = unpacked.map_err(|error| {
            Error::MalformedResponse(format!("its body is not {name}: {error}"))
        })?;
        response.body = unpacked.ok_or(Error::BodyTooLarge(limit))?;
        response.length = response.body.len() as u64;
    }
    Ok(())
}

/// All that is to be read; none if that is more than `limit` bytes.
fn bounded(reader: impl Read, limit: usize) -> io::Result<Option<Vec<u8>>> {
    let mut all = Vec::new();
    let most = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    reader.take(most).read_to_end(&mut all)?;
    Ok((all.len() <= limit).then_some(all))
}

/// Whether it begins as RFC 1950 has it: the method is 8, and the first two bytes are a multiple of 31.
fn is_zlib(body: &[u8]) -> bool {
    let [method, flags, ..] = *body else { return false };
    method & 0x0f == 8 && u16::from_be_bytes([method, flags]).is_multiple_of(31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::response::Headers;

    const LIMIT: usize = 1 << 20;
    /// `hello hello hello hello\n`, packed by the `zstd` program.
    const ZSTD: &[u8] = &[
        0x28, 0xb5, 0x2f, 0xfd, 0x04, 0x58, 0x6d, 0x00, 0x00, 0x38, 0x68, 0x65, 0x6c, 0x6c, 0x6f,
        0x20, 0x0a, 0x01, 0x00, 0x99, 0x4b, 0x11, 0xa8, 0x7c, 0x2e, 0xa8,
    ];

    /// A body without zlib's frame, as some servers send it.
    fn raw_deflate(body: &[u8]) -> Vec<u8> {
        let mut packed = Vec::new();
        let mut encoder = flate2::read::DeflateEncoder::new(body, Compression::default());
        encoder.read_to_end(&mut packed).unwrap();
        packed
    }

    fn unpacked(encoding: &str, body: &[u8], limit: usize) -> Result<Vec<u8>, Error> {
        let head = format!("HTTP/1.1 200 OK\r\ncontent-encoding: {encoding}\r\n\r\n");
        let mut response = Response {
            headers: Headers::new(head.as_bytes()),
            body: body.to_vec(),
            ..Response::default()
        };
        response.length = body.len() as u64;
        unpack(&mut response, limit)?;
        assert_eq!(response.length, response.body.len() as u64, "{encoding}");
        Ok(response.body)
    }

    #[test]
    fn bodies_are_unpacked_as_they_were_packed() {
        let body = b"hello ".repeat(1_000);
        let (gzip, deflate) = (Encoding::Gzip.pack(&body), Encoding::Deflate.pack(&body));
        assert!(gzip.len() < body.len() / 10);
        let twice = Encoding::Gzip.pack(&deflate);
        for (encoding, packed) in [
            ("gzip", &gzip[..]),
            ("X-GZip", &gzip),
            ("deflate", &deflate),
            ("deflate", &raw_deflate(&body)),
            ("deflate, gzip", &twice),
            ("identity", &body),
            ("of-its-own", &body),
        ] {
            assert_eq!(unpacked(encoding, packed, LIMIT).unwrap(), body, "{encoding}");
        }
        assert_eq!(unpacked("gzip", b"", LIMIT).unwrap(), b"", "an answer to HEAD has no body");
    }

    #[test]
    fn what_other_programs_packed_is_unpacked() {
        let text = unpacked("zstd", ZSTD, LIMIT);
        assert_eq!(
            text.map(|text| String::from_utf8(text).unwrap()).unwrap(),
            "hello hello hello hello\n"
        );
        // RFC 7932 as the `brotli` program writes it without packing: one piece of bytes as they are.
        let brotli = b"\x0b\x02\x80hello\x03";
        assert_eq!(unpacked("br", brotli, LIMIT).unwrap(), b"hello");
    }

    #[test]
    fn a_bomb_goes_off_at_the_limit() {
        let bomb = Encoding::Gzip.pack(&vec![0; 4 * LIMIT]);
        assert!(bomb.len() < 8_192);
        assert_eq!(unpacked("gzip", &bomb, LIMIT), Err(Error::BodyTooLarge(LIMIT)));
        let nested = Encoding::Gzip.pack(&bomb);
        assert_eq!(unpacked("gzip, gzip", &nested, LIMIT), Err(Error::BodyTooLarge(LIMIT)));
        let deep = unpacked("gzip, gzip, gzip, gzip, gzip", b"x", LIMIT).unwrap_err();
        assert!(deep.to_string().contains("encoded more than 4 times"), "{deep}");
    }

    #[test]
    fn what_is_not_what_it_is_said_to_be_is_an_error() {
        for encoding in ["gzip", "deflate", "br", "zstd"] {
            let error = unpacked(encoding, b"\xff\xff\xff\xff\xff\xff", LIMIT).unwrap_err();
            let said = error.to_string();
            assert!(said.contains(&format!("its body is not {encoding}: ")), "{said}");
        }
    }
}
