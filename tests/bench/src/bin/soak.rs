//! Measures whether anything grows while wasmload sends requests for a long time: memory, descriptors, sockets; and whether
//! it counts them all.

use std::fs;
use std::io::{Write, stderr, stdout};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use clap::Parser;
use serde::Serialize;
use serde_json::json;
use wasmload_bench::ended;
use wasmload_bench::memory::Memory;
use wasmload_bench::nginx::Nginx;
use wasmload_bench::process::{Moment, Running, pause};
use wasmload_bench::setting::Setting;
use wasmload_bench::slope::Slope;
use wasmload_bench::table::thousands;

/// Measures whether anything grows while wasmload sends requests for a long time.
#[derive(Debug, Parser)]
struct Arguments {
    /// How long, in seconds.
    #[arg(long, default_value_t = 3_060, value_parser = clap::value_parser!(u32).range(10..))]
    seconds: u32,
    /// How many seconds at the beginning do not count. For the first 1,200 the figures of each second are kept, and take their
    /// place; then two share one.
    #[arg(long, default_value_t = 1_260)]
    warm_up: u32,
    /// How many requests a second at most, of all users together.
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..))]
    rate: u32,
    /// How many virtual users, each of which sends its share of them.
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..))]
    vus: u32,
    /// After how many requests nginx ends a connection.
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u64).range(1..))]
    requests_per_connection: u64,
    #[command(flatten)]
    setting: Setting,
}

/// A look at the process.
#[derive(Clone, Copy, Debug, Serialize)]
struct Look {
    /// Seconds since the start.
    at: f64,
    /// Memory of its own, in KiB.
    anonymous: u64,
    /// Files, sockets and others that it has open.
    descriptors: usize,
}

/// What was found.
#[derive(Debug, Serialize)]
struct Report {
    per_second: f64,
    counted: u64,
    failed: u64,
    answered_by_nginx: u64,
    connections: u64,
    looks: Vec<Look>,
}

fn main() -> ExitCode {
    ended(run(&Arguments::parse()))
}

fn run(arguments: &Arguments) -> Result<()> {
    ensure!(arguments.warm_up < arguments.seconds, "the whole run would be warming up");
    let file = arguments.setting.prepare()?;
    let wasmload = arguments.setting.wasmload("get_check")?;
    let ends_after = arguments.requests_per_connection;
    let nginx = Nginx::start_ending_connections(arguments.setting.target_core, ends_after)?;
    let (connections_before, requests_before) = nginx.counted()?;

    let folder = tempfile::tempdir().context("making a folder for options and summary")?;
    let summary = folder.path().join("summary.json");
    let interval = f64::from(arguments.vus) * 1_000.0 / f64::from(arguments.rate);
    let options = folder.path().join("options.json");
    let paced = json!({ "minIterationDuration": interval });
    fs::write(&options, paced.to_string()).context("writing the options")?;
    let mut command = wasmload.run(&nginx.url(), arguments.setting.generator_core);
    command
        .arg("--config")
        .arg(&options)
        .args(["--duration", &format!("{}s", arguments.seconds)])
        .args(["--vus", &arguments.vus.to_string()])
        .arg("--summary-export")
        .arg(&summary);
    let mut running = Running::start("wasmload", command)?;
    let looks = looks(&mut running, arguments.seconds)?;
    running.finish()?;
    let (connections, requests) = nginx.counted()?;

    let told = wasmload.summary(&summary)?;
    let report = Report {
        per_second: told.per_second,
        counted: told.requests,
        failed: told.failed,
        // Who asks for it the second time is one of them.
        answered_by_nginx: requests - requests_before - 1,
        connections: connections - connections_before - 1,
        looks,
    };
    print(arguments, &report)?;
    if let Some(file) = file {
        serde_json::to_writer_pretty(file, &report).context("writing the report")?;
    }
    Ok(())
}

/// Looks at a process again and again while it is to run so long, and ends just before that.
fn looks(running: &mut Running, seconds: u32) -> Result<Vec<Look>> {
    const BETWEEN: Duration = Duration::from_secs(5);
    let mut looks = Vec::new();
    let (began, mut minutes) = (Moment::now(), 0);
    // By the clock: to look takes time as well.
    while began.elapsed() + 2 * BETWEEN < Duration::from_secs(seconds.into()) {
        pause(BETWEEN);
        let at = began.elapsed();
        if running.finished()?.is_some() {
            bail!("wasmload ended after {} s", at.as_secs());
        }
        let anonymous = Memory::of(running.id())?.rss_anon;
        let path = format!("/proc/{}/fd", running.id());
        let descriptors = fs::read_dir(&path).with_context(|| format!("reading {path}"))?.count();
        looks.push(Look { at: at.as_secs_f64(), anonymous, descriptors });
        if at.as_secs() / 60 > minutes {
            minutes = at.as_secs() / 60;
            writeln!(stderr(), "{} s: {anonymous} KiB, {descriptors} descriptors", at.as_secs())?;
        }
    }
    Ok(looks)
}

fn print(arguments: &Arguments, report: &Report) -> Result<()> {
    let mut out = stdout();
    let Report { per_second, counted, failed, answered_by_nginx, connections, looks } = report;
    writeln!(
        out,
        "requests: {per_second:.0} a second, {} counted, {} answered by nginx, {failed} failed",
        thousands(*counted),
        thousands(*answered_by_nginx)
    )?;
    writeln!(out, "connections: {}", thousands(*connections))?;
    let warm = |look: &&Look| look.at >= f64::from(arguments.warm_up);
    let of = |value: fn(&Look) -> f64| -> Vec<(f64, f64)> {
        looks.iter().filter(warm).map(|look| (look.at, value(look))).collect()
    };
    for (what, unit, points) in [
        ("memory", " KiB", of(|look| look.anonymous as f64)),
        ("descriptors", "", of(|look| look.descriptors as f64)),
    ] {
        let (Some((_, first)), Some((_, last))) = (points.first(), points.last()) else { continue };
        write!(out, "{what}: {first}{unit} at the beginning, {last}{unit} at the end")?;
        match Slope::of(&points) {
            Some(Slope { rise, error }) => writeln!(
                out,
                "; {:+.1} ± {:.1}{unit} an hour (twice the standard error)",
                rise * 3_600.0,
                error * 2.0 * 3_600.0
            )?,
            None => writeln!(out)?,
        }
    }
    Ok(())
}
