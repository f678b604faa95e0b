//! Virtual users that are WebAssembly components.
//!
//! A script goes in ([`Script::load`]), virtual users come out ([`ScriptFactory`]). This is the only crate
//! that names wasmtime; it does not know who drives the users, when, or where the results go.
//!
//! * `script` reads, converts and checks what a user hands us, and says in words what is wrong with it;
//! * `engine` holds what all scripts share: the compiler, the linked interfaces, the epoch ticker;
//! * `guest` is one virtual user: a store, an instance, and the two futures that make it run;
//! * `trap` says what became of a call that broke, `source_lines` at which line of the source;
//! * `wants` is what a component carries of what it wants;
//! * `interface` is the contract, one file per WIT interface; `wasi_http` is the standard's, for scripts that ask for it;
//! * `exports` is what the engine calls in a script;
//! * `exchanges` joins the guest to its HTTP client and turns each exchange into samples; `event_streams` and
//!   `sockets` do so for what stays open.

mod bindings;
mod catalogue;
mod contract;
mod engine;
mod event_streams;
mod exchanges;
mod exports;
mod factory;
mod form;
mod guest;
mod interface;
mod json;
mod limits;
mod log;
mod observer;
mod script;
mod side_by_side;
mod sockets;
mod source_lines;
mod state;
mod stdio;
mod time;
mod tokens;
mod trap;
mod uploads;
mod wants;
mod wasi_http;
mod woken;

pub use contract::Mismatch;
pub use engine::{Engine, EngineError};
pub use factory::{ScriptFactory, Settings};
pub use form::{FormError, ScriptKind};
pub use log::{Level, LogGate, LogLine};
pub use observer::{Observed, Observer};
pub use script::{Inspection, LoadError, LoadFault, OptionsError, Script};
pub use state::Files;
pub use wants::{WANTS_SECTION, with_wants};
