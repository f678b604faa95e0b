//! Drives virtual users through schedules, and says what happens as events.
//!
//! It drives any [`vu::Vu`] and knows nothing of WebAssembly, of terminals, of signals or of files:
//! whoever assembles the engine brings the factory that makes VUs, reads the [`Event`]s and turns a
//! Ctrl-C into [`Controller::interrupt`].
//!
//! Start with [`run()`], the one `select!` of the engine, on the controller's thread. Below it each
//! worker thread ([`Crew`]) drives its share of every scenario, in one of three loops (`looping`,
//! `iterations`, `arrivals`), and each VU is one task (`user`). What a scenario asks for is said by
//! `plan`; what was measured is kept by `metrics`.

mod alarm;
mod arrivals;
mod board;
mod control;
mod crew;
mod event;
mod failures;
mod finished;
mod iterations;
mod looping;
mod moment;
mod orders;
mod placement;
mod rein;
mod run;
mod search;
mod series;
mod source;
mod usage;
mod user;
mod worker;

pub use control::{Control, Controller};
pub use crew::Crew;
pub use event::{Event, EventKind, Measured, ScenarioProgress, ScenarioState, Tick};
pub use failures::{DISTINCT, Failure, FailureKind, MESSAGE_BYTES, OTHERS};
pub use finished::{CallError, Finished, GivenUp, StopReason, Unmade};
pub use run::{RunSpec, run};
pub use search::{Latency, Searched, Step};
pub use usage::{Usage, UsageSource};
