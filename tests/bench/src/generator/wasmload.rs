//! wasmload itself, with one worker thread.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use serde::Deserialize;

use super::{Generator, Load, Speaks, Told, first_line};
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
        let mut command = process::pinned(core, &self.program);
        command.arg("run").arg(&self.script);
        command.args(["--workers", "1", "--quiet", "--env"]).arg(format!("BASE_URL={url}"));
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
        match self.speaks {
            Speaks::Http => "wasmload",
            Speaks::Https => "wasmload, https",
            Speaks::Http2 => "wasmload, http/2",
        }
    }

    fn version(&self) -> String {
        first_line(&self.program, "--version")
    }

    fn command(&self, load: &Load, report: &Path) -> Command {
        let mut command = self.run(load.url(self.speaks), load.core);
        command
            .args(["--vus", &load.connections.to_string()])
            .args(["--duration", &format!("{}s", load.seconds)])
            .arg("--summary-export")
            .arg(report);
        command
    }

    fn told(&self, _printed: &str, report: &Path) -> Result<Told> {
        self.summary(report)
    }
}

fn told(summary: &str) -> serde_json::Result<Told> {
    #[derive(Deserialize)]
    struct Summary {
        metrics: Metrics,
    }
    #[derive(Deserialize)]
    struct Metrics {
        http_reqs: Metric<Counter>,
        http_req_failed: Metric<Rate>,
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
    /// k6's names: what passes here is that a request failed.
    #[derive(Deserialize)]
    struct Rate {
        passes: f64,
    }
    let Metrics { http_reqs, http_req_failed } = serde_json::from_str::<Summary>(summary)?.metrics;
    Ok(Told {
        requests: http_reqs.values.count as u64,
        failed: http_req_failed.values.passes as u64,
        per_second: http_reqs.values.rate,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_summary_is_read() {
        let summary = r#"{ "metrics": {
            "http_reqs": { "type": "counter", "values": { "count": 250000, "rate": 50000.0 } },
            "http_req_failed": { "values": { "rate": 0.00001, "passes": 3, "fails": 249997 } }
        } }"#;
        let expected = Told { requests: 250_000, failed: 3, per_second: 50_000.0 };
        assert_eq!(told(summary).unwrap(), expected);
    }

    #[test]
    fn what_is_no_summary_is_refused() {
        assert!(told(r#"{ "metrics": {} }"#).is_err());
    }
}
