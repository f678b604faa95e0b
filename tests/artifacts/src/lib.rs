//! Where the compiled guests of `tests/programs` are.
//!
//! `foreach_program!(assert_test_exists)` in a test makes a guest without a test a compile error.

include!(concat!(env!("OUT_DIR"), "/programs.rs"));
