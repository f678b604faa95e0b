//! One request and a pause, over and over: what a user costs who is connected and mostly waits.

use wasmload_sdk::prelude::*;

script!(iterate);

fn iterate() -> Result {
    let page = http::get(&base_url("/"))?;
    check("status is 200", page.status() == 200);
    sleep(Duration::from_secs(2));
    Ok(())
}
