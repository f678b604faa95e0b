//! A sample of a run's exchanges in the format that browsers' tools read: `--har`.
//!
//! Format: HTTP Archive 1.2 (Jan Odvarko, 2012), which W3C has as a draft.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use parking_lot::Mutex;
use run::Event;
use serde_json::{Value, json};
use thiserror::Error;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::exchanged::{Exchanged, Message};
use crate::redacted::Redactor;
use crate::report_file::ReportFile;
use crate::{Output, OutputError};

/// Exchanges that are kept: the first ones.
const MOST: usize = 1_000;
/// Bytes of their bodies that are kept, together.
const MOST_BYTES: usize = 64 << 20;

/// Writes the first exchanges that it is given to a file, without their secrets.
#[derive(Debug)]
pub struct Har {
    file: ReportFile,
    sample: HarSample,
}

/// Where exchanges are put that a [`Har`] is to write. Clones are the same one.
#[derive(Clone, Debug, Default)]
pub struct HarSample(Arc<Mutex<Sample>>);

#[derive(Debug, Default)]
struct Sample {
    entries: Vec<Value>,
    bytes: usize,
    /// How many were left out.
    others: usize,
}

/// Why the file could not be made. Fits "failed to …".
#[derive(Debug, Error)]
#[error("create the HAR file `{path}`")]
pub struct HarError {
    /// The path asked for.
    pub path: String,
    /// Why.
    pub source: io::Error,
}

impl Har {
    /// Makes the file, which has no entries until the end of the run.
    ///
    /// Fails with [`HarError`] if there is no such folder, no permission or no room.
    pub fn create(path: &Path) -> Result<Self, HarError> {
        let file = ReportFile::create(path, document(Vec::new(), 0).to_string().as_bytes());
        let file = file.map_err(|source| HarError { path: path.display().to_string(), source })?;
        Ok(Self { file, sample: HarSample::default() })
    }

    /// Keeps these values out of it.
    #[must_use]
    pub fn without(self, secrets: Redactor) -> Self {
        Self { file: self.file.without(secrets), ..self }
    }

    /// Where to put what it is to write.
    #[must_use]
    pub fn sample(&self) -> HarSample {
        self.sample.clone()
    }
}

impl HarSample {
    /// Keeps an exchange, if there is room for it.
    pub fn put(&self, exchanged: Exchanged) {
        let answered = exchanged.outcome.as_ref().map_or(0, |answer| answer.message.body.len());
        let bytes = exchanged.request.body.len() + answered;
        let mut sample = self.0.lock();
        if sample.entries.len() >= MOST || sample.bytes + bytes > MOST_BYTES {
            sample.others += 1;
            return;
        }
        sample.bytes += bytes;
        sample.entries.push(entry(exchanged.without_secrets()));
    }
}

impl Output for Har {
    fn on_event(&mut self, _event: &Event) {}

    fn finish(&mut self) -> Result<(), OutputError> {
        let Sample { entries, others, .. } = std::mem::take(&mut *self.sample.0.lock());
        self.file.write(format!("{:#}\n", document(entries, others)).as_bytes())
    }
}

fn document(entries: Vec<Value>, others: usize) -> Value {
    let mut log = json!({
        "version": "1.2",
        "creator": { "name": "wasmload", "version": env!("CARGO_PKG_VERSION") },
        "pages": [],
        "entries": entries,
    });
    if others > 0 {
        log["comment"] = format!("{others} exchanges more are not in this sample").into();
    }
    json!({ "log": log })
}

fn entry(exchanged: Exchanged) -> Value {
    let Exchanged { vu, scenario, started, method, url, proto, request, outcome, phases, .. } =
        exchanged;
    let ms = |length: Duration| length.as_secs_f64() * 1e3;
    let started = OffsetDateTime::from(started).format(&Rfc3339).unwrap_or_default();
    let query: Vec<Value> = url
        .split_once('?')
        .map(|(_, query)| query.split('&').filter(|pair| !pair.is_empty()))
        .into_iter()
        .flatten()
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            json!({ "name": name, "value": value })
        })
        .collect();
    let mut sent = json!({
        "method": method,
        "url": url,
        "httpVersion": proto,
        "cookies": [],
        "headers": headers(&request),
        "queryString": query,
        "headersSize": -1,
        "bodySize": request.length,
    });
    if !request.body.is_empty() {
        let kind = request.header("content-type").unwrap_or_default();
        sent["postData"] = json!({ "mimeType": kind, "params": [], "text": String::from_utf8_lossy(&request.body) });
    }
    let (response, failure) = match outcome {
        Ok(answer) => (received(answer.status, &proto, &answer.message), None),
        // As browsers write what never came.
        Err(why) => (received(0, &proto, &Message::default()), Some(why)),
    };
    let whose = if vu == 0 { "once a run".to_owned() } else { format!("VU {vu} of {scenario}") };
    let comment = failure.map_or(whose.clone(), |why| format!("{whose}: {why}"));
    let mut entry = json!({
        "startedDateTime": started,
        "time": ms(phases.total()),
        "request": sent,
        "response": response,
        "cache": {},
        "timings": {
            "blocked": ms(phases.blocked),
            "dns": ms(phases.looking_up),
            // Includes TLS, as the format wants it.
            "connect": ms(phases.connecting + phases.tls_handshaking),
            "ssl": ms(phases.tls_handshaking),
            "send": ms(phases.sending),
            "wait": ms(phases.waiting),
            "receive": ms(phases.receiving),
        },
        "comment": comment,
    });
    if let Some(remote) = exchanged.remote {
        let address = remote.rsplit_once(':').map_or(&*remote, |(address, _)| address);
        entry["serverIPAddress"] = address.trim_matches(['[', ']']).into();
    }
    entry
}

fn headers(message: &Message) -> Vec<Value> {
    let pair = |(name, value): &(String, String)| json!({ "name": name, "value": value });
    message.headers.iter().map(pair).collect()
}

fn received(status: u16, proto: &str, message: &Message) -> Value {
    let mut content = json!({
        "size": message.length,
        "mimeType": message.header("content-type").unwrap_or_default(),
    });
    if !message.body.is_empty() {
        match str::from_utf8(&message.body) {
            Ok(text) => content["text"] = text.into(),
            Err(_) => {
                content["text"] = BASE64_STANDARD.encode(&message.body).into();
                content["encoding"] = "base64".into();
            }
        }
    }
    json!({
        "status": status,
        "statusText": "",
        "httpVersion": proto,
        "cookies": [],
        "headers": headers(message),
        "content": content,
        "redirectURL": message.header("location").unwrap_or_default(),
        "headersSize": -1,
        "bodySize": message.length,
    })
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::*;
    use crate::secrets::tests::login;

    fn read(path: &Path) -> Value {
        serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
    }

    #[test]
    fn exchanges_are_written_as_the_format_has_them_and_without_secrets() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run.har");
        let mut har = Har::create(&path).unwrap();
        assert_eq!(read(&path)["log"]["entries"], json!([]), "it is there before the run");
        har.sample().put(login());
        let failed = Exchanged { outcome: Err("connection refused".to_owned()), ..login() };
        har.sample().put(failed);
        har.finish().unwrap();
        let mut written = read(&path);
        written["log"]["creator"]["version"] = "VERSION".into();
        assert_snapshot!(format!("{:#}", written));
    }

    #[test]
    fn a_sample_is_bounded_and_says_what_is_not_in_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run.har");
        let mut har = Har::create(&path).unwrap();
        let mut large = login();
        large.request.body = vec![b'x'; MOST_BYTES + 1];
        har.sample().put(large);
        for _ in 0..MOST + 2 {
            har.sample().put(login());
        }
        har.finish().unwrap();
        let written = read(&path);
        assert_eq!(written["log"]["entries"].as_array().map(Vec::len), Some(MOST));
        assert_eq!(written["log"]["comment"], "3 exchanges more are not in this sample");
    }

    #[test]
    fn a_body_that_is_no_text_is_base64() {
        let mut odd = login();
        if let Ok(answer) = &mut odd.outcome {
            answer.message.body = vec![0xff, 0xfe];
        }
        let content = entry(odd)["response"]["content"].clone();
        assert_eq!((&content["text"], &content["encoding"]), (&"//4=".into(), &"base64".into()));
    }

    #[test]
    fn a_place_that_cannot_be_written_to_is_found_before_the_run() {
        let error = Har::create(Path::new("/no/such/folder/run.har")).unwrap_err();
        assert_eq!(error.to_string(), "create the HAR file `/no/such/folder/run.har`");
    }
}
