//! Writes messages of every level, and prints as its language does.

use wasmload_sdk::prelude::*;

script!(iterate);

#[expect(clippy::print_stdout, clippy::print_stderr, reason = "this is what the program is for")]
fn iterate() -> Result {
    log::debug("a debug message");
    log::info("an info message");
    log::warn("a warning");
    log::error("an error message");
    println!("printed to standard output");
    eprintln!("printed to standard error");
    Ok(())
}
