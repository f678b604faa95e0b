//! One GET and two checks, one of which does not hold.

use wasmload_sdk::prelude::*;

script!(iterate);

fn iterate() -> Result {
    let home = http::get(&base_url("/"))?;
    if !check("status is 200", home.status() == 200) {
        return Err("a check gives back what it was told".into());
    }
    if check("body is empty", home.body().is_empty()) {
        return Err("a check gives back what it was told".into());
    }
    Ok(())
}
