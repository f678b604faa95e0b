//! Cookies: those that a peer sets go back to it, in a header that is one.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| net::fuzzing::cookies(bytes));
