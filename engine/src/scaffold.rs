//! Makes a new script that builds and runs as it is.
//!
//! What is in one is said in a file for each language; the SDK is written beside the script, from this program
//! (`sdk`), so that a scaffold needs nothing that is not on the machine.

mod c;
mod go;
mod js;
mod python;
mod rust;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use clap::ValueEnum;

use crate::sdk;

/// A name is not one for a package.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NameError {
    /// Cargo would refuse it.
    #[error("`{0}` is no name for a script: use letters, digits, `-` and `_`, a letter first")]
    Malformed(String),
    /// There would be two of it.
    #[error("`{0}` is the name of the SDK, and a script needs one of its own")]
    Sdk(String),
}

/// The SDK's name, and that of its folder in a scaffold.
const SDK_NAME: &str = "wasmload-sdk";

/// Which SDK a script is written with.
#[derive(Debug)]
pub(crate) enum Sdk {
    /// That of this version, copied beside the script.
    Copy,
    /// One that is somewhere else.
    At(String),
}

/// A folder cannot be taken for the SDK's.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SdkError {
    /// It is another.
    #[error("`{folder}` is not the SDK's folder: {why}")]
    Another {
        /// The folder.
        folder: String,
        /// How that shows.
        why: String,
    },
    /// There is no such choice.
    #[error("`--sdk` has no effect on a script in this language: its SDK is in `wasmload` itself")]
    Nowhere,
}

impl Sdk {
    /// The one of a language in a folder.
    ///
    /// Fails if it is not there, or its path cannot stand in a manifest.
    pub(crate) fn at(folder: &Path, lang: Lang) -> Result<Self, SdkError> {
        let fail = |why: String| SdkError::Another { folder: folder.display().to_string(), why };
        let (file, says) = lang.mark().ok_or(SdkError::Nowhere)?;
        let content = fs::read_to_string(folder.join(file))
            .map_err(|error| fail(format!("its {file} cannot be read: {error}")))?;
        if !content.lines().any(|line| line.trim() == says) {
            return Err(fail(format!("its {file} does not name `{SDK_NAME}`")));
        }
        let whole = folder.canonicalize().map_err(|error| fail(error.to_string()))?;
        match whole.to_str() {
            Some(path) => Ok(Self::At(path.to_owned())),
            None => Err(fail("its path is not Unicode, and manifests are".to_owned())),
        }
    }

    /// Its folder, as a manifest has it.
    fn path(&self) -> &str {
        match self {
            Self::Copy => SDK_NAME,
            Self::At(path) => path,
        }
    }
}

/// The name of the package for a folder of this name.
pub(crate) fn package_name(folder: &Path) -> Result<String, NameError> {
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    let mut characters = name.chars();
    // Both are one name to the compiler.
    if name.replace('_', "-") == SDK_NAME {
        return Err(NameError::Sdk(name.into_owned()));
    }
    let first = characters.next().is_some_and(|first| first.is_ascii_alphabetic());
    let rest = characters.all(|next| next.is_ascii_alphanumeric() || next == '-' || next == '_');
    if first && rest {
        Ok(name.into_owned())
    } else {
        // What has no name, such as `..`, is shown as it was typed.
        Err(NameError::Malformed(folder.display().to_string()))
    }
}

/// What is written in a language.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Lang {
    Rust,
    /// JavaScript
    Js,
    /// TypeScript
    Ts,
    Python,
    C,
    Go,
}

/// A script that is to be written: files, from its folder.
#[derive(Debug)]
pub(crate) struct Scaffold {
    files: Vec<(PathBuf, String)>,
    /// The file that its author begins with.
    pub(crate) script: &'static str,
}

impl Lang {
    /// A script of this name in it.
    pub(crate) fn scaffold(self, name: &str, sdk: &Sdk) -> Scaffold {
        match self {
            Self::Rust => rust::scaffold(name, sdk),
            Self::Js => js::scaffold(name, &js::JAVASCRIPT),
            Self::Ts => js::scaffold(name, &js::TYPESCRIPT),
            Self::Python => python::scaffold(name, sdk),
            Self::C => c::scaffold(name, sdk),
            Self::Go => go::scaffold(name, sdk),
        }
    }

    /// What its SDK is known by, a file and a line in it; none if it does not lie beside a script and cannot be somewhere
    /// else.
    fn mark(self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::Rust => Some(("Cargo.toml", "name = \"wasmload-sdk\"")),
            Self::Js | Self::Ts => None,
            Self::Python => Some((
                "wasmload/__init__.py",
                "\"\"\"Write load-test scripts for wasmload in Python.",
            )),
            Self::C => Some(("wasmload.h", "/* Write load-test scripts for wasmload in C.")),
            Self::Go => Some(("go.mod", "module wasmload")),
        }
    }
}

/// Files of a script, with each `{{name}}` of these filled in, one after the other: what is filled in last has nothing
/// filled in.
fn filled(files: &[(&str, &str)], names: &[(&str, &str)]) -> Vec<(PathBuf, String)> {
    let fill = |content: &str| {
        names.iter().fold(content.to_owned(), |content, (name, value)| {
            content.replace(&format!("{{{{{name}}}}}"), value)
        })
    };
    files.iter().map(|(file, content)| (PathBuf::from(file), fill(content))).collect()
}

/// Files of the SDK as they stand beside a script, in this folder of the SDK's own.
fn beside(files: sdk::Files, folder: &str) -> impl Iterator<Item = (PathBuf, String)> {
    let folder = Path::new(SDK_NAME).join(folder);
    files.iter().map(move |(file, content)| (folder.join(file), (*content).to_owned()))
}

impl Scaffold {
    /// Writes it into a new folder.
    ///
    /// Fails if the folder is there already, or cannot be written; then it is not there afterwards.
    pub(crate) fn write(&self, folder: &Path) -> io::Result<()> {
        if let Some(parent) = folder.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::create_dir(folder)?;
        let written = self.write_files(folder);
        if written.is_err() {
            // Half a script would only be in the way of the next try. The first error is the one to tell.
            let _ = fs::remove_dir_all(folder);
        }
        written
    }

    fn write_files(&self, folder: &Path) -> io::Result<()> {
        for (file, content) in &self.files {
            let path = folder.join(file);
            if let Some(parent) = path.parent() {
                fs::create_dir_all(parent)?;
            }
            fs::write(path, content)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_is_there_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let shop = folder.path().join("made/shop");
        Lang::Rust.scaffold("shop", &Sdk::Copy).write(&shop).unwrap();
        assert!(shop.join("wasmload-sdk/wit/http.wit").is_file());
        fs::write(shop.join("mine"), "").unwrap();
        let error = Lang::Rust.scaffold("shop", &Sdk::Copy).write(&shop).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
        assert!(shop.join("mine").is_file());
    }

    #[test]
    fn a_name_that_cargo_would_refuse_is_refused() {
        for (folder, name) in [("shop", Some("shop")), ("a/b-2_c", Some("b-2_c"))] {
            assert_eq!(package_name(Path::new(folder)).ok().as_deref(), name);
        }
        for folder in ["2fast", "sp ace", "", "..", "naïve", "wasmload-sdk", "a/wasmload_sdk"] {
            assert!(package_name(Path::new(folder)).is_err(), "{folder}");
        }
    }
}
