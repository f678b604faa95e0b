//! Tries to reach a place that it was not granted, by `wasi:http`, and says what came of it.

use wasmload_test_programs::{Method, get, post, request};

fn main() -> Result<(), String> {
    let variable = |name: &str| std::env::var(name).map_err(|error| format!("{name}: {error}"));
    let (road, there) = (variable("ROAD")?, variable("THERE")?);
    let refused = match road.as_str() {
        "get" => get(&there).err(),
        "post" => post(&there, b"tea").err(),
        "headers" => {
            // What says where a request goes is its authority, and no header.
            let fields = wasmload_test_programs::Fields::new();
            let lied = fields.append("host", b"granted.example").is_ok();
            return Err(format!("a host of its own: {lied}"));
        }
        "unread" => {
            let future = wasmload_test_programs::start(request(&Method::Get, &there, &[]));
            let future = future.map_err(|code| format!("{code:?}"))?;
            wasmload_test_programs::answer(&future).err()
        }
        road => return Err(format!("there is no road {road}")),
    };
    Err(refused.map_or("reached".to_owned(), |code| format!("{code:?}")))
}
