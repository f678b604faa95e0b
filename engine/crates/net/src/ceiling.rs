//! The most requests a second that all VUs of a run may begin together.

use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

/// Gives each request the moment from which it may begin.
///
/// The moments are evenly spaced and none is saved up: a second that nobody used is no reason for a burst
/// in the next (the virtual scheduling of the Generic Cell Rate Algorithm, ITU-T I.371, with no tolerance).
#[derive(Debug)]
pub struct Ceiling {
    origin: Instant,
    /// Nanoseconds between two requests.
    interval: u64,
    /// The next free moment, in nanoseconds since the origin. One addition a request is all that the
    /// workers contend for.
    next: AtomicU64,
}

impl Ceiling {
    /// At most so many requests a second.
    #[must_use]
    pub fn new(requests_per_second: NonZeroU32) -> Self {
        let interval = 1_000_000_000 / u64::from(requests_per_second.get());
        Self { origin: Instant::now(), interval, next: AtomicU64::new(0) }
    }

    /// Takes the next moment, which is not before `now`.
    pub(crate) fn take(&self, now: Instant) -> Instant {
        let since = now.saturating_duration_since(self.origin).as_nanos();
        let since = u64::try_from(since).unwrap_or(u64::MAX);
        let take = |next: u64| Some(next.max(since).saturating_add(self.interval));
        let taken = self.next.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take);
        let moment = taken.unwrap_or_default().max(since);
        self.origin + Duration::from_nanos(moment)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn moments_are_evenly_spaced_and_none_is_saved_up() {
        let ceiling = Ceiling::new(NonZeroU32::new(10).expect("more than none"));
        let start = Instant::now();
        let after = |moment: Instant| moment.duration_since(start).as_millis();
        assert_eq!([0, 1, 2].map(|_| after(ceiling.take(start))), [0, 100, 200]);
        tokio::time::advance(Duration::from_secs(5)).await;
        let now = Instant::now();
        assert_eq!([0, 1].map(|_| after(ceiling.take(now))), [5_000, 5_100]);
    }
}
