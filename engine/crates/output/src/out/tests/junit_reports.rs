//! What stands in JUnit's reports, and whether their readers take it.

use super::*;

#[test]
fn junit_has_a_case_for_each_threshold_and_check() {
    let mut xml = String::new();
    for finished in [ordinary(), mishaps(), idle()] {
        let report = junit::report(&stored(&finished));
        assert!(report.matches("<testcase ").count() > 0, "no report is without a case");
        for element in ["testsuites", "testsuite", "testcase", "failure", "error"] {
            let opened = report.matches(&format!("<{element} ")).count();
            let closed = report.matches(&format!("</{element}>")).count();
            let empty =
                if element == "testcase" { report.matches("time=\"0\"/>").count() } else { 0 };
            assert_eq!(opened, closed + empty, "{element} in {report}");
        }
        xml.push_str(&report);
    }
    insta::assert_snapshot!(xml);
    let unfinished = junit::report(&StoredResult::default());
    assert!(unfinished.contains("errors=\"1\"") && unfinished.contains("has not come to its end"));
}

/// What xmllint objects to in reports, held against what readers of JUnit's XML take; `None` where it is not installed and not needed.
#[expect(clippy::print_stderr, reason = "who runs the tests is to know that nobody looked")]
fn objections(reports: &[String]) -> Option<String> {
    let folder = tempfile::tempdir().unwrap();
    let schema = concat!(env!("CARGO_MANIFEST_DIR"), "/src/out/junit.xsd");
    let mut xmllint = std::process::Command::new("xmllint");
    xmllint.args(["--noout", "--nonet", "--schema", schema]);
    for (place, report) in reports.iter().enumerate() {
        let path = folder.path().join(format!("{place}.xml"));
        fs::write(&path, report).unwrap();
        xmllint.arg(path);
    }
    let Ok(said) = xmllint.output() else {
        let needed = std::env::var_os("WASMLOAD_TESTS_NEED_XMLLINT").is_some();
        assert!(!needed, "xmllint is missing; `apt-get install libxml2-utils` installs it");
        eprintln!("no xmllint: no report is held against the schema");
        return None;
    };
    let text = String::from_utf8_lossy(&said.stderr).into_owned();
    Some(if said.status.success() { String::new() } else { text })
}

#[test]
fn every_junit_report_is_what_its_readers_take() {
    let mut hostile = stored(&ordinary());
    hostile.summary.checks[0].name = "a|b <script> \u{1}\n]]> \"&\" \u{ffff} é".to_owned();
    hostile.summary.checks[0].fails = 1;
    let results = [
        stored(&ordinary()),
        stored(&mishaps()),
        stored(&idle()),
        StoredResult::default(),
        hostile,
    ];
    let reports = results.iter().map(junit::report).collect::<Vec<_>>();
    let Some(said) = objections(&reports) else { return };
    assert_eq!(said, "");
    // The schema is one that can object.
    for (text, other) in [
        ("tests=\"8\"", "tests=\"many\""),
        (" classname=\"run\"", ""),
        ("<testcase ", "<case "),
        ("timestamp=\"2026-11-21T10:00:00\"", "timestamp=\"yesterday\""),
    ] {
        let broken = reports[0].replace(text, other);
        assert_ne!(broken, reports[0], "{text} is there");
        assert_ne!(objections(&[broken]).as_deref(), Some(""), "{other}");
    }
}
