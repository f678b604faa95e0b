//! hey: a Go program on `net/http`, kept to one core.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::{Generator, Load, Missing, Told, body};
use crate::case::Case;
use crate::process;

/// hey, as Debian has it.
#[derive(Debug)]
pub struct Hey {
    program: PathBuf,
}

impl Hey {
    /// Finds it.
    ///
    /// Fails if it is not installed.
    pub fn find() -> Result<Self, Missing> {
        let missing = Missing { name: "hey", install: "apt-get install hey" };
        process::find("hey", &[]).map(|program| Self { program }).ok_or(missing)
    }
}

impl Generator for Hey {
    fn name(&self) -> &'static str {
        "hey"
    }

    fn version(&self) -> String {
        // It has no option for it.
        "as installed".to_owned()
    }

    fn cannot(&self, case: Case) -> Option<&'static str> {
        match case {
            Case::Get | Case::Post | Case::Connect | Case::Https => None,
            Case::Json => Some("it does not look into pages"),
            Case::Http2 => Some("all its users share one connection"),
            Case::Websocket => Some("it has no WebSockets"),
        }
    }

    fn command(&self, load: &Load, _report: &Path) -> Command {
        let mut command = process::pinned(load.core, &self.program);
        command
            .args(["-cpus", "1"])
            .args(["-c", &load.connections.to_string()])
            .args(["-z", &format!("{}s", load.seconds)]);
        if load.case == Case::Post {
            command.args(["-m", "POST", "-T", "text/plain", "-D"]).arg(body());
        }
        command.arg(load.url());
        command
    }

    fn told(&self, _case: Case, printed: &str, _report: &Path) -> Result<Told> {
        told(printed).with_context(|| format!("reading what hey printed:\n{printed}"))
    }
}

/// How many statuses it keeps.
const STATUSES: u64 = 1_000_000;

fn told(printed: &str) -> Option<Told> {
    let lines = || printed.lines().map(str::trim);
    let after = |prefix| lines().find_map(|line| line.strip_prefix(prefix));
    let seconds: f64 = after("Total:")?.trim().strip_suffix(" secs")?.parse().ok()?;
    let per_second: f64 = after("Requests/sec:")?.trim().parse().ok()?;
    let statuses = || {
        lines().filter_map(|line| {
            let (status, rest) = line.strip_prefix('[')?.split_once(']')?;
            let count = rest.trim().strip_suffix(" responses")?.parse::<u64>().ok()?;
            Some((status.parse::<u16>().ok()?, count))
        })
    };
    // `[4]	Get "…": connection refused`, below a heading of its own.
    let broken: u64 = lines()
        .skip_while(|line| !line.starts_with("Error distribution:"))
        .filter_map(|line| line.strip_prefix('[')?.split_once(']')?.0.parse::<u64>().ok())
        .sum();
    // It keeps the statuses of a million requests only; its rate is of all, those that broke included.
    let answered: u64 = statuses().map(|(_, count)| count).sum();
    let requests = match answered {
        0..STATUSES => answered,
        _ => ((per_second * seconds).round() as u64).saturating_sub(broken),
    };
    let refused: u64 =
        statuses().filter(|(status, _)| *status >= 400).map(|(_, count)| count).sum();
    let p99 = after("99% in ").and_then(|text| text.strip_suffix(" secs")?.parse::<f64>().ok());
    Some(Told {
        requests,
        failed: refused + broken,
        per_second,
        p99_milliseconds: p99.map(|seconds| seconds * 1e3),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_report_is_read() {
        let told = told(include_str!("../captured/hey.txt")).unwrap();
        assert_eq!((told.requests, told.failed), (16_220, 0));
        assert_eq!(told.p99_milliseconds, Some(8.0));
    }

    #[test]
    fn its_errors_are_read() {
        let told = told(include_str!("../captured/hey_with_errors.txt")).unwrap();
        assert_eq!(told.requests, 0);
        assert!(told.failed > 0);
        assert_eq!(told.p99_milliseconds, None);
    }

    #[test]
    fn more_requests_than_it_keeps_are_known_by_its_rate() {
        let told = told(
            "Total:\t10.0000 secs\nRequests/sec:\t200000.5\nStatus code distribution:\n  \
             [200]\t999990 responses\n  [500]\t10 responses\n",
        );
        assert_eq!(told.map(|told| (told.requests, told.failed)), Some((2_000_005, 10)));
    }

    #[test]
    fn what_is_no_report_is_refused() {
        assert_eq!(told("flag provided but not defined: -x"), None);
    }
}
