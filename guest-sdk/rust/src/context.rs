//! Who and where the script is.

use crate::bindings::wasmload::script::context;

/// The number of this virtual user in the run, from 1; 0 in `setup` and `teardown`.
#[must_use]
pub fn vu() -> u32 {
    context::vu()
}

/// The number of this iteration among those of this virtual user, from 0.
#[must_use]
pub fn iteration() -> u32 {
    context::iteration()
}

/// The number of this iteration among all of the scenario's, from 0: no two are the same.
#[must_use]
pub fn iteration_in_scenario() -> u32 {
    context::iteration_in_scenario()
}

/// The name of the scenario; empty in `setup` and `teardown`.
#[must_use]
pub fn scenario() -> String {
    context::scenario()
}

/// The kind of executor that drives the scenario, as options name it; empty in `setup` and `teardown`.
#[must_use]
pub fn executor() -> String {
    context::executor()
}

/// Puts a tag on every sample that this virtual user begins from now on, in later iterations too.
///
/// `scenario` and `group` cannot be replaced.
pub fn set_tag(name: &str, value: &str) {
    context::set_tag(name, value);
}

/// Takes such a tag away again.
pub fn remove_tag(name: &str) {
    context::remove_tag(name);
}

/// The value of an environment variable that was given to the run with `-e NAME=value`.
#[must_use]
pub fn env(name: &str) -> Option<String> {
    context::env(name)
}

/// A URL on the target: `path` on `BASE_URL`, or on `http://127.0.0.1:8080` if the run was given none.
///
/// `wasmload run --demo` sets `BASE_URL` to the demo target, and `-e BASE_URL=http://…` to any other.
#[must_use]
pub fn base_url(path: &str) -> String {
    thread_local! {
        // The environment does not change while a script runs, so it is asked for once.
        static BASE: String = match env("BASE_URL") {
            Some(base) => base.trim_end_matches('/').to_owned(),
            None => "http://127.0.0.1:8080".to_owned(),
        };
    }
    BASE.with(|base| [base, path].concat())
}

/// Ends the whole run, and says why.
pub fn abort(reason: &str) -> ! {
    context::abort(reason);
    unreachable!("the engine does not return from an abort")
}
