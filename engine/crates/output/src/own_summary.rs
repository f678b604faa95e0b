//! The summary that a script makes itself: what it is made of, and how what comes of it is shown.
//!
//! What a script is handed has the form of what k6 hands to `handleSummary` (the older of its forms, which scripts are
//! written for): `metrics` by name, the tree of groups with their checks under `root_group`, `options` and `state`.

use md5::{Digest, Md5};
use serde_json::{Value, json};

use crate::summary::{CheckSummary, GroupSummary, Summary};
use crate::summary_json::values;

/// Which of the process's streams are terminals.
#[derive(Clone, Copy, Debug, Default)]
pub struct Terminals {
    /// Whether standard output is.
    pub stdout: bool,
    /// Whether standard error is.
    pub stderr: bool,
    /// Whether nothing is to be coloured, whatever they are.
    pub no_color: bool,
}

/// The results of a run as k6's `handleSummary` is handed them, as JSON; without `setup_data`, which is the script's
/// own.
pub fn results(summary: &Summary, trend_stats: &[String], terminals: Terminals) -> String {
    let metrics = summary.metrics.iter().map(|metric| {
        let thresholds = metric.thresholds.iter();
        let thresholds: serde_json::Map<_, _> = thresholds
            .map(|(source, crossed)| (source.clone(), json!({ "ok": !crossed })))
            .collect();
        let mut entry = json!({
            "type": metric.metric.kind.as_str(),
            "contains": metric.metric.contains.as_str(),
            "values": values(&metric.values),
        });
        // Scripts look whether it is there.
        if !thresholds.is_empty() {
            entry["thresholds"] = thresholds.into();
        }
        (metric.name(), entry)
    });
    json!({
        "root_group": group(&summary.root_group, ""),
        "options": {
            "summaryTrendStats": trend_stats,
            "summaryTimeUnit": "",
            "noColor": terminals.no_color,
        },
        "state": {
            "isStdOutTTY": terminals.stdout,
            "isStdErrTTY": terminals.stderr,
            "testRunDurationMs": summary.elapsed.as_secs_f64() * 1e3,
        },
        "metrics": metrics.collect::<serde_json::Map<_, _>>(),
    })
    .to_string()
}

fn group(this: &GroupSummary, path: &str) -> Value {
    let check = |check: &CheckSummary| {
        let path = format!("{path}::{}", check.name);
        json!({
            "name": check.name,
            "id": id(&path),
            "path": path,
            "passes": check.passes,
            "fails": check.fails,
        })
    };
    json!({
        "name": this.name,
        "path": path,
        "id": id(path),
        "groups": this.groups.iter()
            .map(|inner| group(inner, &format!("{path}::{}", inner.name)))
            .collect::<Vec<_>>(),
        "checks": this.checks.iter().map(check).collect::<Vec<_>>(),
    })
}

/// k6's name for a path: its MD5.
fn id(path: &str) -> String {
    format!("{:x}", Md5::digest(path))
}

/// Whether a terminal, or a reader's eye, would be acted upon.
pub fn acts(c: char) -> bool {
    // Besides controls: marks that are not seen, and those that change the direction of text.
    let is_unseen = matches!(
        c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}'
    );
    is_unseen || (c.is_control() && c != '\t')
}

/// What a script wants shown, with all that acts on a terminal escaped but for line breaks, tabs and, where there are
/// any, colours; where there are none, they are left out.
pub fn printable(text: &str, colour: bool) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        if let Some(length) = colour_length(rest) {
            if colour {
                shown.push_str(&rest[..length]);
            }
            rest = &rest[length..];
            continue;
        }
        if acts(c) && c != '\n' {
            shown.extend(c.escape_unicode());
        } else {
            shown.push(c);
        }
        rest = &rest[c.len_utf8()..];
    }
    shown
}

/// How long the colour is that a text begins with (ECMA-48 §8.3.117, `SGR`), if it does.
fn colour_length(text: &str) -> Option<usize> {
    let parameters = text.strip_prefix("\u{1b}[")?;
    let end = parameters.find(|c: char| !c.is_ascii_digit() && c != ';')?;
    (parameters[end..].starts_with('m')).then_some("\u{1b}[".len() + end + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::summary::tests::ordinary;

    #[test]
    fn results_have_the_form_that_k6_hands_to_scripts() {
        let finished = ordinary();
        let summary = Summary::new(&finished);
        let stats = ["avg".to_owned()];
        let text = results(&summary, &stats, Terminals { stdout: true, ..Terminals::default() });
        let json: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(json["state"]["testRunDurationMs"], 10_000.0);
        assert_eq!(json["state"]["isStdOutTTY"], true);
        assert_eq!(json["options"]["summaryTrendStats"], json!(["avg"]));
        let duration = &json["metrics"]["http_req_duration"];
        assert_eq!((&duration["type"], &duration["contains"]), (&json!("trend"), &json!("time")));
        assert!(duration["values"]["avg"].is_number());
        let root = &json["root_group"];
        // The MD5 of nothing (RFC 1321 §A.5).
        assert_eq!(root["id"], "d41d8cd98f00b204e9800998ecf8427e");
        assert_eq!((&root["name"], &root["path"]), (&json!(""), &json!("")));
        let checks = root["checks"].as_array().unwrap();
        assert_eq!(checks.len(), summary.checks.len());
        assert_eq!(checks[0]["path"], format!("::{}", checks[0]["name"].as_str().unwrap()));
    }

    #[test]
    fn what_a_script_wants_shown_moves_no_cursor() {
        for (text, plain, coloured) in [
            ("a\n\tb", "a\n\tb", "a\n\tb"),
            ("\u{1b}[32mok\u{1b}[0m", "ok", "\u{1b}[32mok\u{1b}[0m"),
            ("\u{1b}[2Jgone", "\\u{1b}[2Jgone", "\\u{1b}[2Jgone"),
            ("a\rb\u{7}", "a\\u{d}b\\u{7}", "a\\u{d}b\\u{7}"),
            ("\u{202e}abc", "\\u{202e}abc", "\\u{202e}abc"),
            ("\u{1b}[", "\\u{1b}[", "\\u{1b}["),
        ] {
            assert_eq!(printable(text, false), plain);
            assert_eq!(printable(text, true), coloured);
        }
    }
}
