//! What a script may take of the machine, and what is said where it takes more.
//!
//! Each limit has a name, by which `--max-NAME` raises it and `limits_reached{limit:NAME}` counts it. Whoever holds one
//! says [`Reached`]; that travels up through the script's frames as a trap, so that the iteration fails, its VU starts
//! anew, and nobody else notices. `memory` and `turns` hold what a script takes while it computes, `interface` what it
//! asks for.

use std::time::Duration;

use wasmtime::component::ResourceTableError;

use crate::trap::Abort;

/// The longest name of an answer to a WebSocket message, in bytes.
pub(crate) const ANSWER_KEY: usize = 1_024;
/// Answers to WebSocket messages that a VU may wait for at once.
pub(crate) const ANSWERS_EXPECTED: usize = 10_000;
/// Bytes that an upload may have of the script's own: as many as a response that is kept.
pub(crate) const UPLOAD_OWN_BYTES: usize = 64 << 20;
/// Bytes of headers in one request of the contract: many times what servers take.
pub(crate) const HEADER_BYTES: usize = 256 << 10;
/// The longest method of a request, in bytes.
pub(crate) const METHOD: usize = 64;
/// Ranges of statuses that one request may expect: more than there are statuses in use.
pub(crate) const EXPECTED_RANGES: usize = 1_000;
/// Parts that an upload may have.
pub(crate) const UPLOAD_PARTS: usize = 1_000;
/// Headers that a script may have in one `fields` of `wasi:http`, in bytes: four times what servers take.
pub(crate) const FIELDS_BYTES: usize = 32 << 10;

/// What the script of each VU may take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Linear memory of one VU, in bytes: more than an interpreter with its libraries needs.
    pub memory_per_vu: u64,
    /// Linear memory of all VUs together, in bytes; what is beyond the first 16 MiB of each.
    pub memory: u64,
    /// Elements in all of its tables: ten times what CPython asks for.
    pub table_elements: u32,
    /// Core instances, memories and tables in one component: CPython's component has about 40 instances.
    pub instances: u32,
    /// How long it may compute in one iteration.
    pub cpu_time: Duration,
    /// How long it may compute without a call into the host.
    pub cpu_between_calls: Duration,
    /// Calls into the host in a second.
    pub host_calls: u32,
    /// Handles at once: open requests, responses, metrics, and WASI's own.
    pub handles: u32,
    /// Bytes that it may hand over in one call, or have made up at random.
    pub call_bytes: u64,
    /// Bytes in a name or a value that becomes a tag.
    pub tag_length: u32,
    /// Tags of one request or one sample.
    pub tags: u32,
    /// Bytes of responses at once.
    pub response_bytes: u64,
    /// Bytes of requests at once: URLs, headers and bodies.
    pub request_bytes: u64,
    /// Bytes of datasets' rows at once: four of the longest there may be.
    pub row_bytes: u64,
    /// Bytes of WebSocket messages at once: four of the largest there may be.
    pub message_bytes: u64,
    /// WebSockets open at once: as many as Chrome.
    pub sockets: u32,
    /// Requests on their way at once.
    pub requests_at_once: u32,
}

impl Default for Limits {
    /// Those of a run in which nobody says anything, with all the memory there is.
    fn default() -> Self {
        Self {
            memory_per_vu: 256 << 20,
            memory: u64::MAX,
            table_elements: 100_000,
            instances: 200,
            cpu_time: Duration::from_secs(60),
            cpu_between_calls: Duration::from_secs(10),
            host_calls: 1_000_000,
            handles: 65_536,
            call_bytes: 128 << 20,
            tag_length: 1_024,
            tags: 50,
            response_bytes: 256 << 20,
            request_bytes: 256 << 20,
            row_bytes: 64 << 20,
            message_bytes: 256 << 20,
            sockets: 255,
            requests_at_once: 1_000,
        }
    }
}

impl Limits {
    /// Looks whether a text that becomes a tag is not too long; `what` it is.
    ///
    /// Fails with [`Reached`] if it is.
    pub(crate) fn check_text(&self, what: &str, text: &str) -> Result<(), Reached> {
        let most = self.tag_length;
        if text.len() <= most as usize {
            return Ok(());
        }
        Err(Limit::TagLength.reached(format!("{what} is longer than {most} bytes")))
    }

    /// Looks whether the tags of a sample are not too many, or too long.
    ///
    /// Fails with [`Reached`] if they are.
    pub(crate) fn check_tags(&self, tags: &[(String, String)]) -> Result<(), Reached> {
        if tags.len() > self.tags as usize {
            let how = format!("the script gives more than {} tags at once", self.tags);
            return Err(Limit::Tags.reached(how));
        }
        for (name, value) in tags {
            self.check_text("the name of a tag", name)?;
            self.check_text("the value of a tag", value)?;
        }
        Ok(())
    }

    /// Sets one of the tags of a request.
    ///
    /// Fails with [`Reached`] if they are too many then, or it is too long.
    pub(crate) fn set_tag(
        &self,
        tags: &mut Vec<(String, String)>,
        name: String,
        value: String,
    ) -> Result<(), Reached> {
        tags.retain(|(known, _)| *known != name);
        tags.push((name, value));
        self.check_tags(tags)
    }

    /// What stands in a tag for an address: its beginning where it is long. Nobody chose it as a name.
    pub(crate) fn tag_of(&self, url: &str) -> String {
        let most = self.tag_length as usize;
        if url.len() <= most {
            return url.to_owned();
        }
        let end = url.floor_char_boundary(most.saturating_sub('…'.len_utf8()));
        format!("{}…", &url[..end])
    }
}

/// A limit, by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Limit {
    MemoryPerVu,
    Memory,
    TableElements,
    Instances,
    Stack,
    CpuTime,
    CpuBetweenCalls,
    HostCalls,
    Handles,
    CallBytes,
    LogLines,
    TagLength,
    Tags,
    Metrics,
    ResponseBytes,
    RequestBytes,
    RowBytes,
    MessageBytes,
    Sockets,
    RequestsAtOnce,
}

impl Limit {
    /// Its name: that of the flag that raises it, and the value of the tag `limit` where it is counted.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::MemoryPerVu => "memory-per-vu",
            Self::Memory => "memory",
            Self::TableElements => "table-elements",
            Self::Instances => "instances",
            Self::Stack => "stack",
            Self::CpuTime => "cpu-time",
            Self::CpuBetweenCalls => "cpu-between-calls",
            Self::HostCalls => "host-calls",
            Self::Handles => "handles",
            Self::CallBytes => "call-bytes",
            Self::LogLines => "log-lines",
            Self::TagLength => "tag-length",
            Self::Tags => "tags",
            Self::Metrics => "metrics",
            Self::ResponseBytes => "response-bytes",
            Self::RequestBytes => "request-bytes",
            Self::RowBytes => "row-bytes",
            Self::MessageBytes => "message-bytes",
            Self::Sockets => "sockets",
            Self::RequestsAtOnce => "requests-at-once",
        }
    }

    /// It was reached, and this is how.
    pub(crate) fn reached(self, how: impl Into<String>) -> Reached {
        Reached { limit: self, how: how.into() }
    }
}

/// A script has reached a limit: travels up through its frames as a trap.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{how} (`--max-{}` raises it)", .limit.name())]
pub(crate) struct Reached {
    pub(crate) limit: Limit,
    how: String,
}

impl Reached {
    /// The limit that ended a call, whoever held it: the interfaces, the library or the processor.
    pub(crate) fn of(error: &wasmtime::Error, limits: &Limits) -> Option<Self> {
        if let Some(reached) = error.downcast_ref::<Self>() {
            return Some(reached.clone());
        }
        if let Some(wasmtime::Trap::StackOverflow) = error.downcast_ref() {
            let how = "the call stack is exhausted: too deep a recursion";
            return Some(Limit::Stack.reached(how));
        }
        let handles = || {
            Limit::Handles.reached(format!("the script has more than {} handles", limits.handles))
        };
        if let Some(ResourceTableError::Full) = error.downcast_ref() {
            return Some(handles());
        }
        // What follows is told by its words, and these are the script's.
        if error.is::<Abort>() {
            return None;
        }
        // The library has no types for these.
        let said = error.root_cause().to_string();
        if said.contains("fuel allocated for hostcalls has been exhausted") {
            let how =
                format!("the script hands over more than {} in one call", bytes(limits.call_bytes));
            return Some(Limit::CallBytes.reached(how));
        }
        if said.starts_with("resource limit exceeded: ") {
            let how = format!(
                "the component has more than {} instances, memories or tables",
                limits.instances
            );
            return Some(Limit::Instances.reached(how));
        }
        if said.starts_with("requested len") {
            let how = format!(
                "the script asks for more than {} of random bytes in one call",
                bytes(limits.call_bytes)
            );
            return Some(Limit::CallBytes.reached(how));
        }
        let are_too_many = said.contains("resource table has no free keys")
            || said.contains("store handle limit exceeded");
        are_too_many.then(handles)
    }
}

/// Something that a VU may hold so much of at once, in bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Held {
    limit: Limit,
    /// What it is, after "holds".
    what: &'static str,
    most: u64,
    now: u64,
}

impl Held {
    pub(crate) fn new(limit: Limit, what: &'static str, most: u64) -> Self {
        Self { limit, what, most, now: 0 }
    }

    /// The script has so many bytes more.
    ///
    /// Fails with [`Reached`] if they are too many; it has them all the same.
    pub(crate) fn take(&mut self, more: usize) -> Result<(), Reached> {
        self.now = self.now.saturating_add(more as u64);
        if self.now <= self.most {
            return Ok(());
        }
        let how = format!("the script holds more than {} of {}", bytes(self.most), self.what);
        Err(self.limit.reached(how))
    }

    /// The script has so many bytes less.
    pub(crate) fn give_back(&mut self, fewer: usize) {
        self.now = self.now.saturating_sub(fewer as u64);
    }
}

/// A number of bytes as people write it.
pub(crate) fn bytes(number: u64) -> String {
    let units = [("GiB", 30), ("MiB", 20), ("KiB", 10)];
    let unit = units.into_iter().find(|(_, bits)| number > 0 && number.trailing_zeros() >= *bits);
    match unit {
        Some((unit, bits)) => format!("{} {unit}", number >> bits),
        None => format!("{number} bytes"),
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_limit_says_names_the_flag_that_raises_it() {
        let limits = Limits { call_bytes: 1 << 20, handles: 3, ..Limits::default() };
        for (error, limit, said) in [
            (
                Limit::Memory.reached("too much").into(),
                Limit::Memory,
                "too much (`--max-memory` raises it)",
            ),
            (
                wasmtime::Trap::StackOverflow.into(),
                Limit::Stack,
                "the call stack is exhausted: too deep a recursion (`--max-stack` raises it)",
            ),
            (
                ResourceTableError::Full.into(),
                Limit::Handles,
                "the script has more than 3 handles (`--max-handles` raises it)",
            ),
            (
                wasmtime::format_err!("fuel allocated for hostcalls has been exhausted"),
                Limit::CallBytes,
                "the script hands over more than 1 MiB in one call (`--max-call-bytes` raises it)",
            ),
        ] {
            let error: wasmtime::Error = error;
            let reached = Reached::of(&error, &limits).expect("a limit");
            assert_eq!((reached.limit, reached.to_string().as_str()), (limit, said));
        }
        let posing = Abort("fuel allocated for hostcalls has been exhausted".into());
        for other in [
            wasmtime::Trap::UnreachableCodeReached.into(),
            wasmtime::format_err!("no"),
            posing.into(),
        ] {
            assert_eq!(Reached::of(&other, &limits), None);
        }
    }

    #[test]
    fn what_becomes_a_tag_is_neither_too_long_nor_too_much() {
        let limits = Limits { tag_length: 16, tags: 2, ..Limits::default() };
        let mut tags = Vec::new();
        let mut set = |name: &str, value: &str| {
            let set = limits.set_tag(&mut tags, name.into(), value.into());
            set.map_err(|reached| reached.limit)
        };
        assert_eq!(set("a", "1"), Ok(()));
        assert_eq!(set("b", &"é".repeat(8)), Ok(()));
        assert_eq!(set("a", "2"), Ok(()), "another value of the same");
        assert_eq!(set("c", "3"), Err(Limit::Tags));
        let long = "x".repeat(17);
        assert!(limits.check_tags(&[(long.clone(), String::new())]).is_err());
        assert!(limits.check_tags(&[(String::new(), long.clone())]).is_err());
        assert!(limits.check_text("the name of a check", &long).is_err());
        assert_eq!(limits.tag_of("http://a.test/"), "http://a.test/");
        assert_eq!(limits.tag_of("http://a.test/é/longer"), "http://a.test…");
    }

    #[test]
    fn what_is_held_is_given_back() {
        let mut held = Held::new(Limit::RowBytes, "rows", 1 << 20);
        held.take(1 << 19).expect("half of it");
        held.take(1 << 19).expect("all of it");
        let reached = held.take(1).expect_err("one byte too many");
        assert_eq!(
            reached.to_string(),
            "the script holds more than 1 MiB of rows (`--max-row-bytes` raises it)"
        );
        held.give_back(2);
        held.take(1).expect("there is room again");
    }
}
