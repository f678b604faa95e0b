//! Sends requests while it is asked for its options, by the contract and by the standard.

use wasmload_sdk::bindings::exports::wasmload::script::script::Guest;
use wasmload_sdk::http;
use wasmload_test_programs::get;

struct Eager;

impl Guest for Eager {
    fn options() -> String {
        let target = "http://127.0.0.1:1/";
        let by_contract = http::get(target).err().map(|error| error.to_string());
        let by_standard = get(target).err().map(|code| format!("{code:?}"));
        format!("{by_contract:?} and {by_standard:?}")
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
