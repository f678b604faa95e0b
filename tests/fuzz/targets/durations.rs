//! Durations: what is read reads the same again from how it is written.

#![no_main]

use libfuzzer_sys::fuzz_target;
use plan::Length;

fuzz_target!(|text: &str| {
    if let Ok(length) = text.parse::<Length>() {
        assert_eq!(length.to_string().parse::<Length>(), Ok(length), "{length}");
    }
});
