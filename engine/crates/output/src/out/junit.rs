//! Thresholds and checks as test cases, for CI servers.
//!
//! Format: the XML of Ant's JUnit task as Jenkins, GitLab and others read it: `testsuites`, `testsuite`, `testcase`, `failure`,
//! `error` and `skipped`. A threshold that was crossed and a check that did not always hold are failures; a threshold without data
//! was skipped, unless nothing at all was measured of its metric, which is a failure as it is of the run. What ended the run is an error.

use std::fmt::Write as _;

use metrics::Selector;

use crate::stored::StoredResult;

pub(super) fn report(result: &StoredResult) -> String {
    let suites = [thresholds(result), checks(result), run(result)];
    let (tests, failures, errors, skipped) = suites.iter().fold((0, 0, 0, 0), |sum, suite| {
        let [failures, errors, skipped] = suite.counts();
        (sum.0 + suite.cases.len(), sum.1 + failures, sum.2 + errors, sum.3 + skipped)
    });
    let seconds = result.summary.state.test_run_duration_ms.0 / 1e3;
    let mut text = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    // Writing to memory cannot fail.
    let _ = writeln!(
        text,
        "<testsuites name=\"{}\" tests=\"{tests}\" failures=\"{failures}\" errors=\"{errors}\" skipped=\"{skipped}\" time=\"{seconds:.3}\">",
        escaped(&result.environment.script)
    );
    for (place, suite) in suites.iter().enumerate() {
        let [failures, errors, skipped] = suite.counts();
        let timestamp = result.environment.started_at.split(['.', 'Z']).next().unwrap_or_default();
        let timestamp = match timestamp {
            "" => String::new(),
            timestamp => format!(" timestamp=\"{}\"", escaped(timestamp)),
        };
        let _ = writeln!(
            text,
            "  <testsuite id=\"{place}\" name=\"{}\" tests=\"{}\" failures=\"{failures}\" errors=\"{errors}\" skipped=\"{skipped}\" time=\"{seconds:.3}\"{timestamp}>",
            suite.name,
            suite.cases.len()
        );
        for case in &suite.cases {
            let _ = write!(
                text,
                "    <testcase classname=\"{}\" name=\"{}\" time=\"0\"",
                escaped(&case.class),
                escaped(&case.name)
            );
            match &case.ending {
                Ending::Held => text.push_str("/>\n"),
                Ending::Skipped(why) => {
                    let _ = writeln!(text, "><skipped message=\"{}\"/></testcase>", escaped(why));
                }
                Ending::Failed(why) => {
                    let why = escaped(why);
                    let _ = writeln!(
                        text,
                        "><failure message=\"{why}\" type=\"{}\">{why}</failure></testcase>",
                        suite.name
                    );
                }
                Ending::Error(why) => {
                    let why = escaped(why);
                    let _ = writeln!(
                        text,
                        "><error message=\"{why}\" type=\"{}\">{why}</error></testcase>",
                        suite.name
                    );
                }
            }
        }
        text.push_str("  </testsuite>\n");
    }
    text.push_str("</testsuites>\n");
    text
}

struct Suite {
    name: &'static str,
    cases: Vec<Case>,
}

struct Case {
    class: String,
    name: String,
    ending: Ending,
}

enum Ending {
    Held,
    Failed(String),
    Error(String),
    Skipped(String),
}

impl Suite {
    /// Failures, errors, skipped.
    fn counts(&self) -> [usize; 3] {
        let count =
            |is: fn(&Ending) -> bool| self.cases.iter().filter(|case| is(&case.ending)).count();
        [
            count(|it| matches!(it, Ending::Failed(_))),
            count(|it| matches!(it, Ending::Error(_))),
            count(|it| matches!(it, Ending::Skipped(_))),
        ]
    }
}

fn thresholds(result: &StoredResult) -> Suite {
    let case = |it: &crate::summary_json::document::Threshold| {
        let observed = || it.observed.map_or_else(String::new, |it| crate::numbers::number(it.0));
        let course = || it.course.as_ref().map_or_else(String::new, |it| format!(" {}", it.text()));
        let silence = || it.reason.clone().unwrap_or_else(|| "no data".to_owned());
        // What the run's exit code makes of it, too. Older files do not say.
        let is_part =
            || Selector::parse(&it.metric).is_ok_and(|selector| !selector.tags.is_empty());
        let is_fine = || it.ok.unwrap_or_else(is_part);
        Case {
            class: format!("thresholds.{}", it.metric),
            name: it.threshold.to_string(),
            ending: match &*it.outcome {
                "passed" => Ending::Held,
                "crossed" => {
                    Ending::Failed(format!("{} was {}{}", it.metric, observed(), course()))
                }
                _ if is_fine() => Ending::Skipped(silence()),
                _ => Ending::Failed(format!("no data: {}", silence())),
            },
        }
    };
    Suite { name: "thresholds", cases: result.summary.thresholds.iter().map(case).collect() }
}

fn checks(result: &StoredResult) -> Suite {
    let case = |it: &crate::summary_json::document::Check| Case {
        class: "checks".to_owned(),
        name: it.name.clone(),
        ending: match it.fails {
            0 => Ending::Held,
            fails => Ending::Failed(format!(
                "it did not hold {fails} times, and held {} times",
                it.passes
            )),
        },
    };
    Suite { name: "checks", cases: result.summary.checks.iter().map(case).collect() }
}

/// Whether the run itself went as it should: one case, so that no report is without any.
fn run(result: &StoredResult) -> Suite {
    let summary = &result.summary;
    let mut troubles = Vec::new();
    if !result.complete {
        troubles.push("the run has not come to its end".to_owned());
    }
    for (call, error) in [("setup", &summary.setup_error), ("teardown", &summary.teardown_error)] {
        troubles.extend(error.as_ref().map(|error| format!("{call} failed: {error}")));
    }
    let stop = summary.stop.as_ref().filter(|stop| stop.reason != "exhausted");
    troubles.extend(stop.map(|stop| format!("stopped early: {}", stop.message)));
    let given_up = summary.scenarios.iter().filter(|scenario| scenario.given_up);
    troubles.extend(given_up.map(|it| format!("the scenario {} broke too often", it.name)));
    troubles.extend(summary.engine_faults.iter().map(|fault| format!("engine fault: {fault}")));
    let ending = match troubles.is_empty() {
        true => Ending::Held,
        false => Ending::Error(troubles.join("; ")),
    };
    let case = Case { class: "run".to_owned(), name: "the run came to its end".to_owned(), ending };
    Suite { name: "run", cases: vec![case] }
}

/// A text as an attribute or an element has it (XML 1.0 §2.2, §2.4): what may not be in a document at all is U+FFFD.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\t' | '\n' | '\r' => {
                let _ = write!(escaped, "&#{};", u32::from(c));
            }
            '\u{0}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => escaped.push('\u{fffd}'),
            c => escaped.push(c),
        }
    }
    escaped
}
