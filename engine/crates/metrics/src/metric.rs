//! What a metric is, and the table of those every run has.
//!
//! Scripts define more of them through the [`Registry`](crate::Registry).

use std::fmt;
use std::sync::Arc;

/// How the samples of a metric become one value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A sum that grows.
    Counter,
    /// The latest value.
    Gauge,
    /// The share of samples that are not zero.
    Rate,
    /// A distribution: average, extremes, percentiles.
    Trend,
}

impl Kind {
    /// Its name in options, outputs and messages.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Rate => "rate",
            Self::Trend => "trend",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What the numbers of a metric stand for, which decides how they are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Contains {
    /// Plain numbers.
    Default,
    /// Milliseconds.
    Time,
    /// Bytes.
    Data,
}

impl Contains {
    /// Its name in outputs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::Time => "time",
            Self::Data => "data",
        }
    }
}

impl fmt::Display for Contains {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A metric's number in its [`Registry`](crate::Registry); built-in ones have the same in all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MetricId(pub(crate) u32);

impl MetricId {
    /// The built-in metric it stands for, or `None` where a script defined it.
    pub fn builtin(self) -> Option<&'static Builtin> {
        builtin::ALL.get(self.index())
    }

    pub(crate) fn index(self) -> usize {
        self.0 as usize
    }
}

/// A metric as its registry knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metric {
    /// Its number.
    pub id: MetricId,
    /// Its name, unique in its registry.
    pub name: Arc<str>,
    /// How its samples become one value.
    pub kind: Kind,
    /// What its numbers stand for.
    pub contains: Contains,
}

/// A metric that every run has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Builtin {
    /// Its number, the same in every registry.
    pub id: MetricId,
    /// Its name.
    pub name: &'static str,
    /// How its samples become one value.
    pub kind: Kind,
    /// What its numbers stand for.
    pub contains: Contains,
}

/// The metrics every run has: k6's, with k6's names, kinds and meanings, and some of our own.
pub mod builtin {
    use super::{Builtin, Contains, Kind, MetricId};

    /// Says each metric once: its doc, its constant, its row in [`ALL`].
    macro_rules! builtins {
        ($($(#[$doc:meta])* $constant:ident = $name:literal, $kind:ident, $contains:ident;)*) => {
            #[expect(non_camel_case_types, reason = "only numbers the constants of the same names")]
            #[expect(clippy::upper_case_acronyms, reason = "likewise")]
            enum Number { $($constant),* }

            $($(#[$doc])* pub const $constant: MetricId = MetricId(Number::$constant as u32);)*

            /// All of them, each at the place its number says.
            pub const ALL: &[Builtin] = &[$(Builtin {
                id: $constant,
                name: $name,
                kind: Kind::$kind,
                contains: Contains::$contains,
            }),*];
        };
    }

    builtins! {
        /// HTTP requests made, whatever became of them.
        HTTP_REQS = "http_reqs", Counter, Default;
        /// The share of HTTP requests that failed: no answer, or one of status 400 or more.
        HTTP_REQ_FAILED = "http_req_failed", Rate, Default;
        /// Sending, waiting and receiving together: not the wait for a connection, nor its making.
        HTTP_REQ_DURATION = "http_req_duration", Trend, Time;
        /// Waiting for a connection to be free.
        HTTP_REQ_BLOCKED = "http_req_blocked", Trend, Time;
        /// Making the TCP connection; zero where one was reused.
        HTTP_REQ_CONNECTING = "http_req_connecting", Trend, Time;
        /// Agreeing on TLS; zero where a connection was reused.
        HTTP_REQ_TLS_HANDSHAKING = "http_req_tls_handshaking", Trend, Time;
        /// Writing the request.
        HTTP_REQ_SENDING = "http_req_sending", Trend, Time;
        /// From the request's last byte to the response's first.
        HTTP_REQ_WAITING = "http_req_waiting", Trend, Time;
        /// From the response's first byte to its last.
        HTTP_REQ_RECEIVING = "http_req_receiving", Trend, Time;
        /// From the moment the request was due to the response's last byte: `http_req_duration` free
        /// of coordinated omission. Our own.
        HTTP_REQ_RESPONSE = "http_req_response", Trend, Time;
        /// HTTP requests on the wire when the run was cut off. Our own.
        HTTP_REQS_INTERRUPTED = "http_reqs_interrupted", Counter, Default;
        /// HTTP requests sent whole on a kept-alive connection that the peer then closed without an
        /// answer, and sent again on a fresh one. The peer may have counted them; `http_reqs` counts such a
        /// request once. Our own.
        HTTP_REQ_RETRIES = "http_req_retries", Counter, Default;
        /// WebSocket sessions: handshakes that the target agreed to.
        WS_SESSIONS = "ws_sessions", Counter, Default;
        /// From the wish for a WebSocket connection to the answer to its handshake, also one that refuses.
        WS_CONNECTING = "ws_connecting", Trend, Time;
        /// The share of WebSocket connections wished for that did not become sessions. Our own.
        WS_CONNECT_FAILED = "ws_connect_failed", Rate, Default;
        /// From the end of a WebSocket handshake to the end of the session, however it came.
        WS_SESSION_DURATION = "ws_session_duration", Trend, Time;
        /// WebSocket sessions that broke: without the close frames of both sides. Our own.
        WS_SESSIONS_FAILED = "ws_sessions_failed", Counter, Default;
        /// WebSocket sessions, and handshakes on the wire, when they were cut off. Our own.
        WS_SESSIONS_INTERRUPTED = "ws_sessions_interrupted", Counter, Default;
        /// WebSocket messages written whole.
        WS_MSGS_SENT = "ws_msgs_sent", Counter, Default;
        /// WebSocket messages received whole.
        WS_MSGS_RECEIVED = "ws_msgs_received", Counter, Default;
        /// From a WebSocket ping to its pong.
        WS_PING = "ws_ping", Trend, Time;
        /// From sending a WebSocket message to the arrival of what the script calls its answer. Our own.
        WS_MSG_RTT = "ws_msg_rtt", Trend, Time;
        /// WebSocket messages whose session ended before the answer that the script expected. Our own.
        WS_MSGS_UNANSWERED = "ws_msgs_unanswered", Counter, Default;
        /// Event streams (SSE) that were opened, those opened again among them. Our own.
        SSE_STREAMS = "sse_streams", Counter, Default;
        /// The share of attempts to open an event stream that did not become one. Our own.
        SSE_CONNECT_FAILED = "sse_connect_failed", Rate, Default;
        /// Events that arrived. Our own.
        SSE_EVENTS = "sse_events", Counter, Default;
        /// From asking for an event stream to its first event. Our own.
        SSE_TIME_TO_FIRST_EVENT = "sse_time_to_first_event", Trend, Time;
        /// Between two events of a stream. Our own.
        SSE_EVENT_GAP = "sse_event_gap", Trend, Time;
        /// From the beginning of an event stream's response to its end, however it came. Our own.
        SSE_STREAM_DURATION = "sse_stream_duration", Trend, Time;
        /// Event streams that broke, or that the target ended though the script wanted more. Our own.
        SSE_DROPS = "sse_drops", Counter, Default;
        /// Events that added text of a language model. Our own.
        SSE_TOKENS = "sse_tokens", Counter, Default;
        /// From asking for an event stream to its first token. Our own.
        SSE_TIME_TO_FIRST_TOKEN = "sse_time_to_first_token", Trend, Time;
        /// Tokens per second after the first, of each stream. Our own.
        SSE_TOKENS_PER_SECOND = "sse_tokens_per_second", Trend, Default;
        /// The share of a script's checks that held.
        CHECKS = "checks", Rate, Default;
        /// How long a group of a script's was open.
        GROUP_DURATION = "group_duration", Trend, Time;
        /// Iterations that ended by themselves.
        ITERATIONS = "iterations", Counter, Default;
        /// How long an iteration took, its pauses included.
        ITERATION_DURATION = "iteration_duration", Trend, Time;
        /// How long after it was due an iteration started. Our own.
        ITERATION_LAG = "iteration_lag", Trend, Time;
        /// Iterations that failed or trapped. Our own.
        ITERATIONS_FAILED = "iterations_failed", Counter, Default;
        /// Iterations cut off before they ended. Our own.
        ITERATIONS_INTERRUPTED = "iterations_interrupted", Counter, Default;
        /// Iterations that were due and had no VU to run them.
        DROPPED_ITERATIONS = "dropped_iterations", Counter, Default;
        /// VUs that are at work.
        VUS = "vus", Gauge, Default;
        /// VUs that are ready, at work or not.
        VUS_MAX = "vus_max", Gauge, Default;
        /// How long a VU's `start` took. Our own.
        VU_START_DURATION = "vu_start_duration", Trend, Time;
        /// How long a VU's `stop` took. Our own.
        VU_STOP_DURATION = "vu_stop_duration", Trend, Time;
        /// VUs given a fresh instance after a trap or an interruption. Our own.
        VU_RESTARTS = "vu_restarts", Counter, Default;
        /// Calls into a script that trapped or hit a limit. Our own.
        TRAPS = "traps", Counter, Default;
        /// How often a script reached a limit of what it may take, with the tag `limit` that names it. Our own.
        LIMITS_REACHED = "limits_reached", Counter, Default;
        /// Bytes sent.
        DATA_SENT = "data_sent", Counter, Data;
        /// Bytes received.
        DATA_RECEIVED = "data_received", Counter, Data;
        /// How late the engine's own timers fired: where it is large, the engine is the bottleneck
        /// and the other figures are suspect. Our own.
        INJECTOR_LAG = "injector_lag", Trend, Time;
        /// How many processors the engine kept busy, over each second. Our own.
        INJECTOR_CPU = "injector_cpu", Gauge, Default;
        /// Bytes of memory that the engine had, scripts included. Our own.
        INJECTOR_MEMORY = "injector_memory", Gauge, Data;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_builtin_stands_at_its_number() {
        for (place, metric) in builtin::ALL.iter().enumerate() {
            assert_eq!(metric.id.index(), place, "{}", metric.name);
            assert_eq!(metric.id.builtin(), Some(metric));
        }
        assert_eq!(MetricId(builtin::ALL.len() as u32).builtin(), None);
    }

    #[test]
    fn kinds_and_contents_have_lower_case_names() {
        assert_eq!(format!("{:>8}|{}", Kind::Counter, Kind::Gauge), " counter|gauge");
        assert_eq!(format!("{} {}", Kind::Rate, Kind::Trend), "rate trend");
        let contents = [Contains::Default, Contains::Time, Contains::Data];
        assert_eq!(contents.map(Contains::as_str), ["default", "time", "data"]);
        assert_eq!(Contains::Data.to_string(), "data");
    }
}
