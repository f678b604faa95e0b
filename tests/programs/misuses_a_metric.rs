//! Makes a metric of one kind under the name of another.

use wasmload_sdk::prelude::*;

script!(iterate);

fn iterate() -> Result {
    Counter::new("http_req_duration").add(1.0);
    Ok(())
}
