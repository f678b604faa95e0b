//! Asks the host for all that may be another time something else, and fails with the answers of three iterations.

#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::print_stdout,
    reason = "a guest's standard library is what this is about"
)]

use std::cell::RefCell;
use std::fmt::Write as _;
use std::time::{Instant, SystemTime};

use wasmload_sdk::prelude::*;
use wasmload_sdk::timing;

script!(for Listener);

thread_local!(static HEARD: RefCell<String> = const { RefCell::new(String::new()) });

/// Keeps an answer for the end.
fn hear(what: &str, answer: impl std::fmt::Debug) {
    HEARD.with_borrow_mut(|heard| {
        let _ = writeln!(heard, "{what}: {answer:?}");
    });
}

struct Listener {
    data: Vec<u8>,
}

impl Script for Listener {
    fn setup() -> Result<Vec<u8>> {
        Ok(b"from setup".to_vec())
    }

    fn start(data: &[u8]) -> Result<Self> {
        hear("started", timing::now());
        Ok(Self { data: data.to_vec() })
    }

    fn iterate(&mut self, flow: &str) -> Result {
        hear(flow, (context::vu(), context::iteration(), context::iteration_in_scenario()));
        requests()?;
        streams()?;
        sockets()?;
        rows()?;
        time_and_chance();
        log::info(&format!("iteration {} is over", context::iteration()));
        println!("printed in iteration {}", context::iteration());
        if context::iteration() < 2 {
            return Ok(());
        }
        Err(HEARD.with_borrow(|heard| format!("{:?}\n{heard}", self.data)).into())
    }
}

fn requests() -> Result {
    let response = http::get(&base_url("/"))?;
    hear("page", (response.status(), response.headers(), response.text()));
    hear("timings", response.timings());
    check("it is there", response.status() == 200);
    hear("refused", http::get("http://127.0.0.1:1/").map(|response| response.status()));
    hear("invalid", http::get("gopher://a.test/").map(|response| response.status()));
    let slow = Request::get(&base_url("/delay/20")).start();
    let quick = Request::post(&base_url("/echo")).body(vec![b'x'; 10_000]).start();
    let pending = [slow, quick];
    hear("first", http::wait_any(&pending, None));
    hear("in no time", http::wait_any(&pending[..1], Some(Duration::ZERO)));
    for one in pending {
        hear("then", one.get()?.body_length());
    }
    let all = ["/status/404", "/headers"].map(|path| Request::get(&base_url(path)));
    for one in http::batch(&all) {
        hear("batched", one?.text());
    }
    let download = Request::get(&base_url("/drip/3")).open()?;
    while let Some(chunk) = download.read()? {
        hear("chunk", (chunk.bytes, chunk.arrived));
    }
    Ok(())
}

fn streams() -> Result {
    let events = sse::connect(&base_url("/events/5?count=2"))?;
    hear("ready", sse::wait_any([&events], None));
    for event in events.events() {
        let event = event?;
        hear("event", (event.id, event.data, event.arrived));
    }
    hear("no stream", sse::connect(&base_url("/")).map(drop).map_err(|error| error.kind()));
    Ok(())
}

fn sockets() -> Result {
    let socket = websocket::connect(&websocket::base_url("/ws/echo"))?;
    let ticker = websocket::connect(&websocket::base_url("/ws/ticker/5"))?;
    socket.send_text("an answer, please")?;
    socket.expect_answer("answer");
    let answer = socket.recv()?;
    hear("answer", (answer.text(), answer.arrived(), answer.answers("answer")));
    hear("ready", websocket::wait_any([&socket, &ticker], None));
    hear("tick", ticker.recv()?.text());
    socket.ping()?;
    hear("pong", socket.wait_pong(None)?);
    hear("nothing", socket.recv_timeout(Duration::from_millis(1))?.map(|message| message.text()));
    socket.close()?;
    let refused = websocket::connect(&websocket::base_url("/")).map(drop);
    hear("refused", refused.map_err(|error| (error.kind(), error.status())));
    Ok(())
}

fn rows() -> Result {
    let users = dataset::open("users")?;
    let row = users.next()?;
    hear("row", (users.len(), row.number(), row.field("name")?));
    hear("no rows", dataset::open("nobody").map(drop).map_err(|error| error.to_string()));
    Ok(())
}

fn time_and_chance() {
    use wasip2::clocks::monotonic_clock::subscribe_duration;
    use wasip2::io::poll::poll;
    use wasip2::random::{insecure, insecure_seed, random};

    hear("now", (timing::now(), SystemTime::now(), Instant::now()));
    sleep(Duration::from_millis(2));
    std::thread::sleep(Duration::from_millis(2));
    let (late, soon) = (subscribe_duration(u64::MAX / 2), subscribe_duration(1_000_000));
    hear("soon", poll(&[&late, &soon]));
    hear("late", late.ready());
    hear("chance", (random::get_random_u64(), random::get_random_bytes(5)));
    let insecure = (insecure::get_insecure_random_u64(), insecure::get_insecure_random_bytes(5));
    hear("insecure", (insecure, insecure_seed::insecure_seed()));
    let mut map = std::collections::HashMap::new();
    map.extend((0..20).map(|key| (key, ())));
    hear("order", map.keys().collect::<Vec<_>>());
}
