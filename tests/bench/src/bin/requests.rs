//! Compares the CPU time of a request: wrk, oha and wasmload against nginx, in turns, a core each; in the clear,
//! by TLS, and by HTTP/2, where h2load takes wrk's place.

use std::io::{Write, stderr, stdout};
use std::process::ExitCode;

use anyhow::{Context, Result, ensure};
use clap::Parser;
use serde::Serialize;
use wasmload_bench::generator::{Generator, H2load, Load, Missing, Oha, Speaks, Wasmload, Wrk};
use wasmload_bench::nginx::Nginx;
use wasmload_bench::setting::Setting;
use wasmload_bench::spread::Spread;
use wasmload_bench::table::{lined_up, thousands};
use wasmload_bench::turn::{Turn, turn};

/// Compares the CPU time that load generators take for a request.
#[derive(Debug, Parser)]
struct Arguments {
    /// How often each generator has its turn.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// How long a turn lasts.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    seconds: u32,
    /// How many connections, and virtual users, there are.
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..))]
    connections: u32,
    /// Which generators, between commas.
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = Which::ALL)]
    generators: Vec<Which>,
    #[command(flatten)]
    setting: Setting,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Which {
    Wrk,
    Oha,
    Wasmload,
    WrkHttps,
    WasmloadHttps,
    H2load,
    WasmloadHttp2,
}

impl Which {
    const ALL: [Self; 7] = [
        Self::Wrk,
        Self::Oha,
        Self::Wasmload,
        Self::WrkHttps,
        Self::WasmloadHttps,
        Self::H2load,
        Self::WasmloadHttp2,
    ];

    fn speaks(self) -> Speaks {
        match self {
            Self::Wrk | Self::Oha | Self::Wasmload => Speaks::Http,
            Self::WrkHttps | Self::WasmloadHttps => Speaks::Https,
            Self::H2load | Self::WasmloadHttp2 => Speaks::Http2,
        }
    }
}

/// All turns of one generator.
#[derive(Debug, Serialize)]
struct Contender {
    name: &'static str,
    version: String,
    turns: Vec<Turn>,
}

/// The file of `--json`.
#[derive(Debug, Serialize)]
struct Report<'a> {
    target: String,
    connections: u32,
    seconds: u32,
    contenders: &'a [Contender],
    microseconds_per_request: Vec<Named<Option<Spread>>>,
    ratio_to_wrk: Vec<Named<Option<Spread>>>,
    missing: Vec<Named<&'static str>>,
}

#[derive(Debug, Serialize)]
struct Named<V> {
    name: &'static str,
    value: V,
}

fn main() -> ExitCode {
    wasmload_bench::ended(run(&Arguments::parse()))
}

fn run(arguments: &Arguments) -> Result<()> {
    let json = arguments.setting.prepare()?;
    let (generators, missing) = generators(arguments)?;
    ensure!(!generators.is_empty(), "there is no generator to compare");
    let nginx = Nginx::start(arguments.setting.target_core)?;
    let load = Load {
        http_url: nginx.url(),
        https_url: nginx.https_url(),
        connections: arguments.connections,
        seconds: arguments.seconds,
        core: arguments.setting.generator_core,
    };

    let mut contenders: Vec<_> = generators
        .iter()
        .map(|generator| Contender {
            name: generator.name(),
            version: generator.version(),
            turns: Vec::new(),
        })
        .collect();
    for round in 1..=arguments.rounds {
        for (generator, contender) in generators.iter().zip(&mut contenders) {
            let turn = turn(generator.as_ref(), &load)?;
            writeln!(
                stderr(),
                "round {round} of {}: {} {:.2} µs a request, {} requests/s",
                arguments.rounds,
                contender.name,
                turn.microseconds_per_request,
                thousands(turn.requests_per_second as u64),
            )?;
            contender.turns.push(turn);
        }
    }

    let target = nginx.version();
    print(&target, &load, &contenders, &missing)?;
    if let Some(json) = json {
        let named = |spread: &dyn Fn(&Contender) -> Option<Spread>| {
            contenders.iter().map(|each| Named { name: each.name, value: spread(each) }).collect()
        };
        let report = Report {
            target,
            connections: load.connections,
            seconds: load.seconds,
            contenders: &contenders,
            microseconds_per_request: named(&|each| cost(each)),
            ratio_to_wrk: named(&|each| ratio(&contenders, each)),
            missing: missing
                .iter()
                .map(|each| Named { name: each.name, value: each.install })
                .collect(),
        };
        serde_json::to_writer_pretty(json, &report).context("writing the report")?;
    }
    Ok(())
}

type Generators = (Vec<Box<dyn Generator>>, Vec<Missing>);

/// The generators that are asked for and there, and those that are not.
fn generators(arguments: &Arguments) -> Result<Generators> {
    let (mut there, mut missing): Generators = (Vec::new(), Vec::new());
    for which in &arguments.generators {
        match which {
            Which::Wrk | Which::WrkHttps => match Wrk::find(which.speaks()) {
                Ok(wrk) => there.push(Box::new(wrk)),
                Err(gone) => missing.push(gone),
            },
            Which::Oha => match Oha::find() {
                Ok(oha) => there.push(Box::new(oha)),
                Err(gone) => missing.push(gone),
            },
            Which::H2load => match H2load::find() {
                Ok(h2load) => there.push(Box::new(h2load)),
                Err(gone) => missing.push(gone),
            },
            Which::Wasmload | Which::WasmloadHttps | Which::WasmloadHttp2 => {
                let wasmload = arguments.setting.wasmload("get_check")?;
                there.push(Box::new(Wasmload { speaks: which.speaks(), ..wasmload }));
            }
        }
    }
    for each in &missing {
        writeln!(stderr(), "warning: {each}; the comparison goes on without it")?;
    }
    Ok((there, missing))
}

fn cost(contender: &Contender) -> Option<Spread> {
    Spread::of(contender.turns.iter().map(|turn| turn.microseconds_per_request))
}

/// How much more than wrk a contender takes, round by round: what disturbs a round disturbs both.
fn ratio(contenders: &[Contender], contender: &Contender) -> Option<Spread> {
    let wrk = contenders.iter().find(|each| each.name == "wrk")?;
    let pairs = contender.turns.iter().zip(&wrk.turns);
    Spread::of(pairs.map(|(own, wrk)| own.microseconds_per_request / wrk.microseconds_per_request))
}

fn print(target: &str, load: &Load, contenders: &[Contender], missing: &[Missing]) -> Result<()> {
    let mut out = stdout().lock();
    let Load { connections, seconds, .. } = load;
    writeln!(out, "{target}, {connections} connections, turns of {seconds} s")?;
    for contender in contenders {
        writeln!(out, "{}: {}", contender.name, contender.version)?;
    }
    writeln!(out)?;
    let head = ["", "µs/request", "min", "max", "× wrk", "min", "max", "requests/s", "failed"];
    let mut rows = vec![head.map(ToOwned::to_owned).to_vec()];
    for contender in contenders {
        let of = |spread: Option<Spread>| match spread {
            Some(Spread { min, median, max }) => [median, min, max].map(|of| format!("{of:.2}")),
            None => ["-"; 3].map(ToOwned::to_owned),
        };
        let rate = Spread::of(contender.turns.iter().map(|turn| turn.requests_per_second));
        let failed = contender.turns.iter().map(|turn| turn.failed).sum();
        let mut row = vec![contender.name.to_owned()];
        row.extend(of(cost(contender)));
        row.extend(of(ratio(contenders, contender)));
        row.push(rate.map_or_else(|| "-".into(), |rate| thousands(rate.median as u64)));
        row.push(thousands(failed));
        rows.push(row);
    }
    for each in missing {
        rows.push(vec![each.name.to_owned(), "missing".to_owned()]);
    }
    write!(out, "{}", lined_up(&rows))?;
    Ok(())
}
