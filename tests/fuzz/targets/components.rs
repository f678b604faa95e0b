//! Files that should be scripts: each is loaded or refused with a sentence.

#![no_main]

use std::sync::LazyLock;

use host::Engine;
use libfuzzer_sys::fuzz_target;

static ENGINE: LazyLock<Engine> = LazyLock::new(|| Engine::new().expect("this machine can"));

fuzz_target!(|bytes: &[u8]| {
    if let Err(fault) = host::fuzzing::load(&ENGINE, bytes) {
        assert!(!fault.to_string().is_empty());
    }
});
