//! Measures the memory of wasmload: per connected virtual user, and whether it grows with requests.

use std::io::{Write, stderr, stdout};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use clap::Parser;
use serde::Serialize;
use wasmload_bench::connected::connected;
use wasmload_bench::generator::{Speaks, Wasmload};
use wasmload_bench::memory::Memory;
use wasmload_bench::nginx::Nginx;
use wasmload_bench::process::{Running, pause};
use wasmload_bench::setting::Setting;
use wasmload_bench::table::{lined_up, thousands};

/// Measures the memory that wasmload takes for a connected virtual user.
#[derive(Debug, Parser)]
struct Arguments {
    /// How many virtual users there are, run by run.
    #[arg(long, value_delimiter = ',', default_values_t = [1, 1_000, 5_000])]
    vus: Vec<u32>,
    /// Measures with connections by TLS.
    #[arg(long)]
    https: bool,
    /// Measures with connections of HTTP/2, by TLS.
    #[arg(long, conflicts_with = "https")]
    http2: bool,
    /// Measures instead whether memory grows with the number of requests.
    #[arg(long)]
    growth: bool,
    /// With `--growth`: how many requests there are, run by run.
    #[arg(long, value_delimiter = ',', default_values_t = [1_000_000, 10_000_000])]
    requests: Vec<u64>,
    #[command(flatten)]
    setting: Setting,
}

/// How many virtual users make the requests of `--growth`, as in the bench `requests`.
const VUS_OF_GROWTH: u32 = 64;

/// One run: how much was asked of it, and the memory it had.
#[derive(Clone, Copy, Debug, Serialize)]
struct Run {
    /// Virtual users, or requests with `--growth`.
    asked: u64,
    #[serde(flatten)]
    memory: Memory,
}

fn main() -> ExitCode {
    wasmload_bench::ended(run(&Arguments::parse()))
}

fn run(arguments: &Arguments) -> Result<()> {
    let json = arguments.setting.prepare()?;
    let name = if arguments.growth { "get_check" } else { "get_sleep" };
    let speaks = match (arguments.http2, arguments.https) {
        (true, _) => Speaks::Http2,
        (false, true) => Speaks::Https,
        (false, false) => Speaks::Http,
    };
    let wasmload = Wasmload { speaks, ..arguments.setting.wasmload(name)? };
    let nginx = Nginx::start(arguments.setting.target_core)?;

    let mut runs = Vec::new();
    if arguments.growth {
        for &requests in &arguments.requests {
            writeln!(stderr(), "{} requests …", thousands(requests))?;
            runs.push(after(&wasmload, &nginx, arguments.setting.generator_core, requests)?);
        }
        print("requests", "after the last", &runs, &growth(&runs))?;
    } else {
        for &vus in &arguments.vus {
            writeln!(stderr(), "{} virtual users …", thousands(vus.into()))?;
            let core = arguments.setting.generator_core;
            let memory = connected(&wasmload, &nginx, core, vus)?;
            runs.push(Run { asked: vus.into(), memory });
        }
        print("virtual users", "while all are connected", &runs, &slope(&runs))?;
    }
    if let Some(json) = json {
        serde_json::to_writer_pretty(json, &runs).context("writing the report")?;
    }
    Ok(())
}

/// The memory at the end of a run of this many requests.
fn after(wasmload: &Wasmload, nginx: &Nginx, core: usize, requests: u64) -> Result<Run> {
    /// Often enough to see the end of a run of seconds, and too seldom to disturb it.
    const BETWEEN_LOOKS: Duration = Duration::from_millis(100);

    let folder = tempfile::tempdir().context("making a folder for a report")?;
    let report = folder.path().join("summary.json");
    let mut command = wasmload.run(&nginx.target(wasmload.speaks), core);
    command
        .args(["--vus", &VUS_OF_GROWTH.to_string(), "--iterations", &requests.to_string()])
        .arg("--summary-export")
        .arg(&report);
    let mut running = Running::start("wasmload", command)?;
    let mut last = None;
    let cost = loop {
        if let Some((_, cost)) = running.finished()? {
            break cost;
        }
        // Between its end and the next look there is nothing to read any more.
        last = Memory::of(running.id()).ok().or(last);
        pause(BETWEEN_LOOKS);
    };
    counted(wasmload, &report, requests)?;
    let mut memory = last.context("wasmload ended before its memory was measured")?;
    memory.vm_hwm = cost.most_resident / 1024;
    Ok(Run { asked: requests, memory })
}

fn counted(wasmload: &Wasmload, report: &Path, requests: u64) -> Result<()> {
    let made = wasmload.summary(report)?.requests;
    ensure!(made == requests, "asked for {requests} requests, but there were {made}");
    Ok(())
}

/// What each further virtual user takes, from one run to the next.
fn slope(runs: &[Run]) -> Vec<String> {
    let steps = runs.windows(2).filter_map(|pair| <&[Run; 2]>::try_from(pair).ok());
    steps
        .filter(|[few, many]| many.asked > few.asked)
        .map(|[few, many]| {
            let more = (many.asked - few.asked) as f64;
            let each =
                |of: fn(&Memory) -> u64| (of(&many.memory) as f64 - of(&few.memory) as f64) / more;
            format!(
                "from {} to {}: {:.1} KiB PSS, {:.1} KiB RssAnon a connected virtual user",
                thousands(few.asked),
                thousands(many.asked),
                each(|memory| memory.pss),
                each(|memory| memory.rss_anon),
            )
        })
        .collect()
}

/// What further requests add, from one run to the next.
fn growth(runs: &[Run]) -> Vec<String> {
    let steps = runs.windows(2).filter_map(|pair| <&[Run; 2]>::try_from(pair).ok());
    steps
        .map(|[few, many]| {
            let more = |of: fn(&Memory) -> u64| of(&many.memory) as f64 - of(&few.memory) as f64;
            format!(
                "from {} to {}: {:+} KiB VmHWM, {:+} KiB RssAnon",
                thousands(few.asked),
                thousands(many.asked),
                more(|memory| memory.vm_hwm),
                more(|memory| memory.rss_anon),
            )
        })
        .collect()
}

fn print(asked: &str, when: &str, runs: &[Run], conclusions: &[String]) -> Result<()> {
    let mut out = stdout().lock();
    writeln!(out, "memory of wasmload {when}, in KiB\n")?;
    let mut rows = vec![[asked, "PSS", "RssAnon", "VmHWM"].map(ToOwned::to_owned).to_vec()];
    rows.extend(runs.iter().map(|Run { asked, memory }| {
        [*asked, memory.pss, memory.rss_anon, memory.vm_hwm].map(thousands).to_vec()
    }));
    writeln!(out, "{}", lined_up(&rows))?;
    for conclusion in conclusions {
        writeln!(out, "{conclusion}")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(asked: u64, kibibytes: u64) -> Run {
        let memory = Memory { pss: kibibytes + 1_000, rss_anon: kibibytes, vm_hwm: kibibytes };
        Run { asked, memory }
    }

    #[test]
    fn the_slope_is_what_each_further_user_takes() {
        let slope =
            slope(&[measured(1, 10_000), measured(1_001, 60_000), measured(5_001, 220_000)]);
        assert_eq!(
            slope,
            [
                "from 1 to 1,001: 50.0 KiB PSS, 50.0 KiB RssAnon a connected virtual user",
                "from 1,001 to 5,001: 40.0 KiB PSS, 40.0 KiB RssAnon a connected virtual user",
            ]
        );
    }

    #[test]
    fn growth_has_its_sign() {
        assert_eq!(
            growth(&[measured(1_000_000, 20_000), measured(10_000_000, 19_900)]),
            ["from 1,000,000 to 10,000,000: -100 KiB VmHWM, -100 KiB RssAnon"]
        );
    }
}
