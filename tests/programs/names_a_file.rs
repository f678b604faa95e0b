//! Names files in its own options, which it may not, and opens them.

use wasmload_sdk::prelude::*;

script!(
    iterate,
    options = r#"{ "datasets": {
        "users": { "file": "/etc/passwd", "format": "csv" },
        "terms": { "order": "random" }
    } }"#
);

fn iterate() -> Result {
    dataset::open("users")?.next()?;
    dataset::open("terms")?.next()?;
    Ok(())
}
