//! Turns a script's sources into a component.
//!
//! Each language is built by its own tools, in a file of its own: which tool, with what, and what to say
//! when it is missing. Here stands how the language of a source is told.

mod rust;

use std::path::{Path, PathBuf};

use crate::exit::ExitCode;
use crate::fault::Fault;

/// What a source is written in. To add one is a variant, its row in [`Language::ALL`] and its file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Language {
    Rust,
}

impl Language {
    const ALL: [Self; 1] = [Self::Rust];

    /// The file that says how a project of it is built.
    fn project(self) -> &'static str {
        match self {
            Self::Rust => "Cargo.toml",
        }
    }

    /// How the names of its sources end.
    fn extension(self) -> &'static str {
        match self {
            Self::Rust => "rs",
        }
    }
}

/// Whether `path` is a source to build rather than a component to load.
pub(crate) fn is_source(path: &Path) -> bool {
    path.is_dir() || Language::ALL.into_iter().any(|language| is_source_of(language, path))
}

fn is_source_of(language: Language, path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == language.extension())
}

/// Builds the script at `path`, a package's folder or a file in one, and gives the component's path.
pub(crate) fn build(path: &Path) -> Result<PathBuf, Fault> {
    let path = path.canonicalize().map_err(|error| {
        Fault::new(ExitCode::BuildFailed, format!("failed to find `{}`", path.display()))
            .detail(error.to_string())
    })?;
    match language(&path)? {
        (Language::Rust, manifest) => rust::build(&path, &manifest),
    }
}

/// The language of a source, and the file that says how to build it.
fn language(path: &Path) -> Result<(Language, PathBuf), Fault> {
    let found = Language::ALL.into_iter().find_map(|language| {
        // A folder is a project or it is not; a file may lie anywhere in one.
        let mut folders = match path.is_dir() {
            true => path.ancestors().take(1),
            false if is_source_of(language, path) => path.ancestors().take(usize::MAX),
            false => return None,
        };
        let project = folders.find_map(|folder| {
            let project = folder.join(language.project());
            project.is_file().then_some(project)
        })?;
        Some((language, project))
    });
    found.ok_or_else(|| {
        let mut fault = Fault::new(
            ExitCode::BuildFailed,
            format!("`{}` is not a script that can be built", path.display()),
        );
        for language in Language::ALL {
            let (project, extension) = (language.project(), language.extension());
            fault = fault.detail(match path.is_dir() {
                true => format!("there is no {project} in it"),
                false if is_source_of(language, path) => {
                    format!("there is no {project} in its folder, nor in any above it")
                }
                false => format!("it is neither a folder with a {project} nor a .{extension} file"),
            });
        }
        fault.hint("`wasmload new NAME` makes a package that can be built")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_and_a_source_file_are_built_and_anything_else_is_loaded() {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        for (path, built) in [
            (here.to_owned(), true),
            (here.join("src/main.rs"), true),
            (PathBuf::from("not_there_yet.rs"), true),
            (here.join("Cargo.toml"), false),
            (PathBuf::from("script.wasm"), false),
            (PathBuf::from("script.wat"), false),
            (PathBuf::from("-"), false),
        ] {
            assert_eq!(is_source(&path), built, "{}", path.display());
        }
    }

    #[test]
    fn a_project_is_looked_for_in_a_folder_and_above_a_file() {
        let here = Path::new(env!("CARGO_MANIFEST_DIR")).canonicalize().unwrap();
        let manifest = here.join("Cargo.toml");
        assert_eq!(language(&here).unwrap(), (Language::Rust, manifest.clone()));
        assert_eq!(language(&here.join("src/cli/run.rs")).unwrap(), (Language::Rust, manifest));
        assert!(language(&here.join("src")).is_err(), "a folder in a project is none");
        assert!(language(&here.join("Cargo.toml")).is_err(), "nor is a file of another kind");
    }
}
