//! Names files and a socket in its own options, which it may not, and opens the files.

use wasmload_sdk::prelude::*;

script!(
    iterate,
    options = r#"{ "datasets": {
        "users": { "file": "/etc/passwd", "format": "csv" },
        "terms": { "order": "random" }
    }, "hosts": { "api.test": "unix:/run/api.sock" } }"#
);

fn iterate() -> Result {
    dataset::open("users")?.next()?;
    dataset::open("terms")?.next()?;
    Ok(())
}
