//! The files that a script in a folder may be made of, as far as it takes to know whether it must be built again.
//!
//! Those of the folder itself and of the folders below it that hold sources of the language; not those of tools,
//! environments and version control.

use std::fs;
use std::path::{Path, PathBuf};

use super::kept::Ingredients;

/// How many bytes of a file are read; of a larger one, its size and when it was last written must do.
const READ: u64 = 1 << 20;

/// How many folders deep sources are looked for.
const DEPTH: usize = 4;

/// Folders that are no part of a script.
const LEFT: [&str; 5] = ["node_modules", "target", "venv", "__pycache__", "tests"];

/// Adds the files that a script in this folder may be made of: their names, and what is in them.
pub(super) fn add(ingredients: &mut Ingredients, folder: &Path, extensions: &[&str]) {
    for path in files(folder, extensions, DEPTH) {
        ingredients.add(path.strip_prefix(folder).unwrap_or(&path).as_os_str().as_encoded_bytes());
        match path.metadata() {
            Ok(told) if told.len() <= READ => {
                ingredients.add(fs::read(&path).unwrap_or_default());
            }
            _ => ingredients.add_program(&path),
        }
    }
}

/// Adds the names of what is in a folder, such as packages with their versions.
pub(super) fn add_names(ingredients: &mut Ingredients, folder: &Path) {
    let mut paths = entries(folder);
    paths.sort();
    for path in paths {
        ingredients.add_program(&path);
    }
}

/// All files of a folder, and of those below it that hold sources.
pub(super) fn files(folder: &Path, extensions: &[&str], depth: usize) -> Vec<PathBuf> {
    let mut paths = entries(folder);
    paths.sort();
    let mut files = Vec::new();
    for path in paths {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with('.') {
            continue;
        }
        if path.is_file() {
            files.push(path);
        } else if depth > 0 && !LEFT.contains(&&*name) && !path.join("pyvenv.cfg").is_file() {
            let below = self::files(&path, extensions, depth - 1);
            if below.iter().any(|path| is_source(path, extensions)) {
                files.extend(below);
            }
        }
    }
    files
}

/// Whether a file's name ends as those of a language's sources do.
pub(super) fn is_source(path: &Path, extensions: &[&str]) -> bool {
    path.extension().is_some_and(|found| extensions.iter().any(|extension| found == *extension))
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    // A link to a folder may lead back here.
    entries
        .flatten()
        .filter(|entry| {
            entry.file_type().is_ok_and(|kind| !kind.is_symlink() || entry.path().is_file())
        })
        .map(|entry| entry.path())
        .collect()
}
