//! Asking a proxy to connect, over the connection to it.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::{io, mem};

use http::HeaderValue;
use tokio::io::{AsyncRead as _, AsyncWrite as _, ReadBuf};
use tokio::net::TcpStream;

use super::http_connect::HttpConnect;
use super::socks5::Socks5;
use super::{Proxy, ProxyProtocol};
use crate::error::Error;
use crate::place::Place;
use crate::stream::Traffic;

/// Room for one look at what has come; answers are shorter.
const LOOK: usize = 4 << 10;

/// A connection to a proxy that is being asked to connect further.
pub(crate) struct Asking {
    socket: TcpStream,
    talk: Talk,
    /// What is to be said, and how much of it has been.
    saying: Vec<u8>,
    said: usize,
    /// How much of what has come is done with, and has not been taken from the socket yet.
    heard: usize,
    connected: bool,
    traffic: Traffic,
}

/// What is said, by the proxy's protocol.
enum Talk {
    HttpConnect(HttpConnect),
    Socks5(Socks5),
}

/// What follows from what a proxy has said.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// It has more to say.
    Hear,
    /// This is to be said.
    Say(Vec<u8>),
    /// There is a connection to the target, and whatever comes now comes from there.
    Connected,
}

impl Asking {
    /// The wish for a connection to that destination. Nothing is said before [`poll`](Self::poll).
    ///
    /// Fails with [`Error::NameNotResolved`] where the proxy's protocol has no room for a name that long.
    pub(crate) fn new(
        socket: TcpStream,
        proxy: &Proxy,
        destination: &Place,
        user_agent: &HeaderValue,
    ) -> Result<Self, Error> {
        let (talk, saying) = match proxy.protocol {
            ProxyProtocol::Http => {
                let authorization = proxy.authorization.as_ref();
                let (talk, saying) = HttpConnect::new(destination, authorization, user_agent);
                (Talk::HttpConnect(talk), saying)
            }
            ProxyProtocol::Socks5 | ProxyProtocol::Socks5h => {
                let (talk, saying) = Socks5::new(destination, proxy.credentials.as_ref())?;
                (Talk::Socks5(talk), saying)
            }
        };
        let traffic = Traffic::default();
        Ok(Self { socket, talk, saying, said: 0, heard: 0, connected: false, traffic })
    }

    /// Bytes on the wire since this was last asked.
    pub(crate) fn take_traffic(&mut self) -> Traffic {
        mem::take(&mut self.traffic)
    }

    /// The connection to the target, once [`poll`](Self::poll) has said that there is one.
    pub(crate) fn into_socket(self) -> TcpStream {
        self.socket
    }

    /// Asks, and is ready when there is a connection to the target.
    ///
    /// Fails with what the proxy says, or with what is wrong with how it says it.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        loop {
            ready!(self.poll_take(cx)).map_err(|error| broken(&error))?;
            if self.connected {
                return Poll::Ready(Ok(()));
            }
            ready!(self.poll_say(cx)).map_err(|error| broken(&error))?;
            let mut room = [0; LOOK];
            let mut look = ReadBuf::new(&mut room);
            // What comes behind the answer is the target's already, so it stays where it is.
            ready!(self.socket.poll_peek(cx, &mut look)).map_err(|error| broken(&error))?;
            if look.filled().is_empty() {
                let what = "it closed the connection before it had answered";
                return Poll::Ready(Err(Error::ProxyRefused(what.to_owned())));
            }
            let heard = match &mut self.talk {
                Talk::HttpConnect(talk) => talk.hear(look.filled()),
                Talk::Socks5(talk) => talk.hear(look.filled()),
            };
            let (heard, next) = match heard {
                Ok(heard) => heard,
                Err(error) => {
                    // It was received, though nobody will take it.
                    self.traffic.received += look.filled().len() as u64;
                    return Poll::Ready(Err(error));
                }
            };
            self.heard = heard;
            match next {
                Next::Hear => {}
                Next::Say(saying) => (self.saying, self.said) = (saying, 0),
                Next::Connected => self.connected = true,
            }
        }
    }

    /// Takes from the socket what is done with.
    fn poll_take(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.heard > 0 {
            let mut room = [0; LOOK];
            let length = self.heard.min(LOOK);
            let mut read = ReadBuf::new(&mut room[..length]);
            ready!(Pin::new(&mut self.socket).poll_read(cx, &mut read))?;
            let read = read.filled().len();
            if read == 0 {
                return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
            }
            self.heard -= read;
            self.traffic.received += read as u64;
        }
        Poll::Ready(Ok(()))
    }

    fn poll_say(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.said < self.saying.len() {
            let rest = &self.saying[self.said..];
            let written = ready!(Pin::new(&mut self.socket).poll_write(cx, rest))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.said += written;
            self.traffic.sent += written as u64;
        }
        Poll::Ready(Ok(()))
    }
}

fn broken(error: &io::Error) -> Error {
    Error::ProxyRefused(Error::from_io(error).to_string())
}
