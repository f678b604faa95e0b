//! wrk, the yardstick: a C program around epoll, with one thread here.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::{Generator, Load, Missing, Speaks, Told, first_line};
use crate::process;

/// wrk, as Debian has it.
#[derive(Debug)]
pub struct Wrk {
    program: PathBuf,
    speaks: Speaks,
}

impl Wrk {
    /// Finds it. It speaks no HTTP/2.
    ///
    /// Fails if it is not installed.
    pub fn find(speaks: Speaks) -> Result<Self, Missing> {
        let missing = Missing { name: "wrk", install: "apt-get install wrk" };
        process::find("wrk", &[]).map(|program| Self { program, speaks }).ok_or(missing)
    }
}

impl Generator for Wrk {
    fn name(&self) -> &'static str {
        if self.speaks == Speaks::Http { "wrk" } else { "wrk, https" }
    }

    fn version(&self) -> String {
        first_line(&self.program, "--version")
    }

    fn command(&self, load: &Load, _report: &Path) -> Command {
        let mut command = process::pinned(load.core, &self.program);
        command
            .args(["--threads", "1"])
            .args(["--connections", &load.connections.to_string()])
            .args(["--duration", &format!("{}s", load.seconds)])
            .arg(format!("{}/", load.url(self.speaks)));
        command
    }

    fn told(&self, printed: &str, _report: &Path) -> Result<Told> {
        told(printed).with_context(|| format!("reading what wrk printed:\n{printed}"))
    }
}

fn told(printed: &str) -> Option<Told> {
    let after = |prefix| printed.lines().find_map(|line| line.trim().strip_prefix(prefix));
    let requests = printed.lines().find_map(|line| line.trim().split_once(" requests in "))?.0;
    // Both lines are only there if there is something to tell.
    let refused = match after("Non-2xx or 3xx responses: ") {
        Some(number) => number.parse().ok()?,
        None => 0,
    };
    let broken = match after("Socket errors: ") {
        Some(kinds) => sum(kinds)?,
        None => 0,
    };
    Some(Told {
        requests: requests.parse().ok()?,
        failed: refused + broken,
        per_second: after("Requests/sec: ")?.trim().parse().ok()?,
    })
}

/// The sum of `connect 0, read 1, write 0, timeout 2`.
fn sum(kinds: &str) -> Option<u64> {
    kinds.split(", ").map(|kind| kind.split_once(' ')?.1.parse::<u64>().ok()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_report_is_read() {
        let printed = include_str!("../captured/wrk.txt");
        let expected = Told { requests: 122_715, failed: 0, per_second: 122_501.24 };
        assert_eq!(told(printed), Some(expected));
    }

    #[test]
    fn its_errors_are_read() {
        let printed = include_str!("../captured/wrk_with_errors.txt");
        let told = told(printed).unwrap();
        assert_eq!((told.requests, told.failed), (128, 65 + 128));
    }

    #[test]
    fn what_is_no_report_is_refused() {
        assert_eq!(told("unable to connect to 127.0.0.1:9 Connection refused"), None);
    }
}
