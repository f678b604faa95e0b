//! Whoever is shown single exchanges: those of the first VU of each scenario, and of `setup` and `teardown`.
//!
//! What is made of them is decided elsewhere. Without an observer nothing is kept for it.

use std::collections::BTreeSet;
use std::sync::Arc;

use net::Exchange;
use parking_lot::Mutex;
use vu::Identity;

/// An exchange of a VU, as it ends; it has its request.
pub struct Observed<'a> {
    /// The VU; 0 is `setup` and `teardown`.
    pub vu: u32,
    /// Its scenario.
    pub scenario: &'a str,
    /// What was asked for, and what came of it.
    pub exchange: &'a Exchange,
}

/// Hears of exchanges, on the thread of the VU that makes them: it must return soon.
pub(crate) type Hear = dyn Fn(&Observed<'_>) + Send + Sync;

/// Who hears of which exchanges.
#[derive(Clone, Default)]
pub struct Observer {
    hear: Option<Arc<Hear>>,
    /// The scenarios whose first VU is there.
    seen: Arc<Mutex<BTreeSet<String>>>,
}

impl Observer {
    /// One that hears.
    pub fn new(hear: impl Fn(&Observed<'_>) + Send + Sync + 'static) -> Self {
        Self { hear: Some(Arc::new(hear)), seen: Arc::default() }
    }

    /// Who hears of this VU's exchanges, if anybody does.
    pub(crate) fn of(&self, identity: &Identity) -> Option<VuObserver> {
        let hear = Arc::clone(self.hear.as_ref()?);
        let scenario = identity.scenario.name.clone();
        let is_first = identity.vu == 0 || self.seen.lock().insert(scenario.clone());
        is_first.then_some(VuObserver { hear, vu: identity.vu, scenario })
    }
}

/// Who hears of one VU's exchanges.
pub(crate) struct VuObserver {
    hear: Arc<Hear>,
    vu: u32,
    scenario: String,
}

impl VuObserver {
    pub(crate) fn hear(&self, exchange: &Exchange) {
        (self.hear)(&Observed { vu: self.vu, scenario: &self.scenario, exchange });
    }
}
