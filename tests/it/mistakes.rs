//! Mistakes: what is said, and with which exit code.

use support::Wasmload;

/// Runs the binary on files that it finds in its folder; exit code and both streams.
fn said(files: &[(&str, &str)], arguments: &[&str]) -> String {
    let wasmload = Wasmload::new(env!("CARGO_BIN_EXE_wasmload"));
    for (name, content) in files {
        wasmload.write(name, content);
    }
    wasmload.run(arguments).redacted()
}

#[test]
fn a_file_that_is_no_script_is_told_apart_by_what_it_is() {
    for (file, content, expected) in [
        ("text.wasm", "hello there", "it is not WebAssembly: it begins with `hello there`"),
        ("empty.wasm", "", "the file is empty"),
        ("broken.wat", "(component", "it is not WebAssembly text"),
        ("core.wat", "(module)", "it is a core module without a component type"),
        (
            "other.wat",
            "(component)",
            "it exports neither `wasmload:script/script@0.1.0` nor `wasi:cli/run@0.2`; it exports nothing",
        ),
        (
            "import.wat",
            "(component (import \"acme:db/sql@1.0.0\" (instance)))",
            "it imports `acme:db/sql@1.0.0`, which this engine does not have",
        ),
        (
            "later.wat",
            "(component (instance $i) (export \"wasi:cli/run@0.3.0\" (instance $i)))",
            "it was built against `wasi:cli/run@0.3.0`, and this engine has WASI 0.2",
        ),
        (
            "server.wat",
            "(component (instance $i) (export \"wasi:http/incoming-handler@0.2.0\" (instance $i)))",
            "one that answers requests is no script: a script sends them, and exports `wasi:cli/run`",
        ),
        (
            "newer.wat",
            "(component (instance $i) (export \"wasmload:script/script@0.2.0\" (instance $i)))",
            "it was built against `wasmload:script/script@0.2.0`, and this engine has version 0.1.0",
        ),
    ] {
        let said = said(&[(file, content)], &["run", file]);
        assert!(said.starts_with("exit code: 120\n"), "{file}: {said}");
        assert!(said.contains(expected), "{file}: {said}");
        assert!(said.contains(&format!("load the script `{file}`")), "{file}: {said}");
    }
}

#[test]
fn a_missing_script_is_named() {
    let said = said(&[], &["run", "missing.wasm"]);
    assert!(said.starts_with("exit code: 120\n"), "{said}");
    assert!(said.contains("load the script `missing.wasm`"), "{said}");
    assert!(said.contains("No such file or directory"), "{said}");
}

#[test]
#[cfg(target_os = "linux")]
fn a_script_that_cannot_be_read_is_named() {
    // A file that nobody can read from its beginning, not even root.
    let said = said(&[], &["run", "/proc/self/mem"]);
    assert!(said.starts_with("exit code: 120\n"), "{said}");
    assert!(said.contains("load the script `/proc/self/mem`"), "{said}");
    assert!(said.contains("Input/output error"), "{said}");
}

#[test]
fn all_problems_of_the_options_are_said_at_once() {
    let options =
        r#"{ "vuss": 3, "duration": "soon", "scenarios": { "b": { "executor": "constant-vu" } } }"#;
    let said = said(&[("o.json", options)], &["run", artifacts::GIVES_OPTIONS, "-c", "o.json"]);
    assert!(said.starts_with("exit code: 104\n"), "{said}");
    for expected in
        ["vuss", "did you mean `vus`", "duration", "scenarios.b.executor", "constant-vus"]
    {
        assert!(said.contains(expected), "{expected}: {said}");
    }
}

#[test]
fn thresholds_that_cannot_be_are_refused_before_any_load() {
    for (threshold, expected) in [
        (
            "http_req_duration: p(95)<<5",
            "expected a number instead of `<5` at byte 6 of `p(95)<<5`",
        ),
        ("http_req_duration: p95<5", "`p(95)` instead of `p95` at byte 0 of `p95<5`"),
        (
            "http_req_duration: p(95)<500ms",
            "in milliseconds, without a unit) instead of `500ms` at byte 6",
        ),
        (
            "http_req_duration: p(95)<500 over",
            "such as `30s` or `1h30m`, up to `168h`, after `over` at byte 14",
        ),
        ("http_req_duration: p(95)<500 over 500ms", "instead of `500ms` at byte 15"),
        (
            "http_req_duration: p(95)<500 during 30s",
            "expected `over` or `for`, as in `over 30s for 60s`, instead of `during` at byte 10",
        ),
        (
            "http_req_duration: p(95)<500 for 1m for 1m",
            "expected `for` once, but it is there again, at byte 17",
        ),
        ("http_req_duration{name}: p(95)<500", "a tag of the form `key:value` at byte 18"),
        (
            "checks: p(95)<5",
            "thresholds.checks: `p(95)<5` does not fit `checks`, which is a rate: expected `rate`",
        ),
        (
            "vus: rate<5 over 30s",
            "thresholds.vus: `rate<5 over 30s` does not fit `vus`, which is a gauge",
        ),
    ] {
        let said = said(&[], &["run", artifacts::GIVES_OPTIONS, "--threshold", threshold]);
        assert!(said.starts_with("exit code: 104\n"), "{said}");
        assert!(said.contains(expected), "{said}");
    }
}

#[test]
fn a_summary_that_cannot_be_written_is_found_before_the_run() {
    for path in ["no/such/folder/summary.json", "/dev/full"] {
        let arguments = ["run", artifacts::GIVES_OPTIONS, "--demo", "--summary-export", path];
        let said = said(&[], &arguments);
        assert!(said.starts_with("exit code: 104\n"), "{said}");
        assert!(said.contains("failed to create the summary file"), "{said}");
        assert!(!said.contains("running"), "{said}");
    }
}

#[test]
fn flags_that_do_not_exist_or_do_not_parse_have_the_code_of_bad_options() {
    for arguments in [
        &["run", "--bogus"][..],
        &["run", "x.wasm", "--duration", "soon"],
        &["run", "x.wasm", "--env", "NOVALUE"],
        &["run", "x.wasm", "--threshold", "nonsense"],
        &["run", "x.wasm", "--on-no-data", "perhaps"],
        &["fly"],
    ] {
        let said = said(&[], arguments);
        assert!(said.starts_with("exit code: 104\n"), "{arguments:?}: {said}");
        assert!(said.contains("error: "), "{arguments:?}: {said}");
    }
}

#[test]
fn a_flow_that_the_script_does_not_have_is_refused_before_any_load() {
    let options = r#"{ "scenarios": { "a": { "executor": "constant-vus", "duration": "1s",
        "exec": "brose" }, "b": { "executor": "constant-vus", "duration": "1s", "weights": { "buy": 0 } } } }"#;
    let said = said(&[("o.json", options)], &["run", artifacts::CHECKS_A_PAGE, "-c", "o.json"]);
    for told in [
        "exit code: 104",
        "scenarios.a: the script has no flow `brose`; it has `default`",
        "scenarios.b.weights: must not sum to zero",
    ] {
        assert!(said.contains(told), "{told}\n{said}");
    }
}

#[test]
#[cfg(target_os = "linux")]
fn more_vus_than_there_is_memory_for_are_refused_before_any_is_made() {
    let memory = std::fs::read_to_string("/proc/meminfo").expect("Linux tells it");
    let available = memory.lines().find_map(|line| line.strip_prefix("MemAvailable:"));
    let kib = available.and_then(|rest| rest.trim().trim_end_matches(" kB").parse::<u64>().ok());
    if kib.is_none_or(|kib| kib > 36_000_000) {
        // They would be there.
        return;
    }
    let flags = ["--vus", "1000000", "--duration", "1s"];
    let said = said(&[], &[&["run", artifacts::SLEEPS][..], &flags].concat());
    assert!(said.starts_with("exit code: 104\n"), "{said}");
    for expected in
        ["1000000 VUs need more memory than is free", "`--clamp-vus`", "wasmload doctor"]
    {
        assert!(said.contains(expected), "{expected}: {said}");
    }
}
