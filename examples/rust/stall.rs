//! The same stall, seen from two sides: a target that stops for 1.4 s once, under 2,000 arrivals a second.
//!
//! ```sh
//! wasmload run examples/rust/stall.rs --demo='stall at 10s for 1.4s'
//! ```
//!
//! `http_req_duration` is what those users saw who had a request under way: a handful of 60,000, however many
//! others wanted to come. `http_req_response` counts from when each request was due, and shows the stall.

use wasmload_sdk::prelude::*;

script!(
    iterate,
    options = r#"{
        "scenarios": {
            "arrivals": {
                "executor": "constant-arrival-rate",
                "rate": 2000,
                "duration": "30s",
                "preAllocatedVUs": 50,
                "onBusy": "queue"
            }
        },
        "summaryTrendStats": ["avg", "med", "p(90)", "p(99)", "max"]
    }"#
);

fn iterate() -> Result {
    let page = http::get(&base_url("/"))?;
    check("status is 200", page.status() == 200);
    Ok(())
}
