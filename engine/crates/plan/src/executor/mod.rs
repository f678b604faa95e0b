//! How a scenario's VUs come to run its iterations.
//!
//! Each executor is one file, named as the options name it. It is pure: it says what it asks for and is
//! lowered to one of three loops, a [`Schedule`], which `run` drives. To add one, write its file and add
//! its line to the list below.

use std::fmt;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Pacer, Problems, Raise, Search};

mod arrival_trace;
mod arrivals;
mod breakpoint;
mod constant_arrival_rate;
mod constant_vus;
mod externally_controlled;
mod per_vu_iterations;
mod ramping_arrival_rate;
mod ramping_vus;
mod share;
mod shared_iterations;
mod stage;

pub use arrival_trace::TraceFile;
pub use arrivals::{Arrivals, Busy, Distribution};
pub use breakpoint::Raised;
pub use share::Share;
pub use stage::Stage;

pub(crate) use arrival_trace::traces;
pub(crate) use shared_iterations::max_duration;

/// The most VUs a scenario, or all that run at one time, may have. Arbitrary; far more than a machine
/// holds today, and few enough that no sum of them overflows.
pub const MAX_VUS: u32 = 1_000_000;

/// The most iterations that may be asked for: the largest number that JSON readers of every language
/// agree on, 2⁵³ − 1.
pub const MAX_ITERATIONS: u64 = 9_007_199_254_740_991;

/// The most iterations a second that an arrival rate may ask for. Arbitrary; a thousand times what one
/// core starts, so that more is a slip of the unit.
pub const MAX_RATE: f64 = 10_000_000.0;

/// Declares the executors there are.
macro_rules! executors {
    ($($kind:literal => $module:ident::$executor:ident,)*) => {
        $(pub use $module::$executor;)*

        /// The names of the executors there are, as options give them.
        pub const EXECUTORS: &[&str] = &[$($kind),*];

        /// An executor as options give it, told from others by the key `executor`.
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
        #[serde(tag = "executor")]
        #[expect(missing_docs, reason = "each is documented where it is declared")]
        pub enum AnyExecutor {
            $(#[serde(rename = $kind)] $executor($executor),)*
        }

        impl From<AnyExecutor> for Arc<dyn Executor> {
            fn from(executor: AnyExecutor) -> Self {
                match executor {
                    $(AnyExecutor::$executor(executor) => Arc::new(executor),)*
                }
            }
        }
    };
}

executors! {
    "constant-vus" => constant_vus::ConstantVus,
    "per-vu-iterations" => per_vu_iterations::PerVuIterations,
    "shared-iterations" => shared_iterations::SharedIterations,
    "ramping-vus" => ramping_vus::RampingVus,
    "constant-arrival-rate" => constant_arrival_rate::ConstantArrivalRate,
    "ramping-arrival-rate" => ramping_arrival_rate::RampingArrivalRate,
    "arrival-trace" => arrival_trace::ArrivalTrace,
    "externally-controlled" => externally_controlled::ExternallyControlled,
    "breakpoint" => breakpoint::Breakpoint,
}

/// What a scenario asks for, and how that is lowered to one of three loops.
pub trait Executor: fmt::Debug + Send + Sync {
    /// Returns its name in options, such as `constant-vus`.
    fn kind(&self) -> &'static str;

    /// Adds what makes no sense, each with the path of its key from here.
    ///
    /// Types and bounds of single values have been checked before; here is what holds between several.
    fn validate(&self, problems: &mut Problems);

    /// Says what it does, in k6's words: `10 looping VUs for 30s`.
    fn describe(&self) -> String;

    /// Says what else is to be known of it, such as `maxDuration: 10m0s`.
    fn facts(&self) -> Vec<String> {
        Vec::new()
    }

    /// Returns its stages, one after the other from its start; none where it is not made of any.
    fn stages(&self) -> &[Stage] {
        &[]
    }

    /// Returns how many VUs it may need, over time from its start; none after the last step.
    ///
    /// Without the graceful stop, which is its scenario's.
    fn demand(&self) -> Vec<VuStep> {
        self.schedule().demand()
    }

    /// Returns the same with a share of its VUs. What it does, and how often, stays as it is.
    fn with(&self, share: Share) -> Arc<dyn Executor>;

    /// Lowers it to one of the three loops.
    ///
    /// Means something only if [`validate`](Self::validate) finds no problem; else it is any schedule.
    fn schedule(&self) -> Schedule;
}

/// From a moment on, a number of VUs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VuStep {
    /// Time since the start of the scenario.
    pub at: Duration,
    /// How many VUs from then on, until the next step.
    pub vus: u32,
}

/// One of the loops that start iterations.
#[derive(Clone, Debug)]
pub enum Schedule {
    /// Each VU runs iterations one after the other, for as long as it has its place: a closed model.
    Looping {
        /// How many VUs loop, from the start on. Times never decrease, the first step is at zero, and
        /// the last one, to no VU, is the end.
        steps: Vec<VuStep>,
        /// How long a VU that loses its place may take to finish its iteration.
        graceful_ramp_down: Duration,
    },
    /// Each VU runs iterations one after the other, and somebody says while the run goes on how many do.
    Controlled {
        /// How many at the start.
        vus: u32,
        /// How many there may be; made before the start.
        max_vus: u32,
        /// After how long no further iteration starts; [`Duration::MAX`] is never.
        duration: Duration,
    },
    /// A fixed number of iterations.
    Iterations {
        /// How many VUs run them.
        vus: NonZeroU32,
        /// How many there are.
        budget: Budget,
        /// After how long no further iteration starts.
        max_duration: Duration,
    },
    /// Iterations start when they are due, whether or not earlier ones have ended: an open model.
    Arrivals {
        /// When each is due.
        pacer: Arc<dyn Pacer>,
        /// How many VUs are made before the start.
        pre_allocated_vus: u32,
        /// How many VUs there may be in all; at least `pre_allocated_vus`.
        max_vus: u32,
        /// After how long no further iteration starts.
        duration: Duration,
        /// What becomes of one that finds no VU free.
        on_busy: OnBusy,
    },
    /// VUs loop or iterations arrive, of which whoever drives it finds out how many hold.
    Search(Search),
}

/// What becomes of an iteration that is due and finds no VU free.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnBusy {
    /// It is dropped.
    Drop,
    /// It waits for the first VU that is free, unless so many wait already.
    Queue {
        /// How many may wait.
        most: u32,
    },
}

/// How many iterations there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Budget {
    /// So many for each VU.
    PerVu(u64),
    /// So many for all VUs together.
    Shared(u64),
}

impl Schedule {
    /// Returns after how long no further iteration starts.
    pub fn duration(&self) -> Duration {
        match self {
            Self::Looping { steps, .. } => steps.last().map_or(Duration::ZERO, |end| end.at),
            Self::Iterations { max_duration, .. } => *max_duration,
            Self::Controlled { duration, .. } | Self::Arrivals { duration, .. } => *duration,
            Self::Search(search) => search.max_duration(),
        }
    }

    /// Returns how many iterations there are, where their number is fixed.
    pub fn iterations(&self) -> Option<u64> {
        match self {
            Self::Iterations { vus, budget: Budget::PerVu(each), .. } => {
                Some(u64::from(vus.get()).saturating_mul(*each))
            }
            Self::Iterations { budget: Budget::Shared(all), .. } => Some(*all),
            Self::Looping { .. }
            | Self::Controlled { .. }
            | Self::Arrivals { .. }
            | Self::Search(_) => None,
        }
    }

    /// Returns how many VUs it may need, over time; none after the last step.
    pub fn demand(&self) -> Vec<VuStep> {
        let throughout =
            |vus| vec![VuStep { at: Duration::ZERO, vus }, VuStep { at: self.duration(), vus: 0 }];
        match self {
            Self::Looping { steps, .. } => steps.clone(),
            Self::Iterations { vus, .. } => throughout(vus.get()),
            Self::Controlled { max_vus, .. } | Self::Arrivals { max_vus, .. } => {
                throughout(*max_vus)
            }
            Self::Search(search) => throughout(search.max_vus()),
        }
    }

    /// Whether iterations start when they are due, whoever is free: an open model.
    pub fn is_open(&self) -> bool {
        match self {
            Self::Arrivals { .. } => true,
            Self::Search(search) => search.raise != Raise::Vus,
            Self::Looping { .. } | Self::Controlled { .. } | Self::Iterations { .. } => false,
        }
    }
}

/// One, the number of VUs and of iterations where none is given.
fn one() -> NonZeroU32 {
    NonZeroU32::MIN
}

#[cfg(test)]
mod tests;
