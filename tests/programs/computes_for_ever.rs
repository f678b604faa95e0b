//! Never returns, and never calls the host.

use wasmload_sdk::prelude::*;

script!(iterate);

fn iterate() -> Result {
    let mut n: u64 = 0;
    loop {
        n = std::hint::black_box(n.wrapping_add(1));
    }
}
