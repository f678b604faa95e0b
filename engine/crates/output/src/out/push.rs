//! Results on their way to a server, by HTTP.
//!
//! Each second's results are a request, or several where one would be too large. It is made on the output's own thread, so that
//! a server that is slow or gone holds up nobody. What it refuses is not told again; what it could not take just then (429, 5xx, no
//! connection) is, twice, unless what came before was lost, too. What is lost is counted and said at the end. None of it is load: it has
//! a client of its own, whose connections and bytes are in no figure.
//!
//! A server is asked before the run, by a request that says nothing or next to nothing, so that one that is not there or does not want us
//! is known before there is load.

use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use ureq::http::StatusCode;
use ureq::tls::{Certificate, RootCerts, TlsConfig};

use super::endpoint::Endpoint;
use super::stream::{Losses, Target};

/// How long an exchange may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long to wait before what failed is tried again.
const PAUSES: [Duration; 2] = [Duration::from_millis(250), Duration::from_secs(1)];
/// What is read of an answer, in bytes.
const ANSWER: u64 = 4 << 10;
/// Characters of an answer that are shown.
const SHOWN: usize = 200;

/// How the bodies of requests are made of what is written.
#[derive(Debug)]
pub(super) struct Manner {
    /// The headers that say what a body is.
    pub(super) headers: &'static [(&'static str, &'static str)],
    /// What asks a server whether it would take something, before the run.
    pub(super) question: fn() -> Vec<u8>,
    /// How it is packed.
    pub(super) packing: Packing,
    /// How much of what is written is the next request: its length, and what of it is the body. Of what is not empty.
    pub(super) next: fn(&[u8]) -> (usize, &[u8]),
    /// What an answer that says yes says against it nevertheless.
    pub(super) objection: fn(&[u8]) -> Option<String>,
    /// What to do about a status.
    pub(super) advice: fn(StatusCode) -> Option<&'static str>,
}

/// How bodies are packed.
#[derive(Clone, Copy, Debug)]
pub(super) enum Packing {
    Gzip,
    /// A block, without a frame.
    Snappy,
}

impl Packing {
    fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Snappy => "snappy",
        }
    }

    fn packed(self, body: &[u8]) -> io::Result<Vec<u8>> {
        match self {
            Self::Gzip => {
                let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
                encoder.write_all(body)?;
                encoder.finish()
            }
            Self::Snappy => snap::raw::Encoder::new().compress_vec(body).map_err(io::Error::other),
        }
    }
}

/// Why a request was for nothing.
struct Refusal {
    why: String,
    status: Option<StatusCode>,
    /// Whether it may be another matter in a moment.
    passes: bool,
}

/// Pushes what is written to a server.
pub(super) struct Push {
    agent: ureq::Agent,
    endpoint: Endpoint,
    manner: &'static Manner,
    waiting: Vec<u8>,
    losses: Arc<Losses>,
    /// Whether the last one was lost.
    is_down: bool,
}

impl Push {
    /// Asks the server whether it would take something.
    ///
    /// Fails with why it would not.
    pub(super) fn connect(endpoint: Endpoint, manner: &'static Manner) -> io::Result<Self> {
        let mut config = ureq::Agent::config_builder()
            .timeout_global(Some(PATIENCE))
            .max_redirects(0)
            .max_redirects_will_error(false)
            .http_status_as_error(false)
            .max_idle_age(Duration::from_secs(3))
            // What the environment says of proxies is for the load, by rules that are not this library's.
            .proxy(None)
            .user_agent(concat!("wasmload/", env!("CARGO_PKG_VERSION")));
        if endpoint.url.starts_with("https:") {
            config = config.tls_config(tls());
        }
        let mut push = Self {
            agent: config.build().new_agent(),
            endpoint,
            manner,
            waiting: Vec::new(),
            losses: Arc::default(),
            is_down: false,
        };
        match push.exchange(&(manner.question)()) {
            // That there is nothing in it may be what it objects to.
            Ok(()) | Err(Refusal { status: Some(StatusCode::BAD_REQUEST), .. }) => Ok(push),
            Err(refusal) => Err(io::Error::other(push.said(&refusal))),
        }
    }

    fn exchange(&mut self, body: &[u8]) -> Result<(), Refusal> {
        let fail = |why: String, passes| Refusal { why, status: None, passes };
        let packed = self.manner.packing.packed(body);
        let packed = packed.map_err(|error| fail(error.to_string(), false))?;
        let mut request = self.agent.post(&self.endpoint.url);
        for (name, value) in self.manner.headers {
            request = request.header(*name, *value);
        }
        request = request.header("content-encoding", self.manner.packing.name());
        for (name, value) in &self.endpoint.headers {
            request = request.header(name, value);
        }
        let mut answer = request.send(&packed[..]).map_err(|error| match error {
            ureq::Error::Timeout(_) => {
                fail(format!("it did not answer in {} s", PATIENCE.as_secs()), false)
            }
            ureq::Error::Io(error) if error.kind() == io::ErrorKind::TimedOut => {
                fail(format!("it did not answer in {} s", PATIENCE.as_secs()), false)
            }
            ureq::Error::Io(error) if is_distrust(&error) => fail(
                format!(
                    "its certificate is not one that this machine trusts ({error}); SSL_CERT_FILE names a file of others"
                ),
                false,
            ),
            ureq::Error::Io(error) => fail(error.to_string(), true),
            ureq::Error::HostNotFound => fail("the name has no address".to_owned(), true),
            error => fail(error.to_string(), false),
        })?;
        let status = answer.status();
        let said = answer.body_mut().with_config().limit(ANSWER).read_to_vec();
        // What is longer is of no interest.
        let said = said.unwrap_or_default();
        if status.is_success() {
            let objection = (self.manner.objection)(&said);
            return objection.map_or(Ok(()), |why| Err(fail(why, false)));
        }
        let said = String::from_utf8_lossy(&said);
        let line: String = said.lines().next().unwrap_or_default().trim().into();
        let line: String = line.chars().filter(|char| !char.is_control()).take(SHOWN).collect();
        let colon = if line.is_empty() { "" } else { ": " };
        let passes = status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error();
        let why = format!("it answers {status}{colon}{line}");
        Err(Refusal { why, status: Some(status), passes })
    }

    fn said(&self, refusal: &Refusal) -> String {
        match refusal.status.and_then(self.manner.advice) {
            Some(advice) => format!("{}; {advice}", refusal.why),
            None => refusal.why.clone(),
        }
    }

    #[expect(clippy::disallowed_methods, reason = "this thread has nothing else to do")]
    fn push(&mut self, body: &[u8]) {
        let mut pauses = PAUSES.iter();
        loop {
            let Err(refusal) = self.exchange(body) else {
                self.is_down = false;
                self.losses.add_taken();
                return;
            };
            match pauses.next() {
                Some(pause) if refusal.passes && !self.is_down => std::thread::sleep(*pause),
                _ => {
                    self.is_down = true;
                    self.losses.add_lost(self.said(&refusal));
                    return;
                }
            }
        }
    }
}

/// Whether an exchange failed because of the server's certificate.
fn is_distrust(error: &io::Error) -> bool {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    matches!(inner, Some(rustls::Error::InvalidCertificate(_)))
}

/// What a server by TLS is held against: the certificates that this machine trusts.
fn tls() -> TlsConfig {
    let roots = rustls_native_certs::load_native_certs().certs;
    let roots: Vec<_> =
        roots.iter().map(|root| Certificate::from_der(root.as_ref()).to_owned()).collect();
    TlsConfig::builder()
        .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .root_certs(RootCerts::new_with_certs(&roots))
        .build()
}

impl Write for Push {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        self.waiting.extend_from_slice(text);
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let waiting = std::mem::take(&mut self.waiting);
        let mut rest = &waiting[..];
        while !rest.is_empty() {
            let (length, body) = (self.manner.next)(rest);
            self.push(body);
            rest = rest.get(length.max(1)..).unwrap_or_default();
        }
        Ok(())
    }
}

impl Target for Push {
    fn end(&mut self) -> io::Result<()> {
        self.flush()?;
        self.losses.said().map_or(Ok(()), |said| Err(io::Error::other(said)))
    }

    fn losses(&self) -> Arc<Losses> {
        Arc::clone(&self.losses)
    }
}

/// The next request where each is a message with its length before it, as protocol buffers delimit them.
pub(super) fn next_message(waiting: &[u8]) -> (usize, &[u8]) {
    let mut rest = waiting;
    let length = prost::decode_length_delimiter(&mut rest).unwrap_or(rest.len());
    let body = &rest[..length.min(rest.len())];
    (waiting.len() - rest.len() + body.len(), body)
}

#[cfg(test)]
mod tests;
