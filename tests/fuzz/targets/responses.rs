//! Responses of HTTP/1.1: heads, bodies in chunks and packed ones, the same however the bytes were cut.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u8, &[u8])| net::fuzzing::responses(input.0.into(), input.1));
