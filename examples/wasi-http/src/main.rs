//! An ordinary program, which knows WASI and nothing of wasmload: each iteration runs its `main`.
//!
//! ```sh
//! wasmload run examples/wasi-http --demo --vus 10 --duration 10s
//! ```
//!
//! or, with whatever builds components for WASI 0.2:
//!
//! ```sh
//! cargo build --release --target wasm32-wasip2 -p wasmload-example-wasi-http
//! wasmload run target/wasm32-wasip2/release/wasi-http.wasm -e BASE_URL=http://127.0.0.1:8080 --vus 10 --duration 10s
//! ```
//!
//! Its requests are timed and counted as those of any script. The iteration fails if it returns an error.

use std::error::Error;

use serde_json::{Value, json};
use wstd::http::{Body, Client, Request, Response, StatusCode};
use wstd::runtime::block_on;

fn main() -> Result<(), Box<dyn Error>> {
    block_on(visit())
}

async fn visit() -> Result<(), Box<dyn Error>> {
    let base = std::env::var("BASE_URL")?;
    let client = Client::new();

    let home = client.send(Request::get(format!("{base}/")).body(Body::empty())?).await?;
    expect(&home, StatusCode::OK)?;

    let login = json!({ "user": "ada", "password": "secret" }).to_string();
    let login = Request::post(format!("{base}/login"))
        .header("content-type", "application/json")
        .body(Body::from(login))?;
    let mut login = client.send(login).await?;
    expect(&login, StatusCode::OK)?;
    let told: Value = login.body_mut().json().await?;
    let token = told["token"].as_str().ok_or("the login gave no token")?;

    for product in 1..=3 {
        // The header is for wasmload, which takes it off: all products are one row in what is measured.
        let product = Request::get(format!("{base}/products/{product}"))
            .header("wasmload-name", "/products/{id}")
            .header("authorization", format!("Bearer {token}"))
            .body(Body::empty())?;
        expect(&client.send(product).await?, StatusCode::OK)?;
    }
    Ok(())
}

fn expect(response: &Response<Body>, status: StatusCode) -> Result<(), String> {
    match response.status() {
        got if got == status => Ok(()),
        got => Err(format!("expected {status}, got {got}")),
    }
}
