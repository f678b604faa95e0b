//! Who is shown single exchanges of a run: `--http-debug` on the terminal, `--har` in a file, `--trace-sample` at servers.
//!
//! What an exchange is to the client becomes what it is to those who show it.

use std::time::SystemTime;

use host::{Observed, Observer};
use output::{Answer, Exchanged, HarSample, Message, Phases, Screen, Span, SpanSample, http_debug};

/// What is kept of a body to be shown.
const SHOWN: usize = 64 << 10;

/// What is shown of exchanges on the terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum HttpDebug {
    /// The heads of requests and responses
    Headers,
    /// Their bodies too
    Full,
}

/// An observer for those who want to see exchanges, and for `spans` if anybody is told of them; nobody, if there are none.
pub(crate) fn observer(
    debug: Option<HttpDebug>,
    screen: &Screen,
    har: Option<HarSample>,
    spans: SpanSample,
) -> Observer {
    let observer = shown(debug, screen, har);
    if spans.is_empty() {
        return observer;
    }
    observer.with_traced(move |observed| {
        if let Some(span) = span(observed) {
            spans.put(&span);
        }
    })
}

fn shown(debug: Option<HttpDebug>, screen: &Screen, har: Option<HarSample>) -> Observer {
    if debug.is_none() && har.is_none() {
        return Observer::default();
    }
    let screen = screen.clone();
    Observer::new(move |observed| {
        let Some(exchanged) = exchanged(observed) else { return };
        if let Some(har) = &har {
            har.put(exchanged.clone());
        }
        if let Some(debug) = debug {
            screen.say(&http_debug::text(exchanged, debug == HttpDebug::Full));
        }
    })
}

/// What servers are told of an exchange that is part of a trace.
fn span(observed: &Observed<'_>) -> Option<Span> {
    let Observed { vu, scenario, exchange } = observed;
    let request = exchange.request.as_deref()?;
    let context = request.trace?;
    let duration = exchange.timings.total();
    let now = SystemTime::now();
    let outcome = match &exchange.result {
        Ok(response) => Ok(response.status.as_u16()),
        Err(error) => Err((error.label().to_owned(), error.to_string())),
    };
    Some(Span {
        trace: context.trace,
        span: context.span,
        vu: *vu,
        scenario: (*scenario).to_owned(),
        started: now.checked_sub(duration).unwrap_or(now),
        duration,
        method: request.method.to_string(),
        url: request.target.as_str().to_owned(),
        version: exchange.proto.trim_start_matches("HTTP/").replace("2.0", "2"),
        outcome,
    })
}

fn exchanged(observed: &Observed<'_>) -> Option<Exchanged> {
    let Observed { vu, scenario, exchange } = observed;
    let request = exchange.request.as_deref()?;
    let timings = &exchange.timings;
    let phases = Phases {
        blocked: timings.blocked,
        looking_up: timings.dns,
        connecting: timings.connecting,
        tls_handshaking: timings.tls,
        sending: timings.sending,
        waiting: timings.waiting,
        receiving: timings.receiving,
    };
    let now = SystemTime::now();
    let lossy = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
    let headers = request.headers.iter();
    let sent = Message {
        headers: headers
            .map(|(name, value)| (name.as_str().to_owned(), lossy(value.as_bytes())))
            .collect(),
        body: match &request.body {
            net::Body::Bytes(bytes) => beginning(bytes),
            // It never was in memory.
            net::Body::Made(_) => Vec::new(),
        },
        length: request.body.length(),
    };
    let outcome = exchange.result.as_ref().map_err(ToString::to_string).map(|response| Answer {
        status: response.status.as_u16(),
        message: Message {
            headers: response
                .headers
                .iter()
                .map(|(name, value)| (name.to_owned(), lossy(value)))
                .collect(),
            body: beginning(&response.body),
            length: response.length,
        },
    });
    Some(Exchanged {
        vu: *vu,
        scenario: (*scenario).to_owned(),
        started: now.checked_sub(phases.total()).unwrap_or(now),
        method: request.method.to_string(),
        url: request.target.as_str().to_owned(),
        proto: exchange.proto.to_owned(),
        request: sent,
        outcome,
        phases,
        wire: (exchange.sent, exchange.received),
        remote: exchange.remote.map(|remote| remote.to_string()),
    })
}

/// What is kept of a body; where that is text, no character is cut.
fn beginning(body: &[u8]) -> Vec<u8> {
    let kept = &body[..body.len().min(SHOWN)];
    match str::from_utf8(kept) {
        Err(error) if error.error_len().is_none() && kept.len() < body.len() => {
            kept[..error.valid_up_to()].to_vec()
        }
        _ => kept.to_vec(),
    }
}
