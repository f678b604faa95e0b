//! Pages that help to test a client: any status, any delay, any size, and some misbehaviour.

use std::borrow::Cow;
use std::time::Duration;

use bytes::Buf;
use http::header::{LOCATION, SET_COOKIE};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use http_body_util::BodyExt as _;
use serde::Serialize;

use crate::answer::{self, Answer, Body};
use crate::duration;

/// The largest body: enough for any test of large ones, and short of what a typing error would make.
const MOST_BYTES: u64 = 10 << 30;

/// The most drips: each is a packet of its own.
const MOST_DRIPS: u64 = 1 << 16;

/// Reads a number at the end of a path, or answers why it is none.
pub(crate) fn number(
    text: &str,
    what: &str,
    range: std::ops::RangeInclusive<u64>,
) -> Result<u64, Box<Answer>> {
    text.parse().ok().filter(|number| range.contains(number)).ok_or_else(|| {
        let (least, most) = range.into_inner();
        let problem = format!("`{text}` is not {what} from {least} to {most}");
        Box::new(answer::refusal(StatusCode::BAD_REQUEST, &problem))
    })
}

/// `/bytes/{n}`
pub(crate) fn bytes(count: &str) -> Answer {
    match number(count, "a number of bytes", 0..=MOST_BYTES) {
        Ok(left) => Response::new(Body::Pattern { left }),
        Err(refusal) => *refusal,
    }
}

/// `/drip/{n}`
pub(crate) fn drip(count: &str) -> Answer {
    match number(count, "a number of bytes", 0..=MOST_DRIPS) {
        Ok(left) => Response::new(Body::drip(left)),
        Err(refusal) => *refusal,
    }
}

/// `/redirect/{n}`
pub(crate) fn redirect(left: &str) -> Answer {
    let left = match number(left, "a number of redirects", 0..=1_000) {
        Ok(left) => left,
        Err(refusal) => return *refusal,
    };
    let location = match left.checked_sub(1) {
        Some(left) => format!("/redirect/{left}"),
        None => "/echo".to_owned(),
    };
    let mut answer = answer::json(StatusCode::FOUND, &"see the location");
    let location = HeaderValue::from_str(&location).expect("digits and letters are allowed");
    answer.headers_mut().insert(LOCATION, location);
    answer
}

/// `/status/{code}`
pub(crate) fn status(code: &str) -> Answer {
    // Below 200 it would be no final answer.
    let code = match number(code, "a final status", 200..=599) {
        Ok(code) => code,
        Err(refusal) => return *refusal,
    };
    let status = u16::try_from(code).ok().and_then(|code| StatusCode::from_u16(code).ok());
    let status = status.expect("200 to 599 are status codes");
    if matches!(code, 204 | 205 | 304) {
        let mut empty = Response::new(Body::Whole(bytes::Bytes::new()));
        *empty.status_mut() = status;
        return empty;
    }
    #[derive(Serialize)]
    struct Told {
        status: u64,
    }
    answer::json(status, &Told { status: code })
}

/// `/delay/{milliseconds}`
pub(crate) async fn delay(milliseconds: &str) -> Answer {
    let most = u64::try_from(duration::LONGEST.as_millis()).unwrap_or(u64::MAX);
    match number(milliseconds, "a number of milliseconds", 0..=most) {
        Ok(milliseconds) => {
            tokio::time::sleep(Duration::from_millis(milliseconds)).await;
            #[derive(Serialize)]
            struct Told {
                delay: u64,
            }
            answer::json(StatusCode::OK, &Told { delay: milliseconds })
        }
        Err(refusal) => *refusal,
    }
}

/// The time between the messages of `/ws/ticker/{milliseconds}`.
pub(crate) fn ticks(milliseconds: &str) -> Result<Duration, Box<Answer>> {
    let most = u64::try_from(duration::LONGEST.as_millis()).unwrap_or(u64::MAX);
    number(milliseconds, "a number of milliseconds", 1..=most).map(Duration::from_millis)
}

/// The code of `/ws/close/{code}`.
pub(crate) fn close_code(code: &str) -> Result<u16, Box<Answer>> {
    let code = number(code, "a close code", 1000..=4999)?;
    Ok(u16::try_from(code).expect("1000 to 4999 are 16 bits"))
}

/// `/echo`
pub(crate) fn echo(head: &Parts, body: &[u8]) -> Answer {
    #[derive(Serialize)]
    struct Echo<'a> {
        method: &'a str,
        /// With the query.
        path: Cow<'a, str>,
        /// In order of first appearance, repeated ones together; values byte by byte as Latin-1.
        headers: Vec<(&'a str, String)>,
        body_length: usize,
        /// FNV-1a of the body in hexadecimal.
        body_checksum: String,
        /// The body if it is text.
        body: Option<&'a str>,
    }
    let latin_1 = |value: &HeaderValue| value.as_bytes().iter().map(|&byte| byte as char).collect();
    let seen = Echo {
        method: head.method.as_str(),
        path: match head.uri.path_and_query() {
            Some(path) => path.as_str().into(),
            None => head.uri.to_string().into(),
        },
        headers: head.headers.iter().map(|(name, value)| (name.as_str(), latin_1(value))).collect(),
        body_length: body.len(),
        body_checksum: format!("{:016x}", checksum(body)),
        body: std::str::from_utf8(body).ok(),
    };
    answer::json(StatusCode::OK, &seen)
}

/// FNV-1a with 64 bits, by Fowler, Noll and Vo (RFC 9923): short enough to write again in any script.
fn checksum(bytes: &[u8]) -> u64 {
    summed(CHECKSUM, bytes)
}

/// The checksum of no bytes.
const CHECKSUM: u64 = 0xcbf2_9ce4_8422_2325;

/// The checksum of what has this one, with further bytes behind it.
fn summed(before: u64, bytes: &[u8]) -> u64 {
    bytes.iter().fold(before, |hash, &byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// `/upload`: reads a body of any size, a piece at a time.
pub(crate) async fn upload<B>(body: B) -> Answer
where
    B: hyper::body::Body<Data: Buf, Error: Into<Box<dyn std::error::Error + Send + Sync>>>,
{
    #[derive(Serialize)]
    struct Told {
        length: u64,
        /// FNV-1a of the body in hexadecimal.
        checksum: String,
    }
    let mut body = std::pin::pin!(body);
    let (mut length, mut checksum) = (0, CHECKSUM);
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else {
            return answer::refusal(StatusCode::BAD_REQUEST, "the body does not arrive");
        };
        let Ok(mut data) = frame.into_data() else { continue };
        while data.has_remaining() {
            let piece = data.chunk();
            length += piece.len() as u64;
            checksum = summed(checksum, piece);
            data.advance(piece.len());
        }
    }
    answer::json(StatusCode::OK, &Told { length, checksum: format!("{checksum:016x}") })
}

/// `/headers`
pub(crate) fn headers() -> Answer {
    let mut answer = answer::json(StatusCode::OK, &"see the headers");
    let headers: &mut HeaderMap = answer.headers_mut();
    headers.append(SET_COOKIE, HeaderValue::from_static("first=1; Path=/"));
    headers.append(SET_COOKIE, HeaderValue::from_static("second=2; HttpOnly"));
    headers.append("x-twice", HeaderValue::from_static("one"));
    headers.append("x-twice", HeaderValue::from_static("two"));
    headers.insert("x-empty", HeaderValue::from_static(""));
    // `é ÿ` in Latin-1, which is no UTF-8.
    let odd = HeaderValue::from_bytes(b"\xe9 \xff").expect("bytes from 0x80 on are allowed");
    headers.insert("x-bytes", odd);
    let long = HeaderValue::from_str(&"l".repeat(4096)).expect("letters are allowed");
    headers.insert("x-long", long);
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_fnv_1a() {
        // From the test vectors of its authors.
        for (text, expected) in [
            ("", 0xcbf2_9ce4_8422_2325),
            ("a", 0xaf63_dc4c_8601_ec8c),
            ("foobar", 0x8594_4171_f739_67e8),
        ] {
            assert_eq!(checksum(text.as_bytes()), expected, "{text}");
        }
    }
}
