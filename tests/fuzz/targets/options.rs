//! Options, as JSON and as TOML: from text to a plan and what it comes to, without a panic.

#![no_main]

use std::num::NonZeroUsize;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    for read in [plan::parse_json(text), plan::parse_toml(text)] {
        let Ok(options) = read else { continue };
        let Ok(plan) = options.plan() else { continue };
        let parts = NonZeroUsize::new(40).expect("it is more than none");
        let _ = (plan.vus_in_all(), plan.max_vus(), plan.least_vus(), plan.outline(parts));
    }
});
