//! The shop: what it sells, who is logged in, and what is in their carts.
//!
//! Nothing here knows faults or the wire; `site.rs` brings both. All state is bounded, see [`MOST_LOGINS`].

use std::collections::{HashMap, VecDeque};

use bytes::Bytes;
use http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, StatusCode};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use crate::answer::{self, Answer};
use crate::dice::Dice;

/// How many products there are, and how many the catalogue has on a page.
const PRODUCTS: u32 = 100;
const ON_A_PAGE: u32 = 20;

/// How many logins are remembered; the next one pushes out the oldest, whose token is good no more.
///
/// As many as there may be virtual users on one machine. A cart holds each product once, so all of it
/// stays below 100 MiB.
const MOST_LOGINS: usize = 100_000;

/// The longest name of a user, in bytes: arbitrary, and short, for it is remembered.
const LONGEST_NAME: usize = 64;

/// The most of a product that a cart takes: arbitrary; it keeps sums from overflowing.
const MOST_OF_ONE: u32 = 1_000;

const HOME: &str = "<!doctype html>\n<title>The demo shop</title>\n<h1>The demo shop</h1>\n\
    <p><a href=\"/catalogue\">Catalogue</a> · <a href=\"/cart\">Cart</a></p>\n";

#[derive(Debug)]
pub(crate) struct Shop {
    /// Pages that never change are made once.
    catalogue: Vec<Bytes>,
    products: Vec<Bytes>,
    logins: Mutex<Logins>,
}

#[derive(Debug)]
struct Logins {
    tokens: Dice,
    orders: u64,
    by_token: HashMap<u64, Login>,
    /// Oldest first.
    ages: VecDeque<u64>,
    most: usize,
}

#[derive(Debug)]
struct Login {
    user: String,
    cart: Vec<Line>,
}

#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
struct Line {
    product: u32,
    #[serde(default = "one")]
    quantity: u32,
}

fn one() -> u32 {
    1
}

#[derive(Clone, Serialize)]
struct Product {
    id: u32,
    name: String,
    price_cents: u32,
}

fn product(id: u32) -> Product {
    const LOOKS: [&str; 10] =
        ["plain", "red", "green", "blue", "striped", "spotted", "tiny", "huge", "old", "new"];
    const THINGS: [&str; 10] = [
        "cup", "lamp", "chair", "clock", "kettle", "basket", "ladder", "mirror", "stove",
        "umbrella",
    ];
    let (look, thing) = (LOOKS[id as usize % 10], THINGS[id as usize / 10 % 10]);
    Product { id, name: format!("{look} {thing}"), price_cents: price_cents(id) }
}

/// Odd-looking and always the same.
fn price_cents(id: u32) -> u32 {
    199 + id * 137 % 9_800
}

fn value(cart: &[Line]) -> (u32, u64) {
    let items = cart.iter().map(|line| line.quantity).sum();
    let cents =
        cart.iter().map(|line| u64::from(line.quantity) * u64::from(price_cents(line.product)));
    (items, cents.sum())
}

impl Shop {
    pub(crate) fn new() -> Self {
        Self::with_room_for(MOST_LOGINS)
    }

    fn with_room_for(most: usize) -> Self {
        #[derive(Serialize)]
        struct Page<'a> {
            page: usize,
            pages: u32,
            products: &'a [Product],
        }
        let all: Vec<_> = (1..=PRODUCTS).map(product).collect();
        let made = |value: &dyn Fn() -> serde_json::Result<Vec<u8>>| {
            Bytes::from(value().expect("a value of ours has string keys and serialises"))
        };
        let pages = all.chunks(ON_A_PAGE as usize).enumerate().map(|(index, products)| {
            let page = Page { page: index + 1, pages: PRODUCTS / ON_A_PAGE, products };
            made(&|| serde_json::to_vec(&page))
        });
        Self {
            catalogue: pages.collect(),
            products: all.iter().map(|product| made(&|| serde_json::to_vec(product))).collect(),
            logins: Mutex::new(Logins {
                tokens: Dice::new(0),
                orders: 0,
                by_token: HashMap::new(),
                ages: VecDeque::new(),
                most,
            }),
        }
    }

    /// `GET /`
    pub(crate) fn home(&self) -> Answer {
        answer::bytes(StatusCode::OK, answer::HTML, Bytes::from_static(HOME.as_bytes()))
    }

    /// `GET /health`
    pub(crate) fn health(&self) -> Answer {
        let up = Bytes::from_static(br#"{"status":"up"}"#);
        answer::bytes(StatusCode::OK, answer::JSON, up)
    }

    /// `GET /catalogue?page=N`
    pub(crate) fn catalogue(&self, query: Option<&str>) -> Answer {
        let mut pairs =
            query.unwrap_or_default().split('&').filter_map(|pair| pair.split_once('='));
        let page = pairs.rfind(|&(name, _)| name == "page").map_or("1", |(_, page)| page);
        match page.parse::<usize>().ok().and_then(|page| page.checked_sub(1)) {
            None => {
                let problem = format!("`{page}` is no page: they count from 1");
                answer::refusal(StatusCode::BAD_REQUEST, &problem)
            }
            Some(index) => match self.catalogue.get(index) {
                Some(page) => answer::bytes(StatusCode::OK, answer::JSON, page.clone()),
                None => {
                    let last = self.catalogue.len();
                    let problem = format!("there is no page {page}: the last is {last}");
                    answer::refusal(StatusCode::NOT_FOUND, &problem)
                }
            },
        }
    }

    /// `GET /products/{id}`
    pub(crate) fn product(&self, id: &str) -> Answer {
        let index = id.parse::<usize>().ok().and_then(|id| id.checked_sub(1));
        match index.and_then(|index| self.products.get(index)) {
            Some(product) => answer::bytes(StatusCode::OK, answer::JSON, product.clone()),
            None => {
                let problem = format!("there is no product `{id}`: they are 1 to {PRODUCTS}");
                answer::refusal(StatusCode::NOT_FOUND, &problem)
            }
        }
    }

    /// `POST /login`
    pub(crate) fn login(&self, body: &[u8]) -> Answer {
        #[derive(Deserialize)]
        struct Asked {
            user: String,
            password: String,
        }
        #[derive(Serialize)]
        struct Given {
            token: String,
        }
        let asked: Asked = match serde_json::from_slice(body) {
            Ok(asked) => asked,
            Err(error) => return unreadable(&error, r#"{"user": "ada", "password": "pass"}"#),
        };
        if asked.user.is_empty() || asked.user.len() > LONGEST_NAME {
            let problem = format!("a user has a name, of at most {LONGEST_NAME} bytes");
            return answer::refusal(StatusCode::BAD_REQUEST, &problem);
        }
        if asked.password == "wrong" {
            return unauthorised("the password is wrong");
        }
        let token = self.logins.lock().add(asked.user);
        answer::json(StatusCode::OK, &Given { token: format!("{token:016x}") })
    }

    /// `GET /cart`
    pub(crate) fn cart(&self, headers: &HeaderMap) -> Answer {
        #[derive(Serialize)]
        struct Cart<'a> {
            user: &'a str,
            lines: &'a [Line],
            items: u32,
            total_cents: u64,
        }
        self.of_user(headers, |login, _| {
            let (items, total_cents) = value(&login.cart);
            let cart = Cart { user: &login.user, lines: &login.cart, items, total_cents };
            answer::json(StatusCode::OK, &cart)
        })
    }

    /// `POST /cart`
    pub(crate) fn put(&self, headers: &HeaderMap, body: &[u8]) -> Answer {
        #[derive(Serialize)]
        struct Put {
            items: u32,
        }
        self.of_user(headers, |login, _| {
            let line: Line = match serde_json::from_slice(body) {
                Ok(line) => line,
                Err(error) => return unreadable(&error, r#"{"product": 7, "quantity": 1}"#),
            };
            if !(1..=PRODUCTS).contains(&line.product) {
                let problem = format!("there is no product {}", line.product);
                return answer::refusal(StatusCode::NOT_FOUND, &problem);
            }
            let same = login.cart.iter_mut().find(|same| same.product == line.product);
            let before = same.as_ref().map_or(0, |same| same.quantity);
            let quantity = before.saturating_add(line.quantity);
            if line.quantity == 0 || quantity > MOST_OF_ONE {
                let problem = format!("a cart holds 1 to {MOST_OF_ONE} of a product");
                return answer::refusal(StatusCode::BAD_REQUEST, &problem);
            }
            match same {
                Some(same) => same.quantity = quantity,
                None => login.cart.push(line),
            }
            answer::json(StatusCode::CREATED, &Put { items: value(&login.cart).0 })
        })
    }

    /// `POST /checkout`
    pub(crate) fn checkout(&self, headers: &HeaderMap) -> Answer {
        #[derive(Serialize)]
        struct Order {
            order: u64,
            items: u32,
            total_cents: u64,
        }
        self.of_user(headers, |login, orders| {
            let cart = std::mem::take(&mut login.cart);
            if cart.is_empty() {
                return answer::refusal(StatusCode::CONFLICT, "the cart is empty");
            }
            let (items, total_cents) = value(&cart);
            *orders += 1;
            answer::json(StatusCode::CREATED, &Order { order: *orders, items, total_cents })
        })
    }

    /// Answers for whoever the token of these headers belongs to.
    fn of_user(
        &self,
        headers: &HeaderMap,
        answer: impl FnOnce(&mut Login, &mut u64) -> Answer,
    ) -> Answer {
        let token = headers
            .get(AUTHORIZATION)
            .and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "))
            .and_then(|token| u64::from_str_radix(token.trim(), 16).ok());
        let Some(token) = token else {
            return unauthorised("log in first, and send `authorization: Bearer TOKEN`");
        };
        let mut logins = self.logins.lock();
        let Logins { by_token, orders, .. } = &mut *logins;
        match by_token.get_mut(&token) {
            Some(login) => answer(login, orders),
            None => {
                unauthorised("the token is unknown, or was pushed out by newer ones: log in again")
            }
        }
    }
}

impl Logins {
    fn add(&mut self, user: String) -> u64 {
        if self.ages.len() >= self.most
            && let Some(oldest) = self.ages.pop_front()
        {
            self.by_token.remove(&oldest);
        }
        let token = self.tokens.bits();
        self.ages.push_back(token);
        self.by_token.insert(token, Login { user, cart: Vec::new() });
        token
    }
}

fn unreadable(error: &serde_json::Error, expected: &str) -> Answer {
    let problem = format!("the body is not like {expected}: {error}");
    answer::refusal(StatusCode::BAD_REQUEST, &problem)
}

fn unauthorised(problem: &str) -> Answer {
    let mut answer = answer::refusal(StatusCode::UNAUTHORIZED, problem);
    answer.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_login_makes_room_for_the_newest() {
        let shop = Shop::with_room_for(2);
        let tokens = ["ada", "ben", "cy"].map(|user| shop.logins.lock().add(user.into()));
        let statuses = tokens.map(|token| {
            let mut headers = HeaderMap::new();
            headers.insert(AUTHORIZATION, format!("Bearer {token:016x}").parse().unwrap());
            shop.cart(&headers).status().as_u16()
        });
        assert_eq!(statuses, [401, 200, 200]);
        assert_eq!(shop.logins.lock().by_token.len(), 2);
    }
}
