//! HTTP requests.
//!
//! [`get`] is the short way; [`Request`] is the whole way. A response with a status of 400 or more is a
//! response and not an error: check its status, or make it an error with [`Response::expect_status`].

use std::fmt;
use std::ops::RangeInclusive;
use std::time::Duration;

use crate::Result;
use crate::bindings::wasmload::script::http as contract;
pub use crate::download::{Chunk, Chunks, Download};
pub use crate::form::{Multipart, url};
use crate::form::{base64, form};
use crate::timing::{duration, milliseconds};
pub use crate::upload::Upload;

/// Sends a GET and waits for the response.
///
/// # Errors
///
/// Fails with the [`Error`] that says why there is no response.
pub fn get(url: &str) -> Result<Response, Error> {
    contract::get(url).map(Response).map_err(Error)
}

/// Sends a POST with this body and waits for the response.
///
/// # Errors
///
/// Fails with the [`Error`] that says why there is no response.
pub fn post(url: &str, body: impl AsRef<[u8]>) -> Result<Response, Error> {
    Request::post(url).body(body).send()
}

/// Sends all of these at once and waits for all of them; the results are in the order of the requests.
pub fn batch<'a>(requests: impl IntoIterator<Item = &'a Request>) -> Vec<Result<Response, Error>> {
    let requests: Vec<&contract::Request> =
        requests.into_iter().map(|request| &request.0).collect();
    contract::batch(&requests)
        .into_iter()
        .map(|result| result.map(Response).map_err(Error))
        .collect()
}

/// Waits until one of these is finished and gives its place in the list.
///
/// None if the timeout passes first, or at once if the list is empty.
#[must_use]
pub fn wait_any<'a>(
    pending: impl IntoIterator<Item = &'a Pending>,
    timeout: Option<Duration>,
) -> Option<usize> {
    let pending: Vec<&contract::Pending> = pending.into_iter().map(|one| &one.0).collect();
    contract::wait_any(&pending, timeout.map(milliseconds)).map(|index| index as usize)
}

/// A number of bytes as the contract has it.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it saturates")]
pub(crate) fn bytes(count: f64) -> u64 {
    count as u64
}

/// The cookies of this user that a request for this URL would be sent with, names and values.
#[must_use]
pub fn cookies(url: &str) -> Vec<(String, String)> {
    contract::cookies(url)
}

/// Keeps a cookie as if a response from this URL had set it, such as `session=8f3a; Path=/shop`.
pub fn set_cookie(url: &str, cookie: &str) {
    contract::set_cookie(url, cookie);
}

/// Forgets all cookies of this user.
pub fn clear_cookies() {
    contract::clear_cookies();
}

/// A version of HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HttpVersion {
    /// By TLS what the target chooses of HTTP/2 and HTTP/1.1, in the clear HTTP/1.1.
    Auto,
    /// HTTP/1.1.
    Http11,
    /// HTTP/2, in the clear too, without asking whether the target speaks it.
    Http2,
}

/// How a body is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// RFC 1952.
    Gzip,
    /// RFC 1950.
    Deflate,
}

/// A request that can be sent once or many times.
///
/// Setting it up never fails; [`send`](Self::send) says what cannot be sent.
#[derive(Debug)]
pub struct Request(pub(crate) contract::Request);

impl Request {
    /// A request with any method.
    #[must_use]
    pub fn new(method: &str, url: &str) -> Self {
        Self(contract::Request::new(method, url))
    }

    /// A GET.
    #[must_use]
    pub fn get(url: &str) -> Self {
        Self::new("GET", url)
    }

    /// A HEAD.
    #[must_use]
    pub fn head(url: &str) -> Self {
        Self::new("HEAD", url)
    }

    /// A POST.
    #[must_use]
    pub fn post(url: &str) -> Self {
        Self::new("POST", url)
    }

    /// A PUT.
    #[must_use]
    pub fn put(url: &str) -> Self {
        Self::new("PUT", url)
    }

    /// A PATCH.
    #[must_use]
    pub fn patch(url: &str) -> Self {
        Self::new("PATCH", url)
    }

    /// A DELETE.
    #[must_use]
    pub fn delete(url: &str) -> Self {
        Self::new("DELETE", url)
    }

    /// Adds a header.
    #[must_use]
    pub fn header(self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.0.add_header(name, value.as_ref());
        self
    }

    /// Adds `authorization: Bearer` with this token.
    #[must_use]
    pub fn bearer(self, token: &str) -> Self {
        self.header("authorization", format!("Bearer {token}"))
    }

    /// Adds `authorization: Basic` with this name and password (RFC 7617).
    #[must_use]
    pub fn basic(self, user: &str, password: &str) -> Self {
        let both = base64(format!("{user}:{password}").as_bytes());
        self.header("authorization", format!("Basic {both}"))
    }

    /// Sets the body to a form of these fields, and adds `content-type: application/x-www-form-urlencoded`.
    #[must_use]
    pub fn form(self, fields: &[(&str, &str)]) -> Self {
        self.header("content-type", "application/x-www-form-urlencoded").body(form(fields))
    }

    /// Sets the body to a form with files, and adds its `content-type`.
    #[must_use]
    pub fn multipart(self, form: Multipart) -> Self {
        let kind = format!("multipart/form-data; boundary={}", Multipart::BOUNDARY);
        form.finish(self.header("content-type", kind))
    }

    /// Sets a body that the engine makes as it sends it.
    #[must_use]
    pub fn upload(self, upload: &Upload) -> Self {
        self.0.set_upload(&upload.0);
        self
    }

    /// Answers a target's challenge by digest authentication (RFC 7616) with this name and password.
    #[must_use]
    pub fn digest(self, user: &str, password: &str) -> Self {
        self.0.set_digest_auth(user, password);
        self
    }

    /// Holds the body back until the target asks for it, or has been silent for a second.
    #[must_use]
    pub fn expect_continue(self) -> Self {
        self.header("expect", "100-continue")
    }

    /// Keeps the response's body, whatever the run's `discardResponseBodies`.
    #[must_use]
    pub fn keep_body(self) -> Self {
        self.body_policy(contract::BodyPolicy::Keep)
    }

    /// Counts the bytes of the response's body and forgets them, however many they are.
    #[must_use]
    pub fn discard_body(self) -> Self {
        self.body_policy(contract::BodyPolicy::Discard)
    }

    /// Keeps so many of the first bytes of the response's body, and counts the others.
    #[must_use]
    pub fn keep_first(self, bytes: u32) -> Self {
        self.body_policy(contract::BodyPolicy::First(bytes))
    }

    /// Keeps the SHA-256 of the response's body, and counts its bytes: see [`Response::sha256`].
    #[must_use]
    pub fn hash_body(self) -> Self {
        self.body_policy(contract::BodyPolicy::Hash)
    }

    fn body_policy(self, policy: contract::BodyPolicy) -> Self {
        self.0.set_body_policy(policy);
        self
    }

    /// Packs this body and sets it, and adds `content-encoding`.
    #[must_use]
    pub fn packed_body(self, encoding: Encoding, body: impl AsRef<[u8]>) -> Self {
        let encoding = match encoding {
            Encoding::Gzip => contract::Encoding::Gzip,
            Encoding::Deflate => contract::Encoding::Deflate,
        };
        self.0.set_packed_body(body.as_ref(), encoding);
        self
    }

    /// Sets how many redirects are followed at most, instead of the run's `maxRedirects`. Where there are
    /// more, the response that redirects is the result.
    #[must_use]
    pub fn redirects(self, limit: u32) -> Self {
        self.0.set_redirects(limit);
        self
    }

    /// Sets which statuses count as a success, each a range: `&[200..=299, 404..=404]`. 200 to 399 unless
    /// set.
    #[must_use]
    pub fn expected_statuses(self, ranges: &[RangeInclusive<u16>]) -> Self {
        let ranges: Vec<_> = ranges.iter().map(|range| (*range.start(), *range.end())).collect();
        self.0.set_expected_statuses(&ranges);
        self
    }

    /// Sets the body.
    #[must_use]
    pub fn body(self, body: impl AsRef<[u8]>) -> Self {
        self.0.set_body(body.as_ref());
        self
    }

    /// Sets the body to this value as JSON, and adds `content-type: application/json`.
    ///
    /// # Panics
    ///
    /// If the value has no JSON, such as a map whose keys are not strings.
    #[cfg(feature = "json")]
    #[must_use]
    pub fn json(self, value: &impl serde::Serialize) -> Self {
        let body = serde_json::to_vec(value).expect("a body must be a value that JSON can hold");
        self.header("content-type", "application/json").body(body)
    }

    /// Sets how long the whole exchange may take, instead of the run's request timeout.
    #[must_use]
    pub fn timeout(self, length: Duration) -> Self {
        self.0.set_timeout(milliseconds(length));
        self
    }

    /// Sets the version of HTTP that it is made with, instead of the run's `httpVersion`.
    #[must_use]
    pub fn http_version(self, version: HttpVersion) -> Self {
        self.0.set_http_version(match version {
            HttpVersion::Auto => contract::HttpVersion::Auto,
            HttpVersion::Http11 => contract::HttpVersion::Http11,
            HttpVersion::Http2 => contract::HttpVersion::Http2,
        });
        self
    }

    /// Sets how long finding and connecting to the host may take, if less than the whole exchange may.
    #[must_use]
    pub fn connect_timeout(self, length: Duration) -> Self {
        self.0.set_connect_timeout(milliseconds(length));
        self
    }

    /// Sets how long the target may take from the request's last byte to the response's first, if less than the
    /// whole exchange may.
    #[must_use]
    pub fn first_byte_timeout(self, length: Duration) -> Self {
        self.0.set_first_byte_timeout(milliseconds(length));
        self
    }

    /// Sets the `name` tag of its samples, which is the URL otherwise.
    #[must_use]
    pub fn name(self, name: &str) -> Self {
        self.0.set_name(name);
        self
    }

    /// Adds a tag to its samples.
    #[must_use]
    pub fn tag(self, name: &str, value: &str) -> Self {
        self.0.set_tag(name, value);
        self
    }

    /// Sends it and waits for the response.
    ///
    /// # Errors
    ///
    /// Fails with the [`Error`] that says why there is no response.
    pub fn send(&self) -> Result<Response, Error> {
        self.0.send().map(Response).map_err(Error)
    }

    /// Sends it and does not wait.
    #[must_use]
    pub fn start(&self) -> Pending {
        Pending(self.0.start())
    }

    /// Sends it and waits for the response's head; the body is read as it comes. The time that it may take is then the
    /// time until the response's head, and again until each next byte.
    ///
    /// # Errors
    ///
    /// Fails with the [`Error`] that says why there is no response.
    pub fn open(&self) -> Result<Download, Error> {
        self.0.open().map(Download).map_err(Error)
    }
}

/// A request that is on its way. Dropping it lets it finish and counts it.
#[derive(Debug)]
pub struct Pending(contract::Pending);

impl Pending {
    /// Waits for the response.
    ///
    /// # Errors
    ///
    /// Fails with the [`Error`] that says why there is no response.
    pub fn get(self) -> Result<Response, Error> {
        self.0.get().map(Response).map_err(Error)
    }
}

/// A response that has arrived whole. Its parts are copied to the script only when asked for.
#[derive(Debug)]
pub struct Response(pub(crate) contract::Response);

impl Response {
    /// The status code.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.0.status()
    }

    /// The version of HTTP that it came by, such as `HTTP/1.1`.
    #[must_use]
    pub fn protocol(&self) -> String {
        self.0.protocol()
    }

    /// The response itself if its status is this one.
    ///
    /// # Errors
    ///
    /// Fails with a sentence that names the URL and both statuses if it is another.
    pub fn expect_status(self, status: u16) -> Result<Self> {
        let found = self.status();
        if found == status {
            Ok(self)
        } else {
            Err(format!("{} answered {found}, but {status} was expected", self.url()).into())
        }
    }

    /// The first header of this name, whatever its case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<String> {
        self.0.header(name)
    }

    /// All headers in the order they came, names in lower case.
    #[must_use]
    pub fn headers(&self) -> Vec<(String, Vec<u8>)> {
        self.0.headers()
    }

    /// The body's length, without copying it, and also of one that was not kept.
    #[must_use]
    pub fn body_length(&self) -> u64 {
        bytes(self.0.whole_length())
    }

    /// The SHA-256 of the body in hexadecimal, if the request was told to [hash](Request::hash_body) it.
    #[must_use]
    pub fn sha256(&self) -> Option<String> {
        self.0.sha256()
    }

    /// A copy of what was kept of the body.
    #[must_use]
    pub fn body(&self) -> Vec<u8> {
        self.0.body()
    }

    /// A copy of what was kept of the body as text.
    #[must_use]
    pub fn text(&self) -> String {
        self.0.text()
    }

    /// The JSON body as a value of this type.
    ///
    /// # Errors
    ///
    /// Fails if the body is not JSON, or is JSON of another shape.
    #[cfg(feature = "json")]
    pub fn json<T: serde::de::DeserializeOwned>(&self) -> Result<T> {
        serde_json::from_slice(&self.body())
            .map_err(|error| format!("the body of {} does not fit: {error}", self.url()).into())
    }

    /// The part of a JSON body that a JSON Pointer names, such as `/items/0/price`, as JSON text.
    ///
    /// The engine finds it: the body is not copied.
    #[must_use]
    pub fn pointer(&self, pointer: &str) -> Option<String> {
        self.0.json(pointer)
    }

    /// The string in a JSON body that a JSON Pointer names; none if what it names is not a string.
    #[cfg(feature = "json")]
    #[must_use]
    pub fn pointer_str(&self, pointer: &str) -> Option<String> {
        serde_json::from_str(&self.pointer(pointer)?).ok()
    }

    /// How long each part of the exchange took.
    #[must_use]
    pub fn timings(&self) -> Timings {
        let timings = self.0.timings();
        Timings {
            blocked: duration(timings.blocked),
            looking_up: duration(timings.looking_up),
            connecting: duration(timings.connecting),
            tls_handshaking: duration(timings.tls_handshaking),
            sending: duration(timings.sending),
            waiting: duration(timings.waiting),
            receiving: duration(timings.receiving),
        }
    }

    /// The URL that answered: that which was asked for, or the one its last redirect led to.
    #[must_use]
    pub fn url(&self) -> String {
        self.0.url()
    }
}

/// How long each part of an exchange took, in the order they happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timings {
    /// Before anything else could begin.
    pub blocked: Duration,
    /// Finding the address of the host's name.
    pub looking_up: Duration,
    /// Making the TCP connection.
    pub connecting: Duration,
    /// The TLS handshake.
    pub tls_handshaking: Duration,
    /// Writing the request.
    pub sending: Duration,
    /// From the request's last byte to the response's first.
    pub waiting: Duration,
    /// From the response's first byte to its last.
    pub receiving: Duration,
}

impl Timings {
    /// `sending + waiting + receiving`: what `http_req_duration` counts.
    #[must_use]
    pub fn duration(&self) -> Duration {
        self.sending + self.waiting + self.receiving
    }
}

/// Why there is no response.
#[derive(Clone)]
pub struct Error(pub(crate) contract::Error);

impl Error {
    /// The case, to act on.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self.0 {
            contract::Error::InvalidRequest(_) => ErrorKind::InvalidRequest,
            contract::Error::NameNotResolved => ErrorKind::NameNotResolved,
            contract::Error::ConnectionRefused => ErrorKind::ConnectionRefused,
            contract::Error::ConnectionReset => ErrorKind::ConnectionReset,
            contract::Error::ClosedEarly => ErrorKind::ClosedEarly,
            contract::Error::TimedOut => ErrorKind::TimedOut,
            contract::Error::MalformedResponse(_) => ErrorKind::MalformedResponse,
            contract::Error::BodyTooLarge => ErrorKind::BodyTooLarge,
            contract::Error::NotAllowed(_) => ErrorKind::NotAllowed,
            contract::Error::Other(_) => ErrorKind::Other,
        }
    }
}

/// The cases of an [`Error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The URL, the method or a header cannot be sent; nothing was.
    InvalidRequest,
    /// The host's name has no address.
    NameNotResolved,
    /// Nobody listens at the address.
    ConnectionRefused,
    /// The peer, or something on the way, broke the connection.
    ConnectionReset,
    /// The peer ended the connection before the response was complete.
    ClosedEarly,
    /// The request's time was over before the response was complete.
    TimedOut,
    /// What came back is not HTTP.
    MalformedResponse,
    /// The response's body is larger than the engine keeps.
    BodyTooLarge,
    /// The engine or its user does not allow this request.
    NotAllowed,
    /// Anything else.
    Other,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            contract::Error::InvalidRequest(why) => write!(f, "invalid request: {why}"),
            contract::Error::NameNotResolved => f.write_str("name not resolved"),
            contract::Error::ConnectionRefused => f.write_str("connection refused"),
            contract::Error::ConnectionReset => f.write_str("connection reset"),
            contract::Error::ClosedEarly => {
                f.write_str("connection closed before the response was complete")
            }
            contract::Error::TimedOut => f.write_str("timed out"),
            contract::Error::MalformedResponse(what) => write!(f, "malformed response: {what}"),
            contract::Error::BodyTooLarge => f.write_str("response body too large"),
            contract::Error::NotAllowed(what) => write!(f, "not allowed: {what}"),
            contract::Error::Other(what) => f.write_str(what),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Error {}
