//! Making a connection: finding the host's addresses, then trying them.
//!
//! This is where a TLS handshake would follow the TCP one.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::net::TcpStream;

use crate::config::Config;
use crate::connection::Connection;
use crate::error::Error;
use crate::meter::Meter;
use crate::target::Target;

type Pending<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// A connection in the making.
pub(crate) struct Dial {
    target: Target,
    step: Step,
}

enum Step {
    /// Nothing has been done yet.
    Begin,
    /// The host's name is being looked up.
    Resolving(Pending<Result<Vec<SocketAddr>, Error>>),
    /// One of the addresses is being tried; the others in turn, should it fail.
    Connecting { trying: SocketAddr, connecting: Pending<io::Result<TcpStream>>, others: Others },
}

type Others = std::vec::IntoIter<SocketAddr>;

impl Dial {
    pub(crate) fn new(target: Target) -> Self {
        Self { target, step: Step::Begin }
    }

    /// Connects to the first of the host's addresses that answers.
    ///
    /// Fails with the error of the last.
    pub(crate) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        config: &Arc<Config>,
        meter: &mut Meter,
    ) -> Poll<Result<Box<Connection>, Error>> {
        loop {
            let addresses = match &mut self.step {
                Step::Begin => {
                    meter.dialling();
                    match self.target.address() {
                        Some(address) => {
                            meter.nothing_to_resolve();
                            vec![SocketAddr::new(address, self.target.port())]
                        }
                        None => {
                            let (config, target) = (Arc::clone(config), self.target.clone());
                            self.step = Step::Resolving(Box::pin(async move {
                                config.resolver.resolve(target.host(), target.port()).await
                            }));
                            continue;
                        }
                    }
                }
                Step::Resolving(found) => {
                    let found = ready!(found.as_mut().poll(cx));
                    meter.resolved();
                    found?
                }
                Step::Connecting { trying, connecting, others } => {
                    let connected = ready!(connecting.as_mut().poll(cx));
                    match connected {
                        Ok(stream) => {
                            meter.connected(*trying);
                            let connection = Connection::new(stream, self.target.clone(), *trying);
                            return Poll::Ready(Ok(connection));
                        }
                        Err(error) => {
                            let rest = std::mem::take(others);
                            match connect(rest) {
                                Some(next) => self.step = next,
                                None => return Poll::Ready(Err(Error::from_connecting(&error))),
                            }
                            continue;
                        }
                    }
                }
            };
            match connect(addresses.into_iter()) {
                Some(step) => self.step = step,
                None => return Poll::Ready(Err(Error::NameNotResolved)),
            }
        }
    }
}

/// Tries the next address, if there is one.
fn connect(mut others: Others) -> Option<Step> {
    let trying = others.next()?;
    let connecting = Box::pin(async move {
        let stream = TcpStream::connect(trying).await?;
        // A request goes out when it is written, not when the last one is acknowledged.
        stream.set_nodelay(true)?;
        Ok(stream)
    });
    Some(Step::Connecting { trying, connecting, others })
}
