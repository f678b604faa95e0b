//! `wasmload demo`: the demo target in the foreground.

use std::fmt::Write as _;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;
use demo::{Demo as Target, Faults, Record};

use super::print;
use crate::exit::ExitCode;
use crate::fault::Fault;
use crate::interrupts::Interrupts;

/// Serve the demo target, a small shop, until Ctrl-C
#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// Where to listen; port 0 takes a free one
    #[arg(long, default_value = "127.0.0.1:8080", value_name = "ADDRESS:PORT")]
    address: SocketAddr,

    /// Speak TLS, by a certificate that is made now and written to FILE for `run --cacert FILE`; without a file
    /// there is `run --insecure-skip-tls-verify`
    #[arg(long, value_name = "FILE", num_args = 0..=1, require_equals = true)]
    tls: Option<Option<PathBuf>>,

    /// How long each page takes: `constant 20ms`, `normal 20ms 5ms`, `exponential 20ms`, `uniform 5ms 50ms`
    #[arg(long, value_name = "DISTRIBUTION")]
    latency: Option<String>,

    /// The share of pages that fail with 500: `0.01` or `1%`
    #[arg(long, value_name = "SHARE")]
    errors: Option<String>,

    /// When everything stops: `at 10s for 1.4s`, or `every 10s for 1.4s`
    #[arg(long, value_name = "WHEN")]
    stall: Option<String>,

    /// How much it can do at once: `8 workers 20ms queue 100`
    #[arg(long, value_name = "AMOUNT")]
    capacity: Option<String>,

    /// Makes chance repeatable: the same number, the same latencies and errors
    #[arg(long, value_name = "N")]
    seed: Option<String>,
}

impl Demo {
    pub(crate) fn execute(self) -> Result<ExitCode, Fault> {
        let faults = self.faults()?;
        let failed = |what: &str, error: io::Error| {
            Fault::new(ExitCode::Unexpected, format!("failed to {what}")).detail(error.to_string())
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| failed("start the runtime", error))?;
        runtime.block_on(async {
            let mut interrupts =
                Interrupts::new().map_err(|error| failed("listen for Ctrl-C", error))?;
            let target = Target::bind(self.address, faults).map_err(|error| {
                failed(&format!("listen on {}", self.address), error)
                    .hint("`--address 127.0.0.1:0` takes a free port")
            })?;
            let target = match &self.tls {
                None => target,
                Some(file) => {
                    let target =
                        target.by_tls().map_err(|error| failed("make a certificate", error))?;
                    if let (Some(file), Some(certificate)) = (file, target.certificate()) {
                        std::fs::write(file, certificate).map_err(|error| {
                            failed(&format!("write `{}`", file.display()), error)
                        })?;
                    }
                    target
                }
            };
            print(&format!("{}\n", target.url()))?;
            tokio::select! {
                never = target.serve() => match never {},
                () = interrupts.next() => {}
            }
            print(&seen(&target.record()))
        })
    }

    /// All that was asked for; all that is wrong with it at once.
    fn faults(&self) -> Result<Faults, Fault> {
        let mut faults = Faults::default();
        let mut problems = Vec::new();
        for (name, text) in [
            ("latency", &self.latency),
            ("errors", &self.errors),
            ("stall", &self.stall),
            ("capacity", &self.capacity),
            ("seed", &self.seed),
        ] {
            if let Some(text) = text
                && let Err(error) = faults.set(name, text)
            {
                problems.push(format!("--{name}: {}", error.problem()));
            }
        }
        match problems.is_empty() {
            true => Ok(faults),
            false => {
                Err(Fault::new(ExitCode::InvalidConfig, "the demo target's faults are invalid")
                    .detail(problems.join("\n")))
            }
        }
    }
}

/// What the target saw, for a person: one line for all, and one for each kind of answer.
fn seen(record: &Record) -> String {
    let Record { requests, unanswered, malformed, connections, answers, .. } = record;
    let mut text = format!("{requests} requests on {connections} connections\n");
    // Writing to a string cannot fail.
    for answer in answers {
        let page = format!("{} {}", answer.method, answer.route);
        let _ = writeln!(text, "  {page:<24} {}  {}", answer.status, answer.count);
    }
    if *unanswered > 0 {
        let _ = writeln!(text, "  {unanswered} without an answer");
    }
    if *malformed > 0 {
        let _ =
            writeln!(text, "  {malformed} connections broke off with something that is not HTTP");
    }
    text
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::TcpStream;

    use clap::Parser as _;

    use super::*;

    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        demo: Demo,
    }

    #[test]
    fn faults_are_ordered_by_flag_and_all_mistakes_are_told() {
        let faults = |flags: &[&str]| {
            Line::try_parse_from(["demo"].iter().chain(flags)).expect("it parses").demo.faults()
        };
        assert_eq!(faults(&[]).unwrap(), Faults::default());
        assert_eq!(
            faults(&["--latency", "normal 20ms 5ms", "--errors", "1%", "--seed", "7"]).unwrap(),
            "latency normal 20ms 5ms; errors 1%; seed 7".parse().unwrap()
        );
        let said =
            format!("{:?}", faults(&["--latency", "soon", "--capacity", "lots"]).unwrap_err());
        assert!(said.contains("--latency: `soon` is not"), "{said}");
        assert!(said.contains("--capacity: `lots` is not"), "{said}");
    }

    #[test]
    fn what_was_seen_is_told_by_page_and_status() {
        let target = Target::spawn_thread(([127, 0, 0, 1], 0).into(), Faults::default()).unwrap();
        for _ in 0..2 {
            let mut client = TcpStream::connect(target.address()).unwrap();
            client
                .write_all(b"GET /health HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
                .unwrap();
            client.read_to_end(&mut Vec::new()).unwrap();
        }
        assert_eq!(
            seen(&target.record()),
            "2 requests on 2 connections\n  GET /health              200  2\n"
        );
        assert_eq!(seen(&Record::default()), "0 requests on 0 connections\n");
    }
}
