//! Scripts in C: from a scaffold to a run, and what is said of those that cannot be built.

use std::process::Command;

use support::{Ran, Wasmload};

fn wasmload() -> Wasmload {
    Wasmload::new(env!("CARGO_BIN_EXE_wasmload"))
}

/// Whether a build could begin. If not, that is said, unless it must.
fn has_tools(ran: &Ran) -> bool {
    support::has_tools("c", ran)
}

#[test]
fn a_scaffold_passes_its_tests_and_runs() {
    let wasmload = wasmload();
    let new = wasmload.run(&["new", "first-test", "--lang", "c"]);
    assert_eq!(new.code, Some(0), "{}", new.redacted());
    let folder = wasmload.folder().join("first-test");
    if let Ok(made) = Command::new("make").arg("test").current_dir(folder).output() {
        let said = String::from_utf8_lossy(&made.stderr);
        assert!(made.status.success(), "{said}");
        assert!(!said.contains("warning"), "{said}");
    }
    let ran = wasmload.run(&["run", "first-test", "--demo", "--iterations", "3", "--vus", "3"]);
    if has_tools(&ran) {
        assert_eq!(ran.code, Some(0), "{}", ran.redacted());
        assert!(ran.stdout.contains("3 out of 3"), "{}", ran.redacted());
    }
}

#[test]
fn what_is_made_lives_as_long_as_it_is_said_to() {
    let wasmload = wasmload();
    wasmload.write(
        "lives.c",
        r#"#include <string.h>
#include <wasmload.h>
WASMLOAD_OPTIONS("{ \"limits\": { \"handles\": 1000 } }")
static const char *mine;
static wl_response *kept;
const char *start(wl_bytes data) { (void)data; mine = wl_format("user %u", (unsigned)wl_vu()); return NULL; }
const char *iterate(void)
{
    /* Three iterations that kept theirs would be at the limit: each lets go of its own. */
    for (int number = 0; number < 400; number++)
        wl_request_new("GET", wl_base_url("/"));
    if (kept == NULL)
        kept = wl_keep(wl_get(wl_base_url("/")));
    wl_check("kept", wl_status(kept) == 200 && strcmp(mine, "user 1") == 0);
    wl_drop(wl_get(wl_base_url("/")));
    return wl_iteration() == 3 ? wl_failed("number %d", 3) : NULL;
}
"#,
    );
    let ran = wasmload.run(&["run", "lives.c", "--demo", "--iterations", "50", "--vus", "1"]);
    if has_tools(&ran) {
        assert_eq!(ran.code, Some(0), "{}", ran.redacted());
        assert!(ran.stdout.contains("50 out of 50"), "{}", ran.redacted());
        assert_eq!(ran.stderr.matches("number 3").count(), 1, "{}", ran.redacted());
        assert!(!ran.stderr.contains("trapped"), "{}", ran.redacted());
    }
}

#[test]
fn what_cannot_be_built_is_told_as_the_compiler_tells_it() {
    let wasmload = wasmload();
    for (file, script, says) in [
        (
            "syntax.c",
            "int x = ;\n",
            &["does not compile", "syntax.c:1:9: error: expected expression", "^"][..],
        ),
        ("missing.c", "#include <curl/curl.h>\n", &["'curl/curl.h' file not found"]),
        (
            "unknown.c",
            "void there(void);\nconst char *iterate(void) { there(); return 0; }\n",
            &["undefined symbol: there"],
        ),
        (
            "other.c",
            "#include <wasmload.h>\nint iterate(void) { return 0; }\n",
            &["conflicting types for 'iterate'"],
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
fn a_failed_assertion_is_a_trap_with_its_words_and_the_user_begins_anew() {
    let wasmload = wasmload();
    let script = "#include <assert.h>\n#include <wasmload.h>\nconst char *iterate(void) { assert(wl_iteration() != 1); return 0; }\n";
    wasmload.write("asserts.c", script);
    let ran = wasmload.run(&["run", "asserts.c", "--iterations", "3", "--vus", "1"]);
    if has_tools(&ran) {
        assert_eq!(ran.code, Some(0), "{}", ran.redacted());
        assert!(ran.stderr.contains("Assertion failed: wl_iteration() != 1"), "{}", ran.redacted());
        assert!(
            ran.stdout.contains("3 iterations") || ran.stderr.contains("3 complete"),
            "{}",
            ran.redacted()
        );
    }
}

#[test]
fn a_header_that_has_changed_is_seen_wherever_it_is() {
    let wasmload = wasmload();
    for folder in ["script", "shared"] {
        std::fs::create_dir(wasmload.folder().join(folder)).expect("the folder is ours");
    }
    let script = "#include \"../shared/value.h\"\n#include <wasmload.h>\nconst char *iterate(void) { return VALUE; }\n";
    wasmload.write("script/script.c", script);
    for value in ["old", "new"] {
        wasmload.write("shared/value.h", format!("#define VALUE \"it is {value}\"\n"));
        let ran = wasmload.run(&["run", "script/script.c", "--iterations", "1", "--vus", "1"]);
        if has_tools(&ran) {
            assert!(ran.stderr.contains(&format!("it is {value}")), "{}", ran.redacted());
        }
    }
}
