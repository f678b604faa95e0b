//! Measures what is left to honest users beside as many who take what they can.

use std::fs;
use std::io::{Write, stderr, stdout};
use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result};
use clap::Parser;
use serde::Serialize;
use wasmload_bench::generator::Wasmload;
use wasmload_bench::nginx::Nginx;
use wasmload_bench::process::{Running, pinned};
use wasmload_bench::setting::Setting;
use wasmload_bench::spread::Spread;
use wasmload_bench::table::{lined_up, thousands};

/// Measures the throughput of honest users beside as many hostile ones.
#[derive(Debug, Parser)]
struct Arguments {
    /// How often each is measured.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// How many virtual users there are, half of them hostile.
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(2..))]
    vus: u32,
    /// What the honest do: as much as they can (busy), or a request each half second (paced).
    #[arg(long, value_delimiter = ',', default_values = PACES, value_parser = PACES)]
    paces: Vec<String>,
    /// What the hostile do; a fifth of them each where they do all.
    #[arg(long, value_delimiter = ',', default_values = KINDS, value_parser = KINDS)]
    kinds: Vec<String>,
    /// For how long.
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..))]
    seconds: u32,
    #[command(flatten)]
    setting: Setting,
}

const KINDS: [&str; 6] = ["loops", "floods", "computes", "eats", "breaks", "all"];

const PACES: [&str; 2] = ["busy", "paced"];

/// What was measured of one kind at one pace, in one round.
#[derive(Clone, Debug, Serialize)]
struct Measured {
    pace: String,
    kind: String,
    /// Requests a second of the honest, alone on the core.
    alone: f64,
    /// Beside another process that only computes: half of the core is theirs.
    half: f64,
    /// Beside hostile users.
    beside: f64,
}

fn main() -> ExitCode {
    wasmload_bench::ended(run(&Arguments::parse()))
}

fn run(arguments: &Arguments) -> Result<()> {
    let json = arguments.setting.prepare()?;
    let wasmload = arguments.setting.wasmload("honest_or_not")?;
    let nginx = Nginx::start(arguments.setting.target_core)?;
    let mut measured = Vec::new();
    for round in 1..=arguments.rounds {
        for pace in &arguments.paces {
            let requests = |kind| requests(arguments, &wasmload, &nginx, pace, kind);
            writeln!(stderr(), "round {round} of {}: {pace} …", arguments.rounds)?;
            let alone = requests(None)?;
            let half = beside_a_process(arguments, || requests(None))?;
            for kind in &arguments.kinds {
                writeln!(stderr(), "round {round} of {}: {pace}, {kind} …", arguments.rounds)?;
                let beside = requests(Some(kind))?;
                let (pace, kind) = (pace.clone(), kind.clone());
                measured.push(Measured { pace, kind, alone, half, beside });
            }
        }
    }
    print(arguments, &measured)?;
    if let Some(json) = json {
        serde_json::to_writer_pretty(json, &measured).context("writing the report")?;
    }
    Ok(())
}

/// Requests a second of the honest half, beside another half of some kind if one is given.
fn requests(
    arguments: &Arguments,
    wasmload: &Wasmload,
    nginx: &Nginx,
    pace: &str,
    kind: Option<&str>,
) -> Result<f64> {
    let folder = tempfile::tempdir().context("making a folder for a report")?;
    let (options, report) = (folder.path().join("o.json"), folder.path().join("summary.json"));
    fs::write(&options, scenarios(arguments.vus / 2, arguments.seconds, pace, kind).to_string())
        .context("writing the options")?;
    let mut command = wasmload.run(&nginx.url(), arguments.setting.generator_core);
    command.arg("--config").arg(&options).arg("--summary-export").arg(&report);
    command.args(["--max-restarts", "1000000000"]);
    Running::start("wasmload", command)?.finish()?;
    let summary = fs::read_to_string(&report).context("reading wasmload's summary")?;
    per_second(&summary).context("reading wasmload's summary")
}

/// The requests a second of a summary; of one without any that is none.
fn per_second(summary: &str) -> Result<f64> {
    let summary: serde_json::Value = serde_json::from_str(summary)?;
    let rate = summary.pointer("/metrics/http_reqs/values/rate");
    Ok(rate.and_then(serde_json::Value::as_f64).unwrap_or(0.0))
}

fn scenarios(vus: u32, seconds: u32, pace: &str, kind: Option<&str>) -> serde_json::Value {
    let scenario = |flow: &str, vus: u32| {
        serde_json::json!({ "executor": "constant-vus", "vus": vus, "duration": format!("{seconds}s"),
            "exec": flow, "gracefulStop": "0s" })
    };
    let mut all = serde_json::Map::new();
    all.insert("honest".to_owned(), scenario(pace, vus));
    let kinds = &KINDS[..KINDS.len() - 1];
    match kind {
        None => {}
        Some("all") => {
            all.extend(kinds.iter().map(|kind| {
                ((*kind).to_owned(), scenario(kind, (vus / kinds.len() as u32).max(1)))
            }))
        }
        Some(kind) => {
            all.insert(kind.to_owned(), scenario(kind, vus));
        }
    }
    serde_json::json!({ "scenarios": all })
}

/// Has another process compute on the same core meanwhile.
fn beside_a_process<T>(arguments: &Arguments, measure: impl FnOnce() -> Result<T>) -> Result<T> {
    let mut busy: Command = pinned(arguments.setting.generator_core, Path::new("sh"));
    busy.args(["-c", "while :; do :; done"]);
    let mut busy = busy.spawn().context("starting a process that only computes")?;
    let measured = measure();
    busy.kill().context("ending it")?;
    busy.wait().context("ending it")?;
    measured
}

fn print(arguments: &Arguments, measured: &[Measured]) -> Result<()> {
    let mut out = stdout().lock();
    let half = thousands(u64::from(arguments.vus / 2));
    writeln!(out, "requests a second of {half} honest users beside {half} hostile ones\n")?;
    let titles =
        ["honest", "hostile", "alone", "half a core", "beside", "× half a core", "min", "max"];
    let mut rows = vec![titles.map(ToOwned::to_owned).to_vec()];
    for pace in &arguments.paces {
        for kind in &arguments.kinds {
            let of: Vec<&Measured> =
                measured.iter().filter(|one| one.pace == *pace && one.kind == *kind).collect();
            let spread = |value: fn(&Measured) -> f64| Spread::of(of.iter().map(|one| value(one)));
            let whole = |value| spread(value).map(|spread| thousands(spread.median as u64));
            let ratio = spread(|one| one.beside / one.half);
            let parts = |value: fn(&Spread) -> f64| {
                ratio.as_ref().map(|ratio| format!("{:.2}", value(ratio)))
            };
            let cells = [
                Some(pace.to_owned()),
                Some(kind.to_owned()),
                whole(|one| one.alone),
                whole(|one| one.half),
                whole(|one| one.beside),
                parts(|ratio| ratio.median),
                parts(|ratio| ratio.min),
                parts(|ratio| ratio.max),
            ];
            rows.push(cells.into_iter().map(Option::unwrap_or_default).collect());
        }
    }
    writeln!(out, "{}", lined_up(&rows))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_of_the_users_are_hostile() {
        let vus = |kind| {
            let scenarios = scenarios(500, 10, "busy", kind);
            let scenarios = scenarios["scenarios"].as_object().expect("an object").clone();
            scenarios.into_iter().map(|(name, one)| (name, one["vus"].as_u64())).collect::<Vec<_>>()
        };
        let named = |name: &str, vus| (name.to_owned(), Some(vus));
        assert_eq!(vus(None), [named("honest", 500)]);
        assert_eq!(vus(Some("loops")), [named("honest", 500), named("loops", 500)]);
        let all: u64 = vus(Some("all")).iter().filter_map(|(_, vus)| *vus).sum();
        assert_eq!(all, 1_000);
    }
}
