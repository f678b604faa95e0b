//! The file that the JSON summary is written to, there from before the run.
//!
//! What stands in it is [`summary_json`](crate::summary_json)'s to say.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use run::Event;
use thiserror::Error;

use crate::summary::Summary;
use crate::summary_json::{json, json_of_nothing_yet};
use crate::{Output, OutputError};

/// How large the file is made before the run, in bytes, so that there is room for what comes: the
/// summary of a few hundred metrics.
const RESERVED: usize = 256 << 10;

/// Writes the JSON summary to a file.
///
/// The file is written before the run, with `"complete": false`, no figures and room for more, so that
/// a place that cannot be written to, or is full, is known before the load and not after it; and so
/// that nobody takes an earlier run's figures for those of a run that was killed. At the end it is
/// replaced at once: a reader finds the one or the other, never half of one.
///
/// `-` is standard output. A path that is there and is no regular file (`/dev/stdout`, a pipe) is
/// opened before the run and written to at its end.
#[derive(Debug)]
pub struct SummaryFile {
    name: String,
    place: Place,
    json: Option<String>,
}

#[derive(Debug)]
enum Place {
    StandardOutput,
    /// A file that is not a regular one.
    Open(File),
    Regular(PathBuf),
}

/// Why a summary file could not be made. Fits "failed to …".
#[derive(Debug, Error)]
#[error("create the summary file `{path}`")]
pub struct CreateError {
    /// The path asked for.
    pub path: String,
    /// Why.
    pub source: io::Error,
}

impl SummaryFile {
    /// Makes the file.
    ///
    /// Fails with [`CreateError`] if there is no such folder, no permission or no room.
    pub fn create(path: &Path) -> Result<Self, CreateError> {
        let name = path.display().to_string();
        let place = create(path).map_err(|source| CreateError { path: name.clone(), source })?;
        Ok(Self { name, place, json: None })
    }
}

impl Output for SummaryFile {
    fn on_event(&mut self, _event: &Event) {}

    fn on_summary(&mut self, summary: &Summary) {
        self.json = Some(json(summary));
    }

    fn finish(&mut self) -> Result<(), OutputError> {
        let Some(json) = self.json.take() else { return Ok(()) };
        let written = match &mut self.place {
            Place::StandardOutput => {
                let mut stdout = io::stdout().lock();
                stdout.write_all(json.as_bytes()).and_then(|()| stdout.flush())
            }
            Place::Open(file) => file.write_all(json.as_bytes()),
            Place::Regular(path) => replace(path, json.as_bytes()),
        };
        written.map_err(|source| OutputError { target: format!("`{}`", self.name), source })
    }
}

fn create(path: &Path) -> io::Result<Place> {
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
            let mut first = json_of_nothing_yet().into_bytes();
            // JSON may end with spaces, too.
            first.resize(RESERVED - 1, b' ');
            first.push(b'\n');
            replace(&path, &first)?;
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
fn beside(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.partial", std::process::id()));
    path.with_file_name(name)
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::summary::tests::ordinary;

    fn read(path: &Path) -> Value {
        serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
    }

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn the_file_is_there_before_the_run_and_complete_after_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("summary.json");
        fs::write(&path, "an earlier run's").unwrap();

        let mut file = SummaryFile::create(&path).unwrap();
        assert_eq!(read(&path)["complete"], false);
        assert_eq!(fs::metadata(&path).unwrap().len(), RESERVED as u64);

        file.on_summary(&Summary::new(&ordinary()));
        file.finish().unwrap();
        assert_eq!(read(&path)["complete"], true);
        assert_eq!(fs::read_to_string(&path).unwrap(), json(&Summary::new(&ordinary())));
        assert_eq!(names(folder.path()), ["summary.json"], "nothing is left beside it");
    }

    #[test]
    fn a_run_that_never_ended_leaves_a_file_that_says_so() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("summary.json");
        SummaryFile::create(&path).unwrap().finish().unwrap();
        assert_eq!(read(&path)["complete"], false);
    }

    #[test]
    fn a_file_in_a_folder_that_takes_no_other_is_overwritten_in_place() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("summary.json");
        // Whoever runs the tests may write anywhere; this keeps the other name from being used.
        fs::create_dir(beside(&path)).unwrap();
        let mut file = SummaryFile::create(&path).unwrap();
        assert_eq!(read(&path)["complete"], false);
        file.on_summary(&Summary::new(&ordinary()));
        file.finish().unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), json(&Summary::new(&ordinary())));
    }

    #[test]
    fn what_a_link_points_to_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let (target, link) = (folder.path().join("target.json"), folder.path().join("link.json"));
        fs::write(&target, "").unwrap();
        #[cfg(unix)]
        std::os::unix::fs::symlink(&target, &link).unwrap();
        #[cfg(not(unix))]
        fs::hard_link(&target, &link).unwrap();
        SummaryFile::create(&link).unwrap();
        assert_eq!(read(&link)["complete"], false);
        #[cfg(unix)]
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    }

    #[test]
    fn a_place_that_cannot_be_written_to_is_found_before_the_run() {
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("missing/summary.json");
        let error = SummaryFile::create(&missing).unwrap_err();
        assert_eq!(error.to_string(), format!("create the summary file `{}`", missing.display()));
        assert_eq!(error.source.kind(), io::ErrorKind::NotFound);

        let error = SummaryFile::create(folder.path()).unwrap_err();
        assert_eq!(error.source.kind(), io::ErrorKind::IsADirectory);
        assert!(names(folder.path()).is_empty());
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_full_disk_is_found_before_the_run() {
        let error = SummaryFile::create(Path::new("/dev/full")).unwrap_err();
        assert_eq!(error.source.kind(), io::ErrorKind::StorageFull);
    }

    #[test]
    #[cfg(unix)]
    fn a_pipe_gets_the_summary_and_nothing_but_a_line_break_before() {
        use std::io::Read;

        let (mut reader, writer) = io::pipe().unwrap();
        let path = format!("/dev/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&writer));
        let mut file = SummaryFile::create(Path::new(&path)).unwrap();
        drop(writer);
        file.on_summary(&Summary::new(&ordinary()));
        let written = std::thread::spawn(move || file.finish());
        let mut read = String::new();
        reader.read_to_string(&mut read).unwrap();
        assert!(written.join().unwrap().is_ok());
        assert_eq!(read, format!("\n{}", json(&Summary::new(&ordinary()))));
    }
}
