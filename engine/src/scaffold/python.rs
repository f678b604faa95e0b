//! A script in Python: a project with the SDK beside it, for the build, for editors and for its tests.

use super::{SDK_NAME, Scaffold, Sdk, beside, filled};
use crate::sdk;

/// Files of the script.
const SCRIPT: sdk::Files = &[
    ("pyproject.toml", include_str!("../../templates/python/pyproject.toml.in")),
    ("script.py", include_str!("../../templates/python/script.py.in")),
    ("test_script.py", include_str!("../../templates/python/test_script.py.in")),
    ("README.md", include_str!("../../templates/python/README.md.in")),
    (".gitignore", ".venv/\n__pycache__/\n"),
];

/// A script of this name.
pub(super) fn scaffold(name: &str, sdk: &Sdk) -> Scaffold {
    // A string of JSON is one of TOML and of Python too.
    let path = serde_json::Value::from(sdk.path()).to_string();
    let about_sdk = match sdk {
        Sdk::Copy => format!("`{SDK_NAME}/` is the SDK it is written with: leave it as it is."),
        Sdk::At(path) => format!("The SDK it is written with is in `{path}`."),
    };
    // The path comes last: what a path says is not filled in.
    let names = [("name", name), ("about-sdk", &about_sdk), ("sdk", &path)];
    let mut files = filled(SCRIPT, &names);
    if let Sdk::Copy = sdk {
        files.extend(beside(sdk::PYTHON, ""));
        files.extend(beside(sdk::WIT, "wit"));
    }
    Scaffold { files, script: "script.py" }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn nothing_is_left_to_fill_in_and_the_sdk_is_where_the_project_says() {
        let Scaffold { files, script } = scaffold("shop", &Sdk::Copy);
        for (file, content) in &files {
            assert!(!content.contains("{{"), "{} has something to fill in", file.display());
        }
        let content = |name: &str| {
            let file = files.iter().find(|(file, _)| file == Path::new(name));
            &file.unwrap_or_else(|| panic!("no {name}")).1
        };
        let project: toml::Table = content("pyproject.toml").parse().expect("a project");
        let settings = &project["tool"]["wasmload"];
        assert_eq!(settings["script"].as_str(), Some(script));
        let sdk = settings["sdk"].as_str().expect("a folder");
        content(&format!("{sdk}/wasmload/__init__.py"));
        content(&format!("{sdk}/wit/http.wit"));

        let elsewhere = Sdk::At(r#"/a "b"\c/{{name}}/ü"#.to_owned());
        let Scaffold { files, .. } = scaffold("shop", &elsewhere);
        let project: toml::Table = files[0].1.parse().expect("a project");
        assert_eq!(project["tool"]["wasmload"]["sdk"].as_str(), Some(elsewhere.path()));
        assert!(files.iter().all(|(file, _)| !file.starts_with(SDK_NAME)), "nothing is copied");
    }
}
