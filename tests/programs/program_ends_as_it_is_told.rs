//! Ends in each way in which a program may, as its environment says.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "what a program says is tested")]

use std::process::exit;
use std::sync::atomic::{AtomicU32, Ordering};

use wasmload_test_programs::{get, page};

/// How often `main` was called in one instance.
static CALLS: AtomicU32 = AtomicU32::new(0);

fn main() -> Result<(), String> {
    let calls = CALLS.fetch_add(1, Ordering::Relaxed) + 1;
    println!("call {calls}, {} arguments", std::env::args().count());
    get(&page("/status/204")).map_err(|error| format!("{error:?}"))?;
    match std::env::var("END").as_deref() {
        Ok("error") => Err("it was told to fail".into()),
        Ok("silent") => exit(1),
        Ok("code") => {
            eprintln!("bad things happened");
            exit(3)
        }
        Ok("exit") => exit(0),
        Ok("never") => {
            let late = get(&page("/delay/60000")).map_err(|error| format!("{error:?}"))?;
            Err(format!("answered {}", late.status))
        }
        Ok("panic") => panic!("it was told to panic"),
        _ => Ok(()),
    }
}
