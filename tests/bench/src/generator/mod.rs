//! The load generators that are compared: one file each.

mod h2load;
mod oha;
mod wasmload;
mod wrk;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fmt};

use anyhow::Result;

pub use h2load::H2load;
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

/// What a generator is to do: as many requests as it can, one after the other on each connection.
#[derive(Clone, Debug)]
pub struct Load {
    /// The target's URL, without a slash at the end.
    pub http_url: String,
    /// The same by TLS.
    pub https_url: String,
    /// How many connections it keeps busy.
    pub connections: u32,
    /// For how long.
    pub seconds: u32,
    /// The core it runs on.
    pub core: usize,
}

impl Load {
    /// Where the target is spoken to in this way.
    pub fn url(&self, speaks: Speaks) -> &str {
        match speaks {
            Speaks::Http => &self.http_url,
            Speaks::Https | Speaks::Http2 => &self.https_url,
        }
    }
}

/// What a generator says that it did.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Told {
    /// Requests that were answered, whatever the status.
    pub requests: u64,
    /// Requests that failed: without an answer, or with a status of 400 or more.
    pub failed: u64,
    /// Requests a second, by its own clock.
    pub per_second: f64,
}

/// A load generator: how to run it, and how to read what it prints.
pub trait Generator {
    /// What people call it.
    fn name(&self) -> &'static str;

    /// Its version, as it tells it.
    fn version(&self) -> String;

    /// The command; it may write a report to a file of this path.
    fn command(&self, load: &Load, report: &Path) -> Command;

    /// Reads what it printed, or its report.
    ///
    /// Fails if either is not as expected.
    fn told(&self, printed: &str, report: &Path) -> Result<Told>;
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
