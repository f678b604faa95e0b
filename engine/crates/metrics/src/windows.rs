//! Thresholds that are held each second against the last part of a run, so that an outage late in a long run is seen.

use std::collections::{HashMap, VecDeque};
use std::ops::Range;
use std::time::Duration;

use crate::{
    Collected, Kind, Method, MetricId, Operator, Selector, SeriesId, Silence, Slot, Threshold,
    Thresholds,
};

/// Parts that a window consists of at most: those of two minutes are seconds.
const MOST_PARTS: u64 = 120;

/// What a second may lack and still be one: seconds are as long as the engine was held up.
const SLACK: Duration = Duration::from_millis(500);

/// All thresholds of a plan that have `over` or `for`, and how each went so far.
///
/// * **`over 30s`**: each second, what was measured in the last 30 seconds is compared. It is crossed as soon as that does
///   not hold once.
/// * **`for 60s`**: what each second measured by itself is compared. It is crossed when that did not hold for 60 seconds on
///   end. A run that is shorter cannot cross it.
/// * **`over 30s for 60s`**: what the last 30 seconds measured did not hold for 60 seconds on end.
///
/// What was crossed once stays so. What is told of it is the worst that was observed.
///
/// The first window is that of the first 30 seconds: before, there is none. A run that ends earlier is one window as it is.
/// A window without samples says nothing: it neither crosses a threshold, nor does it hold, and it is not counted in the
/// time on end for which one did not. A counter has always a value.
/// One that must be at least so much (`rate>10`) is looked at from the second after its first sample on, as long as iterations are started:
/// before and after, that nothing happens is the plan's doing.
///
/// A window is made of whole seconds. If it is longer than two minutes, it is made of 120 parts, and is longer or shorter than was
/// asked for by half of one at most. Percentiles are as precise as a [`Sketch`](crate::Sketch), the rest is exact.
#[derive(Clone, Debug, Default)]
pub struct Windows {
    /// In the order of the thresholds, those included that are not held each second.
    all: Vec<Watched>,
    over: bool,
}

/// How a threshold went that is held each second.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Course {
    /// Over how much of the run it is held.
    pub window: Duration,
    /// For how long on end it must not hold to be crossed, where that was asked for.
    pub lasting: Option<Duration>,
    /// The worst that was observed, in the metric's unit: what the threshold is furthest from allowing, or nearest to refusing.
    pub worst: Option<f64>,
    /// The end of the window with the worst, from the start of the load.
    pub worst_at: Duration,
    /// When it was first crossed.
    pub crossed_at: Option<Duration>,
    /// The longest time on end for which it did not hold.
    pub longest: Duration,
}

/// What some thresholds are about.
#[derive(Clone, Debug)]
struct Watched {
    selector: Selector,
    /// Which series have its tags, of those that were met.
    series: HashMap<SeriesId, bool>,
    tracks: Vec<Option<Track>>,
}

/// One threshold on its way.
#[derive(Clone, Debug)]
struct Track {
    threshold: Threshold,
    parts: VecDeque<Part>,
    /// When the first window begins.
    begins: Option<Duration>,
    /// Of a counter: nothing is a value, too.
    counts: bool,
    judged: bool,
    /// For how long on end it has not held, seconds that say nothing not counted.
    broken: Duration,
    /// Whether it was crossed when that may end the run, not only before the delay was over.
    aborts: bool,
    course: Course,
}

/// What was measured in a second, or in some.
#[derive(Clone, Debug)]
struct Part {
    time: Range<Duration>,
    slot: Slot,
}

impl Windows {
    /// Nothing measured yet.
    pub fn new(thresholds: &Thresholds) -> Self {
        let watched = |(selector, thresholds): (&Selector, &[Threshold])| Watched {
            selector: selector.clone(),
            series: HashMap::new(),
            tracks: thresholds
                .iter()
                .map(|one| one.is_windowed().then(|| Track::new(one.clone())))
                .collect(),
        };
        Self { all: thresholds.iter().map(watched).collect(), over: false }
    }

    /// Whether [`add`](Self::add) wants what was measured by series, too: a threshold is about a part of a metric.
    pub fn want_series(&self) -> bool {
        self.all.iter().any(|one| one.is_watched() && !one.selector.tags.is_empty())
    }

    /// Takes in what was measured between two moments of the load, usually a second apart, and holds it against the
    /// thresholds. What took no time belongs to the last second.
    ///
    /// `goes_on` says whether iterations of a scenario are still started, or any at all.
    pub fn add(
        &mut self,
        time: &Range<Duration>,
        collected: &Collected,
        goes_on: &dyn Fn(Option<&str>) -> bool,
    ) {
        for watched in self.all.iter_mut().filter(|watched| watched.is_watched()) {
            let Some(metric) = collected.registry().find(&watched.selector.metric) else {
                continue;
            };
            let slot = watched.measured(metric.id, collected);
            let tags = &watched.selector.tags;
            let scenario = tags.iter().find(|(key, _)| key == "scenario").map(|(_, name)| &**name);
            let goes_on = goes_on(scenario);
            for track in watched.tracks.iter_mut().flatten() {
                if track.threshold.method.fits(metric.kind) {
                    track.add(time, &slot, metric.kind, goes_on);
                }
            }
        }
    }

    /// Says that the load is over: what was shorter than a window is one.
    pub fn end(&mut self) {
        self.over = true;
        let tracks = self.all.iter_mut().flat_map(|watched| &mut watched.tracks).flatten();
        tracks.for_each(Track::judge_what_there_is);
    }

    /// How a threshold went, by the place of what it is about and its place among those; `None` of one that is not held
    /// each second.
    pub(crate) fn course(&self, place: usize, among: usize) -> Option<&Course> {
        self.track(place, among).map(|track| &track.course)
    }

    /// Whether the run is to end for a threshold, as [`course`](Self::course) finds it: it did not hold after the delay of its
    /// `delayAbortEval`. `None` of one that is not held each second.
    pub(crate) fn aborts(&self, place: usize, among: usize) -> Option<bool> {
        self.track(place, among).map(|track| track.aborts)
    }

    fn track(&self, place: usize, among: usize) -> Option<&Track> {
        self.all.get(place)?.tracks.get(among)?.as_ref()
    }

    /// Why one has nothing to compare.
    pub(crate) fn silence(&self) -> Silence {
        if self.over { Silence::NoSamples } else { Silence::NoWindow }
    }
}

impl Watched {
    fn is_watched(&self) -> bool {
        self.tracks.iter().any(Option::is_some)
    }

    /// What was measured of the metric's series that have the tags.
    fn measured(&mut self, metric: MetricId, collected: &Collected) -> Slot {
        let tags = &self.selector.tags;
        if tags.is_empty() {
            return collected.metric(metric).map(Slot::of).unwrap_or_default();
        }
        let mut slot = Slot::default();
        for (series, sink) in collected.series() {
            let known = self.series.entry(series);
            if *known.or_insert_with(|| {
                let (of, own) = collected.registry().series_info(series);
                of == metric && own.matches(tags)
            }) {
                slot.merge(&Slot::of(sink));
            }
        }
        slot
    }
}

impl Track {
    fn new(threshold: Threshold) -> Self {
        let course = Course {
            window: threshold.window(),
            lasting: threshold.lasting,
            worst: None,
            worst_at: Duration::ZERO,
            crossed_at: None,
            longest: Duration::ZERO,
        };
        let (parts, begins, broken) = (VecDeque::new(), None, Duration::ZERO);
        let (counts, judged, aborts) = (false, false, false);
        Self { threshold, parts, begins, counts, judged, broken, aborts, course }
    }

    fn add(&mut self, time: &Range<Duration>, slot: &Slot, kind: Kind, goes_on: bool) {
        if time.is_empty() && slot.count == 0 {
            return;
        }
        self.counts = kind == Kind::Counter;
        let at_least =
            matches!(self.threshold.operator, Operator::Greater | Operator::GreaterOrEqual);
        let waits = self.counts && at_least;
        if waits && !goes_on && self.begins.is_some() {
            // From here on it falls by itself, and what comes later begins anew.
            self.judge_what_there_is();
            self.parts.clear();
            (self.begins, self.broken) = (None, Duration::ZERO);
        }
        if let (true, false, Some(begins)) = (waits, time.is_empty(), self.begins) {
            // Only now, since a run that ends before is what there is.
            while self.parts.front().is_some_and(|part| part.time.end <= begins) {
                self.parts.pop_front();
            }
        }
        self.push(time, slot);
        if waits && !goes_on {
            return;
        }
        if self.begins.is_none() && (!waits || slot.count > 0) {
            // The second in which it began is a part of one.
            self.begins = Some(if waits { time.end } else { time.start });
        }
        let full = |begins: Duration| time.end + SLACK >= begins + self.course.window;
        if self.begins.is_some_and(full) {
            self.judge(time);
        }
    }

    /// Takes what is shorter than a window for one, if there was none so far.
    fn judge_what_there_is(&mut self) {
        if let (false, Some(first), Some(last)) =
            (self.judged, self.parts.front(), self.parts.back())
        {
            self.judge(&(first.time.start..last.time.end));
        }
    }

    /// Adds a part, and drops those that are no longer in the window.
    fn push(&mut self, time: &Range<Duration>, slot: &Slot) {
        let mut slot = slot.clone();
        if !matches!(self.threshold.method, Method::Med | Method::Percentile(_)) {
            // Nobody asks how they are spread.
            slot.sketch = Default::default();
        }
        let window = self.course.window;
        let width = Duration::from_secs(window.as_secs().div_ceil(MOST_PARTS));
        match self.parts.back_mut() {
            Some(last) if time.is_empty() || last.length() + SLACK < width => {
                last.time.end = last.time.end.max(time.end);
                last.slot.merge(&slot);
            }
            _ => self.parts.push_back(Part { time: time.clone(), slot }),
        }
        // By their middles, since seconds end a moment late.
        let is_past = |part: &Part| part.time.start + part.length() / 2 + window <= time.end;
        while self.parts.len() > 1 && self.parts.front().is_some_and(is_past) {
            self.parts.pop_front();
        }
    }

    /// Holds what is in the window against the threshold; `time` is what it is looked at for the first time.
    fn judge(&mut self, time: &Range<Duration>) {
        self.judged = true;
        let mut all = Slot::default();
        self.parts.iter().for_each(|part| all.merge(&part.slot));
        let measured = self.parts.iter().map(Part::length).sum();
        let method = self.threshold.method;
        let observed = match self.counts {
            true => counted(method, &all, measured),
            false => observed(method, &all),
        };
        let Some(observed) = observed else {
            // The clock stands still: an outage whose answers take seconds leaves some of them without any.
            return;
        };
        let course = &mut self.course;
        if course.worst.is_none_or(|worst| self.threshold.is_worse(observed, worst)) {
            (course.worst, course.worst_at) = (Some(observed), time.end);
        }
        if self.threshold.holds(observed) {
            self.broken = Duration::ZERO;
            return;
        }
        self.broken += time.end.saturating_sub(time.start);
        let lasted = self.broken;
        course.longest = course.longest.max(lasted);
        if course.lasting.is_none_or(|lasting| lasted + SLACK >= lasting) {
            course.crossed_at.get_or_insert(time.end);
            self.aborts |= self.threshold.aborts(time.end);
        }
    }
}

impl Part {
    fn length(&self) -> Duration {
        self.time.end.saturating_sub(self.time.start)
    }
}

impl Threshold {
    /// Whether one value is further from what is demanded than another, or less far within it.
    fn is_worse(&self, one: f64, other: f64) -> bool {
        let away = |value: f64| (value - self.value).abs();
        match self.operator {
            Operator::Less | Operator::LessOrEqual => one > other,
            Operator::Greater | Operator::GreaterOrEqual => one < other,
            Operator::Equal => away(one) > away(other),
            Operator::NotEqual => away(one) < away(other),
        }
    }
}

/// The value a method takes from a counter; `None` of a rate in no time.
fn counted(method: Method, slot: &Slot, measured: Duration) -> Option<f64> {
    match method {
        Method::Rate if measured.is_zero() => None,
        Method::Rate => Some(slot.sum / measured.as_secs_f64()),
        _ => Some(slot.sum),
    }
}

/// The value a method takes from another metric; `None` where there are no samples.
fn observed(method: Method, slot: &Slot) -> Option<f64> {
    (slot.count > 0).then(|| match method {
        Method::Value | Method::Count => slot.last,
        Method::Rate | Method::Avg => slot.mean(),
        Method::Min => slot.min,
        Method::Max => slot.max,
        Method::Med => slot.quantile(0.5),
        Method::Percentile(percent) => slot.quantile(percent / 100.0),
    })
}

#[cfg(test)]
mod tests;
