//! One request, a check, and a number read from the JSON that came: what reading costs.

use wasmload_sdk::prelude::*;

script!(iterate);

fn iterate() -> Result {
    let page = http::get(&base_url("/json"))?;
    check("status is 200", page.status() == 200);
    let thing: Thing = page.json()?;
    check("it is the thing", thing.id == 12_345);
    Ok(())
}

#[derive(serde::Deserialize)]
struct Thing {
    id: u64,
}
