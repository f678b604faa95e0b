//! Sends several requests at once; the answers are in the order of the requests.

use wasmload_sdk::prelude::*;

script!(iterate);

fn iterate() -> Result {
    let paths = ["/status/201", "/status/404", "/delay/20", "/status/503"];
    let requests = paths.map(|path| Request::get(&base_url(path)));
    let mut statuses = Vec::new();
    for answer in http::batch(&requests) {
        statuses.push(answer?.status());
    }
    if statuses != [201, 404, 200, 503] {
        return Err(format!("out of order: {statuses:?}").into());
    }
    Ok(())
}
