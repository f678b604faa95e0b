//! Heads that this thread has read lately, and what they said.
//!
//! Servers repeat themselves: to the date, which changes once a second, the heads of most responses are byte for byte what they
//! were before. To compare one with what is known takes far fewer instructions than to read it. What is found is what [`read`] found in the
//! same bytes for the same method, no matter who had asked.

use std::cell::RefCell;

use http::Method;

use super::head::{Head, read};
use crate::error::Error;

/// Heads known to a thread: more than the pages that its users go round.
const KNOWN: usize = 8;
/// What is longer, in bytes, is read each time: it is seldom the same twice.
const LONG: usize = 1 << 10;

thread_local! {
    /// One serves all VUs of a thread, who ask the same servers.
    static LATELY: RefCell<Known> = const { RefCell::new(Known { heads: Vec::new(), next: 0 }) };
}

struct Known {
    heads: Vec<Lately>,
    /// The one that has been here longest, once there are as many as there may be.
    next: usize,
}

struct Lately {
    bytes: Vec<u8>,
    /// Whether it was for HEAD: what follows depends on that.
    is_of_head: bool,
    said: Head,
}

/// Reads a head. None if it is not whole yet.
///
/// Fails with [`Error::MalformedResponse`] if it cannot become one.
pub(crate) fn parse(bytes: &[u8], method: &Method) -> Result<Option<Head>, Error> {
    let is_of_head = *method == Method::HEAD;
    LATELY.with_borrow_mut(|known| {
        let same = |head: &&Lately| {
            head.is_of_head == is_of_head && bytes.starts_with(head.bytes.as_slice())
        };
        if let Some(head) = known.heads.iter().find(same) {
            return Ok(Some(head.said.clone()));
        }
        let said = read(bytes, method)?;
        if let Some(said) = said.as_ref().filter(|said| said.length <= LONG) {
            known.keep(&bytes[..said.length], is_of_head, said.clone());
        }
        Ok(said)
    })
}

impl Known {
    /// Keeps a head in place of the one that has been here longest.
    fn keep(&mut self, bytes: &[u8], is_of_head: bool, said: Head) {
        if self.heads.len() < KNOWN {
            self.heads.push(Lately { bytes: bytes.to_vec(), is_of_head, said });
            return;
        }
        let oldest = &mut self.heads[self.next];
        oldest.bytes.clear();
        oldest.bytes.extend_from_slice(bytes);
        (oldest.is_of_head, oldest.said) = (is_of_head, said);
        self.next = (self.next + 1) % KNOWN;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Heads, some of them the beginning of others and some of none, and what may follow them.
    fn bytes() -> impl Strategy<Value = Vec<u8>> {
        let head = prop_oneof![
            Just("HTTP/1.1 200 OK\r\n\r\n".to_owned()),
            Just("HTTP/1.1 200 OK\r\ncontent-length: 3\r\n".to_owned()),
            Just("HTTP/1.1 100 Continue\r\n\r\n".to_owned()),
            Just("HTTP/1.1 nonsense\r\n\r\n".to_owned()),
            (0..40_u32).prop_map(|length| {
                format!(
                    "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nSet-Cookie: a={length}\r\n\r\n"
                )
            }),
            (990..1_010_usize)
                .prop_map(|long| format!("HTTP/1.1 200 OK\r\na: {}\r\n\r\n", "b".repeat(long))),
        ];
        let rest = prop_oneof![Just(""), Just("abc"), Just("HTTP/1.1 200 OK\r\n\r\n")];
        (head, rest).prop_map(|(head, rest)| (head + rest).into_bytes())
    }

    proptest! {
        #[test]
        fn what_is_known_of_a_head_is_what_reading_it_again_would_say(
            heads in prop::collection::vec((bytes(), any::<bool>()), 1..100),
        ) {
            for (bytes, is_of_head) in heads {
                let method = if is_of_head { Method::HEAD } else { Method::GET };
                let (known, read) = (parse(&bytes, &method), read(&bytes, &method));
                prop_assert_eq!(format!("{known:?}"), format!("{read:?}"));
            }
        }
    }

    #[test]
    fn a_thread_knows_few_heads_and_no_long_ones() {
        let head = |n: usize| format!("HTTP/1.1 200 OK\r\na: {n}\r\n\r\n");
        let long = format!("HTTP/1.1 200 OK\r\na: {}\r\n\r\n", "b".repeat(LONG));
        for whole in (0..KNOWN + 3).map(head).chain([long]) {
            parse(whole.as_bytes(), &Method::GET).expect("it is a head").expect("it is whole");
        }
        let known = |bytes: &[u8]| {
            LATELY.with_borrow(|known| known.heads.iter().any(|head| head.bytes == bytes))
        };
        let which: Vec<_> = (0..KNOWN + 3).filter(|&n| known(head(n).as_bytes())).collect();
        assert_eq!(which, Vec::from_iter(3..KNOWN + 3));
        LATELY.with_borrow(|known| assert_eq!(known.heads.len(), KNOWN));
    }
}
