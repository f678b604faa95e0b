//! What one virtual user may take of the machine.

use wasmtime::{StoreLimits, StoreLimitsBuilder};

/// Linear memory of one VU, in bytes: more than an interpreter with its libraries needs.
const MEMORY: usize = 256 << 20;
/// Elements in one of its tables: twelve times what CPython asks for.
const TABLE_ELEMENTS: usize = 100_000;
/// Core instances, memories and tables in one component: CPython's component has about 40 instances.
const INSTANCES: usize = 200;

/// Handles that a VU may hold at once: open requests, responses, metrics, and WASI's own.
pub(crate) const HANDLES: usize = 65_536;
/// Rows that a VU may hold at once, in bytes of their text: four of the longest there may be.
pub(crate) const ROW_BYTES: usize = 64 << 20;
/// WebSocket messages that a VU may hold at once, in bytes: four of the largest there may be.
pub(crate) const MESSAGE_BYTES: usize = 256 << 20;
/// WebSockets that a VU may have open at once: as many as Chrome.
pub(crate) const SOCKETS_AT_ONCE: usize = 255;
/// Answers to WebSocket messages that a VU may wait for at once.
pub(crate) const ANSWERS_EXPECTED: usize = 10_000;
/// The longest name of such an answer, in bytes.
pub(crate) const ANSWER_KEY: usize = 1_024;
/// Bytes that an upload may have of the script's own: as many as a response that is kept.
pub(crate) const UPLOAD_OWN_BYTES: usize = 64 << 20;
/// Parts that an upload may have.
pub(crate) const UPLOAD_PARTS: usize = 1_000;
/// Bodies that a VU may be writing at once by `wasi:http`, in bytes: four of the largest that are kept of a response.
pub(crate) const UPLOAD_BYTES: usize = 256 << 20;
/// Headers that a script may have in one `fields` of `wasi:http`, in bytes: four times what servers take.
pub(crate) const FIELDS_BYTES: usize = 32 << 10;
/// Requests that a VU may have on their way at once.
pub(crate) const REQUESTS_AT_ONCE: usize = 1_000;

/// A fresh instance's limits.
pub(crate) fn store_limits() -> StoreLimits {
    StoreLimitsBuilder::new()
        .memory_size(MEMORY)
        .table_elements(TABLE_ELEMENTS)
        .instances(INSTANCES)
        .memories(INSTANCES)
        .tables(INSTANCES)
        .build()
}

/// Maps of the process for a VU's fiber: its stack and the guard below.
const MAPS_OF_STACK: f64 = 2.0;
/// Maps of the process for one linear memory, in the mean: its image, what lies before and after it, and the
/// guards. Five, of which every other merges with a neighbour's.
const MAPS_OF_MEMORY: f64 = 4.45;

/// How many maps of the process a VU with so many linear memories takes, in the mean.
///
/// Measured: 6,530 lines in `/proc/PID/maps` at 1,000 sleeping VUs of one memory each and 12,932 at 2,000.
/// That is 6.40 each, here a little more.
pub(crate) fn maps(memories: u32) -> f64 {
    MAPS_OF_STACK + MAPS_OF_MEMORY * f64::from(memories)
}

/// Bytes of the address space for one linear memory: what wasmtime keeps free for it to grow, so that no access needs to
/// be checked, and the guards before and behind.
const ADDRESSES_OF_MEMORY: u64 = (4 << 30) + 2 * (32 << 20);

/// How many bytes of the address space a VU with so many linear memories takes.
pub(crate) fn addresses(memories: u32) -> u64 {
    ADDRESSES_OF_MEMORY * u64::from(memories)
}
