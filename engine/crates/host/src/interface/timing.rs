//! `timing`: waiting, and telling how long something took.

use tokio::time::Instant;
use wasmtime::Result;

use crate::bindings::wasmload::script::timing::Host;
use crate::state::VuState;
use crate::time::{duration, milliseconds};

impl Host for VuState {
    async fn sleep(&mut self, length: f64) -> Result<()> {
        tokio::time::sleep(duration(length)).await;
        Ok(())
    }

    fn now(&mut self) -> Result<f64> {
        Ok(milliseconds(Instant::now().duration_since(self.user.origin)))
    }
}
