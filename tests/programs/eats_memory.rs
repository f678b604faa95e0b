//! Allocates until there is no more.

use wasmload_sdk::prelude::*;

script!(iterate);

fn iterate() -> Result {
    let mut hoard: Vec<Vec<u8>> = Vec::new();
    loop {
        hoard.push(std::hint::black_box(vec![1; 1 << 20]));
    }
}
