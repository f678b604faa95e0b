//! Everything that is not a run: build, new, inspect, schema, completions.

use std::path::Path;

use serde_json::Value;
use support::Wasmload;

fn wasmload() -> Wasmload {
    Wasmload::new(env!("CARGO_BIN_EXE_wasmload"))
}

#[test]
fn a_scaffold_builds_and_runs_as_it_is() {
    let wasmload = wasmload();
    let new = wasmload.run(&["new", "first-test", "--lang", "rust"]);
    assert_eq!(new.code, Some(0), "{}", new.redacted());
    let ran = wasmload.run(&["run", "first-test", "--demo", "--iterations", "3", "--vus", "3"]);
    assert_eq!(ran.code, Some(0), "{}", ran.redacted());
    assert!(ran.stdout.contains("3 out of 3"), "{}", ran.stdout);

    let again = wasmload.run(&["new", "first-test"]);
    assert_eq!(again.code, Some(104));
    assert!(again.stderr.contains("is there already"), "{}", again.stderr);
}

#[test]
fn building_prints_where_the_component_is() {
    let wasmload = wasmload();
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/rust/hello.rs");
    let built = wasmload.run(&["build", source, "-o", "hello.wasm"]);
    assert_eq!(built.code, Some(0), "{}", built.redacted());
    assert_eq!(built.stdout, "hello.wasm\n");
    assert!(wasmload.folder().join("hello.wasm").exists());

    let package =
        wasmload.run(&["build", concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/rust")]);
    assert_eq!(package.code, Some(121), "several scripts: one must be named");
    assert!(package.stderr.contains("shop.rs"), "{}", package.stderr);

    let nothing = wasmload.run(&["build", "."]);
    assert_eq!(nothing.code, Some(121));
    assert!(nothing.stderr.contains("there is no Cargo.toml"), "{}", nothing.stderr);
}

#[test]
fn inspecting_tells_what_a_script_is() {
    let wasmload = wasmload();
    let ran = wasmload.run(&["inspect", artifacts::GIVES_OPTIONS, "--json"]);
    assert_eq!(ran.code, Some(0), "{}", ran.redacted());
    let told: Value = serde_json::from_str(&ran.stdout).expect("it is JSON");
    assert_eq!(told["kind"], "component");
    assert_eq!(told["contract"], "wasmload:script@0.1.0");
    assert_eq!(told["options"]["iterations"], 12);
    let size = Path::new(artifacts::GIVES_OPTIONS).metadata().expect("it is there").len();
    assert_eq!(told["size"], size);
    let imports = told["imports"].as_array().expect("a list");
    assert!(imports.contains(&"wasmload:script/http@0.1.0".into()), "{}", ran.stdout);
}

#[test]
fn schemas_completions_and_the_manual_come_from_the_definitions() {
    let wasmload = wasmload();
    let schema = wasmload.run(&["schema", "options"]);
    let schema: Value = serde_json::from_str(&schema.stdout).expect("a schema is JSON");
    assert!(schema["properties"]["scenarios"].is_object());
    let summary = wasmload.run(&["schema", "summary"]);
    assert!(serde_json::from_str::<Value>(&summary.stdout).is_ok());
    assert!(wasmload.run(&["completions", "bash"]).stdout.contains("--summary-export"));
    assert!(wasmload.run(&["man", "run"]).stdout.contains("summary\\-export"));
    assert!(wasmload.run(&["run", "--help"]).stdout.contains("99  a threshold was crossed"));
}

#[test]
fn the_doctor_says_how_many_vus_fit_and_what_to_raise() {
    let wasmload = Wasmload::new(env!("CARGO_BIN_EXE_wasmload"));
    let doctor = |flags: &[&str]| {
        wasmload.run(&[&["doctor", artifacts::GIVES_OPTIONS, "--json"][..], flags].concat())
    };
    let ran = doctor(&[]);
    assert_eq!(ran.code, Some(0), "{}", ran.redacted());
    let told: serde_json::Value = serde_json::from_str(&ran.stdout).expect("it is JSON");
    assert_eq!(told["vus"], 3, "as its own options have it");
    assert!(told["fits"].as_u64().is_some_and(|fits| fits >= 3), "{told}");
    assert!(told["perVu"]["memory"].as_u64().is_some_and(|bytes| bytes > 0), "{told}");

    // More than any process has addresses for.
    let ran = doctor(&["--vus", "1000000", "--duration", "1s"]);
    assert_eq!(ran.code, Some(104), "{}", ran.redacted());
    let told: serde_json::Value = serde_json::from_str(&ran.stdout).expect("it is JSON");
    let walls = told["walls"].as_array().expect("they are listed");
    let addresses = walls.iter().find(|wall| wall["what"] == "address space").expect("it is one");
    assert_eq!(addresses["remedy"], "fewer VUs in one process");
    let fits: Vec<_> = walls.iter().map(|wall| wall["fits"].as_u64()).collect();
    assert!(fits.is_sorted() && fits[0] == told["fits"].as_u64(), "{told}");

    let ran = wasmload.run(&["doctor", "missing.wasm"]);
    assert_eq!(ran.code, Some(120), "{}", ran.redacted());
}
