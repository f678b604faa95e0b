//! The head of a response, and what it says about the body that follows.

use std::mem::MaybeUninit;

use http::{Method, StatusCode, Version};
use httparse::{Header, ParserConfig, Response};

use crate::error::Error;
use crate::http1::Decoder;

/// Heads larger than this are an error: ten times what servers send, and a bound on what endless headers can
/// take.
pub(crate) const HEAD_LIMIT: usize = 128 << 10;
/// Headers for which there is room without asking for memory: more than servers send.
const HEADERS: usize = 64;
/// Headers that are read at most.
const HEADERS_AT_MOST: usize = 4096;

/// What the head of a response says, other than its headers.
#[derive(Clone, Debug)]
pub(crate) struct Head {
    pub(crate) status: StatusCode,
    pub(crate) version: Version,
    /// How many bytes it takes.
    pub(crate) length: usize,
    /// Finds the end of the body.
    pub(crate) body: Decoder,
    /// Whether another request may follow on the connection.
    pub(crate) keep_alive: bool,
    /// Whether it sets cookies.
    pub(crate) sets_cookies: bool,
    /// Whether the body is packed.
    pub(crate) is_packed: bool,
}

/// Whether the head that begins these bytes ends in them. Only what was not there when this was asked `seen`
/// bytes ago is looked through, so that a peer who sends single bytes costs no more than any other.
pub(crate) fn has_end(bytes: &[u8], seen: usize) -> bool {
    let mut rest = &bytes[seen.saturating_sub(3)..];
    while let Some(line_end) = rest.iter().position(|&byte| byte == b'\n') {
        rest = &rest[line_end + 1..];
        if rest.starts_with(b"\n") || rest.starts_with(b"\r\n") {
            return true;
        }
    }
    false
}

/// Reads a head. None if it is not whole yet.
///
/// Fails with [`Error::MalformedResponse`] if it cannot become one.
pub(super) fn read(bytes: &[u8], method: &Method) -> Result<Option<Head>, Error> {
    let mut room = [MaybeUninit::uninit(); HEADERS];
    match parse_into(bytes, method, &mut room) {
        Err(httparse::Error::TooManyHeaders) => {
            let mut room = vec![MaybeUninit::uninit(); HEADERS_AT_MOST];
            parse_into(bytes, method, &mut room)
        }
        parsed => parsed,
    }
    .map_err(|error| malformed(&error.to_string()))?
    .transpose()
}

fn parse_into<'a>(
    bytes: &'a [u8],
    method: &Method,
    room: &mut [MaybeUninit<Header<'a>>],
) -> Result<Option<Result<Head, Error>>, httparse::Error> {
    let mut response = Response::new(&mut []);
    let parsed =
        ParserConfig::default().parse_response_with_uninit_headers(&mut response, bytes, room)?;
    Ok(match parsed {
        httparse::Status::Partial => None,
        httparse::Status::Complete(length) => Some(head(length, &response, method)),
    })
}

/// The last step, once the grammar holds.
fn head(length: usize, response: &Response<'_, '_>, method: &Method) -> Result<Head, Error> {
    let status = response.code.and_then(|code| StatusCode::from_u16(code).ok());
    let status = status.ok_or_else(|| malformed("its status is none"))?;
    let version = if response.version == Some(0) { Version::HTTP_10 } else { Version::HTTP_11 };

    let mut keep_alive = version == Version::HTTP_11;
    let mut content_length = None;
    let mut encoded = None;
    let (mut sets_cookies, mut is_packed) = (false, false);
    for Header { name, value } in &*response.headers {
        if name.eq_ignore_ascii_case("content-length") {
            for value in tokens(value) {
                let value = number(value).ok_or_else(|| malformed("its content-length is none"))?;
                if content_length.is_some_and(|known| known != value) {
                    return Err(malformed("it has more than one content-length"));
                }
                content_length = Some(value);
            }
        } else if name.eq_ignore_ascii_case("transfer-encoding") {
            let last = tokens(value).last().unwrap_or_default();
            encoded = Some(last.eq_ignore_ascii_case(b"chunked"));
        } else if name.eq_ignore_ascii_case("set-cookie") {
            sets_cookies = true;
        } else if name.eq_ignore_ascii_case("content-encoding") {
            is_packed = true;
        } else if name.eq_ignore_ascii_case("connection") {
            for token in tokens(value) {
                if token.eq_ignore_ascii_case(b"close") {
                    keep_alive = false;
                } else if token.eq_ignore_ascii_case(b"keep-alive") && version == Version::HTTP_10 {
                    keep_alive = true;
                }
            }
        }
    }
    // RFC 9112 §6.3, in its order.
    let bodiless = *method == Method::HEAD
        || status.is_informational()
        || matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
    let body = match (encoded, content_length) {
        _ if bodiless => Decoder::empty(),
        (Some(true), length) => {
            // Two answers to where it ends: what follows cannot be trusted.
            keep_alive &= length.is_none();
            Decoder::chunked()
        }
        (None, Some(length)) => Decoder::of_length(length),
        (Some(false), _) | (None, None) => {
            keep_alive = false;
            Decoder::until_close()
        }
    };
    Ok(Head { status, version, length, body, keep_alive, sets_cookies, is_packed })
}

/// The members of a list, between commas.
fn tokens(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|&byte| byte == b',').map(<[u8]>::trim_ascii)
}

fn number(digits: &[u8]) -> Option<u64> {
    if !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    str::from_utf8(digits).ok()?.parse().ok()
}

fn malformed(what: &str) -> Error {
    Error::MalformedResponse(what.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_head_is_found_wherever_the_pieces_were_cut() {
        for head in [&b"HTTP/1.1 200 OK\r\na: b\r\n\r\n"[..], b"HTTP/1.1 200 OK\na: b\n\n"] {
            for seen in 0..head.len() {
                assert!(has_end(head, seen), "{} after {seen}", head.escape_ascii());
            }
            for length in 0..head.len() {
                assert!(!has_end(&head[..length], 0), "{length} of {}", head.escape_ascii());
            }
        }
    }

    #[test]
    fn a_connection_is_kept_where_both_sides_know_the_end() {
        for (head, kept) in [
            ("HTTP/1.1 200 OK\r\ncontent-length: 1\r\n", true),
            ("HTTP/1.1 200 OK\r\ncontent-length: 1\r\nconnection: close\r\n", false),
            ("HTTP/1.1 200 OK\r\ncontent-length: 1\r\nConnection: x, Close\r\n", false),
            ("HTTP/1.0 200 OK\r\ncontent-length: 1\r\n", false),
            ("HTTP/1.0 200 OK\r\ncontent-length: 1\r\nconnection: Keep-Alive\r\n", true),
            ("HTTP/1.1 200 OK\r\n", false),
            ("HTTP/1.1 204 No Content\r\n", true),
            ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n", true),
            ("HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n", true),
            ("HTTP/1.1 200 OK\r\ntransfer-encoding: gzip\r\n", false),
            ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ncontent-length: 1\r\n", false),
            ("HTTP/1.1 200 OK\r\ncontent-length: 1, 1\r\ncontent-length: 1\r\n", true),
        ] {
            let whole = format!("{head}\r\n");
            let parsed = read(whole.as_bytes(), &Method::GET).expect("it is a head");
            assert_eq!(parsed.expect("it is whole").keep_alive, kept, "{head}");
        }
    }

    #[test]
    fn many_headers_are_read_and_very_many_refused() {
        for (headers, fits) in [(65, true), (HEADERS_AT_MOST, true), (HEADERS_AT_MOST + 1, false)] {
            let whole = format!("HTTP/1.1 200 OK\r\n{}\r\n", "a: b\r\n".repeat(headers));
            assert_eq!(read(whole.as_bytes(), &Method::GET).is_ok(), fits, "{headers}");
        }
    }
}
