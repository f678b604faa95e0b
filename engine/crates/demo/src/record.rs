//! What the target saw, so that a test can count on the other side of the wire.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use http::{Method, StatusCode};
use parking_lot::Mutex;
use serde::Serialize;

use crate::route::Route;

/// What the target saw since it started, or since its record was started anew.
///
/// Requests for `/record` itself are not in it; their connections and bytes are, for a socket does not
/// know what it carries.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Record {
    /// Requests whose head arrived whole and could be read.
    pub requests: u64,
    /// Those of them that have no answer: still at it, client gone, or not to be answered.
    pub unanswered: u64,
    /// Connections that broke off with something that is not HTTP.
    pub malformed: u64,
    /// Connections accepted.
    pub connections: u64,
    /// Connections open now.
    pub connections_open: u64,
    /// Bytes read from sockets.
    pub bytes_received: u64,
    /// Bytes written to sockets.
    pub bytes_sent: u64,
    /// WebSocket messages read whole.
    pub messages_received: u64,
    /// WebSocket messages written.
    pub messages_sent: u64,
    /// How many answers of each kind, in order of route, method and status.
    pub answers: Vec<Answers>,
}

/// How often the requests of one method to one route were answered with one status.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Answers {
    /// The method, or `OTHER` if HTTP has none of that name.
    pub method: &'static str,
    /// The route, such as `/products/{id}`; `unknown` for a path that is none.
    pub route: &'static str,
    /// The status code.
    pub status: u16,
    /// How many.
    pub count: u64,
}

impl Record {
    /// How many requests of this method to this route were answered with this status.
    pub fn count(&self, method: &str, route: &str, status: u16) -> u64 {
        let same = |answers: &&Answers| {
            answers.method == method && answers.route == route && answers.status == status
        };
        self.answers.iter().find(same).map_or(0, |answers| answers.count)
    }

    /// How many requests to this route were answered.
    pub fn answered(&self, route: &str) -> u64 {
        let of_it = self.answers.iter().filter(|answers| answers.route == route);
        of_it.map(|answers| answers.count).sum()
    }
}

/// The methods that are told apart: a client may make up others, and the record must not grow with them.
const METHODS: [&str; 10] =
    ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "OTHER"];

/// A request that was counted and has no answer yet.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen {
    generation: u64,
    route: Route,
    method: usize,
}

/// Writes the [`Record`], from any thread.
#[derive(Debug, Default)]
pub(crate) struct Recorder {
    counts: Mutex<Counts>,
    received: AtomicU64,
    sent: AtomicU64,
    messages_received: AtomicU64,
    messages_sent: AtomicU64,
}

#[derive(Debug, Default)]
struct Counts {
    /// How often it was started anew: an answer to a request from before does not count.
    generation: u64,
    requests: u64,
    malformed: u64,
    connections: u64,
    open: u64,
    /// By route, method and status: at most some thousand, for each of them is one of few.
    answers: BTreeMap<(Route, usize, u16), u64>,
}

impl Recorder {
    pub(crate) fn connected(&self) {
        let mut counts = self.counts.lock();
        counts.connections += 1;
        counts.open += 1;
    }

    pub(crate) fn disconnected(&self) {
        self.counts.lock().open -= 1;
    }

    pub(crate) fn malformed(&self) {
        self.counts.lock().malformed += 1;
    }

    pub(crate) fn received(&self, bytes: usize) {
        self.received.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub(crate) fn sent(&self, bytes: usize) {
        self.sent.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub(crate) fn message_received(&self) {
        self.messages_received.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn message_sent(&self) {
        self.messages_sent.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a request, as soon as it is known.
    pub(crate) fn arrived(&self, method: &Method, route: Route) -> Seen {
        let known = METHODS.iter().position(|&known| known == method.as_str());
        let mut counts = self.counts.lock();
        counts.requests += 1;
        let method = known.unwrap_or(METHODS.len() - 1);
        Seen { generation: counts.generation, route, method }
    }

    /// Counts its answer, just before it goes out.
    pub(crate) fn answered(&self, seen: Seen, status: StatusCode) {
        let mut counts = self.counts.lock();
        if counts.generation == seen.generation {
            *counts.answers.entry((seen.route, seen.method, status.as_u16())).or_default() += 1;
        }
    }

    pub(crate) fn snapshot(&self) -> Record {
        let counts = self.counts.lock();
        let answers: Vec<_> = counts
            .answers
            .iter()
            .map(|(&(route, method, status), &count)| Answers {
                method: METHODS[method],
                route: route.name(),
                status,
                count,
            })
            .collect();
        Record {
            requests: counts.requests,
            unanswered: counts.requests - answers.iter().map(|answers| answers.count).sum::<u64>(),
            malformed: counts.malformed,
            connections: counts.connections,
            connections_open: counts.open,
            bytes_received: self.received.load(Ordering::Relaxed),
            bytes_sent: self.sent.load(Ordering::Relaxed),
            messages_received: self.messages_received.load(Ordering::Relaxed),
            messages_sent: self.messages_sent.load(Ordering::Relaxed),
            answers,
        }
    }

    /// Starts it anew; what is open stays open.
    pub(crate) fn reset(&self) {
        let mut counts = self.counts.lock();
        *counts =
            Counts { generation: counts.generation + 1, open: counts.open, ..Counts::default() };
        self.received.store(0, Ordering::Relaxed);
        self.sent.store(0, Ordering::Relaxed);
        self.messages_received.store(0, Ordering::Relaxed);
        self.messages_sent.store(0, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_counts_by_method_route_and_status() {
        let recorder = Recorder::default();
        for (method, status) in [("GET", 200), ("GET", 200), ("GET", 500), ("POST", 200)] {
            let seen = recorder.arrived(&method.parse().unwrap(), Route::Home);
            recorder.answered(seen, StatusCode::from_u16(status).unwrap());
        }
        let record = recorder.snapshot();
        assert_eq!(record.requests, 4);
        assert_eq!(record.count("GET", "/", 200), 2);
        assert_eq!(record.count("GET", "/", 500), 1);
        assert_eq!(record.count("POST", "/", 200), 1);
        assert_eq!(record.count("POST", "/", 500), 0);
        assert_eq!(record.answered("/"), 4);
        assert_eq!(record.unanswered, 0);
    }

    #[test]
    fn methods_that_clients_make_up_are_counted_as_one() {
        let recorder = Recorder::default();
        for method in ["BREW", "WHEN"] {
            let seen = recorder.arrived(&method.parse().unwrap(), Route::Echo);
            recorder.answered(seen, StatusCode::OK);
        }
        assert_eq!(recorder.snapshot().count("OTHER", "/echo", 200), 2);
    }

    #[test]
    fn an_answer_to_a_request_from_before_a_new_start_does_not_count() {
        let recorder = Recorder::default();
        recorder.connected();
        let seen = recorder.arrived(&Method::GET, Route::Home);
        assert_eq!(recorder.snapshot().unanswered, 1);
        recorder.reset();
        recorder.answered(seen, StatusCode::OK);
        assert_eq!(recorder.snapshot(), Record { connections_open: 1, ..Record::default() });
    }
}
