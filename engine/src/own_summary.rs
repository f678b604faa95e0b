//! The summary that a script makes itself: asked for when the run is over, and put where it is to go.
//!
//! Standard output and standard error are anybody's; files are written only in folders that whoever runs the script
//! allows. What the script is handed and how its text is shown is in `output`.

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::io::{self, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use host::ScriptFactory;
use output::{Outputs, Redactor, Screen, Severity, Summary, Terminals, printable, results};
use run::Finished;

use crate::exit::ExitCode;
use crate::fault::Fault;
use crate::printable::line;
use crate::real_path::in_real_folder;

/// How long the script may take for it, as in k6.
const TIME: Duration = Duration::from_secs(120);
/// What k6 calls the streams.
const STDOUT: &str = "stdout";
const STDERR: &str = "stderr";

/// The folders that a script's files may be written in.
#[derive(Debug)]
pub(crate) struct Writable(Vec<PathBuf>);

impl Writable {
    /// These folders, as they are when links are resolved.
    ///
    /// Fails with all of them that are not there.
    pub(crate) fn new(folders: &[PathBuf]) -> Result<Self, Fault> {
        let mut real = Vec::new();
        let mut fault = None;
        for folder in folders {
            let found = folder.canonicalize().and_then(|path| match path.is_dir() {
                true => Ok(path),
                false => Err(io::ErrorKind::NotADirectory.into()),
            });
            match found {
                Ok(path) => real.push(path),
                Err(error) => {
                    let so_far = fault.take().unwrap_or_else(|| {
                        Fault::new(ExitCode::InvalidConfig, "what may be written in is not there")
                    });
                    let detail = format!("--allow-write: `{}`: {error}", folder.display());
                    fault = Some(so_far.detail(detail));
                }
            }
        }
        fault.map_or(Ok(Self(real)), Err)
    }

    /// Writes a file of the script's.
    ///
    /// Fails with a sentence if it may not be written, or cannot.
    fn write(&self, name: &str, content: &[u8]) -> Result<(), String> {
        let path = Path::new(name);
        let file = self.place(path).ok_or_else(|| {
            let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
            let folder = folder.unwrap_or(Path::new(".")).display().to_string();
            format!(
                "it is in no folder that may be written in; `--allow-write {}` allows it",
                line(&folder)
            )
        })?;
        replace(&file, content).map_err(|error| error.to_string())
    }

    /// Where a file really is, if that is in one of the folders.
    fn place(&self, path: &Path) -> Option<PathBuf> {
        let file = in_real_folder(path).ok()?;
        let folder = file.parent()?;
        self.0.iter().any(|allowed| folder.starts_with(allowed)).then_some(file)
    }
}

/// Puts a file there in one go. A link of that name is replaced, not followed: it may lead anywhere.
fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    if fs::symlink_metadata(path).is_ok_and(|there| !there.is_file() && !there.is_symlink()) {
        return Err(io::Error::other("it is there and is no file"));
    }
    let name = path.file_name().unwrap_or(OsStr::new("summary"));
    let mut beside = name.to_owned();
    beside.push(format!(".{}.part", std::process::id()));
    let beside = path.with_file_name(beside);
    let written = (|| {
        let mut file: File = OpenOptions::new().write(true).create_new(true).open(&beside)?;
        file.write_all(content)?;
        file.sync_data()?;
        fs::rename(&beside, path)
    })();
    if written.is_err() {
        // It may not be there; what went wrong is said.
        let _ = fs::remove_file(&beside);
    }
    written
}

/// Where a script's summary goes.
pub(crate) struct Places<'a> {
    pub(crate) writable: &'a Writable,
    pub(crate) screen: &'a Screen,
    pub(crate) secrets: &'a Redactor,
    pub(crate) no_color: bool,
}

/// Has the script make its summary, if it makes one. What goes wrong with it is said; the run has not failed for it.
pub(crate) async fn hand_over(
    factory: &ScriptFactory,
    finished: &Finished,
    outputs: &mut Outputs,
    places: &Places<'_>,
) {
    if !factory.summarizes() {
        return;
    }
    let say = |text: &str| places.screen.message(Severity::Error, text);
    let terminals = Terminals {
        stdout: io::stdout().is_terminal(),
        stderr: io::stderr().is_terminal(),
        no_color: places.no_color,
    };
    let stats: Vec<_> = finished.plan.trend_stats.iter().map(|stat| stat.label()).collect();
    let results = results(&Summary::new(finished), &stats, terminals);
    let asked = factory.summarize(&results, &finished.setup_data);
    let own = match tokio::time::timeout(TIME, asked).await {
        Ok(Ok(Some(own))) => own,
        Ok(Ok(None)) => return,
        Ok(Err(why)) => {
            return say(&format!("the script failed to make its summary: {why}"));
        }
        Err(_) => {
            let seconds = TIME.as_secs();
            return say(&format!("the script made no summary within {seconds} s"));
        }
    };
    let mut stdout = String::new();
    for (place, content) in own {
        match place.as_str() {
            STDOUT => stdout.push_str(&String::from_utf8_lossy(&content)),
            STDERR => {
                let text = printable(&String::from_utf8_lossy(&content), false);
                places.screen.say(&text);
            }
            file => {
                let content = places.secrets.redacted(&content);
                if let Err(why) = places.writable.write(file, &content) {
                    say(&format!("the script's summary `{}` is not written: {why}", line(file)));
                }
            }
        }
    }
    outputs.on_own_summary(&stdout);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> (tempfile::TempDir, Writable) {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("out")).unwrap();
        fs::create_dir(folder.path().join("out/inner")).unwrap();
        fs::create_dir(folder.path().join("other")).unwrap();
        let writable = Writable::new(&[folder.path().join("out")]).unwrap();
        (folder, writable)
    }

    #[test]
    fn files_are_written_in_allowed_folders_and_nowhere_else() {
        let (folder, writable) = folder();
        for (path, allowed) in [
            ("out/a.json", true),
            ("out/inner/a.json", true),
            ("out/inner/../b.json", true),
            ("other/a.json", false),
            ("out/../other/a.json", false),
            ("out/missing/a.json", false),
            ("out/..", false),
            ("out/inner/..", false),
            ("a.json", false),
        ] {
            let path = folder.path().join(path);
            let written = writable.write(path.to_str().unwrap(), b"{}");
            assert_eq!(written.is_ok(), allowed, "{}: {written:?}", path.display());
            assert_eq!(path.is_file(), allowed, "{}", path.display());
        }
        let refused = Writable::new(&[]).unwrap().write("summary.json", b"").unwrap_err();
        assert_eq!(
            refused,
            "it is in no folder that may be written in; `--allow-write .` allows it"
        );
        let left: Vec<_> = fs::read_dir(folder.path().join("out")).unwrap().collect();
        assert_eq!(left.len(), 3, "nothing is left lying about: {left:?}");
    }

    #[cfg(unix)]
    #[test]
    fn links_lead_nowhere_else() {
        let (folder, writable) = folder();
        let at = |path: &str| folder.path().join(path);
        fs::write(at("other/kept"), "kept").unwrap();
        std::os::unix::fs::symlink(at("other/kept"), at("out/link")).unwrap();
        std::os::unix::fs::symlink(at("other"), at("out/folder")).unwrap();
        assert!(writable.write(at("out/folder/a").to_str().unwrap(), b"x").is_err());
        assert!(writable.write(at("out/link").to_str().unwrap(), b"x").is_ok());
        assert_eq!(fs::read(at("other/kept")).unwrap(), b"kept");
        assert_eq!(fs::read(at("out/link")).unwrap(), b"x");
        assert!(writable.write(at("out/inner").to_str().unwrap(), b"x").is_err());
    }
}
