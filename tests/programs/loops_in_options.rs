//! Is asked for its options, and never answers.

use wasmload_sdk::bindings::exports::wasmload::script::script::Guest;

struct Silent;

impl Guest for Silent {
    fn options() -> String {
        loop {
            std::hint::black_box(());
        }
    }
    fn setup() -> Result<Vec<u8>, String> {
        Ok(Vec::new())
    }
    fn start(_data: Vec<u8>) -> Result<(), String> {
        Ok(())
    }
    fn iterate(_flow: String) -> Result<(), String> {
        Ok(())
    }
    fn stop() {}
    fn teardown(_data: Vec<u8>) -> Result<(), String> {
        Ok(())
    }
}

wasmload_sdk::bindings::export_script!(Silent with_types_in wasmload_sdk::bindings);
