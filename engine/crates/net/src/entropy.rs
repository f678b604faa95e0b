//! Numbers that nobody outside this process can foretell.
//!
//! The masks of WebSockets exist so that what a script says cannot be made to look like something else to a proxy
//! that does not know WebSockets (RFC 6455 §10.3); a script that nobody trusts must not know them beforehand. The
//! nonces of digest authentication exist so that a server cannot prepare its challenge. So they do not come of a run's
//! seed, and a run that is repeated has others.

use std::cell::Cell;
use std::hash::{BuildHasher as _, RandomState};

thread_local! {
    /// SipHash under a key from the system, of numbers that count up: unpredictable without the key, and no
    /// system call for each.
    static SOURCE: (RandomState, Cell<u64>) = (RandomState::new(), Cell::new(0));
}

/// The next number.
pub(crate) fn random() -> u64 {
    SOURCE.with(|(key, turn)| {
        let now = turn.get();
        turn.set(now.wrapping_add(1));
        key.hash_one(now)
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn numbers_do_not_come_again_on_any_thread() {
        let here: Vec<u64> = (0..1_000).map(|_| random()).collect();
        let there = std::thread::spawn(|| (0..1_000).map(|_| random()).collect::<Vec<u64>>());
        let there = there.join().expect("it only counts");
        let all: BTreeSet<u64> = here.into_iter().chain(there).collect();
        assert_eq!(all.len(), 2_000);
    }
}
