//! Where a body ends.

use crate::error::Error;
use crate::incoming::Incoming;

/// Bytes that chunk extensions and trailers may take together. Nobody reads them.
const ASIDE_LIMIT: u32 = 16 << 10;

/// Takes a body out of the bytes that carry it.
#[derive(Clone, Debug)]
pub(crate) enum Decoder {
    /// This many bytes are still to come.
    Length(u64),
    /// It ends with the connection.
    UntilClose,
    /// It comes in chunks.
    Chunked {
        /// What is expected next.
        part: Part,
        /// The rest of the chunk.
        rest: u64,
        /// Bytes of extensions and trailers so far.
        aside: u32,
    },
    /// It is over.
    Over,
}

/// The parts of a chunked body (RFC 9112 §7.1), in the order of the grammar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// The first digit of a size.
    FirstDigit,
    /// Further digits, or what ends them.
    Digits,
    /// Anything up to the end of the line.
    Extension,
    /// The line feed after a size.
    SizeEnd,
    /// The chunk itself.
    Data,
    /// The carriage return after a chunk.
    DataReturn,
    /// The line feed after that.
    DataEnd,
    /// The beginning of a trailer, or of the empty line that ends all.
    Trailer,
    /// The rest of a trailer.
    TrailerLine,
    /// The last line feed.
    LastEnd,
}

impl Decoder {
    pub(crate) fn empty() -> Self {
        Self::Over
    }

    pub(crate) fn of_length(length: u64) -> Self {
        if length == 0 { Self::Over } else { Self::Length(length) }
    }

    pub(crate) fn until_close() -> Self {
        Self::UntilClose
    }

    pub(crate) fn chunked() -> Self {
        Self::Chunked { part: Part::FirstDigit, rest: 0, aside: 0 }
    }

    /// Whether all of it has come.
    pub(crate) fn is_over(&self) -> bool {
        matches!(self, Self::Over)
    }

    /// How many bytes are certain to follow and to be nothing but body.
    pub(crate) fn certain(&self) -> u64 {
        match self {
            Self::Length(rest) | Self::Chunked { part: Part::Data, rest, .. } => *rest,
            _ => 0,
        }
    }

    /// Takes note of bytes that were put into the body without passing through here.
    pub(crate) fn took(&mut self, bytes: u64) {
        match self {
            Self::Length(rest) => {
                *rest -= bytes;
                if *rest == 0 {
                    *self = Self::Over;
                }
            }
            Self::Chunked { part, rest, .. } => {
                *rest -= bytes;
                if *rest == 0 {
                    *part = Part::DataReturn;
                }
            }
            Self::UntilClose | Self::Over => {}
        }
    }

    /// The connection has ended. Whether that was the end of the body too.
    pub(crate) fn ends_with_connection(&self) -> bool {
        matches!(self, Self::UntilClose | Self::Over)
    }

    /// Moves what belongs to the body from `input` to `body`. What is left of the input, once the body is over, is no part of it.
    ///
    /// Fails with [`Error::BodyTooLarge`], or [`Error::MalformedResponse`] if chunks are not what they should.
    pub(crate) fn decode(&mut self, input: &mut &[u8], body: &mut Incoming) -> Result<(), Error> {
        while !input.is_empty() {
            match self {
                Self::Over => break,
                Self::UntilClose => {
                    let all = input.len();
                    take(input, all, body)?;
                }
                Self::Length(rest) => {
                    let some = at_most(*rest, input.len());
                    take(input, some, body)?;
                    self.took(some as u64);
                }
                Self::Chunked { part: Part::Data, rest, .. } => {
                    let some = at_most(*rest, input.len());
                    take(input, some, body)?;
                    self.took(some as u64);
                }
                Self::Chunked { part, rest, aside } => {
                    let (&byte, others) = input.split_first().expect("it is not empty");
                    *input = others;
                    match part.after(byte, rest, aside)? {
                        Some(next) => *part = next,
                        None => *self = Self::Over,
                    }
                }
            }
        }
        Ok(())
    }
}

impl Part {
    /// What follows a byte; nothing after the last.
    fn after(self, byte: u8, rest: &mut u64, aside: &mut u32) -> Result<Option<Self>, Error> {
        let next = match (self, byte) {
            (Self::FirstDigit | Self::Digits, b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F') => {
                if *rest == 0 && self == Self::Digits {
                    // Zeros before a number: as many as anything else that nobody reads.
                    *aside += 1;
                    if *aside > ASIDE_LIMIT {
                        return Err(malformed("its chunks have too much beside them"));
                    }
                }
                let digit = char::from(byte).to_digit(16).expect("it is one of these");
                // What does not fit is far larger than any body that is kept.
                *rest = rest
                    .checked_mul(16)
                    .and_then(|size| size.checked_add(digit.into()))
                    .ok_or_else(|| malformed("the size of a chunk is too large"))?;
                Self::Digits
            }
            (Self::Digits, b';' | b' ' | b'\t') => Self::Extension,
            (Self::Digits | Self::Extension, b'\r') => Self::SizeEnd,
            (Self::SizeEnd, b'\n') if *rest == 0 => Self::Trailer,
            (Self::SizeEnd, b'\n') => Self::Data,
            (Self::DataReturn, b'\r') => Self::DataEnd,
            (Self::DataEnd, b'\n') => Self::FirstDigit,
            (Self::Trailer, b'\r') => Self::LastEnd,
            (Self::TrailerLine, b'\n') => Self::Trailer,
            (Self::LastEnd, b'\n') => return Ok(None),
            (Self::Extension | Self::Trailer | Self::TrailerLine, _) => {
                *aside += 1;
                if *aside > ASIDE_LIMIT {
                    return Err(malformed("its chunks have too much beside them"));
                }
                if self == Self::Extension { Self::Extension } else { Self::TrailerLine }
            }
            (Self::FirstDigit | Self::Digits, _) => {
                return Err(malformed("the size of a chunk is not a number"));
            }
            (Self::SizeEnd | Self::Data | Self::DataReturn | Self::DataEnd | Self::LastEnd, _) => {
                return Err(malformed("a chunk does not end where it should"));
            }
        };
        Ok(Some(next))
    }
}

fn at_most(rest: u64, available: usize) -> usize {
    usize::try_from(rest).map_or(available, |rest| rest.min(available))
}

fn take(input: &mut &[u8], length: usize, body: &mut Incoming) -> Result<(), Error> {
    let (taken, left) = input.split_at(length);
    *input = left;
    body.push(taken)
}

fn malformed(what: &str) -> Error {
    Error::MalformedResponse(what.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::response::Response;

    /// What comes of bytes that arrive in pieces of this size: the body, whether it is over, what is left.
    fn decoded(
        mut decoder: Decoder,
        bytes: &[u8],
        piece: usize,
    ) -> Result<(Vec<u8>, bool, usize), Error> {
        let mut body = Incoming::keeping(100);
        let mut left = 0;
        for mut input in bytes.chunks(piece) {
            decoder.decode(&mut input, &mut body)?;
            left += input.len();
        }
        let mut response = Response::default();
        body.finish(&mut response);
        Ok((response.body, decoder.is_over(), left))
    }

    #[test]
    fn a_body_is_the_same_however_it_was_cut() {
        let chunks = b"2\r\nab\r\n1 ;x=\"y\"\r\nc\r\n0\r\nx-a: 1\r\nx-b: 2\r\n\r\nmore";
        for piece in 1..=chunks.len() {
            let of = |decoder, bytes| decoded(decoder, bytes, piece).expect("it is well formed");
            assert_eq!(of(Decoder::chunked(), chunks), (b"abc".to_vec(), true, 4));
            assert_eq!(of(Decoder::chunked(), &chunks[..9]), (b"ab".to_vec(), false, 0));
            assert_eq!(of(Decoder::of_length(3), b"abcmore"), (b"abc".to_vec(), true, 4));
            assert_eq!(of(Decoder::of_length(9), b"abc"), (b"abc".to_vec(), false, 0));
            assert_eq!(of(Decoder::of_length(0), b"more"), (Vec::new(), true, 4));
            assert_eq!(of(Decoder::until_close(), b"abc"), (b"abc".to_vec(), false, 0));
        }
    }

    #[test]
    fn what_is_no_chunk_is_refused() {
        let aside = format!("1;{}", "x".repeat(ASIDE_LIMIT as usize + 1));
        let zeros = "0".repeat(ASIDE_LIMIT as usize + 2);
        for bytes in [
            &b"\r\n"[..],
            b"g\r\n",
            b"-1\r\n",
            b"1\n",
            b"1\rx",
            b"1\r\nab",
            b"1\r\na\n",
            b"0\r\n\rx",
            b"11111111111111111\r\n",
            aside.as_bytes(),
            zeros.as_bytes(),
        ] {
            let refused = decoded(Decoder::chunked(), bytes, 7).expect_err("it is malformed");
            assert_eq!(refused.label(), "malformed response", "{}", bytes.escape_ascii());
        }
    }

    #[test]
    fn a_body_may_be_as_large_as_the_limit_and_no_larger() {
        for (length, fits) in [(100, true), (101, false)] {
            let bytes = vec![b'x'; length];
            assert_eq!(decoded(Decoder::until_close(), &bytes, 30).is_ok(), fits);
            assert_eq!(decoded(Decoder::of_length(length as u64), &bytes, 30).is_ok(), fits);
        }
    }
}
