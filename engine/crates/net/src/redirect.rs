//! Where a response sends its client, and with what.

use http::header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, COOKIE};
use http::{Method, StatusCode};
use url::Url;

use crate::body::Body;
use crate::error::Error;
use crate::request::Request;
use crate::response::Response;
use crate::target::Target;

/// The request that follows a response, if the response asks for one (RFC 9110 §15.4).
///
/// What 301, 302 and 303 make of a method is what browsers and k6 make of it: `GET` without a body, unless it
/// was `GET` or `HEAD`. To another host neither credentials nor cookies are carried that the script gave for
/// this one.
///
/// Fails with [`Error::MalformedResponse`] where it leads nowhere.
pub(crate) fn follow(request: &Request, response: &Response) -> Result<Option<Request>, Error> {
    let Some(location) = led_to(request, response) else { return Ok(None) };
    let target = joined(&request.target, location)?;
    let left = request.redirects.map(|left| left.saturating_sub(1));
    let mut next = Request { target, redirects: left, ..request.clone() };
    let keeps =
        matches!(response.status, StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT);
    if !keeps && !matches!(next.method, Method::GET | Method::HEAD) {
        next.method = Method::GET;
        next.body = Body::default();
        next.headers.remove(CONTENT_TYPE);
        next.headers.remove(CONTENT_ENCODING);
    }
    if !next.target.same_peer(&request.target) {
        next.headers.remove(AUTHORIZATION);
        next.headers.remove(COOKIE);
        next.digest = None;
    }
    Ok(Some(next))
}

/// Where a response sends its client, if that may be sent on.
pub(crate) fn led_to<'a>(request: &Request, response: &'a Response) -> Option<&'a [u8]> {
    let leads_on = matches!(
        response.status,
        StatusCode::MOVED_PERMANENTLY
            | StatusCode::FOUND
            | StatusCode::SEE_OTHER
            | StatusCode::TEMPORARY_REDIRECT
            | StatusCode::PERMANENT_REDIRECT
    );
    if !leads_on || request.redirects == Some(0) {
        return None;
    }
    response.headers.get("location")
}

fn joined(from: &Target, location: &[u8]) -> Result<Target, Error> {
    let nowhere = |why: &str| {
        let shown: String = location.escape_ascii().map(char::from).take(100).collect();
        Error::MalformedResponse(format!("it redirects to `{shown}`: {why}"))
    };
    let location = str::from_utf8(location).map_err(|_| nowhere("it is not text"))?;
    let url = Url::parse(from.as_str()).and_then(|base| base.join(location));
    let url = url.map_err(|error| nowhere(&error.to_string()))?;
    Target::parse(url.as_str()).map_err(|error| nowhere(&error.to_string()))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use http::header::HeaderMap;

    use super::*;
    use crate::digest::Digest;
    use crate::response::Headers;

    fn request(method: Method) -> Request {
        let mut headers = HeaderMap::new();
        for name in [AUTHORIZATION, COOKIE, CONTENT_TYPE] {
            headers.insert(name, HeaderValue::from_static("x"));
        }
        let target = Target::parse("http://a.test:81/shop/cart?x=1").unwrap();
        let digest = Some(Digest::new("ada".to_owned(), "secret".to_owned()));
        Request { headers, digest, body: Body::from(&b"body"[..]), ..Request::new(method, target) }
    }

    fn response(status: u16, location: &str) -> Response {
        let head = format!("HTTP/1.1 {status} x\r\nLocation: {location}\r\n\r\n");
        Response {
            status: StatusCode::from_u16(status).unwrap(),
            headers: Headers::new(head.as_bytes()),
            ..Response::default()
        }
    }

    #[test]
    fn a_location_is_seen_from_where_it_was_given() {
        for (location, url) in [
            ("/checkout", "http://a.test:81/checkout"),
            ("done?y=2", "http://a.test:81/shop/done?y=2"),
            ("../", "http://a.test:81/"),
            ("//b.test/x", "http://b.test/x"),
            ("http://b.test:82/#top", "http://b.test:82/"),
            ("?y=2", "http://a.test:81/shop/cart?y=2"),
            ("/caf\u{e9}", "http://a.test:81/caf%C3%A9"),
        ] {
            let next = follow(&request(Method::GET), &response(302, location)).unwrap().unwrap();
            assert_eq!(next.target.as_str(), url, "{location}");
        }
    }

    #[test]
    fn a_status_says_what_becomes_of_method_and_body() {
        for (status, method, followed) in [
            (301, Method::POST, Some((Method::GET, false))),
            (302, Method::PUT, Some((Method::GET, false))),
            (303, Method::DELETE, Some((Method::GET, false))),
            (303, Method::HEAD, Some((Method::HEAD, true))),
            (307, Method::POST, Some((Method::POST, true))),
            (308, Method::POST, Some((Method::POST, true))),
            (300, Method::GET, None),
            (304, Method::GET, None),
            (200, Method::GET, None),
        ] {
            let next = follow(&request(method.clone()), &response(status, "/x")).unwrap();
            let found = next.map(|next| {
                assert_eq!(next.body.is_empty(), !next.headers.contains_key(CONTENT_TYPE));
                (next.method, !next.body.is_empty())
            });
            assert_eq!(found, followed, "{status} {method}");
        }
    }

    #[test]
    fn credentials_stay_with_their_host() {
        let to = |location| {
            let next = follow(&request(Method::GET), &response(302, location)).unwrap().unwrap();
            assert_eq!(next.headers.contains_key(AUTHORIZATION), next.digest.is_some());
            (next.headers.contains_key(AUTHORIZATION), next.headers.contains_key(COOKIE))
        };
        assert_eq!(to("/x"), (true, true));
        assert_eq!(to("http://A.test:81/"), (true, true));
        assert_eq!(to("http://b.test/"), (false, false));
        assert_eq!(to("http://a.test/"), (false, false), "another port is another server");
        assert_eq!(to("https://a.test:81/"), (false, false), "so is another scheme");
    }

    #[test]
    fn what_leads_nowhere_is_an_error_that_says_where() {
        for (location, why) in [
            ("ftp://a.test/", "its scheme is neither"),
            ("http://", "it redirects to `http://`: "),
            ("http://u:p@a.test/", "it has a user name or password"),
        ] {
            let error = follow(&request(Method::GET), &response(302, location)).unwrap_err();
            assert!(error.to_string().contains(why), "{location}: {error}");
        }
        let mut without = response(302, "/");
        without.headers = Headers::new(b"HTTP/1.1 302 x\r\n\r\n");
        assert!(follow(&request(Method::GET), &without).unwrap().is_none());
    }
}
