//! Computes for ever, and asks the host for the time now and then.

use wasmload_sdk::{prelude::*, timing};

script!(iterate);

fn iterate() -> Result {
    let mut n: u64 = 0;
    loop {
        n = std::hint::black_box(n.wrapping_add(1));
        if n.is_multiple_of(10_000) {
            std::hint::black_box(timing::now());
        }
    }
}
