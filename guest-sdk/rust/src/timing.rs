//! Waiting, and telling how long something took.

use std::time::Duration;

use crate::bindings::wasmload::script::timing;

/// Pauses this virtual user, and no other.
pub fn sleep(length: Duration) {
    timing::sleep(milliseconds(length));
}

/// The time since the run began, by a clock that never goes back.
#[must_use]
pub fn now() -> Duration {
    duration(timing::now())
}

// The contract counts time in milliseconds. These two are the only places of the SDK that know.

pub(crate) fn milliseconds(length: Duration) -> f64 {
    length.as_secs_f64() * 1e3
}

pub(crate) fn duration(milliseconds: f64) -> Duration {
    Duration::try_from_secs_f64(milliseconds / 1e3).unwrap_or(Duration::ZERO)
}
