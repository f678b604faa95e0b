//! Measures what a second core is good for.

use std::fs;
use std::io::{Write, stderr, stdout};
use std::process::ExitCode;

use anyhow::{Context, Result, ensure};
use clap::Parser;
use serde::Serialize;
use serde_json::Value;
use wasmload_bench::ended;
use wasmload_bench::generator::Wasmload;
use wasmload_bench::nginx::Nginx;
use wasmload_bench::process::Running;
use wasmload_bench::setting::Setting;
use wasmload_bench::spread::Spread;
use wasmload_bench::table::{lined_up, thousands};

/// Measures what a second core is good for.
#[derive(Debug, Parser)]
struct Arguments {
    /// How often each has its turn.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// How long a turn lasts.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    seconds: u32,
    /// How many virtual users there are.
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..))]
    vus: u32,
    #[command(flatten)]
    setting: Setting,
}

/// What an iteration of `scripts/cost.rs` does, how the script is told, and whether it sends a request.
const WORK: [(&str, &str, bool); 2] =
    [("nothing", "MODE=nothing", false), ("a request and a check", "MODE=", true)];

/// What came of one turn.
#[derive(Clone, Copy, Debug)]
struct Turn {
    per_second: f64,
    microseconds: f64,
}

/// One kind of work on one core and on two.
#[derive(Debug, Serialize)]
struct Compared {
    work: &'static str,
    per_second: [Spread; 2],
    microseconds: [Spread; 2],
    /// Of two cores over one.
    throughput: Spread,
    /// Twice what an iteration takes of CPU time on one core over what it takes on two.
    for_its_time: Spread,
}

fn main() -> ExitCode {
    ended(run(&Arguments::parse()))
}

fn run(arguments: &Arguments) -> Result<()> {
    let json = arguments.setting.prepare()?;
    let mut wasmload = arguments.setting.wasmload("cost")?;
    let Setting { generator_core, target_core, .. } = arguments.setting;
    let nginx = Nginx::start(target_core)?;
    let cores = [&[generator_core][..], &[generator_core, target_core]];

    let mut turns = WORK.map(|_| [const { Vec::new() }; 2]);
    for round in 1..=arguments.rounds {
        for ((work, mode, sends), turns) in WORK.iter().zip(&mut turns) {
            wasmload.env = vec![(*mode).to_owned()];
            for (cores, turns) in cores.iter().zip(turns) {
                let turn = turn(arguments, &wasmload, &nginx.url(), cores, *sends)?;
                let (rounds, count) = (arguments.rounds, cores.len());
                writeln!(
                    stderr(),
                    "round {round} of {rounds}: {work}, {count} cores, {} a second, {:.2} µs",
                    thousands(turn.per_second as u64),
                    turn.microseconds
                )?;
                turns.push(turn);
            }
        }
    }
    let compared: Vec<_> =
        WORK.iter().zip(&turns).filter_map(|((work, ..), turns)| compared(work, turns)).collect();
    print(&compared)?;
    if let Some(json) = json {
        serde_json::to_writer_pretty(json, &compared).context("writing the report")?;
    }
    Ok(())
}

/// One run, with a worker for each core.
fn turn(
    arguments: &Arguments,
    wasmload: &Wasmload,
    url: &str,
    cores: &[usize],
    sends: bool,
) -> Result<Turn> {
    let folder = tempfile::tempdir().context("making a folder for a report")?;
    let report = folder.path().join("report.json");
    let mut command = wasmload.run_on(url, cores);
    command
        .args(["--vus", &arguments.vus.to_string()])
        .args(["--duration", &format!("{}s", arguments.seconds)])
        .arg("--summary-export")
        .arg(&report);
    let (printed, cost) = Running::start("wasmload", command)?.finish()?;
    let summary = fs::read_to_string(&report).context("reading the summary")?;
    let summary: Value = serde_json::from_str(&summary).context("reading the summary")?;
    let iterations = &summary["metrics"]["iterations"]["values"];
    let count = iterations["count"].as_f64().unwrap_or(0.0);
    ensure!(count > 0.0, "wasmload counted no iterations:\n{printed}");
    if sends {
        let told = wasmload.summary(&report)?;
        ensure!(told.failed == 0, "{} requests failed:\n{printed}", told.failed);
        ensure!(told.requests as f64 >= count, "wasmload counted too few requests:\n{printed}");
    }
    Ok(Turn {
        per_second: iterations["rate"].as_f64().unwrap_or(0.0),
        microseconds: (cost.user + cost.system).as_secs_f64() * 1e6 / count,
    })
}

/// Round by round, of two cores and of one: what disturbs a round disturbs both.
fn compared(work: &'static str, [one, two]: &[Vec<Turn>; 2]) -> Option<Compared> {
    let pairs = || one.iter().zip(two);
    let per_second = |turns: &[Turn]| Spread::of(turns.iter().map(|turn| turn.per_second));
    let microseconds = |turns: &[Turn]| Spread::of(turns.iter().map(|turn| turn.microseconds));
    Some(Compared {
        work,
        per_second: [per_second(one)?, per_second(two)?],
        microseconds: [microseconds(one)?, microseconds(two)?],
        throughput: Spread::of(pairs().map(|(one, two)| two.per_second / one.per_second))?,
        for_its_time: Spread::of(
            pairs().map(|(one, two)| 2.0 * one.microseconds / two.microseconds),
        )?,
    })
}

fn print(compared: &[Compared]) -> Result<()> {
    let heads = ["an iteration", "1 core /s", "2 cores /s", "×", "min", "max"];
    let heads = heads.into_iter().chain(["µs on 1", "µs on 2", "× for its time", "min", "max"]);
    let mut rows = vec![heads.map(str::to_owned).collect::<Vec<_>>()];
    for Compared { work, per_second, microseconds, throughput, for_its_time } in compared {
        let mut row = vec![(*work).to_owned()];
        row.extend(per_second.map(|spread| thousands(spread.median as u64)));
        let spread = |Spread { min, median, max }: &Spread| {
            [median, min, max].map(|figure| format!("{figure:.2}"))
        };
        row.extend(spread(throughput));
        row.extend(microseconds.map(|spread| format!("{:.2}", spread.median)));
        row.extend(spread(for_its_time));
        rows.push(row);
    }
    write!(stdout(), "{}", lined_up(&rows))?;
    Ok(())
}
