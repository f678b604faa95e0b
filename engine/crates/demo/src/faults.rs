//! How badly the shop behaves.
//!
//! [`Faults`] is what was ordered, [`Course`] the pure reckoning that says of each request when it is
//! answered and whether it fails, and [`FaultClock`] holds it against the clock. Each fault has its own
//! file: `latency.rs`, `stall.rs`, `capacity.rs`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use crate::capacity::{Capacity, Line};
use crate::dice::Dice;
use crate::latency::Latency;
use crate::stall::Stall;

/// The faults of the shop's pages; none by default. `/health`, the test aids and the record have none.
///
/// As text, parts between semicolons, in any order, each at most once:
///
/// ```text
/// faults   = [ part { ";" part } ]
/// part     = "latency" latency | "errors" rate | "stall" stall | "capacity" capacity | "seed" integer
/// latency  = "constant" time | "normal" mean deviation | "exponential" mean | "uniform" min max
/// rate     = number from 0 to 1, or a percentage: "0.5%"
/// stall    = "at" time "for" time | "every" time "for" time
/// capacity = integer "workers" time [ "queue" integer ]
/// ```
///
/// ```
/// let faults: demo::Faults = "latency normal 20ms 5ms; errors 1%; stall at 10s for 1.4s".parse()?;
/// assert_eq!(faults.errors.share(), 0.01);
/// # Ok::<(), demo::FaultsError>(())
/// ```
///
/// A request is first served, as the capacity allows, and then delayed by the latency; a stall stops both.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Faults {
    /// How long an answer takes beside its service.
    pub latency: Option<Latency>,
    /// The share of requests that are answered with 500, after as long as any other.
    pub errors: ErrorRate,
    /// When everything stands still.
    pub stall: Option<Stall>,
    /// How much can be served.
    pub capacity: Option<Capacity>,
    /// What latencies and errors are drawn from: the same seed draws the same, in order of arrival.
    pub seed: u64,
}

/// A share of requests, from 0 to 1.
///
/// As text: `0.01` or `1%`.
#[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd)]
pub struct ErrorRate(f64);

impl ErrorRate {
    /// Makes one of a share; none if it is not from 0 to 1.
    pub fn new(share: f64) -> Option<Self> {
        (0.0..=1.0).contains(&share).then_some(Self(share))
    }

    /// The share, from 0 to 1.
    pub fn share(self) -> f64 {
        self.0
    }
}

impl FromStr for ErrorRate {
    type Err = FaultError;

    fn from_str(text: &str) -> Result<Self, FaultError> {
        let text = text.trim();
        let share = match text.strip_suffix('%') {
            Some(percentage) => percentage.trim_end().parse().map(|number: f64| number / 100.0),
            None => text.parse(),
        };
        share.ok().and_then(Self::new).ok_or_else(|| {
            FaultError::new("errors", format!("`{text}` is not from 0 to 1, nor from 0% to 100%"))
        })
    }
}

impl fmt::Display for ErrorRate {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(out)
    }
}

/// What is wrong with the text of one fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{fault}: {problem}")]
pub struct FaultError {
    fault: String,
    problem: String,
}

impl FaultError {
    pub(crate) fn new(fault: &str, problem: String) -> Self {
        Self { fault: fault.to_owned(), problem }
    }

    /// The fault that it is about: `latency`, `errors`, `stall`, `capacity` or `seed`, or what was
    /// written in their place.
    pub fn fault(&self) -> &str {
        &self.fault
    }

    /// What is wrong with it, and what is expected.
    pub fn problem(&self) -> &str {
        &self.problem
    }
}

/// All that is wrong with the text of [`Faults`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FaultsError {
    problems: Vec<FaultError>,
}

impl FaultsError {
    /// Each problem, in the order of the text; at least one.
    pub fn problems(&self) -> &[FaultError] {
        &self.problems
    }
}

impl fmt::Display for FaultsError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems.iter().enumerate() {
            let comma = if index == 0 { "" } else { "; " };
            write!(out, "{comma}{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for FaultsError {}

impl FromStr for Faults {
    type Err = FaultsError;

    fn from_str(text: &str) -> Result<Self, FaultsError> {
        let mut faults = Self::default();
        let (mut seen, mut problems) = (Vec::new(), Vec::new());
        for part in text.split(';').map(str::trim).filter(|part| !part.is_empty()) {
            let (fault, text) = part.split_once(char::is_whitespace).unwrap_or((part, ""));
            if seen.contains(&fault) {
                problems.push(FaultError::new(fault, "is given twice".into()));
                continue;
            }
            seen.push(fault);
            if let Err(problem) = faults.set(fault, text.trim()) {
                problems.push(problem);
            }
        }
        if problems.is_empty() { Ok(faults) } else { Err(FaultsError { problems }) }
    }
}

impl Faults {
    /// Sets one fault from its text: its own line in a configuration, or its own flag.
    ///
    /// Fails if there is no such fault, or the text is none of its.
    pub fn set(&mut self, fault: &str, text: &str) -> Result<(), FaultError> {
        match fault {
            "latency" => self.latency = Some(text.parse()?),
            "errors" => self.errors = text.parse()?,
            "stall" => self.stall = Some(text.parse()?),
            "capacity" => self.capacity = Some(text.parse()?),
            "seed" => {
                self.seed = text.parse().map_err(|_| {
                    FaultError::new("seed", format!("`{text}` is not a whole number from 0"))
                })?;
            }
            _ => {
                let known = "there are latency, errors, stall, capacity and seed";
                return Err(FaultError::new(fault, format!("is no fault: {known}")));
            }
        }
        Ok(())
    }
}

impl fmt::Display for Faults {
    /// Prints what is not at its default, so that it can be read back.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { latency, errors, stall, capacity, seed } = self;
        let parts = [
            latency.map(|latency| format!("latency {latency}")),
            (errors.share() > 0.0).then(|| format!("errors {errors}")),
            stall.map(|stall| format!("stall {stall}")),
            capacity.map(|capacity| format!("capacity {capacity}")),
            (*seed != 0).then(|| format!("seed {seed}")),
        ];
        for (index, part) in parts.into_iter().flatten().enumerate() {
            let semicolon = if index == 0 { "" } else { "; " };
            write!(out, "{semicolon}{part}")?;
        }
        Ok(())
    }
}

/// What becomes of one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ruling<At> {
    /// It is answered at a moment (nothing: at once), with 500 if it fails.
    Answer { at: At, fails: bool },
    /// The line is full.
    TurnedAway,
}

/// The faults over time, which is told: a pure reckoning.
#[derive(Debug)]
struct Course {
    faults: Faults,
    dice: Dice,
    line: Option<Line>,
}

impl Course {
    fn new(faults: Faults) -> Self {
        let line = faults.capacity.map(Line::new);
        Self { dice: Dice::new(faults.seed), line, faults }
    }

    /// Rules on a request that arrives now. `elapsed` must not decrease from one call to the next.
    fn rule(&mut self, elapsed: Duration) -> Ruling<Duration> {
        let Faults { stall, latency, errors, .. } = &self.faults;
        let now = stall.map_or(elapsed, |stall| stall.working(elapsed));
        let served = match &mut self.line {
            Some(line) => match line.admit(now) {
                Some(served) => served,
                None => return Ruling::TurnedAway,
            },
            None => now,
        };
        let due = served + latency.map_or(Duration::ZERO, |latency| latency.draw(&mut self.dice));
        let at = stall.map_or(due, |stall| stall.elapsed(due));
        let fails = errors.share() > 0.0 && self.dice.unit() < errors.share();
        Ruling::Answer { at, fails }
    }
}

/// The faults as the clock goes; it starts with the first request.
#[derive(Debug)]
pub(crate) struct FaultClock {
    /// Nothing where nothing was ordered, so that no request pays for it.
    course: Option<Mutex<(Course, Option<Instant>)>>,
}

impl FaultClock {
    pub(crate) fn new(faults: Faults) -> Self {
        let Faults { latency, errors, stall, capacity, seed: _ } = &faults;
        let idle =
            latency.is_none() && errors.share() == 0.0 && stall.is_none() && capacity.is_none();
        Self { course: (!idle).then(|| Mutex::new((Course::new(faults), None))) }
    }

    /// Rules on a request that arrives now.
    pub(crate) fn rule(&self) -> Ruling<Option<Instant>> {
        let Some(course) = &self.course else {
            return Ruling::Answer { at: None, fails: false };
        };
        let mut locked = course.lock();
        let (course, start) = &mut *locked;
        // Read under the lock: requests are ruled on in the order of their times.
        let now = Instant::now();
        let start = *start.get_or_insert(now);
        let elapsed = now - start;
        match course.rule(elapsed) {
            Ruling::Answer { at, fails } => {
                Ruling::Answer { at: (at > elapsed).then(|| start + at), fails }
            }
            Ruling::TurnedAway => Ruling::TurnedAway,
        }
    }
}

#[cfg(test)]
mod tests;
