//! `context`: who and where the script is.

use wasmtime::Result;

use crate::bindings::wasmload::script::context::Host;
use crate::state::VuState;
use crate::trap::Abort;

/// The contract counts iterations in 32 bits; past them the number stays at its largest.
fn number(n: u64) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

impl Host for VuState {
    fn vu(&mut self) -> Result<u32> {
        Ok(self.user.identity.vu)
    }

    fn iteration(&mut self) -> Result<u32> {
        Ok(number(self.iteration.number_in_vu))
    }

    fn iteration_in_scenario(&mut self) -> Result<u32> {
        Ok(number(self.iteration.number))
    }

    fn scenario(&mut self) -> Result<String> {
        Ok(self.user.identity.scenario.name.clone())
    }

    fn executor(&mut self) -> Result<String> {
        Ok(self.user.identity.scenario.executor.to_owned())
    }

    fn set_tag(&mut self, name: String, value: String) -> Result<()> {
        Ok(self.scope.set_tag(name, value, &self.user.limits)?)
    }

    fn remove_tag(&mut self, name: String) -> Result<()> {
        self.scope.remove_tag(&name);
        Ok(())
    }

    fn env(&mut self, name: String) -> Result<Option<String>> {
        Ok(self.user.env.get(&name).cloned())
    }

    fn abort(&mut self, reason: String) -> Result<()> {
        Err(Abort(reason).into())
    }
}
