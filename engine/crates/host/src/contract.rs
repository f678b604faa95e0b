//! Whether a component is a script for this engine, told in words when it is not.
//!
//! Linking would find the same faults, but one at a time and in the linker's words.

use std::fmt;

use wasmtime::component::Component;

/// The package of the contract, and the version this engine has.
const PACKAGE: &str = "wasmload:script";
const VERSION: &str = "0.1.0";
/// The interfaces of the contract that a script may import.
const INTERFACES: [&str; 12] = [
    "checks",
    "context",
    "dataset",
    "http",
    "log",
    "metrics",
    "secrets",
    "spans",
    "sse",
    "timing",
    "types",
    "websocket",
];

/// The standard's interface that makes a component a program, and its version that this engine has.
const RUN: &str = "wasi:cli/run";
const WASI: (u32, u32) = (0, 2);

/// What makes a component a script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Contract {
    /// It exports the interface `script` of this version of the contract.
    Script(String),
    /// It exports `wasi:cli/run` of this version, and is called as a program is.
    Program(String),
}

impl fmt::Display for Contract {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Script(version) => write!(f, "{PACKAGE}@{version}"),
            Self::Program(version) => write!(f, "{RUN}@{version}"),
        }
    }
}

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
    /// It was built for another version of the standard.
    Wasi {
        /// The import or export.
        name: String,
    },
    /// It imports an interface that the engine does not have.
    Import {
        /// The import.
        name: String,
    },
}

impl Mismatch {
    /// Whether it is a component that answers requests, and sends none by itself.
    pub(crate) fn is_server(&self) -> bool {
        let answers = |name: &String| name.starts_with("wasi:http/incoming-handler@");
        matches!(self, Self::NoScript { exports } if exports.iter().any(answers))
    }
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoScript { exports } => {
                let (major, minor) = WASI;
                write!(f, "it exports neither `{PACKAGE}/script@{VERSION}` nor ")?;
                write!(f, "`{RUN}@{major}.{minor}`; it exports ")?;
                match exports.as_slice() {
                    [] => f.write_str("nothing"),
                    exports => write!(f, "`{}`", exports.join("`, `")),
                }
            }
            Self::Version { name } => {
                write!(f, "it was built against `{name}`, and this engine has version {VERSION}")
            }
            Self::Wasi { name } => {
                let (major, minor) = WASI;
                write!(f, "it was built against `{name}`, and this engine has WASI {major}.{minor}")
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

    /// What makes it a script. One that could be called either way is called as the contract says.
    fn contract(&self) -> Option<Contract> {
        let version = |interface: &str| {
            self.exports.iter().find_map(|name| {
                let (known, version) = name.split_once('@')?;
                (known == interface).then(|| version.to_owned())
            })
        };
        let script = version(&format!("{PACKAGE}/script")).map(Contract::Script);
        script.or_else(|| version(RUN).map(Contract::Program))
    }

    /// Whether it asks for HTTP as the standard has it.
    pub(crate) fn imports_wasi_http(&self) -> bool {
        self.imports.iter().any(|name| name.starts_with("wasi:http/"))
    }

    /// What makes it a script for this engine.
    ///
    /// Fails with everything about it that this engine cannot serve.
    pub(crate) fn check(&self) -> Result<Contract, Vec<Mismatch>> {
        let mut mismatches = Vec::new();
        let contract = self.contract();
        match &contract {
            None => mismatches.push(Mismatch::NoScript { exports: self.exports.clone() }),
            Some(Contract::Script(version)) if !serves(version) => {
                mismatches.push(Mismatch::Version { name: format!("{PACKAGE}/script@{version}") });
            }
            Some(Contract::Program(version)) if !is_wasi(version) => {
                mismatches.push(Mismatch::Wasi { name: format!("{RUN}@{version}") });
            }
            Some(_) => {}
        }
        for name in &self.imports {
            let (interface, version) = name.split_once('@').unwrap_or((name, ""));
            if interface.starts_with("wasi:") {
                // The linker knows which there are; a missing one is reported by it.
                if !is_wasi(version) {
                    mismatches.push(Mismatch::Wasi { name: name.clone() });
                }
                continue;
            }
            match interface.strip_prefix(PACKAGE).and_then(|rest| rest.strip_prefix('/')) {
                Some(_) if !serves(version) => {
                    mismatches.push(Mismatch::Version { name: name.clone() });
                }
                Some(interface) if INTERFACES.contains(&interface) => {}
                Some(_) | None => mismatches.push(Mismatch::Import { name: name.clone() }),
            }
        }
        match contract {
            Some(contract) if mismatches.is_empty() => Ok(contract),
            _ => Err(mismatches),
        }
    }
}

/// Whether a script built against this version of the contract runs here: the same minor version, and not a
/// later patch, which may have functions that this engine lacks.
fn serves(version: &str) -> bool {
    match (parse(version), parse(VERSION)) {
        (Some(asked), Some(ours)) => (asked.0, asked.1) == (ours.0, ours.1) && asked.2 <= ours.2,
        _ => false,
    }
}

/// Whether this version of the standard is the engine's: patches only add what a component need not ask for,
/// and the linker says what is not there.
fn is_wasi(version: &str) -> bool {
    parse(version).is_some_and(|(major, minor, _)| (major, minor) == WASI)
}

fn parse(version: &str) -> Option<(u32, u32, u32)> {
    let mut parts = version.splitn(3, '.').map(str::parse::<u32>);
    match (parts.next(), parts.next(), parts.next()) {
        (Some(Ok(major)), Some(Ok(minor)), Some(Ok(patch))) => Some((major, minor, patch)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(imports: &[&str], exports: &[&str]) -> Result<Contract, Vec<Mismatch>> {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Names { imports: owned(imports), exports: owned(exports) }.check()
    }

    fn said(imports: &[&str], exports: &[&str]) -> Vec<String> {
        let mismatches = checked(imports, exports).expect_err("it is no script");
        mismatches.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_makes_a_component_a_script_is_told() {
        let script = "wasmload:script/script@0.1.0";
        for (imports, exports, contract) in [
            (&["wasmload:script/http@0.1.0"][..], &[script][..], "wasmload:script@0.1.0"),
            (&["wasi:cli/stderr@0.2.6"], &["wasi:cli/run@0.2.0"], "wasi:cli/run@0.2.0"),
            (&["wasi:http/types@0.2.99"], &["wasi:cli/run@0.2.99"], "wasi:cli/run@0.2.99"),
            (&["wasmload:script/log@0.1.0"], &["wasi:cli/run@0.2.6"], "wasi:cli/run@0.2.6"),
            (&[], &["wasi:cli/run@0.2.6", script], "wasmload:script@0.1.0"),
            (&[], &["acme:db/sql@1.0.0", "memory", script], "wasmload:script@0.1.0"),
        ] {
            let found = checked(imports, exports).map(|contract| contract.to_string());
            assert_eq!(found, Ok(contract.to_owned()), "{imports:?} {exports:?}");
        }
    }

    #[test]
    fn every_mismatch_is_said_at_once_and_names_what_was_found() {
        let imports =
            ["wasmload:script/http@0.2.0", "wasmload:script/telepathy@0.1.0", "acme:db/sql@1.0.0"];
        assert_eq!(
            said(&imports, &["wasi:http/incoming-handler@0.2.6"]),
            [
                "it exports neither `wasmload:script/script@0.1.0` nor `wasi:cli/run@0.2`; it exports `wasi:http/incoming-handler@0.2.6`",
                "it was built against `wasmload:script/http@0.2.0`, and this engine has version 0.1.0",
                "it imports `wasmload:script/telepathy@0.1.0`, which this engine does not have",
                "it imports `acme:db/sql@1.0.0`, which this engine does not have",
            ]
        );
        assert_eq!(
            said(&[], &[]),
            [
                "it exports neither `wasmload:script/script@0.1.0` nor `wasi:cli/run@0.2`; it exports nothing"
            ]
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

    #[test]
    fn another_version_of_the_standard_is_refused_with_both_versions() {
        assert_eq!(
            said(&["wasi:http/client@0.3.0"], &["wasi:cli/run@0.3.0"]),
            [
                "it was built against `wasi:cli/run@0.3.0`, and this engine has WASI 0.2",
                "it was built against `wasi:http/client@0.3.0`, and this engine has WASI 0.2",
            ]
        );
        assert_eq!(
            said(&[], &["wasi:cli/run@0.2.0-rc-2023-11-10"]),
            [
                "it was built against `wasi:cli/run@0.2.0-rc-2023-11-10`, and this engine has WASI 0.2"
            ]
        );
    }
}
