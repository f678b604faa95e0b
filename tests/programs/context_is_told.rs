//! Reports everything that it is told about itself.

use wasmload_sdk::prelude::*;

script!(iterate);

fn iterate() -> Result {
    log::info(&format!(
        "vu={} iteration={} in_scenario={} scenario={} executor={} color={:?} missing={:?}",
        context::vu(),
        context::iteration(),
        context::iteration_in_scenario(),
        context::scenario(),
        context::executor(),
        context::env("COLOR"),
        context::env("PATH"),
    ));
    Ok(())
}
