//! Turns a script's sources into a component.
//!
//! Each language is built by its own tools, in a file of its own: which tools, with what, and what to say about
//! what they say. How a tool is found, and what is said where it is missing, is in `tool`; what was built is not
//! built again (`kept`). Here stands how the language of a source is told.

mod c;
mod component;
mod go;
mod js;
mod kept;
mod python;
mod rust;
mod sources;
mod tool;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::exit::ExitCode;
use crate::fault::Fault;
use crate::printable;

/// What a source is written in. To add one is a variant, its row in each table below and its file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Language {
    Rust,
    /// And TypeScript.
    JavaScript,
    Python,
    C,
    Go,
}

/// A source, and where it belongs.
#[derive(Debug, PartialEq, Eq)]
struct Source {
    /// What was named, a file or a folder; canonical.
    path: PathBuf,
    /// The file that says how its project is built, if it is in one.
    project: Option<PathBuf>,
}

impl Language {
    /// Where a folder has the projects of several, the first is meant.
    const ALL: [Self; 5] = [Self::Rust, Self::JavaScript, Self::Python, Self::C, Self::Go];

    /// The file that says how a project of it is built.
    fn project(self) -> &'static str {
        match self {
            Self::Rust => "Cargo.toml",
            Self::JavaScript => "package.json",
            Self::Python => "pyproject.toml",
            Self::C => "Makefile",
            Self::Go => "go.mod",
        }
    }

    /// How the names of its sources end.
    fn extensions(self) -> &'static [&'static str] {
        match self {
            Self::Rust => &["rs"],
            Self::JavaScript => &["js", "mjs", "cjs", "ts", "mts", "cts"],
            Self::Python => &["py"],
            Self::C => &["c"],
            Self::Go => &["go"],
        }
    }

    /// Whether a file is a script by itself, in no project.
    fn stands_alone(self) -> bool {
        match self {
            Self::Rust | Self::Go => false,
            Self::JavaScript | Self::Python | Self::C => true,
        }
    }

    fn build(self, source: &Source) -> Result<PathBuf, Fault> {
        match (self, &source.project) {
            (Self::Rust, Some(manifest)) => rust::build(&source.path, manifest),
            (Self::Rust | Self::Go, None) => Err(not_a_script(&source.path)),
            (Self::Go, Some(module)) => go::build(&source.path, module),
            (Self::JavaScript, _) => js::build(source),
            (Self::Python, _) => python::build(source),
            (Self::C, _) => c::build(source),
        }
    }

    /// Whether a file of this name is a source of it.
    fn has(self, path: &Path) -> bool {
        let extension = path.extension().and_then(|extension| extension.to_str());
        extension.is_some_and(|extension| self.extensions().contains(&extension))
    }
}

/// Whether `path` is a source to build rather than a component to load.
pub(crate) fn is_source(path: &Path) -> bool {
    path.is_dir() || Language::ALL.into_iter().any(|language| language.has(path))
}

/// Builds the script at `path`, a project's folder or a file, and gives the component's path.
pub(crate) fn build(path: &Path) -> Result<PathBuf, Fault> {
    let path = path.canonicalize().map_err(|error| {
        Fault::new(ExitCode::BuildFailed, format!("failed to find `{}`", path.display()))
            .detail(error.to_string())
    })?;
    let (language, source) = told(path)?;
    language.build(&source)
}

/// The language of a source, and its project.
fn told(path: PathBuf) -> Result<(Language, Source), Fault> {
    let found = Language::ALL.into_iter().find_map(|language| {
        // A folder is a project or it is not; a file may lie anywhere in one.
        let folders = match path.is_dir() {
            true => path.ancestors().take(1),
            false if language.has(&path) => path.ancestors().take(usize::MAX),
            false => return None,
        };
        let project =
            folders.map(|folder| folder.join(language.project())).find(|project| project.is_file());
        let is_script = project.is_some() || (language.stands_alone() && path.is_file());
        is_script.then_some((language, project))
    });
    match found {
        Some((language, project)) => Ok((language, Source { path, project })),
        None => Err(not_a_script(&path)),
    }
}

/// Prints what a tool warns of, though it did what it was asked.
fn printed(warnings: &[String]) {
    for warning in warnings {
        let mut lines = warning.lines().map(printable::line);
        anstream::eprintln!("warning: {}", lines.next().unwrap_or_default());
        lines.for_each(|line| anstream::eprintln!("  {line}"));
    }
}

/// Passes on what a compiler says though it did what it was asked: warnings are the author's to see.
fn passed_on(said: &[u8]) {
    for line in String::from_utf8_lossy(said).lines() {
        anstream::eprintln!("{}", printable::line(line));
    }
}

/// What [`as_one_module`] does, among what a component is made of.
const ONE_MODULE: &str = "one module, the first way";

/// Makes one core module of those that a tool linked a component of, which saves each virtual user the tables that they
/// share. A component in which that is not to be done is as good as it was.
///
/// Fails if it cannot be read or written.
fn as_one_module(component: &Path) -> Result<(), Fault> {
    let linked = fs::read(component).map_err(unwritten)?;
    match host::one_module(&linked) {
        Ok(one) => fs::write(component, one).map_err(unwritten),
        Err(host::Unmerged::Made(fault)) => {
            anstream::eprintln!(
                "warning: the modules that this script is linked of cannot be made one, so that it takes more memory than it \
                 need. That is a fault of wasmload's; please report it: {fault}"
            );
            Ok(())
        }
        Err(_) => Ok(()),
    }
}

/// What a build needs cannot be written, or not be read again.
fn unwritten(error: io::Error) -> Fault {
    Fault::new(ExitCode::BuildFailed, "failed to write what the script is built with")
        .detail(error.to_string())
}

fn not_a_script(path: &Path) -> Fault {
    let mut fault = Fault::new(
        ExitCode::BuildFailed,
        format!("`{}` is not a script that can be built", path.display()),
    );
    for language in Language::ALL {
        let project = language.project();
        fault = fault.detail(match path.is_dir() {
            true => format!("there is no {project} in it"),
            false if language.has(path) => {
                format!("there is no {project} in its folder, nor in any above it")
            }
            false => {
                let endings: Vec<_> =
                    language.extensions().iter().map(|one| format!(".{one}")).collect();
                format!(
                    "it is neither a folder with a {project} nor a {} file",
                    endings.join(" or ")
                )
            }
        });
    }
    fault.hint("`wasmload new NAME` makes one that can be built")
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
            (PathBuf::from("script.py"), true),
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
        let of = |path: PathBuf| told(path).map(|(language, source)| (language, source.project));
        assert_eq!(of(here.clone()).unwrap(), (Language::Rust, Some(manifest.clone())));
        assert_eq!(of(here.join("src/cli/run.rs")).unwrap(), (Language::Rust, Some(manifest)));
        assert!(of(here.join("src")).is_err(), "a folder in a project is none");
        assert!(of(here.join("Cargo.toml")).is_err(), "nor is a file of another kind");
    }
}
