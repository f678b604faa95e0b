//! What was recorded between two moments, usually a second apart.

use std::sync::Arc;

use crate::{MetricId, Registry, SeriesId, Sink};

/// What was collected since it was last handed over: [`Totals::hand_over`](crate::Totals::hand_over).
///
/// By metric always, which costs a merge a second and trend; by series only where somebody wants that
/// ([`Totals::keep_series`](crate::Totals::keep_series)), since it takes as much memory again as a shard.
#[derive(Debug)]
pub struct Collected {
    registry: Arc<Registry>,
    metrics: Sinks,
    /// `None` where nobody wants them.
    series: Option<Sinks>,
}

impl Collected {
    /// Nothing, of metrics of this registry.
    pub(crate) fn new(registry: Arc<Registry>) -> Self {
        Self { registry, metrics: Sinks::default(), series: None }
    }

    pub(crate) fn keep_series(&mut self) {
        self.series.get_or_insert_default();
    }

    pub(crate) fn keeps_series(&self) -> bool {
        self.series.is_some()
    }

    pub(crate) fn merge(&mut self, metric: MetricId, series: SeriesId, sink: &Sink) {
        self.metrics.merge(metric.index(), sink);
        if let Some(all) = &mut self.series {
            all.merge(series.index(), sink);
        }
    }

    /// Forgets all samples and keeps the memory for the next.
    pub fn clear(&mut self) {
        self.metrics.clear();
        if let Some(series) = &mut self.series {
            series.clear();
        }
    }

    /// The metrics that have samples, in the order of their numbers, and all samples of each.
    pub fn metrics(&self) -> impl Iterator<Item = (MetricId, &Sink)> {
        self.metrics.iter().map(|(place, sink)| (MetricId(place as u32), sink))
    }

    /// The samples of one metric; `None` where there are none.
    pub fn metric(&self, metric: MetricId) -> Option<&Sink> {
        self.metrics.get(metric.index())
    }

    /// The series that have samples, in the order of their numbers; none where they are not kept.
    pub fn series(&self) -> impl Iterator<Item = (SeriesId, &Sink)> {
        let all = self.series.iter().flat_map(Sinks::iter);
        all.map(|(place, sink)| (SeriesId(place as u32), sink))
    }

    /// The registry that says what its metrics and series are.
    pub fn registry(&self) -> &Arc<Registry> {
        &self.registry
    }
}

/// Sinks by number, made when first met and then kept.
#[derive(Debug, Default)]
struct Sinks {
    all: Vec<Option<Box<Sink>>>,
    /// Those that have samples, each once.
    dirty: Vec<usize>,
}

impl Sinks {
    fn merge(&mut self, place: usize, sink: &Sink) {
        if sink.is_empty() {
            return;
        }
        if self.all.len() <= place {
            self.all.resize_with(place + 1, || None);
        }
        match &mut self.all[place] {
            Some(known) => {
                if known.is_empty() {
                    self.dirty.push(place);
                }
                known.merge(sink);
            }
            none => {
                self.dirty.push(place);
                *none = Some(Box::new(sink.clone()));
            }
        }
    }

    fn clear(&mut self) {
        for place in self.dirty.drain(..) {
            if let Some(sink) = &mut self.all[place] {
                sink.clear();
            }
        }
    }

    fn get(&self, place: usize) -> Option<&Sink> {
        self.all.get(place)?.as_deref().filter(|sink| !sink.is_empty())
    }

    fn iter(&self) -> impl Iterator<Item = (usize, &Sink)> {
        let mut places = self.dirty.clone();
        places.sort_unstable();
        places.into_iter().filter_map(|place| Some((place, self.get(place)?)))
    }
}

#[cfg(test)]
mod tests {
    use crate::{Registry, Shards, Sink, Tags, Totals, builtin};

    #[test]
    fn what_is_handed_over_is_what_came_since_and_together_it_is_all() {
        let registry = Registry::new();
        let shards = Shards::new(registry.clone(), 2);
        let mut totals = Totals::new(&shards);
        totals.keep_series();
        let [home, login] = ["home", "login"].map(|name| {
            registry.series(builtin::HTTP_REQ_DURATION, &Tags::new().with("name", name))
        });
        let mut spare = totals.collected();
        let mut whole = totals.collected();
        for (second, samples) in
            [vec![(0, home, 1.0), (1, home, 2.0), (1, login, 8.0)], vec![], vec![(1, login, 4.0)]]
                .into_iter()
                .enumerate()
        {
            for (shard, series, value) in &samples {
                shards.recorder(*shard).record(*series, *value);
                // Collecting more often than handing over loses nothing.
                totals.collect();
            }
            totals.hand_over(&mut spare);
            let count = |sink: Option<&Sink>| sink.map_or(0, Sink::count);
            assert_eq!(count(spare.metric(builtin::HTTP_REQ_DURATION)), samples.len() as u64);
            assert_eq!(spare.metrics().count(), usize::from(!samples.is_empty()));
            let of: Vec<_> = spare.series().map(|(series, sink)| (series, sink.count())).collect();
            let expected = [vec![(home, 2), (login, 1)], vec![], vec![(login, 1)]][second].clone();
            assert_eq!(of, expected);
            for (series, sink) in spare.series() {
                whole.merge(builtin::HTTP_REQ_DURATION, series, sink);
            }
        }
        let (Some(Sink::Trend(all)), Some(Sink::Trend(known))) = (
            totals.select(builtin::HTTP_REQ_DURATION, &[]),
            whole.metric(builtin::HTTP_REQ_DURATION),
        ) else {
            panic!("there are samples")
        };
        assert_eq!(
            (all.count(), all.sum(), all.sketch()),
            (known.count(), known.sum(), known.sketch())
        );
    }

    #[test]
    fn series_are_not_kept_unless_somebody_wants_them() {
        let registry = Registry::new();
        let shards = Shards::new(registry.clone(), 1);
        let mut totals = Totals::new(&shards);
        shards.recorder(0).record(registry.series(builtin::VUS, &Tags::new()), 3.0);
        totals.collect();
        let mut collected = totals.collected();
        totals.hand_over(&mut collected);
        assert_eq!((collected.metrics().count(), collected.series().count()), (1, 0));
    }
}
