//! How far a run has come: counted and said each second.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use metrics::{MetricId, Sink, builtin};
use tokio::time::Instant;

use super::{Conductor, TICKS_A_VERDICT};
use crate::event::{Event, EventKind, Measured, ScenarioProgress, ScenarioState, Tick};
use crate::finished::StopReason;
use crate::orders::Phase;

impl Conductor<'_> {
    /// Collects what was recorded, holds it against the thresholds, and says how far the run has come.
    pub(super) fn collect(&mut self) {
        let Some(load) = self.load else { return };
        let elapsed = load.elapsed();
        let active: Vec<u32> = self.boards.iter().map(|board| board.active()).collect();
        for (most, active) in self.most_vus.iter_mut().zip(&active) {
            *most = (*most).max(*active);
        }
        let vus: u32 = active.iter().sum();
        let vus_max: u32 = self.boards.iter().map(|board| board.made()).sum();
        self.recorder.record(self.series.vus, vus.into());
        self.recorder.record(self.series.vus_max, vus_max.into());
        self.usage.record(&self.recorder, &self.series);
        self.totals.collect();
        self.say_measured(elapsed);
        self.ticks += 1;
        if self.ticks.is_multiple_of(TICKS_A_VERDICT) && !self.thresholds.is_empty() {
            self.evaluate(elapsed);
        }
        let tick = Tick {
            elapsed,
            vus,
            vus_max,
            iterations: self.count(builtin::ITERATIONS, None),
            interrupted: self.count(builtin::ITERATIONS_INTERRUPTED, None),
            dropped: self.count(builtin::DROPPED_ITERATIONS, None),
            requests: self.count(builtin::HTTP_REQS, None),
            scenarios: (0..self.plan.scenarios.len())
                .map(|scenario| self.progress(scenario, elapsed))
                .collect(),
            verdicts: Arc::clone(&self.verdicts),
        };
        self.say(EventKind::Tick(tick));
    }

    /// Says what was measured up to a moment of the load, and keeps it.
    pub(super) fn say_measured(&mut self, until: Duration) {
        let time = self.measured_until..until;
        self.measured_until = until;
        let mut measured = self.measured.take().unwrap_or_else(|| {
            Box::new(Measured { time: Range::default(), collected: self.totals.collected() })
        });
        measured.time = time.clone();
        self.totals.hand_over(&mut measured.collected);
        let middle = time.start + time.end.saturating_sub(time.start) / 2;
        let mut windows = std::mem::take(&mut self.windows);
        windows.add(&time, &measured.collected, &|scenario| self.starts(scenario, middle));
        self.windows = windows;
        self.timeline.add(time, &measured.collected);
        let event = Event { elapsed: self.began.elapsed(), kind: EventKind::Measured(measured) };
        (self.on_event)(&event);
        // The next second finds its memory warm.
        if let EventKind::Measured(measured) = event.kind {
            self.measured = Some(measured);
        }
    }

    /// Whether iterations of a scenario, or of any, are started at a moment of the load that has just been.
    fn starts(&self, scenario: Option<&str>, moment: Duration) -> bool {
        let mut all = self.plan.scenarios.iter().zip(&self.finished);
        let is_paused = self.orders.borrow().paused;
        self.is_planned()
            && !is_paused
            && all.any(|(one, finished)| {
                let end = one.start_time.saturating_add(one.schedule.duration());
                scenario.is_none_or(|name| one.name == name)
                    && !finished
                    && (one.start_time..end).contains(&moment)
            })
    }

    /// Holds what was collected against the thresholds, and stops if it is to.
    fn evaluate(&mut self, elapsed: Duration) {
        if let Some(search) = &self.search {
            // What thresholds are broken for is what it wants to know.
            if let (Some(measured), Some(window)) =
                (search.measured(Instant::now()), self.totals.window())
            {
                self.verdicts = self.thresholds.evaluate(window, measured).into();
            }
            return;
        }
        self.verdicts = self.thresholds.evaluate_with(&self.totals, elapsed, &self.windows).into();
        let crossed: Vec<String> = self
            .verdicts
            .iter()
            .filter(|verdict| verdict.abort)
            .map(|verdict| verdict.selector.to_string())
            .collect();
        // What has ended by itself was not stopped.
        if !crossed.is_empty() && !self.all_left() {
            self.stop_for(StopReason::ThresholdCrossed(crossed), Phase::Drain);
        }
    }

    fn count(&self, metric: MetricId, scenario: Option<&str>) -> u64 {
        let filter: Vec<_> =
            scenario.map(|name| ("scenario".to_owned(), name.to_owned())).into_iter().collect();
        match self.totals.select(metric, &filter) {
            Some(Sink::Counter(counter)) => counter.sum as u64,
            _ => 0,
        }
    }

    /// Whether this is the scenario that searches, and it has come to its end.
    fn has_found(&self, place: usize) -> bool {
        self.search.as_ref().is_some_and(|search| search.scenario() == place && search.is_over())
    }

    fn progress(&self, place: usize, elapsed: Duration) -> ScenarioProgress {
        let scenario = &self.plan.scenarios[place];
        let board = &self.boards[place];
        let duration = scenario.schedule.duration();
        let iterations = self.count(builtin::ITERATIONS, Some(&scenario.name));
        let planned = scenario.schedule.iterations();
        let since = elapsed.saturating_sub(scenario.start_time);
        let stopping = !self.is_planned() || since >= duration;
        let state = match () {
            () if self.finished[place] => ScenarioState::Finished,
            () if elapsed < scenario.start_time => ScenarioState::Waiting,
            () if stopping => ScenarioState::Stopping,
            () => ScenarioState::Running,
        };
        let share = |done: f64, whole: f64| if whole > 0.0 { (done / whole).min(1.0) } else { 1.0 };
        let progress = match planned {
            Some(planned) => share(iterations as f64, planned as f64),
            // It ends when somebody says so, or has found what it searched for, and has then come to its end.
            None if duration == Duration::MAX || self.has_found(place) => {
                f64::from(u8::from(self.finished[place]))
            }
            None => share(since.as_secs_f64(), duration.as_secs_f64()),
        };
        ScenarioProgress {
            state,
            vus: board.active(),
            vus_max: board.made(),
            iterations,
            iterations_planned: planned,
            elapsed: since.min(duration),
            duration,
            progress,
        }
    }
}
