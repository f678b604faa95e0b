//! Measures what the same script costs in each language: its component, its start, its users and its requests.

use std::io::{Write, stderr, stdout};
use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use clap::Parser;
use serde::Serialize;
use wasmload_bench::case::Case;
use wasmload_bench::connected::connected;
use wasmload_bench::generator::{Generator, Load, Speaks, Wasmload, Wrk};
use wasmload_bench::memory::Memory;
use wasmload_bench::nginx::Nginx;
use wasmload_bench::process::{self, Running};
use wasmload_bench::setting::Setting;
use wasmload_bench::spread::Spread;
use wasmload_bench::turn::turn;
use wasmload_bench::{ended, script};

/// Measures what the same script costs in each language.
#[derive(Debug, Parser)]
struct Arguments {
    /// Which languages: the names of the sources in `scripts/languages`, without their endings.
    #[arg(long, value_delimiter = ',', default_values_t = SOURCES.map(|(language, _)| language.to_owned()))]
    languages: Vec<String>,
    /// How many virtual users there are when their memory is measured.
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(2..))]
    vus: u32,
    /// How many iterations are run without a request.
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u64).range(10..))]
    iterations: u64,
    /// How often wrk and each language have their turn.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// How long a turn lasts.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    seconds: u32,
    #[command(flatten)]
    setting: Setting,
}

/// Each language, and the source of its script below `tests/bench/scripts`.
const SOURCES: [(&str, &str); 6] = [
    ("Rust", "cost.rs"),
    ("C", "languages/cost.c"),
    ("Go", "languages/go"),
    ("JavaScript", "languages/cost.js"),
    ("k6", "languages/k6.js"),
    ("Python", "languages/cost.py"),
];

/// Virtual users of the turns.
const CONNECTIONS: u32 = 64;

/// What a language's script costs.
#[derive(Clone, Debug, Serialize)]
struct Cost {
    language: String,
    component_bytes: u64,
    build_seconds: f64,
    /// From the start of the process to its end, with one iteration that does nothing.
    first_run_milliseconds: f64,
    /// The same when its code is compiled already.
    later_run_milliseconds: f64,
    vu_kibibytes: f64,
    iteration_microseconds: f64,
    request_microseconds: Option<Spread>,
    ratio_to_wrk: Option<Spread>,
}

fn main() -> ExitCode {
    ended(run(&Arguments::parse()))
}

fn run(arguments: &Arguments) -> Result<()> {
    let json = arguments.setting.prepare()?;
    let program = arguments.setting.wasmload.clone().map_or_else(script::build_wasmload, Ok)?;
    let wrk = Wrk::find().map_err(|missing| anyhow::anyhow!("{missing}"))?;
    let nginx = Nginx::start(arguments.setting.target_core)?;
    let mut costs = Vec::new();
    for (language, source) in SOURCES {
        if !arguments.languages.iter().any(|asked| asked == language) {
            continue;
        }
        let measured = measure(language, source, &program, &wrk, &nginx, arguments);
        match measured.with_context(|| format!("measuring {language}")) {
            Ok(cost) => costs.push(cost),
            Err(error) => writeln!(stderr(), "warning: {error:#}; the others go on")?,
        }
    }
    ensure!(!costs.is_empty(), "there is nothing to show");
    print(&costs)?;
    if let Some(json) = json {
        serde_json::to_writer_pretty(json, &costs).context("writing the report")?;
    }
    Ok(())
}

fn measure(
    language: &str,
    source: &str,
    program: &Path,
    wrk: &Wrk,
    nginx: &Nginx,
    arguments: &Arguments,
) -> Result<Cost> {
    let Arguments { setting, vus, iterations, rounds, seconds, .. } = arguments;
    let core = setting.generator_core;
    let folder = tempfile::tempdir().context("making a folder for what is built")?;
    let component = folder.path().join("cost.wasm");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts").join(source);

    writeln!(stderr(), "{language}: building …")?;
    let mut build = Command::new(program);
    build.arg("build").arg(&source).arg("--output").arg(&component);
    // What an earlier run built is not what building takes.
    build.env("XDG_CACHE_HOME", folder.path());
    let (_, build_time) = timed(build)?;
    let component_bytes = component.metadata().context("finding what was built")?.len();

    writeln!(stderr(), "{language}: starting …")?;
    let start = |cache: &str| {
        let mut command = process::pinned(core, program);
        command.arg("run").arg(&component).args(["--quiet", "--iterations", "1", "--vus", "1"]);
        command.args(["--env", "MODE=nothing"]).env("XDG_CACHE_HOME", folder.path().join(cache));
        timed(command).map(|(_, took)| took.as_secs_f64() * 1e3)
    };
    let first: Vec<f64> = ["1", "2", "3"].into_iter().map(start).collect::<Result<_>>()?;
    let later: Vec<f64> = ["1", "2", "3"].into_iter().map(start).collect::<Result<_>>()?;
    let middle = |all: Vec<f64>| Spread::of(all).map_or(f64::NAN, |spread| spread.median);

    let wasmload = |mode| Wasmload {
        program: program.to_owned(),
        script: component.clone(),
        speaks: Speaks::Http,
        env: vec![format!("MODE={mode}")],
    };
    writeln!(stderr(), "{language}: {vus} virtual users …")?;
    // Whoever compiles keeps memory of it: what a user takes is told between two that find the code compiled.
    let mut compiles = process::pinned(core, program);
    compiles.arg("run").arg(&component).args(["--quiet", "--iterations", "1", "--vus", "1"]);
    compiles.args(["--env", "MODE=nothing"]);
    timed(compiles)?;
    let [one, many] = [1, *vus].map(|vus| connected(&wasmload("sleep"), nginx, core, vus));
    let anonymous = |memory: Memory| memory.rss_anon as f64;
    let vu_kibibytes = (anonymous(many?) - anonymous(one?)) / f64::from(vus - 1);

    writeln!(stderr(), "{language}: iterations …")?;
    let [few, all] = [iterations / 10, *iterations].map(|iterations| -> Result<f64> {
        let mut command = wasmload("nothing").run(&nginx.url(), core);
        command.args(["--vus", "1", "--iterations", &iterations.to_string()]);
        let (_, cost) = Running::start("wasmload", command)?.finish()?;
        Ok((cost.user + cost.system).as_secs_f64() * 1e6)
    });
    let iteration_microseconds = (all? - few?) / (iterations - iterations / 10) as f64;

    let load = Load {
        case: Case::Get,
        base_url: nginx.url(),
        connections: CONNECTIONS,
        seconds: *seconds,
        core,
    };
    let (mut own, mut ratios) = (Vec::new(), Vec::new());
    for round in 1..=*rounds {
        writeln!(stderr(), "{language}: requests, round {round} of {rounds} …")?;
        let yardstick = turn(wrk as &dyn Generator, &load)?;
        let turn = turn(&wasmload("get"), &load)?;
        ensure!(turn.failed == 0, "{} requests failed", turn.failed);
        own.push(turn.microseconds_per_request);
        ratios.push(turn.microseconds_per_request / yardstick.microseconds_per_request);
    }
    Ok(Cost {
        language: language.to_owned(),
        component_bytes,
        build_seconds: build_time.as_secs_f64(),
        first_run_milliseconds: middle(first),
        later_run_milliseconds: middle(later),
        vu_kibibytes,
        iteration_microseconds,
        request_microseconds: Spread::of(own),
        ratio_to_wrk: Spread::of(ratios),
    })
}

/// Runs a command to its end; what it printed, and how long it took.
fn timed(mut command: Command) -> Result<(String, Duration)> {
    #[expect(clippy::disallowed_types, reason = "what people wait is on their clock")]
    let began = std::time::Instant::now();
    let output = command.output().context("running wasmload")?;
    let took = began.elapsed();
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "wasmload failed:\n{said}");
    Ok((String::from_utf8_lossy(&output.stdout).into_owned(), took))
}

/// As a table of Markdown, for the README.
fn print(costs: &[Cost]) -> Result<()> {
    let mut out = stdout().lock();
    writeln!(
        out,
        "| script in | component | build | first run | later runs | a connected VU | an empty iteration | a request | × wrk (spread) |\n\
         | --- | --- | --- | --- | --- | --- | --- | --- | --- |"
    )?;
    for cost in costs {
        let of = |spread: &Option<Spread>| spread.map_or(f64::NAN, |spread| spread.median);
        let ratio = match cost.ratio_to_wrk {
            Some(Spread { min, median, max }) => format!("{median:.2} ({min:.2}–{max:.2})"),
            None => "-".to_owned(),
        };
        writeln!(
            out,
            "| {} | {} KB | {:.1} s | {:.0} ms | {:.0} ms | {:.0} KiB | {:.1} µs | {:.1} µs | {ratio} |",
            cost.language,
            cost.component_bytes / 1_000,
            cost.build_seconds,
            cost.first_run_milliseconds,
            cost.later_run_milliseconds,
            cost.vu_kibibytes,
            cost.iteration_microseconds,
            of(&cost.request_microseconds),
        )?;
    }
    Ok(())
}
