//! `checks`: statements about the target that hold or do not.

use wasmtime::Result;

use crate::bindings::wasmload::script::checks::Host;
use crate::state::VuState;

impl Host for VuState {
    fn check(&mut self, name: String, passed: bool) -> Result<bool> {
        self.user.limits.check_text("the name of a check", &name)?;
        let series = self.recent_checks.find(|known| *known == name);
        let series = series.unwrap_or_else(|| {
            let series = self.user.catalogue.lock().check(&self.tags, &name);
            self.recent_checks.keep(name, series);
            series
        });
        self.user.catalogue.lock().recorder().record(series, f64::from(u8::from(passed)));
        Ok(passed)
    }
}
