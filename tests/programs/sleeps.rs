//! Sleeps for a second by its own clock.

use wasmload_sdk::{prelude::*, timing};

script!(iterate);

fn iterate() -> Result {
    let before = timing::now();
    sleep(Duration::from_secs(1));
    let slept = timing::now() - before;
    if slept < Duration::from_secs(1) {
        return Err(format!("woken after {slept:?}").into());
    }
    log::info(&format!("slept {}", slept.as_secs()));
    Ok(())
}
