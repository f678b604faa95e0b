//! Panics every second iteration, and remembers how often it has run.

use std::cell::Cell;

use wasmload_sdk::prelude::*;

script!(iterate);

thread_local!(static RUNS: Cell<u32> = const { Cell::new(0) });

fn iterate() -> Result {
    RUNS.set(RUNS.get() + 1);
    let empty: Vec<u32> = Vec::new();
    assert!(RUNS.get() < 2, "two runs in one instance, and {} left", empty.len());
    Ok(())
}
