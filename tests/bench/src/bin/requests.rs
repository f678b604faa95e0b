//! Compares what a request costs, case by case: wrk, oha, hey, h2load, ab, Locust, autocannon, Artillery and wasmload in turns, on a
//! core each, against nginx, or `wasmload demo` where it is WebSockets.

use std::io::{Write, stderr, stdout};
use std::process::ExitCode;

use anyhow::{Context, Result, ensure};
use clap::{Parser, ValueEnum};
use serde::Serialize;
use wasmload_bench::case::Case;
use wasmload_bench::contest::{Cannot, Contender, Contest, HEAD, Measured};
use wasmload_bench::demo::Demo;
use wasmload_bench::generator::{
    Ab, Artillery, Autocannon, Generator, H2load, Hey, Load, Locust, Missing, Oha, Wasmload, Wrk,
};
use wasmload_bench::nginx::Nginx;
use wasmload_bench::setting::Setting;
use wasmload_bench::spread::percentile;
use wasmload_bench::table::{lined_up, thousands};
use wasmload_bench::turn::turn;

/// Compares the CPU time that load generators take for a request, case by case.
#[derive(Debug, Parser)]
struct Arguments {
    /// How often each generator has its turn in each case.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// How long a turn lasts.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    seconds: u32,
    /// How many connections, and virtual users, there are.
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..))]
    connections: u32,
    /// Which cases, between commas.
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = Case::value_variants().to_vec())]
    cases: Vec<Case>,
    /// Which generators, between commas.
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = Which::value_variants().to_vec())]
    generators: Vec<Which>,
    #[command(flatten)]
    setting: Setting,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Which {
    Wrk,
    Oha,
    Hey,
    H2load,
    Ab,
    Locust,
    Autocannon,
    Artillery,
    Wasmload,
}

/// The file of `--json`.
#[derive(Debug, Serialize)]
struct Report<'a> {
    target: String,
    connections: u32,
    seconds: u32,
    cases: &'a [Contest],
    missing: Vec<Gone>,
}

#[derive(Debug, Serialize)]
struct Gone {
    name: &'static str,
    install: &'static str,
}

fn main() -> ExitCode {
    wasmload_bench::ended(run(&Arguments::parse()))
}

fn run(arguments: &Arguments) -> Result<()> {
    let json = arguments.setting.prepare()?;
    let (others, missing) = others(&arguments.generators)?;
    let wasmload = wasmload(arguments)?;
    let targets = Targets::start(arguments, &wasmload)?;

    let mut contests = Vec::new();
    for (index, &case) in arguments.cases.iter().enumerate() {
        let mut generators: Vec<&dyn Generator> = others.iter().map(AsRef::as_ref).collect();
        generators.extend(wasmload.get(index).map(|wasmload| wasmload as &dyn Generator));
        contests.push(contest(arguments, case, &generators, &targets)?);
    }

    let target = targets.nginx.version();
    print(&target, arguments, &contests, &missing)?;
    if let Some(json) = json {
        let gone = |each: &Missing| Gone { name: each.name, install: each.install };
        let report = Report {
            target,
            connections: arguments.connections,
            seconds: arguments.seconds,
            cases: &contests,
            missing: missing.iter().map(gone).collect(),
        };
        serde_json::to_writer_pretty(json, &report).context("writing the report")?;
    }
    Ok(())
}

/// What is asked.
struct Targets {
    nginx: Nginx,
    /// The one of WebSockets, if there is such a case.
    demo: Option<Demo>,
}

impl Targets {
    fn start(arguments: &Arguments, wasmload: &[Wasmload]) -> Result<Self> {
        let core = arguments.setting.target_core;
        let demo = match arguments.cases.contains(&Case::Websocket) {
            true => {
                let program = wasmload.first().map(|wasmload| wasmload.program.clone());
                Some(Demo::start(&program.map_or_else(|| arguments.setting.program(), Ok)?, core)?)
            }
            false => None,
        };
        Ok(Self { nginx: Nginx::start_noting_durations(core)?, demo })
    }

    fn base_url(&self, case: Case) -> Result<String> {
        match case {
            Case::Connect => Ok(self.nginx.closing_url()),
            Case::Websocket => Ok(self.demo.as_ref().context("there is no demo target")?.url()),
            Case::Get | Case::Json | Case::Post | Case::Https | Case::Http2 => {
                Ok(self.nginx.target(case.speaks()))
            }
        }
    }
}

type Others = (Vec<Box<dyn Generator>>, Vec<Missing>);

/// The generators besides wasmload that are asked for and there, and those that are not.
fn others(asked: &[Which]) -> Result<Others> {
    let (mut there, mut missing): Others = (Vec::new(), Vec::new());
    fn boxed<G: Generator + 'static>(generator: G) -> Box<dyn Generator> {
        Box::new(generator)
    }
    for which in asked {
        let found = match which {
            Which::Wrk => Wrk::find().map(boxed),
            Which::Oha => Oha::find().map(boxed),
            Which::Hey => Hey::find().map(boxed),
            Which::H2load => H2load::find().map(boxed),
            Which::Ab => Ab::find().map(boxed),
            Which::Locust => Locust::find().map(boxed),
            Which::Autocannon => Autocannon::find().map(boxed),
            Which::Artillery => Artillery::find().map(boxed),
            Which::Wasmload => continue,
        };
        match found {
            Ok(generator) => there.push(generator),
            Err(gone) => missing.push(gone),
        }
    }
    for each in &missing {
        writeln!(stderr(), "warning: {each}; the comparison goes on without it")?;
    }
    Ok((there, missing))
}

/// wasmload with the script of each case, in their order; none if it is not asked for.
fn wasmload(arguments: &Arguments) -> Result<Vec<Wasmload>> {
    if !arguments.generators.contains(&Which::Wasmload) {
        return Ok(Vec::new());
    }
    let mut scripts: Vec<_> = arguments.cases.iter().map(|case| case.script()).collect();
    scripts.sort_unstable();
    scripts.dedup();
    ensure!(
        arguments.setting.script.is_none() || scripts.len() == 1,
        "`--script` is one script, but these cases take {} (hint: choose with `--cases`)",
        scripts.join(", ")
    );
    let of = |&case: &Case| {
        let wasmload = arguments.setting.wasmload(case.script())?;
        // Only the script of WebSockets looks at it.
        Ok(Wasmload { speaks: case.speaks(), env: vec!["SOCKETS=1".to_owned()], ..wasmload })
    };
    arguments.cases.iter().map(of).collect()
}

/// All turns of one case. A generator whose turn fails has no more of them; the others go on.
fn contest(
    arguments: &Arguments,
    case: Case,
    generators: &[&dyn Generator],
    targets: &Targets,
) -> Result<Contest> {
    let load = Load {
        case,
        base_url: targets.base_url(case)?,
        connections: arguments.connections,
        seconds: arguments.seconds,
        core: arguments.setting.generator_core,
    };
    let cannot =
        |each: &&dyn Generator| each.cannot(case).map(|why| Cannot { name: each.name(), why });
    let able: Vec<_> = generators.iter().filter(|each| each.cannot(case).is_none()).collect();
    let contender = |each: &&&dyn Generator| Contender {
        name: each.name(),
        version: each.version(),
        ..Contender::default()
    };
    let mut contest = Contest {
        case,
        yardstick: case.yardstick(),
        contenders: able.iter().map(contender).collect(),
        cannot: generators.iter().filter_map(cannot).collect(),
    };
    for round in 1..=arguments.rounds {
        for (generator, contender) in able.iter().zip(&mut contest.contenders) {
            if contender.broken.is_some() {
                continue;
            }
            let which = format!("{}, round {round}: {}", case.name(), contender.name);
            match measured(**generator, &load, &targets.nginx) {
                Ok(measured) => {
                    let Measured { turn, .. } = &measured;
                    let (cost, rate) = (turn.microseconds_per_request, turn.requests_per_second);
                    let rate = thousands(rate as u64);
                    writeln!(stderr(), "{which} {cost:.2} µs a request, {rate} requests/s")?;
                    contender.turns.push(measured);
                }
                Err(error) => {
                    writeln!(stderr(), "warning: {which}: {error:#}; the others go on")?;
                    contender.broken = Some(format!("{error:#}"));
                }
            }
        }
    }
    contest.settle();
    Ok(contest)
}

fn measured(generator: &dyn Generator, load: &Load, nginx: &Nginx) -> Result<Measured> {
    let before = nginx.durations()?.len();
    let turn = turn(generator, load)?;
    let noted = nginx.durations()?.into_iter().skip(before);
    let p99 = percentile(noted.map(|seconds| (seconds * 1e3, 1)), 0.99);
    Ok(Measured { turn, target_p99_milliseconds: p99 })
}

fn print(
    target: &str,
    arguments: &Arguments,
    contests: &[Contest],
    missing: &[Missing],
) -> Result<()> {
    let mut out = stdout().lock();
    let Arguments { connections, seconds, .. } = arguments;
    writeln!(out, "{target}, {connections} connections, turns of {seconds} s")?;
    let mut told = Vec::new();
    for each in contests.iter().flat_map(|contest| &contest.contenders) {
        if !told.contains(&each.name) {
            told.push(each.name);
            writeln!(out, "{}: {}", each.name, each.version)?;
        }
    }
    writeln!(out)?;
    let mut rows = vec![HEAD.map(ToOwned::to_owned).to_vec()];
    rows.extend(contests.iter().flat_map(Contest::rows));
    rows.extend(missing.iter().map(|each| vec![each.name.to_owned(), "missing".to_owned()]));
    write!(out, "{}", lined_up(&rows))?;
    Ok(())
}
