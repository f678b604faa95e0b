//! `outgoing-handler`: a request becomes an exchange.

use std::sync::Arc;
use std::time::Duration;

use http::header::{CONTENT_LENGTH, HeaderMap, HeaderName, TE, TRAILER};
use net::{ExchangeId, Target, UrlError};
use wasmtime::component::{Linker, Resource};
use wasmtime_wasi_http::RequestOptions;
use wasmtime_wasi_http::p2::bindings::http::types::{ErrorCode, Method, Scheme};
use wasmtime_wasi_http::p2::types::{HostFutureIncomingResponse, HostOutgoingRequest};

use crate::catalogue::Ending;
use crate::exchanges::too_many;
use crate::interface::http::Prepared;
use crate::limits::Limit;
use crate::log::Level;
use crate::state::VuState;
use crate::wasi_http::future::{self, Pending};

/// What a request is to be called in samples, instead of its URL. It is not sent.
const NAME: HeaderName = HeaderName::from_static("wasmload-name");

/// What the guest is given.
type Handled = Result<Resource<HostFutureIncomingResponse>, ErrorCode>;

pub(super) fn add_to_linker(linker: &mut Linker<VuState>) -> wasmtime::Result<()> {
    type Asked = (Resource<HostOutgoingRequest>, Option<Resource<RequestOptions>>);

    linker
        .instance("wasi:http/outgoing-handler@0.2.12")?
        .func_wrap("handle", |mut store, (request, options): Asked| {
            Ok((store.data_mut().handle(request, options)?,))
        })
}

impl VuState {
    fn handle(
        &mut self,
        request: Resource<HostOutgoingRequest>,
        options: Option<Resource<RequestOptions>>,
    ) -> wasmtime::Result<Handled> {
        let options = match options {
            Some(options) => self.table.delete(options)?,
            None => RequestOptions::default(),
        };
        let request = self.table.delete(request)?;
        Ok(match self.send(request, &options) {
            Ok(id) => {
                let pending = self.table.push(Pending::new(id, Arc::clone(&self.exchanges)))?;
                Ok(future::of_library(&pending))
            }
            Err(code) => Err(code),
        })
    }

    /// Begins an exchange, at once or when the guest has written the body.
    ///
    /// Fails, having counted it, with the case that says why it cannot be sent.
    fn send(
        &mut self,
        request: HostOutgoingRequest,
        options: &RequestOptions,
    ) -> Result<ExchangeId, ErrorCode> {
        let HostOutgoingRequest { method, scheme, authority, path_with_query, headers, body } =
            request;
        let mut headers = HeaderMap::from(headers);
        let name = headers.remove(NAME);
        let name = name
            .as_ref()
            .map(|name| self.user.limits.tag_of(&String::from_utf8_lossy(name.as_bytes())));
        let (method, url) = (text(&method), url(scheme, authority, path_with_query));
        let prepared = self.prepare(method, &url, name.as_deref(), &[], &[]).map_err(|error| {
            self.warn(&error.to_string());
            unsendable(method, &url)
        })?;
        let Prepared { method, target, endpoint, .. } = prepared;

        let refused = |ending, code| {
            self.exchanges.lock().record_unsent(&endpoint, ending);
            Err(code)
        };
        if self.user.offline.is_some() {
            return refused(Ending::NOT_ALLOWED, ErrorCode::HttpRequestDenied);
        }
        // One with a body is held against its length by the library, which gave the body out.
        if body.is_none() && headers.get(CONTENT_LENGTH).is_some_and(|length| length != "0") {
            return refused(Ending::INVALID, ErrorCode::HttpRequestBodySize(Some(0)));
        }
        // Neither way are there trailers.
        headers.remove(TE);
        headers.remove(TRAILER);

        let request = net::Request {
            headers,
            timeout: whole(options),
            connect_timeout: options.connect_timeout,
            first_byte_timeout: options.first_byte_timeout,
            verbatim: true,
            ..net::Request::new(method, target)
        };
        let (of_samples, lag) = (Arc::clone(&endpoint), self.lag());
        let started = match body {
            None => self.exchanges.lock().start(request, of_samples, lag),
            Some(body) => self.exchanges.lock().upload(request, body, of_samples, lag),
        };
        started.map_or_else(
            || {
                self.user.count_limit(Limit::RequestsAtOnce);
                self.warn(&too_many(&self.user.limits));
                refused(Ending::NOT_ALLOWED, ErrorCode::ConnectionLimitReached)
            },
            Ok,
        )
    }

    /// Says to people what the standard has no words for.
    fn warn(&self, what: &str) {
        let message = format!("wasi:http: {what}");
        self.user.log.log(Level::Warn, message);
    }
}

fn url(scheme: Option<Scheme>, authority: Option<String>, path: Option<String>) -> String {
    let scheme = match &scheme {
        Some(Scheme::Http) => "http",
        // What wasmtime takes where nothing is said, too.
        Some(Scheme::Https) | None => "https",
        Some(Scheme::Other(other)) => other,
    };
    let (authority, path) = (authority.unwrap_or_default(), path.unwrap_or_default());
    [scheme, "://", &authority, &path].concat()
}

fn text(method: &Method) -> &str {
    match method {
        Method::Get => "GET",
        Method::Head => "HEAD",
        Method::Post => "POST",
        Method::Put => "PUT",
        Method::Delete => "DELETE",
        Method::Connect => "CONNECT",
        Method::Options => "OPTIONS",
        Method::Trace => "TRACE",
        Method::Patch => "PATCH",
        Method::Other(other) => other,
    }
}

/// Which of the two that a request goes by cannot be sent.
fn unsendable(method: &str, url: &str) -> ErrorCode {
    match http::Method::from_bytes(method.as_bytes()) {
        Ok(http::Method::CONNECT) | Err(_) => ErrorCode::HttpRequestMethodInvalid,
        Ok(_) if Target::parse(url) == Err(UrlError::TooLong) => ErrorCode::HttpRequestUriTooLong,
        Ok(_) => ErrorCode::HttpRequestUriInvalid,
    }
}

/// How long the whole exchange may take.
///
/// The first two of the standard's times are an exchange's own. It has none between bytes: a response is handed over in
/// one piece, so whoever wants bytes at such intervals gets them within all three times together. Without one for the
/// first byte that is no limit, and the run's stands.
fn whole(options: &RequestOptions) -> Option<Duration> {
    let connect = options.connect_timeout.unwrap_or_default();
    let (first_byte, between) = options.first_byte_timeout.zip(options.between_bytes_timeout)?;
    Some(connect.saturating_add(first_byte).saturating_add(between))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_put_together_from_what_the_guest_says() {
        let owned = |text: Option<&str>| text.map(ToOwned::to_owned);
        for (scheme, authority, path, expected) in [
            (Some(Scheme::Http), Some("a.test:80"), Some("/b?c"), "http://a.test:80/b?c"),
            (Some(Scheme::Https), Some("a.test"), None, "https://a.test"),
            (None, Some("a.test"), Some("?c"), "https://a.test?c"),
            (Some(Scheme::Other("ftp".into())), Some("a.test"), Some("/"), "ftp://a.test/"),
            (Some(Scheme::Http), None, Some("/b"), "http:///b"),
        ] {
            assert_eq!(url(scheme, owned(authority), owned(path)), expected);
        }
    }

    #[test]
    fn what_cannot_be_sent_is_told_apart() {
        let long = format!("http://a.test/{}", "a".repeat(70_000));
        for (method, url, expected) in [
            ("CONNECT", "http://a.test/", "HttpRequestMethodInvalid"),
            ("GE T", "http://a.test/", "HttpRequestMethodInvalid"),
            ("GET", "ftp://a.test/", "HttpRequestUriInvalid"),
            ("GET", "http://ada:secret@a.test/", "HttpRequestUriInvalid"),
            ("GET", "http:///b", "HttpRequestUriInvalid"),
            ("GET", &long, "HttpRequestUriTooLong"),
        ] {
            let code = format!("{:?}", unsendable(method, url));
            assert!(code.ends_with(expected), "{method} {url}: {code}");
        }
    }

    #[test]
    fn a_response_in_one_piece_has_the_times_to_its_first_byte_and_between_two_together() {
        let second = Duration::from_secs(1);
        for (connect, first_byte, between, expected) in [
            (None, None, None, None),
            (Some(second), Some(second), None, None),
            (Some(second), None, Some(second), None),
            (None, Some(second), Some(second), Some(second * 2)),
            (Some(second), Some(second * 2), Some(second * 3), Some(second * 6)),
            (Some(Duration::MAX), Some(second), Some(second), Some(Duration::MAX)),
        ] {
            let options = RequestOptions {
                connect_timeout: connect,
                first_byte_timeout: first_byte,
                between_bytes_timeout: between,
            };
            assert_eq!(whole(&options), expected, "{options:?}");
        }
    }
}
