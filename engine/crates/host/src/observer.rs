//! Whoever is shown single exchanges: those of the first VU of each scenario, and of `setup` and `teardown`; and those of
//! all VUs that are part of a trace.
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
    /// Who hears of those that are part of a trace.
    hear_traced: Option<Arc<Hear>>,
    /// The scenarios whose first VU is there.
    seen: Arc<Mutex<BTreeSet<String>>>,
}

impl Observer {
    /// One that hears.
    pub fn new(hear: impl Fn(&Observed<'_>) + Send + Sync + 'static) -> Self {
        Self { hear: Some(Arc::new(hear)), ..Self::default() }
    }

    /// The same, and this hears of each exchange that is part of a trace ([`net::Config::traced_share`]).
    #[must_use]
    pub fn with_traced(self, hear: impl Fn(&Observed<'_>) + Send + Sync + 'static) -> Self {
        Self { hear_traced: Some(Arc::new(hear)), ..self }
    }

    /// Who hears of this VU's exchanges, if anybody does.
    pub(crate) fn of(&self, identity: &Identity) -> Option<VuObserver> {
        let scenario = &identity.scenario.name;
        let is_first = || identity.vu == 0 || self.seen.lock().insert(scenario.clone());
        let hear = self.hear.clone().filter(|_| is_first());
        let hear_traced = self.hear_traced.clone();
        if hear.is_none() && hear_traced.is_none() {
            return None;
        }
        Some(VuObserver { hear, hear_traced, vu: identity.vu, scenario: scenario.clone() })
    }
}

/// Who hears of one VU's exchanges.
pub(crate) struct VuObserver {
    hear: Option<Arc<Hear>>,
    hear_traced: Option<Arc<Hear>>,
    vu: u32,
    scenario: String,
}

impl VuObserver {
    pub(crate) fn hear(&self, exchange: &Exchange) {
        let observed = Observed { vu: self.vu, scenario: &self.scenario, exchange };
        if let Some(hear) = &self.hear {
            hear(&observed);
        }
        let is_traced = exchange.request.as_ref().is_some_and(|request| request.trace.is_some());
        if let Some(hear) = self.hear_traced.as_ref().filter(|_| is_traced) {
            hear(&observed);
        }
    }

    /// Whether it hears of exchanges that are part of no trace.
    pub(crate) fn hears_all(&self) -> bool {
        self.hear.is_some()
    }
}
