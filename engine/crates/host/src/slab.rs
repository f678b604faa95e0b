//! Stacks and linear memories side by side in a few large maps, for more VUs than the process may have maps for.
//!
//! As wasmtime makes them, each stack and each memory has maps of its own, with guards around them, and Linux gives a
//! process 65,530 unless it is told otherwise: enough for some nine thousand VUs. Here a thousand places of one size are one
//! map, with no guards between them. What the guards were for is done otherwise:
//!
//! * **Memories.** The engine is told that there is no guard (`memory_guard_size(0)`) and that a memory may end anywhere, so
//!   compiled code compares each address with the memory's size. A memory that outgrows its place moves to a map of its own.
//! * **Stacks.** Compiled code compares its stack with `max_wasm_stack`, guard or not. Beyond that are only the frames of
//!   host functions, none of which recurses by what a guest says; they have their usual room, and below it as much again
//!   that is left empty, before another's stack begins.
//!
//! Pages that nobody touched take no memory, and a place is given back by telling the system that its pages are not needed,
//! which zeroes them and splits no map. Who uses this, and when, is for the [`Engine`](crate::Engine) to say.

#![expect(unsafe_code, reason = "wasmtime takes memory from whoever gives it by unsafe traits")]

use std::ops::Range;
use std::ptr::{null_mut, with_exposed_provenance_mut};
use std::sync::Arc;

use parking_lot::Mutex;
use rustix::mm::{Advice, MapFlags, ProtFlags, madvise, mmap_anonymous, munmap};
use wasmtime::{LinearMemory, MemoryCreator, MemoryType, StackCreator, StackMemory};

/// Places in one map.
const PLACES: usize = 1_024;

/// The size of a memory's place: what scripts of compiled languages have, several times over.
pub(crate) const MEMORY_PLACE: usize = 4 << 20;

/// Bytes that are mapped, can be read and written, and are unmapped when this is dropped.
#[derive(Debug)]
struct Map {
    base: usize,
    length: usize,
}

impl Map {
    /// Maps so many bytes, all of them zero. Fails if the system has no more.
    fn new(length: usize) -> std::io::Result<Self> {
        // SAFETY: a new private map at an address of the system's choice takes nothing from anybody.
        let base = unsafe {
            mmap_anonymous(
                null_mut(),
                length,
                ProtFlags::READ | ProtFlags::WRITE,
                MapFlags::PRIVATE | MapFlags::NORESERVE,
            )
        }?;
        // A VU touches a few pages here and there; a huge one for each would be most of the memory. Where the system
        // knows no huge pages there is nothing to advise against.
        // SAFETY: these are the pages that were just mapped, and this advice changes nothing about what is in them.
        let _ = unsafe { madvise(base, length, Advice::LinuxNoHugepage) };
        Ok(Self { base: base.expose_provenance(), length })
    }
}

impl Drop for Map {
    fn drop(&mut self) {
        // SAFETY: the map is this one's own; whoever uses a part of it keeps it alive (`Place`), or is it (`Compact`).
        // If it fails, the addresses are lost, and nothing else.
        let _ = unsafe { munmap(with_exposed_provenance_mut(self.base), self.length) };
    }
}

/// Places of one size.
#[derive(Debug)]
struct Slab {
    size: usize,
    places: Mutex<Places>,
}

#[derive(Debug, Default)]
struct Places {
    maps: Vec<Map>,
    /// How many places of the last map were taken.
    taken: usize,
    /// Those that were given back; their bytes are zero.
    free: Vec<usize>,
}

impl Slab {
    fn new(size: usize) -> Arc<Self> {
        Arc::new(Self { size, places: Mutex::default() })
    }

    /// A place of its own, all zeros. Fails if the system has no more.
    fn place(self: &Arc<Self>) -> std::io::Result<Place> {
        let mut places = self.places.lock();
        if let Some(base) = places.free.pop() {
            return Ok(Place { slab: Arc::clone(self), base });
        }
        if places.maps.is_empty() || places.taken == PLACES {
            let map = Map::new(self.size * PLACES)?;
            places.maps.push(map);
            places.taken = 0;
        }
        let Some(map) = places.maps.last() else { unreachable!("one was pushed") };
        let base = map.base + places.taken * self.size;
        places.taken += 1;
        Ok(Place { slab: Arc::clone(self), base })
    }
}

/// One of the places, which nobody else has until this is dropped. The slab lives at least as long.
#[derive(Debug)]
struct Place {
    slab: Arc<Slab>,
    base: usize,
}

impl Drop for Place {
    fn drop(&mut self) {
        let start = with_exposed_provenance_mut(self.base);
        // SAFETY: the place is within a map of the slab, which lives, and nobody else has it; of a private map of no file
        // the pages read as zeros after it.
        let emptied = unsafe { madvise(start, self.slab.size, Advice::LinuxDontNeed) };
        // One that may not be empty is given to nobody.
        if emptied.is_ok() {
            self.slab.places.lock().free.push(self.base);
        }
    }
}

/// Makes the stacks of fibers.
#[derive(Debug)]
pub(crate) struct CompactStacks {
    slab: Arc<Slab>,
    /// How much of each place is left empty below the stack.
    empty: usize,
}

impl CompactStacks {
    /// For stacks of so many bytes, of which so many are for host functions.
    pub(crate) fn new(size: usize, host: usize) -> Self {
        let pages = |bytes: usize| bytes.next_multiple_of(page());
        let empty = pages(host);
        Self { slab: Slab::new(pages(size) + empty), empty }
    }
}

// SAFETY: each stack is a place of its own, mapped and zero, as large as the engine was set up for, at the ends of pages
// (`CompactStacks::new`). It has no guard: see the head of this file.
unsafe impl StackCreator for CompactStacks {
    fn new_stack(&self, size: usize, _zeroed: bool) -> wasmtime::Result<Box<dyn StackMemory>> {
        let room = self.slab.size - self.empty;
        wasmtime::ensure!(
            size <= room,
            "a stack of {size} bytes is asked for, and {room} were said"
        );
        let place = self.slab.place()?;
        Ok(Box::new(CompactStack { empty: self.empty, place }))
    }
}

#[derive(Debug)]
struct CompactStack {
    place: Place,
    empty: usize,
}

impl CompactStack {
    fn end(&self) -> usize {
        self.place.base + self.place.slab.size
    }
}

// SAFETY: the range is that of a place that nobody else has.
unsafe impl StackMemory for CompactStack {
    fn top(&self) -> *mut u8 {
        with_exposed_provenance_mut(self.end())
    }

    fn range(&self) -> Range<usize> {
        self.place.base + self.empty..self.end()
    }

    fn guard_range(&self) -> Range<*mut u8> {
        let none = with_exposed_provenance_mut(self.place.base + self.empty);
        none..none
    }
}

/// Makes linear memories.
#[derive(Debug)]
pub(crate) struct CompactMemories(Arc<Slab>);

impl CompactMemories {
    pub(crate) fn new() -> Self {
        Self(Slab::new(MEMORY_PLACE))
    }
}

// SAFETY: each memory is zero and its own; it has no guard, and is refused where one is asked for. The engine says so, and
// compiled code compares each address.
unsafe impl MemoryCreator for CompactMemories {
    fn new_memory(
        &self,
        _ty: MemoryType,
        minimum: usize,
        _maximum: Option<usize>,
        reserved: Option<usize>,
        guard: usize,
    ) -> Result<Box<dyn LinearMemory>, String> {
        if guard > 0 || reserved.is_some_and(|reserved| reserved > MEMORY_PLACE) {
            return Err("compact memories have no guards, and no more room than a place".to_owned());
        }
        let room = match minimum <= MEMORY_PLACE {
            true => self.0.place().map(Room::Place),
            false => Map::new(minimum).map(Room::Own),
        };
        let room = room.map_err(|error| format!("there is no room for a memory: {error}"))?;
        Ok(Box::new(CompactMemory { room, size: minimum }))
    }
}

#[derive(Debug)]
struct CompactMemory {
    room: Room,
    size: usize,
}

#[derive(Debug)]
enum Room {
    Place(Place),
    /// It has outgrown its place.
    Own(Map),
}

impl Room {
    fn base(&self) -> usize {
        match self {
            Self::Place(place) => place.base,
            Self::Own(map) => map.base,
        }
    }

    fn length(&self) -> usize {
        match self {
            Self::Place(place) => place.slab.size,
            Self::Own(map) => map.length,
        }
    }
}

// SAFETY: the bytes from `as_ptr` on, `byte_capacity` of them, are mapped and nobody else's; those that were never written
// are zero, in a place as in a map. It moves only when it grows beyond them, which whoever grows it expects.
unsafe impl LinearMemory for CompactMemory {
    fn byte_size(&self) -> usize {
        self.size
    }

    fn byte_capacity(&self) -> usize {
        self.room.length()
    }

    fn grow_to(&mut self, new_size: usize) -> wasmtime::Result<()> {
        if new_size > self.room.length() {
            // Twice as large, so that one that grows page by page is not copied each time.
            let map = Map::new(new_size.max(self.room.length().saturating_mul(2)))?;
            // SAFETY: both are mapped for as many bytes, and are two.
            unsafe {
                let to: *mut u8 = with_exposed_provenance_mut(map.base);
                to.copy_from_nonoverlapping(self.as_ptr(), self.size);
            }
            self.room = Room::Own(map);
        }
        self.size = new_size;
        Ok(())
    }

    fn as_ptr(&self) -> *mut u8 {
        with_exposed_provenance_mut(self.room.base())
    }
}

fn page() -> usize {
    rustix::param::page_size()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fill(start: *mut u8, length: usize, byte: u8) {
        // SAFETY: the tests below fill only what they have.
        unsafe { start.write_bytes(byte, length) };
    }

    fn bytes(memory: &dyn LinearMemory) -> &[u8] {
        // SAFETY: it is as long as it says, and is not written to meanwhile.
        unsafe { std::slice::from_raw_parts(memory.as_ptr(), memory.byte_size()) }
    }

    fn memory(memories: &CompactMemories, minimum: usize) -> Box<dyn LinearMemory> {
        let ty = MemoryType::new(1, None);
        memories.new_memory(ty, minimum, None, Some(MEMORY_PLACE), 0).expect("there is room")
    }

    #[test]
    fn each_memory_has_a_place_of_its_own_and_finds_it_empty() {
        let memories = CompactMemories::new();
        let mut before: Vec<_> = (0..3_u8).map(|_| memory(&memories, 1 << 16)).collect();
        for (memory, byte) in before.iter().zip(1..) {
            fill(memory.as_ptr(), memory.byte_size(), byte);
        }
        for (memory, byte) in before.iter().zip(1..) {
            assert!(bytes(&**memory).iter().all(|&each| each == byte));
        }
        let place = before.remove(1).as_ptr();
        let next = memory(&memories, 1 << 16);
        assert_eq!(next.as_ptr(), place, "a place is used again");
        assert!(bytes(&*next).iter().all(|&byte| byte == 0), "and its bytes are not handed on");
    }

    #[test]
    fn a_memory_that_outgrows_its_place_takes_its_bytes_along() {
        let memories = CompactMemories::new();
        let mut grows = memory(&memories, 1 << 16);
        fill(grows.as_ptr(), 1 << 16, 7);
        let first = grows.as_ptr();
        grows.grow_to(MEMORY_PLACE).unwrap();
        assert_eq!(grows.as_ptr(), first, "there is room");
        grows.grow_to(MEMORY_PLACE + (1 << 16)).unwrap();
        assert_ne!(grows.as_ptr(), first);
        let (old, new) = bytes(&*grows).split_at(1 << 16);
        assert!(old.iter().all(|&byte| byte == 7) && new.iter().all(|&byte| byte == 0));
        assert!(grows.byte_capacity() >= 2 * MEMORY_PLACE, "it will grow again");
    }

    #[test]
    fn memories_with_guards_are_refused() {
        let ask = |reserved, guard| {
            let ty = MemoryType::new(1, None);
            CompactMemories::new().new_memory(ty, 1 << 16, None, Some(reserved), guard).is_err()
        };
        assert!(ask(MEMORY_PLACE, 4096) && ask(MEMORY_PLACE * 2, 0) && !ask(MEMORY_PLACE, 0));
    }

    #[test]
    fn stacks_lie_apart_by_the_room_of_host_functions() {
        let stacks = CompactStacks::new(300_000, 100_000);
        let [one, other] = [(); 2].map(|()| stacks.new_stack(300_000, true).unwrap());
        for stack in [&one, &other] {
            let range = stack.range();
            assert!(range.len() >= 300_000 && range.start % page() == 0 && range.end % page() == 0);
            assert_eq!(stack.top().expose_provenance(), range.end);
            fill(with_exposed_provenance_mut(range.start), range.len(), 1);
        }
        let apart = other.range().start - one.range().end;
        assert!(apart >= 100_000, "{apart}");
        assert!(stacks.new_stack(1 << 20, true).is_err(), "it was not set up for such a large one");
    }

    #[test]
    fn a_thousand_places_are_one_map() {
        let slab = Slab::new(1 << 16);
        let places: Vec<_> = (0..=PLACES).map(|_| slab.place().unwrap()).collect();
        assert_eq!(slab.places.lock().maps.len(), 2);
        drop(places);
        assert_eq!(slab.places.lock().free.len(), PLACES + 1);
    }
}
