//! Runs that are repeated by their seed, and failures that are recorded and run again without the target.

use support::{Ran, Wasmload};

fn wasmload() -> Wasmload {
    Wasmload::new(env!("CARGO_BIN_EXE_wasmload"))
}

fn assert_code(ran: &Ran, code: i32) {
    assert_eq!(ran.code, Some(code), "{}", ran.redacted());
}

/// Lines of standard error with this in them.
fn lines<'a>(ran: &'a Ran, with: &str) -> Vec<&'a str> {
    ran.stderr.lines().filter(|line| line.contains(with)).collect()
}

/// A folder in which failures of `expects_a_wrong_page` were recorded; the target is gone.
fn recorded() -> Wasmload {
    let wasmload = wasmload();
    let ran = wasmload.run(&[
        "run",
        artifacts::EXPECTS_A_WRONG_PAGE,
        "--demo",
        "-i",
        "5",
        "--record-failures",
        "2",
        "--seed",
        "7",
    ]);
    assert_code(&ran, 0);
    let told = format!("recorded: wasmload replay {FIRST} {}", artifacts::EXPECTS_A_WRONG_PAGE);
    assert_eq!(lines(&ran, &told).len(), 1, "{}", ran.stderr);
    let files = std::fs::read_dir(wasmload.folder().join("wasmload-recordings"));
    assert_eq!(files.expect("it is there").count(), 2, "as many as were asked for");
    wasmload
}

const FIRST: &str = "wasmload-recordings/default-vu1-iteration0.replay";

#[test]
fn a_recorded_failure_comes_again_without_the_target() {
    let wasmload = recorded();
    let ran = wasmload.run(&["replay", FIRST, artifacts::EXPECTS_A_WRONG_PAGE]);
    assert_code(&ran, 0);
    let recorded = "recorded: iteration 0 of VU 1 (flow `default`) in scenario `default`, seed 7\n";
    assert!(ran.stdout.starts_with(recorded), "{}", ran.stdout);
    assert!(ran.stdout.contains("it trapped: panicked: "), "{}", ran.stdout);
    assert!(ran.stdout.contains("\nreplayed: the same, after "), "{}", ran.stdout);
    assert!(ran.stderr.contains("VU 1: it is to be missing"), "{}", ran.stderr);
    assert!(!ran.stderr.contains("http@"), "nobody asked for host calls: {}", ran.stderr);

    let verbose = wasmload.run(&["replay", FIRST, artifacts::EXPECTS_A_WRONG_PAGE, "--verbose"]);
    assert_code(&verbose, 0);
    assert!(verbose.stderr.contains("http@0.1.0#[method]response.status"), "{}", verbose.stderr);
}

#[test]
fn a_recording_of_another_script_is_refused_unless_that_is_meant() {
    let wasmload = recorded();
    let refused = wasmload.run(&["replay", FIRST, artifacts::EXPECTS_THE_RIGHT_PAGE]);
    assert_code(&refused, 104);
    assert!(refused.stderr.contains("is of another script than"), "{}", refused.stderr);
    assert_eq!(lines(&refused, "  recorded: sha256:").len(), 1, "{}", refused.stderr);
    assert_eq!(lines(&refused, "  given:    sha256:").len(), 1, "{}", refused.stderr);
    assert_eq!(lines(&refused, "hint: --any-script").len(), 1, "{}", refused.stderr);

    let any = |script| wasmload.run(&["replay", FIRST, script, "--any-script"]);
    let mended = any(artifacts::EXPECTS_THE_RIGHT_PAGE);
    assert_code(&mended, 122);
    assert!(
        mended.stdout.contains("another end, after 4 host calls: it completed"),
        "{}",
        mended.stdout
    );
    let other = any(artifacts::ASKS_IN_ANOTHER_ORDER);
    assert_code(&other, 122);
    assert!(other.stdout.contains("replayed: another host call came, after 1"), "{}", other.stdout);
    assert!(other.stdout.contains("/catalogue"), "{}", other.stdout);
}

#[test]
fn a_file_that_is_no_recording_is_refused() {
    let wasmload = recorded();
    let file = std::fs::read(wasmload.folder().join(FIRST)).expect("it is there");
    let mut newer = file.clone();
    newer[8] = 2;
    let script = std::fs::read(artifacts::EXPECTS_A_WRONG_PAGE).expect("it is there");
    for (bytes, why) in [
        (&file[..file.len() / 2], "it is damaged: part of it is missing, or has been changed"),
        (&newer, "it has version 2 of the format, and this engine reads version 1"),
        (&script, "it is no recording of a failed iteration"),
        (&[], "it is no recording of a failed iteration"),
    ] {
        wasmload.write("other.replay", bytes);
        let ran = wasmload.run(&["replay", "other.replay", artifacts::EXPECTS_A_WRONG_PAGE]);
        assert_code(&ran, 104);
        assert!(
            ran.stderr.contains("failed to read the recording `other.replay`"),
            "{}",
            ran.stderr
        );
        assert!(ran.stderr.contains(why), "{}", ran.stderr);
    }
    let missing = wasmload.run(&["replay", "none.replay", artifacts::EXPECTS_A_WRONG_PAGE]);
    assert_code(&missing, 104);
    assert!(missing.stderr.contains("it cannot be read: "), "{}", missing.stderr);
}

#[test]
fn what_cannot_be_recorded_is_refused_before_the_run() {
    let wasmload = wasmload();
    wasmload.write("file", "");
    let run = ["run", "--demo", "--record-failures", "1", artifacts::EXPECTS_A_WRONG_PAGE];
    let folder = wasmload.run(&[&run[..], &["--record-failures-to", "file/in"]].concat());
    assert_code(&folder, 104);
    let said = "failed to use the folder `file/in` for recordings";
    assert!(folder.stderr.contains(said), "{}", folder.stderr);

    let program = artifacts::PROGRAM_GETS_AND_POSTS;
    let standard = wasmload.run(&["run", "--demo", "--record-failures", "1", program]);
    assert_code(&standard, 104);
    let said = "`--record-failures` does not cover scripts that ask by `wasi:http`";
    assert!(standard.stderr.contains(said), "{}", standard.stderr);
    assert!(!wasmload.folder().join("wasmload-recordings").exists());
}

#[test]
fn a_run_is_repeated_by_the_seed_that_it_printed() {
    let wasmload = wasmload();
    let run = |flags: &[&str]| {
        let ran = wasmload.run(&[&["run", artifacts::DRAWS_NUMBERS, "-i", "2"], flags].concat());
        assert_code(&ran, 0);
        ran
    };
    let drawn = |ran: &Ran| -> Vec<String> {
        let calls = ["setup: (", "start: (", "iterate: (", "stop: (", "teardown: ("];
        let said = calls.iter().flat_map(|call| lines(ran, call));
        said.filter_map(|line| line.split_once(": (")).map(|(_, drawn)| drawn.to_owned()).collect()
    };
    let first = run(&[]);
    assert_eq!(drawn(&first).len(), 6, "{}", first.stderr);
    let header = lines(&first, "          seed: ");
    let seed = header.first().and_then(|line| line.split(": ").nth(1)).expect("it is printed");
    assert_eq!(drawn(&run(&["--seed", seed])), drawn(&first));
    assert_ne!(drawn(&run(&["--seed", "1"])), drawn(&first));
    wasmload.write("options.json", r#"{"seed": 1}"#);
    assert_eq!(drawn(&run(&["-c", "options.json"])), drawn(&run(&["--seed", "1"])));
}
