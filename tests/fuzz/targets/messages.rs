//! Frames of WebSocket: messages, packed and not, the same however the bytes were cut.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u8, &[u8])| net::fuzzing::messages(input.0.into(), input.1));
