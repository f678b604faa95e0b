//! ab, the benchmark of the Apache HTTP server: a C program with one thread, which speaks HTTP/1.0.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::{Generator, Load, Missing, Told, body, first_line};
use crate::case::Case;
use crate::process;

/// More requests a second than it makes. It reserves memory for as many as it is to make, which it may not use.
const MOST_PER_SECOND: u64 = 300_000;

/// ab, as Debian has it.
#[derive(Debug)]
pub struct Ab {
    program: PathBuf,
}

impl Ab {
    /// Finds it.
    ///
    /// Fails if it is not installed.
    pub fn find() -> Result<Self, Missing> {
        let missing = Missing { name: "ab", install: "apt-get install apache2-utils" };
        process::find("ab", &[]).map(|program| Self { program }).ok_or(missing)
    }
}

impl Generator for Ab {
    fn name(&self) -> &'static str {
        "ab"
    }

    fn version(&self) -> String {
        first_line(&self.program, "-V")
    }

    fn cannot(&self, case: Case) -> Option<&'static str> {
        match case {
            Case::Get | Case::Post | Case::Connect | Case::Https => None,
            Case::Json => Some("it does not look into pages"),
            Case::Http2 => Some("it speaks HTTP/1.0"),
            Case::Websocket => Some("it has no WebSockets"),
        }
    }

    fn command(&self, load: &Load, _report: &Path) -> Command {
        let mut command = process::pinned(load.core, &self.program);
        command
            .args(["-q", "-c", &load.connections.to_string()])
            .args(["-t", &load.seconds.to_string()])
            .args(["-n", &(u64::from(load.seconds) * MOST_PER_SECOND).to_string()]);
        if load.case != Case::Connect {
            command.arg("-k");
        }
        if load.case == Case::Post {
            command.args(["-T", "text/plain", "-p"]).arg(body());
        }
        command.arg(load.url());
        command
    }

    fn told(&self, _case: Case, printed: &str, _report: &Path) -> Result<Told> {
        told(printed).with_context(|| format!("reading what ab printed:\n{printed}"))
    }
}

fn told(printed: &str) -> Option<Told> {
    let after = |prefix| {
        let line = printed.lines().find_map(|line| line.trim().strip_prefix(prefix))?;
        line.split_whitespace().next()
    };
    // The second line is only there if there is something to tell.
    let refused = match after("Non-2xx responses:") {
        Some(number) => number.parse::<u64>().ok()?,
        None => 0,
    };
    Some(Told {
        requests: after("Complete requests:")?.parse().ok()?,
        failed: after("Failed requests:")?.parse::<u64>().ok()? + refused,
        per_second: after("Requests per second:")?.parse().ok()?,
        p99_milliseconds: after("99%").and_then(|text| text.parse().ok()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_report_is_read() {
        let told = told(include_str!("../captured/ab.txt")).unwrap();
        assert_eq!((told.requests, told.failed), (70_420, 0));
        assert_eq!((told.per_second, told.p99_milliseconds), (70_414.86, Some(4.0)));
    }

    #[test]
    fn its_errors_are_read() {
        let told = told(
            "Complete requests:      9\nFailed requests:        2\nNon-2xx responses:      3\n\
             Requests per second:    4.50 [#/sec] (mean)\n",
        );
        let expected = Told { requests: 9, failed: 5, per_second: 4.5, p99_milliseconds: None };
        assert_eq!(told, Some(expected));
    }

    #[test]
    fn what_is_no_report_is_refused() {
        assert_eq!(told("ab: invalid URL"), None);
    }
}
