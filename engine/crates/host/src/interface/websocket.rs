//! `websocket`: connections that stay, and messages both ways.
//!
//! Only translation stands here, and what one VU may hold: the client is `net`'s, the samples are
//! [`Sockets`](crate::sockets::Sockets)' affair.

#![expect(unreachable_pub, reason = "the generated bindings name these types in public items")]

use std::sync::Arc;
use std::time::Duration;

use ::http::HeaderMap;
use ::metrics::Tags;
use net::websocket::{Close, End, Error as NetError, Handshake, Subprotocol};
use parking_lot::Mutex;
use tokio::time::Instant;
use wasmtime::component::Resource;
use wasmtime::{Result, bail, format_err};

use crate::bindings::wasmload::script::websocket::{
    Close as ToldClose, Error, Host, HostMessage, HostRequest, HostSocket,
};
use crate::exchanges::{self, Exchanges};
use crate::interface::http::{Response, header};
use crate::json::LazyJson;
use crate::limits::{ANSWER_KEY, HEADER_BYTES, Limit};
use crate::sockets::SocketId;
use crate::state::VuState;
use crate::time::{duration, milliseconds, within};

/// A connection as a script sets it up.
pub struct Request {
    url: String,
    headers: HeaderMap,
    header_bytes: usize,
    subprotocols: Vec<Subprotocol>,
    deflate: bool,
    timeout: Option<Duration>,
    name: Option<String>,
    tags: Vec<(String, String)>,
    /// The first thing about it that cannot be sent.
    fault: Option<String>,
    /// The answer that refused the last attempt, until it is taken.
    refusal: Option<Response>,
}

/// A session in the hands of a script.
pub struct Socket(SocketId);

/// A message in the hands of a script.
pub struct Message {
    message: net::websocket::Message,
    arrived: Instant,
    json: LazyJson,
}

impl Message {
    /// How many bytes it takes.
    fn size(&self) -> usize {
        self.message.len() + self.json.size()
    }
}

impl VuState {
    /// Begins to connect, or counts why not.
    fn begin_to_connect(&mut self, this: &Resource<Request>) -> Result<Result<SocketId, Error>> {
        let request = self.table.get(this)?;
        let (url, fault) = (request.url.clone(), request.fault.clone());
        let tags = self.socket_tags(request);
        let (headers, subprotocols) = (request.headers.clone(), request.subprotocols.clone());
        let (deflate, timeout) = (request.deflate, request.timeout);
        let target = self.user.catalogue.lock().socket_target(&url);
        let mut exchanges = self.exchanges.lock();
        let target = target.map_err(|error| {
            let url = self.user.limits.tag_of(&url);
            format!("the URL `{}`: {error}", url.escape_default())
        });
        let fault = fault.or_else(|| target.as_ref().err().cloned());
        let (Ok(target), None) = (target, &fault) else {
            exchanges.sockets.record_untried(&tags, "invalid request", 1020);
            return Ok(Err(Error::InvalidRequest(fault.unwrap_or_default())));
        };
        let not_allowed = |why: String| Ok(Err(Error::NotAllowed(why)));
        if let Some(why) = self.user.offline {
            exchanges.sockets.record_untried(&tags, "not allowed", 1111);
            return not_allowed(why.into());
        }
        let handshake = Handshake { target, headers, subprotocols, deflate, timeout };
        match exchanges.connect(self.user.identity.vu, handshake, tags.clone()) {
            Ok(id) => Ok(Ok(id)),
            Err(_) => {
                exchanges.sockets.record_untried(&tags, "not allowed", 1111);
                drop(exchanges);
                self.user.count_limit(Limit::Sockets);
                let most = self.user.limits.sockets;
                not_allowed(format!("more than {most} sockets of one user at once"))
            }
        }
    }

    fn socket_tags(&self, request: &Request) -> Tags {
        let mut tags = self.scope.tags().clone();
        for (name, value) in &request.tags {
            tags = tags.with(name.as_str(), value.as_str());
        }
        // As with HTTP: the engine's own come last, and `url` is the name.
        let name = request.name.clone();
        let name: Arc<str> = name.unwrap_or_else(|| self.user.name_of(&request.url)).into();
        tags.with("name", Arc::clone(&name)).with("url", name)
    }

    /// Puts something on its way, and waits until it has been written.
    async fn put(
        &mut self,
        this: &Resource<Socket>,
        put: impl FnOnce(&mut net::websocket::Socket) -> bool,
    ) -> Result<Result<(), Error>> {
        let id = self.table.get(this)?.0;
        self.exchanges.lock().sockets.stir(id);
        let mut put = Some(put);
        until(&self.exchanges, id, |socket| {
            if let Some(put) = put.take()
                && !put(socket)
            {
                return Some(Err(over(socket)));
            }
            match socket.end() {
                None => socket.is_written().then_some(Ok(())),
                Some(End::Closed(_)) if socket.is_written() => Some(Ok(())),
                Some(_) => Some(Err(over(socket))),
            }
        })
        .await
    }
}

/// Waits until this gives something of a socket.
async fn until<T>(
    exchanges: &Mutex<Exchanges>,
    id: SocketId,
    mut look: impl FnMut(&mut net::websocket::Socket) -> Option<T>,
) -> Result<T> {
    exchanges::until(exchanges, |exchanges| match exchanges.sockets.of(id) {
        Some(socket) => look(socket).map(Ok),
        None => Some(Err(format_err!("the socket is not there any more"))),
    })
    .await
}

/// Why nothing can be sent any more, or received.
fn over(socket: &net::websocket::Socket) -> Error {
    match socket.end() {
        Some(End::Closed(Close { code, reason })) => {
            Error::Closed(ToldClose { code: *code, reason: reason.clone() })
        }
        Some(End::Failed(error)) => translated(error),
        // A side has begun to close; which code it gave is told when both have agreed.
        None => Error::Closed(ToldClose { code: 1005, reason: String::new() }),
    }
}

fn translated(error: &NetError) -> Error {
    match error {
        NetError::Connection(error) => match error {
            net::Error::NameNotResolved => Error::NameNotResolved,
            net::Error::ConnectionRefused => Error::ConnectionRefused,
            net::Error::ConnectionReset => Error::ConnectionReset,
            net::Error::ClosedEarly => Error::ClosedEarly,
            net::Error::ConnectTimedOut | net::Error::TimedOut => Error::TimedOut,
            net::Error::NotAllowed(what) => Error::NotAllowed(what.clone()),
            other => Error::Other(other.to_string()),
        },
        NetError::Refused(status) => Error::Refused(*status),
        NetError::Handshake(what) => Error::MalformedHandshake(what.clone()),
        NetError::Protocol(what) => Error::ProtocolError((*what).to_owned()),
        NetError::MessageTooLarge(_) => Error::MessageTooLarge,
        NetError::ClosedEarly => Error::ClosedEarly,
    }
}

impl Host for VuState {
    async fn wait_any(
        &mut self,
        sockets: Vec<Resource<Socket>>,
        timeout: Option<f64>,
    ) -> Result<Option<u32>> {
        let ids: Result<Vec<SocketId>> =
            sockets.iter().map(|socket| Ok(self.table.get(socket)?.0)).collect();
        let ids = ids?;
        if ids.is_empty() {
            return Ok(None);
        }
        let first = exchanges::until(&self.exchanges, |exchanges| {
            let mut places = (0u32..).zip(&ids);
            places.find(|(_, id)| exchanges.sockets.is_ready(**id)).map(|(place, _)| place)
        });
        Ok(within(timeout, first).await)
    }
}

impl HostRequest for VuState {
    fn new(&mut self, url: String) -> Result<Resource<Request>> {
        Ok(self.table.push(Request {
            url,
            headers: HeaderMap::new(),
            header_bytes: 0,
            subprotocols: Vec::new(),
            deflate: false,
            timeout: None,
            name: None,
            tags: Vec::new(),
            fault: None,
            refusal: None,
        })?)
    }

    fn add_header(&mut self, this: Resource<Request>, name: String, value: Vec<u8>) -> Result<()> {
        let request = self.table.get_mut(&this)?;
        let bytes = name.len() + value.len();
        let has_room = request.header_bytes + bytes <= HEADER_BYTES;
        request.header_bytes = (request.header_bytes + bytes).min(HEADER_BYTES);
        let added = header(&name, value).and_then(|(name, value)| {
            if !has_room {
                return Err("it has too many headers".to_owned());
            }
            if name.as_str().starts_with("sec-websocket-") {
                return Err(format!("the header `{name}` is the engine's to set"));
            }
            let added = request.headers.try_append(name, value);
            added.map(|_| ()).map_err(|_| "it has too many headers".to_owned())
        });
        if let Err(fault) = added {
            request.fault.get_or_insert(fault);
        }
        Ok(())
    }

    fn add_subprotocol(&mut self, this: Resource<Request>, name: String) -> Result<()> {
        let request = self.table.get_mut(&this)?;
        match Subprotocol::new(&name) {
            // Each once (RFC 6455 §4.1).
            Some(subprotocol) if !request.subprotocols.contains(&subprotocol) => {
                request.subprotocols.push(subprotocol);
            }
            Some(_) => {}
            None => {
                let name = name.escape_default();
                let fault = format!("the subprotocol `{name}` has characters that HTTP forbids");
                request.fault.get_or_insert(fault);
            }
        }
        Ok(())
    }

    fn offer_deflate(&mut self, this: Resource<Request>) -> Result<()> {
        self.table.get_mut(&this)?.deflate = true;
        Ok(())
    }

    fn set_timeout(&mut self, this: Resource<Request>, length: f64) -> Result<()> {
        self.table.get_mut(&this)?.timeout = Some(duration(length));
        Ok(())
    }

    fn set_name(&mut self, this: Resource<Request>, name: String) -> Result<()> {
        self.user.limits.check_text("the name of a request", &name)?;
        self.table.get_mut(&this)?.name = Some(name);
        Ok(())
    }

    fn set_tag(&mut self, this: Resource<Request>, name: String, value: String) -> Result<()> {
        let limits = Arc::clone(&self.user.limits);
        let tags = &mut self.table.get_mut(&this)?.tags;
        Ok(limits.set_tag(tags, name, value)?)
    }

    async fn connect(
        &mut self,
        this: Resource<Request>,
    ) -> Result<Result<Resource<Socket>, Error>> {
        self.table.get_mut(&this)?.refusal = None;
        let id = match self.begin_to_connect(&this)? {
            Ok(id) => id,
            Err(error) => return Ok(Err(error)),
        };
        let failed =
            until(&self.exchanges, id, |socket| match (socket.was_opened(), socket.end()) {
                // It may be over already, and what it said first can be received all the same.
                (true, _) => Some(None),
                (false, Some(_)) => Some(Some(over(socket))),
                (false, None) => None,
            });
        Ok(match failed.await? {
            None => Ok(self.table.push(Socket(id))?),
            Some(error) => {
                let refusal = self.exchanges.lock().sockets.forget_refused(id);
                self.table.get_mut(&this)?.refusal = refusal
                    .map(|(target, response, timings)| Response::new(target, response, timings));
                Err(error)
            }
        })
    }

    fn refusal(&mut self, this: Resource<Request>) -> Result<Option<Resource<Response>>> {
        let refusal = self.table.get_mut(&this)?.refusal.take();
        refusal.map(|refusal| self.hand_over(refusal)).transpose()
    }

    fn drop(&mut self, this: Resource<Request>) -> Result<()> {
        self.table.delete(this)?;
        Ok(())
    }
}

impl HostSocket for VuState {
    fn subprotocol(&mut self, this: Resource<Socket>) -> Result<Option<String>> {
        let id = self.table.get(&this)?.0;
        let mut exchanges = self.exchanges.lock();
        let socket = exchanges.sockets.of(id);
        Ok(socket.and_then(|socket| socket.subprotocol().map(ToOwned::to_owned)))
    }

    fn header(&mut self, this: Resource<Socket>, name: String) -> Result<Option<String>> {
        let id = self.table.get(&this)?.0;
        let mut exchanges = self.exchanges.lock();
        let headers = exchanges.sockets.of(id).and_then(|socket| socket.headers());
        let value = headers.and_then(|headers| headers.get(&name));
        Ok(value.map(|value| String::from_utf8_lossy(value).into_owned()))
    }

    async fn send_text(
        &mut self,
        this: Resource<Socket>,
        text: String,
    ) -> Result<Result<(), Error>> {
        let message = net::websocket::Message::Text(text);
        self.put(&this, |socket| socket.send(&message)).await
    }

    async fn send_binary(
        &mut self,
        this: Resource<Socket>,
        bytes: Vec<u8>,
    ) -> Result<Result<(), Error>> {
        let message = net::websocket::Message::Binary(bytes);
        self.put(&this, |socket| socket.send(&message)).await
    }

    fn expect_answer(&mut self, this: Resource<Socket>, key: String) -> Result<()> {
        if key.len() > ANSWER_KEY {
            bail!("the key of an answer is longer than {ANSWER_KEY} bytes");
        }
        let id = self.table.get(&this)?.0;
        Ok(self.exchanges.lock().sockets.expect(id, key)?)
    }

    async fn ping(&mut self, this: Resource<Socket>) -> Result<Result<(), Error>> {
        self.put(&this, net::websocket::Socket::ping).await
    }

    async fn wait_pong(
        &mut self,
        this: Resource<Socket>,
        timeout: Option<f64>,
    ) -> Result<Result<bool, Error>> {
        let id = self.table.get(&this)?.0;
        let answered = until(&self.exchanges, id, |socket| match socket.end() {
            Some(_) => Some(Err(over(socket))),
            None => (!socket.awaits_pong()).then_some(Ok(true)),
        });
        within(timeout, answered).await.unwrap_or(Ok(Ok(false)))
    }

    async fn receive(
        &mut self,
        this: Resource<Socket>,
        timeout: Option<f64>,
    ) -> Result<Result<Option<Resource<Message>>, Error>> {
        let id = self.table.get(&this)?.0;
        let mut goes_on = false;
        let next = until(&self.exchanges, id, |socket| {
            let was_held = socket.is_held();
            match socket.receive() {
                Some(received) => {
                    goes_on = was_held && !socket.is_held();
                    Some(Ok(received))
                }
                None => socket.end().is_some().then(|| Err(over(socket))),
            }
        });
        let received = within(timeout, next).await.transpose()?;
        if goes_on {
            self.exchanges.lock().sockets.stir(id);
        }
        let received = match received {
            None => return Ok(Ok(None)),
            Some(Err(error)) => return Ok(Err(error)),
            Some(Ok(received)) => received,
        };
        self.messages.take(received.message.len())?;
        let net::websocket::Received { message, arrived } = received;
        Ok(Ok(Some(self.table.push(Message { message, arrived, json: LazyJson::default() })?)))
    }

    async fn close(
        &mut self,
        this: Resource<Socket>,
        code: u16,
        reason: String,
    ) -> Result<Result<(), Error>> {
        let id = self.table.get(&this)?.0;
        if !Close::may_be_sent(code, &reason) {
            let what = format!("a close with code {code} and {} bytes of reason", reason.len());
            return Ok(Err(Error::InvalidRequest(format!("{what} may not be sent"))));
        }
        self.exchanges.lock().sockets.stir(id);
        let mut began = None;
        until(&self.exchanges, id, |socket| {
            let began = *began.get_or_insert_with(|| socket.close(code, &reason));
            match socket.end() {
                None => None,
                Some(End::Closed(_)) if began => Some(Ok(())),
                Some(_) => Some(Err(over(socket))),
            }
        })
        .await
    }

    fn drop(&mut self, this: Resource<Socket>) -> Result<()> {
        let Socket(id) = self.table.delete(this)?;
        self.exchanges.lock().sockets.forget(id);
        Ok(())
    }
}

impl HostMessage for VuState {
    fn is_text(&mut self, this: Resource<Message>) -> Result<bool> {
        let message = &self.table.get(&this)?.message;
        Ok(matches!(message, net::websocket::Message::Text(_)))
    }

    fn length(&mut self, this: Resource<Message>) -> Result<u32> {
        let length = self.table.get(&this)?.message.len();
        Ok(u32::try_from(length).unwrap_or(u32::MAX))
    }

    fn text(&mut self, this: Resource<Message>) -> Result<String> {
        let message = &self.table.get(&this)?.message;
        Ok(String::from_utf8_lossy(message.as_bytes()).into_owned())
    }

    fn bytes(&mut self, this: Resource<Message>) -> Result<Vec<u8>> {
        Ok(self.table.get(&this)?.message.as_bytes().to_vec())
    }

    fn json(&mut self, this: Resource<Message>, pointer: String) -> Result<Option<String>> {
        let held = self.table.get_mut(&this)?;
        let before = held.size();
        let part = held.json.part(held.message.as_bytes(), &pointer);
        let more = held.size() - before;
        self.messages.take(more)?;
        Ok(part)
    }

    fn arrived(&mut self, this: Resource<Message>) -> Result<f64> {
        let arrived = self.table.get(&this)?.arrived;
        Ok(milliseconds(arrived.saturating_duration_since(self.user.origin)))
    }

    fn answers(&mut self, this: Resource<Message>, key: String) -> Result<Option<f64>> {
        let arrived = self.table.get(&this)?.arrived;
        let took = self.exchanges.lock().sockets.answered(&key, arrived);
        Ok(took.map(milliseconds))
    }

    fn drop(&mut self, this: Resource<Message>) -> Result<()> {
        let message = self.table.delete(this)?;
        self.messages.give_back(message.size());
        Ok(())
    }
}
