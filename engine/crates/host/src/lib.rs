//! Virtual users that are WebAssembly components.
//!
//! A script goes in ([`Script::load`]), virtual users come out ([`ScriptFactory`]). This is the only crate
//! that names wasmtime; it does not know who drives the users, when, or where the results go.
//!
//! * `script` reads, converts and checks what a user hands us, and says in words what is wrong with it;
//! * `engine` holds what all scripts share: the compiler, the linked interfaces, the epoch ticker; `code_cache` keeps what
//!   it compiled;
//! * `guest` is one virtual user: a store, an instance, and the two futures that make it run;
//! * `slab` is where many VUs have their stacks and memories;
//! * `trap` says what became of a call that broke, `source_lines` at which line of the source;
//! * `one_module` makes one core module of those that a component is linked of;
//! * `wants` is what a component carries of what it wants;
//! * `interface` is the contract, one file per WIT interface; `wasi_http` is the standard's, for scripts that ask for it;
//! * `limits` says what a script may take; `memory` holds what it allocates, `meter` and `turns` what it computes;
//! * `scope` knows which tags the samples have that begin now;
//! * `exports` is what the engine calls in a script;
//! * `exchanges` joins the guest to its HTTP client and turns each exchange into samples; `event_streams` and
//!   `sockets` do so for what stays open;
//! * `recording` logs host calls and replays them; `chance` is what scripts draw from.

mod bindings;
mod catalogue;
mod chance;
mod code_cache;
mod contract;
mod engine;
mod event_streams;
mod exchanges;
mod exports;
mod factory;
mod form;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
mod guest;
mod hex;
mod interface;
mod json;
mod limits;
mod log;
mod memory;
mod meter;
mod observer;
mod one_module;
mod recording;
mod scope;
mod script;
mod side_by_side;
mod slab;
mod sockets;
mod source_lines;
mod state;
mod stdio;
mod time;
mod tokens;
mod trap;
mod turns;
mod uploads;
mod wants;
mod wasi_http;
mod woken;

pub use code_cache::{CodeCache, CodeCacheError};
pub use contract::Mismatch;
pub use engine::{Engine, EngineError, Layout};
pub use exports::OwnSummary;
pub use factory::{ScriptFactory, Settings};
pub use form::{FormError, ScriptKind, into_component};
pub use limits::Limits;
pub use log::{Level, LogGate, LogLine};
pub use observer::{Observed, Observer};
pub use one_module::{Unmerged, one_module};
pub use recording::{
    Divergence, FolderError, Recording, RecordingError, Recordings, Replayed, Replaying, Told,
    Verdict,
};
pub use script::{Idle, Inspection, LoadError, LoadFault, OptionsError, Script};
pub use state::{Files, Secrets};
pub use wants::{WANTS_SECTION, with_wants};
