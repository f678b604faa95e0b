//! What a worker thread has met before: parsed URLs, and the series that their samples go to.
//!
//! Names become numbers once, here; a request that repeats finds both without hashing a string, through the
//! few [`Recent`] entries that its VU keeps. One catalogue serves all VUs of a worker, so ten thousand users
//! of the same page share one entry. Its lock is never contended: a VU stays on its worker.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use metrics::{Recorder, SeriesId, Tags, builtin};
use net::{Target, TlsVersion, websocket};
use parking_lot::Mutex;

/// URLs, endpoints and checks kept for a worker. Past it the table is emptied and filled anew: the series
/// themselves live in the registry, so nothing is lost but a little time.
const KEPT: usize = 10_000;
/// What is longer, in bytes, is found out each time: ten thousand long addresses would be memory for nothing.
const LONG: usize = 4 << 10;
/// Entries kept for a VU: more than the pages that a user goes round.
const RECENT: usize = 8;

/// The tables of one worker thread.
pub(crate) struct Catalogue {
    recorder: Recorder,
    targets: HashMap<String, Target>,
    endpoints: HashMap<EndpointKey, Arc<Endpoint>>,
    checks: HashMap<(Tags, String), SeriesId>,
}

/// What tells the samples of one request from those of another.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct EndpointKey {
    /// The VU's own tags.
    pub(crate) vu: Tags,
    pub(crate) method: String,
    /// The `name` tag: the URL, or what the script calls it.
    pub(crate) name: String,
    /// The script's tags.
    pub(crate) tags: Vec<(String, String)>,
    /// The statuses that it expects, in ranges with both ends in them; k6's where there are none.
    pub(crate) expected: Vec<(u16, u16)>,
}

impl EndpointKey {
    /// How many bytes of it are the script's own.
    fn size(&self) -> usize {
        let tags: usize = self.tags.iter().map(|(name, value)| name.len() + value.len()).sum();
        self.method.len() + self.name.len() + tags + size_of_val(self.expected.as_slice())
    }
}

/// One request's series, by how it ended.
pub(crate) struct Endpoint {
    tags: Tags,
    expected: Vec<(u16, u16)>,
    endings: Mutex<Vec<(Kind, ExchangeSeries)>>,
    /// Its bytes, however its exchanges end: those sent, those received.
    bytes: OnceLock<(SeriesId, SeriesId)>,
}

/// What tells the samples of a request's exchanges from each other: how they ended, and what was spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Kind {
    pub(crate) ending: Ending,
    /// k6's `proto` tag.
    pub(crate) proto: &'static str,
    pub(crate) tls_version: Option<TlsVersion>,
}

/// How an exchange ended, as far as tags tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    Status(u16),
    /// 401, asking who is there, which the engine answered: nothing has failed.
    Challenge,
    Error {
        label: &'static str,
        code: u16,
    },
}

impl Ending {
    /// k6's `error_code` for a request that cannot be sent.
    pub(crate) const INVALID: Self = Self::Error { label: "invalid request", code: 1020 };
    /// That of one that may not be.
    pub(crate) const NOT_ALLOWED: Self = Self::Error { label: "not allowed", code: 1111 };
}

/// Where the samples of one exchange go.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ExchangeSeries {
    pub(crate) requests: SeriesId,
    pub(crate) failed: SeriesId,
    pub(crate) duration: SeriesId,
    pub(crate) response: SeriesId,
    pub(crate) blocked: SeriesId,
    pub(crate) connecting: SeriesId,
    pub(crate) tls_handshaking: SeriesId,
    pub(crate) sending: SeriesId,
    pub(crate) waiting: SeriesId,
    pub(crate) receiving: SeriesId,
}

impl Catalogue {
    pub(crate) fn new(recorder: Recorder) -> Self {
        Self {
            recorder,
            targets: HashMap::new(),
            endpoints: HashMap::new(),
            checks: HashMap::new(),
        }
    }

    pub(crate) fn recorder(&self) -> &Recorder {
        &self.recorder
    }

    /// The parsed URL.
    pub(crate) fn target(&mut self, url: &str) -> Result<Target, net::UrlError> {
        if let Some(target) = self.targets.get(url) {
            return Ok(target.clone());
        }
        let target = Target::parse(url)?;
        if url.len() <= LONG {
            make_room(&mut self.targets);
            self.targets.insert(url.to_owned(), target.clone());
        }
        Ok(target)
    }

    /// The parsed URL of a WebSocket. HTTP's are told from it by their scheme.
    pub(crate) fn socket_target(&mut self, url: &str) -> Result<Target, websocket::UrlError> {
        if url.starts_with("ws")
            && let Some(target) = self.targets.get(url)
        {
            return Ok(target.clone());
        }
        let target = websocket::parse_url(url)?;
        if url.len() <= LONG {
            make_room(&mut self.targets);
            self.targets.insert(url.to_owned(), target.clone());
        }
        Ok(target)
    }

    pub(crate) fn endpoint(&mut self, key: EndpointKey) -> Arc<Endpoint> {
        if let Some(endpoint) = self.endpoints.get(&key) {
            return Arc::clone(endpoint);
        }
        let mut tags = key.vu.clone();
        for (name, value) in &key.tags {
            tags = tags.with(name.as_str(), value.as_str());
        }
        // The engine's own tags come last, so that a script's cannot stand in their place. As in k6, `url`
        // is the name: otherwise every identifier in a URL would make series of its own.
        let tags = tags
            .with("method", key.method.as_str())
            .with("name", key.name.as_str())
            .with("url", key.name.as_str());
        let expected = key.expected.clone();
        let endpoint = Arc::new(Endpoint::new(tags, expected));
        if key.size() <= LONG {
            make_room(&mut self.endpoints);
            self.endpoints.insert(key, Arc::clone(&endpoint));
        }
        endpoint
    }

    pub(crate) fn check(&mut self, vu: &Tags, name: &str) -> SeriesId {
        let key = (vu.clone(), name.to_owned());
        if let Some(&series) = self.checks.get(&key) {
            return series;
        }
        let tags = vu.with("check", name);
        let series = self.recorder.registry().series(builtin::CHECKS, &tags);
        make_room(&mut self.checks);
        self.checks.insert(key, series);
        series
    }
}

/// The tags of what failed: with this status, which is 0 where there is none, and why.
pub(crate) fn failed(tags: &Tags, status: &str, label: &'static str, code: u16) -> Tags {
    tags.with("status", status).with("error", label).with("error_code", code.to_string())
}

fn make_room<K, V>(table: &mut HashMap<K, V>) {
    if table.len() >= KEPT {
        table.clear();
    }
}

impl Endpoint {
    fn new(tags: Tags, expected: Vec<(u16, u16)>) -> Self {
        Self { tags, expected, endings: Mutex::default(), bytes: OnceLock::new() }
    }

    /// The series for the bytes of its exchanges: those sent, those received.
    pub(crate) fn bytes(&self, registry: &metrics::Registry) -> (SeriesId, SeriesId) {
        let of = |metric| registry.series(metric, &self.tags);
        *self.bytes.get_or_init(|| (of(builtin::DATA_SENT), of(builtin::DATA_RECEIVED)))
    }

    /// What all its samples have, however they end.
    pub(crate) fn tags(&self) -> &Tags {
        &self.tags
    }

    /// Whether this is what was hoped for; as in k6 a response of 200 to 399, where the script says nothing
    /// else.
    pub(crate) fn expects(&self, ending: Ending) -> bool {
        match ending {
            Ending::Error { .. } => false,
            Ending::Challenge => true,
            Ending::Status(status) if self.expected.is_empty() => (200..400).contains(&status),
            Ending::Status(status) => {
                self.expected.iter().any(|(first, last)| (*first..=*last).contains(&status))
            }
        }
    }

    /// The series for exchanges of this kind; interned when one is met first.
    pub(crate) fn series(&self, kind: Kind, registry: &metrics::Registry) -> ExchangeSeries {
        let mut endings = self.endings.lock();
        // A request ends in one or two ways as a rule: looking through is quicker than a hash.
        if let Some((_, series)) = endings.iter().find(|(known, _)| *known == kind) {
            return *series;
        }
        let Kind { ending, proto, tls_version } = kind;
        let tags = self.tags.with("proto", proto);
        let tags = match ending {
            Ending::Status(status) => {
                let tags = tags.with("status", status.to_string());
                if status >= 400 {
                    tags.with("error_code", (1000 + u32::from(status)).to_string())
                } else {
                    tags
                }
            }
            Ending::Challenge => tags.with("status", "401"),
            Ending::Error { label, code } => failed(&tags, "0", label, code),
        };
        let tags = tags.with("expected_response", self.expects(ending).to_string());
        let tags = match tls_version {
            Some(version) => tags.with("tls_version", version.name()),
            None => tags,
        };
        let of = |metric| registry.series(metric, &tags);
        let series = ExchangeSeries {
            requests: of(builtin::HTTP_REQS),
            failed: of(builtin::HTTP_REQ_FAILED),
            duration: of(builtin::HTTP_REQ_DURATION),
            response: of(builtin::HTTP_REQ_RESPONSE),
            blocked: of(builtin::HTTP_REQ_BLOCKED),
            connecting: of(builtin::HTTP_REQ_CONNECTING),
            tls_handshaking: of(builtin::HTTP_REQ_TLS_HANDSHAKING),
            sending: of(builtin::HTTP_REQ_SENDING),
            waiting: of(builtin::HTTP_REQ_WAITING),
            receiving: of(builtin::HTTP_REQ_RECEIVING),
        };
        endings.push((kind, series));
        series
    }
}

/// The few things that a VU met last, found by comparing and not by hashing.
#[derive(Debug)]
pub(crate) struct Recent<K, V> {
    entries: Vec<(K, V)>,
    next: usize,
}

impl<K, V> Default for Recent<K, V> {
    fn default() -> Self {
        Self { entries: Vec::new(), next: 0 }
    }
}

impl<K, V: Clone> Recent<K, V> {
    pub(crate) fn find(&self, same: impl Fn(&K) -> bool) -> Option<V> {
        self.entries.iter().find(|(key, _)| same(key)).map(|(_, value)| value.clone())
    }

    /// Keeps an entry in place of the one that has been here longest.
    pub(crate) fn keep(&mut self, key: K, value: V) {
        if self.entries.len() < RECENT {
            self.entries.push((key, value));
        } else {
            self.entries[self.next] = (key, value);
            self.next = (self.next + 1) % RECENT;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recent_entries_are_found_until_newer_ones_take_their_place() {
        let mut recent = Recent::default();
        for n in 0..RECENT {
            recent.keep(n, n * 10);
        }
        assert_eq!(recent.find(|&key| key == 0), Some(0));
        recent.keep(100, 1000);
        assert_eq!(recent.find(|&key| key == 0), None);
        assert_eq!(recent.find(|&key| key == 100), Some(1000));
        assert_eq!(recent.find(|&key| key == 1), Some(10));
    }

    #[test]
    fn samples_have_what_was_spoken_and_the_version_of_tls_if_any_was() {
        let registry = metrics::Registry::new();
        let endpoint = Endpoint::new(Tags::new(), Vec::new());
        for (proto, tls_version, tag) in [
            ("HTTP/1.1", None, None),
            ("HTTP/1.0", None, None),
            ("HTTP/2.0", None, None),
            ("HTTP/1.1", Some(TlsVersion::Tls12), Some("tls1.2")),
            ("HTTP/2.0", Some(TlsVersion::Tls13), Some("tls1.3")),
        ] {
            let kind = Kind { ending: Ending::Status(200), proto, tls_version };
            let series = endpoint.series(kind, &registry).requests;
            let tags = registry.series_info(series).1;
            assert_eq!((tags.get("proto"), tags.get("tls_version")), (Some(proto), tag));
            assert_eq!(endpoint.series(kind, &registry).requests, series);
        }
    }

    #[test]
    fn what_was_hoped_for_is_k6s_range_of_statuses_or_the_scripts() {
        let endpoint = |expected: &[(u16, u16)]| Endpoint::new(Tags::new(), expected.to_vec());
        let timed_out = Ending::Error { label: "timed out", code: 1050 };
        for (ending, usual, own) in [
            (Ending::Status(199), false, false),
            (Ending::Status(200), true, false),
            (Ending::Status(201), true, true),
            (Ending::Status(399), true, false),
            (Ending::Status(404), false, true),
            (Ending::Status(410), false, true),
            (Ending::Status(411), false, false),
            (timed_out, false, false),
        ] {
            assert_eq!(endpoint(&[]).expects(ending), usual, "{ending:?}");
            assert_eq!(endpoint(&[(201, 201), (404, 410)]).expects(ending), own, "{ending:?}");
        }
    }
}
