//! Gets a page, and takes it for another one.

use wasmload_sdk::prelude::*;

script!(iterate);

fn iterate() -> Result {
    let page = http::get(&base_url("/"))?;
    log::info("it is to be missing");
    check("it is missing", page.status() == 404);
    assert_eq!(page.status(), 404, "the page is there");
    Ok(())
}
