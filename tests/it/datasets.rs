//! Rows of files: who gets which, what happens when they run out, what is refused before any load.

use serde_json::Value;
use support::{Ran, Wasmload};

const USERS: &str = "name\nada\nben\ncy\n";

/// A folder with `users.csv`, three users.
fn wasmload() -> Wasmload {
    let wasmload = Wasmload::new(env!("CARGO_BIN_EXE_wasmload"));
    wasmload.write("users.csv", USERS);
    wasmload
}

/// Runs the script that takes a row each iteration and says which; it has no options of its own.
fn take(wasmload: &Wasmload, options: &str, flags: &[&str]) -> Ran {
    wasmload.write("o.json", options);
    let script = ["run", artifacts::READS_A_DATASET, "-c", "o.json"];
    wasmload.run(&[&script, flags, &["--summary-export", "summary.json"]].concat())
}

fn summary(wasmload: &Wasmload) -> Value {
    serde_json::from_str(&wasmload.read("summary.json")).expect("the summary is JSON")
}

fn count(summary: &Value, metric: &str) -> u64 {
    summary["metrics"][metric]["values"]["count"].as_f64().unwrap_or(0.0) as u64
}

/// The rows that were handed out, by what the script said of them: `0 ada`.
fn rows(ran: &Ran) -> Vec<String> {
    let said =
        ran.stderr.lines().filter_map(|line| line.strip_prefix("info: VU ")?.split_once(": "));
    let mut rows: Vec<String> = said.map(|(_, row)| row.to_owned()).collect();
    rows.sort();
    rows
}

#[test]
fn all_vus_take_from_the_same_rows() {
    let wasmload = wasmload();
    let ran = take(&wasmload, "{}", &["--dataset", "users=users.csv", "--vus", "2", "-i", "4"]);
    assert_eq!(ran.code, Some(0), "{}", ran.redacted());
    assert_eq!(rows(&ran), ["0 ada", "0 ada", "1 ben", "2 cy"], "{}", ran.stderr);
    assert_eq!(count(&summary(&wasmload), "iterations_failed"), 0);
}

#[test]
fn an_options_file_names_files_beside_it_and_their_order() {
    let wasmload = wasmload();
    std::fs::create_dir(wasmload.folder().join("plans")).expect("the folder is ours");
    wasmload.write("plans/lines.jsonl", "{\"name\":\"ada\"}\n{\"name\":\"ben\"}\n");
    wasmload.write(
        "plans/o.toml",
        "vus = 2\n[datasets.users]\nfile = 'lines.jsonl'\norder = 'by-vu'\n",
    );
    let ran = wasmload.run(&["run", artifacts::READS_A_DATASET, "-c", "plans/o.toml", "-i", "2"]);
    assert_eq!(ran.code, Some(0), "{}", ran.redacted());
    let said = ran.stderr.lines().filter_map(|line| line.strip_prefix("info: VU "));
    let own = ["1: 0 ada", "2: 1 ben"];
    assert!(said.clone().all(|row| own.contains(&row)), "{}", ran.stderr);
    assert_eq!(said.count(), 2, "{}", ran.stderr);
}

#[test]
fn chance_gives_the_same_rows_for_the_same_seed() {
    let wasmload = wasmload();
    let rows = |seed: u32| {
        let options = format!(r#"{{"datasets":{{"users":{{"order":"random","seed":{seed}}}}}}}"#);
        let ran = take(&wasmload, &options, &["--dataset", "users=users.csv", "-i", "12"]);
        assert_eq!(ran.code, Some(0), "{}", ran.redacted());
        rows(&ran)
    };
    assert_eq!(rows(1), rows(1));
    assert_ne!(rows(1), rows(2));
}

#[test]
fn what_happens_when_unique_rows_run_out_is_a_choice() {
    for (on_exhausted, iterations, failed, stop) in
        [("stop", 3, 0, "exhausted"), ("wrap", 7, 0, ""), ("fail", 7, 4, "")]
    {
        let wasmload = wasmload();
        let options = format!(
            r#"{{"datasets":{{"users":{{"order":"unique","onExhausted":"{on_exhausted}"}}}}}}"#
        );
        let flags = ["--dataset", "users=users.csv", "--vus", "2", "-i", "7"];
        let ran = take(&wasmload, &options, &flags);
        assert_eq!(ran.code, Some(0), "{}", ran.redacted());
        let summary = summary(&wasmload);
        assert_eq!(count(&summary, "iterations"), iterations, "{}", ran.redacted());
        assert_eq!(count(&summary, "iterations_failed"), failed, "{}", ran.redacted());
        assert_eq!(summary["stop"]["reason"].as_str().unwrap_or_default(), stop, "{on_exhausted}");
        let once = rows(&ran);
        assert_eq!(once.len() as u64, iterations - failed, "{}", ran.stderr);
        if on_exhausted != "wrap" {
            assert_eq!(once, ["0 ada", "1 ben", "2 cy"], "{}", ran.stderr);
        }
        let said = ran.stderr.contains("each row of the dataset `users` has been handed out");
        assert_eq!(said, on_exhausted == "stop", "{}", ran.stderr);
    }
}

#[test]
fn what_is_wrong_with_a_dataset_is_said_before_any_load() {
    let unique = r#"{"datasets":{"users":{"order":"unique"}}}"#;
    for (file, content, options, expected) in [
        ("e.csv", &b""[..], "{}", "datasets.users: `e.csv`: is empty"),
        ("h.csv", b"name,age\n", "{}", "datasets.users: `h.csv`: has a header, but no rows"),
        (
            "r.csv",
            b"name,age\nada,36\nben\n",
            "{}",
            "datasets.users: `r.csv` line 3: has 1 field, but the header has 2",
        ),
        ("l.csv", b"name\nad\xe9\n", "{}", "datasets.users: `l.csv` line 2: is not UTF-8"),
        (
            "j.jsonl",
            b"{\"name\":1}\n{\"name\"\n",
            "{}",
            "datasets.users: `j.jsonl` line 2: is not JSON",
        ),
        (
            "u.csv",
            b"name\nada\n",
            unique,
            "datasets.users: `u.csv`: has 1 row for 2 VUs, and `unique` gives each row away once",
        ),
        (
            "u.xlsx",
            b"PK",
            "{}",
            "datasets.users.format: is missing, and the name `u.xlsx` does not end in .csv, .jsonl",
        ),
    ] {
        let wasmload = wasmload();
        wasmload.write(file, content);
        let dataset = format!("users={file}");
        let ran = take(&wasmload, options, &["--dataset", &dataset, "--vus", "2"]);
        assert_eq!(ran.code, Some(104), "{}", ran.redacted());
        assert!(ran.stderr.contains(expected), "{expected}: {}", ran.stderr);
        assert!(!wasmload.folder().join("summary.json").exists(), "nothing was run");
        assert_eq!(ran.stdout, "");
    }
    let format = r#"{"datasets":{"users":{"file":"users.csv","format":"excel"}}}"#;
    let ran = take(&wasmload(), format, &[]);
    assert_eq!(ran.code, Some(104), "{}", ran.redacted());
    let expected = "datasets.users.format: must be `csv` or `jsonl`, but is `excel`";
    assert!(ran.stderr.contains(expected), "{}", ran.stderr);
}

#[test]
fn all_that_is_wrong_with_all_datasets_is_one_message() {
    let wasmload = wasmload();
    wasmload.write("ragged.csv", "a,b\n1\n2\n");
    let flags =
        ["--dataset", "a=ragged.csv", "--dataset", "b=missing.csv", "--dataset", "c=users.csv"];
    let ran = take(&wasmload, "{}", &flags);
    assert_eq!(ran.code, Some(104), "{}", ran.redacted());
    assert_eq!(
        ran.stderr,
        "error: the datasets are invalid\n  \
         datasets.a: `ragged.csv` line 2: has 1 field, but the header has 2\n  \
         datasets.a: `ragged.csv` line 3: has 1 field, but the header has 2\n  \
         datasets.b: `missing.csv`: cannot be read: No such file or directory (os error 2)\n"
    );
}

#[test]
fn files_that_a_script_asks_for_are_named_by_whoever_runs_it() {
    let wasmload = wasmload();
    let script = ["run", artifacts::NAMES_A_FILE];
    let ran = wasmload.run(&script);
    assert_eq!(ran.code, Some(104), "{}", ran.redacted());
    for expected in [
        "datasets.terms.file: is missing; name it with `--dataset terms=FILE`",
        "datasets.users.file: a script may not name files itself, but names `/etc/passwd`; if it may have the \
         rows of that, say so with `--dataset users=FILE`, or allow the file with `--allow-read`",
        "hosts.\"api.test\": a script may not name files itself, but names `/run/api.sock`; if it may connect to \
         that, say so in `hosts` of an options file",
    ] {
        assert!(ran.stderr.contains(expected), "{}", ran.stderr);
    }
    wasmload.write("o.json", r#"{"hosts":{"api.test":"127.0.0.1"}}"#);
    let files = ["-c", "o.json", "--dataset", "users=users.csv", "--dataset", "terms=users.csv"];
    let ran = wasmload.run(&[&script[..], &files].concat());
    assert_eq!(ran.code, Some(0), "{}", ran.redacted());
    assert!(!ran.stdout.contains("iterations_failed"), "{}", ran.stdout);
}

#[test]
fn the_example_lets_each_user_of_its_file_log_in_once() {
    let wasmload = wasmload();
    let examples = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/rust");
    let (script, users) = (format!("{examples}/login.rs"), format!("users={examples}/users.csv"));
    let summary_file = ["--summary-export", "summary.json"];
    let run = ["run", &script, "--dataset", &users, "--demo"];
    let ran = wasmload.run(&[&run[..], &summary_file].concat());
    assert_eq!(ran.code, Some(0), "{}", ran.redacted());
    let summary = summary(&wasmload);
    assert_eq!(count(&summary, "iterations"), 20, "{}", ran.stdout);
    assert_eq!(count(&summary, "http_reqs"), 40, "{}", ran.stdout);
    assert_eq!(summary["stop"]["reason"], "exhausted");
}

#[test]
fn what_is_wrong_with_options_and_inside_files_is_told_at_once() {
    let wasmload = wasmload();
    wasmload.write("users.csv", "name,age\nada\n");
    let options = r#"{ "stages": [{ "duration": 0, "target": 5 }],
        "scenarios": { "a": { "executor": "constant-arrival-rate", "rate": 5, "duration": "1s",
            "preAllocatedVUs": 5, "maxVUs": 2 } } }"#;
    let ran = take(&wasmload, options, &["--dataset", "users=users.csv"]);
    assert_eq!(ran.code, Some(104), "{}", ran.redacted());
    for told in [
        "stages: cannot be given together with `scenarios`",
        "scenarios.a.maxVUs: must be at least preAllocatedVUs, which is 5, but is 2",
        "datasets.users: `users.csv` line 2: has 1 field",
    ] {
        assert!(ran.stderr.contains(told), "{told}\n{}", ran.stderr);
    }
}
