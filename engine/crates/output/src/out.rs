//! Files and servers that a run's results go to: `--out kind=target`, as often as one likes.
//!
//! | kind | file | written |
//! | --- | --- | --- |
//! | `json`, `csv` | samples, as k6 writes them (`points` says what a point is) | each second |
//! | `hdr` | the histogram of each trend and second, as an HdrHistogram log | each second |
//! | `influxdb` | each series, in InfluxDB's lines, to a server or a file | each second |
//! | `otlp` | each series since the run began, by OpenTelemetry's protocol to a server | each second |
//! | `prometheus` | each series since the run began, by remote write to a server | each second |
//! | `prometheus-scrape` | the same, to whoever asks | when asked |
//! | `statsd` | each metric, by UDP to a server | each second |
//! | `summary` | the [result](crate::stored), of which all reports can be made again | at the end |
//! | `markdown`, `junit` | reports | at the end |
//! | `html` | the [page](crate::html) | at the end |
//!
//! To add a kind is its file and its line in [`KINDS`]. What is written each second is packed by gzip if the target's name
//! ends with `.gz`; so is what is written at the end.

mod csv;
mod cumulative;
mod endpoint;
mod hdr;
mod influxdb;
mod json;
mod junit;
mod markdown;
mod otlp;
mod points;
mod prometheus;
mod push;
mod report;
mod statsd;
mod stream;

use std::io;
use std::path::PathBuf;
use std::str::FromStr;

use run::Event;
use thiserror::Error;

pub use self::otlp::spans::{Span, SpanSample};

use self::endpoint::{Access, Endpoint, Service};
use self::prometheus::scrape::Scrape;
use self::push::{Manner, Push};
use self::report::Report;
use self::stream::{Format, Stream, Target};
use crate::html::HtmlFile;
use crate::redacted::Redactor;
use crate::stored::StoredResult;
use crate::{Output, OutputError};

/// A kind of file that results can go to.
#[derive(Debug)]
pub struct OutKind {
    /// What it is called: `json`.
    pub name: &'static str,
    /// What it holds, in a few words.
    pub what: &'static str,
    make: Make,
}

/// How a file of a kind comes to be.
#[derive(Debug)]
enum Make {
    /// As the run goes on.
    Stream(fn(Redactor) -> Box<dyn Format>),
    /// As the run goes on, by HTTP to a server.
    Server {
        format: fn(Redactor) -> Box<dyn Format>,
        service: &'static Service,
        manner: &'static Manner,
        /// Such as its URL is.
        such_as: &'static str,
        /// Whether it may be a file.
        or_file: bool,
    },
    /// As the run goes on, to whoever asks.
    Scrape,
    /// As the run goes on, to a server by other means.
    Push(fn(Redactor) -> Box<dyn Format>, fn(&str) -> io::Result<Box<dyn Target>>),
    /// Of what is kept of the run, at its end or later.
    Report(fn(&StoredResult) -> String),
    /// So is the page, which sees to secrets itself.
    Page,
}

const HTML: OutKind =
    OutKind { name: "html", what: "the report as a page with charts", make: Make::Page };

/// The kind that spans go to, too.
const OTLP: &str = "otlp";

/// The kinds there are.
pub const KINDS: &[OutKind] = &[
    OutKind { name: "csv", what: "samples, in k6's columns", make: Make::Stream(csv::format) },
    OutKind {
        name: "hdr",
        what: "an HdrHistogram log of each trend",
        make: Make::Stream(hdr::format),
    },
    HTML,
    OutKind {
        name: "influxdb",
        what: "each series, in InfluxDB's lines, to a server or a file",
        make: Make::Server {
            format: influxdb::format,
            service: &influxdb::SERVICE,
            manner: &influxdb::MANNER,
            such_as: "http://127.0.0.1:8086/mydb",
            or_file: true,
        },
    },
    OutKind {
        name: "json",
        what: "samples, in k6's lines of JSON",
        make: Make::Stream(json::format),
    },
    OutKind {
        name: "junit",
        what: "thresholds and checks as test cases",
        make: Make::Report(junit::report),
    },
    OutKind {
        name: "markdown",
        what: "the summary as tables",
        make: Make::Report(markdown::report),
    },
    OutKind {
        name: OTLP,
        what: "each series, by OpenTelemetry's protocol to a collector",
        make: Make::Server {
            format: otlp::format,
            service: &otlp::SERVICE,
            manner: &otlp::MANNER,
            such_as: "http://127.0.0.1:4318",
            or_file: false,
        },
    },
    OutKind {
        name: "prometheus",
        what: "each series, by remote write to Prometheus",
        make: Make::Server {
            format: prometheus::write::format,
            service: &prometheus::write::SERVICE,
            manner: &prometheus::write::MANNER,
            such_as: "http://127.0.0.1:9090",
            or_file: false,
        },
    },
    OutKind {
        name: "prometheus-scrape",
        what: "each series, for a Prometheus that asks",
        make: Make::Scrape,
    },
    OutKind {
        name: "statsd",
        what: "each metric, by UDP to a StatsD server",
        make: Make::Push(statsd::format, statsd::connect),
    },
    OutKind {
        name: "summary",
        what: "the whole result, of which `wasmload report` makes the others",
        make: Make::Report(StoredResult::json),
    },
];

/// The names of those that are made of what is kept of a run.
pub fn reports() -> impl Iterator<Item = &'static str> {
    let made_later = |kind: &&OutKind| matches!(kind.make, Make::Report(_) | Make::Page);
    KINDS.iter().filter(made_later).map(|kind| kind.name)
}

/// A kind of file that was asked for.
#[derive(Clone, Copy, Debug)]
pub struct Kind(&'static OutKind);

/// What was asked for: a kind and a target.
#[derive(Clone, Debug)]
pub struct Out {
    kind: Kind,
    /// Where it goes; `-` is standard output. It may have a password in it: [`shown`](Self::shown) has none.
    pub target: PathBuf,
    /// What a server is told of who we are.
    access: Access,
}

impl FromStr for Out {
    type Err = String;

    /// Reads `kind=target`. Fails with what is wrong, in words.
    fn from_str(text: &str) -> Result<Self, String> {
        let (name, target) = text.split_once('=').unwrap_or((text, ""));
        let kind = KINDS.iter().find(|kind| kind.name == name).ok_or_else(|| {
            let names: Vec<_> = KINDS.iter().map(|kind| kind.name).collect();
            let name = Self::shown_text(name);
            format!("there is no kind `{name}`: it must be one of {}", names.join(", "))
        })?;
        if target.is_empty() {
            return Err(match kind.make {
                Make::Push(..) => format!("where to is missing: `{name}=HOST:PORT`"),
                Make::Scrape => format!("where is missing: `{name}=HOST:PORT`, such as :9464"),
                Make::Server { such_as, or_file, .. } => {
                    let file = if or_file { ", or a file" } else { "" };
                    format!("where to is missing: `{name}=URL`, such as {such_as}{file}")
                }
                _ => {
                    format!("where to is missing: `{name}=FILE`, or `{name}=-` for standard output")
                }
            });
        }
        Ok(Self { kind: Kind(kind), target: target.into(), access: Access::default() })
    }
}

/// Why a file could not be made. Fits "failed to …".
#[derive(Debug, Error)]
#[error("create the output `{path}`")]
pub struct OutError {
    /// The path asked for.
    pub path: String,
    /// Why.
    pub source: io::Error,
}

impl Out {
    /// What was typed as an output, whatever is wrong with it, without what is secret in it.
    #[must_use]
    pub fn shown_text(text: &str) -> String {
        let is_name = |kind: &str| !kind.contains([':', '/', '@']);
        match text.split_once('=').filter(|(kind, _)| is_name(kind)) {
            Some((kind, target)) => format!("{kind}={}", endpoint::shown(target)),
            None => endpoint::shown(text),
        }
    }

    /// The host in what was typed as a URL, whatever is wrong with it.
    #[must_use]
    pub fn shown_host(url: &str) -> String {
        let shown = endpoint::shown(url);
        let (scheme, rest) = shown.split_once("://").unwrap_or(("", &shown));
        format!("{scheme}://{}", rest.split('/').next().unwrap_or_default())
    }

    /// The page, into this file.
    #[must_use]
    pub fn html(target: impl Into<PathBuf>) -> Self {
        Self { kind: Kind(&HTML), target: target.into(), access: Access::default() }
    }

    /// Reads from the environment what a server is to be told of who we are: `WASMLOAD_PROMETHEUS_TOKEN` and the like. `variable` is
    /// the variable of a name.
    ///
    /// Fails with the variable that is none such.
    pub fn with_access(
        mut self,
        variable: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, OutError> {
        if let Make::Server { service, .. } = self.kind.0.make {
            self.access = Access::read(service, variable)
                .map_err(|why| OutError { path: self.shown(), source: io::Error::other(why) })?;
        }
        Ok(self)
    }

    /// What of it nobody is to see: passwords, tokens.
    #[must_use]
    pub fn secrets(&self) -> Vec<String> {
        endpoint::secrets(&self.target.to_string_lossy(), &self.access)
    }

    /// Where it goes, without what is secret in it.
    #[must_use]
    pub fn shown(&self) -> String {
        let target = self.target.display().to_string();
        if self.is_file() { target } else { endpoint::shown(&target) }
    }

    /// Whether it goes to a file.
    #[must_use]
    pub fn is_file(&self) -> bool {
        match self.kind.0.make {
            Make::Server { or_file, .. } => or_file && !endpoint::is_url(&self.target()),
            Make::Push(..) | Make::Scrape => false,
            Make::Stream(_) | Make::Report(_) | Make::Page => true,
        }
    }

    /// What it is called.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        self.kind.0.name
    }

    /// Whether it is made of what is kept of a run, and so can be made later.
    #[must_use]
    pub fn is_report(&self) -> bool {
        matches!(self.kind.0.make, Make::Report(_) | Make::Page)
    }

    /// Makes the file, before there is load. Values of `secrets` are kept out of it.
    ///
    /// Fails with [`OutError`] if there is no such folder, no permission or no room, or a server that is not there or does not want us.
    pub fn create(&self, secrets: Redactor) -> Result<AnyOut, OutError> {
        let made = match self.kind.0.make {
            Make::Stream(format) => {
                Stream::create(&self.target, format(secrets)).map(AnyOut::Stream)
            }
            Make::Push(format, connect) => {
                let name = self.target.display().to_string();
                connect(&name)
                    .and_then(|target| Stream::connected(name, target, format(secrets)))
                    .map(AnyOut::Stream)
            }
            Make::Server { or_file: true, format, .. } if !endpoint::is_url(&self.target()) => {
                Stream::create(&self.target, format(secrets)).map(AnyOut::Stream)
            }
            Make::Server { format, service, manner, .. } => {
                Endpoint::new(service, &self.target(), &self.access)
                    .and_then(|endpoint| Push::connect(endpoint, manner))
                    .and_then(|push| {
                        Stream::connected(self.shown(), Box::new(push), format(secrets))
                    })
                    .map(AnyOut::Stream)
            }
            Make::Scrape => Scrape::create(&self.target(), secrets).map(AnyOut::Scrape),
            Make::Report(report) => {
                Report::create(&self.target, report, secrets).map(AnyOut::Report)
            }
            Make::Page => HtmlFile::create(&self.target, secrets).map(AnyOut::Page),
        };
        made.map_err(|source| OutError { path: self.shown(), source })
    }

    /// Makes the output of spans that are put into a sample, if a server of this kind takes any: `otlp` does.
    ///
    /// Fails as [`create`](Self::create) does.
    pub fn spans(
        &self,
        sample: &mut SpanSample,
        secrets: Redactor,
    ) -> Result<Option<AnyOut>, OutError> {
        if self.kind() != OTLP {
            return Ok(None);
        }
        let made = Endpoint::new(&otlp::OF_SPANS, &self.target(), &self.access)
            .and_then(|endpoint| Push::connect(endpoint, &otlp::MANNER))
            .and_then(|push| {
                let name = format!("{}, spans", self.shown());
                Stream::connected(name, Box::new(push), sample.format(secrets))
            });
        let made = made.map(|stream| Some(AnyOut::Stream(stream)));
        made.map_err(|source| OutError { path: format!("{}, spans", self.shown()), source })
    }

    fn target(&self) -> std::borrow::Cow<'_, str> {
        self.target.to_string_lossy()
    }

    /// Makes the file of what was kept of a run.
    ///
    /// Fails with [`OutError`] where the file cannot be made, or the kind is [not of that sort](Self::is_report).
    pub fn render(&self, result: &StoredResult) -> Result<(), OutError> {
        let path = || self.shown();
        if !self.is_report() {
            let source =
                io::Error::other("it needs every sample of the run, which a result does not have");
            return Err(OutError { path: path(), source });
        }
        let mut file = self.create(Redactor::default())?;
        file.on_result(result);
        file.finish().map_err(|error| OutError { path: path(), source: error.source })
    }
}

/// An output of any kind.
#[derive(Debug)]
pub enum AnyOut {
    /// One that is written as the run goes on.
    Stream(Stream),
    /// One that is asked as the run goes on.
    Scrape(Scrape),
    /// One that is written at its end.
    Report(Report),
    /// The page, which is written at its end, too.
    Page(HtmlFile),
}

impl AnyOut {
    /// Where results are to be had, if that is not where they were wanted.
    #[must_use]
    pub fn address(&self) -> Option<String> {
        match self {
            Self::Scrape(scrape) => Some(format!("http://{}/metrics", scrape.address())),
            _ => None,
        }
    }

    fn output(&mut self) -> &mut dyn Output {
        match self {
            Self::Stream(stream) => stream,
            Self::Scrape(scrape) => scrape,
            Self::Report(report) => report,
            Self::Page(page) => page,
        }
    }
}

impl Output for AnyOut {
    fn on_event(&mut self, event: &Event) {
        self.output().on_event(event);
    }

    fn wants_series(&self) -> bool {
        match self {
            Self::Stream(stream) => stream.wants_series(),
            Self::Scrape(scrape) => scrape.wants_series(),
            Self::Report(_) | Self::Page(_) => false,
        }
    }

    fn close(&mut self) {
        self.output().close();
    }

    fn waits(&self) -> bool {
        matches!(self, Self::Stream(_) | Self::Scrape(_))
    }

    fn wants_result(&self) -> bool {
        matches!(self, Self::Report(_) | Self::Page(_))
    }

    fn on_result(&mut self, result: &StoredResult) {
        self.output().on_result(result);
    }

    fn finish(&mut self) -> Result<(), OutputError> {
        self.output().finish()
    }
}

/// Packs a whole file by gzip.
pub(crate) fn packed(content: &[u8]) -> io::Result<Vec<u8>> {
    use std::io::Write as _;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(content)?;
    encoder.finish()
}

#[cfg(test)]
mod receiver;
#[cfg(test)]
mod tests;
