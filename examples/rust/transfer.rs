//! Large bodies both ways, none of which the script ever holds: 500 MB up, a file in a form, and 500 MB down.
//!
//! `wasmload run examples/rust/transfer.rs --file photo=cat.jpg --demo`

use wasmload_sdk::prelude::*;

script!(
    iterate,
    options = r#"{
        "iterations": 1,
        "thresholds": { "checks": ["rate==1"], "http_req_failed": ["rate==0"] }
    }"#
);

fn iterate() -> Result {
    let size: u64 = match context::env("BYTES") {
        Some(bytes) => bytes.parse()?,
        None => 500_000_000,
    };

    let up = Request::put(&base_url("/upload")).upload(&Upload::random(size, 1)).send()?;
    check("all of it arrived", up.pointer("/length") == Some(size.to_string()));

    // Files are named by whoever runs the script.
    if let Ok(photo) = Upload::file("photo") {
        let form = Multipart::new().text("title", "My cat").upload(
            "photo",
            "cat.jpg",
            "image/jpeg",
            photo,
        );
        let sent = Request::post(&base_url("/upload")).multipart(form).expect_continue().send()?;
        check("the photo is taken", sent.status() == 200);
    }

    let url = base_url(&format!("/bytes/{size}"));
    let down = Request::get(&url).discard_body().name("/bytes/{n}").send()?;
    check("all of it came", down.body_length() == size);

    // Or a part at a time, with the moment at which each came.
    let download = Request::get(&url).name("/bytes/{n}").open()?;
    let first = download.read()?;
    check("it begins", first.is_some_and(|chunk| chunk.bytes.starts_with(b"ABC")));
    Ok(())
}
