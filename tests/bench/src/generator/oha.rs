//! oha: a Rust program on hyper and tokio, with one thread here.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use serde::Deserialize;

use super::{Generator, Load, Missing, Told, cargo_bin, first_line};
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

    fn command(&self, load: &Load, _report: &Path) -> Command {
        let mut command = process::pinned(load.core, &self.program);
        command
            .args(["-c", &load.connections.to_string()])
            .args(["-z", &format!("{}s", load.seconds)])
            .args(["--no-tui", "--output-format", "json", "--worker-threads", "1"])
            .arg(format!("{}/", load.http_url));
        command
    }

    fn told(&self, printed: &str, _report: &Path) -> Result<Told> {
        told(printed).with_context(|| format!("reading what oha printed:\n{printed}"))
    }
}

fn told(printed: &str) -> serde_json::Result<Told> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Report {
        summary: Summary,
        status_code_distribution: BTreeMap<u16, u64>,
        error_distribution: BTreeMap<String, u64>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Summary {
        requests_per_sec: f64,
    }
    let report: Report = serde_json::from_str(printed)?;
    let refused = report.status_code_distribution.range(400..).map(|(_, count)| count);
    let broken = report.error_distribution.iter().filter(|(error, _)| *error != CUT_OFF);
    Ok(Told {
        requests: report.status_code_distribution.values().sum(),
        failed: refused.chain(broken.map(|(_, count)| count)).sum(),
        per_second: report.summary.requests_per_sec,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_report_is_read() {
        let told = told(include_str!("../captured/oha.json")).unwrap();
        let expected = Told { requests: 82_205, failed: 0, per_second: 82_095.260_348_838_48 };
        assert_eq!(told, expected);
    }

    #[test]
    fn its_errors_are_read() {
        let printed = r#"{
            "summary": { "requestsPerSec": 10.0 },
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
