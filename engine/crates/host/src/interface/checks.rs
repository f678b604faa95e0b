//! `checks`: statements about the target that hold or do not.

use wasmtime::Result;

use crate::bindings::wasmload::script::checks::Host;
use crate::state::VuState;

impl Host for VuState {
    fn check(&mut self, name: String, passed: bool) -> Result<bool> {
        self.user.limits.check_text("the name of a check", &name)?;
        let tags = self.scope.tags();
        let series = self.recent_checks.find(|(of, known)| of.is_same(tags) && *known == name);
        let series = series.unwrap_or_else(|| {
            let series = self.user.catalogue.lock().check(tags, &name);
            self.recent_checks.keep((tags.clone(), name), series);
            series
        });
        self.user.catalogue.lock().recorder().record(series, f64::from(u8::from(passed)));
        Ok(passed)
    }
}
