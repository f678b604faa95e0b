//! A script in JavaScript or TypeScript: a package of npm's, with types for editors. The SDK itself is built in from
//! this program.

use std::path::PathBuf;

use super::{Scaffold, filled};
use crate::sdk;

/// What differs between the two.
pub(super) struct Dialect {
    extension: &'static str,
    script: &'static str,
    /// The file that tells editors what they are looking at, and what is in it.
    config: (&'static str, &'static str),
    /// What is added to the scripts and to the tools of the package.
    check: &'static str,
    typescript: &'static str,
}

pub(super) const JAVASCRIPT: Dialect = Dialect {
    extension: "js",
    script: include_str!("../../templates/js/script.js.in"),
    config: ("jsconfig.json", include_str!("../../templates/js/jsconfig.json.in")),
    check: "",
    typescript: "",
};

pub(super) const TYPESCRIPT: Dialect = Dialect {
    extension: "ts",
    script: include_str!("../../templates/js/script.ts.in"),
    config: ("tsconfig.json", include_str!("../../templates/js/tsconfig.json.in")),
    check: ",\n    \"check\": \"tsc\"",
    typescript: ",\n    \"typescript\": \"^7.0.2\"",
};

/// Where the types are among the SDK's files, and in a scaffold.
const TYPES: (&str, &str) = ("index.d.ts", "wasmload.d.ts");

/// A script of this name.
pub(super) fn scaffold(name: &str, dialect: &Dialect) -> Scaffold {
    let (config, config_content) = dialect.config;
    let script = if dialect.extension == "ts" { "script.ts" } else { "script.js" };
    let names = [
        // A name of npm's has no capitals.
        ("package", &*name.to_lowercase()),
        ("name", name),
        ("extension", dialect.extension),
        ("check", dialect.check),
        ("typescript", dialect.typescript),
    ];
    let script_files = [
        ("package.json", include_str!("../../templates/js/package.json.in")),
        (script, dialect.script),
        (config, config_content),
        ("test/script.test.mjs", include_str!("../../templates/js/script.test.mjs.in")),
        ("test/wasmload.mjs", include_str!("../../templates/js/wasmload.mjs.in")),
        ("README.md", include_str!("../../templates/js/README.md.in")),
        (".gitignore", "/node_modules\n"),
    ];
    let mut files = filled(&script_files, &names);
    let types = sdk::JS.iter().filter(|(file, _)| *file == TYPES.0);
    files.extend(types.map(|(_, content)| (PathBuf::from(TYPES.1), (*content).to_owned())));
    Scaffold { files, script }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn nothing_is_left_to_fill_in_and_the_package_names_its_script() {
        for dialect in [JAVASCRIPT, TYPESCRIPT] {
            let Scaffold { files, script } = scaffold("My-Shop", &dialect);
            for (file, content) in &files {
                assert!(!content.contains("{{"), "{} has something to fill in", file.display());
            }
            let of = |name: &str| {
                let found = files.iter().find(|(file, _)| file.as_os_str() == name);
                found.map(|(_, content)| content.as_str()).expect("it is there")
            };
            let package: Value = serde_json::from_str(of("package.json")).expect("it is JSON");
            assert_eq!(package["name"], "my-shop");
            assert_eq!(package["main"], script);
            assert_eq!(package["devDependencies"]["componentize-qjs"], "0.4.5");
            let is_typed = package["devDependencies"]["typescript"].is_string();
            assert_eq!(is_typed, dialect.extension == "ts");
            assert!(of(script).starts_with("// My-Shop: "));
            assert!(of("wasmload.d.ts").contains("declare module 'wasmload'"));
            assert!(serde_json::from_str::<Value>(of(dialect.config.0)).is_ok());
        }
    }
}
