//! What went wrong on a connection of HTTP/2, by the names of this crate.

use std::fmt;

use crate::error::Error;
use crate::http1::HEAD_LIMIT;
use crate::http2::TOLD;
use crate::http2::ledger::Ledger;

/// A code of HTTP/2's (RFC 9113 §7): why a stream or a connection was ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Http2Code(pub u32);

/// The names of the codes, from 0.
const NAMES: [&str; 14] = [
    "NO_ERROR",
    "PROTOCOL_ERROR",
    "INTERNAL_ERROR",
    "FLOW_CONTROL_ERROR",
    "SETTINGS_TIMEOUT",
    "STREAM_CLOSED",
    "FRAME_SIZE_ERROR",
    "REFUSED_STREAM",
    "CANCEL",
    "COMPRESSION_ERROR",
    "CONNECT_ERROR",
    "ENHANCE_YOUR_CALM",
    "INADEQUATE_SECURITY",
    "HTTP_1_1_REQUIRED",
];

impl Http2Code {
    const PROTOCOL_ERROR: Self = Self(1);
    const REFUSED_STREAM: Self = Self(7);

    /// k6's number for it, which it counts from the number of what has no name.
    pub(crate) fn counted_from(self, unknown: u16) -> u16 {
        match u16::try_from(self.0) {
            Ok(code) if usize::from(code) < NAMES.len() => unknown + 1 + code,
            _ => unknown,
        }
    }
}

impl fmt::Display for Http2Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match usize::try_from(self.0).ok().and_then(|code| NAMES.get(code)) {
            Some(name) => f.write_str(name),
            None => write!(f, "code {:#x}", self.0),
        }
    }
}

/// Why an exchange has no response, and what that says of its request.
#[derive(Debug)]
pub(crate) struct Failed {
    pub(crate) error: Error,
    pub(crate) fate: Fate,
}

/// What became of a request that has no response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// The peer has refused it, and says by that that it has done nothing with it (RFC 9113 §8.7).
    Refused,
    /// The peer has ended the connection, and says that it has not come to it.
    SentAway,
    /// The connection is gone, and nobody knows.
    Unknown,
    /// The peer has dealt with it, or we have.
    DealtWith,
}

impl From<Error> for Failed {
    /// What we will not go on with ourselves.
    fn from(error: Error) -> Self {
        Self { error, fate: Fate::DealtWith }
    }
}

/// Where in a response something went wrong.
#[derive(Clone, Copy, Debug)]
pub(super) enum Place {
    /// Before its head was there.
    Head,
    /// Behind it; what it says of the length of its body.
    Body(Option<u64>),
}

/// What the library says of a stream, with what the ledger knows beside it.
pub(super) fn of_stream(error: &h2::Error, ledger: &mut Ledger, id: u32, place: Place) -> Failed {
    if ledger.is_not_http2() {
        return Error::NoHttp2.into();
    }
    let code = error.reason().map(|reason| Http2Code(reason.into()));
    match code {
        Some(code) if error.is_go_away() && error.is_remote() => {
            Failed { error: Error::GoAway(code), fate: Fate::SentAway }
        }
        Some(code) if error.is_reset() && error.is_remote() => {
            let fate = match code {
                Http2Code::REFUSED_STREAM => Fate::Refused,
                _ => Fate::DealtWith,
            };
            Failed { error: Error::StreamReset(code), fate }
        }
        Some(Http2Code::PROTOCOL_ERROR) if error.is_reset() => {
            let content = ledger.account(id).map_or(0, |account| account.content);
            malformed(place, content).into()
        }
        Some(code) if error.is_reset() => broken_rules(code, "").into(),
        Some(_) => of_connection(error).into(),
        None => Failed {
            error: ledger.ended().unwrap_or_else(|| of_connection(error)),
            fate: Fate::Unknown,
        },
    }
}

/// What is wrong with a response that the library calls malformed, as far as can be seen from outside. So much of
/// its body has come.
fn malformed(place: Place, content: u64) -> Error {
    Error::MalformedResponse(match place {
        Place::Head => {
            let limit = (TOLD * HEAD_LIMIT) >> 10;
            format!("its head is not one, or its headers are larger than {limit} KiB")
        }
        Place::Body(Some(announced)) if content != announced => {
            format!("its content-length is {announced}, but {content} bytes came")
        }
        Place::Body(_) => "what follows its body are no trailers".to_owned(),
    })
}

/// What the library says of a whole connection.
pub(super) fn of_connection(error: &h2::Error) -> Error {
    let code = error.reason().map(|reason| Http2Code(reason.into()));
    match code {
        Some(code) if error.is_remote() => Error::GoAway(code),
        // Which limit it was only the text tells.
        Some(code) => broken_rules(code, &error.to_string()),
        None => error.get_io().map_or_else(|| Error::Other(error.to_string()), Error::from_io),
    }
}

/// What a peer does wrong whose stream or connection is ended with this code.
fn broken_rules(code: Http2Code, told: &str) -> Error {
    let what = match code.0 {
        3 => "it sends more than it was allowed to",
        5 => "it goes on with a stream that is over",
        6 => "one of its frames has a size that it may not have",
        9 => "its headers cannot be unpacked",
        11 if told.contains("header_list_way_too_large") => "its headers are much too large",
        11 if told.contains("too_many_continuations") => "its headers come in too many pieces",
        11 if told.contains("too_many_data_frames") => "it sends too many frames without content",
        11 if told.contains("too_many_internal_resets") => {
            "too many of its responses are malformed"
        }
        11 => "it sends too much of what is of no use",
        _ => "it sends what may not come there",
    };
    Error::Http2(code, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_has_its_name_and_k6s_number() {
        for (code, name, number) in [
            (0, "NO_ERROR", 1631),
            (7, "REFUSED_STREAM", 1638),
            (13, "HTTP_1_1_REQUIRED", 1644),
            (14, "code 0xe", 1630),
            (u32::MAX, "code 0xffffffff", 1630),
        ] {
            assert_eq!(Http2Code(code).to_string(), name);
            assert_eq!(Error::StreamReset(Http2Code(code)).code(), number, "{name}");
        }
        assert_eq!(Error::GoAway(Http2Code(2)).code(), 1613);
        assert_eq!(Error::Http2(Http2Code(1), "").code(), 1652);
    }
}
