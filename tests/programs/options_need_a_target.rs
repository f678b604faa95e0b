//! Sends a request while it is asked for its options.

use wasmload_sdk::bindings::exports::wasmload::script::script::Guest;
use wasmload_sdk::http;

struct Eager;

impl Guest for Eager {
    fn options() -> String {
        match http::get("http://127.0.0.1:1/") {
            Ok(_) => "answered".into(),
            Err(error) => error.to_string(),
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

wasmload_sdk::bindings::export_script!(Eager with_types_in wasmload_sdk::bindings);
