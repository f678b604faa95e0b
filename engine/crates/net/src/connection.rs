//! One connection of one VU.
//!
//! What a connection is made of ends here: [`Connection::open`] is where a TLS handshake would follow the
//! TCP one, on any stream that [`Metered`] can wrap, and where another protocol would be chosen. An exchange
//! only hands a message in and drives.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http_body_util::Full;
use hyper::client::conn::http1;
use tokio::net::TcpStream;

use crate::bell::Bell;
use crate::error::Error;
use crate::meter::Meter;
use crate::metered::Metered;
use crate::target::Target;

/// Response headers larger than this are an error: ten times what servers send, and a bound on what endless
/// headers can take. hyper begins with a buffer of 8 KiB, which is what an idle connection keeps, and grows it
/// only while headers do not fit. (Its `read_buf_exact_size` would make 8 KiB the limit for headers too.)
const HEADERS: usize = 128 << 10;

/// A request as hyper takes it.
pub(crate) type Message = http::Request<Full<Bytes>>;
type Driver = http1::Connection<Metered<TcpStream>, Full<Bytes>>;

/// A connection, and all that goes with it from one exchange to the next.
pub(crate) struct Connection {
    pub(crate) sender: http1::SendRequest<Full<Bytes>>,
    /// None once nothing more comes or goes. hyper answers whatever still waits when it is dropped.
    driver: Option<Driver>,
    /// How the driver failed, where it could not tell the one who waits for a response.
    fault: Option<Error>,
    bell: Arc<Bell>,
    /// Rings the bell.
    inner: Waker,
    pub(crate) target: Target,
    pub(crate) meter: Arc<Meter>,
}

impl Connection {
    /// Connects to the first of these addresses that answers. Boxed, because it wanders between the client
    /// and its exchanges.
    ///
    /// Fails with the error of the last.
    pub(crate) async fn open(
        target: Target,
        addresses: &[SocketAddr],
        meter: Arc<Meter>,
    ) -> io::Result<Box<Self>> {
        let mut failed = io::Error::from(io::ErrorKind::NotFound);
        for &remote in addresses {
            match TcpStream::connect(remote).await {
                Ok(stream) => {
                    // A request goes out when it is written, not when the last one is acknowledged.
                    stream.set_nodelay(true)?;
                    meter.connected(remote);
                    return Self::over(stream, target, meter).await;
                }
                Err(error) => failed = error,
            }
        }
        Err(failed)
    }

    async fn over(stream: TcpStream, target: Target, meter: Arc<Meter>) -> io::Result<Box<Self>> {
        let bell = Bell::new();
        let stream = Metered::new(stream, Arc::clone(&meter), Arc::clone(&bell));
        let (sender, driver) = http1::Builder::new()
            .max_buf_size(HEADERS)
            .handshake(stream)
            .await
            .map_err(io::Error::other)?;
        let (driver, fault, inner) = (Some(driver), None, Waker::from(Arc::clone(&bell)));
        Ok(Box::new(Self { sender, driver, fault, bell, inner, target, meter }))
    }

    /// Lets bytes come and go, then polls for what may have come of it. What is polled may only become ready
    /// when the connection is driven.
    pub(crate) fn drive<T>(
        &mut self,
        cx: &mut Context<'_>,
        poll: impl FnOnce(&mut Context<'_>) -> Poll<T>,
    ) -> Poll<T> {
        self.bell.silence(cx);
        let mut inner = Context::from_waker(&self.inner);
        if let Some(driver) = &mut self.driver
            && let Poll::Ready(result) = Pin::new(driver).poll(&mut inner)
        {
            self.driver = None;
            self.fault = result.err().as_ref().map(Error::from_hyper);
        }
        self.bell.heed(cx, poll(&mut inner))
    }

    /// The name of a failure. What hyper tells whoever waits for a body can be less than what it tells here.
    pub(crate) fn explain(&mut self, error: &hyper::Error) -> Error {
        match Error::from_hyper(error) {
            Error::Other(vague) => self.fault.take().unwrap_or(Error::Other(vague)),
            named => named,
        }
    }

    /// Whether another exchange can begin on it: both messages are over, and neither side wants to close. The
    /// peer may have closed since; only the next exchange finds out.
    pub(crate) fn is_ready(&self) -> bool {
        self.driver.is_some() && self.sender.is_ready()
    }
}
