//! The conformance kit: in each language one guest does all that a script can do, and what it says of it, what the
//! target saw and what the metrics say is the same for all. `tests/kit/README.md` says how a language is added.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use demo::{Demo, Faults};
use serde_json::Value;
use support::{Ran, Wasmload};

/// What every guest must come to.
const EXPECTED: &str = include_str!("../kit/expected.txt");

/// Options that have a guest end the run.
const ABORTS: &str = r#"{"scenarios":{"kit":{"executor":"per-vu-iterations","vus":1,"iterations":1,"exec":"aborts"}}}"#;

/// Where the kit is.
const KIT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/kit");

/// The component of a language's guest. None, and a line that says so, if the tools of the language are not there and
/// need not be.
fn built(wasmload: &Wasmload, language: &str) -> Option<String> {
    let source = format!("{KIT}/{language}");
    let ran = wasmload.run(&["build", &source, "-o", "kit.wasm"]);
    if !support::has_tools(language, &ran) {
        return None;
    }
    assert_eq!(ran.code, Some(0), "{language}: {}", ran.redacted());
    Some("kit.wasm".to_owned())
}

/// Runs a guest, with all that it is given.
fn run(wasmload: &Wasmload, guest: &str, base: &str, more: &[&str]) -> Ran {
    wasmload.write("password", "geheim🔑");
    wasmload.write("people.csv", include_str!("../kit/people.csv"));
    let base = format!("BASE_URL={base}");
    let given: [&[&str]; 5] = [
        &["run", guest, "-v", "-e", &base, "-e", "CLOSED=http://127.0.0.1:1/"],
        &["--dataset", "people=people.csv", "--secret", "password=file:password"],
        &["--allow-net", "name.invalid", "--max-log-lines", "100000"],
        &["--seed", "7", "--summary-export", "summary.json"],
        more,
    ];
    wasmload.run(&given.concat())
}

/// The facts that a guest said, in their order; those of VUs that run at the same time, sorted.
fn facts(ran: &Ran) -> Vec<String> {
    let said = ran.stderr.lines().filter_map(|line| {
        let (level, line) = line.split_once(": ")?;
        let (_, fact) = line.split_once(": kit: ")?;
        Some(if fact.starts_with("log = ") { format!("{level}: {fact}") } else { fact.to_owned() })
    });
    said.filter(|fact| !fact.starts_with("draw = ")).collect()
}

/// The numbers that its users drew by chance.
fn draws(ran: &Ran) -> Vec<&str> {
    let mut draws: Vec<_> =
        ran.stderr.lines().filter_map(|line| Some(line.split_once(": kit: draw = ")?.1)).collect();
    draws.sort_unstable();
    draws
}

/// What the metrics say that is the same in every run.
fn metrics(summary: &Value) -> Vec<String> {
    let metrics = summary["metrics"].as_object().expect("a summary has metrics");
    let mut lines = Vec::new();
    for (name, metric) in metrics {
        let value = |key: &str| metric["values"][key].as_f64().unwrap_or(f64::NAN);
        let line = match metric["type"].as_str().unwrap_or_default() {
            "counter" if metric["contains"] != "data" => format!("{}", value("count")),
            "rate" => format!("{} of {}", value("passes"), value("passes") + value("fails")),
            "gauge" if name.starts_with("kit_") => {
                format!("{} from {} to {}", value("value"), value("min"), value("max"))
            }
            "trend" if name.starts_with("kit_") => {
                format!("{} from {} to {}", value("avg"), value("min"), value("max"))
            }
            _ => continue,
        };
        lines.push(format!("metric {name} = {line}"));
    }
    lines
}

/// The texts with which iterations failed, without the places that some languages add.
fn failures(ran: &Ran) -> BTreeMap<String, usize> {
    let mut failures = BTreeMap::new();
    for line in ran.stderr.lines() {
        if let Some((_, why)) = line.split_once("iteration failed in scenario failing ") {
            let (_, why) = why.split_once("): ").expect("it says which VU");
            let found = why.contains("on purpose: größer als 🌍");
            let why = if found { "on purpose: größer als 🌍" } else { why };
            *failures.entry(why.to_owned()).or_default() += 1;
        }
    }
    failures
}

fn does_what_every_other_does(language: &str) {
    let wasmload = Wasmload::new(env!("CARGO_BIN_EXE_wasmload"));
    let Some(guest) = built(&wasmload, language) else { return };
    let target = Demo::spawn_thread(([127, 0, 0, 1], 0).into(), Faults::default()).expect("a port");

    let ran = run(&wasmload, &guest, &target.url(), &[]);
    let mut said = String::new();
    for fact in facts(&ran) {
        writeln!(said, "{fact}").expect("a string grows");
    }
    for (why, _) in failures(&ran) {
        writeln!(said, "failed: {why}").expect("a string grows");
    }
    writeln!(said, "exit code = {}", ran.code.unwrap_or(-1)).expect("a string grows");
    let record = target.record();
    for answers in &record.answers {
        let (method, route) = (answers.method, answers.route);
        writeln!(said, "target {method} {route} {} = {}", answers.status, answers.count)
            .expect("a string grows");
    }
    let messages = (record.messages_received, record.messages_sent);
    writeln!(said, "target messages = {} {}", messages.0, messages.1).expect("a string grows");
    let summary = serde_json::from_str(&wasmload.read("summary.json")).expect("it is JSON");
    for line in metrics(&summary) {
        writeln!(said, "{line}").expect("a string grows");
    }
    let expected: String = EXPECTED
        .lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty())
        .fold(String::new(), |all, line| all + line + "\n");
    if said != expected {
        wasmload.write("said.txt", &said);
        let differ = |one: &str, other: &str, sign: char| -> String {
            let lines: Vec<_> = other.lines().collect();
            let new = one.lines().filter(|line| !lines.contains(line));
            new.map(|line| format!("{sign} {line}\n")).collect()
        };
        let missing = differ(&expected, &said, '-') + &differ(&said, &expected, '+');
        panic!("{language}: what differs:\n{missing}\nall that it said:\n{said}\n{}", ran.stderr);
    }

    let drawn = draws(&ran);
    assert_eq!(drawn.len(), 2, "{language}: two users draw");
    assert_ne!(drawn[0], drawn[1], "{language}: two users draw the same, as if from one snapshot");

    wasmload.write("aborts.json", ABORTS);
    let aborted = run(&wasmload, &guest, &target.url(), &["-c", "aborts.json"]);
    assert_eq!(aborted.code, Some(108), "{language}: {}", aborted.redacted());
    assert!(aborted.stderr.contains("the kit ends the run"), "{language}: {}", aborted.stderr);
}

macro_rules! languages {
    ($($language:ident),* $(,)?) => {
        $(
            #[test]
            fn $language() {
                does_what_every_other_does(stringify!($language));
            }
        )*

        #[test]
        fn every_guest_of_the_kit_is_run() {
            let mut folders: Vec<String> = std::fs::read_dir(KIT)
                .expect("the kit is a folder")
                .map(|entry| entry.expect("it can be listed"))
                .filter(|entry| entry.path().is_dir())
                .map(|entry| entry.file_name().to_string_lossy().into_owned())
                .collect();
            folders.sort();
            assert_eq!(folders, [$(stringify!($language)),*]);
        }
    };
}

// In alphabetical order.
languages!(c, go, js, python, rust, ts);
