//! Makes what `OF` names again and again, and lets none go.

use std::mem::forget;

use wasmload_sdk::prelude::*;

script!(iterate);

fn iterate() -> Result {
    let of = context::env("OF").ok_or("of what?")?;
    loop {
        match of.as_str() {
            "requests" => forget(Request::get("http://127.0.0.1:1/")),
            "pending" => forget(Request::get("http://127.0.0.1:1/").start()),
            "metrics" => forget(Counter::new("leaks")),
            "uploads" => forget(Upload::new()),
            "responses" => forget(http::get(&base_url("/"))?),
            #[cfg(target_os = "wasi")]
            "fields" => forget(wasip2::http::types::Fields::new()),
            #[cfg(target_os = "wasi")]
            "pollables" => forget(wasip2::clocks::monotonic_clock::subscribe_duration(0)),
            other => return Err(format!("of {other}?").into()),
        }
    }
}
