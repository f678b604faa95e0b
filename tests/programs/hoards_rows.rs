//! Takes a row again and again, and lets none go.

use wasmload_sdk::prelude::*;

script!(iterate);

fn iterate() -> Result {
    let dataset = dataset::open("users")?;
    if context::env("DROP").is_some() {
        for _ in 0..100 {
            drop(dataset.row(0)?);
        }
        return Ok(());
    }
    let mut hoard = Vec::new();
    loop {
        hoard.push(dataset.row(0)?);
    }
}
