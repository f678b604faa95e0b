//! Whether a component is a script for this engine, told in words when it is not.
//!
//! Linking would find the same faults, but one at a time and in the linker's words.

use std::fmt;

use wasmtime::component::Component;

/// The package of the contract, and the version this engine has.
const PACKAGE: &str = "wasmload:script";
const VERSION: &str = "0.1.0";
/// The interfaces of the contract that a script may import.
const INTERFACES: [&str; 10] = [
    "checks",
    "context",
    "dataset",
    "http",
    "log",
    "metrics",
    "sse",
    "timing",
    "types",
    "websocket",
];

/// One thing about a component that makes it no script for this engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mismatch {
    /// It lacks the export that makes it a script.
    NoScript {
        /// What it exports instead.
        exports: Vec<String>,
    },
    /// Its contract is of another version.
    Version {
        /// The import or export.
        name: String,
    },
    /// It imports an interface that the engine does not have.
    Import {
        /// The import.
        name: String,
    },
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoScript { exports } => {
                write!(f, "it does not export `{PACKAGE}/script@{VERSION}`; it exports ")?;
                match exports.as_slice() {
                    [] => f.write_str("nothing"),
                    exports => write!(f, "`{}`", exports.join("`, `")),
                }
            }
            Self::Version { name } => {
                write!(f, "it was built against `{name}`, and this engine has version {VERSION}")
            }
            Self::Import { name } => {
                write!(f, "it imports `{name}`, which this engine does not have")
            }
        }
    }
}

/// The names of a component's imports or exports.
pub(crate) struct Names {
    pub(crate) imports: Vec<String>,
    pub(crate) exports: Vec<String>,
}

impl Names {
    pub(crate) fn of(component: &Component) -> Self {
        let engine = component.engine();
        let component = component.component_type();
        Self {
            imports: component.imports(engine).map(|(name, _)| name.to_owned()).collect(),
            exports: component.exports(engine).map(|(name, _)| name.to_owned()).collect(),
        }
    }

    /// The version of the contract that it exports.
    pub(crate) fn contract(&self) -> Option<&str> {
        self.exports.iter().find_map(|name| {
            let interface = name.strip_prefix(PACKAGE)?.strip_prefix('/')?;
            interface.strip_prefix("script@")
        })
    }

    /// Everything about them that this engine cannot serve.
    pub(crate) fn mismatches(&self) -> Vec<Mismatch> {
        let mut mismatches = Vec::new();
        match self.contract() {
            None => mismatches.push(Mismatch::NoScript { exports: self.exports.clone() }),
            Some(version) if !serves(version) => {
                mismatches.push(Mismatch::Version { name: format!("{PACKAGE}/script@{version}") });
            }
            Some(_) => {}
        }
        for name in &self.imports {
            if name.starts_with("wasi:") {
                // The linker knows which; a missing one is reported by it.
                continue;
            }
            let Some(rest) = name.strip_prefix(PACKAGE).and_then(|rest| rest.strip_prefix('/'))
            else {
                mismatches.push(Mismatch::Import { name: name.clone() });
                continue;
            };
            let (interface, version) = rest.split_once('@').unwrap_or((rest, ""));
            if !serves(version) {
                mismatches.push(Mismatch::Version { name: name.clone() });
            } else if !INTERFACES.contains(&interface) {
                mismatches.push(Mismatch::Import { name: name.clone() });
            }
        }
        mismatches
    }
}

/// Whether a script built against this version of the contract runs here: the same minor version, and not a
/// later patch, which may have functions that this engine lacks.
fn serves(version: &str) -> bool {
    let parse = |text: &str| {
        let mut parts = text.splitn(3, '.').map(str::parse::<u32>);
        match (parts.next(), parts.next(), parts.next()) {
            (Some(Ok(major)), Some(Ok(minor)), Some(Ok(patch))) => Some((major, minor, patch)),
            _ => None,
        }
    };
    match (parse(version), parse(VERSION)) {
        (Some(asked), Some(ours)) => (asked.0, asked.1) == (ours.0, ours.1) && asked.2 <= ours.2,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(imports: &[&str], exports: &[&str]) -> Vec<String> {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let names = Names { imports: owned(imports), exports: owned(exports) };
        names.mismatches().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_script_of_this_contract_fits() {
        let imports = ["wasmload:script/http@0.1.0", "wasi:cli/stderr@0.2.6"];
        assert_eq!(said(&imports, &["wasmload:script/script@0.1.0"]), [""; 0]);
    }

    #[test]
    fn every_mismatch_is_said_at_once_and_names_what_was_found() {
        let imports =
            ["wasmload:script/http@0.2.0", "wasmload:script/telepathy@0.1.0", "acme:db/sql@1.0.0"];
        assert_eq!(
            said(&imports, &["wasi:cli/run@0.2.6"]),
            [
                "it does not export `wasmload:script/script@0.1.0`; it exports `wasi:cli/run@0.2.6`",
                "it was built against `wasmload:script/http@0.2.0`, and this engine has version 0.1.0",
                "it imports `wasmload:script/telepathy@0.1.0`, which this engine does not have",
                "it imports `acme:db/sql@1.0.0`, which this engine does not have",
            ]
        );
        assert_eq!(
            said(&[], &[]),
            ["it does not export `wasmload:script/script@0.1.0`; it exports nothing"]
        );
    }

    #[test]
    fn a_later_patch_of_the_contract_is_refused_with_both_versions() {
        assert_eq!(
            said(&[], &["wasmload:script/script@0.1.7"]),
            [
                "it was built against `wasmload:script/script@0.1.7`, and this engine has version 0.1.0"
            ]
        );
    }
}
