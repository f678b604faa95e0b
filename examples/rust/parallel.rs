//! Several requests at once inside one user: `batch`, and `start` with `wait_any`.

use wasmload_sdk::prelude::*;

script!(iterate, options = r#"{ "vus": 5, "duration": "5s" }"#);

fn iterate() -> Result {
    // All at once, and all awaited: as a browser loads a page's parts.
    let parts = [
        Request::get(&base_url("/")),
        Request::get(&base_url("/catalogue")),
        Request::get(&base_url("/health")),
    ];
    for part in http::batch(&parts) {
        check("part is loaded", part?.status() == 200);
    }

    // Started without waiting; whichever comes first is served first.
    let mut racing = vec![
        Request::get(&base_url("/delay/50")).name("/delay/{ms}").start(),
        Request::get(&base_url("/delay/10")).name("/delay/{ms}").start(),
    ];
    while let Some(first) = http::wait_any(&racing, Some(Duration::from_secs(5))) {
        let response = racing.remove(first).get()?;
        check("answer came", response.status() == 200);
    }
    sleep(Duration::from_millis(100));
    Ok(())
}
