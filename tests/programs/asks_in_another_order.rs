//! Asks for something before it gets the page that `expects_a_wrong_page` gets.

use wasmload_sdk::prelude::*;

script!(iterate);

fn iterate() -> Result {
    http::get(&base_url("/catalogue"))?;
    http::get(&base_url("/"))?;
    Ok(())
}
