//! `secrets`: what whoever runs the script keeps secret.

use wasmtime::Result;

use crate::bindings::wasmload::script::secrets::Host;
use crate::state::VuState;

impl Host for VuState {
    fn get(&mut self, name: String) -> Result<Option<String>> {
        Ok(self.user.secrets.get(&name).cloned())
    }
}
