//! `--web`: the report's page while the run goes on, on this machine.
//!
//! `GET /` is the page, `GET /events` what it shows, each second anew (Server-Sent Events, HTML Standard §9.2). What that is says
//! `output::html`. Nothing can be changed here: that is `control_api`. It listens at the loopback address only, and refuses a
//! request whose `host` is a name other than `localhost`, as the control API does and for its reason.
//!
//! A reader that does not keep up is told less often: what is sent is made when its connection takes it.

use std::cell::RefCell;
use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Body, Bytes, Frame, Incoming};
use hyper::header::{self, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use output::html::Live;
use output::{Output, OutputError, StoredResult};
use run::{Event, EventKind};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use crate::control_api::is_here;

/// Where it is unless told otherwise: where k6 has its dashboard.
pub(crate) const PORT: &str = "5665";
/// How long a head may take to arrive.
const HEAD: Duration = Duration::from_secs(5);
/// How long to wait when the system has no room for another connection.
const NO_ROOM_PAUSE: Duration = Duration::from_millis(100);
/// Connections at most.
const CONNECTIONS: usize = 64;
/// How long those who watch have to hear of the end.
const LAST_WORD: Duration = Duration::from_secs(2);

/// What is shown, and how often it has changed.
struct Shown {
    live: Live,
    over: bool,
    /// What is sent, until it changes.
    message: Option<Bytes>,
}

impl Shown {
    fn message(&mut self) -> Bytes {
        let Self { live, message, .. } = self;
        message.get_or_insert_with(|| format!("data: {}\n\n", live.data()).into()).clone()
    }
}

/// Listens to the run on behalf of the page.
pub(crate) struct Watch {
    shown: Rc<RefCell<Shown>>,
    changed: watch::Sender<()>,
}

impl Watch {
    fn change(&self, change: impl FnOnce(&mut Shown)) {
        let mut shown = self.shown.borrow_mut();
        change(&mut shown);
        shown.message = None;
        self.changed.send_replace(());
    }
}

impl Output for Watch {
    fn on_event(&mut self, event: &Event) {
        match &event.kind {
            EventKind::Measured(_) | EventKind::StopRequested { .. } => {
                self.change(|shown| shown.live.on_event(event));
            }
            _ => self.shown.borrow_mut().live.on_event(event),
        }
    }

    fn wants_series(&self) -> bool {
        true
    }

    fn wants_result(&self) -> bool {
        true
    }

    fn on_result(&mut self, result: &StoredResult) {
        self.change(|shown| {
            shown.live.on_result(result);
            shown.over = true;
        });
    }

    fn finish(&mut self) -> Result<(), OutputError> {
        Ok(())
    }
}

/// The page's server, bound to its port.
pub(crate) struct Web {
    listener: TcpListener,
    page: Page,
}

/// What connections have in common.
#[derive(Clone)]
struct Page {
    shown: Rc<RefCell<Shown>>,
    changed: watch::Receiver<()>,
    /// How many connections are watching.
    watching: Rc<watch::Sender<usize>>,
}

impl Web {
    /// Binds to the port; 0 is any that is free.
    ///
    /// Fails as binding does: it is in use.
    pub(crate) async fn bind(port: u16, live: Live) -> std::io::Result<(Self, Watch)> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
        let shown = Rc::new(RefCell::new(Shown { live, over: false, message: None }));
        let (changed, changes) = watch::channel(());
        let watch = Watch { shown: Rc::clone(&shown), changed };
        let watching = Rc::new(watch::Sender::new(0));
        Ok((Self { listener, page: Page { shown, changed: changes, watching } }, watch))
    }

    /// The address it is bound to.
    pub(crate) fn address(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves on this thread from now on. What it returns waits, when the run is over, until those who watch have heard of it.
    pub(crate) fn serve(self) -> impl Future<Output = ()> {
        let mut watching = self.page.watching.subscribe();
        tokio::task::spawn_local(self.accept());
        async move {
            let _ = timeout(LAST_WORD, watching.wait_for(|count| *count == 0)).await;
        }
    }

    async fn accept(self) {
        let open = Rc::new(());
        loop {
            let stream = match self.listener.accept().await {
                // Itself is one.
                Ok((stream, _)) if Rc::strong_count(&open) <= CONNECTIONS => stream,
                Ok(_) => continue,
                Err(_) => {
                    sleep(NO_ROOM_PAUSE).await;
                    continue;
                }
            };
            let (page, open) = (self.page.clone(), Rc::clone(&open));
            tokio::task::spawn_local(async move {
                let watcher = RefCell::new(None);
                let service = service_fn(|request| {
                    let answer = page.answer(&request, &watcher);
                    async move { Ok::<_, Infallible>(answer) }
                });
                // A connection that fails is its peer's affair.
                let _ = http1::Builder::new()
                    .timer(TokioTimer::new())
                    .header_read_timeout(HEAD)
                    .serve_connection(TokioIo::new(stream), service)
                    .await;
                drop(open);
            });
        }
    }
}

type Answer = Response<Sent>;

impl Page {
    fn answer(&self, request: &Request<Incoming>, watcher: &RefCell<Option<Watcher>>) -> Answer {
        let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
        if !host.is_some_and(is_here) {
            let why = "the host is neither an address nor localhost\n";
            return plain(StatusCode::FORBIDDEN, why);
        }
        match (request.method(), request.uri().path()) {
            (&Method::GET | &Method::HEAD, "/") => {
                let page = self.shown.borrow().live.page();
                answer(StatusCode::OK, "text/html; charset=utf-8", Sent::Whole(Full::from(page)))
            }
            (&Method::GET, "/events") => {
                let watching = Rc::clone(&self.watching);
                watcher.borrow_mut().get_or_insert_with(|| Watcher::new(watching));
                self.events()
            }
            (_, "/" | "/events") => plain(StatusCode::METHOD_NOT_ALLOWED, "use GET\n"),
            _ => plain(StatusCode::NOT_FOUND, "there is only /\n"),
        }
    }

    fn events(&self) -> Answer {
        let mut changes = self.changed.clone();
        // What is known already is the first message.
        changes.mark_changed();
        let events =
            Events { shown: Rc::clone(&self.shown), next: Box::pin(next(changes)), over: false };
        let mut answer = answer(StatusCode::OK, "text/event-stream", Sent::Events(events));
        // So that what was sent last has gone before the program does.
        answer.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        answer
    }
}

fn plain(status: StatusCode, text: &'static str) -> Answer {
    answer(status, "text/plain; charset=utf-8", Sent::Whole(Full::from(text)))
}

fn answer(status: StatusCode, kind: &'static str, body: Sent) -> Answer {
    let mut answer = Response::new(body);
    *answer.status_mut() = status;
    for (name, value) in [
        (header::CONTENT_TYPE, kind),
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CONTENT_SECURITY_POLICY, "frame-ancestors 'none'"),
    ] {
        answer.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    answer
}

/// One that watches, as long as it is there.
struct Watcher(Rc<watch::Sender<usize>>);

impl Watcher {
    fn new(all: Rc<watch::Sender<usize>>) -> Self {
        all.send_modify(|count| *count += 1);
        Self(all)
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count -= 1);
    }
}

/// The body of an answer.
enum Sent {
    Whole(Full<Bytes>),
    Events(Events),
}

/// A message for each change, until the run is over.
struct Events {
    shown: Rc<RefCell<Shown>>,
    next: Pin<Box<dyn Future<Output = Option<watch::Receiver<()>>>>>,
    over: bool,
}

/// Waits for a change; `None` if there are no more.
async fn next(mut changes: watch::Receiver<()>) -> Option<watch::Receiver<()>> {
    changes.changed().await.ok()?;
    Some(changes)
}

impl Body for Sent {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let events = match self.get_mut() {
            Self::Whole(whole) => return Pin::new(whole).poll_frame(cx),
            Self::Events(events) => events,
        };
        if events.over {
            return Poll::Ready(None);
        }
        let Some(changes) = ready!(events.next.as_mut().poll(cx)) else {
            events.over = true;
            return Poll::Ready(None);
        };
        events.next = Box::pin(next(changes));
        let mut shown = events.shown.borrow_mut();
        events.over = shown.over;
        Poll::Ready(Some(Ok(Frame::data(shown.message()))))
    }
}
