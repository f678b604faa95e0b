//! `http`: requests, timed in phases and counted.
//!
//! Only translation stands here: the client is `net`'s, the samples are [`Exchanges`](crate::exchanges::Exchanges)' affair. What comes of requests
//! is in `response` and `download`, what they carry that is not in the script's memory in `upload`.

#![expect(unreachable_pub, reason = "the generated bindings name these types in public items")]

mod download;
mod response;
mod upload;

use std::sync::Arc;
use std::time::Duration;

use ::http::Method;
use ::http::header::{ACCEPT, CONTENT_ENCODING, HeaderMap, HeaderName, HeaderValue};
use metrics::Tags;
use net::{BodyPolicy, Digest, ExchangeId, Target};
use wasmtime::Result;
use wasmtime::component::Resource;

use crate::bindings::wasmload::script::http::{
    BodyPolicy as Policy, Encoding, Error, Host, HostPending, HostRequest, HttpVersion,
};
use crate::catalogue::{Ending, Endpoint, EndpointKey};
use crate::event_streams::{Source, StreamId};
use crate::exchanges::{Finished, too_many, until};
use crate::limits::{EXPECTED_RANGES, HEADER_BYTES, Limit, METHOD};
use crate::state::VuState;
use crate::time::{duration, within};

pub use download::Download;
pub use response::Response;
pub use upload::Upload;

/// Headers that the engine sets itself, or that would change where a message ends.
const ENGINES_OWN: [&str; 9] = [
    "connection",
    "content-length",
    "host",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// A request as a script sets it up.
#[derive(Clone)]
pub struct Request {
    method: String,
    url: String,
    content: Content,
    name: Option<String>,
    tags: Vec<(String, String)>,
    /// The statuses that it expects.
    expected: Vec<(u16, u16)>,
    /// The first thing about it that cannot be sent.
    fault: Option<String>,
    /// What is found out when it is sent first, and again when its name or tags change.
    prepared: Option<Prepared>,
    /// The bytes of its headers, its body and its credentials.
    header_bytes: usize,
    body_bytes: usize,
    digest_bytes: usize,
    /// The bytes of it that the script is known to hold.
    known: usize,
}

impl Request {
    /// How many bytes it takes.
    fn size(&self) -> usize {
        let tags: usize = self.tags.iter().map(|(name, value)| name.len() + value.len()).sum();
        self.method.len()
            + self.url.len()
            + self.name.as_ref().map_or(0, String::len)
            + tags
            + size_of_val(self.expected.as_slice())
            + self.header_bytes
            + self.body_bytes
            + self.digest_bytes
    }
}

/// What of a request only its exchange needs to know.
#[derive(Clone, Default)]
pub(super) struct Content {
    headers: HeaderMap,
    body: net::Body,
    /// As the run has it, unless it is set.
    body_policy: Option<BodyPolicy>,
    digest: Option<Digest>,
    timeout: Option<Duration>,
    connect_timeout: Option<Duration>,
    first_byte_timeout: Option<Duration>,
    redirects: Option<u32>,
    version: Option<net::HttpVersion>,
}

/// Everything about a request that does not change from one sending to the next.
#[derive(Clone)]
pub(crate) struct Prepared {
    pub(crate) method: Method,
    pub(crate) target: Target,
    pub(crate) endpoint: Arc<Endpoint>,
    /// The tags under which it was found out.
    tags: Tags,
}

/// A request on its way.
pub struct Pending {
    /// Taken by `get`; an error that was known at once, or the exchange's number.
    outcome: Option<Result<ExchangeId, Error>>,
}

impl VuState {
    /// Takes note of what the script has made of a request.
    ///
    /// Fails if it holds too many bytes of requests.
    fn has_set(&mut self, this: &Resource<Request>) -> Result<()> {
        let request = self.table.get_mut(this)?;
        let (size, known) = (request.size(), request.known);
        request.known = size;
        self.requests.give_back(known);
        Ok(self.requests.take(size)?)
    }

    /// Finds out where a request goes and which series count it.
    ///
    /// Fails, having counted it, with the error that says why it cannot be sent.
    pub(crate) fn prepare(
        &mut self,
        method: &str,
        url: &str,
        name: Option<&str>,
        tags: &[(String, String)],
        expected: &[(u16, u16)],
    ) -> Result<Prepared, Error> {
        let plain = name.is_none() && tags.is_empty() && expected.is_empty();
        if plain
            && let Some(prepared) = self.recent_requests.find(|(of, known, at)| {
                known == method && at == url && of.is_same(self.scope.tags())
            })
        {
            return Ok(prepared);
        }
        let tag = self.user.limits.tag_of(method);
        let tags_now = self.scope.tags().clone();
        let (endpoint, target) = {
            let mut catalogue = self.user.catalogue.lock();
            let endpoint = catalogue.endpoint(EndpointKey {
                vu: tags_now.clone(),
                method: tag.clone(),
                name: name.map_or_else(|| self.user.name_of(url), ToOwned::to_owned),
                tags: tags.to_vec(),
                expected: expected.to_vec(),
            });
            (endpoint, catalogue.target(url))
        };
        let parsed = match (Method::from_bytes(method.as_bytes()), target) {
            _ if method.len() > METHOD => Err(format!(
                "`{}…` is too long for a method",
                &tag[..tag.floor_char_boundary(METHOD)]
            )),
            (Ok(Method::CONNECT), _) => {
                Err("CONNECT is for proxies; the engine makes connections itself".to_owned())
            }
            (Ok(method), Ok(target)) => Ok((method, target)),
            (Err(_), _) => Err(format!("`{}` is not a method", method.escape_default())),
            (_, Err(error)) => {
                let url = self.user.limits.tag_of(url);
                Err(format!("the URL `{}`: {error}", url.escape_default()))
            }
        };
        let (parsed_method, target) = parsed.map_err(|fault| {
            self.unsent(&endpoint, Ending::INVALID, Error::InvalidRequest(fault))
        })?;
        let key = plain.then(|| (tags_now.clone(), method.to_owned(), url.to_owned()));
        let prepared = Prepared { method: parsed_method, target, endpoint, tags: tags_now };
        if let Some(key) = key {
            self.recent_requests.keep(key, prepared.clone());
        }
        Ok(prepared)
    }

    /// Counts a request that is not sent, and hands on why.
    fn unsent(&self, endpoint: &Endpoint, ending: Ending, error: Error) -> Error {
        self.exchanges.lock().record_unsent(endpoint, ending);
        error
    }

    /// Whether this VU may send requests.
    ///
    /// Fails, having counted the one that it wanted to send.
    fn may_send(&self, endpoint: &Endpoint) -> Result<(), Error> {
        self.user.offline.map_or(Ok(()), |why| {
            Err(self.unsent(endpoint, Ending::NOT_ALLOWED, Error::NotAllowed(why.into())))
        })
    }

    /// Begins an exchange, unless this VU may not.
    fn begin(&mut self, prepared: Prepared, content: Content) -> Result<ExchangeId, Error> {
        let Prepared { method, target, endpoint, .. } = prepared;
        self.may_send(&endpoint)?;
        let lag = self.lag();
        let request = content.request(method, target, self.user.discards_bodies);
        let started = self.exchanges.lock().start(request, Arc::clone(&endpoint), lag);
        started.ok_or_else(|| self.too_many(&endpoint))
    }

    /// Counts a request that is one too many.
    fn too_many(&self, endpoint: &Endpoint) -> Error {
        self.user.count_limit(Limit::RequestsAtOnce);
        let why = too_many(&self.user.limits);
        self.unsent(endpoint, Ending::NOT_ALLOWED, Error::NotAllowed(why))
    }

    /// Begins to open a stream of events that this request asks for.
    pub(super) fn begin_stream(
        &mut self,
        prepared: Prepared,
        mut content: Content,
        reconnects: u32,
        tokens: Option<Vec<String>>,
    ) -> Result<StreamId, Error> {
        self.may_send(&prepared.endpoint)?;
        let accept = HeaderValue::from_static("text/event-stream");
        content.headers.entry(ACCEPT).or_insert(accept);
        let endpoint = Arc::clone(&prepared.endpoint);
        let request = content.request(prepared.method, prepared.target, false);
        let source = Source { request, endpoint: Arc::clone(&endpoint), reconnects, tokens };
        let begun = self.exchanges.lock().stream(source, self.lag());
        begun.ok_or_else(|| self.too_many(&endpoint))
    }

    /// A request as it is set up now, and where it goes.
    ///
    /// Fails, having counted it, with the error that says why it cannot be sent.
    pub(super) fn ready(
        &mut self,
        this: &Resource<Request>,
    ) -> Result<Result<(Prepared, Content), Error>> {
        let request = self.table.get(this)?;
        let content = request.content.clone();
        let now = self.scope.tags();
        let known = request.prepared.as_ref().filter(|prepared| prepared.tags.is_same(now));
        if let (Some(prepared), None) = (known, &request.fault) {
            return Ok(Ok((prepared.clone(), content)));
        }
        let (method, url) = (request.method.clone(), request.url.clone());
        let (name, tags) = (request.name.clone(), request.tags.clone());
        let (expected, fault) = (request.expected.clone(), request.fault.clone());
        let prepared = match self.prepare(&method, &url, name.as_deref(), &tags, &expected) {
            Ok(prepared) => prepared,
            Err(error) => return Ok(Err(error)),
        };
        if let Some(fault) = fault {
            let error = Error::InvalidRequest(fault);
            return Ok(Err(self.unsent(&prepared.endpoint, Ending::INVALID, error)));
        }
        self.table.get_mut(this)?.prepared = Some(prepared.clone());
        Ok(Ok((prepared, content)))
    }

    fn start_request(&mut self, this: &Resource<Request>) -> Result<Result<ExchangeId, Error>> {
        let ready = self.ready(this)?;
        Ok(ready.and_then(|(prepared, content)| self.begin(prepared, content)))
    }

    /// Waits for an exchange and hands its response to the script.
    async fn finish(
        &mut self,
        started: Result<ExchangeId, Error>,
    ) -> Result<Result<Resource<Response>, Error>> {
        let id = match started {
            Ok(id) => id,
            Err(error) => return Ok(Err(error)),
        };
        let Finished { target, timings, result } =
            until(&self.exchanges, |exchanges| exchanges.take(id)).await;
        Ok(match result {
            Ok(response) => Ok(self.hand_over(Response::new(target, response, timings))?),
            Err(error) => Err(translated(error)),
        })
    }
}

pub(super) fn translated(error: net::Error) -> Error {
    match error {
        net::Error::NameNotResolved => Error::NameNotResolved,
        net::Error::ConnectionRefused => Error::ConnectionRefused,
        net::Error::ConnectionReset | net::Error::StreamReset(_) | net::Error::GoAway(_) => {
            Error::ConnectionReset
        }
        net::Error::ClosedEarly => Error::ClosedEarly,
        net::Error::ConnectTimedOut | net::Error::TimedOut => Error::TimedOut,
        net::Error::MalformedResponse(what) => Error::MalformedResponse(what),
        net::Error::Http2(..) => Error::MalformedResponse(error.to_string()),
        net::Error::BodyTooLarge(_) => Error::BodyTooLarge,
        net::Error::NotAllowed(what) => Error::NotAllowed(what),
        other => Error::Other(other.to_string()),
    }
}

impl Content {
    fn request(self, method: Method, target: Target, discards_body: bool) -> net::Request {
        let usual = if discards_body { BodyPolicy::Discard } else { BodyPolicy::Keep };
        net::Request {
            headers: self.headers,
            body: self.body,
            body_policy: self.body_policy.unwrap_or(usual),
            digest: self.digest,
            timeout: self.timeout,
            connect_timeout: self.connect_timeout,
            first_byte_timeout: self.first_byte_timeout,
            redirects: self.redirects,
            version: self.version,
            ..net::Request::new(method, target)
        }
    }
}

impl Host for VuState {
    async fn get(&mut self, url: String) -> Result<Result<Resource<Response>, Error>> {
        let started = self
            .prepare("GET", &url, None, &[], &[])
            .and_then(|prepared| self.begin(prepared, Content::default()));
        self.finish(started).await
    }

    async fn batch(
        &mut self,
        requests: Vec<Resource<Request>>,
    ) -> Result<Vec<Result<Resource<Response>, Error>>> {
        let mut started = Vec::with_capacity(requests.len());
        for request in &requests {
            started.push(self.start_request(request)?);
        }
        let mut results = Vec::with_capacity(started.len());
        for one in started {
            results.push(self.finish(one).await?);
        }
        Ok(results)
    }

    async fn wait_any(
        &mut self,
        pending: Vec<Resource<Pending>>,
        timeout: Option<f64>,
    ) -> Result<Option<u32>> {
        let mut waiting = Vec::with_capacity(pending.len());
        for (place, one) in (0u32..).zip(&pending) {
            match &self.table.get(one)?.outcome {
                Some(Ok(id)) => waiting.push((place, *id)),
                // What failed at once, or was taken before, is finished.
                Some(Err(_)) | None => return Ok(Some(place)),
            }
        }
        if waiting.is_empty() {
            return Ok(None);
        }
        let first = until(&self.exchanges, |exchanges| {
            waiting.iter().find(|(_, id)| exchanges.is_finished(*id)).map(|(place, _)| *place)
        });
        Ok(within(timeout, first).await)
    }

    fn cookies(&mut self, url: String) -> Result<Vec<(String, String)>> {
        let Ok(target) = self.user.catalogue.lock().target(&url) else { return Ok(Vec::new()) };
        Ok(self.exchanges.lock().cookies(&target))
    }

    fn set_cookie(&mut self, url: String, cookie: String) -> Result<()> {
        if let Ok(target) = self.user.catalogue.lock().target(&url) {
            self.exchanges.lock().keep_cookie(&target, &cookie);
        }
        Ok(())
    }

    fn clear_cookies(&mut self) -> Result<()> {
        self.exchanges.lock().clear_cookies();
        Ok(())
    }
}

impl HostRequest for VuState {
    fn new(&mut self, method: String, url: String) -> Result<Resource<Request>> {
        let this = self.table.push(Request {
            method,
            url,
            content: Content::default(),
            name: None,
            tags: Vec::new(),
            expected: Vec::new(),
            fault: None,
            prepared: None,
            header_bytes: 0,
            body_bytes: 0,
            digest_bytes: 0,
            known: 0,
        })?;
        self.has_set(&this)?;
        Ok(this)
    }

    fn add_header(&mut self, this: Resource<Request>, name: String, value: Vec<u8>) -> Result<()> {
        let request = self.table.get_mut(&this)?;
        let bytes = name.len() + value.len();
        match header(&name, value) {
            Ok((name, value)) => {
                // A map holds 32,768 headers at most; the request is then as invalid as with a bad one.
                let has_room = request.header_bytes + bytes <= HEADER_BYTES;
                if has_room && request.content.headers.try_append(name, value).is_ok() {
                    request.header_bytes += bytes;
                } else {
                    request.fault.get_or_insert_with(|| "it has too many headers".into());
                }
            }
            Err(fault) => {
                request.fault.get_or_insert(fault);
            }
        }
        self.has_set(&this)
    }

    fn set_body(&mut self, this: Resource<Request>, body: Vec<u8>) -> Result<()> {
        let request = self.table.get_mut(&this)?;
        request.body_bytes = body.len();
        request.content.body = body.into();
        self.has_set(&this)
    }

    fn set_packed_body(
        &mut self,
        this: Resource<Request>,
        body: Vec<u8>,
        encoding: Encoding,
    ) -> Result<()> {
        let encoding = match encoding {
            Encoding::Gzip => net::Encoding::Gzip,
            Encoding::Deflate => net::Encoding::Deflate,
        };
        let request = self.table.get_mut(&this)?;
        let packed = encoding.pack(&body);
        request.body_bytes = packed.len();
        let content = &mut request.content;
        content.body = packed.into();
        content.headers.insert(CONTENT_ENCODING, HeaderValue::from_static(encoding.name()));
        self.has_set(&this)
    }

    fn set_upload(&mut self, this: Resource<Request>, upload: Resource<Upload>) -> Result<()> {
        let upload = self.table.get(&upload)?;
        let (body, own) = (upload.body(), upload.own());
        let request = self.table.get_mut(&this)?;
        (request.content.body, request.body_bytes) = (body, own);
        self.has_set(&this)
    }

    fn set_body_policy(&mut self, this: Resource<Request>, policy: Policy) -> Result<()> {
        self.table.get_mut(&this)?.content.body_policy = Some(match policy {
            Policy::Keep => BodyPolicy::Keep,
            Policy::Discard => BodyPolicy::Discard,
            Policy::First(some) => BodyPolicy::First(some as usize),
            Policy::Hash => BodyPolicy::Hash,
        });
        Ok(())
    }

    fn set_digest_auth(
        &mut self,
        this: Resource<Request>,
        user: String,
        password: String,
    ) -> Result<()> {
        let request = self.table.get_mut(&this)?;
        request.digest_bytes = user.len() + password.len();
        request.content.digest = Some(Digest::new(user, password));
        self.has_set(&this)
    }

    fn set_redirects(&mut self, this: Resource<Request>, limit: u32) -> Result<()> {
        self.table.get_mut(&this)?.content.redirects = Some(limit);
        Ok(())
    }

    fn set_expected_statuses(
        &mut self,
        this: Resource<Request>,
        ranges: Vec<(u16, u16)>,
    ) -> Result<()> {
        let request = self.table.get_mut(&this)?;
        if ranges.len() > EXPECTED_RANGES {
            request.fault.get_or_insert_with(|| "it expects too many ranges of statuses".into());
            return Ok(());
        }
        request.expected = ranges;
        request.prepared = None;
        self.has_set(&this)
    }

    fn set_timeout(&mut self, this: Resource<Request>, length: f64) -> Result<()> {
        self.table.get_mut(&this)?.content.timeout = Some(duration(length));
        Ok(())
    }

    fn set_http_version(&mut self, this: Resource<Request>, version: HttpVersion) -> Result<()> {
        self.table.get_mut(&this)?.content.version = Some(match version {
            HttpVersion::Auto => net::HttpVersion::Auto,
            HttpVersion::Http11 => net::HttpVersion::Http11,
            HttpVersion::Http2 => net::HttpVersion::Http2,
        });
        Ok(())
    }

    fn set_connect_timeout(&mut self, this: Resource<Request>, length: f64) -> Result<()> {
        self.table.get_mut(&this)?.content.connect_timeout = Some(duration(length));
        Ok(())
    }

    fn set_first_byte_timeout(&mut self, this: Resource<Request>, length: f64) -> Result<()> {
        self.table.get_mut(&this)?.content.first_byte_timeout = Some(duration(length));
        Ok(())
    }

    fn set_name(&mut self, this: Resource<Request>, name: String) -> Result<()> {
        self.user.limits.check_text("the name of a request", &name)?;
        let request = self.table.get_mut(&this)?;
        request.name = Some(name);
        request.prepared = None;
        self.has_set(&this)
    }

    fn set_tag(&mut self, this: Resource<Request>, name: String, value: String) -> Result<()> {
        let limits = Arc::clone(&self.user.limits);
        let request = self.table.get_mut(&this)?;
        limits.set_tag(&mut request.tags, name, value)?;
        request.prepared = None;
        self.has_set(&this)
    }

    async fn send(&mut self, this: Resource<Request>) -> Result<Result<Resource<Response>, Error>> {
        let started = self.start_request(&this)?;
        self.finish(started).await
    }

    async fn open(&mut self, this: Resource<Request>) -> Result<Result<Resource<Download>, Error>> {
        match self.ready(&this)? {
            Ok((prepared, content)) => self.open_download(prepared, content).await,
            Err(error) => Ok(Err(error)),
        }
    }

    fn start(&mut self, this: Resource<Request>) -> Result<Resource<Pending>> {
        let started = self.start_request(&this)?;
        Ok(self.table.push(Pending { outcome: Some(started) })?)
    }

    fn drop(&mut self, this: Resource<Request>) -> Result<()> {
        let known = self.table.delete(this)?.known;
        self.requests.give_back(known);
        Ok(())
    }
}

pub(super) fn header(name: &str, value: Vec<u8>) -> Result<(HeaderName, HeaderValue), String> {
    let bad = || format!("the header name `{}` is not allowed in HTTP", name.escape_default());
    let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| bad())?;
    if ENGINES_OWN.contains(&name.as_str()) {
        return Err(format!("the header `{name}` is the engine's to set"));
    }
    let value = HeaderValue::from_bytes(&value)
        .map_err(|_| format!("the value of the header `{name}` has bytes that HTTP forbids"))?;
    Ok((name, value))
}

impl HostPending for VuState {
    async fn get(&mut self, this: Resource<Pending>) -> Result<Result<Resource<Response>, Error>> {
        match self.table.get_mut(&this)?.outcome.take() {
            Some(started) => self.finish(started).await,
            None => Ok(Err(Error::Other("the response was taken before".into()))),
        }
    }

    fn drop(&mut self, this: Resource<Pending>) -> Result<()> {
        if let Some(Ok(id)) = self.table.delete(this)?.outcome {
            self.exchanges.lock().forget(id);
        }
        Ok(())
    }
}
