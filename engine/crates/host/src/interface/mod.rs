//! The contract's interfaces, one file each, implemented on a VU's state.

pub(crate) mod checks;
pub(crate) mod context;
pub(crate) mod dataset;
pub(crate) mod http;
pub(crate) mod log;
pub(crate) mod metrics;
pub(crate) mod secrets;
pub(crate) mod spans;
pub(crate) mod sse;
pub(crate) mod timing;
pub(crate) mod websocket;

use crate::bindings::wasmload::script::types;
use crate::state::VuState;

impl types::Host for VuState {}
