//! `log`: messages to the person who runs the script.

use wasmtime::Result;

use crate::bindings::wasmload::script::log::{Host, Level as Asked};
use crate::log::Level;
use crate::state::VuState;

impl Host for VuState {
    fn log(&mut self, level: Asked, message: String) -> Result<()> {
        let level = match level {
            Asked::Debug => Level::Debug,
            Asked::Info => Level::Info,
            Asked::Warn => Level::Warn,
            Asked::Error => Level::Error,
        };
        self.user.log.log(level, message);
        Ok(())
    }
}
