//! Measures how true the moments are that events are stamped with, with many streams at once.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Write, stderr, stdout};
use std::process::ExitCode;

use anyhow::{Context, Result, ensure};
use clap::Parser;
use serde::{Deserialize, Serialize};
use wasmload_bench::demo::Demo;
use wasmload_bench::process::Running;
use wasmload_bench::setting::Setting;
use wasmload_bench::table::{lined_up, thousands};

/// Measures how much later than the target says it sent them events are stamped, with many streams at once.
#[derive(Debug, Parser)]
struct Arguments {
    /// How many streams there are, run by run; each has an event a second, for ten seconds.
    #[arg(long, value_delimiter = ',', default_values_t = [10, 1_000])]
    streams: Vec<u32>,
    #[command(flatten)]
    setting: Setting,
}

/// The latencies of one run, in milliseconds.
#[derive(Clone, Copy, Debug, Serialize)]
struct Run {
    streams: u32,
    first: Latency,
    later: Latency,
    /// CPU time of the generator, in seconds.
    cpu: f64,
}

#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
struct Latency {
    count: f64,
    med: f64,
    #[serde(rename = "p(99)")]
    p99: f64,
    max: f64,
}

#[derive(Deserialize)]
struct Summary {
    metrics: BTreeMap<String, Metric>,
}

#[derive(Deserialize)]
struct Metric {
    values: serde_json::Value,
}

fn main() -> ExitCode {
    wasmload_bench::ended(run(&Arguments::parse()))
}

fn run(arguments: &Arguments) -> Result<()> {
    let json = arguments.setting.prepare()?;
    let wasmload = arguments.setting.wasmload("sse_latency")?;
    let mut runs = Vec::new();
    for &streams in &arguments.streams {
        writeln!(stderr(), "{} streams …", thousands(streams.into()))?;
        let demo = Demo::start(&wasmload.program, arguments.setting.target_core)?;
        let folder = tempfile::tempdir().context("making a folder for a report")?;
        let report = folder.path().join("summary.json");
        let mut command = wasmload.run(&demo.url(), arguments.setting.generator_core);
        command
            .args(["--vus", &streams.to_string(), "--iterations", &streams.to_string()])
            .args(["--summary-trend-stats", "count,med,p(99),max", "--summary-export"])
            .arg(&report);
        let (_, cost) = Running::start("wasmload", command)?.finish()?;
        let text = fs::read_to_string(&report).context("reading wasmload's summary")?;
        let summary: Summary = serde_json::from_str(&text).context("reading wasmload's summary")?;
        let of = |metric: &str| -> Result<Latency> {
            let metric = summary.metrics.get(metric).with_context(|| format!("no {metric}"))?;
            serde_json::from_value(metric.values.clone()).context("reading wasmload's summary")
        };
        let (first, later) = (of("first_event_latency")?, of("event_latency")?);
        ensure!(first.count == f64::from(streams), "{} of {streams} streams began", first.count);
        let cpu = (cost.user + cost.system).as_secs_f64();
        runs.push(Run { streams, first, later, cpu });
    }
    print(&runs)?;
    if let Some(json) = json {
        serde_json::to_writer_pretty(json, &runs).context("writing the report")?;
    }
    Ok(())
}

fn print(runs: &[Run]) -> Result<()> {
    let mut out = stdout().lock();
    writeln!(out, "from the target's stamp to ours, in ms\n")?;
    let head = ["streams", "", "events", "median", "p(99)", "max", "CPU s"];
    let mut rows = vec![head.map(ToOwned::to_owned).to_vec()];
    for run in runs {
        for (which, latency, cpu) in
            [("first", run.first, format!("{:.2}", run.cpu)), ("later", run.later, String::new())]
        {
            let ms = |value: f64| format!("{value:.2}");
            rows.push(vec![
                thousands(run.streams.into()),
                which.to_owned(),
                format!("{}", latency.count),
                ms(latency.med),
                ms(latency.p99),
                ms(latency.max),
                cpu,
            ]);
        }
    }
    writeln!(out, "{}", lined_up(&rows))?;
    Ok(())
}
