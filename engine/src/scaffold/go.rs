//! A script in Go: a module with the SDK beside it, where editors and `go vet` find it.

use super::{SDK_NAME, Scaffold, Sdk, beside, filled};
use crate::sdk;

/// Files of the script.
const SCRIPT: sdk::Files = &[
    ("go.mod", include_str!("../../templates/go/go.mod.in")),
    ("script.go", include_str!("../../templates/go/script.go.in")),
    ("README.md", include_str!("../../templates/go/README.md.in")),
];

/// A script of this name.
pub(super) fn scaffold(name: &str, sdk: &Sdk) -> Scaffold {
    let about_sdk = match sdk {
        Sdk::Copy => format!("`{SDK_NAME}/` is its SDK, for editors."),
        Sdk::At(path) => format!("Its SDK, for editors, is in `{path}`."),
    };
    // As `go.mod` has it: a path begins with `./`, `../` or `/`, and one with a space stands between quotes.
    let folder = match sdk {
        Sdk::Copy => format!("./{SDK_NAME}"),
        Sdk::At(path) => format!("{path:?}"),
    };
    // The path comes last: what a path says is not filled in.
    let names = [("name", name), ("about-sdk", &about_sdk), ("sdk", &folder)];
    let mut files = filled(SCRIPT, &names);
    if let Sdk::Copy = sdk {
        files.extend(beside(sdk::GO, ""));
    }
    Scaffold { files, script: "script.go" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_left_to_fill_in_and_the_module_finds_the_sdk() {
        for (sdk, replaced) in [
            (Sdk::Copy, "replace wasmload => ./wasmload-sdk\n"),
            (Sdk::At("/a b/go".to_owned()), "replace wasmload => \"/a b/go\"\n"),
        ] {
            let Scaffold { files, .. } = scaffold("shop", &sdk);
            for (file, content) in &files {
                assert!(!content.contains("{{"), "{}", file.display());
            }
            let (_, module) = &files[0];
            assert!(module.starts_with("module shop\n") && module.contains(replaced), "{module}");
            let is_copied = files.iter().any(|(file, _)| file.ends_with("internal/wit/LICENSE"));
            assert_eq!(is_copied, matches!(sdk, Sdk::Copy));
        }
    }
}
