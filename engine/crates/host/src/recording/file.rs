//! The files that recordings are kept in.
//!
//! ```text
//! 8 bytes   `wlreplay`
//! 2         the version of the format, 1
//! 4 + n     a header in JSON: who ran what, and the names of the host's functions by their numbers
//! 4 + n     what `setup` returned
//! 4 + n     the log, as `tape` has it
//! 32        SHA-256 of all that
//! ```
//!
//! Numbers are little-endian; what has a length begins with it. Whatever a file holds, reading it gives a recording or
//! says what is wrong with it.

use std::collections::BTreeMap;
use std::fmt;
use std::io::Read as _;
use std::path::Path;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::recording::tape::{Call, Ended, Entry, entries};
use crate::recording::taped::{Reader, Taped as _, put_block};

const MAGIC: &[u8; 8] = b"wlreplay";
const FORMAT: u16 = 1;
const DIGEST: usize = 32;
/// The largest file, in bytes: twice the longest log and the rest.
pub(crate) const FILE_BYTES: usize = 40 << 20;

/// A failed iteration, and all that its script was told before.
#[derive(Clone, Debug, PartialEq)]
pub struct Recording {
    pub(crate) header: Header,
    pub(crate) data: Vec<u8>,
    pub(crate) entries: Vec<Entry>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Header {
    /// The version of the engine that wrote it.
    pub(crate) engine: String,
    /// SHA-256 of the script's file, in hexadecimal.
    pub(crate) script: String,
    /// What makes the script one.
    pub(crate) contract: String,
    /// What its chance came from.
    pub(crate) seed: u64,
    pub(crate) scenario: String,
    pub(crate) vu: u32,
    /// The environment of a program. That of a script is in the log, as far as it asked.
    #[serde(default)]
    pub(crate) env: BTreeMap<String, String>,
    /// The names of the host's functions.
    pub(crate) functions: Vec<String>,
}

/// A file is no recording that can be replayed.
#[derive(Debug, thiserror::Error)]
pub enum RecordingError {
    /// It cannot be read.
    #[error("it cannot be read: {0}")]
    Read(#[from] std::io::Error),
    /// It begins otherwise.
    #[error("it is no recording of a failed iteration")]
    NotARecording,
    /// It has a version that this engine does not know.
    #[error(
        "it has version {0} of the format, and this engine reads version {FORMAT}: it was written by a newer one"
    )]
    Newer(u16),
    /// It is larger than any that was written.
    #[error("it is larger than {} MiB, and no recording is", FILE_BYTES >> 20)]
    TooLarge,
    /// It was written, and has been changed or cut short since.
    #[error("it is damaged: part of it is missing, or has been changed")]
    Damaged,
}

impl Recording {
    /// Reads a file.
    ///
    /// Fails with [`RecordingError`] if it cannot be read, is none, is newer, or is not as it was written.
    pub fn open(path: &Path) -> Result<Self, RecordingError> {
        let mut bytes = Vec::new();
        let most = FILE_BYTES as u64 + 1;
        std::fs::File::open(path)?.take(most).read_to_end(&mut bytes)?;
        Self::from_bytes(&bytes)
    }

    /// Reads what a file holds. Fails as [`open`](Self::open).
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, RecordingError> {
        let rest = bytes.strip_prefix(MAGIC).ok_or(RecordingError::NotARecording)?;
        match u16::take(&mut Reader::new(rest)) {
            Some(FORMAT) => {}
            Some(newer) if newer > FORMAT => return Err(RecordingError::Newer(newer)),
            Some(_) | None => return Err(RecordingError::Damaged),
        }
        if bytes.len() > FILE_BYTES {
            return Err(RecordingError::TooLarge);
        }
        let (content, digest) =
            bytes.split_last_chunk::<DIGEST>().ok_or(RecordingError::Damaged)?;
        if Sha256::digest(content)[..] != digest[..] {
            return Err(RecordingError::Damaged);
        }
        let content = content.get(MAGIC.len() + size_of::<u16>()..).unwrap_or_default();
        Self::from_content(content).ok_or(RecordingError::Damaged)
    }

    fn from_content(content: &[u8]) -> Option<Self> {
        let mut from = Reader::new(content);
        let header: Header = serde_json::from_slice(from.block()?).ok()?;
        let data = from.block()?.to_vec();
        let entries = entries(from.block()?)?;
        let is_known = |entry: &Entry| match entry {
            Entry::Asked { number, .. } => usize::from(*number) < header.functions.len(),
            _ => true,
        };
        let is_whole = from.is_empty() && entries.iter().all(is_known);
        is_whole.then_some(Self { header, data, entries })
    }

    /// SHA-256 of the script that it is of, in hexadecimal.
    #[must_use]
    pub fn script_digest(&self) -> &str {
        &self.header.script
    }

    /// The version of the engine that wrote it.
    #[must_use]
    pub fn engine(&self) -> &str {
        &self.header.engine
    }

    /// What the run's chance came from.
    #[must_use]
    pub fn seed(&self) -> u64 {
        self.header.seed
    }

    /// The call that failed.
    pub(crate) fn call(&self) -> &Call {
        let begun = self.entries.iter().rev().find_map(|entry| match entry {
            Entry::Begun(call) => Some(call),
            _ => None,
        });
        begun.unwrap_or(&Call::Start)
    }

    /// How it failed.
    pub(crate) fn ended(&self) -> &Ended {
        match self.entries.last() {
            Some(Entry::Ended(ended)) => ended,
            _ => &Ended::Completed,
        }
    }

    /// How it failed, in words.
    #[must_use]
    pub fn failure(&self) -> String {
        self.ended().to_string()
    }
}

/// Which call of whom it is.
impl fmt::Display for Recording {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Header { scenario, vu, .. } = &self.header;
        match self.call() {
            Call::Start => write!(f, "the start of VU {vu}")?,
            Call::Iterate { number_in_vu, flow, .. } => {
                write!(f, "iteration {number_in_vu} of VU {vu} (flow `{flow}`)")?;
            }
        }
        write!(f, " in scenario `{scenario}`")
    }
}

/// What a file holds. None if it is more than may be.
pub(crate) fn written(header: &Header, data: &[u8], tape: &[u8]) -> Option<Vec<u8>> {
    let json = serde_json::to_vec(header).ok()?;
    let mut out = MAGIC.to_vec();
    FORMAT.put(&mut out);
    for block in [&json[..], data, tape] {
        put_block(block, &mut out);
    }
    let digest = Sha256::digest(&out);
    out.extend_from_slice(&digest);
    (out.len() <= FILE_BYTES).then_some(out)
}

/// A file whose beginning and end are as they should be, whatever is between.
#[cfg(feature = "fuzzing")]
pub(crate) fn sealed(content: &[u8]) -> Vec<u8> {
    let mut file = [MAGIC, &FORMAT.to_le_bytes()[..], content].concat();
    let digest = Sha256::digest(&file);
    file.extend_from_slice(&digest);
    file
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::recording::tape::Tape;

    fn header() -> Header {
        Header {
            engine: "0.1.0".into(),
            script: "ab".repeat(32),
            contract: "wasmload:script@0.1.0".into(),
            seed: 7,
            scenario: "default".into(),
            vu: 3,
            env: BTreeMap::new(),
            functions: vec!["wasmload:script/http@0.1.0#get".into()],
        }
    }

    fn a_tape(number: u16) -> Vec<u8> {
        let mut tape = Tape::default();
        tape.begun(&Call::Start);
        tape.ended(&Ended::Completed);
        tape.begun(&Call::Iterate { number: 41, number_in_vu: 17, flow: "buy".into() });
        tape.asked(number, |out| "http://a.test/".to_owned().put(out));
        tape.answered(|out| 9_u32.put(out));
        tape.ended(&Ended::Failed("no stock".into()));
        tape.bytes().expect("it is short").to_vec()
    }

    fn a_file() -> Vec<u8> {
        written(&header(), b"tokens", &a_tape(0)).expect("it is small")
    }

    /// A file that is whole as far as its digest says.
    fn sealed(content: &[u8]) -> Vec<u8> {
        [content, &Sha256::digest(content)].concat()
    }

    #[test]
    fn a_file_is_read_as_it_was_written() {
        let recording = Recording::from_bytes(&a_file()).expect("it is whole");
        assert_eq!(recording.header, header());
        assert_eq!(recording.data, b"tokens");
        let said = "iteration 17 of VU 3 (flow `buy`) in scenario `default`";
        assert_eq!(recording.to_string(), said);
        assert_eq!(recording.failure(), "it failed: no stock");
    }

    #[test]
    fn what_is_no_recording_is_refused_in_words() {
        let file = a_file();
        let mut newer = file.clone();
        newer[8] = 9;
        let mut changed = file.clone();
        changed[40] ^= 1;
        let trailing = [&file[..file.len() - DIGEST], b"x"].concat();
        let unknown = written(&header(), b"", &a_tape(1)).expect("it is small");
        let endless = written(&header(), b"", &a_tape(0)[..30]).expect("it is small");
        for (bytes, what, why) in [
            (&b""[..], "it is no recording", "it is empty"),
            (b"\0asm\x0d\0\x01\0", "it is no recording", "it is a component"),
            (&newer, "it has version 9 of the format", "the version comes before the digest"),
            (&changed, "it is damaged", "the digest says so"),
            (&file[..file.len() - 1], "it is damaged", "it is cut short"),
            (&file[..9], "it is damaged", "in its version"),
            (&sealed(&trailing), "it is damaged", "there is something behind the log"),
            (&unknown, "it is damaged", "a function has no name"),
            (&endless, "it is damaged", "the log is cut short"),
            (&vec![0; FILE_BYTES], "it is no recording", "it is long"),
        ] {
            let refusal = Recording::from_bytes(bytes).expect_err(why).to_string();
            assert!(refusal.starts_with(what), "{why}: {refusal}");
        }
        let large = [MAGIC, &1_u16.to_le_bytes()[..], &vec![0; FILE_BYTES]].concat();
        let refusal = Recording::from_bytes(&large).expect_err("it is large").to_string();
        assert_eq!(refusal, "it is larger than 40 MiB, and no recording is");
    }

    proptest! {
        #[test]
        fn whatever_stands_behind_a_right_digest_is_read_or_refused(
            place: prop::sample::Index,
            bytes in prop::collection::vec(any::<u8>(), 0..16),
        ) {
            let mut content = a_file();
            content.truncate(content.len() - DIGEST);
            let place = place.index(content.len());
            let end = content.len().min(place + bytes.len());
            content.splice(place..end, bytes);
            let _ = Recording::from_bytes(&sealed(&content));
        }
    }
}
