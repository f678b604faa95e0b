//! Sleeps for as long as `FOR` says, in milliseconds; by WASI's own clock if it is `wasi`.

use wasmload_sdk::bindings::wasmload::script::timing::sleep;
use wasmload_sdk::prelude::*;

script!(iterate);

fn iterate() -> Result {
    let length = context::env("FOR").ok_or("for how long?")?;
    #[cfg(target_os = "wasi")]
    if length == "wasi" {
        wasip2::clocks::monotonic_clock::subscribe_duration(u64::MAX).block();
    }
    sleep(length.parse()?);
    Ok(())
}
