//! Names a file of rows and a file to send in its own options, as seen from where it stands, and uses both.

use wasmload_sdk::prelude::*;

script!(
    iterate,
    options = r#"{ "vus": 1, "iterations": 1,
        "datasets": { "users": { "file": "rows/users.csv" } }, "files": { "photo": "rows/photo.jpg" } }"#
);

fn iterate() -> Result {
    let user = dataset::open("users")?.next()?.field("name")?;
    log::info(&format!("the user is {user}"));
    let photo = http::Upload::file("photo")?;
    Request::post(&base_url("/echo")).upload(&photo).send()?.expect_status(200)?;
    Ok(())
}
