//! A switch that anybody can throw who may write a file: the run ends as soon as it is there.

use std::path::{Path, PathBuf};
use std::time::Duration;

use run::Controller;

use crate::exit::ExitCode;
use crate::fault::Fault;

/// How often it is looked for. Arbitrary: soon enough for people, and of no weight for a file system.
const EVERY: Duration = Duration::from_millis(100);

/// A file that is not there yet.
#[derive(Debug)]
pub(crate) struct StopFile(PathBuf);

impl StopFile {
    /// The file at this path.
    ///
    /// Fails if it is there already, since the run would end before it began, or if its folder is not, since it could
    /// not come.
    pub(crate) fn new(path: &Path) -> Result<Self, Fault> {
        let refused = |why: &str| {
            let what = format!("`{}` cannot stop this run", path.display());
            Fault::new(ExitCode::InvalidConfig, what).detail(why)
        };
        // A link that leads nowhere is there, too.
        if path.symlink_metadata().is_ok() {
            return Err(refused("it is there already").hint("remove the file, or name another"));
        }
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        if !folder.unwrap_or(Path::new(".")).is_dir() {
            return Err(refused("its folder is not there, so that the file could not come"));
        }
        Ok(Self(path.to_owned()))
    }

    /// Interrupts the run, once, as soon as the file is there.
    pub(crate) async fn watch(self, controller: Controller) {
        let mut looks = tokio::time::interval(EVERY);
        loop {
            looks.tick().await;
            if self.0.symlink_metadata().is_ok() {
                return controller.interrupt();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_there_or_could_not_come_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        assert!(StopFile::new(&folder.path().join("stop")).is_ok());
        std::fs::write(folder.path().join("stop"), "").unwrap();
        for (name, says) in
            [("stop", "it is there already"), ("no/stop", "its folder is not there")]
        {
            let fault = StopFile::new(&folder.path().join(name)).unwrap_err();
            assert!(fault.text().contains(says), "{name}");
        }
    }
}
