//! Says what it wants, and says what it got of that.

use wasmload_sdk::prelude::*;

script!(
    iterate,
    options = r#"{ "vus": 1, "iterations": 1, "wants": {
        "net": ["api.example.com:443"], "methods": ["GET"], "env": ["TOKEN"], "rps": 50
    } }"#
);

fn iterate() -> Result {
    log::info(&format!("TOKEN={:?}", context::env("TOKEN")));
    let tried = |request: Request| match request.send() {
        Ok(response) => response.status().to_string(),
        Err(error) => error.to_string(),
    };
    log::info(&format!("GET {}", tried(Request::get(&base_url("/")))));
    log::info(&format!("POST {}", tried(Request::post(&base_url("/echo")))));
    // An address for documents (RFC 5737): it is nobody's, and not among what it wants.
    log::info(&format!("elsewhere {}", tried(Request::get("http://192.0.2.1:8080/"))));
    Ok(())
}
