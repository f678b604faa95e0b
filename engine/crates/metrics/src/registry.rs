//! Which metrics and series there are.
//!
//! Shared by all threads behind one lock, so it is asked when something is met for the first time and
//! its answers are kept: never once a sample.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use parking_lot::Mutex;

use crate::metric::builtin;
use crate::{Contains, Kind, Metric, MetricId, Tags};

/// Metrics scripts can define, in all, where nothing else is said. Arbitrary: far more than people read, far less than
/// memory.
pub const MAX_CUSTOM_METRICS: usize = 1_000;

/// Series with tags there can be, in all, where nothing else is said.
///
/// A script that puts an id into a tag makes a series a request. A trend's costs 24 to 48 KiB twice in
/// each thread that meets it and once in the totals: on two threads, ten thousand are 1.2 to 2.4 GB.
pub const MAX_TAGGED_SERIES: usize = 10_000;

/// The only tag of the series that takes a metric's samples beyond the number of tagged series.
pub const OVERFLOW_TAG: (&str, &str) = ("overflow", "true");

/// Refused tag sets that are told apart, to count them. Arbitrary: about a megabyte of hashes.
const MAX_REFUSALS_COUNTED: usize = 100_000;

/// A series' number in its [`Registry`]: one metric with one set of tags.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SeriesId(pub(crate) u32);

impl SeriesId {
    pub(crate) fn index(self) -> usize {
        self.0 as usize
    }
}

/// Why a metric could not be defined.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DefineError {
    /// The name is not one k6 would take.
    #[error(
        "`{name}` is not a metric's name: 2 to 129 ASCII letters, digits and underscores, \
         not starting with a digit"
    )]
    BadName {
        /// The name asked for, cut short where it is long.
        name: String,
    },
    /// The name is taken by a metric that is not the same.
    #[error("`{name}` is already a {} of {} values", defined.0, defined.1)]
    Mismatch {
        /// The name asked for.
        name: String,
        /// What the metric of that name is.
        defined: (Kind, Contains),
    },
    /// There are as many as there may be.
    #[error("`{name}` is one too many: a run has at most {most} metrics of its own")]
    TooMany {
        /// The name asked for.
        name: String,
        /// How many there may be.
        most: usize,
    },
}

/// The metrics and series of one run.
#[derive(Debug)]
pub struct Registry {
    state: Mutex<State>,
    hasher: RandomState,
    max_custom_metrics: usize,
    max_tagged_series: usize,
}

#[derive(Debug, Default)]
struct State {
    metrics: Vec<Metric>,
    by_name: HashMap<Arc<str>, MetricId>,
    series: Vec<(MetricId, Tags)>,
    /// By metric, then by tags.
    interned: Vec<HashMap<Tags, SeriesId>>,
    /// Series that count towards the cap.
    tagged: usize,
    /// Hashes of the refused, so that a script cannot fill memory with what was refused to save it.
    refused: HashSet<u64>,
}

impl Registry {
    /// A registry that has the [`builtin`] metrics and no series.
    pub fn new() -> Arc<Self> {
        Self::with_limits(MAX_CUSTOM_METRICS, MAX_TAGGED_SERIES)
    }

    /// The same, with room for so many metrics of scripts' own and so many series with tags.
    pub fn with_limits(max_custom_metrics: usize, max_tagged_series: usize) -> Arc<Self> {
        let mut state = State::default();
        for metric in builtin::ALL {
            state.define(metric.name, metric.kind, metric.contains);
        }
        let (state, hasher) = (Mutex::new(state), RandomState::new());
        Arc::new(Self { state, hasher, max_custom_metrics, max_tagged_series })
    }

    /// Defines a metric, or finds it where the same one is defined already.
    ///
    /// Fails with [`DefineError::BadName`] unless the name is of k6's form,
    /// `^[a-zA-Z_][a-zA-Z0-9_]{1,128}$`, with [`DefineError::Mismatch`] if it is taken by a metric of
    /// another kind or content, and with [`DefineError::TooMany`] if there is no room.
    pub fn define(
        &self,
        name: &str,
        kind: Kind,
        contains: Contains,
    ) -> Result<MetricId, DefineError> {
        if !is_metric_name(name) {
            return Err(DefineError::BadName { name: name.chars().take(140).collect() });
        }
        let mut state = self.state.lock();
        if let Some(&id) = state.by_name.get(name) {
            let metric = &state.metrics[id.index()];
            let defined = (metric.kind, metric.contains);
            if defined == (kind, contains) {
                return Ok(id);
            }
            return Err(DefineError::Mismatch { name: name.to_owned(), defined });
        }
        if state.metrics.len() - builtin::ALL.len() >= self.max_custom_metrics {
            let most = self.max_custom_metrics;
            return Err(DefineError::TooMany { name: name.to_owned(), most });
        }
        Ok(state.define(name, kind, contains))
    }

    /// The metric of a number.
    ///
    /// # Panics
    ///
    /// Where the number is another registry's.
    pub fn metric(&self, id: MetricId) -> Metric {
        self.state.lock().metrics[id.index()].clone()
    }

    /// The metric of a name.
    pub fn find(&self, name: &str) -> Option<Metric> {
        let state = self.state.lock();
        let id = state.by_name.get(name)?;
        Some(state.metrics[id.index()].clone())
    }

    /// All metrics: the built-in ones, then the others in the order of their definition.
    pub fn metrics(&self) -> Vec<Metric> {
        self.state.lock().metrics.clone()
    }

    /// The series of a metric with these tags; the same one each time it is asked for.
    ///
    /// Where there are as many with tags as there may be, a new set of tags gets the metric's series that has only
    /// [`OVERFLOW_TAG`]. A series without tags is always to be had.
    ///
    /// # Panics
    ///
    /// Where the metric is another registry's.
    pub fn series(&self, metric: MetricId, tags: &Tags) -> SeriesId {
        let mut state = self.state.lock();
        if let Some(&known) = state.interned[metric.index()].get(tags) {
            return known;
        }
        if tags.is_empty() {
            return state.intern(metric, tags.clone());
        }
        if state.tagged < self.max_tagged_series {
            state.tagged += 1;
            return state.intern(metric, tags.clone());
        }
        if state.refused.len() < MAX_REFUSALS_COUNTED {
            state.refused.insert(self.hasher.hash_one((metric, tags)));
        }
        let overflow = Tags::new().with(OVERFLOW_TAG.0, OVERFLOW_TAG.1);
        match state.interned[metric.index()].get(&overflow) {
            Some(&known) => known,
            None => state.intern(metric, overflow),
        }
    }

    /// What a series is of.
    ///
    /// # Panics
    ///
    /// Where the series is another registry's.
    pub fn series_info(&self, series: SeriesId) -> (MetricId, Tags) {
        self.state.lock().series[series.index()].clone()
    }

    /// How many series with tags there may be.
    pub fn max_tagged_series(&self) -> usize {
        self.max_tagged_series
    }

    /// How many distinct series were refused for want of room.
    ///
    /// It stops at 100,000, which then means "at least".
    pub fn overflowed(&self) -> u64 {
        self.state.lock().refused.len() as u64
    }

    /// The kind of the metric a series is of.
    pub(crate) fn kind(&self, series: SeriesId) -> Kind {
        let state = self.state.lock();
        let (metric, _) = &state.series[series.index()];
        state.metrics[metric.index()].kind
    }
}

impl State {
    fn define(&mut self, name: &str, kind: Kind, contains: Contains) -> MetricId {
        let id = MetricId(self.metrics.len() as u32);
        let name: Arc<str> = name.into();
        self.by_name.insert(name.clone(), id);
        self.metrics.push(Metric { id, name, kind, contains });
        self.interned.push(HashMap::new());
        id
    }

    fn intern(&mut self, metric: MetricId, tags: Tags) -> SeriesId {
        // The caps on metrics and tagged series keep this far below `u32::MAX`.
        let id = SeriesId(self.series.len() as u32);
        self.series.push((metric, tags.clone()));
        self.interned[metric.index()].insert(tags, id);
        id
    }
}

/// Whether a metric can have this name: k6's `^[a-zA-Z_][a-zA-Z0-9_]{1,128}$`.
pub(crate) fn is_metric_name(name: &str) -> bool {
    (2..=129).contains(&name.len())
        && !name.starts_with(|first: char| first.is_ascii_digit())
        && name.bytes().all(|byte| byte == b'_' || byte.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn builtins_are_there_from_the_start() {
        let registry = Registry::new();
        for metric in builtin::ALL {
            let found = registry.find(metric.name).unwrap();
            assert_eq!(found, registry.metric(metric.id));
            assert_eq!((&*found.name, found.id), (metric.name, metric.id));
            assert_eq!((found.kind, found.contains), (metric.kind, metric.contains));
        }
        assert_eq!(registry.metrics().len(), builtin::ALL.len());
        assert_eq!(registry.find("nothing"), None);
    }

    #[test]
    fn the_same_definition_twice_is_one_metric() {
        let registry = Registry::new();
        let first = registry.define("basket_size", Kind::Trend, Contains::Default).unwrap();
        assert_eq!(registry.define("basket_size", Kind::Trend, Contains::Default), Ok(first));
        assert_eq!(
            registry.define("http_reqs", Kind::Counter, Contains::Default),
            Ok(builtin::HTTP_REQS)
        );
    }

    #[test]
    fn another_definition_of_a_name_is_refused() {
        let registry = Registry::new();
        let error = registry.define("http_reqs", Kind::Trend, Contains::Default).unwrap_err();
        assert_eq!(error.to_string(), "`http_reqs` is already a counter of default values");
        registry.define("wait", Kind::Trend, Contains::Time).unwrap();
        assert!(matches!(
            registry.define("wait", Kind::Trend, Contains::Default),
            Err(DefineError::Mismatch { defined: (Kind::Trend, Contains::Time), .. })
        ));
    }

    #[test]
    fn names_are_those_of_k6() {
        let (long, too_long) = ("a".repeat(129), "a".repeat(130));
        for (name, good, why) in [
            ("ab", true, "two letters are enough"),
            ("_1", true, "an underscore can start it"),
            ("Basket_2", true, "letters of both cases, digits"),
            (&long, true, "129 is the longest"),
            ("a", false, "one letter is not enough"),
            ("", false, "nothing is no name"),
            ("1a", false, "a digit cannot start it"),
            ("a-b", false, "a dash is not in it"),
            ("größe", false, "only ASCII letters"),
            ("ab\n", false, "no line end"),
            (&too_long, false, "130 is too long"),
        ] {
            let defined = Registry::new().define(name, Kind::Counter, Contains::Default);
            assert_eq!(defined.is_ok(), good, "{name}: {why}");
        }
    }

    #[test]
    fn there_is_room_for_so_many_metrics_and_no_more() {
        let registry = Registry::new();
        let define = |n: usize| registry.define(&format!("m_{n}"), Kind::Rate, Contains::Default);
        for n in 0..MAX_CUSTOM_METRICS {
            define(n).unwrap();
        }
        assert!(matches!(define(MAX_CUSTOM_METRICS), Err(DefineError::TooMany { .. })));
        assert!(define(0).is_ok(), "one that is there is still found");
    }

    #[test]
    fn there_may_be_more_or_fewer_where_somebody_says_so() {
        let registry = Registry::with_limits(1, 2);
        registry.define("one", Kind::Rate, Contains::Default).unwrap();
        let refused = registry.define("two", Kind::Rate, Contains::Default).unwrap_err();
        assert_eq!(
            refused.to_string(),
            "`two` is one too many: a run has at most 1 metrics of its own"
        );
        let series =
            |n: usize| registry.series(builtin::HTTP_REQS, &Tags::new().with("id", n.to_string()));
        assert_ne!(series(1), series(2));
        assert_eq!(series(3), series(4));
        assert_eq!((registry.overflowed(), registry.max_tagged_series()), (2, 2));
    }

    #[test]
    fn a_series_is_interned_once() {
        let registry = Registry::new();
        let tags = Tags::new().with("name", "home");
        let home = registry.series(builtin::HTTP_REQS, &tags);
        assert_eq!(registry.series(builtin::HTTP_REQS, &Tags::new().with("name", "home")), home);
        assert_ne!(registry.series(builtin::HTTP_REQ_FAILED, &tags), home);
        assert_ne!(registry.series(builtin::HTTP_REQS, &Tags::new()), home);
        assert_eq!(registry.series_info(home), (builtin::HTTP_REQS, tags));
        assert_eq!(registry.kind(home), Kind::Counter);
    }

    #[test]
    fn tag_sets_beyond_the_cap_share_a_series_and_are_counted() {
        let registry = Registry::new();
        let series =
            |n: usize| registry.series(builtin::HTTP_REQS, &Tags::new().with("id", n.to_string()));
        let first = series(0);
        for n in 1..MAX_TAGGED_SERIES {
            series(n);
        }
        assert_eq!(registry.overflowed(), 0);

        let over = series(MAX_TAGGED_SERIES);
        assert_eq!(series(MAX_TAGGED_SERIES + 1), over);
        assert_eq!(series(MAX_TAGGED_SERIES), over, "asked for again");
        assert_eq!(registry.overflowed(), 2, "two distinct sets, however often they are asked for");
        let expected = Tags::new().with("overflow", "true");
        assert_eq!(registry.series_info(over), (builtin::HTTP_REQS, expected));

        assert_eq!(series(0), first, "those that are there stay");
        let untagged = registry.series(builtin::VUS, &Tags::new());
        assert_eq!(registry.series_info(untagged), (builtin::VUS, Tags::new()));
        let other = registry.series(builtin::TRAPS, &Tags::new().with("id", "1"));
        assert_ne!(other, over, "each metric has its own");
    }

    #[test]
    fn what_is_refused_is_counted_in_bounded_memory() {
        let registry = Registry::new();
        for n in 0..MAX_TAGGED_SERIES + MAX_REFUSALS_COUNTED + 10 {
            registry.series(builtin::HTTP_REQS, &Tags::new().with("id", n.to_string()));
        }
        assert_eq!(registry.overflowed(), MAX_REFUSALS_COUNTED as u64);
    }
}
