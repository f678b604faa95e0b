//! Locust with its `FastHttpUser`: Python users as greenlets in one process, `scripts/generators/locustfile.py`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use serde::Deserialize;

use super::{Generator, Load, Missing, Told, beside_scripts, body, first_line};
use crate::case::Case;
use crate::process;
use crate::spread::percentile;

/// Locust, as PyPI has it.
#[derive(Debug)]
pub struct Locust {
    program: PathBuf,
}

impl Locust {
    /// Finds it.
    ///
    /// Fails if it is not on `PATH`.
    pub fn find() -> Result<Self, Missing> {
        let missing = Missing { name: "Locust", install: "pip install locust" };
        process::find("locust", &[]).map(|program| Self { program }).ok_or(missing)
    }
}

impl Generator for Locust {
    fn name(&self) -> &'static str {
        "Locust"
    }

    fn version(&self) -> String {
        first_line(&self.program, "--version")
    }

    fn cannot(&self, case: Case) -> Option<&'static str> {
        match case {
            Case::Get | Case::Json | Case::Post | Case::Connect | Case::Https | Case::Websocket => {
                None
            }
            Case::Http2 => Some("it speaks HTTP/1.1"),
        }
    }

    fn command(&self, load: &Load, _report: &Path) -> Command {
        let mut command = process::pinned(load.core, &self.program);
        let users = load.connections.to_string();
        command
            .arg("--locustfile")
            .arg(beside_scripts("locustfile.py"))
            .args(["--headless", "--only-summary", "--json", "--skip-log"])
            .args(["--exit-code-on-error", "0"])
            .args(["--users", &users, "--spawn-rate", &users])
            .args(["--run-time", &format!("{}s", load.seconds)])
            .args(["--host", &load.base_url])
            .env("CASE", load.case.name())
            .env("BODY", body())
            .env("PYTHONDONTWRITEBYTECODE", "1");
        command
    }

    fn told(&self, _case: Case, printed: &str, _report: &Path) -> Result<Told> {
        told(printed)
            .context("there are no requests in it")
            .with_context(|| format!("reading what Locust printed:\n{printed}"))
    }
}

fn told(printed: &str) -> Option<Told> {
    #[derive(Deserialize)]
    struct Entry {
        start_time: f64,
        last_request_timestamp: f64,
        num_requests: u64,
        num_failures: u64,
        /// How many took so many milliseconds, which it rounds.
        response_times: BTreeMap<String, u64>,
    }
    // One for each name; here is one.
    let entries: Vec<Entry> = serde_json::from_str(printed).ok()?;
    let entry = entries.into_iter().next()?;
    let times = entry.response_times.iter();
    let times = times.filter_map(|(time, count)| Some((time.parse::<f64>().ok()?, *count)));
    let seconds = entry.last_request_timestamp - entry.start_time;
    Some(Told {
        requests: entry.num_requests,
        failed: entry.num_failures,
        per_second: if seconds > 0.0 { entry.num_requests as f64 / seconds } else { 0.0 },
        p99_milliseconds: percentile(times, 0.99),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_report_is_read() {
        let told = told(include_str!("../captured/locust.json")).unwrap();
        assert_eq!((told.requests, told.failed), (4, 0));
        assert_eq!(told.p99_milliseconds, Some(180.0));
    }

    #[test]
    fn what_is_no_report_is_refused() {
        assert_eq!(told("[]"), None);
        assert_eq!(told("Could not find a locustfile"), None);
    }
}
