//! How a request is written for HTTP/2.

use http::header::{
    CONNECTION, CONTENT_LENGTH, EXPECT, HOST, HeaderName, TE, TRANSFER_ENCODING, UPGRADE,
    USER_AGENT,
};
use http::{HeaderValue, Version};

use crate::config::Config;
use crate::http1::expects_body;
use crate::request::Request;

/// What is of one connection of HTTP/1.1 and means nothing here (RFC 9113 §8.2.2), and what is said elsewhere:
/// whom a request is for in `:authority`, where it ends by its last frame.
const LEFT_OUT: [HeaderName; 7] = [
    HOST,
    CONTENT_LENGTH,
    TRANSFER_ENCODING,
    CONNECTION,
    UPGRADE,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
];

/// The head of a request, with all that it must have: what HTTP/1.1's has, in the form that HTTP/2 gives it.
pub(super) fn head(request: &Request, config: &Config) -> http::Request<()> {
    let Request { method, target, headers, body, .. } = request;
    let mut head = http::Request::new(());
    *head.method_mut() = method.clone();
    *head.uri_mut() = target.uri().clone();
    *head.version_mut() = Version::HTTP_2;
    let mut headers = headers.clone();
    for name in &LEFT_OUT {
        headers.remove(name);
    }
    if headers.get(TE).is_some_and(|value| value != "trailers") {
        headers.remove(TE);
    }
    headers.entry(USER_AGENT).or_insert_with(|| config.user_agent.clone());
    if !body.is_empty() || expects_body(method) {
        headers.insert(CONTENT_LENGTH, HeaderValue::from(body.length()));
    }
    if body.is_empty() {
        headers.remove(EXPECT);
    }
    *head.headers_mut() = headers;
    head
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, Method};

    use super::*;
    use crate::target::Target;

    /// The pseudo-headers and the headers of a request, in the order of their names.
    fn written(
        method: Method,
        body: &'static str,
        given: &[(&'static str, &'static str)],
    ) -> String {
        let mut headers = HeaderMap::new();
        for &(name, value) in given {
            headers.append(name, HeaderValue::from_static(value));
        }
        let target = Target::parse("https://a.test:8/p?q").expect("a URL");
        let body = body.as_bytes().into();
        let request = Request { headers, body, ..Request::new(method, target) };
        let config = Config { user_agent: HeaderValue::from_static("w"), ..Config::default() };
        let head = head(&request, &config);
        let mut lines: Vec<_> = head
            .headers()
            .iter()
            .map(|(name, value)| format!("{name}={}", value.to_str().expect("text")))
            .collect();
        lines.sort();
        format!("{} {} {}", head.method(), head.uri(), lines.join(" "))
    }

    #[test]
    fn a_head_has_what_it_must_have_and_nothing_that_is_of_http_1() {
        let url = "https://a.test:8/p?q";
        assert_eq!(written(Method::GET, "", &[]), format!("GET {url} user-agent=w"));
        let given = [
            ("host", "b.test"),
            ("content-length", "9"),
            ("transfer-encoding", "chunked"),
            ("connection", "x-hop"),
            ("keep-alive", "5"),
            ("proxy-connection", "close"),
            ("upgrade", "h2c"),
            ("te", "gzip"),
            ("user-agent", "me"),
            ("cookie", "a=1; b=2"),
        ];
        assert_eq!(
            written(Method::POST, "four", &given),
            format!("POST {url} content-length=4 cookie=a=1; b=2 user-agent=me")
        );
        assert_eq!(
            written(Method::POST, "", &[("te", "trailers")]),
            format!("POST {url} content-length=0 te=trailers user-agent=w")
        );
    }
}
