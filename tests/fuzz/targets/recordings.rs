//! Recordings: each is read or refused with a sentence.

#![no_main]

use host::Recording;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    for read in [Recording::from_bytes(bytes), host::fuzzing::recording(bytes)] {
        if let Err(fault) = read {
            assert!(!fault.to_string().is_empty());
        }
    }
});
