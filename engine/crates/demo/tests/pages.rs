//! Every page over a real socket, and the record of it.

use std::io::{self, Read, Write};
use std::net::TcpStream;

use demo::{Demo, RunningDemo};
use serde_json::{Value, json};

/// What came back over the wire.
struct Reply {
    status: u16,
    head: String,
    body: Vec<u8>,
}

impl Reply {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {:?}", self.body))
    }

    fn header(&self, name: &str) -> Vec<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.filter(|(each, _)| *each == name).map(|(_, value)| value).collect()
    }
}

fn started(faults: &str) -> RunningDemo {
    Demo::spawn_thread(([127, 0, 0, 1], 0).into(), faults.parse().unwrap()).unwrap()
}

/// Sends these bytes on a connection of their own and reads until it ends.
fn raw(demo: &RunningDemo, bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(demo.address())?;
    stream.write_all(bytes)?;
    let mut reply = Vec::new();
    stream.read_to_end(&mut reply)?;
    Ok(reply)
}

fn request(demo: &RunningDemo, line: &str, headers: &str, body: &[u8]) -> Reply {
    let length = body.len();
    let head = format!(
        "{line} HTTP/1.1\r\nhost: demo\r\nconnection: close\r\n\
         content-length: {length}\r\n{headers}\r\n"
    );
    let reply = raw(demo, &[head.as_bytes(), body].concat()).unwrap();
    let end = reply.windows(4).position(|four| four == b"\r\n\r\n").expect("a whole head");
    let head: String = reply[..end].iter().map(|&byte| byte as char).collect();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Reply { status, head, body: reply[end + 4..].to_vec() }
}

fn get(demo: &RunningDemo, path: &str) -> Reply {
    request(demo, &format!("GET {path}"), "", b"")
}

fn post(demo: &RunningDemo, path: &str, token: &str, body: &Value) -> Reply {
    let authorization = format!("authorization: Bearer {token}\r\n");
    request(demo, &format!("POST {path}"), &authorization, body.to_string().as_bytes())
}

fn token(demo: &RunningDemo, user: &str) -> String {
    let login = post(demo, "/login", "", &json!({ "user": user, "password": "pass" }));
    login.json()["token"].as_str().unwrap().to_owned()
}

#[test]
fn each_page_has_its_status_and_type() {
    let demo = started("");
    for (line, status, content_type) in [
        ("GET /", 200, "text/html; charset=utf-8"),
        ("HEAD /", 200, "text/html; charset=utf-8"),
        ("GET /health", 200, "application/json"),
        ("GET /catalogue", 200, "application/json"),
        ("GET /catalogue?page=5", 200, "application/json"),
        ("GET /catalogue?page=6", 404, "application/json"),
        ("GET /catalogue?page=0", 400, "application/json"),
        ("GET /catalogue?page=first", 400, "application/json"),
        ("GET /products/1", 200, "application/json"),
        ("GET /products/100", 200, "application/json"),
        ("GET /products/0", 404, "application/json"),
        ("GET /products/101", 404, "application/json"),
        ("GET /products/lamp", 404, "application/json"),
        ("POST /", 405, "application/json"),
        ("GET /login", 405, "application/json"),
        ("GET /nowhere", 404, "application/json"),
        ("BREW /health", 405, "application/json"),
        ("GET /status/202", 202, "application/json"),
        ("POST /status/503", 503, "application/json"),
        ("GET /status/99", 400, "application/json"),
        ("GET /delay/0", 200, "application/json"),
        ("GET /delay/soon", 400, "application/json"),
        ("GET /bytes/many", 400, "application/json"),
    ] {
        let reply = request(&demo, line, "", b"");
        assert_eq!(reply.status, status, "{line}");
        assert_eq!(reply.header("content-type"), [content_type], "{line}");
        if status >= 400 && !line.contains("/status/503") {
            assert!(reply.json()["error"].is_string(), "{line} says what is wrong");
        }
    }
}

#[test]
fn the_catalogue_lists_every_product_once() {
    let demo = started("");
    let pages = (1..=5).map(|page| get(&demo, &format!("/catalogue?page={page}")).json());
    let ids: Vec<_> = pages
        .flat_map(|page| page["products"].as_array().unwrap().clone())
        .map(|product| product["id"].as_u64().unwrap())
        .collect();
    assert_eq!(ids, (1..=100).collect::<Vec<_>>());
    assert_eq!(get(&demo, "/products/7").json()["id"], 7);
}

#[test]
fn a_user_logs_in_fills_the_cart_and_checks_out() {
    let demo = started("");
    let (ada, ben) = (token(&demo, "ada"), token(&demo, "ben"));
    let put = |token: &str, product: u32, quantity: u32| {
        post(&demo, "/cart", token, &json!({ "product": product, "quantity": quantity }))
    };
    for (reply, items) in [(put(&ada, 7, 1), 1), (put(&ada, 7, 2), 3), (put(&ada, 8, 1), 4)] {
        assert_eq!((reply.status, reply.json()), (201, json!({ "items": items })));
    }
    assert_eq!(put(&ben, 1, 1).status, 201, "carts are not shared");

    let cart = request(&demo, "GET /cart", &format!("authorization: Bearer {ada}\r\n"), b"").json();
    let lines = json!([{ "product": 7, "quantity": 3 }, { "product": 8, "quantity": 1 }]);
    assert_eq!((&cart["user"], &cart["lines"]), (&json!("ada"), &lines));
    let price = |id: u32| get(&demo, &format!("/products/{id}")).json()["price_cents"].as_u64();
    assert_eq!(cart["total_cents"].as_u64().unwrap(), 3 * price(7).unwrap() + price(8).unwrap());

    let order = post(&demo, "/checkout", &ada, &json!(null));
    assert_eq!(order.status, 201);
    assert_eq!((&order.json()["order"], &order.json()["items"]), (&json!(1), &json!(4)));
    assert_eq!(post(&demo, "/checkout", &ada, &json!(null)).status, 409, "the cart is empty now");
    assert_eq!(post(&demo, "/checkout", &ben, &json!(null)).json()["order"], 2);
}

#[test]
fn what_a_user_may_not_do_is_refused() {
    let demo = started("");
    let ada = token(&demo, "ada");
    for (path, token, body, status) in [
        ("/login", "", json!({ "user": "ada", "password": "wrong" }), 401),
        ("/login", "", json!({ "user": "ada" }), 400),
        ("/login", "", json!({ "user": "a".repeat(65), "password": "pass" }), 400),
        ("/login", "", json!("ada"), 400),
        ("/cart", "", json!({ "product": 1, "quantity": 1 }), 401),
        ("/cart", "0123456789abcdef", json!({ "product": 1, "quantity": 1 }), 401),
        ("/cart", "no token", json!({ "product": 1, "quantity": 1 }), 401),
        ("/checkout", "", json!(null), 401),
        ("/cart", ada.as_str(), json!({ "product": 101, "quantity": 1 }), 404),
        ("/cart", ada.as_str(), json!({ "product": 1, "quantity": 0 }), 400),
        ("/cart", ada.as_str(), json!({ "product": 1, "quantity": 1001 }), 400),
        ("/cart", ada.as_str(), json!({ "quantity": 1 }), 400),
    ] {
        let reply = post(&demo, path, token, &body);
        assert_eq!(reply.status, status, "{path} {body}: {}", reply.json());
        let asks_to_log_in = !reply.header("www-authenticate").is_empty();
        assert_eq!(asks_to_log_in, status == 401, "{path} {body}");
    }
}

#[test]
fn a_body_over_the_limit_is_refused_whether_its_length_is_told_or_not() {
    let demo = started("");
    let over = vec![b'x'; (1 << 20) + 1];
    let told = format!("content-length: {}\r\n", over.len());
    let chunks = format!("transfer-encoding: chunked\r\n\r\n{:x}", over.len());
    for (how, headers) in [("told", told), ("not told", chunks)] {
        let head = format!("POST /echo HTTP/1.1\r\nhost: demo\r\n{headers}\r\n");
        let body = if how == "told" { "\r\n" } else { "" };
        let mut stream = TcpStream::connect(demo.address()).unwrap();
        stream.write_all(format!("{head}{body}").as_bytes()).unwrap();
        // It may be refused and closed before all of it is written.
        let _ = stream.write_all(&over);
        let mut status = [0; 12];
        stream.read_exact(&mut status).unwrap();
        assert_eq!(&status, b"HTTP/1.1 413", "the length is {how}");
    }
    let most = request(&demo, "POST /echo", "", &over[1..]);
    assert_eq!((most.status, most.json()["body_length"].as_u64()), (200, Some(1 << 20)));
}

#[test]
fn an_echo_says_what_was_seen() {
    let demo = started("");
    let headers = "x-twice: one\r\nx-twice: two\r\n";
    let echo = request(&demo, "PUT /echo?x=1", headers, b"foobar").json();
    assert_eq!(
        echo,
        json!({
            "method": "PUT",
            "path": "/echo?x=1",
            "headers": [
                ["host", "demo"],
                ["connection", "close"],
                ["content-length", "6"],
                ["x-twice", "one"],
                ["x-twice", "two"],
            ],
            "body_length": 6,
            "body_checksum": "85944171f73967e8",
            "body": "foobar",
        })
    );
    let odd = request(&demo, "POST /echo", "", b"\x00\xff").json();
    assert_eq!((&odd["body_length"], &odd["body"]), (&json!(2), &json!(null)));
}

#[test]
fn odd_headers_arrive_as_they_are() {
    let reply = get(&started(""), "/headers");
    assert_eq!(reply.header("set-cookie"), ["first=1; Path=/", "second=2; HttpOnly"]);
    assert_eq!(reply.header("x-twice"), ["one", "two"]);
    assert_eq!(reply.header("x-bytes"), ["\u{e9} \u{ff}"]);
    assert_eq!(reply.header("x-long")[0].len(), 4096);
    assert!(reply.head.contains("\r\nx-empty: \r\n") || reply.head.contains("\r\nx-empty:\r\n"));
}

#[test]
fn bytes_have_their_length_and_pattern() {
    let demo = started("");
    for length in [0, 1, 64, 70_000, 1_000_000] {
        let reply = get(&demo, &format!("/bytes/{length}"));
        assert_eq!(reply.header("content-length"), [length.to_string()]);
        assert_eq!(reply.body.len(), length);
        let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        assert!(reply.body.iter().eq(alphabet.iter().cycle().take(length)), "{length}");
    }
}

#[test]
fn a_drip_is_one_chunk_a_byte() {
    let reply = get(&started(""), "/drip/3");
    assert_eq!(reply.header("transfer-encoding"), ["chunked"]);
    assert_eq!(reply.body, b"1\r\n.\r\n1\r\n.\r\n1\r\n.\r\n0\r\n\r\n");
}

#[test]
fn statuses_without_a_body_have_none() {
    let demo = started("");
    for status in [204, 304] {
        let reply = get(&demo, &format!("/status/{status}"));
        assert_eq!((reply.status, reply.body.len()), (status, 0));
    }
}

#[test]
fn hanging_up_is_a_close_or_a_reset_and_leaves_the_request_unanswered() {
    let demo = started("");
    let get = |path| raw(&demo, format!("GET {path} HTTP/1.1\r\nhost: demo\r\n\r\n").as_bytes());
    assert_eq!(get("/close").unwrap(), b"");
    assert_eq!(get("/reset").unwrap_err().kind(), io::ErrorKind::ConnectionReset);
    let record = demo.record();
    assert_eq!((record.requests, record.unanswered, record.answers.len()), (2, 2, 0));
}

#[test]
fn what_is_not_http_is_counted_apart() {
    let demo = started("");
    let reply = raw(&demo, b"\x16\x03\x01 hello\r\n\r\n").unwrap();
    assert!(reply.starts_with(b"HTTP/1.1 400"));
    let head = format!("GET / HTTP/1.1\r\nhost: demo\r\nx-long: {}\r\n\r\n", "l".repeat(70_000));
    // It may be refused and closed before all of it is written.
    let _ = raw(&demo, head.as_bytes());
    while demo.record().connections_open > 0 {
        std::thread::yield_now();
    }
    let record = demo.record();
    assert_eq!((record.requests, record.malformed, record.connections), (0, 2, 2));
}

#[test]
fn the_record_is_read_and_started_anew_over_http() {
    let demo = started("");
    for path in ["/", "/", "/products/1", "/products/2", "/nowhere"] {
        get(&demo, path);
    }
    let seen = get(&demo, "/record").json();
    let kind = |method, route, status, count| json!({ "method": method, "route": route, "status": status, "count": count });
    assert_eq!(seen["requests"], 5, "reading the record is not counted");
    assert_eq!(
        seen["answers"],
        json!([
            kind("GET", "/", 200, 2),
            kind("GET", "/products/{id}", 200, 2),
            kind("GET", "unknown", 404, 1),
        ])
    );
    assert_eq!(request(&demo, "DELETE /record", "", b"").json()["requests"], 0);
    assert_eq!(request(&demo, "POST /record", "", b"").status, 405);
    assert_eq!(demo.record().requests, 0);
}

#[test]
fn the_record_is_exact_under_concurrency() {
    const CLIENTS: u64 = 8;
    const EACH: u64 = 250;
    let demo = started("errors 10%; seed 5");
    let failed: u64 = std::thread::scope(|scope| {
        let clients: Vec<_> =
            (0..CLIENTS).map(|_| scope.spawn(|| keep_alive(&demo, EACH))).collect();
        clients.into_iter().map(|client| client.join().unwrap()).sum()
    });
    let record = demo.record();
    assert_eq!(record.requests, CLIENTS * EACH);
    assert_eq!(record.connections, CLIENTS);
    assert_eq!(record.unanswered, 0);
    assert_eq!(record.count("GET", "/", 500), failed);
    assert_eq!(record.count("GET", "/", 200), CLIENTS * EACH - failed);
    assert_eq!(record.bytes_received, CLIENTS * EACH * GET.len() as u64);
    assert!(failed > 0);
}

const GET: &[u8] = b"GET / HTTP/1.1\r\nhost: demo\r\n\r\n";

/// Sends requests one after the other on one connection; how many were answered with 500.
fn keep_alive(demo: &RunningDemo, requests: u64) -> u64 {
    let mut stream = TcpStream::connect(demo.address()).unwrap();
    let mut failed = 0;
    for _ in 0..requests {
        stream.write_all(GET).unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            head.push(byte[0]);
        }
        let head = String::from_utf8(head).unwrap();
        failed += u64::from(head.starts_with("HTTP/1.1 500"));
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
        let mut body = vec![0; length.parse().unwrap()];
        stream.read_exact(&mut body).unwrap();
    }
    failed
}

#[test]
fn stopping_closes_the_connections_and_the_port() {
    let demo = started("");
    let address = demo.address();
    let mut client = TcpStream::connect(address).unwrap();
    client.write_all(b"GET /delay/60000 HTTP/1.1\r\nhost: demo\r\n\r\n").unwrap();
    while demo.record().requests == 0 {
        std::thread::yield_now();
    }
    drop(demo);
    assert_eq!(client.read(&mut [0]).unwrap(), 0, "the client is told");
    assert_eq!(TcpStream::connect(address).unwrap_err().kind(), io::ErrorKind::ConnectionRefused);
}

#[test]
fn a_server_inside_a_runtime_of_many_threads_serves_as_well() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let _inside = runtime.enter();
    let demo = Demo::bind(([127, 0, 0, 1], 0).into(), demo::Faults::default()).unwrap();
    let (address, url) = (demo.address(), demo.url());
    assert_eq!(url, format!("http://{address}"));
    runtime.spawn(async move { demo.serve().await });
    let mut client = TcpStream::connect(address).unwrap();
    client.write_all(GET).unwrap();
    let mut status = [0; 12];
    client.read_exact(&mut status).unwrap();
    assert_eq!(&status, b"HTTP/1.1 200");
}

/// Shakes hands on a connection of its own, sends these frames, and reads until it ends: status and the rest.
fn websocket(demo: &RunningDemo, path: &str, headers: &str, frames: &[u8]) -> Reply {
    let head = format!(
        "GET {path} HTTP/1.1\r\nhost: demo\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\
         sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n{headers}\r\n"
    );
    let reply = raw(demo, &[head.as_bytes(), frames].concat()).unwrap();
    let end = reply.windows(4).position(|four| four == b"\r\n\r\n").expect("a whole head");
    let head = String::from_utf8(reply[..end].to_vec()).expect("a head is text");
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Reply { status, head, body: reply[end + 4..].to_vec() }
}

/// A client's frame of up to 125 bytes, masked with zeros.
fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    [&[first, 0x80 | payload.len() as u8, 0, 0, 0, 0], payload].concat()
}

#[test]
fn an_echo_comes_back_and_a_close_is_agreed_to() {
    let demo = started("");
    let frames = [
        masked(0x81, b"one"),
        masked(0x89, b"ping"),
        masked(0x02, b"t"),
        masked(0x80, b"wo"),
        masked(0x88, b"\x03\xe8bye"),
    ];
    let offered = "sec-websocket-protocol: first, second\r\n";
    let reply = websocket(&demo, "/ws/echo", offered, &frames.concat());
    assert_eq!(reply.status, 101);
    assert_eq!(reply.header("sec-websocket-accept"), ["s3pPLMBiTxaQ9kYGzzhZRbK+xOo="]);
    assert_eq!(reply.header("sec-websocket-protocol"), ["first"]);
    assert_eq!(reply.body, b"\x81\x03one\x8a\x04ping\x82\x03two\x88\x02\x03\xe8");
    let record = demo.record();
    assert_eq!((record.messages_received, record.messages_sent), (2, 2));
    assert_eq!(record.count("GET", "/ws/echo", 101), 1);
}

#[test]
fn each_websocket_page_says_what_it_should() {
    let demo = started("");
    let bye = masked(0x88, b"");
    let chat = websocket(&demo, "/ws/chat", "", &[masked(0x81, b"hello"), bye.clone()].concat());
    assert!(chat.body.ends_with(b"\x88\x00"), "{:?}", chat.body);
    assert_eq!(demo.record().messages_received, 1);
    let close = websocket(&demo, "/ws/close/4001", "", &bye);
    assert_eq!(close.body, b"\x88\x02\x0f\xa1\x88\x00");
    for (path, status) in [("/ws/ticker/0", 400), ("/ws/close/999", 400), ("/ws/nothing", 404)] {
        let refused = websocket(&demo, path, "connection: close\r\n", b"");
        assert_eq!(refused.status, status, "{path}");
    }
    assert_eq!(get(&demo, "/ws/echo").status, 426);
    assert_eq!(post(&demo, "/ws/echo", "", &json!({})).status, 405);
    // One that breaks the rules: not masked.
    assert_eq!(websocket(&demo, "/ws/echo", "", b"\x81\x03one").body, b"");
}
