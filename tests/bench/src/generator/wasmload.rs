//! wasmload itself, with a worker thread for each core that it has.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use serde::Deserialize;

use super::{Generator, Load, Speaks, Told, first_line};
use crate::case::Case;
use crate::process;

/// wasmload with a script.
#[derive(Debug)]
pub struct Wasmload {
    /// The program.
    pub program: PathBuf,
    /// The compiled script.
    pub script: PathBuf,
    /// How it is to ask.
    pub speaks: Speaks,
    /// What else the script is told, as `NAME=value`.
    pub env: Vec<String>,
}

impl Wasmload {
    /// The command that runs the script against a target, quietly, on one core; without how much.
    pub fn run(&self, url: &str, core: usize) -> Command {
        self.run_on(url, &[core])
    }

    /// The same on several cores, with a worker thread for each.
    pub fn run_on(&self, url: &str, cores: &[usize]) -> Command {
        let mut command = process::pinned_to(cores, &self.program);
        command.arg("run").arg(&self.script);
        command.args(["--workers", &cores.len().to_string(), "--quiet"]);
        command.arg("--env").arg(format!("BASE_URL={url}"));
        for variable in &self.env {
            command.arg("--env").arg(variable);
        }
        let version = match self.speaks {
            Speaks::Http | Speaks::Https => "1.1",
            Speaks::Http2 => "2",
        };
        command.args(["--http-version", version]);
        if self.speaks != Speaks::Http {
            command.arg("--insecure-skip-tls-verify");
        }
        command
    }

    /// Reads the file that it wrote for `--summary-export`.
    ///
    /// Fails if it is not there, or not as documented.
    pub fn summary(&self, report: &Path) -> Result<Told> {
        let text = fs::read_to_string(report).context("reading wasmload's summary")?;
        told(&text).with_context(|| format!("reading wasmload's summary:\n{text}"))
    }
}

impl Generator for Wasmload {
    fn name(&self) -> &'static str {
        "wasmload"
    }

    fn version(&self) -> String {
        first_line(&self.program, "--version")
    }

    fn cannot(&self, _case: Case) -> Option<&'static str> {
        None
    }

    fn command(&self, load: &Load, report: &Path) -> Command {
        let mut command = self.run(&load.base_url, load.core);
        command
            .args(["--vus", &load.connections.to_string()])
            .args(["--duration", &format!("{}s", load.seconds)])
            .args(["--summary-trend-stats", "p(99)"])
            .arg("--summary-export")
            .arg(report);
        command
    }

    fn told(&self, case: Case, _printed: &str, report: &Path) -> Result<Told> {
        let text = fs::read_to_string(report).context("reading wasmload's summary")?;
        let told = if case == Case::Websocket { told_of_messages(&text) } else { told(&text) };
        told.with_context(|| format!("reading wasmload's summary:\n{text}"))
    }
}

#[derive(Deserialize)]
struct Summary<M> {
    metrics: M,
}

#[derive(Deserialize)]
struct Metric<V> {
    values: V,
}

#[derive(Deserialize)]
struct Counter {
    count: f64,
    rate: f64,
}

#[derive(Deserialize)]
struct Rate {
    passes: f64,
    fails: f64,
}

/// It has only what was asked for.
#[derive(Deserialize)]
struct Trend {
    #[serde(rename = "p(99)")]
    p99: Option<f64>,
}

fn told(summary: &str) -> serde_json::Result<Told> {
    #[derive(Deserialize)]
    struct Metrics {
        http_reqs: Metric<Counter>,
        http_req_failed: Metric<Rate>,
        http_req_duration: Option<Metric<Trend>>,
        checks: Option<Metric<Rate>>,
    }
    let metrics = serde_json::from_str::<Summary<Metrics>>(summary)?.metrics;
    // k6's names: what passes in the one is that a request failed.
    let failed = metrics.http_req_failed.values.passes;
    let unchecked = metrics.checks.map_or(0.0, |checks| checks.values.fails);
    Ok(Told {
        requests: metrics.http_reqs.values.count as u64,
        // A status is checked as well.
        failed: f64::max(failed, unchecked) as u64,
        per_second: metrics.http_reqs.values.rate,
        p99_milliseconds: metrics.http_req_duration.and_then(|duration| duration.values.p99),
    })
}

/// Of `ws_echo`, with a socket to a user: an iteration is a message there and back.
fn told_of_messages(summary: &str) -> serde_json::Result<Told> {
    #[derive(Deserialize)]
    struct Metrics {
        ws_msgs_received: Metric<Counter>,
        iteration_duration: Option<Metric<Trend>>,
        iterations: Metric<Counter>,
    }
    let metrics = serde_json::from_str::<Summary<Metrics>>(summary)?.metrics;
    let received = metrics.ws_msgs_received.values;
    Ok(Told {
        requests: received.count as u64,
        // One that ends without its message has failed; those that the end of the run cut off are no iterations.
        failed: f64::max(metrics.iterations.values.count - received.count, 0.0) as u64,
        per_second: received.rate,
        p99_milliseconds: metrics.iteration_duration.and_then(|duration| duration.values.p99),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_summary_is_read() {
        let summary = r#"{ "metrics": {
            "http_reqs": { "type": "counter", "values": { "count": 250000, "rate": 50000.0 } },
            "http_req_failed": { "values": { "rate": 0.00001, "passes": 3, "fails": 249997 } },
            "http_req_duration": { "type": "trend", "values": { "p(99)": 1.25 } },
            "checks": { "type": "rate", "values": { "rate": 0.99, "passes": 249996, "fails": 4 } }
        } }"#;
        let expected = Told {
            requests: 250_000,
            failed: 4,
            per_second: 50_000.0,
            p99_milliseconds: Some(1.25),
        };
        assert_eq!(told(summary).unwrap(), expected);
    }

    #[test]
    fn its_summary_of_messages_is_read() {
        let told = told_of_messages(include_str!("../captured/wasmload_websocket.json")).unwrap();
        assert_eq!((told.requests, told.failed), (31_665, 0));
        assert_eq!(told.p99_milliseconds, Some(2.713_599));
    }

    #[test]
    fn what_is_no_summary_is_refused() {
        assert!(told(r#"{ "metrics": {} }"#).is_err());
    }
}
