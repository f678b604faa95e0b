//! Metrics of the script's own.
//!
//! Making a metric again by its name gives the same metric. A name is a letter or `_` followed by up to 127
//! letters, digits and `_`, and belongs to one kind of metric; anything else ends the iteration.

use crate::bindings::wasmload::script::metrics as contract;
use crate::timing::milliseconds;
use std::time::Duration;

fn owned(tags: &[(&str, &str)]) -> Vec<(String, String)> {
    tags.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// A sum, such as orders placed.
#[derive(Debug)]
pub struct Counter(contract::Counter);

impl Counter {
    /// The counter of this name.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self(contract::Counter::new(name))
    }

    /// Adds to the sum.
    pub fn add(&self, value: f64) {
        self.0.add(value, &[]);
    }

    /// Adds to the sum, under tags.
    pub fn add_tagged(&self, value: f64, tags: &[(&str, &str)]) {
        self.0.add(value, &owned(tags));
    }
}

/// A value that goes up and down, such as the length of a queue.
#[derive(Debug)]
pub struct Gauge(contract::Gauge);

impl Gauge {
    /// The gauge of this name.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self(contract::Gauge::new(name))
    }

    /// Sets the value.
    pub fn set(&self, value: f64) {
        self.0.set(value, &[]);
    }

    /// Sets the value, under tags.
    pub fn set_tagged(&self, value: f64, tags: &[(&str, &str)]) {
        self.0.set(value, &owned(tags));
    }
}

/// How often something was true.
#[derive(Debug)]
pub struct Rate(contract::Rate);

impl Rate {
    /// The rate of this name.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self(contract::Rate::new(name))
    }

    /// Records one answer.
    pub fn add(&self, value: bool) {
        self.0.add(value, &[]);
    }

    /// Records one answer, under tags.
    pub fn add_tagged(&self, value: bool, tags: &[(&str, &str)]) {
        self.0.add(value, &owned(tags));
    }
}

/// A distribution, such as the time until a page is usable.
#[derive(Debug)]
pub struct Trend(contract::Trend);

impl Trend {
    /// The trend of plain numbers of this name.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self(contract::Trend::new(name, false))
    }

    /// The trend of lengths of time of this name.
    #[must_use]
    pub fn of_time(name: &str) -> Self {
        Self(contract::Trend::new(name, true))
    }

    /// Records one number. In a trend of time it is in milliseconds.
    pub fn add(&self, value: f64) {
        self.0.add(value, &[]);
    }

    /// Records one length of time.
    pub fn add_time(&self, length: Duration) {
        self.add(milliseconds(length));
    }

    /// Records one number, under tags.
    pub fn add_tagged(&self, value: f64, tags: &[(&str, &str)]) {
        self.0.add(value, &owned(tags));
    }
}
