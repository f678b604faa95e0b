//! From a request to its answer: the record, the faults, and the page.

use bytes::{Buf, Bytes};
use http::header::{ALLOW, RETRY_AFTER};
use http::request::Parts;
use http::{HeaderValue, Method, Request, StatusCode, Version};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Body;
use tokio::sync::broadcast;

use crate::aids;
use crate::answer::{self, Answer, HungUp};
use crate::events;
use crate::faults::{FaultClock, Faults, Ruling};
use crate::io::Connection;
use crate::record::Recorder;
use crate::route::Route;
use crate::shop::Shop;
use crate::websocket::{self, Frame, Talk};

/// The largest request body that is read: carts and logins are small, and an echo is held in memory.
const LARGEST_BODY: usize = 1 << 20;

/// Everything behind the address.
#[derive(Debug)]
pub(crate) struct Site {
    pub(crate) record: Recorder,
    faults: FaultClock,
    shop: Shop,
    chat: broadcast::Sender<Frame>,
}

impl Site {
    pub(crate) fn new(faults: Faults) -> Self {
        Self {
            record: Recorder::default(),
            faults: FaultClock::new(faults),
            shop: Shop::new(),
            chat: websocket::chat(),
        }
    }

    /// Answers one request, and records it.
    ///
    /// Fails if the connection, or the stream of one that is shared, is to be ended instead.
    pub(crate) async fn answer<B>(
        &self,
        connection: &Connection,
        mut request: Request<B>,
    ) -> Result<Answer, HungUp>
    where
        B: Body<Data: Buf, Error: Into<Box<dyn std::error::Error + Send + Sync>>>,
    {
        let upgrade = hyper::upgrade::on(&mut request);
        let (head, body) = request.into_parts();
        let (route, last) = Route::of(head.uri.path());
        if let Some(allowed) = route.allowed()
            && !allowed.split(", ").any(|method| method == head.method.as_str())
        {
            let answer = not_allowed(&head.method, allowed);
            if route != Route::Record {
                let seen = self.record.arrived(&head.method, route);
                self.record.answered(seen, answer.status());
            }
            return Ok(answer);
        }
        if route == Route::Record {
            return Ok(self.record_page(&head.method));
        }
        let seen = self.record.arrived(&head.method, route);
        let answer = match self.fault(route).await {
            Some(fault) => fault,
            None => match route {
                Route::Close => return Err(HungUp),
                Route::Reset => {
                    // Others share a connection of HTTP/2.
                    if head.version != Version::HTTP_2 {
                        connection.reset_at_close();
                    }
                    return Err(HungUp);
                }
                Route::WsEcho | Route::WsChat | Route::WsTicker | Route::WsClose => {
                    match self
                        .talk(route, last)
                        .and_then(|talk| Ok((talk, websocket::agree(&head)?)))
                    {
                        Ok((talk, agreed)) => {
                            *connection.upgrade.lock() = Some((upgrade, talk));
                            agreed
                        }
                        Err(refusal) => *refusal,
                    }
                }
                _ => self.page(route, last, &head, body).await,
            },
        };
        self.record.answered(seen, answer.status());
        Ok(answer)
    }

    /// What is said on a WebSocket, or why there can be none.
    fn talk(&self, route: Route, last: &str) -> Result<Talk, Box<Answer>> {
        Ok(match route {
            Route::WsChat => Talk::Chat(self.chat.clone()),
            Route::WsTicker => Talk::Ticker(aids::ticks(last)?),
            Route::WsClose => Talk::Close(aids::close_code(last)?),
            _ => Talk::Echo,
        })
    }

    /// Waits as long as the faults of the route say, and answers for the page if they say so.
    async fn fault(&self, route: Route) -> Option<Answer> {
        if !route.has_faults() {
            return None;
        }
        match self.faults.rule() {
            Ruling::TurnedAway => {
                let problem = "the shop is full: all workers are busy and the queue has no room";
                let mut answer = answer::refusal(StatusCode::SERVICE_UNAVAILABLE, problem);
                answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
                Some(answer)
            }
            Ruling::Answer { at, fails } => {
                if let Some(at) = at {
                    tokio::time::sleep_until(at).await;
                }
                let problem = "an error to order";
                fails.then(|| answer::refusal(StatusCode::INTERNAL_SERVER_ERROR, problem))
            }
        }
    }

    async fn page<B>(&self, route: Route, last: &str, head: &Parts, body: B) -> Answer
    where
        B: Body<Data: Buf, Error: Into<Box<dyn std::error::Error + Send + Sync>>>,
    {
        let Self { shop, .. } = self;
        match route {
            Route::Home => shop.home(),
            Route::Health => shop.health(),
            Route::Catalogue => shop.catalogue(head.uri.query()),
            Route::Product => shop.product(last),
            Route::Login => match read(body).await {
                Ok(body) => shop.login(&body),
                Err(refusal) => *refusal,
            },
            Route::Cart if head.method == Method::POST => match read(body).await {
                Ok(body) => shop.put(&head.headers, &body),
                Err(refusal) => *refusal,
            },
            Route::Cart => shop.cart(&head.headers),
            Route::Checkout => shop.checkout(&head.headers),
            Route::Bytes => aids::bytes(last),
            Route::Drip => aids::drip(last),
            Route::Status => aids::status(last),
            Route::Delay => aids::delay(last).await,
            Route::Echo => match read(body).await {
                Ok(body) => aids::echo(head, &body),
                Err(refusal) => *refusal,
            },
            Route::Upload => aids::upload(body).await,
            Route::Events => events::ticks(last, head),
            Route::Chat => match read(body).await {
                Ok(body) => events::chat(head, &body),
                Err(refusal) => *refusal,
            },
            Route::Headers => aids::headers(),
            Route::Redirect => aids::redirect(last),

            Route::Close
            | Route::Reset
            | Route::Record
            | Route::WsEcho
            | Route::WsChat
            | Route::WsTicker
            | Route::WsClose
            | Route::Unknown => {
                let problem = format!("there is no page `{}`", head.uri.path());
                answer::refusal(StatusCode::NOT_FOUND, &problem)
            }
        }
    }

    /// `/record`
    fn record_page(&self, method: &Method) -> Answer {
        if method == Method::DELETE {
            self.record.reset();
        }
        answer::json(StatusCode::OK, &self.record.snapshot())
    }
}

fn not_allowed(method: &Method, allowed: &'static str) -> Answer {
    let problem = format!("the page does not take {method}, but {allowed}");
    let mut answer = answer::refusal(StatusCode::METHOD_NOT_ALLOWED, &problem);
    answer.headers_mut().insert(ALLOW, HeaderValue::from_static(allowed));
    answer
}

/// Reads a whole body, up to [`LARGEST_BODY`], or answers why it cannot be.
async fn read<B>(body: B) -> Result<Bytes, Box<Answer>>
where
    B: Body<Data: Buf, Error: Into<Box<dyn std::error::Error + Send + Sync>>>,
{
    let too_large = || {
        let problem = format!("the body is larger than {LARGEST_BODY} bytes");
        Box::new(answer::refusal(StatusCode::PAYLOAD_TOO_LARGE, &problem))
    };
    // A length that is told is refused before the body is sent.
    if body.size_hint().lower() > LARGEST_BODY as u64 {
        return Err(too_large());
    }
    match Limited::new(body, LARGEST_BODY).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(too_large()),
        Err(error) => {
            let problem = format!("the body does not arrive: {error}");
            Err(Box::new(answer::refusal(StatusCode::BAD_REQUEST, &problem)))
        }
    }
}

#[cfg(test)]
mod tests;
