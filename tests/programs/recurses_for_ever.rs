//! Calls itself until there is no stack left.

use wasmload_sdk::prelude::*;

script!(iterate);

fn iterate() -> Result {
    let depth = deeper(std::hint::black_box(1));
    Err(format!("came back from {depth}").into())
}

#[expect(unconditional_recursion, reason = "this is what the program is for")]
fn deeper(n: u64) -> u64 {
    std::hint::black_box(deeper(std::hint::black_box(n + 1))) + 1
}
