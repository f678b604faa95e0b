//! What whoever runs the script keeps secret, such as a password.

use crate::bindings::wasmload::script::secrets;

/// The value of a secret that was given to the run with `--secret NAME=file:PATH` or `--secret NAME=env:VARIABLE`; none
/// if it was not.
///
/// It is taken out of messages, reports and single exchanges that are shown, as it is and as JSON, URLs and base64 have
/// it.
#[must_use]
pub fn get(name: &str) -> Option<String> {
    secrets::get(name)
}
