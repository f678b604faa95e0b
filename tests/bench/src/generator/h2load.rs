//! h2load, of the nghttp2 library: what HTTP/2 costs a C program, with one thread and one request at a time on each
//! connection. It speaks HTTP/1.1 as well.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::{Generator, Load, Missing, Speaks, Told, body, first_line};
use crate::case::Case;
use crate::process;

/// h2load, as Debian has it.
#[derive(Debug)]
pub struct H2load {
    program: PathBuf,
}

impl H2load {
    /// Finds it.
    ///
    /// Fails if it is not installed.
    pub fn find() -> Result<Self, Missing> {
        let missing = Missing { name: "h2load", install: "apt-get install nghttp2-client" };
        process::find("h2load", &[]).map(|program| Self { program }).ok_or(missing)
    }
}

impl Generator for H2load {
    fn name(&self) -> &'static str {
        "h2load"
    }

    fn version(&self) -> String {
        first_line(&self.program, "--version")
    }

    fn cannot(&self, case: Case) -> Option<&'static str> {
        match case {
            Case::Get | Case::Post | Case::Https | Case::Http2 => None,
            Case::Json => Some("it does not look into pages"),
            Case::Connect => Some("it does not end if the target closes connections"),
            Case::Websocket => Some("it has no WebSockets"),
        }
    }

    fn command(&self, load: &Load, _report: &Path) -> Command {
        let mut command = process::pinned(load.core, &self.program);
        command
            .args(["--threads", "1", "--max-concurrent-streams", "1"])
            .args(["--clients", &load.connections.to_string()])
            .args(["--duration", &load.seconds.to_string()]);
        if load.case.speaks() != Speaks::Http2 {
            command.arg("--h1");
        }
        if load.case == Case::Post {
            command.args(["--header", "content-type: text/plain", "--data"]).arg(body());
        }
        command.arg(load.url());
        command
    }

    fn told(&self, _case: Case, printed: &str, _report: &Path) -> Result<Told> {
        told(printed).with_context(|| format!("reading what h2load printed:\n{printed}"))
    }
}

fn told(printed: &str) -> Option<Told> {
    let after = |prefix| printed.lines().find_map(|line| line.strip_prefix(prefix));
    let counts = after("requests: ")?;
    let count = |of: &str| {
        let words = counts.split(", ").find_map(|count| count.strip_suffix(of))?;
        words.trim().parse::<u64>().ok()
    };
    // `finished in 2.00s, 33523.50 req/s, 2.30MB/s`. What errored and what ran out of time is among the failed.
    let rate = after("finished in ")?.split(", ").find_map(|part| part.strip_suffix(" req/s"))?;
    Some(Told {
        requests: count(" done")?,
        failed: count(" failed")?,
        per_second: rate.parse().ok()?,
        // It says the mean and the ends only.
        p99_milliseconds: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_report_is_read() {
        let printed = include_str!("../captured/h2load.txt");
        let expected =
            Told { requests: 67_047, failed: 7, per_second: 33_523.5, p99_milliseconds: None };
        assert_eq!(told(printed), Some(expected));
    }

    #[test]
    fn what_is_no_report_is_refused() {
        assert_eq!(told("connection to 127.0.0.1:9 failed"), None);
    }
}
