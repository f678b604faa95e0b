//! The log of one instance: what it was called for, what it asked of the host, and what it was told.
//!
//! ```text
//! (Asked and Answered, where an instance asks while it is made)
//! Begun      a call into the script
//!   Asked      a call of the host: its number and arguments, or their beginning and digest
//!   Answered   what it returned, or
//!   Broke      why it trapped
//! Ended      how the call into the script ended
//! ```
//!
//! Entries follow each other; each is a byte that says which it is, and what belongs to it.

use std::fmt;
use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};
use vu::{Iteration, Outcome, Trap};

use crate::recording::taped::{Reader, Taped, put_block};
use crate::trap::{Abort, Exhausted, named};

/// A log of more bytes than that is begun anew, with a fresh instance, when an iteration has ended. A VU logs a few
/// hundred bytes for a request whose body it does not read.
pub(crate) const RENEWED_AT: usize = 1 << 20;
/// A log of more bytes than that is given up until there is a fresh instance: one iteration was told too much.
pub(crate) const AT_MOST: usize = 16 << 20;
/// The longest arguments that are kept whole. Of longer ones there are the beginning and the digest.
const ASKED: usize = 4 << 10;
/// How much of them that is.
const BEGINNING: usize = 256;

/// In front of arguments: whether they are all there.
const WHOLE: u8 = 0;
const CUT: u8 = 1;

const BEGUN: u8 = 1;
const ASKED_FOR: u8 = 2;
const ANSWERED: u8 = 3;
const BROKE: u8 = 4;
const ENDED: u8 = 5;

/// What is told of a function of the host.
#[derive(Debug)]
pub(crate) struct Function {
    /// Its interface and name, such as `wasmload:script/http@0.1.0#get`.
    pub(crate) name: String,
    pub(crate) show_asked: fn(&[u8]) -> Option<String>,
    pub(crate) show_answered: fn(&[u8]) -> Option<String>,
}

/// The functions of the host that are recorded, by their numbers.
#[derive(Debug, Default)]
pub(crate) struct Functions(Vec<Function>);

impl Functions {
    pub(crate) fn add(&mut self, function: Function) -> u16 {
        self.0.push(function);
        // There are a hundred of them.
        u16::try_from(self.0.len() - 1).unwrap_or(u16::MAX)
    }

    pub(crate) fn get(&self, number: u16) -> Option<&Function> {
        self.0.get(usize::from(number))
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|function| function.name.as_str())
    }
}

/// A call into the script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Call {
    Start,
    Iterate {
        number: u64,
        number_in_vu: u64,
        /// The name of the flow that it runs.
        flow: String,
    },
}

impl Call {
    pub(crate) fn iterate(iteration: &Iteration, flow: &str) -> Self {
        let Iteration { number, number_in_vu, .. } = *iteration;
        Self::Iterate { number, number_in_vu, flow: flow.to_owned() }
    }
}

/// How one ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    Completed,
    /// The script said so.
    Failed(String),
    Trapped(Trap),
    /// From outside, because it took too long. The text says how long.
    TimedOut(String),
    /// It asked for the end of the run.
    Aborted(String),
    /// There was nothing left to do.
    Exhausted(String),
}

impl From<&Outcome> for Ended {
    fn from(outcome: &Outcome) -> Self {
        match outcome {
            Outcome::Completed => Self::Completed,
            Outcome::Failed(why) => Self::Failed(why.clone()),
            // Which limit it was is in the reason; on replay its name is not known any more.
            Outcome::Trapped(trap) => Self::Trapped(Trap { limit: None, ..trap.clone() }),
            Outcome::Aborted(why) => Self::Aborted(why.clone()),
            Outcome::Exhausted(what) => Self::Exhausted(what.clone()),
        }
    }
}

impl Ended {
    pub(crate) fn is_failure(&self) -> bool {
        matches!(self, Self::Failed(_) | Self::Trapped(_) | Self::TimedOut(_))
    }

    /// Its name in files.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Failed(_) => "failed",
            Self::Trapped(_) => "trapped",
            Self::TimedOut(_) => "timed_out",
            Self::Aborted(_) => "aborted",
            Self::Exhausted(_) => "exhausted",
        }
    }
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Completed => f.write_str("it completed"),
            Self::Failed(why) => write!(f, "it failed: {why}"),
            Self::Trapped(trap) => write!(f, "it trapped: {trap}"),
            Self::TimedOut(why) => write!(f, "it was cut off: {why}"),
            Self::Aborted(why) => write!(f, "it asked for the end of the run: {why}"),
            Self::Exhausted(what) => write!(f, "there was nothing left to do: {what}"),
        }
    }
}

/// Why a host call trapped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Breaking {
    Abort(String),
    Exhausted(String),
    Other(String),
}

impl Breaking {
    fn of(error: &::wasmtime::Error) -> Self {
        if let Some(Abort(reason)) = error.downcast_ref() {
            return Self::Abort(reason.clone());
        }
        if let Some(Exhausted(what)) = error.downcast_ref() {
            return Self::Exhausted(what.clone());
        }
        Self::Other(match error.downcast_ref::<::wasmtime::Trap>() {
            Some(trap) => named(*trap),
            None => error.root_cause().to_string(),
        })
    }

    /// What traps in the same way, and is told in the same words.
    pub(crate) fn error(self) -> ::wasmtime::Error {
        match self {
            Self::Abort(reason) => Abort(reason).into(),
            Self::Exhausted(what) => Exhausted(what).into(),
            Self::Other(what) => ::wasmtime::Error::msg(what),
        }
    }
}

/// The log of one instance, as it grows.
#[derive(Debug, Default)]
pub(crate) struct Tape {
    bytes: Vec<u8>,
    /// It was too much, and is no log any more.
    is_given_up: bool,
    /// A call into the script began, and has not ended.
    is_open: bool,
}

impl Tape {
    pub(crate) fn bytes(&self) -> Option<&[u8]> {
        (!self.is_given_up).then_some(&self.bytes)
    }

    /// Whether there should be a fresh instance, with a log of its own.
    pub(crate) fn is_full(&self) -> bool {
        self.is_given_up || self.bytes.len() > RENEWED_AT
    }

    pub(crate) fn begun(&mut self, call: &Call) {
        self.is_open = true;
        self.put(|out| put_entry(&Entry::Begun(call.clone()), out));
    }

    /// Whether a call was there to end.
    pub(crate) fn ended(&mut self, how: &Ended) -> bool {
        if self.is_open {
            self.put(|out| put_entry(&Entry::Ended(how.clone()), out));
        }
        std::mem::take(&mut self.is_open)
    }

    pub(crate) fn asked(&mut self, number: u16, put: impl FnOnce(&mut Vec<u8>)) {
        self.put(|out| {
            out.push(ASKED_FOR);
            number.put(out);
            let begin = out.len();
            0_u32.put(out);
            let asked = out.len();
            out.push(WHOLE);
            put(out);
            shorten(out, asked);
            close(out, begin);
        });
    }

    pub(crate) fn answered(&mut self, put: impl FnOnce(&mut Vec<u8>)) {
        self.put(|out| {
            out.push(ANSWERED);
            let begin = out.len();
            0_u32.put(out);
            put(out);
            close(out, begin);
        });
    }

    pub(crate) fn broke(&mut self, error: &::wasmtime::Error) {
        self.put(|out| put_entry(&Entry::Broke(Breaking::of(error)), out));
    }

    fn put(&mut self, put: impl FnOnce(&mut Vec<u8>)) {
        if self.is_given_up {
            return;
        }
        put(&mut self.bytes);
        if self.bytes.len() > AT_MOST {
            (self.bytes, self.is_given_up) = (Vec::new(), true);
        }
    }
}

/// Says in front of a block how long it has become.
fn close(out: &mut [u8], begin: usize) {
    let length = out.len().saturating_sub(begin + size_of::<u32>());
    let length = u32::try_from(length).unwrap_or(u32::MAX);
    if let Some(place) = out.get_mut(begin..begin + size_of::<u32>()) {
        place.copy_from_slice(&length.to_le_bytes());
    }
}

/// Cuts arguments that are long; they begin there, with a byte that says whether they are whole.
fn shorten(out: &mut Vec<u8>, begin: usize) {
    let Some(asked) = out.get(begin + 1..).filter(|asked| asked.len() > ASKED) else { return };
    let (digest, length) = (Sha256::digest(asked), asked.len() as u64);
    out.truncate(begin + 1 + BEGINNING);
    length.put(out);
    out.extend_from_slice(&digest);
    if let Some(how) = out.get_mut(begin) {
        *how = CUT;
    }
}

/// Arguments as they are kept.
pub(crate) fn kept(asked: &[u8]) -> Vec<u8> {
    let mut kept = [&[WHOLE], asked].concat();
    shorten(&mut kept, 0);
    kept
}

/// What is in a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Entry {
    Begun(Call),
    Asked { number: u16, kept: Vec<u8> },
    Answered(Vec<u8>),
    Broke(Breaking),
    Ended(Ended),
}

/// Reads all entries. None if they are none, or do not follow each other as they should.
pub(crate) fn entries(bytes: &[u8]) -> Option<Vec<Entry>> {
    /// What may come next.
    #[derive(PartialEq)]
    enum At {
        /// Its instance is being made: it may ask already.
        Birth,
        AskedAtBirth,
        Outside,
        Inside,
        Waiting,
        Broken,
    }
    let mut from = Reader::new(bytes);
    let (mut all, mut at) = (Vec::new(), At::Birth);
    while !from.is_empty() {
        let entry = take_entry(&mut from)?;
        at = match (&entry, at) {
            (Entry::Begun(_), At::Birth | At::Outside) => At::Inside,
            (Entry::Asked { .. }, At::Birth) => At::AskedAtBirth,
            (Entry::Answered(_), At::AskedAtBirth) => At::Birth,
            (Entry::Asked { .. }, At::Inside) => At::Waiting,
            (Entry::Answered(_), At::Waiting) => At::Inside,
            (Entry::Broke(_), At::Waiting) => At::Broken,
            // One that is cut off waits for ever.
            (Entry::Ended(_), At::Inside | At::Broken | At::Waiting) => At::Outside,
            _ => return None,
        };
        all.push(entry);
    }
    (at == At::Outside).then_some(all)
}

fn put_entry(entry: &Entry, out: &mut Vec<u8>) {
    match entry {
        Entry::Begun(call) => {
            out.push(BEGUN);
            match call {
                Call::Start => out.push(0),
                Call::Iterate { number, number_in_vu, flow } => {
                    out.push(1);
                    number.put(out);
                    number_in_vu.put(out);
                    flow.put(out);
                }
            }
        }
        Entry::Asked { number, kept } => {
            out.push(ASKED_FOR);
            number.put(out);
            put_block(kept, out);
        }
        Entry::Answered(bytes) => {
            out.push(ANSWERED);
            put_block(bytes, out);
        }
        Entry::Broke(breaking) => {
            out.push(BROKE);
            let (case, what) = match breaking {
                Breaking::Abort(what) => (0, what),
                Breaking::Exhausted(what) => (1, what),
                Breaking::Other(what) => (2, what),
            };
            out.push(case);
            what.put(out);
        }
        Entry::Ended(ended) => {
            out.push(ENDED);
            let (case, what) = match ended {
                Ended::Completed => (0, None),
                Ended::Failed(what) => (1, Some(what)),
                Ended::Trapped(Trap { reason, .. }) => (2, Some(reason)),
                Ended::TimedOut(what) => (3, Some(what)),
                Ended::Aborted(what) => (4, Some(what)),
                Ended::Exhausted(what) => (5, Some(what)),
            };
            out.push(case);
            if let Some(what) = what {
                what.put(out);
            }
            if let Ended::Trapped(Trap { at, .. }) = ended {
                at.put(out);
            }
        }
    }
}

fn take_entry(from: &mut Reader<'_>) -> Option<Entry> {
    Some(match u8::take(from)? {
        BEGUN => Entry::Begun(match u8::take(from)? {
            0 => Call::Start,
            1 => Call::Iterate {
                number: u64::take(from)?,
                number_in_vu: u64::take(from)?,
                flow: String::take(from)?,
            },
            _ => return None,
        }),
        ASKED_FOR => Entry::Asked { number: u16::take(from)?, kept: from.block()?.to_vec() },
        ANSWERED => Entry::Answered(from.block()?.to_vec()),
        BROKE => Entry::Broke(match (u8::take(from)?, String::take(from)?) {
            (0, what) => Breaking::Abort(what),
            (1, what) => Breaking::Exhausted(what),
            (2, what) => Breaking::Other(what),
            _ => return None,
        }),
        ENDED => Entry::Ended(match u8::take(from)? {
            0 => Ended::Completed,
            1 => Ended::Failed(String::take(from)?),
            2 => Ended::Trapped(Trap {
                reason: String::take(from)?,
                at: Taped::take(from)?,
                limit: None,
            }),
            3 => Ended::TimedOut(String::take(from)?),
            4 => Ended::Aborted(String::take(from)?),
            5 => Ended::Exhausted(String::take(from)?),
            _ => return None,
        }),
        _ => return None,
    })
}

impl Function {
    /// A call of it, in short.
    pub(crate) fn asked(&self, kept: &[u8]) -> String {
        let mut text = self.name.clone();
        match kept.split_first().map(|(how, asked)| (how, (self.show_asked)(asked), asked)) {
            Some((&WHOLE, Some(shown), _)) => text.push_str(&shown),
            Some((_, _, asked)) => {
                let beginning = String::from_utf8_lossy(&asked[..asked.len().min(BEGINNING)]);
                // Writing to a string cannot fail.
                let _ = write!(text, "({beginning:?}…)");
            }
            None => {}
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn an_ending() -> impl Strategy<Value = Ended> {
        prop_oneof![
            Just(Ended::Completed),
            any::<String>().prop_map(Ended::Failed),
            any::<(String, Option<String>)>().prop_map(|(reason, at)| Ended::Trapped(Trap {
                reason,
                at,
                limit: None
            })),
            any::<String>().prop_map(Ended::TimedOut),
            any::<String>().prop_map(Ended::Aborted),
            any::<String>().prop_map(Ended::Exhausted),
        ]
    }

    fn a_call() -> impl Strategy<Value = Vec<Entry>> {
        let begun = prop_oneof![
            Just(Call::Start),
            any::<(u64, u64, String)>().prop_map(|(number, number_in_vu, flow)| {
                Call::Iterate { number, number_in_vu, flow }
            }),
        ];
        let asked = any::<(u16, Vec<u8>, Vec<u8>)>();
        (begun, prop::collection::vec(asked, 0..5), an_ending()).prop_map(
            |(begun, asked, ended)| {
                let mut entries = vec![Entry::Begun(begun)];
                for (number, kept, answer) in asked {
                    entries.extend([Entry::Asked { number, kept }, Entry::Answered(answer)]);
                }
                entries.push(Entry::Ended(ended));
                entries
            },
        )
    }

    fn written(all: &[Entry]) -> Vec<u8> {
        let mut bytes = Vec::new();
        all.iter().for_each(|entry| put_entry(entry, &mut bytes));
        bytes
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(calls in prop::collection::vec(a_call(), 1..4)) {
            let all = calls.concat();
            prop_assert_eq!(entries(&written(&all)), Some(all));
        }

        #[test]
        fn what_is_cut_short_or_changed_is_read_or_refused(
            calls in prop::collection::vec(a_call(), 1..4),
            cut: prop::sample::Index,
            place: prop::sample::Index,
            byte: u8,
        ) {
            let mut bytes = written(&calls.concat());
            let place = place.index(bytes.len());
            bytes[place] = byte;
            let _ = entries(&bytes);
            let _ = entries(&bytes[..cut.index(bytes.len())]);
        }

        #[test]
        fn no_bytes_are_read_into_more_than_they_are(bytes: Vec<u8>) {
            if let Some(all) = entries(&bytes) {
                prop_assert!(all.len() <= bytes.len());
            }
        }
    }

    #[test]
    fn entries_that_do_not_follow_each_other_are_refused() {
        let begun = || Entry::Begun(Call::Start);
        let asked = || Entry::Asked { number: 0, kept: Vec::new() };
        let answered = || Entry::Answered(Vec::new());
        let ended = || Entry::Ended(Ended::Completed);
        for (all, why) in [
            (vec![], "there is no call"),
            (vec![asked(), answered()], "nobody was called"),
            (vec![ended()], "likewise"),
            (vec![begun()], "it never ended"),
            (vec![begun(), begun(), ended()], "one within another"),
            (vec![begun(), answered(), ended()], "nothing was asked"),
            (vec![begun(), asked(), asked(), ended()], "two at once"),
            (vec![begun(), ended(), ended()], "it ended before"),
        ] {
            assert_eq!(entries(&written(&all)), None, "{why}");
        }
        let cut_off = [begun(), asked(), ended()];
        assert_eq!(entries(&written(&cut_off)).as_deref(), Some(&cut_off[..]));
    }

    #[test]
    fn long_arguments_are_kept_as_their_beginning_and_digest() {
        let (long, other) = (vec![b'a'; 10_000], [vec![b'a'; 9_999], vec![b'b']].concat());
        assert_eq!(kept(&long[..ASKED])[1..], long[..ASKED]);
        assert!(kept(&long).len() < BEGINNING + 64);
        assert_ne!(kept(&long), kept(&other));
        let mut tape = Tape::default();
        tape.begun(&Call::Start);
        tape.asked(7, |out| out.extend_from_slice(&long));
        tape.answered(|_| {});
        tape.ended(&Ended::Completed);
        let all = entries(tape.bytes().expect("it is short")).expect("they are entries");
        assert_eq!(all[1], Entry::Asked { number: 7, kept: kept(&long) });
    }

    #[test]
    fn a_log_that_grows_too_long_is_given_up_and_takes_no_memory() {
        let mut tape = Tape::default();
        tape.begun(&Call::Start);
        assert!(!tape.is_full());
        tape.asked(0, |_| {});
        tape.answered(|out| out.resize(out.len() + RENEWED_AT, 0));
        assert!(tape.is_full() && tape.bytes().is_some(), "it is a log all the same");
        tape.asked(0, |_| {});
        tape.answered(|out| out.resize(out.len() + AT_MOST, 0));
        assert!(tape.is_full() && tape.bytes().is_none());
        tape.asked(0, |_| {});
        assert_eq!(tape.bytes.capacity(), 0);
    }
}
