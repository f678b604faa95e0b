//! Says with what load it was written to run.

use wasmload_sdk::prelude::*;

script!(iterate, options = r#"{ "vus": 3, "iterations": 12 }"#);

fn iterate() -> Result {
    let home = http::get(&base_url("/"))?;
    check("home is up", home.status() == 200);
    Ok(())
}
