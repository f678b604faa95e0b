//! wrk, the yardstick: a C program around epoll, with one thread here.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::{Generator, Load, Missing, Told, beside_scripts, body, first_line};
use crate::case::Case;
use crate::process;

/// wrk, as Debian has it.
#[derive(Debug)]
pub struct Wrk {
    program: PathBuf,
}

impl Wrk {
    /// Finds it.
    ///
    /// Fails if it is not installed.
    pub fn find() -> Result<Self, Missing> {
        let missing = Missing { name: "wrk", install: "apt-get install wrk" };
        process::find("wrk", &[]).map(|program| Self { program }).ok_or(missing)
    }
}

impl Generator for Wrk {
    fn name(&self) -> &'static str {
        "wrk"
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
        let mut command = process::pinned(load.core, &self.program);
        command
            .args(["--threads", "1", "--latency"])
            .args(["--connections", &load.connections.to_string()])
            .args(["--duration", &format!("{}s", load.seconds)]);
        match load.case {
            Case::Json => command.arg("--script").arg(beside_scripts("wrk_json.lua")),
            Case::Post => command.arg("--script").arg(beside_scripts("wrk_post.lua")),
            _ => &mut command,
        };
        command.arg(load.url());
        if load.case == Case::Post {
            command.arg("--").arg(body());
        }
        command
    }

    fn told(&self, _case: Case, printed: &str, _report: &Path) -> Result<Told> {
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
    // This one is of `wrk_json.lua`, which looks at the status as well.
    let wrong = match after("Not what was asked for: ") {
        Some(number) => number.parse().ok()?,
        None => 0,
    };
    let broken = match after("Socket errors: ") {
        Some(kinds) => sum(kinds)?,
        None => 0,
    };
    Some(Told {
        requests: requests.parse().ok()?,
        failed: u64::max(refused, wrong) + broken,
        per_second: after("Requests/sec: ")?.trim().parse().ok()?,
        p99_milliseconds: after("99% ").and_then(|text| milliseconds(text.trim())),
    })
}

/// The milliseconds of `421.34us`, `1.50ms`, `2.00s` or `1.10m`.
fn milliseconds(text: &str) -> Option<f64> {
    let unit = text.trim_start_matches(|each: char| each.is_ascii_digit() || each == '.');
    let number: f64 = text.strip_suffix(unit)?.parse().ok()?;
    let in_milliseconds = match unit {
        "us" => 1e-3,
        "ms" => 1.0,
        "s" => 1e3,
        "m" => 6e4,
        _ => return None,
    };
    Some(number * in_milliseconds)
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
        let expected =
            Told { requests: 122_715, failed: 0, per_second: 122_501.24, p99_milliseconds: None };
        assert_eq!(told(printed), Some(expected));
    }

    #[test]
    fn what_its_script_found_wrong_has_failed() {
        let told = told(include_str!("../captured/wrk_json.txt")).unwrap();
        assert_eq!((told.requests, told.failed), (43_458, 43_458));
        assert_eq!(told.p99_milliseconds, Some(3.82));
    }

    #[test]
    fn its_times_have_units() {
        for (text, expected) in
            [("250.00us", 0.25), ("1.50ms", 1.5), ("2.00s", 2_000.0), ("1.50m", 90_000.0)]
        {
            assert_eq!(milliseconds(text), Some(expected), "{text}");
        }
        assert_eq!(milliseconds("1.50h"), None);
        assert_eq!(milliseconds("-nan%"), None);
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
