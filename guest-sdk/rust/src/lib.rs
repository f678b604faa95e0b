//! Write load-test scripts for wasmload in Rust.
//!
//! A script is a function that one virtual user runs again and again:
//!
//! ```
//! use wasmload_sdk::prelude::*;
//!
//! script!(iterate, options = r#"{ "vus": 10, "duration": "10s" }"#);
//!
//! fn iterate() -> Result {
//!     let home = http::get(&base_url("/"))?;
//!     check("home is up", home.status() == 200);
//!
//!     let login = Request::post(&base_url("/login"))
//!         .json(&json!({ "user": "ada", "password": "pass" }))
//!         .send()?
//!         .expect_status(200)?;
//!     check("there is a token", login.pointer("/token").is_some());
//!
//!     sleep(Duration::from_secs(1));
//!     Ok(())
//! }
//! # fn main() {}
//! ```
//!
//! A user that remembers something between its iterations, has several flows, or needs `setup` is a type:
//! see [`Script`].
//!
//! Compile it with `wasmload build`, run it with `wasmload run`. The crate's `crate-type` is `cdylib` and
//! its target `wasm32-wasip2`; `wasmload new` makes such a package. On other targets a script compiles, so
//! that editors and tests work, but there is no engine to call.

pub mod context;
pub mod dataset;
pub mod http;
pub mod log;
pub mod metrics;
pub mod secrets;
pub mod spans;
pub mod sse;
pub mod timing;
pub mod websocket;

#[doc(hidden)]
pub mod bindings;
mod download;
mod form;
mod script;
mod upload;

#[doc(hidden)]
pub use script::options_of;
pub use script::{Failure, Result, Script};

/// What a script needs, in one line: `use wasmload_sdk::prelude::*;`.
pub mod prelude {
    pub use std::time::Duration;

    #[cfg(feature = "json")]
    pub use serde_json::json;

    pub use crate::context::{self, base_url};
    pub use crate::dataset::{self, Dataset};
    pub use crate::http::{self, Multipart, Request, Response, Upload};
    pub use crate::metrics::{Counter, Gauge, Rate, Trend};
    pub use crate::secrets;
    pub use crate::spans::{group, span};
    pub use crate::sse;
    pub use crate::timing::sleep;
    pub use crate::websocket::{self, WebSocket};
    pub use crate::{Failure, Result, Script, check, log, script};
}

/// Records whether a statement about the target holds, and returns `passed`.
///
/// A failed check does not fail the iteration. Counted in the metric `checks`.
pub fn check(name: &str, passed: bool) -> bool {
    bindings::wasmload::script::checks::check(name, passed)
}
