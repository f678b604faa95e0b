//! `wasmload run`: runs a script and prints the summary.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use clap::{ArgMatches, Args};
use demo::Faults;
use output::{Out, SummaryMode};

use super::grants::GrantFlags;
use super::options::{LAYERS, OptionFlags};
use super::politeness::PolitenessFlags;
use super::record::Record;
use super::voice::Voice;
use crate::assemble;
use crate::code_cache::CodeCacheFlags;
use crate::exit::ExitCode;
use crate::fault::Fault;
use crate::observe::HttpDebug;
use crate::on_crossed::OnCrossedFlags;
use crate::secrets::SecretFlags;
use crate::web;

/// The most worker threads. Arbitrary: more than machines have cores.
const MOST_WORKERS: i64 = 1024;

/// Run a script and print the summary
#[derive(Clone, Debug, Args)]
#[command(after_long_help = after_help())]
pub(crate) struct Run {
    /// A .wasm or .wat file, a Cargo package's folder, or a .rs file in one; sources are built first
    pub(crate) script: PathBuf,

    #[command(flatten)]
    pub(crate) options: OptionFlags,

    #[command(flatten)]
    pub(crate) grants: GrantFlags,

    #[command(flatten)]
    pub(crate) politeness: PolitenessFlags,

    /// Write the summary as JSON; `wasmload schema summary` describes it
    #[arg(long, env = "WASMLOAD_SUMMARY_EXPORT", hide_env_values = true, value_name = "FILE")]
    pub(crate) summary_export: Option<PathBuf>,

    /// How much of a summary to print: compact, full (each metric) or disabled. Files are not touched by it
    ///
    /// A script that makes the summary itself is not asked for it when it is disabled.
    #[arg(long, env = "WASMLOAD_SUMMARY_MODE", hide_env_values = true, value_name = "MODE", value_parser = summary_mode, default_value = "compact")]
    pub(crate) summary_mode: SummaryMode,

    /// Let the script write files of its own summary in this folder; may be given several times
    #[arg(long, value_name = "FOLDER", help_heading = "What the script is allowed")]
    pub(crate) allow_write: Vec<PathBuf>,

    /// Write results, as in json=samples.json.gz: csv, hdr, html, influxdb, json, junit, markdown, otlp, prometheus, prometheus-scrape, statsd or summary. May be given again
    ///
    /// `csv` and `json` are samples as k6 writes them, `hdr` is an HdrHistogram log of each trend, `summary` is the whole result, of
    /// which `wasmload report` makes the reports `html`, `junit` and `markdown` again. What ends with .gz is packed; - is standard output.
    /// `prometheus` is the URL of a server that takes remote write, `otlp` that of an OpenTelemetry collector, `influxdb` that of one with a
    /// database (http://HOST:8086/mydb) or a bucket (http://HOST:8086?org=ORG&bucket=BUCKET), or a file. `prometheus-scrape` is where to be asked
    /// (:9464), `statsd` a server's HOST:PORT. Who we are to a server is in its URL (https://USER:PASSWORD@HOST/), or in the variables
    /// WASMLOAD_KIND_TOKEN and WASMLOAD_KIND_HEADERS (name=value,name=value).
    #[arg(
        short = 'o',
        long,
        env = "WASMLOAD_OUT",
        hide_env_values = true,
        value_name = "KIND=TARGET"
    )]
    pub(crate) out: Vec<Out>,

    /// Show the run on a page while it goes on, at http://127.0.0.1:5665; =PORT at another port, =0 at one that is free
    #[arg(long, env = "WASMLOAD_WEB", hide_env_values = true, value_name = "PORT", num_args = 0..=1, require_equals = true, default_missing_value = web::PORT)]
    pub(crate) web: Option<u16>,

    /// Write that page to a file at the end, as --out html=FILE does
    #[arg(long, env = "WASMLOAD_WEB_EXPORT", hide_env_values = true, value_name = "FILE")]
    pub(crate) web_export: Option<PathBuf>,

    /// Print the exchanges of the first VU of each scenario, without their secrets; =full with their bodies
    #[arg(long, value_name = "WHAT", num_args = 0..=1, require_equals = true, default_missing_value = "headers")]
    pub(crate) http_debug: Option<HttpDebug>,

    /// Write the first thousand exchanges of the first VU of each scenario, without their secrets, as an HTTP archive
    #[arg(long, env = "WASMLOAD_HAR", hide_env_values = true, value_name = "FILE")]
    pub(crate) har: Option<PathBuf>,

    /// Tell the target of this share of requests, from 0 to 1, that they are traced, and --out otlp=URL of their spans
    ///
    /// Such a request has the header `traceparent` of W3C's Trace Context, unless the script has set one. Its span is told to each server of
    /// `--out otlp=URL`, at /v1/traces.
    #[arg(long, env = "WASMLOAD_TRACE_SAMPLE", hide_env_values = true, value_name = "SHARE", default_value_t = 0.0, hide_default_value = true, value_parser = share)]
    pub(crate) trace_sample: f64,

    #[command(flatten)]
    pub(crate) on_crossed: OnCrossedFlags,

    #[command(flatten)]
    pub(crate) record: Record,

    /// Serve the control API there, such as 127.0.0.1:6565; a port alone is of this machine only
    #[arg(long, env = "WASMLOAD_ADDRESS", hide_env_values = true, value_name = "ADDRESS", value_parser = address)]
    pub(crate) address: Option<SocketAddr>,

    /// Start the demo target on a free port, and hand its address to the script as BASE_URL
    ///
    /// With a text it has faults: --demo='latency normal 20ms 5ms; stall at 10s for 1.4s'. `wasmload demo
    /// --help` says which there are.
    #[arg(long, value_name = "FAULTS", num_args = 0..=1, require_equals = true, default_missing_value = "")]
    pub(crate) demo: Option<Faults>,

    /// Worker threads; 0, as if not given, is one a core
    #[arg(long, env = "WASMLOAD_WORKERS", hide_env_values = true, value_name = "N", value_parser = clap::value_parser!(u16).range(0..=MOST_WORKERS))]
    pub(crate) workers: Option<u16>,

    /// Run with as many virtual users as this machine holds if more are asked for, each scenario with its share
    #[arg(long, env = "WASMLOAD_CLAMP_VUS", hide_env_values = true)]
    pub(crate) clamp_vus: bool,

    /// Print nothing but the summary and errors
    #[arg(short = 'q', long)]
    pub(crate) quiet: bool,

    #[command(flatten)]
    pub(crate) secrets: SecretFlags,

    #[command(flatten)]
    pub(crate) code_cache: CodeCacheFlags,

    #[command(flatten)]
    pub(crate) voice: Voice,
}

fn after_help() -> String {
    format!(
        "{LAYERS}\n\nThe first Ctrl-C lets running iterations finish, the second cuts them off, the third \
         ends the program.\n\n{}",
        ExitCode::table()
    )
}

impl Run {
    pub(crate) fn execute(self) -> Result<ExitCode, Fault> {
        self.voice.obey();
        assemble::run(&self)
    }

    /// The files and servers that results go to.
    ///
    /// Fails with each variable that says something to a server that cannot be said.
    pub(crate) fn outs(&self) -> Result<Vec<Out>, Fault> {
        let variable = |name: &str| Some(std::env::var_os(name)?.to_string_lossy().into_owned());
        let (mut outs, mut problems) = (Vec::new(), Vec::new());
        for out in self.out.iter().cloned().chain(self.web_export.iter().map(Out::html)) {
            match out.with_access(&variable) {
                Ok(out) => outs.push(out),
                Err(error) => problems.push(format!("failed to {error}: {}", error.source)),
            }
        }
        if problems.is_empty() {
            return Ok(outs);
        }
        let fault = Fault::new(ExitCode::InvalidConfig, "not every output can be written to");
        Err(problems.into_iter().fold(fault, Fault::detail))
    }

    /// Notes which values the environment gave.
    pub(super) fn told_apart(&mut self, matches: &ArgMatches) {
        self.options.told_apart(matches);
        self.workers = self.workers.filter(|workers| *workers > 0);
    }
}

/// Reads how much is said, in k6's words.
fn summary_mode(text: &str) -> Result<SummaryMode, String> {
    match text {
        "compact" => Ok(SummaryMode::Compact),
        "full" => Ok(SummaryMode::Full),
        "disabled" => Ok(SummaryMode::Disabled),
        _ => Err("it must be compact, full or disabled".to_owned()),
    }
}

/// Reads a share.
fn share(text: &str) -> Result<f64, String> {
    let share = text.parse().ok().filter(|share| (0.0..=1.0).contains(share));
    share.ok_or_else(|| "it must be a number from 0 to 1, such as 0.01".to_owned())
}

/// Reads an address to listen at.
fn address(text: &str) -> Result<SocketAddr, String> {
    let port = text.strip_prefix(':').unwrap_or(text);
    if let Ok(port) = port.parse() {
        return Ok((Ipv4Addr::LOCALHOST, port).into());
    }
    let text = text.replace("localhost:", "127.0.0.1:");
    text.parse().map_err(|_| "it must be an address and a port, such as 127.0.0.1:6565".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn help_says_every_exit_code() {
        assert!(after_help().contains(&ExitCode::table()));
    }
}
