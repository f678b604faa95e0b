//! What is said to a proxy of HTTP's kind that is to connect (RFC 9110 §9.3.6).

use http::{HeaderValue, Method, StatusCode};

use super::asking::Next;
use crate::error::Error;
use crate::http1::{HEAD_LIMIT, Head, has_end, parse};
use crate::place::Place;

/// One `CONNECT`, and its answer.
pub(super) struct HttpConnect {
    /// What has come of a head.
    head: Vec<u8>,
    /// How much has come before it: interim answers count as the one that follows does.
    before: usize,
    has_credentials: bool,
}

impl HttpConnect {
    /// The talk, and what is said in it.
    pub(super) fn new(
        destination: &Place,
        authorization: Option<&HeaderValue>,
        user_agent: &HeaderValue,
    ) -> (Self, Vec<u8>) {
        let start = format!("CONNECT {destination} HTTP/1.1\r\nhost: {destination}\r\n");
        let mut request = start.into_bytes();
        let authorization = authorization.map(|value| ("proxy-authorization", value));
        for (name, value) in [Some(("user-agent", user_agent)), authorization].into_iter().flatten()
        {
            request.extend_from_slice(name.as_bytes());
            request.extend_from_slice(b": ");
            request.extend_from_slice(value.as_bytes());
            request.extend_from_slice(b"\r\n");
        }
        request.extend_from_slice(b"\r\n");
        let has_credentials = authorization.is_some();
        (Self { head: Vec::new(), before: 0, has_credentials }, request)
    }

    /// Takes in what has come: how much of it was the proxy's, and what follows.
    ///
    /// Fails with the answer if that is not that there is a connection.
    pub(super) fn hear(&mut self, bytes: &[u8]) -> Result<(usize, Next), Error> {
        let seen = self.head.len();
        self.head.extend_from_slice(bytes);
        // Looked at when its first piece has come, since that shows what is no HTTP, and when it is whole.
        let head = match seen == 0 || has_end(&self.head, seen) {
            true => parse(&self.head, &Method::CONNECT).map_err(malformed)?,
            false => None,
        };
        let Some(Head { status, length, .. }) = head else {
            if self.before + self.head.len() > HEAD_LIMIT {
                let what = format!("its headers are larger than {} KiB", HEAD_LIMIT >> 10);
                return Err(Error::MalformedProxyAnswer(what));
            }
            return Ok((bytes.len(), Next::Hear));
        };
        // A head that ends in what came now began no later.
        let of_now = length.saturating_sub(seen);
        if status.is_informational() {
            self.before += length;
            self.head.clear();
            if self.before > HEAD_LIMIT {
                let what = "it has no end of interim answers";
                return Err(Error::MalformedProxyAnswer(what.to_owned()));
            }
            return Ok((of_now, Next::Hear));
        }
        match status {
            status if status.is_success() => Ok((of_now, Next::Connected)),
            StatusCode::PROXY_AUTHENTICATION_REQUIRED if self.has_credentials => {
                Err(Error::ProxyRefusedCredentials)
            }
            StatusCode::PROXY_AUTHENTICATION_REQUIRED => Err(Error::ProxyWantsCredentials),
            status => {
                let reason = status.canonical_reason().unwrap_or_default();
                let what = format!("{} {reason}", status.as_u16());
                Err(Error::ProxyRefused(what.trim_end().to_owned()))
            }
        }
    }
}

fn malformed(error: Error) -> Error {
    match error {
        Error::MalformedResponse(what) => Error::MalformedProxyAnswer(what),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn talk(credentials: bool) -> HttpConnect {
        let authorization = credentials.then(|| HeaderValue::from_static("Basic eA=="));
        let agent = HeaderValue::from_static("w");
        HttpConnect::new(&Place::new("a.test", 443), authorization.as_ref(), &agent).0
    }

    #[test]
    fn a_request_names_the_destination_with_its_port() {
        let agent = HeaderValue::from_static("w");
        let authorization = HeaderValue::from_static("Basic eA==");
        for (host, authorization, expected) in [
            (
                "a.test",
                None,
                "CONNECT a.test:80 HTTP/1.1\r\nhost: a.test:80\r\nuser-agent: w\r\n\r\n",
            ),
            (
                "::1",
                Some(&authorization),
                "CONNECT [::1]:80 HTTP/1.1\r\nhost: [::1]:80\r\nuser-agent: w\r\n\
                 proxy-authorization: Basic eA==\r\n\r\n",
            ),
        ] {
            let (_, said) = HttpConnect::new(&Place::new(host, 80), authorization, &agent);
            assert_eq!(String::from_utf8(said).expect("text"), expected);
        }
    }

    #[test]
    fn an_answer_ends_with_its_head_wherever_it_is_cut_and_the_rest_is_the_targets() {
        let answer =
            b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nrest";
        for cut in 1..answer.len() {
            let mut talk = talk(false);
            let mut taken = 0;
            let mut come = cut;
            let end = loop {
                let (heard, next) = talk.hear(&answer[taken..come]).expect("it is an answer");
                taken += heard;
                if next == Next::Connected {
                    break taken;
                }
                assert!(heard > 0, "it would not end");
                if taken == come {
                    come = answer.len();
                }
            };
            assert_eq!(&answer[end..], b"rest", "cut at {cut}");
        }
    }

    #[test]
    fn what_is_not_a_connection_says_why() {
        for (answer, credentials, expected) in [
            ("HTTP/1.1 403 Go Away\r\n\r\n", false, Error::ProxyRefused("403 Forbidden".into())),
            ("HTTP/1.1 299\r\n\r\n", false, Error::Other("it is a connection".into())),
            ("HTTP/1.0 599 x\r\n\r\n", false, Error::ProxyRefused("599".into())),
            ("HTTP/1.1 407 x\r\n\r\n", false, Error::ProxyWantsCredentials),
            ("HTTP/1.1 407 x\r\n\r\n", true, Error::ProxyRefusedCredentials),
        ] {
            let heard = talk(credentials).hear(answer.as_bytes());
            let error = match heard {
                Ok((_, Next::Connected)) => Error::Other("it is a connection".into()),
                other => other.expect_err("there is no connection"),
            };
            assert_eq!(error, expected, "{answer}");
        }
        for answer in ["SSH-2.0-OpenSSH_9.2\r\n", "\x05\x00", "\0", "HTTP/1.1 OK\r\n\r\n"] {
            let error = talk(false).hear(answer.as_bytes()).expect_err("that is no HTTP");
            assert_eq!(error.label(), "malformed answer of the proxy", "{answer:?}");
        }
    }

    #[test]
    fn endless_answers_end() {
        for piece in [&b"x-more: and more\r\n"[..], b"x", b"\r\nHTTP/1.1 100 Continue\r\n\r\n"] {
            let mut talk = talk(false);
            let mut come = b"HTTP/1.1 100 Continue\r\nx: y".to_vec();
            let mut heard = 0;
            let error = loop {
                come.extend_from_slice(piece);
                match talk.hear(&come) {
                    Ok((taken, next)) => {
                        assert_eq!(next, Next::Hear);
                        heard += taken;
                        come.drain(..taken);
                    }
                    Err(error) => break error,
                }
                assert!(heard < 2 * HEAD_LIMIT, "{}", piece.escape_ascii());
            };
            assert_eq!(error.label(), "malformed answer of the proxy");
        }
    }
}
