//! A TLS connection over a socket: records in and out, and nothing kept between them.
//!
//! This uses rustls without buffers of its own. What comes is read into a buffer of the thread and decrypted
//! there; what goes is encrypted into another one. Only what is left over belongs to the connection: a record
//! of which a part has come, or what the socket would not take. An idle connection has neither.

use std::cell::RefCell;
use std::io::{self, IoSlice};
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

use bytes::{Buf, Bytes, BytesMut};
use rustls::ClientConfig;
use rustls::client::UnbufferedClientConnection;
use rustls::pki_types::ServerName;
use rustls::unbuffered::{
    ConnectionState, EncodeError, EncryptError, UnbufferedStatus, WriteTraffic,
};
use tokio::io::{AsyncRead as _, AsyncWrite as _, ReadBuf};

use crate::socket::Socket;
use crate::stream::Traffic;
use crate::tls::TlsVersion;

/// Room for one read: a record of the largest size and the better part of another.
const READ: usize = 32 << 10;
/// The most plaintext in a record (RFC 8446 §5.1).
const FRAGMENT: usize = 16 << 10;
/// What encryption adds to a record at most, its header included (RFC 5246 §6.2.3 allows 2 KiB, no cipher of
/// today takes more than this).
const RECORD_EXTRA: usize = 64;
/// Plaintext that is encrypted at once. A larger body goes in pieces, so that its ciphertext need not be held
/// as a whole. Arbitrary.
const AT_ONCE: usize = 4 * FRAGMENT;
/// Reads without a byte of plaintext before others have their turn. Arbitrary.
const READS: usize = 16;
/// A thread's buffer is given back if a peer has made it larger than this, with certificates as a rule.
const KEPT: usize = 80 << 10;

thread_local! {
    /// What has come, to be decrypted in place. In use only within one read.
    static INCOMING: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
    /// What is to go, encrypted. In use only within one write.
    static OUTGOING: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// A connection by TLS.
pub(crate) struct TlsStream {
    socket: Socket,
    session: UnbufferedClientConnection,
    /// Came, and is not taken in yet.
    incoming: Vec<u8>,
    /// Whether nothing can be made of `incoming` before more has come.
    wants_more: bool,
    /// Decrypted, and there was no room for it.
    surplus: Bytes,
    /// Encrypted, and the socket would not take it.
    outgoing: BytesMut,
    /// Whether the peer has said that nothing follows.
    ended: bool,
    /// Whether the session has come to grief. It must not be asked anything then.
    failed: bool,
    traffic: Traffic,
}

impl TlsStream {
    /// A connection to be, over a socket that is connected. Nothing is sent before
    /// [`poll_handshake`](Self::poll_handshake).
    ///
    /// Fails if the configuration leaves nothing to offer.
    pub(crate) fn new(
        socket: Socket,
        config: Arc<ClientConfig>,
        name: ServerName<'static>,
    ) -> Result<Box<Self>, rustls::Error> {
        Ok(Box::new(Self {
            socket,
            session: UnbufferedClientConnection::new(config, name)?,
            incoming: Vec::new(),
            wants_more: false,
            surplus: Bytes::new(),
            outgoing: BytesMut::new(),
            ended: false,
            failed: false,
            traffic: Traffic::default(),
        }))
    }

    /// The version that both sides have agreed on, once they have.
    pub(crate) fn version(&self) -> Option<TlsVersion> {
        match self.session.protocol_version()? {
            rustls::ProtocolVersion::TLSv1_2 => Some(TlsVersion::Tls12),
            rustls::ProtocolVersion::TLSv1_3 => Some(TlsVersion::Tls13),
            _ => None,
        }
    }

    /// The protocol that both sides have agreed on for what goes over it, if they have (ALPN).
    pub(crate) fn protocol(&self) -> Option<&[u8]> {
        self.session.alpn_protocol()
    }

    /// Whether all that was taken to be written is on the wire.
    pub(crate) fn is_flushed(&self) -> bool {
        self.outgoing.is_empty()
    }

    /// Bytes on the wire since this was last asked.
    pub(crate) fn take_traffic(&mut self) -> Traffic {
        mem::take(&mut self.traffic)
    }

    /// Agrees with the peer on keys, and on who it is.
    ///
    /// Fails with an error whose source is rustls' if they do not agree.
    pub(crate) fn poll_handshake(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut nowhere = ReadBuf::new(&mut []);
        loop {
            if !self.wants_more {
                self.take_in_kept(&mut nowhere)?;
            }
            ready!(self.poll_flush(cx))?;
            if !self.session.is_handshaking() {
                return Poll::Ready(Ok(()));
            }
            if self.ended {
                return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
            }
            ready!(self.poll_take_in(cx, &mut nowhere))?;
        }
    }

    /// Reads plaintext; none once the peer has said that nothing follows.
    ///
    /// Fails with `UnexpectedEof` if the connection ends without that: what came may be only a part.
    pub(crate) fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        room: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = room.filled().len();
        for _ in 0..READS {
            put(&mut self.surplus, room);
            if !self.wants_more && !self.ended && room.filled().len() == before {
                self.take_in_kept(room)?;
            }
            if room.filled().len() > before || self.ended || room.remaining() == 0 {
                return Poll::Ready(Ok(()));
            }
            ready!(self.poll_take_in(cx, room))?;
            // What the peer asked of the session is answered, whether or not the socket takes it now.
            if let Poll::Ready(Err(error)) = self.poll_flush(cx) {
                return Poll::Ready(Err(error));
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Encrypts and writes as much as may be on its way at once. What the socket does not take of it is sent
    /// by the next call, or by [`poll_flush`](Self::poll_flush).
    pub(crate) fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_flush(cx))?;
        OUTGOING.with_borrow_mut(|buffer| {
            let mut length = 0;
            let taken = self.encrypt(parts, buffer, &mut length)?;
            let mut rest = &buffer[..length];
            while !rest.is_empty() {
                match Pin::new(&mut self.socket).poll_write(cx, rest) {
                    Poll::Ready(Ok(0)) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                    Poll::Ready(Ok(written)) => {
                        self.traffic.sent += written as u64;
                        rest = &rest[written..];
                    }
                    Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                    Poll::Pending => {
                        self.outgoing.extend_from_slice(rest);
                        break;
                    }
                }
            }
            Poll::Ready(Ok(taken))
        })
    }

    /// Sends what is encrypted and not sent yet.
    pub(crate) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.outgoing.is_empty() {
            return Poll::Ready(Ok(()));
        }
        while !self.outgoing.is_empty() {
            let written = ready!(Pin::new(&mut self.socket).poll_write(cx, &self.outgoing))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.traffic.sent += written as u64;
            self.outgoing.advance(written);
        }
        // The memory goes too.
        self.outgoing = BytesMut::new();
        Poll::Ready(Ok(()))
    }

    /// Says that nothing follows, and closes this direction.
    pub(crate) fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.say_goodbye();
        ready!(self.poll_flush(cx))?;
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }

    /// Whether nothing has come that means anything to a protocol, not even the end. Tickets for later
    /// sessions may come at any time and mean nothing.
    pub(crate) fn is_quiet(&mut self) -> bool {
        let mut nowhere = ReadBuf::new(&mut []);
        // Nobody is to be woken: the socket is asked as it stands.
        let mut cx = Context::from_waker(Waker::noop());
        for _ in 0..READS {
            if !self.wants_more && self.take_in_kept(&mut nowhere).is_err() {
                return false;
            }
            if self.ended || !self.surplus.is_empty() {
                return false;
            }
            match self.poll_take_in(&mut cx, &mut nowhere) {
                Poll::Pending => return self.wants_more && self.incoming.is_empty(),
                Poll::Ready(Err(_)) => return false,
                Poll::Ready(Ok(())) => {}
            }
            if !matches!(self.poll_flush(&mut cx), Poll::Ready(Ok(()))) {
                return false;
            }
        }
        false
    }

    /// Takes in what had come before.
    fn take_in_kept(&mut self, room: &mut ReadBuf<'_>) -> io::Result<()> {
        let mut kept = mem::take(&mut self.incoming);
        let used = self.take_in(&mut kept, room)?;
        kept.drain(..used);
        self.incoming = kept;
        Ok(())
    }

    /// Reads once, and takes in what has come.
    ///
    /// Fails with `UnexpectedEof` if the connection has ended and the peer had not said that it would.
    fn poll_take_in(
        &mut self,
        cx: &mut Context<'_>,
        room: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        INCOMING.with_borrow_mut(|buffer| {
            let kept = self.incoming.len();
            // A message of the handshake may be longer than a record, and is held until it is whole; rustls
            // allows 64 KiB.
            if buffer.len() < kept + READ {
                buffer.resize(kept + READ, 0);
            }
            buffer[..kept].copy_from_slice(&self.incoming);
            let mut free = ReadBuf::new(&mut buffer[kept..]);
            ready!(Pin::new(&mut self.socket).poll_read(cx, &mut free))?;
            let read = free.filled().len();
            if read == 0 {
                return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
            }
            self.traffic.received += read as u64;
            let length = kept + read;
            let used = self.take_in(&mut buffer[..length], room)?;
            // Its memory is given back with the last byte of it.
            self.incoming = buffer[used..length].to_vec();
            if buffer.len() > KEPT {
                *buffer = Vec::new();
            }
            Poll::Ready(Ok(()))
        })
    }

    /// Decrypts record by record, as long as there is room for what is in the next. How many bytes are done
    /// with; the others are needed again.
    ///
    /// On failure what the peer is to be told is sent as far as the socket takes it.
    fn take_in(&mut self, bytes: &mut [u8], room: &mut ReadBuf<'_>) -> io::Result<usize> {
        let Self { session, surplus, outgoing, ended, wants_more, .. } = self;
        let mut used = 0;
        *wants_more = false;
        loop {
            let rest = &mut bytes[used..];
            let UnbufferedStatus { mut discard, state } = session.process_tls_records(rest);
            match state {
                Ok(ConnectionState::ReadTraffic(mut traffic)) => {
                    while let Some(record) = traffic.next_record() {
                        let record = record.map_err(failed)?;
                        discard += record.discard;
                        let mut payload = record.payload;
                        let fits = payload.len().min(room.remaining());
                        if surplus.is_empty() {
                            room.put_slice(&payload[..fits]);
                            payload = &payload[fits..];
                        }
                        if !payload.is_empty() {
                            *surplus = [surplus.as_ref(), payload].concat().into();
                        }
                    }
                    used += discard;
                    if !surplus.is_empty() || largest_plaintext(&bytes[used..]) > room.remaining() {
                        return Ok(used);
                    }
                    continue;
                }
                Ok(ConnectionState::EncodeTlsData(mut message)) => {
                    encode(&mut message, outgoing).map_err(io::Error::other)?;
                }
                // It stands in `outgoing`, and goes from there.
                Ok(ConnectionState::TransmitTlsData(message)) => message.done(),
                Ok(ConnectionState::PeerClosed) => *ended = true,
                // Blocked in the handshake, or free to write; nothing more can be read from this.
                Ok(_) => {
                    *wants_more = true;
                    return Ok(used + discard);
                }
                Err(error) => {
                    self.failed = true;
                    self.tell_why();
                    return Err(failed(error));
                }
            }
            used += discard;
        }
    }

    /// Encrypts as much of these as may go at once, behind anything that the session has to say first. How
    /// much of them it was.
    fn encrypt(
        &mut self,
        parts: &[IoSlice<'_>],
        buffer: &mut Vec<u8>,
        length: &mut usize,
    ) -> io::Result<usize> {
        // The session wants to see what it has seen: see `take_in`.
        let mut kept = mem::take(&mut self.incoming);
        let mut used = 0;
        let taken = loop {
            let UnbufferedStatus { mut discard, state } =
                self.session.process_tls_records(&mut kept[used..]);
            match state {
                Ok(ConnectionState::WriteTraffic(mut traffic)) => {
                    used += discard;
                    break encrypt_all(&mut traffic, parts, buffer, length)?;
                }
                Ok(ConnectionState::ReadTraffic(mut traffic)) => {
                    while let Some(record) = traffic.next_record() {
                        let record = record.map_err(failed)?;
                        discard += record.discard;
                        self.surplus = [self.surplus.as_ref(), record.payload].concat().into();
                    }
                }
                Ok(ConnectionState::EncodeTlsData(mut message)) => {
                    let mut first = BytesMut::new();
                    encode(&mut message, &mut first).map_err(io::Error::other)?;
                    if buffer.len() < *length + first.len() {
                        buffer.resize(*length + first.len(), 0);
                    }
                    buffer[*length..*length + first.len()].copy_from_slice(&first);
                    *length += first.len();
                }
                Ok(ConnectionState::TransmitTlsData(message)) => message.done(),
                Ok(ConnectionState::PeerClosed) => self.ended = true,
                Ok(_) => return Err(io::ErrorKind::NotConnected.into()),
                Err(error) => {
                    self.failed = true;
                    return Err(failed(error));
                }
            }
            used += discard;
        };
        kept.drain(..used);
        self.incoming = kept;
        Ok(taken)
    }

    /// Sends the alert that goes with an error, if the socket takes it.
    fn tell_why(&mut self) {
        // What it wants to write comes first; it would look for more to read otherwise.
        if !self.session.wants_write() {
            return;
        }
        let status = self.session.process_tls_records(&mut []);
        if let Ok(ConnectionState::EncodeTlsData(mut alert)) = status.state {
            let mut encoded = BytesMut::new();
            if encode(&mut alert, &mut encoded).is_ok() {
                // Who does not hear it sees the connection end.
                let sent = self.socket.try_write(&encoded).unwrap_or_default();
                self.traffic.sent += sent as u64;
            }
        }
    }

    /// Encrypts the end, so that the peer need not take it for a break.
    fn say_goodbye(&mut self) {
        // Where a part of something has come, the session would want to see it again.
        if self.failed || self.session.is_handshaking() || !self.incoming.is_empty() {
            return;
        }
        let status = self.session.process_tls_records(&mut []);
        if let Ok(ConnectionState::WriteTraffic(mut traffic)) = status.state {
            let mut goodbye = [0; RECORD_EXTRA];
            if let Ok(length) = traffic.queue_close_notify(&mut goodbye) {
                self.outgoing.extend_from_slice(&goodbye[..length]);
            }
        }
    }
}

impl Drop for TlsStream {
    fn drop(&mut self) {
        if self.outgoing.is_empty() {
            self.say_goodbye();
            // Nobody waits for it: the connection ends in any case.
            let _ = self.socket.try_write(&self.outgoing);
        }
    }
}

fn failed(error: rustls::Error) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

/// Moves what fits.
fn put(surplus: &mut Bytes, room: &mut ReadBuf<'_>) {
    let fits = surplus.len().min(room.remaining());
    room.put_slice(&surplus[..fits]);
    surplus.advance(fits);
    if surplus.is_empty() {
        *surplus = Bytes::new();
    }
}

/// What the next record may hold at most, as its header says; nothing where that has not come.
fn largest_plaintext(bytes: &[u8]) -> usize {
    match bytes {
        [_, _, _, high, low, ..] => usize::from(u16::from_be_bytes([*high, *low])),
        _ => 0,
    }
}

/// Appends a message of the session's own.
fn encode<Data>(
    message: &mut rustls::unbuffered::EncodeTlsData<'_, Data>,
    outgoing: &mut BytesMut,
) -> Result<(), EncodeError> {
    let start = outgoing.len();
    let size = match message.encode(&mut []) {
        Ok(_) => return Ok(()),
        Err(EncodeError::InsufficientSize(error)) => error.required_size,
        Err(error) => return Err(error),
    };
    outgoing.resize(start + size, 0);
    message.encode(&mut outgoing[start..]).map(|_| ())
}

fn encrypt_all<Data>(
    traffic: &mut WriteTraffic<'_, Data>,
    parts: &[IoSlice<'_>],
    buffer: &mut Vec<u8>,
    length: &mut usize,
) -> io::Result<usize> {
    let mut taken = 0;
    for part in parts {
        for fragment in part.chunks(FRAGMENT) {
            if taken + fragment.len() > AT_ONCE {
                return Ok(taken);
            }
            let mut needed = fragment.len() + RECORD_EXTRA;
            loop {
                if buffer.len() < *length + needed {
                    buffer.resize(*length + needed, 0);
                }
                match traffic.encrypt(fragment, &mut buffer[*length..]) {
                    Ok(written) => {
                        *length += written;
                        taken += fragment.len();
                        break;
                    }
                    Err(EncryptError::InsufficientSize(error)) if error.required_size > needed => {
                        needed = error.required_size;
                    }
                    Err(error) => return Err(io::Error::other(error)),
                }
            }
        }
    }
    Ok(taken)
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use rustls::pki_types::PrivatePkcs8KeyDer;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::{TcpListener, TcpStream};
    use tokio_rustls::TlsAcceptor;

    use super::*;
    use crate::tls::{Sessions, Tls, TlsSettings};
    use crate::version::Offer;

    /// A connection to a peer that sends back what it gets, once it is safe.
    async fn connected() -> Box<TlsStream> {
        let own = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).expect("one");
        let key = PrivatePkcs8KeyDer::from(own.signing_key.serialize_der());
        let config = rustls::ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(vec![own.cert.der().clone()], key.into())
            .expect("the key is the certificate's");
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        tokio::spawn(async move {
            let (socket, _) = listener.accept().await.expect("somebody comes");
            let mut stream = acceptor.accept(socket).await.expect("they agree");
            let mut room = vec![0; 100_000];
            while let Ok(read @ 1..) = stream.read(&mut room).await {
                stream.write_all(&room[..read]).await.expect("it listens");
                stream.flush().await.expect("it listens");
            }
        });
        let settings = TlsSettings { insecure_skip_verify: true, ..TlsSettings::default() };
        let tls = Tls::new(settings).expect("they are valid");
        let config = tls.config("localhost", Offer::Http1, &mut Sessions::default());
        let socket = Socket::Tcp(TcpStream::connect(address).await.expect("it listens"));
        let name = ServerName::try_from("localhost").expect("a name");
        let mut stream = TlsStream::new(socket, config, name).expect("there is something to offer");
        poll_fn(|cx| stream.poll_handshake(cx)).await.expect("they agree");
        stream
    }

    #[tokio::test]
    async fn an_idle_connection_has_no_buffer() {
        let mut stream = connected().await;
        for length in [10, 1_000_000] {
            let (mut written, mut back) = (0, 0);
            let mut room = vec![0; 50_000];
            while back < length {
                poll_fn(|cx| {
                    if written < length {
                        let rest = vec![7; length - written];
                        if let Poll::Ready(taken) = stream.poll_write(cx, &[IoSlice::new(&rest)]) {
                            written += taken.expect("it listens");
                        }
                    } else {
                        let _ = stream.poll_flush(cx).map(|flushed| flushed.expect("it listens"));
                    }
                    let mut read = ReadBuf::new(&mut room);
                    let polled = stream.poll_read(cx, &mut read);
                    back += read.filled().len();
                    match polled {
                        Poll::Pending if written < length => Poll::Ready(()),
                        polled => polled.map(|read| read.expect("it answers")),
                    }
                })
                .await;
                // Whoever echoes runs beside this.
                tokio::task::yield_now().await;
            }
            assert!(stream.is_quiet());
            assert_eq!((stream.incoming.capacity(), stream.outgoing.capacity()), (0, 0));
            assert!(stream.surplus.is_empty());
        }
    }
}
