//! Measures what summaries and outputs take of the CPU time of a request, at a steady rate.

use std::io::{Write, stderr, stdout};
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result, ensure};
use clap::Parser;
use serde::Serialize;
use wasmload_bench::ended;
use wasmload_bench::generator::Wasmload;
use wasmload_bench::nginx::Nginx;
use wasmload_bench::process::Running;
use wasmload_bench::setting::Setting;
use wasmload_bench::spread::Spread;
use wasmload_bench::table::lined_up;

/// Measures what summaries and outputs take of the CPU time of a request, at a steady rate.
#[derive(Debug, Parser)]
struct Arguments {
    /// How often each has its turn.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// How many requests a second.
    #[arg(long, default_value_t = 20_000, value_parser = clap::value_parser!(u32).range(1..))]
    rate: u32,
    /// How long a turn lasts.
    #[arg(long, default_value_t = 15, value_parser = clap::value_parser!(u32).range(1..))]
    seconds: u32,
    /// How many virtual users there may be.
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..))]
    vus: u32,
    #[command(flatten)]
    setting: Setting,
}

/// What is said of a run. The first says nothing but a number for us, and is what the others are compared with.
const SAYING: [(&str, &[&str]); 3] = [
    ("no summary", &["--summary-mode", "disabled"]),
    ("summary", &[]),
    (
        "summary and all files",
        &[
            "--out",
            "json=samples.json",
            "--out",
            "csv=samples.csv",
            "--out",
            "hdr=trends.hlog",
            "--out",
            "influxdb=lines.txt",
            "--out",
            "summary=result.json",
            "--out",
            "markdown=report.md",
            "--out",
            "junit=report.xml",
            "--out",
            "html=report.html",
        ],
    ),
];

/// What one way of saying costs.
#[derive(Debug, Serialize)]
struct Cost {
    saying: &'static str,
    microseconds_per_request: Spread,
    ratio: Spread,
}

fn main() -> ExitCode {
    ended(run(&Arguments::parse()))
}

fn run(arguments: &Arguments) -> Result<()> {
    let json = arguments.setting.prepare()?;
    let wasmload = arguments.setting.wasmload("get_check")?;
    let nginx = Nginx::start(arguments.setting.target_core)?;

    let mut turns = SAYING.map(|_| Vec::new());
    for round in 1..=arguments.rounds {
        for ((saying, flags), turns) in SAYING.iter().zip(&mut turns) {
            let microseconds = turn(arguments, &wasmload, &nginx, flags)?;
            writeln!(
                stderr(),
                "round {round} of {}: {saying}, {microseconds:.1} µs",
                arguments.rounds
            )?;
            turns.push(microseconds);
        }
    }
    let plain = turns[0].clone();
    let costs: Vec<Cost> = SAYING
        .iter()
        .zip(turns)
        .filter_map(|((saying, _), turns)| {
            let ratios: Vec<f64> =
                turns.iter().zip(&plain).map(|(one, plain)| one / plain).collect();
            let microseconds_per_request = Spread::of(turns)?;
            Some(Cost { saying, microseconds_per_request, ratio: Spread::of(ratios)? })
        })
        .collect();
    print(&costs)?;
    if let Some(json) = json {
        serde_json::to_writer_pretty(json, &costs).context("writing the report")?;
    }
    Ok(())
}

/// The CPU time of a request in one run, in microseconds.
fn turn(arguments: &Arguments, wasmload: &Wasmload, nginx: &Nginx, flags: &[&str]) -> Result<f64> {
    let folder = tempfile::tempdir().context("making a folder for what is written")?;
    let report = folder.path().join("for-us.json");
    let mut command = wasmload.run(&nginx.url(), arguments.setting.generator_core);
    command
        .args(["--rate", &arguments.rate.to_string()])
        .args(["--duration", &format!("{}s", arguments.seconds)])
        .args(["--vus", &arguments.vus.to_string()])
        .args(flags)
        .arg("--summary-export")
        .arg(&report)
        .current_dir(folder.path());
    let (printed, cost) = Running::start("wasmload", command)?.finish()?;
    let requests = counted(wasmload, &report).with_context(|| printed)?;
    Ok((cost.user + cost.system).as_secs_f64() * 1e6 / requests as f64)
}

fn counted(wasmload: &Wasmload, report: &Path) -> Result<u64> {
    let told = wasmload.summary(report)?;
    ensure!(told.requests > 0 && told.failed == 0, "{} of {} failed", told.failed, told.requests);
    Ok(told.requests)
}

fn print(costs: &[Cost]) -> Result<()> {
    let heads = ["", "µs/request", "min", "max", "× none", "min", "max"];
    let mut rows = vec![heads.map(str::to_owned).to_vec()];
    for Cost { saying, microseconds_per_request: time, ratio } in costs {
        let figures = [time.median, time.min, time.max].map(|figure| format!("{figure:.1}"));
        let ratios = [ratio.median, ratio.min, ratio.max].map(|figure| format!("{figure:.3}"));
        let mut row = vec![(*saying).to_owned()];
        row.extend(figures.into_iter().chain(ratios));
        rows.push(row);
    }
    write!(stdout(), "{}", lined_up(&rows))?;
    Ok(())
}
