//! Shaking hands: one HTTP request, and what its answer must say (RFC 6455 §4).

use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use http::header::{CONNECTION, UPGRADE};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use sha1::{Digest as _, Sha1};

use super::deflate::{Deflate, OFFER};
use crate::entropy::random;
use crate::request::Request;
use crate::response::Headers;
use crate::target::Target;

/// What a server has agreed to.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Agreed {
    pub(super) subprotocol: Option<String>,
    pub(super) deflate: Option<Deflate>,
}

/// What the server proves with that it understood (§1.3).
const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

const KEY: &str = "sec-websocket-key";
const VERSION: &str = "sec-websocket-version";
const PROTOCOL: &str = "sec-websocket-protocol";
const EXTENSIONS: &str = "sec-websocket-extensions";

/// A connection to be made.
#[derive(Clone, Debug)]
pub struct Handshake {
    /// Where to: a URL as [`parse_url`](super::parse_url) reads it.
    pub target: Target,
    /// Headers beside those that make the handshake, which take the place of any of their names.
    pub headers: HeaderMap,
    /// Subprotocols to offer, the most wanted first.
    pub subprotocols: Vec<Subprotocol>,
    /// Whether to offer that messages be packed (`permessage-deflate`, RFC 7692). A server may decline, and then
    /// they are not.
    pub deflate: bool,
    /// How long the connection and its handshake may take, and then how long a message may take to be
    /// written, instead of the configuration's request timeout.
    pub timeout: Option<Duration>,
}

/// The name of a subprotocol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subprotocol(String);

impl Subprotocol {
    /// The subprotocol of this name; none if no header may hold it.
    #[must_use]
    pub fn new(name: &str) -> Option<Self> {
        // Both are tokens of HTTP's.
        HeaderName::from_bytes(name.as_bytes()).ok().map(|_| Self(name.to_owned()))
    }

    /// Its name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The request, and the key in it that its answer must prove to have seen.
pub(super) fn request(handshake: &Handshake) -> (Request, String) {
    let mut nonce = [0; 16];
    nonce[..8].copy_from_slice(&random().to_ne_bytes());
    nonce[8..].copy_from_slice(&random().to_ne_bytes());
    let key = BASE64_STANDARD.encode(nonce);
    let mut headers = handshake.headers.clone();
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(VERSION, HeaderValue::from_static("13"));
    headers.remove(EXTENSIONS);
    headers.remove(PROTOCOL);
    if handshake.deflate {
        headers.insert(EXTENSIONS, HeaderValue::from_static(OFFER));
    }
    let value = |text: &str| HeaderValue::from_str(text).expect("tokens and base64 are ASCII");
    headers.insert(KEY, value(&key));
    if !handshake.subprotocols.is_empty() {
        let names: Vec<&str> = handshake.subprotocols.iter().map(Subprotocol::as_str).collect();
        headers.insert(PROTOCOL, value(&names.join(", ")));
    }
    let target = handshake.target.clone();
    (Request { headers, ..Request::new(Method::GET, target) }, key)
}

/// Holds the headers of an answer of status 101 against what was asked for.
///
/// Fails with what is wrong with them.
pub(super) fn check(
    headers: &Headers,
    key: &str,
    offered: &[Subprotocol],
    deflate: bool,
) -> Result<Agreed, String> {
    let has = |name, token: &str| {
        let members = headers.get_all(name).flat_map(|value| value.split(|&byte| byte == b','));
        members.map(<[u8]>::trim_ascii).any(|one| one.eq_ignore_ascii_case(token.as_bytes()))
    };
    if !has("upgrade", "websocket") {
        return Err("it does not upgrade to `websocket`".into());
    }
    if !has("connection", "upgrade") {
        return Err("its `connection` is not `upgrade`".into());
    }
    if !headers.get_all("sec-websocket-accept").eq([accept(key).as_bytes()]) {
        return Err("its `sec-websocket-accept` does not fit the key".into());
    }
    let mut extensions = headers.get_all(EXTENSIONS);
    let deflate = if deflate {
        Deflate::agreed(extensions)?
    } else if extensions.any(|value| !value.is_empty()) {
        return Err("it has an extension that was not offered".into());
    } else {
        None
    };
    let mut protocols = headers.get_all(PROTOCOL);
    let subprotocol = match protocols.next() {
        None => None,
        Some(chosen) => {
            let chosen = offered.iter().find(|offered| offered.as_str().as_bytes() == chosen);
            let chosen = chosen.ok_or("it has a subprotocol that was not offered")?;
            Some(chosen.as_str().to_owned())
        }
    };
    if protocols.next().is_some() {
        return Err("it has more than one subprotocol".into());
    }
    Ok(Agreed { subprotocol, deflate })
}

/// What the server must answer to a key.
fn accept(key: &str) -> String {
    BASE64_STANDARD.encode(Sha1::new().chain_update(key).chain_update(GUID).finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_of_the_rfc_has_the_answer_of_the_rfc() {
        assert_eq!(accept("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }

    #[test]
    fn a_subprotocol_is_a_token_and_nothing_else() {
        for (name, is_one) in [
            ("chat", true),
            ("v12.stomp", true),
            ("", false),
            ("a b", false),
            ("a,b", false),
            ("a\r\nb: c", false),
        ] {
            assert_eq!(Subprotocol::new(name).is_some(), is_one, "{name:?}");
        }
        assert_eq!(Subprotocol::new("WAMP").expect("a token").as_str(), "WAMP", "letters stay");
    }

    #[test]
    fn an_answer_is_held_against_what_was_asked_for() {
        let offered = [Subprotocol::new("chat").expect("a token")];
        let good = "upgrade: WebSocket\r\nconnection: keep-alive, Upgrade\r\n\
                    sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n";
        let held = |headers: &str, deflate| {
            let head = format!("HTTP/1.1 101 Switching Protocols\r\n{headers}\r\n");
            let headers = Headers::new(head.as_bytes());
            check(&headers, "dGhlIHNhbXBsZSBub25jZQ==", &offered, deflate)
        };
        let checked = |headers: &str| held(headers, false);
        assert_eq!(checked(good), Ok(Agreed { subprotocol: None, deflate: None }));
        let chosen = checked(&format!("{good}Sec-WebSocket-Protocol: chat\r\n"));
        assert_eq!(chosen.map(|agreed| agreed.subprotocol), Ok(Some("chat".into())));
        for (headers, words) in [
            (good.replace("WebSocket", "h2c"), "does not upgrade"),
            (good.replace("keep-alive, Upgrade", "close"), "`connection`"),
            (good.replace("s3pP", "S3pP"), "does not fit the key"),
            (good.replace("sec-websocket-accept", "x"), "does not fit the key"),
            (format!("{good}sec-websocket-accept: x\r\n"), "does not fit the key"),
            (format!("{good}sec-websocket-extensions: permessage-deflate\r\n"), "extension"),
            (format!("{good}sec-websocket-protocol: soup\r\n"), "subprotocol"),
            (
                format!("{good}sec-websocket-protocol: chat\r\nsec-websocket-protocol: chat\r\n"),
                "more than one subprotocol",
            ),
        ] {
            let error = checked(&headers).expect_err(words);
            assert!(error.contains(words), "{error}");
        }

        let packed = |extensions: &str| {
            let headers = format!("{good}sec-websocket-extensions: {extensions}\r\n");
            held(&headers, true).map(|agreed| agreed.deflate.is_some())
        };
        assert_eq!(packed("permessage-deflate; server_no_context_takeover"), Ok(true));
        assert_eq!(packed(""), Ok(false));
        assert_eq!(held(good, true).map(|agreed| agreed.deflate), Ok(None), "it is declined");
        let twice = packed("permessage-deflate\r\nsec-websocket-extensions: permessage-deflate");
        assert!(twice.expect_err("it was offered once").contains("twice"));
    }
}
