//! Starts requests without waiting, waits for whichever is first, and drops one unread.

use wasmload_sdk::prelude::*;

script!(iterate);

fn iterate() -> Result {
    let slow = Request::get(&base_url("/delay/80")).start();
    let quick = Request::get(&base_url("/status/204")).start();
    let both = [slow, quick];
    if http::wait_any(&both, None) != Some(1) {
        return Err("the slow one was first".into());
    }
    if http::wait_any(&both[..1], Some(Duration::from_millis(1))).is_some() {
        return Err("the timeout did not come".into());
    }
    if http::wait_any(&[], None).is_some() {
        return Err("nothing was ready, and it was said to be".into());
    }
    let [slow, quick] = both;
    if quick.get()?.status() != 204 || slow.get()?.status() != 200 {
        return Err("answers were swapped".into());
    }
    // Nobody asks what comes of this one; it is counted all the same.
    drop(Request::get(&base_url("/status/202")).start());
    Ok(())
}
