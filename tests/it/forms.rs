//! The forms in which a script may come, and scripts that were built long ago.

use std::path::PathBuf;

use support::Wasmload;

/// Runs a script for three iterations against the demo target.
fn assert_runs(script: &str) {
    let wasmload = Wasmload::new(env!("CARGO_BIN_EXE_wasmload"));
    let ran = wasmload.run(&["run", script, "--demo", "--vus", "1", "--iterations", "3"]);
    assert_eq!(ran.code, Some(0), "{script}: {}", ran.redacted());
    let complete = "3 complete and 0 interrupted iterations";
    assert!(ran.stderr.contains(complete), "{script}: {}", ran.redacted());
}

#[test]
fn scripts_built_for_an_earlier_engine_still_run() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../tests/kept");
    let scripts: Vec<_> = std::fs::read_dir(folder)
        .expect("tests/kept is a folder")
        .map(|entry| entry.expect("it can be listed").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "wasm"))
        .collect();
    assert!(!scripts.is_empty(), "there is one from the first day");
    for script in scripts {
        assert_runs(script.to_str().expect("its name is text"));
    }
}

#[test]
fn a_core_module_that_carries_its_component_type_is_made_a_component() {
    let wasmload = Wasmload::new(env!("CARGO_BIN_EXE_wasmload"));
    let ran = wasmload.run(&["inspect", artifacts::CORE_MODULE]);
    assert!(ran.stdout.contains("core module with component type"), "{}", ran.redacted());
    assert_runs(artifacts::CORE_MODULE);
}
