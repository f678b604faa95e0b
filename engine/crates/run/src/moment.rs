//! Moments on tokio's clock, which a test can pause.

use std::time::Duration;

use tokio::time::Instant;

/// What stands for a moment too far away to be told apart from never: thirty years, as in tokio.
const FAR: Duration = Duration::from_secs(86_400 * 365 * 30);

/// The moment `offset` after `from`. Whatever someone asks for, it does not overflow.
pub(crate) fn after(from: Instant, offset: Duration) -> Instant {
    from.checked_add(offset).unwrap_or_else(|| from + FAR)
}

/// A length of time in milliseconds, the unit of metrics of time.
pub(crate) fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1_000.0
}
