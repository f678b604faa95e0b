//! Parts of an iteration that are measured as wholes; k6 calls them groups.
//!
//! ```no_run
//! # use wasmload_sdk::prelude::*;
//! # fn iterate() -> Result {
//! group("checkout", || {
//!     let pay = span("pay");
//!     check("paid", http::get(&base_url("/"))?.status() == 200);
//!     drop(pay);
//!     Ok(())
//! })
//! # }
//! ```

use crate::bindings::wasmload::script::spans;

/// A part that has begun. Dropping it ends it, and records how long it was in `group_duration`.
#[derive(Debug)]
#[must_use = "it ends when it is dropped"]
pub struct Span {
    _open: spans::Span,
}

/// Begins a part: until it is dropped, what the script begins has the tag `group`, such as `::checkout::pay`.
///
/// # Panics
///
/// If there is `::` in the name, or more than 32 are open.
#[track_caller]
pub fn span(name: &str) -> Span {
    match spans::Span::open(name) {
        Ok(open) => Span { _open: open },
        Err(why) => panic!("{why}"),
    }
}

/// Runs a function as one part, and hands on what it returns.
///
/// # Panics
///
/// As [`span`] does.
#[track_caller]
pub fn group<T>(name: &str, part: impl FnOnce() -> T) -> T {
    let _span = span(name);
    part()
}
