//! A script in Rust: a Cargo package with the SDK's beside it.

use std::path::{Path, PathBuf};

use super::{SDK_NAME, Scaffold, Sdk, beside, filled};
use crate::sdk;

/// Files of the script.
const SCRIPT: sdk::Files = &[
    ("Cargo.toml", include_str!("../../templates/rust/Cargo.toml.in")),
    ("src/lib.rs", include_str!("../../templates/rust/lib.rs.in")),
    ("README.md", include_str!("../../templates/rust/README.md.in")),
    (".gitignore", "/target\n"),
];

/// A script of this name.
pub(super) fn scaffold(name: &str, sdk: &Sdk) -> Scaffold {
    Scaffold { files: files(name, sdk), script: "src/lib.rs" }
}

fn files(name: &str, sdk: &Sdk) -> Vec<(PathBuf, String)> {
    // A string of JSON is one of TOML too.
    let path = serde_json::Value::from(sdk.path()).to_string();
    let about_sdk = match sdk {
        Sdk::Copy => format!("`{SDK_NAME}/` is the SDK it is written with: leave it as it is."),
        Sdk::At(path) => format!("The SDK it is written with is in `{path}`."),
    };
    // The path comes last: what a path says is not filled in.
    let names = [("name", name), ("about-sdk", &about_sdk), ("sdk", &path)];
    let mut files = filled(SCRIPT, &names);
    let Sdk::Copy = sdk else { return files };
    let folder = Path::new(SDK_NAME);
    files.push((folder.join("Cargo.toml"), sdk_manifest()));
    for (file, content) in sdk::RUST {
        // The contract lies in the SDK's own folder here, not at the root of our repository.
        let content = content.replace("\"../../wit\"", "\"wit\"");
        files.push((folder.join("src").join(file), content));
    }
    files.extend(beside(sdk::WIT, "wit"));
    files
}

/// The SDK's manifest, standing on its own.
fn sdk_manifest() -> String {
    include_str!("../../templates/rust/sdk.toml.in")
        .replace("{{version}}", env!("CARGO_PKG_VERSION"))
}

#[cfg(test)]
mod tests {
    use super::super::Lang;
    use super::*;

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
        let root = table(include_str!("../../../Cargo.toml"));
        let ours = table(include_str!("../../../guest-sdk/rust/Cargo.toml"));
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
        let sdk = Sdk::at(&here.join("../guest-sdk/rust"), Lang::Rust).expect("ours");
        let files = files("shop", &sdk);
        assert!(files.iter().all(|(file, _)| !file.starts_with(SDK_NAME)), "nothing is copied");
        let (_, manifest) = &files[0];
        let manifest: toml::Table = manifest.parse().expect("a manifest");
        let path = manifest["dependencies"][SDK_NAME]["path"].as_str().expect("a path");
        assert!(Path::new(path).is_absolute());

        for (folder, says) in [("no-such-folder", "cannot be read"), (".", "does not name")] {
            let error = Sdk::at(&here.join(folder), Lang::Rust).unwrap_err().to_string();
            assert!(error.contains(says), "{error}");
        }
    }

    #[test]
    fn a_path_of_any_letters_makes_a_manifest() {
        let sdk = Sdk::At(r#"/a "b"\c/{{name}}/ü"#.to_owned());
        let manifest: toml::Table = files("shop", &sdk)[0].1.parse().expect("a manifest");
        assert_eq!(manifest["dependencies"][SDK_NAME]["path"].as_str(), Some(sdk.path()));
    }
}
