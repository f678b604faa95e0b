//! Fails every second iteration and says why.

use wasmload_sdk::prelude::*;

script!(iterate);

fn iterate() -> Result {
    if context::iteration() % 2 == 1 {
        return Err("odd iterations fail".into());
    }
    Ok(())
}
