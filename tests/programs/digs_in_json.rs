//! Asks for a part of a response that is a trap for whoever reads it.

use wasmload_sdk::prelude::*;

script!(iterate);

fn iterate() -> Result {
    let response = http::get(&base_url("/"))?;
    for pointer in ["/0", "/0/0/0/0", "/last", ""] {
        let part = response.pointer(pointer).map_or(0, |part| part.len());
        log::info(&format!("{pointer}: {part} bytes"));
    }
    Ok(())
}
