//! Thresholds and what they are about: what is read keeps its text, and reads the same again.

#![no_main]

use libfuzzer_sys::fuzz_target;
use metrics::{Selector, Threshold};

fuzz_target!(|text: &str| {
    if let Ok(threshold) = Threshold::parse(text) {
        assert_eq!(threshold.source, text);
        assert!(!threshold.value.is_nan(), "nothing can be compared with it");
    }
    if let Ok(selector) = Selector::parse(text) {
        let written = selector.to_string();
        assert_eq!(Selector::parse(&written).map(|again| again.to_string()), Ok(written));
    }
});
