//! Scripts in Go: from a scaffold to a run, and what is said of those that cannot be built.

use support::{Ran, Wasmload};

/// What a module of these tests says; the SDK is found without a `replace`.
const MODULE: &str = "module tried\n\ngo 1.24\n";

fn wasmload() -> Wasmload {
    Wasmload::new(env!("CARGO_BIN_EXE_wasmload"))
}

/// Whether a build could begin. If not, that is said, unless it must.
fn has_tools(ran: &Ran) -> bool {
    support::has_tools("go", ran)
}

#[test]
fn a_scaffold_runs() {
    let wasmload = wasmload();
    let new = wasmload.run(&["new", "first-test", "--lang", "go"]);
    assert_eq!(new.code, Some(0), "{}", new.redacted());
    let ran = wasmload.run(&["run", "first-test", "--demo", "--iterations", "3", "--vus", "3"]);
    if has_tools(&ran) {
        assert_eq!(ran.code, Some(0), "{}", ran.redacted());
        assert!(ran.stdout.contains("3 out of 3"), "{}", ran.redacted());
    }
}

#[test]
fn what_is_made_lives_as_long_as_it_is_said_to() {
    let wasmload = wasmload();
    wasmload.write("go.mod", MODULE);
    wasmload.write(
        "lives.go",
        r#"package main

import (
	"errors"

	"wasmload"
)

func init() {
	wasmload.Register(wasmload.Script{
		Options: `{ "limits": { "handles": 1000 } }`,
		Start:   start,
		Iterate: iterate,
	})
}

func main() {}

var home *wasmload.Request
var first *wasmload.Response

func start([]byte) error {
	home = wasmload.NewRequest("GET", wasmload.BaseURL("/"))
	return nil
}

func iterate() error {
	// Three iterations that kept theirs would be at the limit: each lets go of its own.
	for range 400 {
		wasmload.NewRequest("GET", "http://127.0.0.1/")
	}
	came, err := home.Send()
	if err != nil {
		return err
	}
	if first == nil {
		first = came.Keep()
	}
	wasmload.Check("kept", first.Status() == 200)
	if wasmload.Iteration() == 3 {
		return errors.New("number 3")
	}
	return nil
}
"#,
    );
    let ran = wasmload.run(&["run", "lives.go", "--demo", "--iterations", "50", "--vus", "1"]);
    if has_tools(&ran) {
        assert_eq!(ran.code, Some(0), "{}", ran.redacted());
        assert!(ran.stdout.contains("50 out of 50"), "{}", ran.redacted());
        assert_eq!(ran.stderr.matches("number 3").count(), 1, "{}", ran.redacted());
        assert!(!ran.stderr.contains("trapped"), "{}", ran.redacted());
    }
}

#[test]
fn what_cannot_be_built_is_told_as_the_compiler_tells_it() {
    for (script, says) in [
        (
            "package main\n\nfunc main() { x := }\n",
            &["does not compile", "script.go:3:20: syntax error"][..],
        ),
        (
            "package main\n\nfunc main() { there() }\n",
            &["does not compile", "script.go:3:15: undefined: there"],
        ),
        ("package tried\n", &["does not compile", "a script is a `package main`"]),
        (
            "package main\n\nimport _ \"elsewhere.test/there\"\n\nfunc main() {}\n",
            &["elsewhere.test/there", "`go get` downloads other modules"],
        ),
        (
            "package main\n\nfunc main() {}\n",
            &["not a script of the contract", "wasmload:script/script"],
        ),
    ] {
        let wasmload = wasmload();
        wasmload.write("go.mod", MODULE);
        wasmload.write("script.go", script);
        let built = wasmload.run(&["build", "."]);
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
fn a_panic_is_a_trap_with_its_words_and_the_user_begins_anew() {
    let wasmload = wasmload();
    wasmload.write("go.mod", MODULE);
    wasmload.write(
        "panics.go",
        r#"package main

import "wasmload"

func init() { wasmload.Register(wasmload.Script{Iterate: iterate}) }

func main() {}

func iterate() error {
	if wasmload.IterationInScenario() == 1 {
		panic("the basket has no bottom")
	}
	return nil
}
"#,
    );
    let ran = wasmload.run(&["run", "panics.go", "--iterations", "3", "--vus", "1"]);
    if has_tools(&ran) {
        assert_eq!(ran.code, Some(0), "{}", ran.redacted());
        assert!(ran.stderr.contains("panic: the basket has no bottom"), "{}", ran.redacted());
        assert!(ran.stdout.contains("iterations_failed"), "{}", ran.redacted());
    }
}

#[test]
fn what_a_script_no_longer_needs_is_collected_where_it_may_be() {
    let wasmload = wasmload();
    wasmload.write("go.mod", MODULE);
    wasmload.write(
        "reads.go",
        r#"package main

import "wasmload"

func init() {
	wasmload.Register(wasmload.Script{
		Options: `{ "limits": { "memoryPerVu": "32MiB" } }`,
		Iterate: iterate,
	})
}

func main() {}

// More in one iteration than there is room for.
func iterate() error {
	for range 500 {
		page, err := wasmload.Get(wasmload.BaseURL("/bytes/100000"))
		if err != nil {
			return err
		}
		wasmload.Check("all of it is there", len(page.Body()) == 100_000)
	}
	return nil
}
"#,
    );
    let ran = wasmload.run(&["run", "reads.go", "--demo", "--iterations", "4", "--vus", "2"]);
    if has_tools(&ran) {
        assert_eq!(ran.code, Some(0), "{}", ran.redacted());
        assert!(ran.stdout.contains("2000 out of 2000"), "{}", ran.redacted());
        assert!(!ran.stderr.contains("trapped"), "{}", ran.redacted());
    }
}
