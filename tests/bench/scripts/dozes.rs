//! Sleeps, wakes, and is done: how many users one process has room for. `SECONDS` says how long.

use wasmload_sdk::prelude::*;

script!(iterate);

fn iterate() -> Result {
    let seconds = context::env("SECONDS").and_then(|text| text.parse().ok()).unwrap_or(10);
    sleep(Duration::from_secs(seconds));
    check("woken", true);
    Ok(())
}
