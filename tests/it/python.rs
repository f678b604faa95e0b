//! Scripts in Python: from a scaffold to a run, and what is said of those that cannot be built.

use std::path::Path;
use std::process::Command;

use support::{Ran, Wasmload};

const SDK: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../guest-sdk/python");

fn wasmload() -> Wasmload {
    Wasmload::new(env!("CARGO_BIN_EXE_wasmload"))
}

/// Whether a build could begin. If not, that is said, unless it must.
fn has_tools(ran: &Ran) -> bool {
    support::has_tools("python", ran)
}

/// Python itself, if it is one that can run the SDK.
fn python() -> Option<Command> {
    let new_enough = "import sys; sys.exit(sys.version_info < (3, 11))";
    let status = Command::new("python3").args(["-c", new_enough]).status();
    let mut command = Command::new("python3");
    command.env("PYTHONDONTWRITEBYTECODE", "1");
    status.is_ok_and(|status| status.success()).then_some(command)
}

fn passes(command: &mut Command) {
    let output = command.output().expect("it starts");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {said}");
    assert!(!said.contains("Ran 0 tests"), "{said}");
}

#[test]
fn a_scaffold_passes_its_tests_and_runs_and_an_exception_fails_an_iteration_with_its_line() {
    let wasmload = wasmload();
    let new = wasmload.run(&["new", "first-test", "--lang", "python"]);
    assert_eq!(new.code, Some(0), "{}", new.redacted());
    if let Some(mut python) = python() {
        passes(python.args(["-m", "unittest"]).current_dir(wasmload.folder().join("first-test")));
    }

    let script = wasmload.read("first-test/script.py");
    let lines = script.lines().count();
    let raises = "    if context.iteration() == 1:\n        raise ValueError('no basket')\n";
    let script = script.replace("import base_url", "import context, base_url") + raises;
    wasmload.write("first-test/script.py", &script);
    let ran = wasmload.run(&["run", "first-test", "--demo", "--vus", "1", "--iterations", "3"]);
    if !has_tools(&ran) {
        return;
    }
    assert_eq!(ran.code, Some(0), "{}", ran.redacted());
    assert!(ran.stdout.contains("3 out of 3"), "{}", ran.redacted());
    let line = lines + 2;
    let said = format!("ValueError: no basket (script.py:{line} in iterate)");
    assert_eq!(ran.stderr.matches(&said).count(), 1, "{}", ran.redacted());
    assert!(ran.stdout.contains("iterations_failed"), "{}", ran.redacted());
}

#[test]
fn what_cannot_be_built_is_told_with_its_line() {
    let wasmload = wasmload();
    for (file, script, says) in [
        (
            "syntax.py",
            "def iterate():\n    x = (1,\n",
            &["is not Python", "syntax.py:2:9\n      x = (1,\n          ^\n", "never closed"][..],
        ),
        (
            "imports.py",
            "import numpyx\n",
            &["there is no module `numpyx` to import", "imports.py:1\n", "pip install numpyx"],
        ),
        (
            "early.py",
            "from wasmload import http\n\nhttp.get('http://127.0.0.1:1/')\n",
            &["is not a script yet", "the engine is not there", "early.py:3\n"],
        ),
        (
            "listed.py",
            "options = [1]\ndef iterate(): pass\n",
            &["`options` must be a dict, but is a list"],
        ),
    ] {
        wasmload.write(file, script);
        let built = wasmload.run(&["build", file]);
        if !has_tools(&built) {
            return;
        }
        assert_eq!(built.code, Some(121), "{}", built.redacted());
        for says in says {
            assert!(built.stderr.contains(says), "{says}: {}", built.stderr);
        }
    }
}

#[test]
fn a_script_has_no_shared_libraries_in_it() {
    let wasmload = wasmload();
    wasmload.write("script.py", "def iterate(): pass\n");
    let built = wasmload.run(&["build", "script.py", "--output", "script.wasm"]);
    if has_tools(&built) {
        assert_eq!(built.code, Some(0), "{}", built.redacted());
        let component = std::fs::read(wasmload.folder().join("script.wasm")).expect("it was built");
        assert!(!support::has_shared_libraries(&component));
    }
}

#[test]
fn without_the_tool_the_command_that_installs_it_is_said() {
    let wasmload = wasmload();
    wasmload.write("script.py", "def iterate(): pass\n");
    let built = wasmload.command(&["build", "script.py"]).env("PATH", "").output();
    let said = String::from_utf8(built.expect("it starts").stderr).expect("UTF-8");
    assert!(
        said.contains("`componentize-py`, which builds scripts like this one, is missing"),
        "{said}"
    );
    assert!(said.contains(".venv/bin/pip install componentize-py"), "{said}");
}

#[expect(
    clippy::print_stdout,
    reason = "whoever runs the tests should know what they did not show"
)]
#[test]
fn the_bindings_are_those_of_the_contract() {
    let wasmload = wasmload();
    let to = wasmload.folder().join("bindings");
    let made = Command::new(Path::new(SDK).join("generate")).arg(&to).output().expect("a shell");
    if !made.status.success() {
        let said = String::from_utf8_lossy(&made.stderr);
        assert!(said.contains("not found"), "{said}");
        println!("componentize-py is missing, so nothing is shown of the bindings");
        return;
    }
    let differ = Command::new("diff")
        .args(["-r", "--exclude=__pycache__"])
        .arg(&to)
        .arg(Path::new(SDK).join("wasmload/bindings"))
        .output()
        .expect("diff");
    let said = String::from_utf8_lossy(&differ.stdout);
    assert!(differ.status.success(), "run guest-sdk/python/generate:\n{said}");
}

#[test]
fn the_sdk_passes_its_own_tests() {
    let Some(mut python) = python() else { return };
    passes(python.args(["-m", "unittest", "discover", "tests"]).current_dir(SDK));
}
