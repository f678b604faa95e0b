//! Gives options that are longer than anybody reads.

use wasmload_sdk::bindings::exports::wasmload::script::script::Guest;

struct Wordy;

impl Guest for Wordy {
    fn options() -> String {
        format!("{{\"tags\":{{\"a\":\"{}\"}}}}", "x".repeat(2 << 20))
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

wasmload_sdk::bindings::export_script!(Wordy with_types_in wasmload_sdk::bindings);
