//! Makes a new script that builds and runs as it is.
//!
//! The SDK travels inside this program and is written beside the script, so that a scaffold needs nothing
//! that is not on the machine.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Files of the script.
const SCRIPT: &[(&str, &str)] = &[
    ("Cargo.toml", include_str!("../templates/rust/Cargo.toml.in")),
    ("src/lib.rs", include_str!("../templates/rust/lib.rs.in")),
    ("README.md", include_str!("../templates/rust/README.md.in")),
    (".gitignore", "/target\n"),
];

macro_rules! sdk {
    ($($file:literal),* $(,)?) => {
        /// Files of the SDK, as they are in `guest-sdk/rust/src`.
        const SDK: &[(&str, &str)] =
            &[$(($file, include_str!(concat!("../../guest-sdk/rust/src/", $file)))),*];
    };
}
macro_rules! wit {
    ($($file:literal),* $(,)?) => {
        /// Files of the contract, as they are in `wit`.
        const WIT: &[(&str, &str)] = &[$(($file, include_str!(concat!("../../wit/", $file)))),*];
    };
}

sdk!(
    "bindings.rs",
    "context.rs",
    "dataset.rs",
    "download.rs",
    "form.rs",
    "http.rs",
    "lib.rs",
    "log.rs",
    "metrics.rs",
    "script.rs",
    "secrets.rs",
    "sse.rs",
    "timing.rs",
    "upload.rs",
    "websocket.rs",
);
wit!(
    "checks.wit",
    "context.wit",
    "dataset.wit",
    "http.wit",
    "log.wit",
    "metrics.wit",
    "script.wit",
    "secrets.wit",
    "sse.wit",
    "timing.wit",
    "types.wit",
    "websocket.wit",
);

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

/// A folder is not the SDK's.
#[derive(Debug, thiserror::Error)]
#[error("`{folder}` is not the SDK's folder: {why}")]
pub(crate) struct SdkError {
    folder: String,
    why: String,
}

impl Sdk {
    /// The one in a folder.
    ///
    /// Fails if it is not there, or its path cannot stand in a manifest.
    pub(crate) fn at(folder: &Path) -> Result<Self, SdkError> {
        let fail = |why: String| SdkError { folder: folder.display().to_string(), why };
        let manifest = fs::read_to_string(folder.join("Cargo.toml"))
            .map_err(|error| fail(format!("its Cargo.toml cannot be read: {error}")))?;
        if !manifest.lines().any(|line| line.trim() == format!("name = \"{SDK_NAME}\"")) {
            return Err(fail(format!("its Cargo.toml does not name `{SDK_NAME}`")));
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

/// Writes a script into a new folder.
///
/// Fails if the folder is there already, or cannot be written; then it is not there afterwards.
pub(crate) fn write(folder: &Path, name: &str, sdk: &Sdk) -> io::Result<()> {
    if let Some(parent) = folder.parent() {
        fs::create_dir_all(parent)?;
    }
    fs::create_dir(folder)?;
    let written = write_files(folder, name, sdk);
    if written.is_err() {
        // Half a script would only be in the way of the next try. The first error is the one to tell.
        let _ = fs::remove_dir_all(folder);
    }
    written
}

fn write_files(folder: &Path, name: &str, sdk: &Sdk) -> io::Result<()> {
    for (file, content) in files(name, sdk) {
        let path = folder.join(file);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::write(path, content)?;
    }
    Ok(())
}

fn files(name: &str, sdk: &Sdk) -> Vec<(PathBuf, String)> {
    // A string of JSON is one of TOML too.
    let path = serde_json::Value::from(sdk.path()).to_string();
    let about_sdk = match sdk {
        Sdk::Copy => format!("`{SDK_NAME}/` is the SDK it is written with: leave it as it is."),
        Sdk::At(path) => format!("The SDK it is written with is in `{path}`."),
    };
    let filled = |content: &str| {
        // The path comes last: what a path says is not filled in.
        content
            .replace("{{name}}", name)
            .replace("{{about-sdk}}", &about_sdk)
            .replace("{{sdk}}", &path)
    };
    let mut files: Vec<(PathBuf, String)> =
        SCRIPT.iter().map(|(file, content)| (PathBuf::from(file), filled(content))).collect();
    let Sdk::Copy = sdk else { return files };
    let sdk = Path::new(SDK_NAME);
    files.push((sdk.join("Cargo.toml"), sdk_manifest()));
    for (file, content) in SDK {
        // The contract lies in the SDK's own folder here, not at the root of our repository.
        let content = content.replace("\"../../wit\"", "\"wit\"");
        files.push((sdk.join("src").join(file), content));
    }
    for (file, content) in WIT {
        files.push((sdk.join("wit").join(file), (*content).to_owned()));
    }
    files
}

/// The SDK's manifest, standing on its own.
fn sdk_manifest() -> String {
    include_str!("../templates/rust/sdk.toml.in").replace("{{version}}", env!("CARGO_PKG_VERSION"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn listed(folder: &str, extension: &str) -> BTreeSet<String> {
        fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(folder))
            .expect("the folder is there")
            .map(|entry| entry.expect("it can be listed").path())
            .filter(|path| path.extension().is_some_and(|found| found == extension))
            .map(|path| path.file_name().unwrap_or_default().to_string_lossy().into_owned())
            .collect()
    }

    #[test]
    fn no_file_of_the_sdk_or_the_contract_is_left_behind() {
        let names =
            |files: &[(&str, &str)]| files.iter().map(|(file, _)| (*file).to_owned()).collect();
        assert_eq!(listed("../guest-sdk/rust/src", "rs"), names(SDK));
        assert_eq!(listed("../wit", "wit"), names(WIT));
    }

    #[test]
    fn the_copied_sdk_finds_the_contract_beside_it() {
        let files = files("shop", &Sdk::Copy);
        let bindings = Path::new("wasmload-sdk/src/bindings.rs");
        let (_, bindings) = files.iter().find(|(file, _)| file == bindings).expect("it is copied");
        assert_eq!(bindings.matches("path: \"wit\"").count(), 1, "{bindings}");
        for (file, content) in &files {
            assert!(!content.contains("../../wit"), "{}", file.display());
            assert!(!content.contains("{{"), "{} has something to fill in", file.display());
        }
    }

    /// A dependency's version, features and whether it is optional, with what our workspace says of it.
    fn dependency(entry: &toml::Value, workspace: &toml::Table) -> toml::Table {
        let table = |entry: &toml::Value| match entry {
            toml::Value::String(version) => [("version".to_owned(), version.as_str().into())]
                .into_iter()
                .collect::<toml::Table>(),
            entry => entry.as_table().expect("a dependency is a version or a table").clone(),
        };
        let mut whole = workspace.clone();
        whole.extend(table(entry));
        whole.remove("workspace");
        whole
    }

    #[test]
    fn the_copied_sdks_manifest_says_what_ours_says() {
        let table = |text: &str| text.parse::<toml::Table>().expect("a manifest");
        let root = table(include_str!("../../Cargo.toml"));
        let ours = table(include_str!("../../guest-sdk/rust/Cargo.toml"));
        let standing = table(&sdk_manifest());

        let of_workspace = |name: &str| match &root["workspace"]["dependencies"][name] {
            toml::Value::String(version) => {
                [("version".to_owned(), version.as_str().into())].into_iter().collect()
            }
            entry => entry.as_table().expect("a table").clone(),
        };
        let dependencies = |manifest: &toml::Table| {
            let table = manifest["dependencies"].as_table().expect("a table").clone();
            table
                .into_iter()
                .map(|(name, entry)| {
                    let inherited = entry.get("workspace").is_some();
                    let workspace =
                        if inherited { of_workspace(&name) } else { toml::Table::new() };
                    (name, dependency(&entry, &workspace))
                })
                .collect::<std::collections::BTreeMap<_, _>>()
        };
        assert_eq!(dependencies(&standing), dependencies(&ours));
        assert_eq!(standing["features"], ours["features"]);
        assert_eq!(standing["package"]["name"], ours["package"]["name"]);
        for key in ["version", "edition", "rust-version", "license"] {
            assert_eq!(standing["package"][key], root["workspace"]["package"][key], "{key}");
        }
    }

    #[test]
    fn a_script_can_use_an_sdk_that_is_elsewhere() {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let sdk = Sdk::at(&here.join("../guest-sdk/rust")).expect("ours");
        let files = files("shop", &sdk);
        assert!(files.iter().all(|(file, _)| !file.starts_with(SDK_NAME)), "nothing is copied");
        let (_, manifest) = &files[0];
        let manifest: toml::Table = manifest.parse().expect("a manifest");
        let path = manifest["dependencies"][SDK_NAME]["path"].as_str().expect("a path");
        assert!(Path::new(path).is_absolute());

        for (folder, says) in [("no-such-folder", "cannot be read"), (".", "does not name")] {
            let error = Sdk::at(&here.join(folder)).unwrap_err().to_string();
            assert!(error.contains(says), "{error}");
        }
    }

    #[test]
    fn a_path_of_any_letters_makes_a_manifest() {
        let sdk = Sdk::At(r#"/a "b"\c/{{name}}/ü"#.to_owned());
        let manifest: toml::Table = files("shop", &sdk)[0].1.parse().expect("a manifest");
        assert_eq!(manifest["dependencies"][SDK_NAME]["path"].as_str(), Some(sdk.path()));
    }

    #[test]
    fn a_folder_that_is_there_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let shop = folder.path().join("made/shop");
        write(&shop, "shop", &Sdk::Copy).unwrap();
        assert!(shop.join("wasmload-sdk/wit/http.wit").is_file());
        fs::write(shop.join("mine"), "").unwrap();
        let error = write(&shop, "shop", &Sdk::Copy).unwrap_err();
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
