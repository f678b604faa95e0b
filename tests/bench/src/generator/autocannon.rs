//! autocannon: a Node.js program, with one thread.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use serde::Deserialize;

use super::{Generator, Load, Missing, Told, beside_scripts, body, first_line};
use crate::case::Case;
use crate::process;

/// autocannon, as npm has it.
#[derive(Debug)]
pub struct Autocannon {
    program: PathBuf,
    node: PathBuf,
}

impl Autocannon {
    /// Finds it.
    ///
    /// Fails if it is not on `PATH`, or Node.js is not.
    pub fn find() -> Result<Self, Missing> {
        let missing = Missing { name: "autocannon", install: "npm install --global autocannon" };
        let find = |name| process::find(name, &[]).ok_or(missing);
        // The program on the path is a link into the package, which a script has to name.
        let program = find("autocannon")?.canonicalize().map_err(|_| missing)?;
        Ok(Self { program, node: find("node")? })
    }
}

impl Generator for Autocannon {
    fn name(&self) -> &'static str {
        "autocannon"
    }

    fn version(&self) -> String {
        first_line(&self.program, "--version")
    }

    fn cannot(&self, case: Case) -> Option<&'static str> {
        match case {
            Case::Get | Case::Json | Case::Post | Case::Connect | Case::Https => None,
            Case::Http2 => Some("it speaks HTTP/1.1"),
            Case::Websocket => Some("it has no WebSockets"),
        }
    }

    fn command(&self, load: &Load, _report: &Path) -> Command {
        let mut command = process::pinned(load.core, &self.node);
        let (connections, seconds) = (load.connections.to_string(), load.seconds.to_string());
        if load.case == Case::Json {
            command.arg(beside_scripts("autocannon.cjs")).arg(&self.program).arg(load.url());
            command.args([connections, seconds]);
            return command;
        }
        command.arg(&self.program).args(["--json", "--no-progress"]);
        command.args(["--connections", &connections, "--duration", &seconds]);
        if load.case == Case::Post {
            command.args(["--method", "POST", "--headers", "content-type=text/plain", "--input"]);
            command.arg(body());
        }
        command.arg(load.url());
        command
    }

    fn told(&self, _case: Case, printed: &str, _report: &Path) -> Result<Told> {
        told(printed).with_context(|| format!("reading what autocannon printed:\n{printed}"))
    }
}

fn told(printed: &str) -> serde_json::Result<Told> {
    #[derive(Deserialize)]
    struct Report {
        errors: u64,
        mismatches: u64,
        non2xx: u64,
        requests: Requests,
        latency: Latency,
    }
    #[derive(Deserialize)]
    struct Requests {
        average: f64,
        total: u64,
    }
    #[derive(Deserialize)]
    struct Latency {
        p99: f64,
    }
    // What ran out of time is among the errors.
    let Report { errors, mismatches, non2xx, requests, latency } = serde_json::from_str(printed)?;
    Ok(Told {
        requests: requests.total,
        failed: errors + mismatches + non2xx,
        per_second: requests.average,
        p99_milliseconds: Some(latency.p99),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_report_is_read() {
        let told = told(include_str!("../captured/autocannon.json")).unwrap();
        let expected =
            Told { requests: 1_457, failed: 0, per_second: 1_457.0, p99_milliseconds: Some(105.0) };
        assert_eq!(told, expected);
    }

    #[test]
    fn what_does_not_match_has_failed() {
        let printed = r#"{ "errors": 1, "timeouts": 1, "mismatches": 2, "non2xx": 4,
            "requests": { "average": 5.0, "total": 10 }, "latency": { "p99": 3 } }"#;
        assert_eq!(told(printed).unwrap().failed, 7);
    }

    #[test]
    fn what_is_no_report_is_refused() {
        assert!(told("Must be a valid url").is_err());
    }
}
