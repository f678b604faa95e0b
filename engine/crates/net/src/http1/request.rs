//! How a request is written.

use http::{Method, header};

use crate::config::{Config, Reuse};
use crate::request::Request;

/// Appends the head of a request, with all that it must have: `host`, `user-agent` where there is none, and
/// `content-length` where there is a body or one could be expected. A proxy that is to forward it is told the
/// whole URL, and who is there (RFC 9112 §3.2.2).
pub(crate) fn encode_head(request: &Request, config: &Config, forwarded: bool, into: &mut Vec<u8>) {
    let Request { method, target, headers, body, .. } = request;
    into.extend_from_slice(method.as_str().as_bytes());
    into.push(b' ');
    if forwarded {
        into.extend_from_slice(b"http://");
        into.extend_from_slice(target.authority().as_bytes());
    }
    into.extend_from_slice(target.path().as_bytes());
    into.extend_from_slice(b" HTTP/1.1\r\n");
    field(into, "host", target.authority().as_bytes());
    if !headers.contains_key(header::USER_AGENT) {
        field(into, "user-agent", config.user_agent.as_bytes());
    }
    if !body.is_empty() || expects_body(method) {
        field(into, "content-length", body.length().to_string().as_bytes());
    }
    // A handshake says of its connection what it is to become.
    if config.reuse == Reuse::Never && !headers.contains_key(header::CONNECTION) {
        field(into, "connection", b"close");
    }
    let authorization = if forwarded { config.proxies.authorization() } else { None };
    if let Some(value) = authorization {
        field(into, "proxy-authorization", value.as_bytes());
    }
    for (name, value) in headers {
        let ours = match *name {
            // Whom a message is for and where it ends follow from its target and its body alone.
            header::HOST | header::CONTENT_LENGTH | header::TRANSFER_ENCODING => true,
            // There is nothing to hold back.
            header::EXPECT => body.is_empty(),
            // Who may use a proxy is said by whoever asked for one.
            header::PROXY_AUTHORIZATION => authorization.is_some(),
            _ => false,
        };
        if !ours {
            field(into, name.as_str(), value.as_bytes());
        }
    }
    into.extend_from_slice(b"\r\n");
}

fn field(into: &mut Vec<u8>, name: &str, value: &[u8]) {
    into.extend_from_slice(name.as_bytes());
    into.extend_from_slice(b": ");
    into.extend_from_slice(value);
    into.extend_from_slice(b"\r\n");
}

/// Whether an empty body is to be announced: some servers answer 411 otherwise (RFC 9110 §8.6).
pub(crate) fn expects_body(method: &Method) -> bool {
    matches!(*method, Method::POST | Method::PUT | Method::PATCH)
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue};

    use super::*;
    use crate::target::Target;

    #[test]
    fn a_server_is_told_that_its_connection_will_not_be_used_again() {
        let target = Target::parse("http://a.test/").expect("a URL");
        let request = Request::new(Method::GET, target);
        for (reuse, told) in
            [(Reuse::Always, false), (Reuse::WithinIteration, false), (Reuse::Never, true)]
        {
            let mut written = Vec::new();
            encode_head(&request, &Config { reuse, ..Config::default() }, false, &mut written);
            let head = String::from_utf8(written).expect("text");
            assert_eq!(head.contains("\r\nconnection: close\r\n"), told, "{reuse:?}");
        }
        let mut handshake = request.clone();
        handshake.headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
        let (mut written, reuse) = (Vec::new(), Reuse::Never);
        encode_head(&handshake, &Config { reuse, ..Config::default() }, false, &mut written);
        let head = String::from_utf8(written).expect("text");
        assert!(!head.contains("close"), "a session is not over with its handshake: {head}");
    }

    #[test]
    fn a_head_has_what_it_must_have_and_the_scripts_headers() {
        type Row<'a> = (Method, &'a str, &'a [(&'static str, &'static str)], &'a str);
        let rows: [Row<'_>; 4] = [
            (Method::GET, "", &[], "GET /p?q HTTP/1.1\r\nhost: a.test:8\r\nuser-agent: w\r\n\r\n"),
            (
                Method::GET,
                "",
                &[("user-agent", "me"), ("host", "b.test"), ("x-a", "1")],
                "GET /p?q HTTP/1.1\r\nhost: a.test:8\r\nuser-agent: me\r\nx-a: 1\r\n\r\n",
            ),
            (
                Method::POST,
                "",
                &[("content-length", "9"), ("transfer-encoding", "chunked")],
                "POST /p?q HTTP/1.1\r\nhost: a.test:8\r\nuser-agent: w\r\ncontent-length: 0\r\n\r\n",
            ),
            (
                Method::DELETE,
                "four",
                &[],
                "DELETE /p?q HTTP/1.1\r\nhost: a.test:8\r\nuser-agent: w\r\ncontent-length: 4\r\n\r\n",
            ),
        ];
        let config = Config { user_agent: HeaderValue::from_static("w"), ..Config::default() };
        for (method, body, headers, expected) in rows {
            let headers: HeaderMap = headers
                .iter()
                .map(|(name, value)| {
                    (http::HeaderName::from_static(name), HeaderValue::from_static(value))
                })
                .collect();
            let target = Target::parse("http://a.test:8/p?q").expect("a URL");
            let body = body.as_bytes().into();
            let request = Request { headers, body, ..Request::new(method, target) };
            let mut written = Vec::new();
            encode_head(&request, &config, false, &mut written);
            assert_eq!(String::from_utf8(written).expect("text"), expected);
        }
    }
}
