//! The file that the JSON summary is written to, there from before the run.
//!
//! What stands in it is [`summary_json`](crate::summary_json)'s to say.

use std::io;
use std::path::Path;

use run::Event;
use thiserror::Error;

use crate::redacted::Redactor;
use crate::report_file::ReportFile;
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
    file: ReportFile,
    json: Option<String>,
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
        let mut first = json_of_nothing_yet().into_bytes();
        // JSON may end with spaces, too.
        first.resize(RESERVED - 1, b' ');
        first.push(b'\n');
        let file = ReportFile::create(path, &first);
        let file =
            file.map_err(|source| CreateError { path: path.display().to_string(), source })?;
        Ok(Self { file, json: None })
    }

    /// Keeps these values out of it.
    #[must_use]
    pub fn without(self, secrets: Redactor) -> Self {
        Self { file: self.file.without(secrets), ..self }
    }
}

impl Output for SummaryFile {
    fn on_event(&mut self, _event: &Event) {}

    fn on_summary(&mut self, summary: &Summary) {
        self.json = Some(json(summary));
    }

    fn finish(&mut self) -> Result<(), OutputError> {
        let Some(json) = self.json.take() else { return Ok(()) };
        self.file.write(json.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use serde_json::Value;

    use super::*;
    use crate::report_file::beside;
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
