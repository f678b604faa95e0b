//! Has connections to a host go somewhere else, by its own options.

use wasmload_sdk::prelude::*;

script!(
    iterate,
    options = r#"{ "vus": 1, "iterations": 1,
        "hosts": { "granted.invalid": "192.0.2.1:8080" }, "proxy": "http://proxy.invalid:3128" }"#
);

fn iterate() -> Result {
    http::get("http://granted.invalid/")?;
    Ok(())
}
