//! What was built from the same things is not built again.
//!
//! A folder in the user's folder for caches, a file for each content: its name is the digest of all that it was made
//! of. What is in it is a component like any other, and no more trusted than one. Compiled code is kept elsewhere
//! (`host`'s `code_cache`), since that must be trusted.

use std::env;
use std::ffi::OsString;
use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use sha2::{Digest as _, Sha256};

use crate::code_cache::caches;
use crate::exit::ExitCode;
use crate::fault::Fault;
use crate::sdk;

/// How many bytes are kept: some dozen interpreters with their scripts.
const MOST: u64 = 1 << 30;

/// How the names of the files end.
const EXTENSION: &str = "wasm";

/// All that a component is made of.
#[derive(Debug, Default)]
pub(super) struct Ingredients(Sha256);

impl Ingredients {
    /// Nothing yet but this version of the engine, whose SDKs go into what it builds.
    pub(super) fn new() -> Self {
        let mut all = Self::default();
        all.add(env!("CARGO_PKG_VERSION"));
        all
    }

    /// Adds one. The order counts.
    pub(super) fn add(&mut self, ingredient: impl AsRef<[u8]>) {
        let bytes = ingredient.as_ref();
        // With its length, so that "ab", "c" is not "a", "bc".
        self.0.update((bytes.len() as u64).to_le_bytes());
        self.0.update(bytes);
    }

    /// Adds files that travel inside this program.
    pub(super) fn add_files(&mut self, files: sdk::Files) {
        for (file, content) in files {
            self.add(file);
            self.add(content);
        }
    }

    /// Adds a program, by its path, its size and when it was last written: another version of it builds anew.
    pub(super) fn add_program(&mut self, program: &Path) {
        let program = program.canonicalize().unwrap_or_else(|_| program.to_owned());
        self.add(program.as_os_str().as_encoded_bytes());
        if let Ok(told) = program.metadata() {
            self.add(told.len().to_le_bytes());
            let since =
                told.modified().ok().and_then(|at| at.duration_since(SystemTime::UNIX_EPOCH).ok());
            self.add(since.unwrap_or_default().as_nanos().to_le_bytes());
        }
    }

    fn digest(self) -> String {
        format!("{:x}", self.0.finalize())
    }
}

/// The component made of these ingredients: the one that is kept, or what `make` writes to the path that it is given.
///
/// Fails as `make` does, or if there is no folder to keep it in.
pub(super) fn or_make(
    ingredients: Ingredients,
    make: impl FnOnce(&Path) -> Result<(), Fault>,
) -> Result<PathBuf, Fault> {
    let folder = folder(&|name| env::var_os(name));
    in_folder(&folder, ingredients, make)
}

fn in_folder(
    folder: &Path,
    ingredients: Ingredients,
    make: impl FnOnce(&Path) -> Result<(), Fault>,
) -> Result<PathBuf, Fault> {
    let unkept = |error: io::Error| {
        Fault::new(
            ExitCode::BuildFailed,
            format!("failed to keep what is built in `{}`", folder.display()),
        )
        .detail(error.to_string())
        .hint("set XDG_CACHE_HOME to a folder that can be written")
    };
    let kept = folder.join(ingredients.digest()).with_extension(EXTENSION);
    if let Ok(file) = File::options().append(true).open(&kept) {
        // Only so that what was used last is thrown away last.
        let _ = file.set_modified(SystemTime::now());
        return Ok(kept);
    }
    DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(unkept)?;
    // Whole or not at all, whoever else builds the same at the same time.
    let new = tempfile::Builder::new().prefix("new-").tempdir_in(folder).map_err(unkept)?;
    let made = new.path().join("script").with_extension(EXTENSION);
    make(&made)?;
    fs::rename(&made, &kept).map_err(unkept)?;
    make_room(folder, MOST);
    Ok(kept)
}

/// Throws away what was not used for longest, until the rest is not too much. The newest stays in any case.
fn make_room(folder: &Path, most: u64) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    let mut files: Vec<_> = entries
        .filter_map(|entry| {
            let path = entry.ok()?.path();
            let told = path.metadata().ok()?;
            let is_kept = path.extension().is_some_and(|extension| extension == EXTENSION);
            (is_kept && told.is_file()).then_some((told.modified().ok()?, told.len(), path))
        })
        .collect();
    files.sort_by_key(|(used, ..)| std::cmp::Reverse(*used));
    let mut sum = 0;
    for (place, (_, size, path)) in files.into_iter().enumerate() {
        sum += size;
        if sum > most && place > 0 {
            let _ = fs::remove_file(path);
        }
    }
}

/// `wasmload/built` among the user's caches, or among temporary files where the user has none.
fn folder(variable: &dyn Fn(&str) -> Option<OsString>) -> PathBuf {
    caches(variable).unwrap_or_else(env::temp_dir).join("wasmload/built")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(parts: &[&str]) -> Ingredients {
        let mut all = Ingredients::new();
        parts.iter().for_each(|part| all.add(part));
        all
    }

    #[test]
    fn the_same_things_are_built_once_and_others_anew() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("made/built");
        let mut builds = 0;
        let mut build = |parts: &[&str]| {
            let kept = in_folder(&folder, of(parts), |path| {
                builds += 1;
                fs::write(path, parts.concat()).map_err(|error| panic!("{error}"))
            })
            .unwrap();
            (fs::read_to_string(kept).unwrap(), builds)
        };
        assert_eq!(build(&["ab", "c"]), ("abc".to_owned(), 1));
        assert_eq!(build(&["ab", "c"]), ("abc".to_owned(), 1));
        assert_eq!(build(&["a", "bc"]), ("abc".to_owned(), 2), "cut elsewhere");
        assert_eq!(build(&["c", "ab"]), ("cab".to_owned(), 3), "in another order");
    }

    #[test]
    fn what_fails_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let failed = in_folder(folder.path(), of(&["a"]), |path| {
            fs::write(path, "half").unwrap();
            Err(Fault::new(ExitCode::BuildFailed, "no"))
        });
        assert!(failed.is_err());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn another_version_of_a_program_builds_anew() {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("tool");
        let digest = |content: &str| {
            fs::write(&program, content).unwrap();
            let mut all = Ingredients::new();
            all.add_program(&program);
            all.digest()
        };
        assert_ne!(digest("one"), digest("other"));
    }

    #[test]
    fn what_was_not_used_for_longest_makes_room() {
        let folder = tempfile::tempdir().unwrap();
        for (name, age) in [("a.wasm", 30), ("b.wasm", 20), ("c.wasm", 10), ("other", 40)] {
            let path = folder.path().join(name);
            fs::write(&path, [0; 100]).unwrap();
            let at = SystemTime::now() - std::time::Duration::from_secs(age);
            File::options().append(true).open(path).unwrap().set_modified(at).unwrap();
        }
        let left = || {
            let entries = fs::read_dir(folder.path()).unwrap();
            let mut names: Vec<_> =
                entries.map(|one| one.unwrap().file_name().into_string().unwrap()).collect();
            names.sort();
            names
        };
        make_room(folder.path(), 250);
        assert_eq!(left(), ["b.wasm", "c.wasm", "other"]);
        make_room(folder.path(), 1);
        assert_eq!(left(), ["c.wasm", "other"], "the newest stays");
    }

    #[test]
    fn the_folder_is_the_users_for_caches() {
        let of = |pairs: &[(&str, &str)]| {
            folder(&|name| {
                pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| value.into())
            })
        };
        assert_eq!(of(&[("XDG_CACHE_HOME", "/x"), ("HOME", "/h")]), Path::new("/x/wasmload/built"));
        assert_eq!(
            of(&[("XDG_CACHE_HOME", "x"), ("HOME", "/h")]),
            Path::new("/h/.cache/wasmload/built")
        );
        assert_eq!(of(&[]), env::temp_dir().join("wasmload/built"));
    }
}
