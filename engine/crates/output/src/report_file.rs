//! A file that is written at the end of a run and is there from before it.
//!
//! What stands in it is its writer's to say: `summary_file`, `har`.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::OutputError;
use crate::redacted::Redactor;

/// The file.
///
/// A path that cannot be written to, or is full, is known before the load and not after it; and nobody takes an
/// earlier run's content for that of a run that was killed. At the end it is replaced at once: a reader finds
/// the one or the other, never half of one.
///
/// `-` is standard output. A path that is there and is no regular file (`/dev/stdout`, a pipe) is opened before the run
/// and written to at its end.
#[derive(Debug)]
pub(crate) struct ReportFile {
    name: String,
    place: Place,
    /// What is not written to it.
    secrets: Redactor,
}

#[derive(Debug)]
enum Place {
    StandardOutput,
    /// A file that is not a regular one.
    Open(File),
    Regular(PathBuf),
}

impl ReportFile {
    /// Makes the file, with this in it until the end of the run; it may end with spaces, to reserve room for what comes.
    ///
    /// Fails if there is no such folder, no permission or no room.
    pub(crate) fn create(path: &Path, first: &[u8]) -> io::Result<Self> {
        let place = create(path, first)?;
        Ok(Self { name: path.display().to_string(), place, secrets: Redactor::default() })
    }

    /// Keeps these values out of it.
    pub(crate) fn without(self, secrets: Redactor) -> Self {
        Self { secrets, ..self }
    }

    /// Writes what there is to say.
    ///
    /// Fails if not all of it is written.
    pub(crate) fn write(&mut self, content: &[u8]) -> Result<(), OutputError> {
        let content = &*self.secrets.redacted(content);
        let written = match &mut self.place {
            Place::StandardOutput => {
                let mut stdout = io::stdout().lock();
                stdout.write_all(content).and_then(|()| stdout.flush())
            }
            Place::Open(file) => file.write_all(content),
            Place::Regular(path) => replace(path, content),
        };
        written.map_err(|source| OutputError { target: format!("`{}`", self.name), source })
    }
}

fn create(path: &Path, first: &[u8]) -> io::Result<Place> {
    if path == Path::new("-") {
        return Ok(Place::StandardOutput);
    }
    match fs::metadata(path) {
        Ok(metadata) if metadata.is_dir() => Err(io::ErrorKind::IsADirectory.into()),
        Ok(metadata) if !metadata.is_file() => {
            let mut file = OpenOptions::new().write(true).open(path)?;
            // JSON may begin with a line break, and a device that is always full refuses it.
            file.write_all(b"\n")?;
            Ok(Place::Open(file))
        }
        // What a link points to is replaced, not the link.
        found => {
            let path = if found.is_ok() { fs::canonicalize(path)? } else { path.to_owned() };
            replace(&path, first)?;
            Ok(Place::Regular(path))
        }
    }
}

/// Replaces a file's content, at once where that is possible.
///
/// Where it is not (the folder cannot be written to, only the file can; the file is mounted there by
/// itself; the disk has filled since and only the room reserved is left) it is overwritten in place.
fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let beside = beside(path);
    if replace_at_once(path, &beside, content).is_ok() {
        return Ok(());
    }
    // It may not be there, and what else could be wrong with it is said by what follows.
    let _ = fs::remove_file(&beside);
    let existed = path.exists();
    let overwritten = overwrite(path, content);
    if overwritten.is_err() && !existed {
        let _ = fs::remove_file(path);
    }
    overwritten
}

fn replace_at_once(path: &Path, beside: &Path, content: &[u8]) -> io::Result<()> {
    let mut file = File::create(beside)?;
    file.write_all(content)?;
    // Some file systems find out only now that there is no room.
    file.sync_all()?;
    fs::rename(beside, path)
}

fn overwrite(path: &Path, content: &[u8]) -> io::Result<()> {
    // What is there is kept until it is overwritten: it is the room reserved.
    let mut file = OpenOptions::new().write(true).create(true).truncate(false).open(path)?;
    file.write_all(content)?;
    file.set_len(content.len() as u64)?;
    file.sync_all()
}

/// A name in the same folder, and so on the same disk, that no other process uses.
pub(crate) fn beside(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.partial", std::process::id()));
    path.with_file_name(name)
}
