//! How many bytes of bodies a client holds that nobody has taken yet: on their way, or come and not asked for.
//!
//! Each body is bounded by the configuration's `body_limit`; this bounds those of all exchanges together. The first
//! bytes of each are free, so that most responses are not counted at all: the number of exchanges bounds those.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::error::Error;

/// Bytes of each body that are not counted.
pub(crate) const FREE: usize = 64 << 10;

/// What the bodies of one client may have together.
#[derive(Clone, Debug)]
pub struct Allowance(Arc<Held>);

#[derive(Debug)]
struct Held {
    most: usize,
    /// The client stays on its thread; what it gives to others does not, and comes back from there.
    bytes: AtomicUsize,
}

/// What one body has of it. Dropping it gives it back.
#[derive(Debug)]
pub(crate) struct Lease {
    of: Allowance,
    bytes: usize,
}

impl Allowance {
    pub(crate) fn new(most: usize) -> Self {
        Self(Arc::new(Held { most, bytes: AtomicUsize::new(0) }))
    }

    /// Notes that a body has so many bytes by now, in the lease that it has, if it has one yet.
    ///
    /// Fails with [`Error::BodyTooLarge`] if all bodies together have more than they may.
    pub(crate) fn hold(&self, lease: &mut Option<Lease>, length: usize) -> Result<(), Error> {
        let counted = length.saturating_sub(FREE);
        if counted == 0 && lease.is_none() {
            return Ok(());
        }
        let lease = lease.get_or_insert_with(|| Lease { of: self.clone(), bytes: 0 });
        lease.resize(counted);
        match self.0.bytes.load(Ordering::Relaxed) > self.0.most {
            true => Err(Error::BodyTooLarge(self.0.most)),
            false => Ok(()),
        }
    }
}

impl Lease {
    fn resize(&mut self, bytes: usize) {
        let held = &self.of.0.bytes;
        held.fetch_add(bytes, Ordering::Relaxed);
        held.fetch_sub(self.bytes, Ordering::Relaxed);
        self.bytes = bytes;
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.resize(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_together_are_bounded_and_what_is_dropped_makes_room() {
        let allowance = Allowance::new(1_000);
        let (mut small, mut one, mut other) = (None, None, None);
        allowance.hold(&mut small, FREE).expect("it is free");
        assert!(small.is_none(), "nothing is noted of it");
        allowance.hold(&mut one, FREE + 400).expect("there is room");
        allowance.hold(&mut one, FREE + 600).expect("it has grown");
        allowance.hold(&mut other, FREE + 400).expect("all of it");
        let too_much = allowance.hold(&mut other, FREE + 401);
        assert_eq!(too_much, Err(Error::BodyTooLarge(1_000)));
        drop(one);
        allowance.hold(&mut other, FREE + 1_000).expect("there is room again");
        allowance.hold(&mut other, 0).expect("it has shrunk");
        assert_eq!(allowance.0.bytes.load(Ordering::Relaxed), 0);
    }
}
