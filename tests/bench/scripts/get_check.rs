//! One request and one check, without a pause: what a request costs.

use wasmload_sdk::prelude::*;

script!(iterate);

fn iterate() -> Result {
    let page = http::get(&base_url("/"))?;
    check("status is 200", page.status() == 200);
    Ok(())
}
