//! One request with a body of 1 KiB and one check: what sending costs.

use wasmload_sdk::prelude::*;

script!(iterate);

fn iterate() -> Result {
    let answer = http::post(&base_url("/post"), include_bytes!("generators/body.txt"))?;
    check("status is 200", answer.status() == 200);
    Ok(())
}
