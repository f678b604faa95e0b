//! Measures how exactly wasmload keeps a rate: how much of it is delivered, how late, and along which curve.

use std::fs;
use std::io::{Write, stderr, stdout};
use std::process::ExitCode;

use anyhow::{Context, Result, ensure};
use clap::Parser;
use serde::Serialize;
use serde_json::{Value, json};
use wasmload_bench::generator::Wasmload;
use wasmload_bench::nginx::Nginx;
use wasmload_bench::process::Running;
use wasmload_bench::setting::Setting;
use wasmload_bench::table::{lined_up, thousands};

/// Measures how exactly wasmload keeps a constant rate, and follows a ramp up to it.
#[derive(Debug, Parser)]
struct Arguments {
    /// How often each is measured.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// How many iterations a second; a ramp ends at so many.
    #[arg(long, default_value_t = 20_000, value_parser = clap::value_parser!(u32).range(1..))]
    rate: u32,
    /// How long each run lasts.
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..))]
    seconds: u32,
    /// How many virtual users there may be.
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u32).range(8..))]
    vus: u32,
    #[command(flatten)]
    setting: Setting,
}

/// One run.
#[derive(Clone, Debug, Serialize)]
struct Run {
    shape: &'static str,
    /// How many iterations were due.
    asked: u64,
    /// How many were run.
    delivered: u64,
    /// How many found no virtual user free.
    dropped: u64,
    /// How late they began, in milliseconds.
    lag_median: f64,
    lag_p99: f64,
    lag_max: f64,
    /// By which share the second that differs most from the curve differs from it, as the target saw it.
    worst_second: f64,
}

fn main() -> ExitCode {
    wasmload_bench::ended(run(&Arguments::parse()))
}

fn run(arguments: &Arguments) -> Result<()> {
    let json = arguments.setting.prepare()?;
    let wasmload = arguments.setting.wasmload("get_check")?;

    let mut runs = Vec::new();
    for round in 1..=arguments.rounds {
        for shape in ["constant", "ramp"] {
            let run = measured(arguments, &wasmload, shape)?;
            writeln!(
                stderr(),
                "round {round} of {}: {shape}, {} of {}",
                arguments.rounds,
                thousands(run.delivered),
                thousands(run.asked)
            )?;
            runs.push(run);
        }
    }
    print(arguments, &runs)?;
    if let Some(json) = json {
        serde_json::to_writer_pretty(json, &runs).context("writing the report")?;
    }
    Ok(())
}

fn measured(arguments: &Arguments, wasmload: &Wasmload, shape: &'static str) -> Result<Run> {
    let (rate, seconds) = (arguments.rate, arguments.seconds);
    let nginx = Nginx::start_noting_times(arguments.setting.target_core)?;
    let folder = tempfile::tempdir().context("making a folder for options and report")?;
    let mut scenario = json!({
        "preAllocatedVUs": arguments.vus.min(100), "maxVUs": arguments.vus, "gracefulStop": "5s"
    });
    let own = match shape {
        "ramp" => json!({
            "executor": "ramping-arrival-rate", "startRate": 0,
            "stages": [{ "duration": format!("{seconds}s"), "target": rate }]
        }),
        _ => json!({
            "executor": "constant-arrival-rate", "rate": rate, "duration": format!("{seconds}s")
        }),
    };
    let both = scenario.as_object_mut().zip(own.as_object()).context("two objects")?;
    both.0.extend(both.1.clone());
    let options = json!({
        "scenarios": { "open": scenario }, "summaryTrendStats": ["med", "p(99)", "max"]
    });
    let (config, report) = (folder.path().join("options.json"), folder.path().join("report.json"));
    fs::write(&config, options.to_string()).context("writing the options")?;

    let mut command = wasmload.run(&nginx.url(), arguments.setting.generator_core);
    command.arg("--config").arg(&config).arg("--summary-export").arg(&report);
    Running::start("wasmload", command)?.finish()?;
    let text = fs::read_to_string(&report).context("reading wasmload's summary")?;
    let summary: Value = serde_json::from_str(&text).context("reading wasmload's summary")?;
    let value = |metric: &str, statistic: &str| {
        summary["metrics"][metric]["values"][statistic].as_f64().unwrap_or(0.0)
    };

    let (rate, seconds) = (f64::from(rate), f64::from(seconds));
    let asked = if shape == "ramp" { rate * seconds / 2.0 } else { rate * seconds };
    Ok(Run {
        shape,
        asked: asked as u64,
        delivered: value("iterations", "count") as u64,
        dropped: value("dropped_iterations", "count") as u64,
        lag_median: value("iteration_lag", "med"),
        lag_p99: value("iteration_lag", "p(99)"),
        lag_max: value("iteration_lag", "max"),
        worst_second: worst_second(&nginx.times()?, shape, rate, seconds)?,
    })
}

/// By which share the second that differs most from what was due in it differs.
fn worst_second(times: &[f64], shape: &str, rate: f64, seconds: f64) -> Result<f64> {
    let first = times.iter().copied().fold(f64::INFINITY, f64::min);
    ensure!(first.is_finite(), "nginx noted no request");
    let mut counts = vec![0_u32; seconds as usize];
    for time in times {
        // One that was due in the last moment may be answered after it.
        let second = ((time - first) as usize).min(counts.len() - 1);
        counts[second] += 1;
    }
    let due = |second: f64| match shape {
        "ramp" => rate / seconds * (second + 0.5),
        _ => rate,
    };
    let off = (0_u32..).zip(&counts).map(|(second, count)| {
        let due = due(second.into());
        (f64::from(*count) - due).abs() / due
    });
    Ok(off.fold(0.0, f64::max))
}

fn print(arguments: &Arguments, runs: &[Run]) -> Result<()> {
    let Arguments { rate, seconds, .. } = arguments;
    let mut rows = vec![
        ["", "asked", "delivered", "off by", "dropped", "lag med", "p99", "max ms", "worst second"]
            .map(str::to_owned)
            .to_vec(),
    ];
    rows.extend(runs.iter().map(|run| {
        let off = (run.delivered as f64 - run.asked as f64).abs() / run.asked as f64;
        vec![
            run.shape.to_owned(),
            thousands(run.asked),
            thousands(run.delivered),
            format!("{:.3}%", off * 100.0),
            thousands(run.dropped),
            format!("{:.3}", run.lag_median),
            format!("{:.2}", run.lag_p99),
            format!("{:.1}", run.lag_max),
            format!("{:.2}%", run.worst_second * 100.0),
        ]
    }));
    let title = format!("{rate} iterations/s for {seconds} s, on one core; ramps from 0 to that");
    write!(stdout(), "{title}\n\n{}", lined_up(&rows)).context("printing the figures")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_that_is_off_most_is_found() {
        // Ten in the first second, nine in the second.
        let times: Vec<f64> = (0..10).map(|n| 5.0 + f64::from(n) / 10.0).collect();
        let times: Vec<f64> =
            times.iter().copied().chain((0..9).map(|n| 6.0 + f64::from(n) / 10.0)).collect();
        let worst = worst_second(&times, "constant", 10.0, 2.0).unwrap();
        assert!((worst - 0.1).abs() < 1e-9, "{worst}");
        assert!(worst_second(&[], "constant", 10.0, 2.0).is_err());
    }
}
