//! What a run would do, without running it.

use demo::{Demo, Faults};
use support::Wasmload;

fn wasmload() -> Wasmload {
    Wasmload::new(env!("CARGO_BIN_EXE_wasmload"))
}

#[test]
fn a_plan_is_the_result_and_nobody_is_contacted() {
    let target = Demo::spawn_thread(([127, 0, 0, 1], 0).into(), Faults::default());
    let target = target.expect("a free port");
    let base = format!("BASE_URL={}", target.url());
    let ran = wasmload().run(&["plan", artifacts::GIVES_OPTIONS, "-e", &base]);
    insta::assert_snapshot!(ran.redacted());
    assert_eq!(target.record().connections, 0);
}

#[test]
fn flags_environment_and_file_shape_the_plan_as_they_shape_a_run() {
    let scenarios = r#"{ "scenarios": { "mix": { "executor": "externally-controlled", "vus": 2,
        "maxVUs": 9, "duration": 0 } } }"#;
    for (arguments, expected, why) in [
        (&[][..], "4 VUs share 4 iterations", "the environment alone"),
        (&["-u", "5", "-d", "1m"], "5 VUs run the flow", "a flag wins over the environment"),
        (
            &["-s", "10s:20", "-s", "1s:20"],
            "Up to 20 VUs (4 at the start)",
            "stages start from the VUs",
        ),
        (&["--rate", "50", "-d", "1m"], "3000 in all", "a rate"),
        (&["--preset", "smoke"], "(ramping-vus, preset smoke)", "a preset"),
        (&["--rps", "7"], "at most 7 a second", "a ceiling"),
        (&["--threshold", "checks: rate>0.9"], "checks: rate>0.9", "what must hold"),
        (&["-c", "o.json", "-i", "8"], "4 VUs share 8 iterations", "a flag wins over a file"),
        (&[artifacts::GIVES_OPTIONS, "-u", "3"], "3 VUs share 12 iterations", "a script's own"),
    ] {
        let wasmload = wasmload();
        wasmload.write("o.json", scenarios);
        let mut command = wasmload.command(&["plan"]);
        let output = command.args(arguments).env("WASMLOAD_VUS", "4").output().expect("it starts");
        assert_eq!(output.status.code(), Some(0), "{why}");
        let stdout = String::from_utf8(output.stdout).expect("text");
        assert!(stdout.contains(expected), "{why}: {stdout}");
    }
    let wasmload = wasmload();
    wasmload.write("o.json", scenarios);
    let ran = wasmload.run(&["plan", "-c", "o.json"]);
    assert!(ran.stdout.contains("duration    until it is stopped"), "{}", ran.stdout);
    let ran = wasmload.run(&["plan", "-c", "o.json", "-u", "3"]);
    assert!(ran.stderr.contains("takes the place of `scenarios`"), "a warning: {}", ran.stderr);
}

#[test]
fn all_problems_of_a_plan_are_said_at_once_and_there_is_no_result() {
    let wasmload = wasmload();
    wasmload.write(
        "o.json",
        r#"{ "scenarios": {
            "a": { "executor": "constant-arrival-rate", "rate": 1, "duration": "1s",
                "preAllocatedVUs": 5, "maxVUs": 4 },
            "b": { "executor": "shared-iterations", "vus": 10, "iterations": 9 }
        } }"#,
    );
    for (arguments, why) in [
        (&["plan", "-c", "o.json"][..], "without a script"),
        (&["plan", artifacts::GIVES_OPTIONS, "-c", "o.json"], "with one"),
    ] {
        let ran = wasmload.run(arguments);
        assert_eq!(ran.code, Some(104), "{why}");
        assert_eq!(ran.stdout, "", "{why}");
        for expected in ["scenarios.a.maxVUs: must be at least", "scenarios.b.iterations: must be"]
        {
            assert!(ran.stderr.contains(expected), "{why}: {}", ran.stderr);
        }
    }
}

#[test]
fn the_readme_shows_what_is_printed() {
    let readme = include_str!("../../README.md");
    let (_, example) = readme.split_once("$ wasmload plan --preset load\n").expect("an example");
    let (shown, _) = example.split_once("```").expect("its end");
    assert_eq!(wasmload().run(&["plan", "--preset", "load"]).stdout, shown);
}
