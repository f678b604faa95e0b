//! Linear memory and tables: what one VU has of them, and what all VUs have together.
//!
//! What is charged to all together is what is beyond a VU's first 16 MiB: images of languages are shared as long as
//! nobody writes to them, and most of a small script's memory is never touched. Half of the whole is shared out evenly,
//! so that a VU which needs little is never refused because others need much; the other half is for whoever asks
//! first.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use wasmtime::{Error, ResourceLimiter, Result};

use crate::limits::{Limit, Limits, bytes};

/// What of a VU's memory is charged to nobody.
const FREE: u64 = 16 << 20;

/// The linear memory of all VUs of a run together.
#[derive(Debug)]
pub(crate) struct AllMemory {
    most: u64,
    /// What each VU may always have.
    share: u64,
    /// What is taken beyond shares.
    beyond: AtomicU64,
}

impl AllMemory {
    /// So many bytes, for at most so many VUs.
    pub(crate) fn new(most: u64, vus: u64) -> Arc<Self> {
        Arc::new(Self { most, share: most / 2 / vus.max(1), beyond: AtomicU64::new(0) })
    }

    /// What of a VU's memory comes out of the half for whoever asks first.
    fn beyond_share(&self, memory: u64) -> u64 {
        memory.saturating_sub(FREE).saturating_sub(self.share)
    }

    /// A VU that has so much wants so much. Whether there is room.
    fn take(&self, now: u64, wanted: u64) -> bool {
        let more = self.beyond_share(wanted) - self.beyond_share(now);
        let room = self.most - self.most / 2;
        let taken = self.beyond.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |taken| {
            taken.checked_add(more).filter(|taken| *taken <= room || more == 0)
        });
        taken.is_ok()
    }

    /// A VU that has so much has so much from now on, which is less.
    fn give_back(&self, now: u64, then: u64) {
        let fewer = self.beyond_share(now) - self.beyond_share(then);
        self.beyond.fetch_sub(fewer, Ordering::Relaxed);
    }
}

/// The memory and tables of one VU.
pub(crate) struct VuMemory {
    all: Arc<AllMemory>,
    most: u64,
    most_elements: u64,
    most_instances: usize,
    now: u64,
    elements: u64,
    /// What was added last, in case it cannot be had after all.
    last: u64,
    last_elements: u64,
}

impl VuMemory {
    pub(crate) fn new(limits: &Limits, all: Arc<AllMemory>) -> Self {
        Self {
            all,
            most: limits.memory_per_vu,
            most_elements: limits.table_elements.into(),
            most_instances: limits.instances as usize,
            now: 0,
            elements: 0,
            last: 0,
            last_elements: 0,
        }
    }
}

/// Growth that the program itself rules out is refused as WebAssembly says; what is too much for the machine breaks the
/// script off where it asks for it.
impl ResourceLimiter for VuMemory {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> Result<bool> {
        if maximum.is_some_and(|maximum| desired > maximum) {
            return Ok(false);
        }
        let more = desired.saturating_sub(current) as u64;
        let wanted = self.now.saturating_add(more);
        if wanted > self.most {
            let how = format!("the script needs more than {} of memory", bytes(self.most));
            return Err(Limit::MemoryPerVu.reached(how).into());
        }
        if !self.all.take(self.now, wanted) {
            let how = format!("all VUs together need more than {} of memory", bytes(self.all.most));
            return Err(Limit::Memory.reached(how).into());
        }
        (self.now, self.last) = (wanted, more);
        Ok(true)
    }

    fn memory_grow_failed(&mut self, _: Error) -> Result<()> {
        let then = self.now - self.last;
        self.all.give_back(self.now, then);
        (self.now, self.last) = (then, 0);
        Ok(())
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> Result<bool> {
        if maximum.is_some_and(|maximum| desired > maximum) {
            return Ok(false);
        }
        let more = desired.saturating_sub(current) as u64;
        let wanted = self.elements.saturating_add(more);
        if wanted > self.most_elements {
            let how =
                format!("the script needs more than {} elements of tables", self.most_elements);
            return Err(Limit::TableElements.reached(how).into());
        }
        (self.elements, self.last_elements) = (wanted, more);
        Ok(true)
    }

    fn table_grow_failed(&mut self, _: Error) -> Result<()> {
        self.elements -= self.last_elements;
        self.last_elements = 0;
        Ok(())
    }

    fn instances(&self) -> usize {
        self.most_instances
    }

    fn tables(&self) -> usize {
        self.most_instances
    }

    fn memories(&self) -> usize {
        self.most_instances
    }
}

impl Drop for VuMemory {
    fn drop(&mut self) {
        self.all.give_back(self.now, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::Reached;

    const MIB: usize = 1 << 20;

    fn grows(memory: &mut VuMemory, from: usize, to: usize) -> Result<bool, Limit> {
        memory.memory_growing(from * MIB, to * MIB, None).map_err(|error| {
            let reached: &Reached = error.downcast_ref().expect("a limit");
            reached.limit
        })
    }

    #[test]
    fn all_memories_of_a_vu_count_together() {
        let limits = Limits { memory_per_vu: 10 << 20, ..Limits::default() };
        let mut memory = VuMemory::new(&limits, AllMemory::new(u64::MAX, 1));
        assert_eq!(grows(&mut memory, 0, 4), Ok(true));
        assert_eq!(grows(&mut memory, 0, 4), Ok(true), "another one");
        assert_eq!(grows(&mut memory, 4, 7), Err(Limit::MemoryPerVu));
        assert_eq!(grows(&mut memory, 4, 6), Ok(true));
        let too_much_for_itself = memory.memory_growing(0, MIB, Some(0));
        assert!(matches!(too_much_for_itself, Ok(false)), "nobody's limit but its own");
        memory.memory_grow_failed(Error::msg("no maps")).expect("it is put up with");
        assert_eq!(grows(&mut memory, 4, 6), Ok(true), "what could not be had is not counted");
    }

    #[test]
    fn a_vu_that_needs_little_is_not_refused_because_others_need_much() {
        let limits = Limits::default();
        // 400 MiB: 50 MiB each of four VUs, and 200 for whoever asks first.
        let all = AllMemory::new(400 << 20, 4);
        let mut vus: Vec<_> = (0..4).map(|_| VuMemory::new(&limits, Arc::clone(&all))).collect();
        let [hog, late, small, other] = &mut vus[..] else { panic!("four") };
        assert_eq!(grows(hog, 0, 16 + 50 + 180), Ok(true));
        assert_eq!(grows(late, 0, 16 + 50 + 21), Err(Limit::Memory));
        assert_eq!(grows(late, 0, 16 + 50 + 20), Ok(true));
        assert_eq!(grows(other, 0, 16 + 51), Err(Limit::Memory));
        assert_eq!(grows(small, 0, 16 + 50), Ok(true), "its own share");
        vus.remove(0);
        assert_eq!(grows(&mut vus[2], 0, 16 + 50 + 180), Ok(true), "who is gone has nothing");
    }

    #[test]
    fn elements_of_all_tables_count_together() {
        let limits = Limits { table_elements: 10, ..Limits::default() };
        let mut memory = VuMemory::new(&limits, AllMemory::new(u64::MAX, 1));
        assert!(matches!(memory.table_growing(0, 6, None), Ok(true)));
        assert!(matches!(memory.table_growing(0, 9, Some(8)), Ok(false)));
        assert!(memory.table_growing(0, 5, None).is_err());
    }
}
