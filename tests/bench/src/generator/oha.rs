//! oha: a Rust program on hyper and tokio, with one thread here.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use serde::Deserialize;

use super::{Generator, Load, Missing, Speaks, Told, body, cargo_bin, first_line};
use crate::case::Case;
use crate::process;

/// What oha calls requests that were on their way when time was up; they have not failed.
const CUT_OFF: &str = "aborted due to deadline";

/// oha, as crates.io has it.
#[derive(Debug)]
pub struct Oha {
    program: PathBuf,
}

impl Oha {
    /// Finds it.
    ///
    /// Fails if it is not installed.
    pub fn find() -> Result<Self, Missing> {
        let missing = Missing { name: "oha", install: "cargo install --locked oha" };
        process::find("oha", &cargo_bin()).map(|program| Self { program }).ok_or(missing)
    }
}

impl Generator for Oha {
    fn name(&self) -> &'static str {
        "oha"
    }

    fn version(&self) -> String {
        first_line(&self.program, "--version")
    }

    fn cannot(&self, case: Case) -> Option<&'static str> {
        match case {
            Case::Get | Case::Post | Case::Connect | Case::Https | Case::Http2 => None,
            Case::Json => Some("it does not look into pages"),
            Case::Websocket => Some("it has no WebSockets"),
        }
    }

    fn command(&self, load: &Load, _report: &Path) -> Command {
        let mut command = process::pinned(load.core, &self.program);
        command
            .args(["-c", &load.connections.to_string()])
            .args(["-z", &format!("{}s", load.seconds)])
            .args(["--no-tui", "--output-format", "json", "--worker-threads", "1"]);
        if load.case.speaks() != Speaks::Http {
            command.arg("--insecure");
        }
        if load.case.speaks() == Speaks::Http2 {
            command.args(["--http-version", "2", "-p", "1"]);
        }
        if load.case == Case::Post {
            command.args(["-m", "POST", "-T", "text/plain", "-D"]).arg(body());
        }
        command.arg(load.url());
        command
    }

    fn told(&self, _case: Case, printed: &str, _report: &Path) -> Result<Told> {
        told(printed).with_context(|| format!("reading what oha printed:\n{printed}"))
    }
}

fn told(printed: &str) -> serde_json::Result<Told> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Report {
        summary: Summary,
        latency_percentiles: Latency,
        status_code_distribution: BTreeMap<u16, u64>,
        error_distribution: BTreeMap<String, u64>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Summary {
        requests_per_sec: f64,
    }
    /// In seconds; nothing of what never was.
    #[derive(Deserialize)]
    struct Latency {
        p99: Option<f64>,
    }
    let report: Report = serde_json::from_str(printed)?;
    let refused = report.status_code_distribution.range(400..).map(|(_, count)| count);
    let broken = report.error_distribution.iter().filter(|(error, _)| *error != CUT_OFF);
    Ok(Told {
        requests: report.status_code_distribution.values().sum(),
        failed: refused.chain(broken.map(|(_, count)| count)).sum(),
        per_second: report.summary.requests_per_sec,
        p99_milliseconds: report.latency_percentiles.p99.map(|seconds| seconds * 1e3),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_report_is_read() {
        let told = told(include_str!("../captured/oha.json")).unwrap();
        let expected = Told {
            requests: 82_205,
            failed: 0,
            per_second: 82_095.260_348_838_48,
            p99_milliseconds: Some(1.617_593),
        };
        assert_eq!(told, expected);
    }

    #[test]
    fn its_errors_are_read() {
        let printed = r#"{
            "summary": { "requestsPerSec": 10.0 },
            "latencyPercentiles": { "p99": null },
            "statusCodeDistribution": { "200": 5, "404": 2, "503": 1 },
            "errorDistribution": { "aborted due to deadline": 64, "connection refused": 4 }
        }"#;
        let told = told(printed).unwrap();
        assert_eq!((told.requests, told.failed), (8, 7));
    }

    #[test]
    fn what_is_no_report_is_refused() {
        assert!(told("error: unexpected argument").is_err());
    }
}
