//! Which failures are written to files: as many as were asked for, and different ones first.
//!
//! The first failure of each kind and message is kept. Those that say what another has said are kept while there is
//! room, and give way to one that says something new.

use std::fmt::Write as _;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use parking_lot::Mutex;
use vu::{Identity, SetupData};

use crate::recording::file::{Header, written};
use crate::recording::tape::{AT_MOST, Call, Ended, Functions, RENEWED_AT, Tape};
use crate::script::Inspection;

/// How much of a failure's message tells it from others, in bytes.
const MESSAGE_BYTES: usize = 1_024;
/// How many files of the same name there may be: of a VU whose start fails again and again, say.
const NAMES: u32 = 1_000;

/// Keeps recordings of failed iterations in a folder.
#[derive(Debug)]
pub struct Recordings {
    folder: PathBuf,
    most: usize,
    seed: u64,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    files: Vec<(PathBuf, Kind)>,
    /// How many logs were begun anew because they were long.
    renewed: u64,
    /// How many failures were not written because the log of the iteration was too long.
    too_long: u64,
    /// Why files could not be written, the first reason, and how many.
    unwritten: Option<(String, u64)>,
}

/// What tells failures apart.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Kind {
    how: &'static str,
    message: String,
}

/// A call that failed, and all about it.
pub(crate) struct Settled<'a> {
    pub(crate) script: &'a Inspection,
    pub(crate) functions: &'a Functions,
    pub(crate) identity: &'a Identity,
    pub(crate) is_program: bool,
    pub(crate) data: &'a SetupData,
    pub(crate) tape: &'a Tape,
    pub(crate) call: &'a Call,
    pub(crate) how: &'a Ended,
}

/// The folder for recordings cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("use the folder `{}` for recordings", folder.display())]
pub struct FolderError {
    folder: PathBuf,
    source: io::Error,
}

impl Recordings {
    /// Recordings in a folder, which is made if it is not there; of at most so many failures. `seed` is what the run's
    /// chance comes from.
    ///
    /// Fails with [`FolderError`] if it cannot be made or written to.
    pub fn create(folder: &Path, most: usize, seed: u64) -> Result<Self, FolderError> {
        let usable = || {
            // Bodies and headers are in them: they are nobody else's to read.
            DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
            let probe = folder.join(format!(".probe-{}", std::process::id()));
            create(&probe)?;
            std::fs::remove_file(probe)
        };
        usable().map_err(|source| FolderError { folder: folder.to_owned(), source })?;
        let kept = Mutex::default();
        Ok(Self { folder: folder.to_owned(), most, seed, kept })
    }

    /// The files that were written.
    #[must_use]
    pub fn files(&self) -> Vec<PathBuf> {
        self.kept.lock().files.iter().map(|(path, _)| path.clone()).collect()
    }

    /// What whoever runs it should know of how it went, beside the files.
    #[must_use]
    pub fn remarks(&self) -> Vec<String> {
        let kept = self.kept.lock();
        let mut remarks = Vec::new();
        if kept.renewed > 0 {
            remarks.push(format!(
                "logs of host calls reached {} MiB, and VUs were given fresh instances then, and started anew: {} times",
                RENEWED_AT >> 20,
                kept.renewed
            ));
        }
        if kept.too_long > 0 {
            remarks.push(format!(
                "failures whose iterations were told more than {} MiB by the host were not recorded: {}",
                AT_MOST >> 20,
                kept.too_long
            ));
        }
        if let Some((why, count)) = &kept.unwritten {
            remarks.push(format!("recordings that could not be written: {count} ({why})"));
        }
        remarks
    }

    /// A log was begun anew because it was long.
    pub(crate) fn renewed(&self) {
        self.kept.lock().renewed += 1;
    }

    /// Writes a file if the failure is one to be kept. It blocks; there are few.
    pub(crate) fn offer(&self, settled: &Settled<'_>) {
        let mut message = settled.how.to_string();
        message.truncate(message.floor_char_boundary(MESSAGE_BYTES));
        let how = match settled.call {
            Call::Start => "start",
            Call::Iterate { .. } => settled.how.kind(),
        };
        let kind = Kind { how, message };
        let mut kept = self.kept.lock();
        let gives_way = if kept.files.len() < self.most {
            None
        } else {
            let is_new = kept.files.iter().all(|(_, known)| *known != kind);
            match kept.twin().filter(|_| is_new) {
                Some(place) => Some(place),
                None => return,
            }
        };
        let Some(tape) = settled.tape.bytes() else {
            kept.too_long += 1;
            return;
        };
        let header = Header {
            engine: env!("CARGO_PKG_VERSION").to_owned(),
            script: settled.script.digest.clone(),
            contract: settled.script.contract.clone(),
            seed: self.seed,
            scenario: settled.identity.scenario.name.clone(),
            vu: settled.identity.vu,
            env: match settled.is_program {
                true => settled.identity.scenario.env.clone(),
                false => std::collections::BTreeMap::new(),
            },
            functions: settled.functions.names().map(ToOwned::to_owned).collect(),
        };
        let Some(bytes) = written(&header, settled.data, tape) else {
            kept.too_long += 1;
            return;
        };
        match self.write(&name(settled), &bytes) {
            Ok(path) => {
                if let Some(place) = gives_way {
                    let (path, _) = kept.files.remove(place);
                    // If it is not there any more, so much the better.
                    let _ = std::fs::remove_file(path);
                }
                kept.files.push((path, kind));
            }
            Err(error) => {
                kept.unwritten.get_or_insert_with(|| (error.to_string(), 0)).1 += 1;
            }
        }
    }

    fn write(&self, name: &str, bytes: &[u8]) -> io::Result<PathBuf> {
        for turn in 0..NAMES {
            let again = if turn == 0 { String::new() } else { format!("-{turn}") };
            let path = self.folder.join(format!("{name}{again}.replay"));
            match create(&path) {
                Ok(mut file) => {
                    return match file.write_all(bytes) {
                        Ok(()) => Ok(path),
                        Err(error) => {
                            // Half of one is of no use to anybody.
                            let _ = std::fs::remove_file(path);
                            Err(error)
                        }
                    };
                }
                // One of an earlier run stays.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        Err(io::Error::new(io::ErrorKind::AlreadyExists, "there are too many of the same name"))
    }
}

impl Kept {
    /// The last of those that say what an earlier one has said.
    fn twin(&self) -> Option<usize> {
        (0..self.files.len()).rev().find(|&place| {
            let (_, kind) = &self.files[place];
            self.files[..place].iter().any(|(_, known)| known == kind)
        })
    }
}

/// A new file that nobody else can read.
fn create(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

/// The name of a file, without what says which of the same name it is.
fn name(settled: &Settled<'_>) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    let scenario = &settled.identity.scenario.name;
    let mut name: String = scenario.chars().map(|c| if is_plain(c) { c } else { '_' }).collect();
    name.truncate(100);
    // Writing to a string cannot fail.
    let _ = write!(name, "-vu{}", settled.identity.vu);
    let _ = match settled.call {
        Call::Start => write!(name, "-start"),
        Call::Iterate { number_in_vu, .. } => write!(name, "-iteration{number_in_vu}"),
    };
    name
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::os::unix::fs::PermissionsExt as _;
    use std::sync::Arc;

    use vu::{Scenario, Trap};

    use super::*;
    use crate::form::ScriptKind;
    use crate::recording::Recording;

    fn inspection() -> Inspection {
        Inspection {
            kind: ScriptKind::Component,
            size: 1,
            digest: "ab".repeat(32),
            contract: "wasmload:script@0.1.0".into(),
            imports: Vec::new(),
            exports: Vec::new(),
            producers: Vec::new(),
            wants: None,
        }
    }

    /// Offers failures, each of another iteration; what the files that are left then say.
    fn left(most: usize, failures: &[Ended]) -> Vec<String> {
        let folder = tempfile::tempdir().expect("a folder");
        let inner = folder.path().join("a/b");
        let recordings = Recordings::create(&inner, most, 7).expect("it is writable");
        for (number_in_vu, how) in (0..).zip(failures) {
            let scenario = Scenario { name: "buy/now".into(), ..Scenario::default() };
            let identity = Identity { vu: 3, worker: 0, scenario: Arc::new(scenario) };
            let call = Call::Iterate { number: 0, number_in_vu, flow: "default".into() };
            let mut tape = Tape::default();
            tape.begun(&call);
            tape.ended(how);
            recordings.offer(&Settled {
                script: &inspection(),
                functions: &Functions::default(),
                identity: &identity,
                is_program: false,
                data: &Arc::from([]),
                tape: &tape,
                call: &call,
                how,
            });
        }
        let mut there: Vec<PathBuf> = std::fs::read_dir(&inner)
            .expect("it is a folder")
            .map(|entry| entry.expect("it is there").path())
            .collect();
        let mut told = recordings.files();
        there.sort();
        told.sort();
        assert_eq!(there, told);
        let said = |path: &PathBuf| {
            let mode = std::fs::metadata(path).expect("it is there").permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "nobody else may read it");
            let name = path.file_name().expect("it has one").to_string_lossy().into_owned();
            let recording = Recording::open(path).expect("it is whole");
            assert_eq!(recording.header.env, BTreeMap::new());
            format!("{name}: {}", recording.failure())
        };
        there.iter().map(said).collect()
    }

    fn failed(why: &str) -> Ended {
        Ended::Failed(why.to_owned())
    }

    #[test]
    fn different_failures_come_first_and_the_first_of_each() {
        let trapped = Ended::Trapped(Trap { reason: "a".into(), at: None, limit: None });
        let all = [failed("a"), failed("a"), failed("a"), failed("b"), trapped, failed("c")];
        assert_eq!(
            left(3, &all),
            [
                "buy_now-vu3-iteration0.replay: it failed: a",
                "buy_now-vu3-iteration3.replay: it failed: b",
                "buy_now-vu3-iteration4.replay: it trapped: a",
            ]
        );
        assert_eq!(
            left(3, &all[..3]).len(),
            3,
            "where there is room, those that say the same are kept too"
        );
        assert_eq!(left(0, &all), [] as [&str; 0]);
    }

    #[test]
    fn a_file_of_an_earlier_run_stays() {
        let folder = tempfile::tempdir().expect("a folder");
        let recordings = Recordings::create(folder.path(), 9, 7).expect("it is writable");
        let first = recordings.write("a", b"1").expect("it is writable");
        let second = recordings.write("a", b"2").expect("it is writable");
        assert_eq!(std::fs::read(first).expect("it is there"), b"1");
        assert_eq!(second.file_name().expect("it has one"), "a-1.replay");
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_refused() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        let refusal = Recordings::create(&file.path().join("in"), 1, 0).expect_err("it is a file");
        let said = format!("use the folder `{}/in` for recordings", file.path().display());
        assert_eq!(refusal.to_string(), said);
    }
}
