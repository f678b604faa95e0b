//! Requests by `wasi:http` alone, in as few words as the programs here need.
#![cfg(target_os = "wasi")]

use wasip2::http::outgoing_handler::handle;
pub use wasip2::http::types::{
    ErrorCode, Fields, FutureIncomingResponse, HeaderError, IncomingResponse, Method, OutgoingBody,
    OutgoingRequest, RequestOptions, Scheme, Trailers,
};
use wasip2::io::streams::{OutputStream, StreamError};

/// A response whose body has been read.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The headers, as they came.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Answer {
    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Whether there is this header with this value.
    #[must_use]
    pub fn has(&self, name: &str, value: &str) -> bool {
        self.headers.iter().any(|(known, has)| known == name && has == value.as_bytes())
    }
}

/// The address of a page of the target, as the run says it in the environment.
#[must_use]
pub fn page(path: &str) -> String {
    let base = std::env::var("BASE_URL").expect("the run has a BASE_URL");
    format!("{base}{path}")
}

/// A request that has not been sent.
#[must_use]
pub fn request(method: &Method, url: &str, headers: &[(&str, &str)]) -> OutgoingRequest {
    let fields = Fields::new();
    for (name, value) in headers {
        fields.append(name, value.as_bytes()).expect("the header is allowed");
    }
    let request = OutgoingRequest::new(fields);
    let (scheme, rest) = url.split_once("://").expect("an absolute URL");
    let end = rest.find('/').unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let scheme = match scheme {
        "http" => Scheme::Http,
        "https" => Scheme::Https,
        other => Scheme::Other(other.to_owned()),
    };
    request.set_method(method).expect("a method");
    request.set_scheme(Some(&scheme)).expect("a scheme");
    request.set_authority(Some(authority)).expect("an authority");
    request.set_path_with_query(Some(path)).expect("a path");
    request
}

/// Hands in a request without a body.
pub fn start(request: OutgoingRequest) -> Result<FutureIncomingResponse, ErrorCode> {
    handle(request, None)
}

/// Sends a request without a body, and waits for its answer.
pub fn get(url: &str) -> Result<Answer, ErrorCode> {
    answer(&start(request(&Method::Get, url, &[]))?)
}

/// Sends a request with a body, and waits for its answer.
pub fn post(url: &str, body: &[u8]) -> Result<Answer, ErrorCode> {
    let request = request(&Method::Post, url, &[]);
    let outgoing = request.body().expect("the body is given out once");
    let future = handle(request, None)?;
    // What cannot be written any more is told with the answer.
    let _ = write(&outgoing.write().expect("the stream is given out once"), body);
    OutgoingBody::finish(outgoing, None)?;
    answer(&future)
}

/// Writes all of it, waiting for room where there is none.
pub fn write(stream: &OutputStream, mut bytes: &[u8]) -> Result<(), StreamError> {
    while !bytes.is_empty() {
        stream.subscribe().block();
        let room = usize::try_from(stream.check_write()?).expect("it fits the memory");
        let (now, later) = bytes.split_at(room.min(bytes.len()));
        stream.write(now)?;
        bytes = later;
    }
    Ok(())
}

/// Waits for a response, without its body.
pub fn response(future: &FutureIncomingResponse) -> Result<IncomingResponse, ErrorCode> {
    future.subscribe().block();
    future.get().expect("it is ready").expect("it was not taken before")
}

/// Waits for a response, and reads its body.
pub fn answer(future: &FutureIncomingResponse) -> Result<Answer, ErrorCode> {
    let response = response(future)?;
    let incoming = response.consume().expect("the body is given out once");
    let stream = incoming.stream().expect("the stream is given out once");
    let mut body = Vec::new();
    loop {
        match stream.blocking_read(64 << 10) {
            Ok(bytes) => body.extend_from_slice(&bytes),
            Err(StreamError::Closed) => break,
            Err(StreamError::LastOperationFailed(error)) => panic!("{}", error.to_debug_string()),
        }
    }
    Ok(Answer { status: response.status(), headers: response.headers().entries(), body })
}
