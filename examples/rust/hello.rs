//! One page, one check: the smallest useful script.

use wasmload_sdk::prelude::*;

script!(iterate, options = r#"{ "vus": 5, "duration": "5s" }"#);

fn iterate() -> Result {
    let home = http::get(&base_url("/"))?;
    check("home is up", home.status() == 200);
    sleep(Duration::from_millis(500));
    Ok(())
}
