//! `wasmload inspect`: what a script is and wants, without running it.

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::Args;
use host::Inspection;
use plan::WantsOptions;
use serde_json::json;

use super::grants::GrantFlags;
use super::{print, print_json};
use crate::assemble;
use crate::code_cache::CodeCacheFlags;
use crate::exit::ExitCode;
use crate::fault::Fault;
use crate::machine::bytes;
use crate::printable;

/// Show what a script is: its contract, imports, exports and options, what it wants, and what of that it would not get
///
/// What it wants is read from the component, which carries it if `wasmload build` made it, or else from its options.
/// It is asked for those in a sandbox without a network, and nothing else of it runs.
#[derive(Debug, Args)]
pub(crate) struct Inspect {
    /// A .wasm or .wat file, a Cargo package's folder, or a .rs file in one
    pub(crate) script: PathBuf,

    /// Print JSON
    #[arg(long)]
    json: bool,

    /// Do not ask it for its options: not a line of it runs
    #[arg(long)]
    pub(crate) no_options: bool,

    #[command(flatten)]
    pub(crate) grants: GrantFlags,

    #[command(flatten)]
    pub(crate) code_cache: CodeCacheFlags,
}

/// What is told of a script.
pub(crate) struct Inspected {
    /// What can be told without asking it.
    pub(crate) inspection: Inspection,
    /// Its options, as it says them; none if it was not asked.
    pub(crate) options: Option<String>,
    /// Bytes of memory that a VU of it takes as it is made; none if it was not asked, or the system does not say.
    pub(crate) memory: Option<u64>,
    /// What it says it wants.
    pub(crate) wants: Option<WantsOptions>,
    /// What of that, and of its options, would be refused, and how to allow it.
    pub(crate) refused: Vec<String>,
}

impl Inspect {
    pub(crate) fn execute(self) -> Result<ExitCode, Fault> {
        let inspected = assemble::inspect(&self)?;
        if self.json { print_json(&value(&inspected)) } else { print(&text(&inspected)) }
    }
}

fn value(inspected: &Inspected) -> serde_json::Value {
    let Inspected { inspection, options, memory, wants, refused } = inspected;
    let Inspection { kind, size, digest, contract, imports, exports, producers, wants: _ } =
        inspection;
    // Options that are no JSON are shown as the text that they are.
    let options = match options.as_deref().unwrap_or_default() {
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
        "memoryPerVu": memory,
        "contract": contract,
        "imports": imports,
        "exports": exports,
        "producers": producers,
        "options": options,
        "wants": wants,
        "refused": refused,
    })
}

fn text(inspected: &Inspected) -> String {
    let Inspected { inspection, options, memory, wants, refused } = inspected;
    let Inspection { kind, size, digest, contract, imports, exports, producers, wants: _ } =
        inspection;
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
    let memory = memory.map(|memory| format!("{} a VU, as it is made", bytes(memory)));
    row("memory", memory.as_slice());
    row("imports", imports);
    row("exports", exports);
    let producers: Vec<String> =
        producers.iter().map(|(name, version)| format!("{name} {version}")).collect();
    row("made by", &producers);
    let options = match options.as_deref() {
        None => vec!["not asked for".to_owned()],
        Some("") => vec!["none".to_owned()],
        Some(text) => match serde_json::from_str::<serde_json::Value>(text) {
            Ok(value) => printable::json(&value).lines().map(ToOwned::to_owned).collect(),
            Err(_) => text.lines().map(ToOwned::to_owned).collect(),
        },
    };
    row("options", &options);
    let wants = match wants {
        None => vec!["it does not say".to_owned()],
        Some(wants) => {
            let json = json!(wants);
            printable::json(&json).lines().map(ToOwned::to_owned).collect()
        }
    };
    row("wants", &wants);
    match refused.as_slice() {
        [] => row("refused", &["nothing".to_owned()]),
        refused => row("refused", refused),
    }
    text
}

#[cfg(test)]
mod tests {
    use host::ScriptKind;

    use super::*;

    fn inspected(options: &str) -> Inspected {
        let inspection = Inspection {
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
            wants: None,
        };
        let options = Some(options.to_owned());
        Inspected { inspection, options, memory: Some(27_750), wants: None, refused: Vec::new() }
    }

    #[test]
    fn a_person_reads_rows_in_which_nothing_of_the_script_acts() {
        assert_eq!(
            text(&inspected(r#"{"vus":2}"#)),
            "kind      component\n\
             contract  wasmload:script@0.1.0\n\
             size      72104 bytes\n\
             digest    sha256:5eed\n\
             memory    27.1 KiB a VU, as it is made\n\
             imports   wasmload:script/checks@0.1.0\n\
             \x20         wasmload:script/http@0.1.0\n\
             exports   wasmload:script/script@0.1.0\n\
             made by   Rust\\u{1b}[2J 1.95.0\n\
             options   {\n\
             \x20           \"vus\": 2\n\
             \x20         }\n\
             wants     it does not say\n\
             refused   nothing\n"
        );
        assert!(text(&inspected("")).contains("options   none\n"));
        assert!(text(&inspected("\u{9b}2J")).contains("options   \\u{9b}2J\n"), "no JSON");
        let wants = WantsOptions { rps: Some(5), ..WantsOptions::default() };
        let refused = vec!["a\u{1b}".to_owned(), "b".to_owned()];
        let unasked =
            Inspected { options: None, memory: None, wants: Some(wants), refused, ..inspected("") };
        assert!(text(&unasked).ends_with(
            "options   not asked for\n\
             wants     {\n\
             \x20           \"rps\": 5\n\
             \x20         }\n\
             refused   a\\u{1b}\n\
             \x20         b\n"
        ));
    }

    #[test]
    fn a_program_reads_the_same_as_json() {
        let value = value(&inspected(r#"{"vus":2}"#));
        assert_eq!(value["kind"], "component");
        assert_eq!(value["producers"][0]["version"], "1.95.0");
        assert_eq!(value["options"]["vus"], 2);
        assert_eq!(value["memoryPerVu"], 27_750);
        assert_eq!(super::value(&inspected(""))["options"], serde_json::Value::Null);
    }
}
