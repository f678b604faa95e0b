//! `spans`: parts of an iteration that are measured as wholes.

#![expect(unreachable_pub, reason = "the generated bindings name these types in public items")]

use metrics::builtin;
use tokio::time::Instant;
use wasmtime::Result;
use wasmtime::component::Resource;

use crate::bindings::wasmload::script::spans::{Host, HostSpan};
use crate::scope::Closed;
use crate::state::VuState;
use crate::time::milliseconds;

/// A span in the hands of a script, by its number.
pub struct Span(u32);

impl VuState {
    /// The script has come back to the engine: what it left open ends here.
    pub(crate) fn end_spans(&mut self) {
        let catalogue = self.user.catalogue.lock();
        for closed in self.scope.close_all() {
            record(catalogue.recorder(), &closed);
        }
    }
}

fn record(recorder: &metrics::Recorder, closed: &Closed) {
    let took = milliseconds(Instant::now().duration_since(closed.since));
    recorder.record_tagged(builtin::GROUP_DURATION, &closed.tags, took);
}

impl Host for VuState {}

impl HostSpan for VuState {
    fn open(&mut self, name: String) -> Result<Result<Resource<Span>, String>> {
        Ok(match self.scope.open(name, &self.user.limits)? {
            Ok(number) => Ok(self.table.push(Span(number))?),
            Err(why) => Err(why),
        })
    }

    fn drop(&mut self, this: Resource<Span>) -> Result<()> {
        let Span(number) = self.table.delete(this)?;
        if let Some(closed) = self.scope.close(number) {
            record(self.user.catalogue.lock().recorder(), &closed);
        }
        Ok(())
    }
}
