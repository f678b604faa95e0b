//! The forms in which a script may come, and scripts that were built long ago.

use std::os::unix::fs::MetadataExt as _;
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

#[test]
fn what_was_compiled_is_kept_for_the_next_run_where_it_was_asked_for() {
    let wasmload = Wasmload::new(env!("CARGO_BIN_EXE_wasmload"));
    let run = ["plan", artifacts::GIVES_OPTIONS];
    let files = |folder: &str| {
        let folder = std::fs::read_dir(wasmload.folder().join(folder));
        let inodes = folder.into_iter().flatten().map(|file| {
            let file = file.expect("it can be listed");
            (file.file_name(), file.metadata().expect("it is there").ino())
        });
        inodes.collect::<Vec<_>>()
    };
    let run = |flags: &[&str]| wasmload.run(&[&run[..], flags].concat());

    assert_eq!(run(&["--no-code-cache"]).code, Some(0));
    assert_eq!(files(".cache/wasmload/compiled"), []);
    for flags in [&[][..], &["--code-cache", "here"]] {
        let folder = if flags.is_empty() { ".cache/wasmload/compiled" } else { "here" };
        assert_eq!(run(flags).code, Some(0));
        let first = files(folder);
        assert_eq!(first.len(), 1, "{folder}");
        assert_eq!(run(flags).code, Some(0));
        assert_eq!(files(folder), first, "it was not written again");
    }

    wasmload.write("file", "");
    let ran = run(&["--code-cache", "file"]);
    assert_eq!(ran.code, Some(104), "{}", ran.redacted());
    assert!(ran.stderr.contains("failed to keep compiled code in `file`: "), "{}", ran.redacted());
    let ran = run(&["--code-cache", "here", "--no-code-cache"]);
    assert_eq!(ran.code, Some(104), "{}", ran.redacted());

    std::fs::remove_dir_all(wasmload.folder().join(".cache")).expect("it is ours");
    wasmload.write(".cache", "");
    let ran = run(&[]);
    assert_eq!(ran.code, Some(0), "it is gone without: {}", ran.redacted());
    assert!(ran.stderr.contains("it is compiled each time"), "{}", ran.redacted());
}

#[test]
fn compiled_code_of_any_other_origin_is_refused() {
    let wasmload = Wasmload::new(env!("CARGO_BIN_EXE_wasmload"));
    assert_eq!(wasmload.run(&["inspect", artifacts::SLEEPS, "--code-cache", "kept"]).code, Some(0));
    let kept = std::fs::read_dir(wasmload.folder().join("kept")).expect("it was made").next();
    let kept = kept.expect("there is one").expect("it can be listed").path();
    let ran = wasmload.run(&["run", kept.to_str().expect("its name is text")]);
    assert_eq!(ran.code, Some(120), "{}", ran.redacted());
    assert!(ran.stderr.contains("it is compiled already"), "{}", ran.redacted());
    assert!(ran.stderr.contains("give the .wasm that it was compiled from"), "{}", ran.redacted());
}
