//! `prometheus-scrape=HOST:PORT`: what was measured so far, for a Prometheus that asks.
//!
//! `GET /metrics` is answered in OpenMetrics 1.0 or in Prometheus' text format 0.0.4, whichever is asked for. A trend is a classic
//! histogram, since texts have no native ones: bounds are 1, 2 and 5 times powers of ten, and quantiles between them are the reader's guess.
//!
//! A port alone is of this machine only. There, a request whose `host` is a name other than `localhost` is refused, as `--web` and the control API
//! do: a page in a browser must not read what was measured. Whoever names another address lets everybody read who reaches it.
//!
//! When the run is over, one that has been asked waits to be asked once more, for ten seconds at most, so that the last figures are not lost.

use std::io::{self, Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream, ToSocketAddrs as _};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::{Duration, SystemTime};

use parking_lot::Mutex;
use run::{Event, EventKind};

use super::Names;
use super::classic::Classic;
use super::exposition::{Text, text};
use crate::out::cumulative::Cumulative;
use crate::redacted::Redactor;
use crate::{Output, OutputError};

/// How long to wait to be asked once more.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long a request may take to arrive, and an answer to be taken.
const MOMENT: Duration = Duration::from_secs(5);
/// How long to wait when the system has no room for another connection.
const NO_ROOM_PAUSE: Duration = Duration::from_millis(100);
/// In how many pieces the head of a request may arrive, and how many bytes each may have.
const PIECES: usize = 16;
const PIECE: usize = 1 << 10;
/// Connections at most.
const CONNECTIONS: usize = 8;

/// Serves what was measured.
#[derive(Debug)]
pub struct Scrape {
    shown: Arc<Shown>,
    address: SocketAddr,
    asked: Receiver<()>,
    /// When nothing is waited for any more, once nothing more can come; at once if nobody has asked before.
    until: Option<SystemTime>,
}

#[derive(Debug)]
struct Shown {
    state: Mutex<(Cumulative<Classic>, Names)>,
    /// Says that somebody was answered; one that is not heard is enough.
    asked: SyncSender<()>,
    is_here: bool,
}

impl Scrape {
    /// Listens at an address, such as `127.0.0.1:9464`; a port alone is of this machine only.
    pub(in crate::out) fn create(target: &str, secrets: Redactor) -> io::Result<Self> {
        let listener = TcpListener::bind(address(target)?)?;
        let address = listener.local_addr()?;
        let (asking, asked) = sync_channel(1);
        let state = Mutex::new((Cumulative::new(secrets), Names::default()));
        let is_here = address.ip().is_loopback();
        let shown = Arc::new(Shown { state, asked: asking, is_here });
        let served = Arc::clone(&shown);
        std::thread::Builder::new()
            .name("scrape".to_owned())
            .spawn(move || accept(&listener, &served))?;
        Ok(Self { shown, address, asked, until: None })
    }

    /// Where it is: the port is known now.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

fn address(target: &str) -> io::Result<SocketAddr> {
    if let Ok(port) = target.strip_prefix(':').unwrap_or(target).parse() {
        return Ok((Ipv4Addr::LOCALHOST, port).into());
    }
    // A name may lead to this machine by addresses of both families.
    let such_as = |error: io::Error| {
        io::Error::new(error.kind(), format!("it must be HOST:PORT, such as :9464 ({error})"))
    };
    let mut addresses = target.to_socket_addrs().map_err(such_as)?;
    addresses.next().ok_or_else(|| io::Error::other("the name has no address"))
}

#[expect(clippy::disallowed_methods, reason = "this thread has nothing else to do")]
fn accept(listener: &TcpListener, shown: &Arc<Shown>) {
    let open = Arc::new(());
    for stream in listener.incoming() {
        match stream {
            // Itself is one.
            Ok(stream) if Arc::strong_count(&open) <= CONNECTIONS => {
                let (shown, open) = (Arc::clone(shown), Arc::clone(&open));
                // Without a thread there is no answer, and the connection is closed.
                let _ = std::thread::Builder::new().name("scrape".to_owned()).spawn(move || {
                    // A connection that fails is its peer's affair.
                    let _ = shown.answer(stream);
                    drop(open);
                });
            }
            Ok(_) => {}
            Err(_) => std::thread::sleep(NO_ROOM_PAUSE),
        }
    }
}

impl Shown {
    /// Answers one request, and closes the connection.
    fn answer(&self, mut stream: TcpStream) -> io::Result<()> {
        stream.set_read_timeout(Some(MOMENT))?;
        stream.set_write_timeout(Some(MOMENT))?;
        let Some(asked) = heard(&mut stream)? else { return Ok(()) };
        let plain = "text/plain; charset=utf-8";
        let (status, kind, body) = match asked {
            Asked { host: Some(false), .. } | Asked { host: None, .. } if self.is_here => (
                "403 Forbidden",
                plain,
                "the host is neither an address nor localhost\n".to_owned(),
            ),
            Asked { is_bad: true, .. } => ("400 Bad Request", plain, "no request\n".to_owned()),
            Asked { is_metrics: false, .. } => {
                ("404 Not Found", plain, "there is only /metrics\n".to_owned())
            }
            Asked { is_get: false, .. } => {
                ("405 Method Not Allowed", plain, "use GET\n".to_owned())
            }
            Asked { form, .. } => {
                let (totals, names) = &mut *self.state.lock();
                ("200 OK", form.content_type(), text(totals, names, form))
            }
        };
        let head = format!(
            "HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {}\r\ncache-control: no-store\r\n\
             x-content-type-options: nosniff\r\nconnection: close\r\n\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes())?;
        if !asked.is_head {
            stream.write_all(body.as_bytes())?;
        }
        if status == "200 OK" {
            let _ = self.asked.try_send(());
        }
        Ok(())
    }
}

/// What is asked, if it is asked in so many pieces.
fn heard(stream: &mut TcpStream) -> io::Result<Option<Asked>> {
    let mut head = Vec::new();
    for _ in 0..PIECES {
        let mut room = [0; PIECE];
        let read = stream.read(&mut room)?;
        head.extend_from_slice(&room[..read]);
        if let Some(asked) = Asked::read(&head) {
            return Ok(Some(asked));
        }
        if read == 0 {
            return Ok(None);
        }
    }
    Ok(None)
}

/// What a request is for.
#[derive(Clone, Copy, Debug)]
struct Asked {
    is_bad: bool,
    is_get: bool,
    is_head: bool,
    is_metrics: bool,
    /// Whether it is an address or this machine's name; `None` where there is none.
    host: Option<bool>,
    form: Text,
}

impl Asked {
    /// `None` as long as the head has no end.
    fn read(head: &[u8]) -> Option<Self> {
        let mut headers = [httparse::EMPTY_HEADER; 64];
        let mut request = httparse::Request::new(&mut headers);
        let is_bad = match request.parse(head) {
            Ok(httparse::Status::Partial) => return None,
            Ok(httparse::Status::Complete(_)) => false,
            Err(_) => true,
        };
        let header = |name: &str| {
            let found = request.headers.iter().find(|it| it.name.eq_ignore_ascii_case(name))?;
            str::from_utf8(found.value).ok()
        };
        let is_open =
            header("accept").is_some_and(|it| it.contains("application/openmetrics-text"));
        let method = request.method.unwrap_or_default();
        Some(Self {
            is_bad,
            is_get: method == "GET" || method == "HEAD",
            is_head: method == "HEAD",
            is_metrics: request.path.is_some_and(|it| it.split('?').next() == Some("/metrics")),
            host: header("host").map(is_here),
            form: if is_open { Text::OpenMetrics } else { Text::Plain },
        })
    }
}

/// Whether a `host` is an address or this machine's own name.
fn is_here(host: &str) -> bool {
    let host = host.trim();
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.rsplit_once(':').map_or(host, |(name, _)| name),
    };
    name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok()
}

impl Output for Scrape {
    fn on_event(&mut self, event: &Event) {
        if let EventKind::Measured(measured) = &event.kind {
            self.shown.state.lock().0.add(&measured.collected);
        }
    }

    fn wants_series(&self) -> bool {
        true
    }

    fn waits(&self) -> bool {
        true
    }

    fn close(&mut self) {
        // Who asks from now on has the last figures.
        let was_asked = self.asked.try_recv().is_ok();
        let patience = if was_asked { PATIENCE } else { Duration::ZERO };
        self.until.get_or_insert_with(|| SystemTime::now() + patience);
    }

    fn finish(&mut self) -> Result<(), OutputError> {
        if self.until.is_none() {
            self.close();
        }
        let left = self.until.and_then(|until| until.duration_since(SystemTime::now()).ok());
        // Whatever a clock that was set says. That nobody asks again is no failure.
        let _ = self.asked.recv_timeout(left.unwrap_or_default().min(PATIENCE));
        Ok(())
    }
}

#[cfg(test)]
mod tests;
