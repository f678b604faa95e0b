//! Artillery: a Node.js program, with the users of `scripts/generators/artillery.json`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use serde::Deserialize;

use super::{Generator, Load, Missing, Told, beside_scripts, body};
use crate::case::Case;
use crate::process;

/// Artillery, as npm has it.
#[derive(Debug)]
pub struct Artillery {
    program: PathBuf,
}

impl Artillery {
    /// Finds it.
    ///
    /// Fails if it is not on `PATH`.
    pub fn find() -> Result<Self, Missing> {
        let missing = Missing { name: "Artillery", install: "npm install --global artillery" };
        process::find("artillery", &[]).map(|program| Self { program }).ok_or(missing)
    }
}

impl Generator for Artillery {
    fn name(&self) -> &'static str {
        "Artillery"
    }

    fn version(&self) -> String {
        let output = Command::new(&self.program).arg("--version").output();
        let told = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
        told.map_or_else(|error| error.to_string(), |told| version(&told).unwrap_or(told))
    }

    fn cannot(&self, case: Case) -> Option<&'static str> {
        match case {
            Case::Get | Case::Json | Case::Post | Case::Connect | Case::Https => None,
            Case::Http2 | Case::Websocket => Some("there is no scenario for it here"),
        }
    }

    fn command(&self, load: &Load, report: &Path) -> Command {
        let scenario = match load.case {
            Case::Json | Case::Post => load.case.name(),
            _ => Case::Get.name(),
        };
        // All users come within the first second, and go on until time is up.
        let phase = serde_json::json!({ "duration": 1, "arrivalCount": load.connections });
        let overrides = serde_json::json!({ "config": { "phases": [phase] } });
        let mut command = process::pinned(load.core, &self.program);
        command
            .args(["run", "--quiet", "--scenario-name", scenario])
            .args(["--target", &load.base_url])
            .args(["--overrides", &overrides.to_string()])
            .arg("--output")
            .arg(report)
            .arg(beside_scripts("artillery.json"))
            .env("SECONDS", load.seconds.to_string())
            .env("BODY", body())
            .env("ARTILLERY_DISABLE_TELEMETRY", "true");
        command
    }

    fn told(&self, _case: Case, _printed: &str, report: &Path) -> Result<Told> {
        let text = fs::read_to_string(report).context("reading Artillery's report")?;
        told(&text).context("reading Artillery's report")
    }
}

/// What comes after `Artillery:`, below a picture.
fn version(told: &str) -> Option<String> {
    told.lines().find_map(|line| Some(line.trim().strip_prefix("Artillery:")?.trim().to_owned()))
}

fn told(report: &str) -> serde_json::Result<Told> {
    #[derive(Deserialize)]
    struct Report {
        aggregate: Aggregate,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Aggregate {
        counters: BTreeMap<String, u64>,
        summaries: BTreeMap<String, Summary>,
        /// Milliseconds since 1970.
        first_counter_at: f64,
        last_counter_at: f64,
    }
    #[derive(Deserialize)]
    struct Summary {
        p99: f64,
    }
    let Aggregate { counters, summaries, first_counter_at, last_counter_at } =
        serde_json::from_str::<Report>(report)?.aggregate;
    let requests = counters.get("http.responses").copied().unwrap_or(0);
    let sum = |counts: &dyn Fn(&str) -> bool| -> u64 {
        counters.iter().filter(|(name, _)| counts(name)).map(|(_, count)| count).sum()
    };
    let refused = sum(&|name| {
        let status = name.strip_prefix("http.codes.").and_then(|status| status.parse::<u16>().ok());
        status.is_some_and(|status| status >= 400)
    });
    let seconds = (last_counter_at - first_counter_at) / 1e3;
    Ok(Told {
        requests,
        failed: refused + sum(&|name| name.starts_with("errors.")),
        per_second: if seconds > 0.0 { requests as f64 / seconds } else { 0.0 },
        p99_milliseconds: summaries.get("http.response_time").map(|summary| summary.p99),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_report_is_read() {
        let told = told(include_str!("../captured/artillery.json")).unwrap();
        assert_eq!((told.requests, told.failed), (5_166, 0));
        assert!((told.per_second - 1_301.259).abs() < 0.001, "{told:?}");
        assert_eq!(told.p99_milliseconds, Some(90.9));
    }

    #[test]
    fn its_errors_are_read() {
        let report = r#"{ "aggregate": { "firstCounterAt": 1000, "lastCounterAt": 3000, "summaries": {},
            "counters": { "http.responses": 10, "http.codes.200": 4, "http.codes.404": 6,
                          "errors.Failed capture or match": 2, "errors.ECONNREFUSED": 1 } } }"#;
        let told = told(report).unwrap();
        assert_eq!((told.requests, told.failed, told.per_second), (10, 9, 5.0));
    }

    #[test]
    fn its_version_is_below_a_picture() {
        let told = "   ___\n  /__/\n\nVERSION INFO:\n\nArtillery: 2.0.21\nNode.js:   v20.20.2\n";
        assert_eq!(version(told).as_deref(), Some("2.0.21"));
        assert_eq!(version("no such command"), None);
    }

    #[test]
    fn what_is_no_report_is_refused() {
        assert!(told("{}").is_err());
    }
}
