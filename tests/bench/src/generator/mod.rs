//! The load generators that are compared: one file each.

mod ab;
mod artillery;
mod autocannon;
mod h2load;
mod hey;
mod locust;
mod oha;
mod wasmload;
mod wrk;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fmt};

use anyhow::Result;

use crate::case::Case;

pub use ab::Ab;
pub use artillery::Artillery;
pub use autocannon::Autocannon;
pub use h2load::H2load;
pub use hey::Hey;
pub use locust::Locust;
pub use oha::Oha;
pub use wasmload::Wasmload;
pub use wrk::Wrk;

/// How a target is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speaks {
    /// HTTP/1.1 in the clear.
    Http,
    /// HTTP/1.1 by TLS.
    Https,
    /// HTTP/2 by TLS.
    Http2,
}

/// What a generator is to do: as many exchanges as it can, one after the other on each connection.
#[derive(Clone, Debug)]
pub struct Load {
    /// What is exchanged.
    pub case: Case,
    /// The target's URL, without a slash at the end.
    pub base_url: String,
    /// How many connections it keeps busy.
    pub connections: u32,
    /// For how long.
    pub seconds: u32,
    /// The core it runs on.
    pub core: usize,
}

impl Load {
    /// The URL that is asked for.
    pub fn url(&self) -> String {
        format!("{}{}", self.base_url, self.case.path())
    }
}

/// What a generator says that it did.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Told {
    /// Requests that were answered, whatever the status; of WebSockets, messages that came back.
    pub requests: u64,
    /// Requests that failed: without an answer, with a status of 400 or more, or with another page than was asked for.
    pub failed: u64,
    /// Requests a second, by its own clock.
    pub per_second: f64,
    /// How long 99 of 100 took at most, by its own clock; nothing if it does not say.
    pub p99_milliseconds: Option<f64>,
}

/// A load generator: how to run it, and how to read what it prints.
pub trait Generator {
    /// What people call it.
    fn name(&self) -> &'static str;

    /// Its version, as it tells it.
    fn version(&self) -> String;

    /// Why it cannot do a case, if it cannot.
    fn cannot(&self, case: Case) -> Option<&'static str>;

    /// The command for a load that it can do; it may write a report to a file of this path.
    fn command(&self, load: &Load, report: &Path) -> Command;

    /// Reads what it printed, or its report.
    ///
    /// Fails if either is not as expected.
    fn told(&self, case: Case, printed: &str, report: &Path) -> Result<Told>;
}

/// A generator that is not installed.
#[derive(Clone, Copy, Debug)]
pub struct Missing {
    /// What people call it.
    pub name: &'static str,
    /// The command that installs it.
    pub install: &'static str,
}

impl fmt::Display for Missing {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, install } = self;
        write!(out, "{name} is not installed; `{install}` installs it")
    }
}

/// A file of `scripts/generators`.
fn beside_scripts(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/generators").join(name)
}

/// The file of the body that is sent, 1 KiB.
fn body() -> PathBuf {
    beside_scripts("body.txt")
}

/// Where cargo installs programs.
fn cargo_bin() -> Vec<PathBuf> {
    let home = env::var_os("HOME").map(PathBuf::from);
    let cargo = env::var_os("CARGO_HOME").map(PathBuf::from);
    cargo
        .or_else(|| Some(home?.join(".cargo")))
        .map(|cargo| cargo.join("bin"))
        .into_iter()
        .collect()
}

/// The first line that a program prints when asked for its version, whatever its exit code.
fn first_line(program: &Path, argument: &str) -> String {
    match Command::new(program).arg(argument).output() {
        Ok(output) => {
            let printed = if output.stdout.is_empty() { output.stderr } else { output.stdout };
            String::from_utf8_lossy(&printed).lines().next().unwrap_or_default().trim().to_owned()
        }
        Err(error) => error.to_string(),
    }
}
