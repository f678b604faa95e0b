//! The run's measurements so far.

use std::sync::Arc;

use crate::shard::{Cell, Shard};
use crate::{Collected, MetricId, Registry, SeriesId, Shards, Sink, Tags};

/// All that was recorded in some [`Shards`] up to the last [`collect`](Self::collect).
///
/// Collecting takes the samples away from the shards, so there is to be one of these to a set of them.
#[derive(Debug)]
pub struct Totals {
    registry: Arc<Registry>,
    cells: Vec<Arc<Cell>>,
    /// What each shard is swapped with: empty of samples, its memory warm.
    spares: Vec<Shard>,
    /// By number of the series.
    series: Vec<Option<Box<Series>>>,
    /// By number of the metric; sorted by tags, so that what is shown does not depend on who was
    /// first.
    by_metric: Vec<Vec<SeriesId>>,
    ticks: u64,
    refused: u64,
    /// What was collected since the window was opened, where there is one.
    window: Option<Box<Self>>,
    /// What was collected since it was last handed over; `None` in a window.
    lately: Option<Collected>,
}

#[derive(Debug)]
struct Series {
    metric: MetricId,
    tags: Tags,
    sink: Sink,
}

impl Totals {
    /// Totals of these shards, with nothing collected yet.
    pub fn new(shards: &Shards) -> Self {
        Self {
            registry: shards.registry().clone(),
            cells: shards.cells().to_vec(),
            spares: shards.cells().iter().map(|_| Shard::default()).collect(),
            series: Vec::new(),
            by_metric: Vec::new(),
            ticks: 0,
            refused: 0,
            window: None,
            lately: Some(Collected::new(shards.registry().clone())),
        }
    }

    /// Keeps what is collected from now on by series, too, for [`hand_over`](Self::hand_over).
    pub fn keep_series(&mut self) {
        if let Some(lately) = &mut self.lately {
            lately.keep_series();
        }
    }

    /// A place for what is [handed over](Self::hand_over), with nothing in it.
    pub fn collected(&self) -> Collected {
        Collected::new(Arc::clone(&self.registry))
    }

    /// Puts into `place`, instead of what is there, what was collected since the last time.
    pub fn hand_over(&mut self, place: &mut Collected) {
        place.clear();
        if let Some(lately) = &mut self.lately {
            if lately.keeps_series() {
                place.keep_series();
            }
            std::mem::swap(lately, place);
        }
    }

    /// Opens a window on what is collected from now on, in place of an earlier one.
    pub fn open_window(&mut self) {
        self.window = Some(Box::new(Self {
            registry: Arc::clone(&self.registry),
            cells: Vec::new(),
            spares: Vec::new(),
            series: Vec::new(),
            by_metric: Vec::new(),
            ticks: 0,
            refused: 0,
            window: None,
            lately: None,
        }));
    }

    /// What was collected since the window was opened; `None` where there is none.
    pub fn window(&self) -> Option<&Self> {
        self.window.as_deref()
    }

    /// Takes in what was recorded since the last time.
    ///
    /// A shard's lock is held only while its sinks are swapped with spare ones; merging, a few
    /// microseconds for each trend that has new samples, holds up nobody.
    pub fn collect(&mut self) {
        self.ticks += 1;
        for place in 0..self.cells.len() {
            let mut taken = std::mem::take(&mut self.spares[place]);
            std::mem::swap(&mut *self.cells[place].0.lock(), &mut taken);
            self.take_in(&mut taken);
            self.spares[place] = taken;
        }
    }

    /// Merges what a shard has, and leaves it with nothing but its memory.
    fn take_in(&mut self, shard: &mut Shard) {
        self.refused += std::mem::take(&mut shard.refused);
        for series in shard.dirty.drain(..) {
            let Some(sink) = &mut shard.sinks[series.index()] else { continue };
            if let Sink::Gauge(gauge) = &mut **sink {
                gauge.tick = self.ticks;
            }
            let metric = self.merge(series, sink);
            if let Some(lately) = &mut self.lately {
                lately.merge(metric, series, sink);
            }
            if let Some(window) = &mut self.window {
                window.merge(series, sink);
            }
            sink.clear();
        }
    }

    /// Merges a series' samples; which metric it is of.
    fn merge(&mut self, series: SeriesId, sink: &Sink) -> MetricId {
        match self.series.get_mut(series.index()) {
            Some(Some(known)) => {
                known.sink.merge(sink);
                known.metric
            }
            _ => {
                insert(&self.registry, &mut self.series, &mut self.by_metric, series, sink.clone())
            }
        }
    }

    /// All samples of a metric's series that have the tags of `filter`, or `None` where there are
    /// none.
    pub fn select(&self, metric: MetricId, filter: &[(String, String)]) -> Option<Sink> {
        let mut chosen = self
            .series_of(metric)
            .filter(|series| series.tags.matches(filter))
            .map(|series| &series.sink);
        let mut all = chosen.next()?.clone();
        for sink in chosen {
            all.merge(sink);
        }
        Some(all)
    }

    /// The series of a metric that have samples, sorted by tags.
    pub fn series(&self, metric: MetricId) -> impl Iterator<Item = (Tags, &Sink)> {
        self.series_of(metric).map(|series| (series.tags.clone(), &series.sink))
    }

    /// How many samples were refused for not being finite numbers.
    pub fn refused(&self) -> u64 {
        self.refused
    }

    /// The registry the metrics are of.
    pub fn registry(&self) -> &Arc<Registry> {
        &self.registry
    }

    fn series_of(&self, metric: MetricId) -> impl Iterator<Item = &Series> {
        let ids = self.by_metric.get(metric.index()).map_or(&[][..], |ids| ids);
        ids.iter().filter_map(|id| self.series[id.index()].as_deref())
    }
}

/// Adds a series that has its first samples.
fn insert(
    registry: &Registry,
    all: &mut Vec<Option<Box<Series>>>,
    by_metric: &mut Vec<Vec<SeriesId>>,
    id: SeriesId,
    sink: Sink,
) -> MetricId {
    let (metric, tags) = registry.series_info(id);
    if by_metric.len() <= metric.index() {
        by_metric.resize_with(metric.index() + 1, Vec::new);
    }
    let siblings = &mut by_metric[metric.index()];
    let place = siblings.partition_point(|sibling| {
        all[sibling.index()].as_ref().is_some_and(|series| series.tags < tags)
    });
    siblings.insert(place, id);
    if all.len() <= id.index() {
        all.resize_with(id.index() + 1, || None);
    }
    all[id.index()] = Some(Box::new(Series { metric, tags, sink }));
    metric
}

#[cfg(test)]
mod tests;
