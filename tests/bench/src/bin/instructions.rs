//! Counts the instructions that wasmload takes for a request, outside the system: the one figure that a busy machine hardly
//! changes, so the one to hold two commits against each other by.

use std::io::{Write, stdout};
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, ensure};
use clap::Parser;
use wasmload_bench::nginx::Nginx;
use wasmload_bench::process;
use wasmload_bench::setting::Setting;
use wasmload_bench::table::thousands;

/// Counts the instructions that wasmload takes for a request and a check.
#[derive(Debug, Parser)]
struct Arguments {
    /// How often it is counted.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Fails if it is more than this.
    #[arg(long, value_name = "INSTRUCTIONS")]
    at_most: Option<u64>,
    #[command(flatten)]
    setting: Setting,
}

/// Requests of the shorter run and of the longer one: what both have in common is not the requests'.
const REQUESTS: [u64; 2] = [2_000, 12_000];

fn main() -> ExitCode {
    wasmload_bench::ended(run(&Arguments::parse()))
}

fn run(arguments: &Arguments) -> Result<()> {
    arguments.setting.prepare()?;
    let valgrind = process::find("valgrind", &[])
        .context("valgrind is missing, which counts; `apt-get install valgrind` installs it")?;
    let wasmload = arguments.setting.wasmload("get_check")?;
    let nginx = Nginx::start(arguments.setting.target_core)?;
    let folder = tempfile::tempdir().context("making a folder for compiled code")?;
    let count = |requests: u64| -> Result<u64> {
        let plain = wasmload.run(&nginx.url(), arguments.setting.generator_core);
        // As `pinned` has it, the program is what is pinned and its arguments follow.
        let mut command = Command::new(&valgrind);
        command.args(["--tool=callgrind", "--cache-sim=no", "--callgrind-out-file=/dev/null"]);
        command.args(["--smc-check=all-non-file", "--trace-children=yes"]);
        command.arg(plain.get_program()).args(plain.get_args());
        command.args(["--vus", "8", "--seed", "1", "--iterations", &requests.to_string()]);
        // What fails is cheap.
        command.args(["--threshold", "http_req_failed: rate==0", "--threshold", "checks: rate==1"]);
        command.env("XDG_CACHE_HOME", folder.path());
        let output = command.output().context("running valgrind")?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "wasmload failed:\n{said}");
        instructions(&said).with_context(|| format!("reading what valgrind says:\n{said}"))
    };
    // Valgrind shows another processor, for which the script has yet to be compiled.
    count(8)?;
    let mut least = [u64::MAX; 2];
    for _ in 0..arguments.rounds {
        let [few, many] = [count(REQUESTS[0])?, count(REQUESTS[1])?];
        writeln!(stdout(), "{} instructions a request", thousands(each([few, many])?))?;
        least = [least[0].min(few), least[1].min(many)];
    }
    let Some(most) = arguments.at_most else { return Ok(()) };
    // What a busy machine adds to a run is never less than nothing: more that happens once a second.
    let each = each(least)?;
    ensure!(
        each <= most,
        "a request takes {} instructions at least, {} are allowed: mend what has made it dearer, or say in the commit why \
         it is worth that, and allow it",
        thousands(each),
        thousands(most)
    );
    Ok(())
}

/// What a request takes, by the instructions of the shorter run and of the longer one.
///
/// Fails if it takes none.
fn each([few, many]: [u64; 2]) -> Result<u64> {
    let each = many.saturating_sub(few) / (REQUESTS[1] - REQUESTS[0]);
    ensure!(each > 0, "more requests took no more instructions: {few} and {many}");
    Ok(each)
}

/// The number in valgrind's last line: `==1== I   refs:      412,110,242`.
fn instructions(said: &str) -> Option<u64> {
    let refs = said.lines().rev().find_map(|line| line.split_once("refs:"))?.1;
    refs.trim().replace(',', "").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_count_is_in_the_last_line() {
        let said = "==7== Events    : Ir\n==7== Collected : 412110242\n==7== \n\
                    ==7== I   refs:      412,110,242\n";
        assert_eq!(instructions(said), Some(412_110_242));
        assert_eq!(instructions("valgrind: no such program"), None);
    }
}
