//! `wasmload inspect`: what a script is, without running it.

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::Args;
use host::Inspection;
use serde_json::json;

use super::{print, print_json};
use crate::assemble;
use crate::code_cache::CodeCacheFlags;
use crate::exit::ExitCode;
use crate::fault::Fault;
use crate::printable;

/// Show what a script is: its contract, imports, exports and options
#[derive(Debug, Args)]
pub(crate) struct Inspect {
    /// A .wasm or .wat file, a Cargo package's folder, or a .rs file in one
    script: PathBuf,

    /// Print JSON
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    pub(crate) code_cache: CodeCacheFlags,
}

impl Inspect {
    pub(crate) fn execute(self) -> Result<ExitCode, Fault> {
        let path = assemble::component(&self.script)?;
        let (inspection, options) = assemble::inspect(&self, &path)?;
        if self.json {
            print_json(&value(&inspection, &options))
        } else {
            print(&text(&inspection, &options))
        }
    }
}

fn value(inspection: &Inspection, options: &str) -> serde_json::Value {
    let Inspection { kind, size, digest, contract, imports, exports, producers } = inspection;
    // Options that are no JSON are shown as the text that they are.
    let options = match options {
        "" => serde_json::Value::Null,
        text => serde_json::from_str(text).unwrap_or_else(|_| text.into()),
    };
    let producers: Vec<_> = producers
        .iter()
        .map(|(name, version)| json!({ "name": name, "version": version }))
        .collect();
    json!({
        "kind": kind.as_str(),
        "size": size,
        "digest": format!("sha256:{digest}"),
        "contract": contract,
        "imports": imports,
        "exports": exports,
        "producers": producers,
        "options": options,
    })
}

fn text(inspection: &Inspection, options: &str) -> String {
    let Inspection { kind, size, digest, contract, imports, exports, producers } = inspection;
    let mut text = String::new();
    let mut row = |name: &str, lines: &[String]| {
        let mut name = name;
        for line in lines {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{name:<10}{}", printable::line(line));
            name = "";
        }
    };
    row("kind", &[kind.as_str().to_owned()]);
    row("contract", std::slice::from_ref(contract));
    row("size", &[format!("{size} bytes")]);
    row("digest", &[format!("sha256:{digest}")]);
    row("imports", imports);
    row("exports", exports);
    let producers: Vec<String> =
        producers.iter().map(|(name, version)| format!("{name} {version}")).collect();
    row("made by", &producers);
    let options = match options {
        "" => vec!["none".to_owned()],
        text => match serde_json::from_str::<serde_json::Value>(text) {
            Ok(value) => printable::json(&value).lines().map(ToOwned::to_owned).collect(),
            Err(_) => text.lines().map(ToOwned::to_owned).collect(),
        },
    };
    row("options", &options);
    text
}

#[cfg(test)]
mod tests {
    use host::ScriptKind;

    use super::*;

    fn inspection() -> Inspection {
        Inspection {
            kind: ScriptKind::Component,
            size: 72_104,
            digest: "5eed".into(),
            contract: "wasmload:script@0.1.0".into(),
            imports: vec![
                "wasmload:script/checks@0.1.0".into(),
                "wasmload:script/http@0.1.0".into(),
            ],
            exports: vec!["wasmload:script/script@0.1.0".into()],
            producers: vec![("Rust\u{1b}[2J".into(), "1.95.0".into())],
        }
    }

    #[test]
    fn a_person_reads_rows_in_which_nothing_of_the_script_acts() {
        assert_eq!(
            text(&inspection(), r#"{"vus":2}"#),
            "kind      component\n\
             contract  wasmload:script@0.1.0\n\
             size      72104 bytes\n\
             digest    sha256:5eed\n\
             imports   wasmload:script/checks@0.1.0\n\
             \x20         wasmload:script/http@0.1.0\n\
             exports   wasmload:script/script@0.1.0\n\
             made by   Rust\\u{1b}[2J 1.95.0\n\
             options   {\n\
             \x20           \"vus\": 2\n\
             \x20         }\n"
        );
        assert!(text(&inspection(), "").ends_with("options   none\n"));
        assert!(text(&inspection(), "\u{9b}2J").ends_with("options   \\u{9b}2J\n"), "no JSON");
    }

    #[test]
    fn a_program_reads_the_same_as_json() {
        let value = value(&inspection(), r#"{"vus":2}"#);
        assert_eq!(value["kind"], "component");
        assert_eq!(value["producers"][0]["version"], "1.95.0");
        assert_eq!(value["options"]["vus"], 2);
        assert_eq!(super::value(&inspection(), "")["options"], serde_json::Value::Null);
    }
}
