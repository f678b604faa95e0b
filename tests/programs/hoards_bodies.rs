//! Has the host keep bodies for it, more and more: those that `OF` names.

use std::mem::forget;

use wasmload_sdk::prelude::*;

script!(iterate);

fn iterate() -> Result {
    let of = context::env("OF").ok_or("of what?")?;
    let body = vec![7; 1 << 20];
    loop {
        match of.as_str() {
            "responses" => forget(http::get(&base_url("/bytes/1000000"))?),
            "requests" => forget(Request::post(&base_url("/echo")).body(&body)),
            "uploads" => forget(Upload::new().bytes(&body)),
            other => return Err(format!("of {other}?").into()),
        }
    }
}
