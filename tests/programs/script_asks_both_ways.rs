//! Asks by the contract and by the standard in one iteration, and keeps what it waits for until the next.

use std::cell::RefCell;

use wasmload_sdk::prelude::*;
use wasmload_test_programs as standard;

script!(iterate);

thread_local! {
    static KEPT: RefCell<Option<standard::FutureIncomingResponse>> = const { RefCell::new(None) };
}

fn iterate() -> Result {
    if let Some(kept) = KEPT.take() {
        let answer = standard::answer(&kept).map_err(|error| format!("{error:?}"))?;
        check("kept from the iteration before", answer.status == 202);
    }
    let ask = |path: &str| {
        standard::start(standard::request(&standard::Method::Get, &base_url(path), &[]))
            .map_err(|error| format!("{error:?}"))
    };
    // All three are on their way before one is waited for.
    let by_contract = Request::get(&base_url("/status/203")).start();
    let by_standard = ask("/status/204")?;
    KEPT.set(Some(ask("/status/202")?));
    let answer = standard::answer(&by_standard).map_err(|error| format!("{error:?}"))?;
    check("by the standard", answer.status == 204);
    check("by the contract", by_contract.get()?.status() == 203);
    // An instance of the contract gets its variables by the contract alone.
    check("no environment", std::env::vars().count() == 0);
    Ok(())
}
