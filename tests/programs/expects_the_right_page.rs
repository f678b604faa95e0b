//! Does what `expects_a_wrong_page` does, and takes the page for what it is.

use wasmload_sdk::prelude::*;

script!(iterate);

fn iterate() -> Result {
    let seen = Counter::new("pages_seen");
    let page = http::get(&base_url("/"))?;
    seen.add(1.0);
    check("it is there", page.status() == 200);
    assert_eq!(page.status(), 200, "the page is not there");
    log::info("it is there");
    Ok(())
}
