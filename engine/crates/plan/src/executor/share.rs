//! The part of the VUs asked for that a machine holds.

use std::num::NonZeroU32;

/// So many of all VUs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    of: u64,
    all: u64,
}

impl Share {
    /// So many of all; all, if there are not more.
    pub(crate) fn new(of: u64, all: u64) -> Self {
        Self { of: of.min(all), all: all.max(1) }
    }

    /// That part of a number of VUs, rounded down, and one at least where there are any.
    pub(super) fn of(self, vus: u32) -> u32 {
        NonZeroU32::new(vus).map_or(0, |vus| self.of_some(vus).get())
    }

    /// That part of a number of VUs, rounded down, and one at least.
    pub(super) fn of_some(self, vus: NonZeroU32) -> NonZeroU32 {
        let part = u128::from(vus.get()) * u128::from(self.of) / u128::from(self.all);
        u32::try_from(part).ok().and_then(NonZeroU32::new).unwrap_or(NonZeroU32::MIN)
    }
}
