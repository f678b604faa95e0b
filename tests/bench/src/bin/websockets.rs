//! Measures what WebSockets take: the memory of silent ones, and the CPU time of messages.

use std::io::{Write, stderr, stdout};
use std::process::{Command, ExitCode};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use clap::Parser;
use serde::Serialize;
use wasmload_bench::demo::Demo;
use wasmload_bench::generator::Wasmload;
use wasmload_bench::memory::Memory;
use wasmload_bench::process::{Moment, Running, pause};
use wasmload_bench::setting::Setting;
use wasmload_bench::spread::Spread;
use wasmload_bench::table::{lined_up, thousands};

/// Measures what WebSockets take: the memory of silent ones, and the CPU time of messages there and back.
#[derive(Debug, Parser)]
struct Arguments {
    /// How often each is measured.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// How many sockets there are, run by run.
    #[arg(long, value_delimiter = ',', default_values_t = [100, 1_000, 10_000])]
    sockets: Vec<u32>,
    /// How many sockets one virtual user has, shape by shape; at most 255.
    #[arg(long, value_delimiter = ',', default_values_t = [1, 250], value_parser = clap::value_parser!(u32).range(1..=255))]
    each: Vec<u32>,
    /// For how long messages are counted.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
    seconds: u32,
    #[command(flatten)]
    setting: Setting,
}

/// How many users have how many sockets each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
struct Shape {
    users: u32,
    each: u32,
}

impl Shape {
    fn sockets(self) -> u64 {
        u64::from(self.users) * u64::from(self.each)
    }
}

/// One run of silent sockets.
#[derive(Clone, Copy, Debug, Serialize)]
struct Silent {
    #[serde(flatten)]
    shape: Shape,
    #[serde(flatten)]
    memory: Memory,
}

/// One run of messages.
#[derive(Clone, Copy, Debug, Serialize)]
struct Talking {
    #[serde(flatten)]
    shape: Shape,
    /// Messages that went there and back, and for how long they were counted.
    echoes: u64,
    seconds: f64,
    /// The CPU time of the generator and the target meanwhile, in seconds.
    user: f64,
    system: f64,
    target: f64,
}

impl Talking {
    fn per_second(&self) -> f64 {
        self.echoes as f64 / self.seconds
    }

    /// Microseconds of the generator for a message there and back.
    fn cost(&self) -> f64 {
        (self.user + self.system) * 1e6 / self.echoes as f64
    }
}

fn main() -> ExitCode {
    wasmload_bench::ended(run(&Arguments::parse()))
}

fn run(arguments: &Arguments) -> Result<()> {
    let json = arguments.setting.prepare()?;
    let idle = arguments.setting.wasmload("ws_idle")?;
    let echo = arguments.setting.wasmload("ws_echo")?;
    let (mut silent, mut talking) = (Vec::new(), Vec::new());
    for round in 1..=arguments.rounds {
        for shape in shapes(&arguments.sockets, &arguments.each) {
            let (sockets, each) = (thousands(shape.sockets()), shape.each);
            writeln!(stderr(), "round {round} of {}: {sockets} by {each} …", arguments.rounds)?;
            silent.push(Silent { shape, memory: silence(&arguments.setting, &idle, shape)? });
            talking.push(talk(arguments, &echo, shape)?);
        }
    }
    print(&silent, &talking)?;
    if let Some(json) = json {
        let both = serde_json::json!({ "silent": silent, "talking": talking });
        serde_json::to_writer_pretty(json, &both).context("writing the report")?;
    }
    Ok(())
}

/// Each number of sockets by each number of them a user.
fn shapes(sockets: &[u32], each: &[u32]) -> Vec<Shape> {
    let shape = |each: u32| {
        sockets.iter().map(move |&sockets| Shape { users: sockets.div_ceil(each), each })
    };
    let mut shapes: Vec<Shape> = each.iter().flat_map(|&each| shape(each)).collect();
    shapes.dedup();
    shapes
}

fn command(setting: &Setting, wasmload: &Wasmload, demo: &Demo, shape: Shape) -> Command {
    let mut command = wasmload.run(&demo.url(), setting.generator_core);
    command.args(["--env", &format!("SOCKETS={}", shape.each)]);
    command.args(["--vus", &shape.users.to_string(), "--duration", "10m"]);
    command
}

/// Waits until all sockets are there.
fn connected(running: &mut Running, demo: &Demo, shape: Shape) -> Result<()> {
    let mut sockets = 0;
    // Two minutes; ten thousand take some seconds.
    for _ in 0..240 {
        pause(Duration::from_millis(500));
        if running.finished()?.is_some() {
            bail!("wasmload ended before all of its sockets were there");
        }
        sockets = demo.seen()?.sockets;
        if sockets >= shape.sockets() {
            ensure!(sockets == shape.sockets(), "{sockets} sockets were opened, and not {shape:?}");
            return Ok(());
        }
    }
    bail!("only {sockets} sockets of {shape:?} were ever there")
}

/// The memory with so many silent sockets.
fn silence(setting: &Setting, wasmload: &Wasmload, shape: Shape) -> Result<Memory> {
    let demo = Demo::start(&wasmload.program, setting.target_core)?;
    let mut running = Running::start("wasmload", command(setting, wasmload, &demo, shape))?;
    connected(&mut running, &demo, shape)?;
    // Whatever the last of them has set going is over then.
    pause(Duration::from_secs(2));
    Memory::of(running.id())
}

/// What messages take, on so many sockets.
fn talk(arguments: &Arguments, wasmload: &Wasmload, shape: Shape) -> Result<Talking> {
    let setting = &arguments.setting;
    let demo = Demo::start(&wasmload.program, setting.target_core)?;
    let mut running = Running::start("wasmload", command(setting, wasmload, &demo, shape))?;
    connected(&mut running, &demo, shape)?;
    pause(Duration::from_secs(1));
    let look = || -> Result<_> {
        let (cpu, target) = (running.cpu_time()?, demo.cpu_time()?);
        Ok((demo.seen()?.messages, cpu, target, Moment::now()))
    };
    let (messages, cpu, target, began) = look()?;
    pause(Duration::from_secs(arguments.seconds.into()));
    let (more_messages, more_cpu, more_target, ended) = look()?;
    let seconds = |more: Duration, before: Duration| more.saturating_sub(before).as_secs_f64();
    ensure!(more_messages > messages, "there were no messages of {shape:?}");
    Ok(Talking {
        shape,
        echoes: more_messages - messages,
        seconds: ended.duration_since(began).as_secs_f64(),
        user: seconds(more_cpu.0, cpu.0),
        system: seconds(more_cpu.1, cpu.1),
        target: seconds(more_target.0 + more_target.1, target.0 + target.1),
    })
}

/// The middle of some measurements, and their ends.
fn spread(measurements: impl IntoIterator<Item = f64>, digits: usize) -> [String; 3] {
    let spread = Spread::of(measurements);
    let text = |of: fn(&Spread) -> f64| {
        spread.as_ref().map_or_else(String::new, |spread| format!("{:.digits$}", of(spread)))
    };
    [text(|spread| spread.median), text(|spread| spread.min), text(|spread| spread.max)]
}

fn print(silent: &[Silent], talking: &[Talking]) -> Result<()> {
    let mut shapes: Vec<Shape> = silent.iter().map(|silent| silent.shape).collect();
    shapes.dedup();
    let first = shapes.first().copied();
    let rounds = shapes.iter().filter(|shape| Some(**shape) == first).count();
    shapes.truncate(shapes.len() / rounds.max(1));
    let name = |shape: Shape| vec![thousands(shape.sockets()), shape.each.to_string()];

    let mut out = stdout().lock();
    writeln!(out, "silent sockets: memory of wasmload\n")?;
    let head = ["sockets", "a user", "RssAnon KiB", "min", "max", "a socket", "min", "max"];
    let mut rows = vec![head.map(ToOwned::to_owned).to_vec()];
    for &shape in &shapes {
        let of: Vec<f64> = silent
            .iter()
            .filter(|silent| silent.shape == shape)
            .map(|silent| silent.memory.rss_anon as f64)
            .collect();
        let mut row = name(shape);
        row.extend(spread(of.iter().copied(), 0));
        // What a process without any takes is in the smallest of the same shape.
        if let Some(base) = base(silent, shape) {
            let more = (shape.sockets() - base.0) as f64;
            row.extend(spread(of.iter().map(|kibibytes| (kibibytes - base.1) / more), 1));
        }
        rows.push(row);
    }
    writeln!(out, "{}", lined_up(&rows))?;

    writeln!(out, "messages there and back, one on each socket at a time\n")?;
    let head = [
        "sockets",
        "a user",
        "echoes/s",
        "min",
        "max",
        "µs/echo",
        "min",
        "max",
        "user",
        "busy",
        "target busy",
    ];
    let mut rows = vec![head.map(ToOwned::to_owned).to_vec()];
    for &shape in &shapes {
        let of: Vec<&Talking> = talking.iter().filter(|talking| talking.shape == shape).collect();
        let mut row = name(shape);
        row.extend(spread(of.iter().map(|talking| talking.per_second()), 0));
        row.extend(spread(of.iter().map(|talking| talking.cost()), 2));
        let [user, ..] =
            spread(of.iter().map(|talking| talking.user * 1e6 / talking.echoes as f64), 2);
        let [busy, ..] =
            spread(of.iter().map(|talking| (talking.user + talking.system) / talking.seconds), 2);
        let [target, ..] = spread(of.iter().map(|talking| talking.target / talking.seconds), 2);
        row.extend([user, busy, target]);
        rows.push(row);
    }
    writeln!(out, "{}", lined_up(&rows))?;
    Ok(())
}

/// The fewest sockets of a shape like this, if they are fewer, and the median of their memory.
fn base(silent: &[Silent], shape: Shape) -> Option<(u64, f64)> {
    let alike = silent.iter().filter(|silent| silent.shape.each == shape.each);
    let fewest = alike.clone().map(|silent| silent.shape.sockets()).min()?;
    let of_them = alike.filter(|silent| silent.shape.sockets() == fewest);
    let memory = Spread::of(of_them.map(|silent| silent.memory.rss_anon as f64))?.median;
    (fewest < shape.sockets()).then_some((fewest, memory))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sockets_are_shared_out_among_users() {
        let all: Vec<_> = shapes(&[100, 10_000], &[1, 250])
            .iter()
            .map(|shape| (shape.users, shape.each, shape.sockets()))
            .collect();
        assert_eq!(all, [(100, 1, 100), (10_000, 1, 10_000), (1, 250, 250), (40, 250, 10_000)]);
    }

    #[test]
    fn a_socket_takes_what_more_of_them_take_more() {
        let silent = |users, each, rss_anon| Silent {
            shape: Shape { users, each },
            memory: Memory { pss: 0, rss_anon, vm_hwm: 0 },
        };
        let runs = [silent(10, 1, 1_000), silent(100, 1, 5_000), silent(1, 250, 2_000)];
        assert_eq!(base(&runs, runs[1].shape), Some((10, 1_000.0)));
        assert_eq!(base(&runs, runs[0].shape), None);
        assert_eq!(base(&runs, runs[2].shape), None);
    }
}
