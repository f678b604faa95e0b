//! A turn of a generator, and what it cost.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde::Serialize;

use crate::generator::{Generator, Load};
use crate::process::{Moment, Running};

/// How much longer than its load a generator may take, for its start and its end.
const AFTERWARDS: Duration = Duration::from_secs(30);

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
    /// Both over the time from its start to its end.
    pub busy: f64,
    /// Both over the requests.
    pub microseconds_per_request: f64,
    /// The most memory that was resident.
    pub most_resident_bytes: u64,
    /// How long 99 of 100 requests took at most, by its own clock; nothing if it does not say.
    pub p99_milliseconds: Option<f64>,
}

/// Gives a generator its turn.
///
/// Fails if it fails, does not end, made no requests, or says nothing of them.
pub fn turn(generator: &dyn Generator, load: &Load) -> Result<Turn> {
    let folder = tempfile::tempdir().context("making a folder for a report")?;
    let report = folder.path().join("report.json");
    let command = generator.command(load, &report);
    let began = Moment::now();
    let running = Running::start(generator.name(), command)?;
    let most = Duration::from_secs(u64::from(load.seconds)) + AFTERWARDS;
    let (printed, cost) = running.finish_within(most)?;
    let took = began.elapsed();
    let told = generator.told(load.case, &printed, &report)?;
    ensure!(told.requests > 0, "{} made no requests:\n{printed}", generator.name());
    let microseconds = |duration: Duration| duration.as_secs_f64() * 1e6;
    let (user, system) = (microseconds(cost.user), microseconds(cost.system));
    Ok(Turn {
        requests: told.requests,
        failed: told.failed,
        requests_per_second: told.per_second,
        user_microseconds: user,
        system_microseconds: system,
        busy: (user + system) / microseconds(took),
        microseconds_per_request: (user + system) / told.requests as f64,
        most_resident_bytes: cost.most_resident,
        p99_milliseconds: told.p99_milliseconds,
    })
}
