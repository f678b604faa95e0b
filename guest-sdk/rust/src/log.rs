//! Messages to the person who runs the script.

use crate::bindings::wasmload::script::log::{Level, log};

/// Writes a message for the script's author, shown with `--verbose` only.
pub fn debug(message: &str) {
    log(Level::Debug, message);
}

/// Writes a message that is worth knowing.
pub fn info(message: &str) {
    log(Level::Info, message);
}

/// Writes a message about something that is probably not meant to be so.
pub fn warn(message: &str) {
    log(Level::Warn, message);
}

/// Writes a message about something wrong.
pub fn error(message: &str) {
    log(Level::Error, message);
}
