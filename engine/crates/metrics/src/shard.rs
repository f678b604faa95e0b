//! Where threads record, each in a place of its own.
//!
//! A thread that records takes only its own shard's lock, which nobody else wants but once a tick for
//! as long as a swap takes. The other side is [`Totals`](crate::Totals).

use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard};

use crate::{MetricId, Registry, SeriesId, Sink, Tags};

/// The places that threads record in: one a worker thread, and one for whoever runs them. Clones are the
/// same places.
#[derive(Clone, Debug)]
pub struct Shards {
    registry: Arc<Registry>,
    cells: Vec<Arc<Cell>>,
}

impl Shards {
    /// Makes a number of shards.
    pub fn new(registry: Arc<Registry>, count: usize) -> Self {
        Self { registry, cells: (0..count).map(|_| Arc::default()).collect() }
    }

    /// Whatever records in one of them, numbered from 0.
    ///
    /// # Panics
    ///
    /// Where there are not so many.
    pub fn recorder(&self, shard: usize) -> Recorder {
        Recorder { registry: self.registry.clone(), cell: self.cells[shard].clone() }
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.cells.len()
    }

    /// The registry their series are of.
    pub fn registry(&self) -> &Arc<Registry> {
        &self.registry
    }

    pub(crate) fn cells(&self) -> &[Arc<Cell>] {
        &self.cells
    }
}

/// Records samples in one shard. Meant for one thread: others may, and then wait for each other.
#[derive(Clone, Debug)]
pub struct Recorder {
    registry: Arc<Registry>,
    cell: Arc<Cell>,
}

impl Recorder {
    /// Records one sample, in the unit of the series' metric.
    ///
    /// One that is not finite is refused, and counted in [`Totals::refused`](crate::Totals::refused).
    pub fn record(&self, series: SeriesId, value: f64) {
        self.batch().record(series, value);
    }

    /// Records one sample of a metric under tags whose series nobody keeps: for what seldom happens, since the series
    /// is looked up.
    pub fn record_tagged(&self, metric: MetricId, tags: &Tags, value: f64) {
        self.record(self.registry().series(metric, tags), value);
    }

    /// Locks the shard for several samples, which is cheaper than to lock it for each.
    ///
    /// To record otherwise in the same shard while the batch is there is a deadlock, and the run's tick
    /// waits for it too: drop it soon.
    pub fn batch(&self) -> Batch<'_> {
        Batch { registry: &self.registry, shard: self.cell.0.lock() }
    }

    /// The registry its series are of.
    pub fn registry(&self) -> &Arc<Registry> {
        &self.registry
    }
}

/// A shard, locked, to record several samples in.
#[derive(Debug)]
pub struct Batch<'a> {
    registry: &'a Registry,
    shard: MutexGuard<'a, Shard>,
}

impl Batch<'_> {
    /// Records one sample, in the unit of the series' metric.
    ///
    /// One that is not finite is refused, and counted in [`Totals::refused`](crate::Totals::refused).
    ///
    /// # Panics
    ///
    /// Where the series is another registry's.
    pub fn record(&mut self, series: SeriesId, value: f64) {
        self.shard.record(self.registry, series, value);
    }
}

/// A shard behind its lock, alone on its cache lines: threads that share nothing must not slow each
/// other down. 128 bytes because some processors fetch lines in pairs.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(crate) struct Cell(pub(crate) Mutex<Shard>);

/// The sinks of one thread since the last tick.
#[derive(Debug, Default)]
pub(crate) struct Shard {
    /// By number of the series; made when first met, and then kept.
    pub(crate) sinks: Vec<Option<Box<Sink>>>,
    /// The series that have samples, each once. Never more than sinks, and room for all of them is
    /// made with them.
    pub(crate) dirty: Vec<SeriesId>,
    /// Samples that were not finite.
    pub(crate) refused: u64,
}

impl Shard {
    fn record(&mut self, registry: &Registry, series: SeriesId, value: f64) {
        if !value.is_finite() {
            self.refused += 1;
            return;
        }
        let Some(Some(sink)) = self.sinks.get_mut(series.index()) else {
            return self.record_first(registry, series, value);
        };
        if sink.is_empty() {
            self.dirty.push(series);
        }
        sink.record(value);
    }

    /// Records the first sample that the thread ever has for a series.
    #[cold]
    fn record_first(&mut self, registry: &Registry, series: SeriesId, value: f64) {
        let mut sink = Sink::new(registry.kind(series));
        sink.record(value);
        if self.sinks.len() <= series.index() {
            self.sinks.resize_with(series.index() + 1, || None);
            self.dirty.reserve(self.sinks.len() - self.dirty.len());
        }
        self.sinks[series.index()] = Some(Box::new(sink));
        self.dirty.push(series);
    }
}
