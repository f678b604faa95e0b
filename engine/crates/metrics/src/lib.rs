//! What was measured, and how measurements become one.
//!
//! A sample is a number recorded against a *series*: a [`Metric`] with one set of [`Tags`]. Samples are
//! not kept. Each worker thread folds them into a [`Sink`] a series, and everything larger (all
//! threads, the whole run, all series of a metric) is made by one operation, *merge*. So memory grows
//! with the number of series, which is capped, and never with the number of samples.
//!
//! | kind | a sample adds | merging two |
//! | --- | --- | --- |
//! | [`Counter`] | to a sum | adds the sums |
//! | [`Gauge`] | a new present value | keeps the later, and the lower and upper extremes |
//! | [`Rate`] | a yes (not zero) or a no (zero) | adds both |
//! | [`Distribution`] | one to a histogram's bucket | adds bucket by bucket, exactly |
//!
//! Names, kinds and units are k6's where k6 has them ([`builtin`]): times are milliseconds, data bytes,
//! a rate's value a share from 0 to 1. A sample that is not a number, or not a finite one, is refused
//! and counted ([`Totals::refused`]).
//!
//! Nothing here reads a clock, does I/O, spawns or prints. Recorders are made once a thread
//! ([`Shards`]), the run collects them about once a second ([`Totals`]) and holds the totals against
//! the plan's [`Thresholds`], those of them that say so each second against the last part of the run
//! ([`Windows`]). What each second brought is handed on ([`Collected`]) and kept, less finely, for the
//! whole run ([`Timeline`]).
//!
//! ```
//! use metrics::{builtin, Registry, Shards, Sink, Tags, Totals};
//!
//! let registry = Registry::new();
//! let shards = Shards::new(registry.clone(), 2);
//! let mut totals = Totals::new(&shards);
//!
//! // A worker thread looks its series up once, and then only records.
//! let home = registry.series(builtin::HTTP_REQ_DURATION, &Tags::new().with("name", "home"));
//! let recorder = shards.recorder(0);
//! let mut batch = recorder.batch();
//! batch.record(home, 12.5);
//! batch.record(home, 40.0);
//! drop(batch);
//!
//! // Another thread, another page.
//! let login = registry.series(builtin::HTTP_REQ_DURATION, &Tags::new().with("name", "login"));
//! shards.recorder(1).record(login, 90.0);
//!
//! totals.collect();
//! let Some(Sink::Trend(all)) = totals.select(builtin::HTTP_REQ_DURATION, &[]) else { panic!() };
//! assert_eq!((all.count(), all.min(), all.max()), (3, 12.5, 90.0));
//!
//! let only_home = [("name".to_owned(), "home".to_owned())];
//! let Some(Sink::Trend(home)) = totals.select(builtin::HTTP_REQ_DURATION, &only_home) else {
//!     panic!()
//! };
//! assert_eq!((home.count(), home.max()), (2, 40.0));
//! ```

mod collected;
mod distribution;
mod exponential;
mod metric;
mod registry;
mod scalability;
mod selector;
mod shard;
mod sink;
mod sketch;
mod tags;
mod threshold;
mod timeline;
mod totals;
mod url_groups;
mod verdict;
mod windows;

pub use collected::Collected;
pub use distribution::{Bucket, Distribution};
pub use exponential::Exponential;
pub use metric::{Builtin, Contains, Kind, Metric, MetricId, builtin};
pub use registry::{
    DefineError, MAX_CUSTOM_METRICS, MAX_TAGGED_SERIES, OVERFLOW_TAG, Registry, SeriesId,
};
pub use scalability::{LoadPoint, Usl};
pub use selector::{Selector, SelectorError};
pub use shard::{Batch, Recorder, Shards};
pub use sink::{Counter, Gauge, Rate, Sink};
pub use sketch::{Between, Sketch};
pub use tags::Tags;
pub use threshold::{Method, Operator, Threshold, ThresholdError};
pub use timeline::{Slot, Timeline};
pub use totals::Totals;
pub use url_groups::{UrlGroup, UrlGroupError, UrlGroups};
pub use verdict::{OnNoData, Outcome, Problem, Silence, Thresholds, Verdict};
pub use windows::{Course, Windows};
