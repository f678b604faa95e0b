//! Asks for the whole run to end.

use wasmload_sdk::prelude::*;

script!(iterate);

fn iterate() -> Result {
    context::abort("the target is on fire")
}
