//! Knows the standard only: asks by `wasi:http`, and is run by `wasi:cli/run`.

use wasmload_test_programs::{Method, answer, get, page, post, request, start};

fn main() -> Result<(), String> {
    let told = |error| format!("{error:?}");
    let home = get(&page("/")).map_err(told)?;
    if home.status != 200 || home.body.is_empty() {
        return Err(format!("home: {}, {} bytes", home.status, home.body.len()));
    }
    // More than the host takes in at one time.
    let body = "0123456789abcdef".repeat(20_000);
    let echo = post(&page("/echo?a=b"), body.as_bytes()).map_err(told)?.text();
    for part in [r#""method":"POST""#, r#""path":"/echo?a=b""#, r#""body_length":320000"#, &body] {
        if !echo.contains(part) {
            return Err(format!("the echo lacks {:.40}: {echo:.1000}", part));
        }
    }
    let headers = [("wasmload-name", "an echo"), ("te", "trailers"), ("x-own", "seen")];
    let named = request(&Method::Get, &page("/echo?id=7"), &headers);
    let echo = start(named).and_then(|future| answer(&future)).map_err(told)?.text();
    if echo.contains("wasmload-name") || echo.contains("trailers") || !echo.contains("seen") {
        return Err(format!("wrong headers were sent: {echo}"));
    }
    // The standard's client goes nowhere by itself, and keeps no cookies.
    let moved = get(&page("/redirect/1")).map_err(told)?;
    if moved.status != 302 || !moved.has("location", "/redirect/0") {
        return Err(format!("moved: {moved:?}"));
    }
    let cookies = get(&page("/headers")).map_err(told)?;
    if !cookies.has("set-cookie", "first=1; Path=/") || !cookies.has("x-twice", "two") {
        return Err(format!("headers: {cookies:?}"));
    }
    if get(&page("/echo")).map_err(told)?.text().contains("cookie") {
        return Err("a cookie was sent that nobody asked for".into());
    }
    Ok(())
}
