//! Sets everything that can be set on a request, and sends it twice.

use wasmload_sdk::prelude::*;

script!(iterate);

fn iterate() -> Result {
    let request = Request::put(&base_url("/echo?x=1"))
        .header("x-twice", "one")
        .header("x-twice", "two")
        .header("x-bytes", [0xe9, 0x20, 0xff])
        .bearer("secret")
        .body([0, 1, 2, 255])
        .name("echo")
        .tag("flavour", "bitter")
        .timeout(Duration::from_secs(5));
    for _ in 0..2 {
        let echo = request.send()?.expect_status(200)?;
        let said = (echo.pointer_str("/method"), echo.pointer("/body_length"));
        if said != (Some("PUT".into()), Some("4".into())) {
            return Err(format!("the target saw {said:?}: {}", echo.text()).into());
        }
    }
    Ok(())
}
