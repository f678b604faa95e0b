//! Does each thing that a script can do, and says what came of it: one line a fact, as `../expected.txt` has them.

use std::fmt::Display;
use std::hash::{BuildHasher as _, Hasher as _, RandomState};

use serde_json::Value;
use wasmload_sdk::http::Encoding;
use wasmload_sdk::prelude::*;

script!(for Kit);

/// What a bearer of odd bytes looks like: `é ÿ` in Latin-1, which is no UTF-8.
const ODD: &[u8] = b"\xe9 \xff";

struct Kit {
    token: String,
}

impl Script for Kit {
    const FLOWS: &'static [&'static str] = &["facts", "draws", "fails", "aborts"];
    const OPTIONS: &'static str = r#"{
        "scenarios": {
            "kit": {
                "executor": "per-vu-iterations", "vus": 1, "iterations": 2, "exec": "facts",
                "env": { "COLOUR": "blau 🎨" }, "tags": { "kit": "yes" }
            },
            "drawing": {
                "executor": "per-vu-iterations", "vus": 2, "iterations": 1, "exec": "draws"
            },
            "failing": {
                "executor": "per-vu-iterations", "vus": 1, "iterations": 2, "exec": "fails"
            }
        },
        "thresholds": {
            "http_reqs{name:named}": ["count==2"],
            "http_reqs{colour:red}": ["count==1"],
            "http_reqs{kit:yes}": ["count>49"],
            "kit_counter{kind:a}": ["count==3"],
            "http_reqs{group:::outer::inner}": ["count==1"],
            "checks{group:::outer}": ["rate==1"],
            "http_reqs{mood:good}": ["count==1"],
            "checks{check:a check that fails}": ["rate==0"]
        },
        "datasets": { "people": { "order": "sequential" } }
    }"#;

    fn setup() -> Result<Vec<u8>> {
        say("setup: vu", context::vu());
        Ok(json!({ "token": "Schlüssel", "numbers": [1, 2, 3] }).to_string().into_bytes())
    }

    fn start(data: &[u8]) -> Result<Self> {
        let data: Value = serde_json::from_slice(data)?;
        let token = data["token"].as_str().ok_or("the data has no token")?.to_owned();
        if context::scenario() == "kit" {
            say("start: what setup gave", format!("{token} {}", data["numbers"][2]));
        }
        Ok(Self { token })
    }

    fn iterate(&mut self, flow: &str) -> Result {
        match flow {
            "facts" if context::iteration() == 0 => self.facts(),
            "facts" => {
                say("context: the second iteration is", context::iteration());
                Ok(())
            }
            "draws" => {
                say("draw", RandomState::new().build_hasher().finish());
                Ok(())
            }
            "fails" => Err("on purpose: größer als 🌍".into()),
            "aborts" => context::abort("the kit ends the run"),
            other => Err(format!("there is no flow {other}").into()),
        }
    }

    fn stop(&mut self) {
        if context::scenario() == "kit" {
            say("stop: token", &self.token);
        }
    }

    fn teardown(data: &[u8]) -> Result {
        let data: Value = serde_json::from_slice(data)?;
        say("teardown: what setup gave", data["numbers"][1].as_u64().unwrap_or_default());
        Ok(())
    }
}

/// Says a fact.
fn say(what: &str, value: impl Display) {
    log::info(&format!("kit: {what} = {value}"));
}

/// What a missing value is said as.
fn or_none(value: Option<String>) -> String {
    value.unwrap_or_else(|| "none".to_owned())
}

/// The name of a case as the contract has it: `TimedOut` is `timed-out`.
fn kebab(case: impl std::fmt::Debug) -> String {
    let mut name = String::new();
    for letter in format!("{case:?}").chars().take_while(|letter| letter.is_alphanumeric()) {
        if letter.is_uppercase() && !name.is_empty() {
            name.push('-');
        }
        name.extend(letter.to_lowercase());
    }
    name
}

fn kind<T>(result: Result<T, http::Error>) -> String {
    result.map_or_else(|error| kebab(error.kind()), |_| "a response".to_owned())
}

fn sum(bytes: &[u8]) -> u32 {
    bytes.iter().map(|&byte| u32::from(byte)).sum()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Kit {
    fn facts(&self) -> Result {
        context_and_time();
        requests(&self.token)?;
        responses()?;
        bodies()?;
        errors();
        several()?;
        measuring();
        groups()?;
        rows()?;
        websockets()?;
        events()?;
        Ok(())
    }
}

fn context_and_time() {
    say("context: vu", context::vu());
    say("context: iteration", context::iteration());
    say("context: iteration in the scenario", context::iteration_in_scenario());
    say("context: scenario", context::scenario());
    say("context: executor", context::executor());
    say("context: COLOUR", or_none(context::env("COLOUR")));
    say("context: NOT_GIVEN", or_none(context::env("NOT_GIVEN")));
    // The one conversion of the SDK, there and back: a second must not become a millisecond.
    let before = wasmload_sdk::timing::now();
    sleep(Duration::from_millis(1500));
    let slept = wasmload_sdk::timing::now().saturating_sub(before);
    say(
        "timing: 1.5 s of sleep take between 1.4 and 15",
        slept.as_secs_f64() > 1.4 && slept.as_secs() < 15,
    );
    say(
        "secrets: the length of password",
        secrets::get("password").map_or(0, |it| it.chars().count()),
    );
    say("secrets: NOT_GIVEN", or_none(secrets::get("NOT_GIVEN")));
    for (say, level) in [
        (log::debug as fn(&str), "debug"),
        (log::info, "info"),
        (log::warn, "warn"),
        (log::error, "error"),
    ] {
        say(&format!("kit: log = {level}"));
    }
}

fn requests(token: &str) -> Result {
    let all: Vec<u8> = (0..=255).collect();
    let seen = Request::put(&base_url("/echo?q=%C3%A4%20b"))
        .header("x-twice", "one")
        .header("x-twice", "two")
        .header("x-odd", ODD)
        .header("content-type", "application/octet-stream")
        .body(&all)
        .send()?;
    say("request: method", or_none(seen.pointer_str("/method")));
    say("request: path", or_none(seen.pointer_str("/path")));
    say("request: length of 256 odd bytes", or_none(seen.pointer("/body_length")));
    say("request: their checksum", or_none(seen.pointer_str("/body_checksum")));
    let headers = or_none(seen.pointer("/headers"));
    say(
        "request: a header given twice is sent twice",
        headers.contains(r#"["x-twice","one"],["x-twice","two"]"#),
    );
    say("request: a header of odd bytes arrives as it is", headers.contains("[\"x-odd\",\"é ÿ\"]"));

    let text = Request::post(&base_url("/echo")).body("Grüße, 世界 🎉\0.").send()?;
    say("request: text comes back", or_none(text.pointer("/body")));
    let none = Request::delete(&base_url("/echo")).send()?;
    say(
        "request: without a body",
        format!(
            "{} {}",
            or_none(none.pointer_str("/method")),
            or_none(none.pointer("/body_length"))
        ),
    );

    let json = Request::post(&base_url("/echo")).json(&json!({ "name": "Žofie" })).send()?;
    say("request: json", or_none(json.pointer_str("/body")));
    say(
        "request: json says what it is",
        or_none(json.pointer("/headers")).contains(r#"["content-type","application/json"]"#),
    );
    let form =
        Request::post(&base_url("/echo")).form(&[("a", "1"), ("b", "x y&z"), ("ü", "ß")]).send()?;
    say("request: form", or_none(form.pointer_str("/body")));
    let basic = Request::get(&base_url("/echo")).basic("ada", "pass:wörd").send()?;
    say(
        "request: basic",
        or_none(basic.pointer("/headers")).contains("Basic YWRhOnBhc3M6d8O2cmQ="),
    );
    let bearer = Request::get(&base_url("/echo")).bearer("abc").send()?;
    say("request: bearer", or_none(bearer.pointer("/headers")).contains("Bearer abc"));
    let parts = Request::post(&base_url("/echo"))
        .multipart(Multipart::new().text("field", "wert"))
        .send()?;
    let body = or_none(parts.pointer_str("/body"));
    say("request: multipart", body.contains("name=\"field\"\r\n\r\nwert\r\n--"));
    let packed =
        Request::post(&base_url("/echo")).packed_body(Encoding::Gzip, "x".repeat(1000)).send()?;
    let length: usize = or_none(packed.pointer("/body_length")).parse()?;
    say("request: a thousand letters are packed", length < 100);
    say(
        "request: and say so",
        or_none(packed.pointer("/headers")).contains(r#"["content-encoding","gzip"]"#),
    );

    let named =
        Request::get(&base_url("/status/404")).name("named").expected_statuses(&[404..=404]);
    say(
        "request: prepared and sent twice",
        format!("{} {}", named.send()?.status(), named.send()?.status()),
    );
    Request::get(&base_url("/")).tag("colour", "red").send()?;

    let login = Request::post(&base_url("/login"))
        .json(&json!({ "user": "ada", "password": "pass" }))
        .send()?;
    say("login: status", login.status());
    let bearer = login.pointer_str("/token").ok_or("no token")?;
    let cart = Request::get(&base_url("/cart")).bearer(&bearer).send()?;
    say("login: the cart", cart.status());
    say("login: without a token", http::get(&base_url("/cart"))?.status());
    say("login: what setup gave", token);
    Ok(())
}

fn responses() -> Result {
    let home = http::get(&base_url("/"))?;
    say("response: status", home.status());
    say("response: Content-Type, in any case", or_none(home.header("CONTENT-type")));
    say("response: no such header", or_none(home.header("x-none")));
    say("response: timings have parts", home.timings().duration() > Duration::ZERO);
    let odd = http::get(&base_url("/headers"))?;
    let of = |name: &str| -> Vec<Vec<u8>> {
        odd.headers().into_iter().filter(|(each, _)| each == name).map(|(_, value)| value).collect()
    };
    let twice: Vec<_> =
        of("x-twice").iter().map(|value| String::from_utf8_lossy(value).into_owned()).collect();
    say("response: a header that comes twice", twice.join("|"));
    say("response: the first of them", or_none(odd.header("x-twice")));
    say("response: an empty header is there", odd.header("x-empty").as_deref() == Some(""));
    say("response: a long header", odd.header("x-long").map_or(0, |value| value.len()));
    say("response: odd bytes as text", or_none(odd.header("x-bytes")));
    say(
        "response: odd bytes as they are",
        of("x-bytes").iter().map(|value| hex(value)).collect::<String>(),
    );
    let shown = http::get(&base_url("/echo"))?;
    say(
        "cookies: those that were set go back",
        or_none(shown.pointer("/headers")).contains("first=1; second=2"),
    );
    http::clear_cookies();
    let shown = http::get(&base_url("/echo"))?;
    say("cookies: none after clearing", !or_none(shown.pointer("/headers")).contains("cookie"));

    let catalogue = http::get(&base_url("/catalogue?page=2"))?;
    say("json: by pointer", or_none(catalogue.pointer("/products/0/id")));
    say("json: what is not there", or_none(catalogue.pointer("/products/99/id")));
    say("json: of what is no json", or_none(home.pointer("/a")));
    let followed = http::get(&base_url("/redirect/2"))?;
    say("redirects: followed to", followed.url().rsplit('/').next().unwrap_or_default());
    let hop = Request::get(&base_url("/redirect/2")).redirects(0).send()?;
    say("redirects: not followed", format!("{} {}", hop.status(), or_none(hop.header("location"))));
    Ok(())
}

fn bodies() -> Result {
    let large = http::get(&base_url("/bytes/1000000"))?;
    let body = large.body();
    say("body: a large one", format!("{} {}", body.len(), sum(&body)));
    let bytes: Vec<u8> =
        (0..1_000_000u32).map(|n| u8::try_from(n % 251).unwrap_or_default()).collect();
    let told = Request::post(&base_url("/upload")).body(&bytes).send()?;
    say("body: a large one up", told.text());
    let made = Upload::new().bytes("first").and(&Upload::random(3_000_000, 7)).bytes([0, 255]);
    let told = Request::post(&base_url("/upload")).upload(&made).send()?;
    say("body: made as it is sent", format!("{} {}", made.length(), told.text()));
    let forgotten = Request::get(&base_url("/bytes/1000")).discard_body().send()?;
    say("body: forgotten", format!("{} {}", forgotten.body_length(), forgotten.body().len()));
    let part = Request::get(&base_url("/bytes/1000")).keep_first(10).send()?;
    say("body: kept in part", format!("{} {}", part.body_length(), part.body().len()));
    let hashed = Request::get(&base_url("/bytes/1000")).hash_body().send()?;
    say("body: hashed", or_none(hashed.sha256()));
    let mut length = 0;
    let download = Request::get(&base_url("/bytes/300000")).open()?;
    let status = download.response().status();
    while let Some(chunk) = download.read()? {
        length += chunk.bytes.len();
    }
    say("body: read as it comes", format!("{status} {length}"));
    Ok(())
}

fn errors() {
    let home = base_url("/");
    let closed = context::env("CLOSED").unwrap_or_default();
    let slow = Request::get(&base_url("/delay/60000")).timeout(Duration::from_millis(30));
    for (what, result) in [
        ("nobody listens", http::get(&closed)),
        ("no such name", http::get("http://name.invalid/")),
        ("no URL", http::get("nonsense")),
        ("no method", Request::new("GE T", &home).send()),
        ("a header with a line break", Request::get(&home).header("a", "b\r\nc: d").send()),
        ("too slow", slow.send()),
        ("closed early", http::get(&base_url("/close"))),
        ("reset", http::get(&base_url("/reset"))),
        ("not allowed", http::get("http://192.0.2.1/")),
        ("503 is a response", http::get(&base_url("/status/503"))),
    ] {
        say(&format!("error: {what}"), kind(result));
    }
}

fn several() -> Result {
    let of = |path: &str| Request::get(&base_url(path));
    let requests = [of("/status/200"), Request::get("nonsense"), of("/status/404"), of("/bytes/5")];
    let said: Vec<String> = http::batch(&requests)
        .into_iter()
        .map(|result| {
            result.map_or_else(|error| kebab(error.kind()), |one| one.status().to_string())
        })
        .collect();
    say("batch: in the order of the requests", said.join(" "));
    say("batch: of none", http::batch([]).len());
    let pending = [of("/delay/1000").start(), of("/delay/1").start()];
    say("start: which is first", http::wait_any(&pending, None).map_or(-1, |place| place as i64));
    let [slow, fast] = pending;
    say("start: the fast one", fast.get()?.status());
    say(
        "start: nothing within a millisecond",
        http::wait_any(&[slow], Some(Duration::from_millis(1))).is_none(),
    );
    Ok(())
}

fn measuring() {
    say(
        "check: gives whether it holds",
        format!("{} {}", check("a check that holds ✓", true), check("a check that fails", false)),
    );
    let counter = Counter::new("kit_counter");
    counter.add(2.0);
    counter.add_tagged(3.0, &[("kind", "a")]);
    let gauge = Gauge::new("kit_gauge");
    gauge.set(5.0);
    gauge.set(3.5);
    let rate = Rate::new("kit_rate");
    rate.add(true);
    rate.add(false);
    rate.add(false);
    rate.add(false);
    let trend = Trend::new("kit_trend");
    trend.add(10.0);
    trend.add(20.0);
    Trend::of_time("kit_time").add_time(Duration::from_millis(1500));
}

fn groups() -> Result {
    let inner = group("outer", || {
        check("in a group", true);
        group("inner", || http::get(&base_url("/status/200")))
    });
    say("group: what is in it", inner?.status());
    context::set_tag("mood", "good");
    http::get(&base_url("/status/201"))?;
    context::remove_tag("mood");
    http::get(&base_url("/status/202"))?;
    Ok(())
}

fn rows() -> Result {
    let people = dataset::open("people")?;
    say("dataset: rows", people.len());
    let first = people.next()?;
    say("dataset: the first", format!("{} {}", first.number(), or_none(first.get("name"))));
    say("dataset: the next", or_none(people.next()?.get("name")));
    say("dataset: by number", or_none(people.row(2)?.get("city")));
    say("dataset: no such field", or_none(first.get("none")));
    say("dataset: as json", first.text());
    let kind = |error: dataset::Error| kebab(error.kind());
    say("dataset: no such row", people.row(99).err().map_or_else(String::new, kind));
    say("dataset: not declared", dataset::open("others").err().map_or_else(String::new, kind));
    Ok(())
}

fn websockets() -> Result {
    let url = websocket::base_url("/ws/echo");
    let socket = websocket::Request::new(&url).name("echo").tag("kind", "kit").connect()?;
    socket.send_text("Grüße, 世界 🎉")?;
    let text = socket.recv()?;
    say("websocket: text", format!("{} {} {}", text.is_text(), text.length(), text.text()));
    let all: Vec<u8> = (0..=255).collect();
    socket.send_binary(&all)?;
    let bytes = socket.recv()?;
    say("websocket: bytes", format!("{} {}", bytes.is_text(), bytes.bytes() == all));
    socket.send_json(&json!({ "id": "é1" }))?;
    socket.expect_answer("é1");
    let answer = socket.recv()?;
    say("websocket: json", or_none(answer.pointer("/id")));
    say("websocket: an answer is timed", answer.answers("é1").is_some());
    say("websocket: once", answer.answers("é1").is_some());
    socket.ping()?;
    say("websocket: a ping is answered", socket.wait_pong(Some(Duration::from_secs(30)))?);
    say(
        "websocket: nothing within a millisecond",
        socket.recv_timeout(Duration::from_millis(1))?.is_none(),
    );
    let other = websocket::connect(&url)?;
    other.send_text("to the second")?;
    say(
        "websocket: which has news",
        websocket::wait_any([&socket, &other], None).map_or(-1, |place| place as i64),
    );
    socket.close()?;
    let kind = |error: websocket::Error| kebab(error.kind());
    say("websocket: after closing", socket.send_text("late").err().map_or_else(String::new, kind));
    let refused =
        websocket::connect(&websocket::base_url("/status/403")).err().ok_or("a session")?;
    say(
        "websocket: refused",
        format!("{} {}", kebab(refused.kind()), refused.status().unwrap_or_default()),
    );
    let over = websocket::connect(&websocket::base_url("/ws/close/4321"))?
        .recv()
        .err()
        .ok_or("a message")?;
    say(
        "websocket: closed by the target",
        format!("{} {}", kebab(over.kind()), over.close().map_or(0, |close| close.0)),
    );
    Ok(())
}

fn events() -> Result {
    let stream = sse::connect(&base_url("/events/1?count=3"))?;
    say("events: status", stream.response().status());
    let mut seen = Vec::new();
    let ended = loop {
        match stream.recv() {
            Ok(event) => seen.push(format!(
                "{} {}",
                event.id,
                event.data.split(',').next().unwrap_or_default()
            )),
            Err(error) => break kebab(error.kind()),
        }
    };
    say("events: seen", seen.join(" | "));
    say("events: then", ended);
    let page =
        sse::connect(&base_url("/")).err().map_or_else(String::new, |error| kebab(error.kind()));
    say("events: of a page", page);
    Ok(())
}
