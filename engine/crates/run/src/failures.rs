//! Counts failures by what they say, so that a million of one kind are one line.
//!
//! Memory is bounded whatever a script says: at most [`DISTINCT`] messages are told apart, each of at
//! most [`MESSAGE_BYTES`]; the rest share one entry.

use std::collections::HashMap;
use std::fmt;

/// How many distinct failures are told apart. More than a person reads; arbitrary beyond that.
pub const DISTINCT: usize = 100;

/// How long a failure's message may be, in bytes. Arbitrary: a few lines of a terminal.
pub const MESSAGE_BYTES: usize = 1_024;

/// What the entry of all failures beyond [`DISTINCT`] says.
pub const OTHERS: &str = "other failures";

/// In which way an iteration, or the start of a VU, failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FailureKind {
    /// The script said that the iteration failed.
    Failed,
    /// The script said that the VU's `start` failed, so that no iteration ran.
    StartFailed,
    /// The iteration took longer than it may.
    TimedOut,
    /// The script trapped or hit a limit.
    Trapped,
    /// The engine broke while it ran the iteration: a fault of the engine, not of the script.
    Panicked,
}

impl FailureKind {
    /// Returns its name in files: `failed`, `start_failed`, `timed_out`, `trapped` or `panicked`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::StartFailed => "start_failed",
            Self::TimedOut => "timed_out",
            Self::Trapped => "trapped",
            Self::Panicked => "panicked",
        }
    }
}

impl fmt::Display for FailureKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A failure, and how often it happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// In which way it failed.
    pub kind: FailureKind,
    /// Why, in the script's or the engine's words; [`OTHERS`] in the entry that all too many share.
    pub message: String,
    /// How often.
    pub count: u64,
}

/// Failures by kind and message.
#[derive(Debug, Default)]
pub(crate) struct Failures {
    /// By kind first, so that a message already known is found without owning a copy of it.
    kinds: [HashMap<String, u64>; KINDS.len()],
    distinct: usize,
    /// Those beyond the bound, by kind.
    others: [u64; KINDS.len()],
}

impl Failures {
    /// Counts `count` failures; says whether their like was seen for the first time.
    ///
    /// `message` must have been through [`bounded`].
    pub(crate) fn count(&mut self, kind: FailureKind, message: &str, count: u64) -> bool {
        if let Some(known) = self.kinds[kind as usize].get_mut(message) {
            *known += count;
            return false;
        }
        if self.distinct == DISTINCT {
            let first = self.others[kind as usize] == 0;
            self.others[kind as usize] += count;
            return first;
        }
        self.distinct += 1;
        self.kinds[kind as usize].insert(message.to_owned(), count);
        true
    }

    /// Adds what another has counted.
    pub(crate) fn merge(&mut self, other: &Self) {
        for kind in KINDS {
            for (message, count) in &other.kinds[kind as usize] {
                self.count(kind, message, *count);
            }
            self.others[kind as usize] += other.others[kind as usize];
        }
    }

    /// Returns all of them, the most frequent first.
    pub(crate) fn list(&self) -> Vec<Failure> {
        let mut list = Vec::with_capacity(self.distinct + KINDS.len());
        for kind in KINDS {
            list.extend(self.kinds[kind as usize].iter().map(|(message, count)| Failure {
                kind,
                message: message.clone(),
                count: *count,
            }));
            let others = self.others[kind as usize];
            if others > 0 {
                list.push(Failure { kind, message: OTHERS.to_owned(), count: others });
            }
        }
        // Ties in the order of kind and message, so that two runs alike print alike.
        list.sort_by(|a, b| {
            b.count.cmp(&a.count).then(a.kind.cmp(&b.kind)).then_with(|| a.message.cmp(&b.message))
        });
        list
    }
}

const KINDS: [FailureKind; 5] = [
    FailureKind::Failed,
    FailureKind::StartFailed,
    FailureKind::TimedOut,
    FailureKind::Trapped,
    FailureKind::Panicked,
];

/// Shortens a message to [`MESSAGE_BYTES`] at the end of a character, marking where it was cut.
pub(crate) fn bounded(mut message: String) -> String {
    if message.len() > MESSAGE_BYTES {
        message.truncate(message.floor_char_boundary(MESSAGE_BYTES));
        message.push('…');
    }
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_distinct_failure_is_first_once() {
        let mut failures = Failures::default();
        assert!(failures.count(FailureKind::Failed, "refused", 1));
        assert!(!failures.count(FailureKind::Failed, "refused", 2));
        assert!(
            failures.count(FailureKind::Trapped, "refused", 1),
            "another kind is another failure"
        );
        assert_eq!(
            failures.list(),
            [
                Failure { kind: FailureKind::Failed, message: "refused".into(), count: 3 },
                Failure { kind: FailureKind::Trapped, message: "refused".into(), count: 1 },
            ]
        );
    }

    #[test]
    fn failures_beyond_the_bound_share_one_entry_and_lose_no_count() {
        let mut failures = Failures::default();
        let mut firsts = 0;
        for n in 0..1_000 {
            firsts += usize::from(failures.count(FailureKind::Failed, &format!("order {n}"), 1));
        }
        let list = failures.list();
        assert_eq!(firsts, DISTINCT + 1);
        assert_eq!(list.len(), DISTINCT + 1);
        assert_eq!(list[0].message, OTHERS);
        assert_eq!(list.iter().map(|failure| failure.count).sum::<u64>(), 1_000);
    }

    #[test]
    fn merging_keeps_every_count() {
        let (mut one, mut two) = (Failures::default(), Failures::default());
        for n in 0..150_u64 {
            one.count(FailureKind::Failed, &format!("a {n}"), 1);
            two.count(FailureKind::Failed, &format!("b {n}"), 2);
        }
        one.merge(&two);
        let list = one.list();
        assert_eq!(list.len(), DISTINCT + 1);
        assert_eq!(list.iter().map(|failure| failure.count).sum::<u64>(), 450);
    }

    #[test]
    fn a_long_message_is_cut_between_characters() {
        let cut = bounded("é".repeat(MESSAGE_BYTES));
        assert!(cut.len() <= MESSAGE_BYTES + '…'.len_utf8());
        assert!(cut.ends_with("é…"));
        assert_eq!(bounded("short".into()), "short");
    }
}
