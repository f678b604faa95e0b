//! A turn of a generator, and what it cost.

use anyhow::{Context, Result, ensure};
use serde::Serialize;

use crate::generator::{Generator, Load};
use crate::process::Running;

/// One turn of one generator.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Turn {
    /// Requests that were answered.
    pub requests: u64,
    /// Requests that failed.
    pub failed: u64,
    /// Requests a second, by its own clock.
    pub requests_per_second: f64,
    /// CPU time in its own code.
    pub user_microseconds: f64,
    /// CPU time in the system.
    pub system_microseconds: f64,
    /// Both over the requests.
    pub microseconds_per_request: f64,
}

/// Gives a generator its turn.
///
/// Fails if it fails, made no requests, or says nothing of them.
pub fn turn(generator: &dyn Generator, load: &Load) -> Result<Turn> {
    let folder = tempfile::tempdir().context("making a folder for a report")?;
    let report = folder.path().join("report.json");
    let command = generator.command(load, &report);
    let (printed, cost) = Running::start(generator.name(), command)?.finish()?;
    let told = generator.told(&printed, &report)?;
    ensure!(told.requests > 0, "{} made no requests:\n{printed}", generator.name());
    let microseconds = |duration: std::time::Duration| duration.as_secs_f64() * 1e6;
    let (user, system) = (microseconds(cost.user), microseconds(cost.system));
    Ok(Turn {
        requests: told.requests,
        failed: told.failed,
        requests_per_second: told.per_second,
        user_microseconds: user,
        system_microseconds: system,
        microseconds_per_request: (user + system) / told.requests as f64,
    })
}
