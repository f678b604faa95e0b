//! The control API: watching a run and changing it while it goes on, over HTTP on this machine.
//!
//! A subset of k6's REST API, in its JSON: `GET /v1/status`, and `PATCH /v1/status` with `paused`, `vus` and
//! `stopped`. It is off unless an address is given. Whoever reaches the address may use it, so a browser
//! must not be made to: a request whose `host` is a name other than `localhost` is refused (no page can
//! send another one to an address it was not loaded from without asking first, and nobody answers that).

use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode, header};
use hyper_util::rt::{TokioIo, TokioTimer};
use output::{Output, OutputError};
use plan::{Plan, Schedule};
use run::{Controller, Event, EventKind};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// The largest body that is read: a hundred times what any command needs.
const LARGEST: usize = 16 << 10;
/// How long a head may take to arrive.
const HEAD: Duration = Duration::from_secs(5);
/// How long to wait when the system has no room for another connection.
const NO_ROOM_PAUSE: Duration = Duration::from_millis(100);

/// How far the run has come, as the API tells it.
#[derive(Debug, Default)]
struct Progress {
    running: bool,
    finished: bool,
    stopped: bool,
    vus: u32,
    vus_max: u32,
    iterations: u64,
    requests: u64,
    elapsed: Duration,
}

/// Listens to the run on behalf of the API.
#[derive(Debug)]
pub(crate) struct Watch(Rc<RefCell<Progress>>);

impl Output for Watch {
    fn on_event(&mut self, event: &Event) {
        let mut progress = self.0.borrow_mut();
        match &event.kind {
            EventKind::LoadStarted => progress.running = true,
            EventKind::Tick(tick) => {
                (progress.vus, progress.vus_max) = (tick.vus, tick.vus_max);
                (progress.iterations, progress.requests) = (tick.iterations, tick.requests);
                progress.elapsed = tick.elapsed;
            }
            EventKind::StopRequested { .. } => progress.stopped = true,
            EventKind::LoadFinished => progress.running = false,
            EventKind::RunFinished(_) => progress.finished = true,
            _ => {}
        }
    }

    fn finish(&mut self) -> Result<(), OutputError> {
        Ok(())
    }
}

/// The API, bound to its address.
pub(crate) struct ControlApi {
    listener: TcpListener,
    state: Rc<State>,
}

struct State {
    plan: Arc<Plan>,
    controller: Controller,
    progress: Rc<RefCell<Progress>>,
    paused: Cell<bool>,
    /// Whether somebody has asked for the end here.
    stopped: Cell<bool>,
}

/// What a `PATCH` may set.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[expect(dead_code, reason = "what is only read is known, so that it is not taken for a mistake")]
struct Wishes {
    paused: Option<bool>,
    vus: Option<u32>,
    stopped: Option<bool>,
    /// Whose VUs, where several scenarios are controlled.
    scenario: Option<String>,
    /// The rest is what a `GET` says and k6's clients send back: it is read, and changes nothing.
    running: Option<IgnoredAny>,
    status: Option<IgnoredAny>,
    tainted: Option<IgnoredAny>,
    vus_max: Option<IgnoredAny>,
    iterations: Option<IgnoredAny>,
    requests: Option<IgnoredAny>,
    elapsed_ms: Option<IgnoredAny>,
}

type Answer = Response<Full<Bytes>>;

impl ControlApi {
    /// Binds to the address.
    ///
    /// Fails as binding does: it is in use, or not this machine's.
    pub(crate) async fn bind(
        address: SocketAddr,
        plan: Arc<Plan>,
        controller: Controller,
    ) -> std::io::Result<(Self, Watch)> {
        let listener = TcpListener::bind(address).await?;
        let progress = Rc::<RefCell<Progress>>::default();
        let watch = Watch(Rc::clone(&progress));
        let state =
            State { plan, controller, progress, paused: false.into(), stopped: false.into() };
        Ok((Self { listener, state: Rc::new(state) }, watch))
    }

    /// The address it is bound to.
    pub(crate) fn address(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves for ever, on this thread.
    pub(crate) async fn serve(self) -> Infallible {
        loop {
            let Ok((stream, _)) = self.listener.accept().await else {
                tokio::time::sleep(NO_ROOM_PAUSE).await;
                continue;
            };
            let state = Rc::clone(&self.state);
            tokio::task::spawn_local(async move {
                let service = service_fn(|request| answer(&state, request));
                // A connection that fails is its peer's affair.
                let _ = http1::Builder::new()
                    .timer(TokioTimer::new())
                    .header_read_timeout(HEAD)
                    .serve_connection(TokioIo::new(stream), service)
                    .await;
            });
        }
    }
}

async fn answer(state: &State, request: Request<Incoming>) -> Result<Answer, Infallible> {
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    if !host.is_some_and(is_here) {
        return Ok(refusal(StatusCode::FORBIDDEN, "the host is neither an address nor localhost"));
    }
    Ok(match (request.method(), request.uri().path()) {
        (&Method::GET, "/v1/status") => state.status(),
        (&Method::PATCH, "/v1/status") => {
            match Limited::new(request.into_body(), LARGEST).collect().await {
                Ok(body) => state.set(&body.to_bytes()),
                Err(_) => {
                    refusal(StatusCode::BAD_REQUEST, "the body is too large, or did not come")
                }
            }
        }
        (_, "/v1/status") => refusal(StatusCode::METHOD_NOT_ALLOWED, "use GET or PATCH"),
        _ => refusal(StatusCode::NOT_FOUND, "there is only /v1/status"),
    })
}

/// Whether a `host` header names this machine by its address, or as `localhost`.
pub(crate) fn is_here(host: &str) -> bool {
    let name = match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, _)) => address,
        None => host.rsplit_once(':').map_or(host, |(name, _)| name),
    };
    name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok()
}

impl State {
    fn status(&self) -> Answer {
        let progress = self.progress.borrow();
        let attributes = json!({
            "running": progress.running,
            "paused": self.paused.get(),
            "stopped": progress.stopped || progress.finished,
            "vus": progress.vus,
            "vus-max": progress.vus_max,
            "iterations": progress.iterations,
            "requests": progress.requests,
            "elapsed-ms": u64::try_from(progress.elapsed.as_millis()).unwrap_or(u64::MAX),
        });
        document(
            StatusCode::OK,
            &json!({ "data": { "type": "status", "id": "default", "attributes": attributes } }),
        )
    }

    /// Does what is asked, or nothing of it.
    fn set(&self, body: &[u8]) -> Answer {
        let wishes = serde_json::from_slice::<Value>(body).map_err(|error| error.to_string());
        let wishes = wishes.and_then(|document| {
            let attributes = document.pointer("/data/attributes").unwrap_or(&document).clone();
            serde_json::from_value::<Wishes>(attributes).map_err(|error| error.to_string())
        });
        let wishes = match wishes {
            Ok(wishes) => wishes,
            Err(error) => return refusal(StatusCode::BAD_REQUEST, &error),
        };
        let scaled = match wishes.vus.map(|vus| self.scaled(vus, wishes.scenario.as_deref())) {
            None => None,
            Some(Ok(scaled)) => Some(scaled),
            Some(Err(why)) => return refusal(StatusCode::BAD_REQUEST, &why),
        };
        if wishes.paused.is_some() && self.controlled().next().is_none() {
            return refusal(StatusCode::BAD_REQUEST, NONE_CONTROLLED);
        }
        if wishes.stopped == Some(false) && self.stopped.get() {
            return refusal(StatusCode::BAD_REQUEST, "a run that has ended does not start again");
        }
        if let Some((scenario, vus)) = scaled {
            self.controller.scale(scenario, vus);
        }
        if let Some(paused) = wishes.paused {
            self.paused.set(paused);
            self.controller.pause(paused);
        }
        // Who asks again wants what he asked for, and not the cut that a second interrupt is.
        if wishes.stopped == Some(true) && !self.stopped.replace(true) {
            self.controller.interrupt();
        }
        self.status()
    }

    /// The controlled scenario that is meant, and how many VUs it may have.
    fn scaled(&self, vus: u32, named: Option<&str>) -> Result<(&str, u32), String> {
        let mut controlled = self.controlled();
        let (name, most) = match named {
            Some(named) => controlled
                .find(|(name, _)| *name == named)
                .ok_or_else(|| format!("no externally-controlled scenario is named `{named}`"))?,
            None => match (controlled.next(), controlled.next()) {
                (Some(only), None) => only,
                (None, _) => return Err(NONE_CONTROLLED.to_owned()),
                (Some(_), Some(_)) => {
                    return Err(
                        "several scenarios are controlled; name one in `scenario`".to_owned()
                    );
                }
            },
        };
        if vus > most {
            return Err(format!("vus must be at most maxVUs, which is {most}, but is {vus}"));
        }
        Ok((name, vus))
    }

    fn controlled(&self) -> impl Iterator<Item = (&str, u32)> {
        self.plan.scenarios.iter().filter_map(|scenario| match scenario.schedule {
            Schedule::Controlled { max_vus, .. } => Some((scenario.name.as_str(), max_vus)),
            _ => None,
        })
    }
}

const NONE_CONTROLLED: &str = "no scenario has the executor `externally-controlled`";

fn refusal(status: StatusCode, why: &str) -> Answer {
    document(status, &json!({ "errors": [{ "status": status.as_str(), "detail": why }] }))
}

fn document(status: StatusCode, document: &Value) -> Answer {
    let mut answer = Response::new(Full::from(format!("{document}\n")));
    *answer.status_mut() = status;
    let json = header::HeaderValue::from_static("application/json");
    answer.headers_mut().insert(header::CONTENT_TYPE, json);
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_and_localhost_are_here() {
        for (host, here) in [
            ("127.0.0.1:6565", true),
            ("127.0.0.1", true),
            ("localhost:6565", true),
            ("[::1]:6565", true),
            ("evil.example", false),
            ("evil.example:6565", false),
            ("127.0.0.1.evil.example", false),
            ("", false),
        ] {
            assert_eq!(is_here(host), here, "{host}");
        }
    }

    fn state(options: &str) -> State {
        State {
            plan: Arc::new(plan::parse_json(options).unwrap().plan().unwrap()),
            controller: run::Control::new().controller(),
            progress: Rc::default(),
            stopped: false.into(),
            paused: false.into(),
        }
    }

    #[test]
    fn what_cannot_be_done_is_refused_with_the_reason() {
        let one = r#"{ "scenarios": { "a": { "executor": "externally-controlled", "vus": 1,
            "maxVUs": 5, "duration": "1m" } } }"#;
        let two = r#"{ "scenarios": {
            "a": { "executor": "externally-controlled", "vus": 1, "duration": "1m" },
            "b": { "executor": "externally-controlled", "vus": 1, "duration": "1m" } } }"#;
        let none = r#"{ "vus": 1, "duration": "1m" }"#;
        for (options, body, status, why) in [
            (one, r#"{"data":{"attributes":{"vus":5}}}"#, 200, "k6's form"),
            (one, r#"{"vus":5,"paused":true}"#, 200, "the attributes alone"),
            (one, r#"{"vus":6}"#, 400, "more than there may be"),
            (one, r#"{"vus":-1}"#, 400, "less than none"),
            (one, r#"{"vuss":1}"#, 400, "a slip of the pen"),
            (one, r#"{"vus":1,"scenario":"b"}"#, 400, "a scenario that is not there"),
            (
                one,
                r#"{"stopped":false,"running":true,"tainted":false,"status":7}"#,
                200,
                "as it is",
            ),
            (one, "vus=5", 400, "no JSON"),
            (two, r#"{"vus":1}"#, 400, "which one?"),
            (two, r#"{"vus":1,"scenario":"b"}"#, 200, "that one"),
            (none, r#"{"vus":1}"#, 400, "nobody to control"),
            (none, r#"{"paused":true}"#, 400, "nobody to pause"),
            (none, r#"{"stopped":true}"#, 200, "anybody can be stopped"),
        ] {
            assert_eq!(state(options).set(body.as_bytes()).status(), status, "{why}");
        }
    }
    #[test]
    fn who_asks_for_the_end_twice_gets_it_once() {
        let one = r#"{ "vus": 1, "duration": "1s" }"#;
        let state = state(one);
        for (body, status) in [
            (r#"{"stopped":true}"#, 200),
            (r#"{"stopped":true}"#, 200),
            (r#"{"stopped":false}"#, 400),
        ] {
            assert_eq!(state.set(body.as_bytes()).status(), status, "{body}");
        }
        assert!(state.stopped.get());
    }
}
