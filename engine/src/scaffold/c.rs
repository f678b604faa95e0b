//! A script in C: a folder with the SDK beside it, for editors and for its tests.

use super::{SDK_NAME, Scaffold, Sdk, beside, filled};
use crate::sdk;

/// Files of the script.
const SCRIPT: sdk::Files = &[
    ("Makefile", include_str!("../../templates/c/Makefile.in")),
    ("script.c", include_str!("../../templates/c/script.c.in")),
    ("test_script.c", include_str!("../../templates/c/test_script.c.in")),
    ("compile_flags.txt", "-I{{sdk}}\n--target=wasm32-wasi\n"),
    ("README.md", include_str!("../../templates/c/README.md.in")),
    (".gitignore", "/test_script\n"),
];

/// A script of this name.
pub(super) fn scaffold(name: &str, sdk: &Sdk) -> Scaffold {
    let about_sdk = match sdk {
        Sdk::Copy => format!("`{SDK_NAME}/` is its SDK, for editors and tests."),
        Sdk::At(path) => format!("Its SDK, for editors and tests, is in `{path}`."),
    };
    // The path comes last: what a path says is not filled in.
    let names = [("name", name), ("about-sdk", &about_sdk), ("sdk", sdk.path())];
    let mut files = filled(SCRIPT, &names);
    if let Sdk::Copy = sdk {
        files.extend(beside(sdk::C, ""));
    }
    Scaffold { files, script: "script.c" }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn nothing_is_left_to_fill_in_and_the_sdk_is_where_editors_look() {
        let Scaffold { files, .. } = scaffold("shop", &Sdk::Copy);
        for (file, content) in &files {
            assert!(
                !content.contains("{{name}}") && !content.contains("{{sdk}}"),
                "{}",
                file.display()
            );
        }
        assert!(files.iter().any(|(file, _)| file == &Path::new(SDK_NAME).join("wasmload.h")));
        let (_, flags) = &files[3];
        assert!(flags.contains(&format!("-I{SDK_NAME}\n")), "{flags}");
    }
}
