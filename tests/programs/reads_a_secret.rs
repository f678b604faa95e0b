//! Asks for secrets by their names, and tells everybody what they are.

use wasmload_sdk::prelude::*;

script!(iterate);

fn iterate() -> Result {
    let key = secrets::get("API_KEY").unwrap_or_default();
    log::info(&format!("the key is {key}"));
    let others = [secrets::get("OTHER"), context::env("API_KEY"), context::env("OTHER")];
    log::info(&format!("others are {others:?}"));
    let tagged = Counter::new("told");
    tagged.add_tagged(1.0, &[("key", &key)]);
    let _ = http::get(&base_url(&format!("/?plain={key}")));
    Err(format!("no luck with {key}").into())
}
