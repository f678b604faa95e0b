//! The server: an address, the connections to it, and a thread to run on where a test needs one.

use std::convert::Infallible;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::thread::JoinHandle;
use std::time::Duration;

use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use crate::faults::Faults;
use crate::io::{Connection, Socket, Stream};
use crate::record::Record;
use crate::site::Site;
use crate::tls::Tls;
use crate::websocket;

/// How many connections may wait to be accepted: as many as there may be virtual users, who all come at
/// once when a run starts. The system may allow fewer.
const BACKLOG: u32 = 16_384;

/// The largest head of a request, in bytes: about what other servers take; more is 431.
const LARGEST_HEAD: u32 = 64 * 1024;

/// How long to wait when the system has no room for another connection: until others may have closed.
const NO_ROOM_PAUSE: Duration = Duration::from_millis(20);

/// The demo target, bound to its address.
#[derive(Debug)]
pub struct Demo {
    listener: TcpListener,
    address: SocketAddr,
    site: Arc<Site>,
    tls: Option<Tls>,
}

impl Demo {
    /// Binds to an address; port 0 is any free one. Connections are accepted once [`serve`] is polled.
    ///
    /// Fails as binding and listening do: the address is in use, is not this machine's, or is not
    /// allowed.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime with its I/O and time enabled.
    ///
    /// [`serve`]: Self::serve
    pub fn bind(address: SocketAddr, faults: Faults) -> io::Result<Self> {
        let socket = match address {
            SocketAddr::V4(_) => TcpSocket::new_v4()?,
            SocketAddr::V6(_) => TcpSocket::new_v6()?,
        };
        // Connections of a server that was here a moment ago must not keep this one from its port.
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        let listener = socket.listen(BACKLOG)?;
        let address = listener.local_addr()?;
        Ok(Self { listener, address, site: Arc::new(Site::new(faults)), tls: None })
    }

    /// Speaks TLS, by a certificate that is made now.
    ///
    /// Fails if the system has no chance to make one with.
    pub fn by_tls(self) -> io::Result<Self> {
        Ok(Self { tls: Some(Tls::new(self.address.ip())?), ..self })
    }

    /// The address it is bound to, with its real port.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The address as a URL, without a slash at the end: `http://127.0.0.1:8080`.
    pub fn url(&self) -> String {
        url(self.address, self.tls.as_ref())
    }

    /// The certificate that it shows, in PEM, if it speaks TLS: whoever is to believe it has to be told.
    pub fn certificate(&self) -> Option<&str> {
        self.tls.as_ref().map(|tls| &*tls.certificate)
    }

    /// What it has seen so far.
    pub fn record(&self) -> Record {
        self.site.record.snapshot()
    }

    /// Serves for ever; each connection is a task of the runtime that polls this.
    ///
    /// Dropping the future closes all connections. No failure ends it: connections that fail are their
    /// own matter, and when the system has no room for more it waits until it has.
    pub async fn serve(&self) -> Infallible {
        accept(
            |context| self.listener.poll_accept(context).map_ok(|(socket, _)| socket),
            |socket| serve_connection(socket, Arc::clone(&self.site), self.tls.clone()),
        )
        .await
    }

    /// Serves on a thread of its own, until what is returned is dropped.
    ///
    /// Fails as [`bind`](Self::bind) does, or if there can be no thread or runtime.
    pub fn spawn_thread(address: SocketAddr, faults: Faults) -> io::Result<RunningDemo> {
        Self::spawn(|| Self::bind(address, faults))
    }

    /// The same, [by TLS](Self::by_tls).
    pub fn spawn_thread_by_tls(address: SocketAddr, faults: Faults) -> io::Result<RunningDemo> {
        Self::spawn(|| Self::bind(address, faults)?.by_tls())
    }

    fn spawn(bind: impl FnOnce() -> io::Result<Self>) -> io::Result<RunningDemo> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let bound = {
            let _inside = runtime.enter();
            bind()
        };
        let demo = match bound {
            Ok(demo) => demo,
            Err(error) => {
                // The caller may be in a runtime of its own, where another's must not block at its end.
                runtime.shutdown_background();
                return Err(error);
            }
        };
        let (address, site, tls) = (demo.address, Arc::clone(&demo.site), demo.tls.clone());
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::Builder::new().name("demo".into()).spawn(move || {
            runtime.block_on(async move {
                tokio::select! {
                    never = demo.serve() => match never {},
                    _ = stopped => {}
                }
            });
        })?;
        Ok(RunningDemo { address, site, tls, stop: Some(stop), thread: Some(thread) })
    }
}

/// A demo target that serves on a thread of its own. Dropping it stops it and closes its connections.
#[derive(Debug)]
pub struct RunningDemo {
    address: SocketAddr,
    site: Arc<Site>,
    tls: Option<Tls>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl RunningDemo {
    /// The address it is bound to, with its real port.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The address as a URL, without a slash at the end: `http://127.0.0.1:8080`.
    pub fn url(&self) -> String {
        url(self.address, self.tls.as_ref())
    }

    /// The certificate that it shows, in PEM, if it speaks TLS.
    pub fn certificate(&self) -> Option<&str> {
        self.tls.as_ref().map(|tls| &*tls.certificate)
    }

    /// What it has seen so far.
    pub fn record(&self) -> Record {
        self.site.record.snapshot()
    }
}

impl Drop for RunningDemo {
    fn drop(&mut self) {
        // The thread stops when its end of the channel tells it, which dropping ours does.
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic there was printed there, and one here might be a second.
            let _ = thread.join();
        }
    }
}

fn url(address: SocketAddr, tls: Option<&Tls>) -> String {
    let scheme = if tls.is_some() { "https" } else { "http" };
    format!("{scheme}://{address}")
}

/// Accepts connections for ever, and has each served in a task that ends with this future.
async fn accept<S: Future<Output = ()> + Send + 'static>(
    mut next: impl FnMut(&mut Context<'_>) -> Poll<io::Result<TcpStream>>,
    serve: impl Fn(TcpStream) -> S,
) -> Infallible {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = poll_fn(&mut next) => match accepted {
                Ok(socket) => {
                    connections.spawn(serve(socket));
                }
                Err(error) if is_of_one_connection(&error) => {}
                // Out of file descriptors, or of memory: it will be the same if tried again at once.
                Err(_) => tokio::time::sleep(NO_ROOM_PAUSE).await,
            },
            // Those that have ended are forgotten.
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
        }
    }
}

/// Whether accepting failed because of the connection that was to be accepted, which is gone now.
fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::Interrupted
    )
}

/// Serves one connection until it ends.
async fn serve_connection(socket: TcpStream, site: Arc<Site>, tls: Option<Tls>) {
    /// Counts the connection as open for as long as it lives, also if its task is dropped.
    struct Open(Arc<Site>);
    impl Drop for Open {
        fn drop(&mut self) {
            self.0.record.disconnected();
        }
    }
    site.record.connected();
    let _open = Open(Arc::clone(&site));

    // Answers go out at once; if the system refuses, they go out a little later.
    let _ = socket.set_nodelay(true);
    let connection = Arc::new(Connection::new(site));
    let socket = Socket::new(socket, Arc::clone(&connection));
    let mut stream = match tls {
        None => Stream::plain(socket),
        Some(tls) => match tls.acceptor.accept(socket).await {
            Ok(stream) => Stream::tls(stream),
            // A client that does not believe the certificate, or that speaks no TLS, has been told.
            Err(_) => return,
        },
    };
    let Ok(http2) = stream.speaks_http2().await else { return };
    let service = {
        let connection = Arc::clone(&connection);
        service_fn(move |request| {
            let connection = Arc::clone(&connection);
            async move { connection.site.answer(&connection, request).await }
        })
    };
    let stream = TokioIo::new(stream);
    let ended = if http2 {
        let tasks = Tasks::default();
        let mut builder = http2::Builder::new(tasks.clone());
        builder.max_header_list_size(LARGEST_HEAD).serve_connection(stream, service).await
    } else {
        let mut builder = http1::Builder::new();
        builder.max_header_size(LARGEST_HEAD as usize);
        builder.serve_connection(stream, service).with_upgrades().await
    };
    // Any other failure is a client that went, or a page that hung up.
    if let Err(error) = ended
        && error.is_parse()
    {
        connection.site.record.malformed();
    }
    let upgrade = connection.upgrade.lock().take();
    if let Some((upgrade, talk)) = upgrade {
        websocket::serve(upgrade, talk, &connection.site.record).await;
    }
}

/// The tasks of a connection of HTTP/2: one for each request under way. They end with it.
#[derive(Clone, Debug, Default)]
struct Tasks(Arc<Mutex<JoinSet<()>>>);

impl<F: Future<Output = ()> + Send + 'static> hyper::rt::Executor<F> for Tasks {
    fn execute(&self, future: F) {
        let mut tasks = self.0.lock();
        // Those that have ended are forgotten.
        while tasks.try_join_next().is_some() {}
        tasks.spawn(future);
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::Notify;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn accepting_goes_on_after_any_failure() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let _client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        // EMFILE and ENFILE of Linux, and a client that left.
        let mut failures = vec![
            io::Error::from_raw_os_error(24),
            io::Error::from_raw_os_error(23),
            io::ErrorKind::ConnectionAborted.into(),
        ];
        let served = Notify::new();
        let accepting = accept(
            |context| match failures.pop() {
                Some(failure) => Poll::Ready(Err(failure)),
                None => listener.poll_accept(context).map_ok(|(socket, _)| socket),
            },
            |_socket| {
                served.notify_one();
                std::future::ready(())
            },
        );
        tokio::select! {
            never = accepting => match never {},
            () = served.notified() => {}
        }
    }

    #[test]
    fn a_port_that_is_taken_is_told_also_from_inside_a_runtime() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let first = Demo::spawn_thread(([127, 0, 0, 1], 0).into(), Faults::default()).unwrap();
            let error = Demo::spawn_thread(first.address(), Faults::default()).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
        });
    }
}
