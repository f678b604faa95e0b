//! Whether what was measured is what was demanded.

use std::fmt;
use std::time::Duration;

use crate::{Course, Kind, Method, Metric, Registry, Selector, Sink, Threshold, Totals, Windows};

/// All thresholds of a plan.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Thresholds {
    all: Vec<(Selector, Vec<Threshold>)>,
    on_no_data: OnNoData,
}

/// What a threshold is worth for which nothing was measured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum OnNoData {
    /// As much as a crossed one, if it is about a metric as a whole: that a part of a metric never came
    /// (`http_req_duration{status:500}`) is no failure.
    #[default]
    FailWhole,
    /// As much as a crossed one, also of a part.
    Fail,
    /// As much as one that held.
    Pass,
}

/// What became of one threshold.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// What it is about.
    pub selector: Selector,
    /// The threshold as it was given.
    pub source: String,
    /// What was compared, in the metric's unit, and of several windows the worst; `None` exactly where the
    /// outcome is [`Outcome::NoData`].
    pub observed: Option<f64>,
    /// Whether it holds.
    pub outcome: Outcome,
    /// Why nothing was observed.
    pub silence: Option<Silence>,
    /// Whether the run is to end for it.
    pub abort: bool,
    /// Whether nothing speaks against it: it holds, or there was no data and that [is worth](OnNoData) no failure.
    pub is_fine: bool,
    /// How it went from second to second, if it [is held](Threshold::is_windowed) against the last part of the run.
    pub course: Option<Course>,
}

/// Whether a threshold holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// It holds.
    Passed,
    /// It does not.
    Crossed,
    /// There was nothing to compare. Silence is not success: it is to be shown, and what it is worth is for
    /// whoever ends the run to say.
    NoData,
}

/// Why nothing was observed. As a text it is a fragment that fits "no data: …".
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Silence {
    /// Nobody has defined such a metric.
    UnknownMetric,
    /// The metric has no such value: the script defined it later, as another kind than was expected.
    UnfitMethod,
    /// The metric has no sample with these tags.
    NoSamples,
    /// No time has passed to count anything a second.
    NoTime,
    /// Not so much time has passed as it is to be held against.
    NoWindow,
}

impl fmt::Display for Silence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::UnknownMetric => "there is no such metric",
            Self::UnfitMethod => "a metric of its kind has no such value",
            Self::NoSamples => "there were no samples",
            Self::NoTime => "no time has passed",
            Self::NoWindow => "not enough time has passed",
        })
    }
}

/// What is wrong with a threshold whatever is measured.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// There is no such metric, so far: a script may yet define it. Once for each selector.
    #[error("there is no metric `{}`", selector.metric)]
    UnknownMetric {
        /// What the thresholds are about.
        selector: Selector,
    },
    /// Metrics of this kind have no such value.
    #[error(
        "`{source_text}` does not fit `{}`, which is a {kind}: expected {}",
        selector.metric,
        Method::fitting(*kind)
    )]
    UnfitMethod {
        /// What the threshold is about.
        selector: Selector,
        /// The threshold as it was given.
        source_text: String,
        /// The kind of the metric.
        kind: Kind,
    },
}

impl Problem {
    /// What the threshold is about.
    pub fn selector(&self) -> &Selector {
        match self {
            Self::UnknownMetric { selector } | Self::UnfitMethod { selector, .. } => selector,
        }
    }
}

impl Thresholds {
    /// The thresholds of a plan, in its order.
    pub fn new(all: Vec<(Selector, Vec<Threshold>)>) -> Self {
        Self { all, on_no_data: OnNoData::default() }
    }

    /// The same, with another view of those without data.
    #[must_use]
    pub fn on_no_data(self, on_no_data: OnNoData) -> Self {
        Self { on_no_data, ..self }
    }

    /// What they are about, and they.
    pub fn iter(&self) -> impl Iterator<Item = (&Selector, &[Threshold])> {
        self.all.iter().map(|(selector, thresholds)| (selector, &**thresholds))
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.iter().all(|(_, thresholds)| thresholds.is_empty())
    }

    /// All that is wrong with them, given these metrics.
    ///
    /// Before a run, [`Problem::UnfitMethod`] is an error and [`Problem::UnknownMetric`] is none yet;
    /// after it, both are.
    pub fn check(&self, registry: &Registry) -> Vec<Problem> {
        let mut problems = Vec::new();
        for (selector, thresholds) in self.iter() {
            let Some(Metric { kind, .. }) = registry.find(&selector.metric) else {
                problems.push(Problem::UnknownMetric { selector: selector.clone() });
                continue;
            };
            let unfit = thresholds.iter().filter(|threshold| !threshold.method.fits(kind));
            problems.extend(unfit.map(|threshold| Problem::UnfitMethod {
                selector: selector.clone(),
                source_text: threshold.source.clone(),
                kind,
            }));
        }
        problems
    }

    /// A verdict for each threshold, over all that was collected in the time given: `over` and `for` say nothing here.
    ///
    /// A metric without samples gives [`Outcome::NoData`], but for a counter: of what never happened
    /// there are none, and `count<1` holds. Such a counter does not abort a run, though; `count>0`
    /// would before the first sample.
    pub fn evaluate(&self, totals: &Totals, elapsed: Duration) -> Vec<Verdict> {
        self.evaluate_with(totals, elapsed, &Windows::default())
    }

    /// The same, but of those that are held each second what came of that.
    pub fn evaluate_with(
        &self,
        totals: &Totals,
        elapsed: Duration,
        windows: &Windows,
    ) -> Vec<Verdict> {
        let mut verdicts = Vec::new();
        for (place, (selector, thresholds)) in self.iter().enumerate() {
            let metric = totals.registry().find(&selector.metric);
            // Merged once, however many thresholds are on it.
            let sink = metric.as_ref().and_then(|each| totals.select(each.id, &selector.tags));
            for (among, threshold) in thresholds.iter().enumerate() {
                let course = windows.course(place, among);
                let observed = match (&metric, course) {
                    (None, _) => Err(Silence::UnknownMetric),
                    (Some(metric), _) if !threshold.method.fits(metric.kind) => {
                        Err(Silence::UnfitMethod)
                    }
                    (Some(_), Some(course)) => course.worst.ok_or(windows.silence()),
                    (Some(metric), None) => {
                        observe(threshold.method, metric.kind, sink.as_ref(), elapsed)
                    }
                };
                let outcome = match (observed, course) {
                    (Err(_), _) => Outcome::NoData,
                    (Ok(_), Some(course)) if course.crossed_at.is_some() => Outcome::Crossed,
                    (Ok(_), Some(_)) => Outcome::Passed,
                    (Ok(observed), None) if threshold.holds(observed) => Outcome::Passed,
                    (Ok(_), None) => Outcome::Crossed,
                };
                let is_fine = match outcome {
                    Outcome::Passed => true,
                    Outcome::Crossed => false,
                    Outcome::NoData => match self.on_no_data {
                        OnNoData::FailWhole => !selector.tags.is_empty(),
                        OnNoData::Fail => false,
                        OnNoData::Pass => true,
                    },
                };
                let aborts =
                    windows.aborts(place, among).unwrap_or_else(|| threshold.aborts(elapsed));
                verdicts.push(Verdict {
                    selector: selector.clone(),
                    source: threshold.source.clone(),
                    observed: observed.ok(),
                    outcome,
                    silence: observed.err(),
                    abort: outcome == Outcome::Crossed && sink.is_some() && aborts,
                    is_fine,
                    course: course.copied(),
                });
            }
        }
        verdicts
    }
}

/// The value a method takes from a metric's samples.
fn observe(
    method: Method,
    kind: Kind,
    sink: Option<&Sink>,
    elapsed: Duration,
) -> Result<f64, Silence> {
    if !method.fits(kind) {
        return Err(Silence::UnfitMethod);
    }
    let none = Sink::new(Kind::Counter);
    let sink = match sink {
        Some(sink) => sink,
        None if kind == Kind::Counter => &none,
        None => return Err(Silence::NoSamples),
    };
    Ok(match (sink, method) {
        (Sink::Counter(counter), Method::Count) => counter.sum,
        (Sink::Counter(_), Method::Rate) if elapsed.is_zero() => return Err(Silence::NoTime),
        (Sink::Counter(counter), Method::Rate) => counter.sum / elapsed.as_secs_f64(),
        (Sink::Gauge(gauge), Method::Value) => gauge.last,
        (Sink::Rate(rate), Method::Rate) => rate.rate(),
        (Sink::Trend(trend), Method::Avg) => trend.mean(),
        (Sink::Trend(trend), Method::Min) => trend.min(),
        (Sink::Trend(trend), Method::Max) => trend.max(),
        (Sink::Trend(trend), Method::Med) => trend.quantile(0.5),
        (Sink::Trend(trend), Method::Percentile(percent)) => trend.quantile(percent / 100.0),
        _ => return Err(Silence::UnfitMethod),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Contains, Shards, Tags, builtin};

    fn thresholds(all: &[(&str, &str)]) -> Thresholds {
        let one = |&(selector, source): &(&str, &str)| {
            (Selector::parse(selector).unwrap(), vec![Threshold::parse(source).unwrap()])
        };
        Thresholds::new(all.iter().map(one).collect())
    }

    /// Ten requests of 10 to 100 ms, the last of which failed; three users; a login page of its own.
    fn measured() -> Totals {
        let shards = Shards::new(Registry::new(), 1);
        let registry = shards.registry();
        let (recorder, plain) = (shards.recorder(0), Tags::new());
        for n in 1..=10_u32 {
            let tags = Tags::new().with("name", if n == 10 { "login" } else { "home" });
            for (metric, value) in [
                (builtin::HTTP_REQS, 1.0),
                (builtin::HTTP_REQ_FAILED, f64::from(u8::from(n == 10))),
                (builtin::HTTP_REQ_DURATION, f64::from(n * 10)),
            ] {
                recorder.record(registry.series(metric, &tags), value);
            }
        }
        recorder.record(registry.series(builtin::VUS, &plain), 5.0);
        recorder.record(registry.series(builtin::VUS, &plain), 3.0);
        let mut totals = Totals::new(&shards);
        totals.collect();
        totals
    }

    #[test]
    fn each_method_observes_its_value() {
        let totals = measured();
        for (selector, source, observed, outcome) in [
            ("http_reqs", "count>=10", 10.0, Outcome::Passed),
            ("http_reqs", "count>10", 10.0, Outcome::Crossed),
            ("http_reqs", "rate==2.5", 2.5, Outcome::Passed),
            ("http_reqs{name:login}", "count==1", 1.0, Outcome::Passed),
            ("http_req_failed", "rate<0.1", 0.1, Outcome::Crossed),
            ("http_req_failed{name:home}", "rate<0.1", 0.0, Outcome::Passed),
            ("vus", "value<4", 3.0, Outcome::Passed),
            ("http_req_duration", "avg<55", 55.0, Outcome::Crossed),
            ("http_req_duration", "min>=10", 10.0, Outcome::Passed),
            ("http_req_duration", "max<=100", 100.0, Outcome::Passed),
            ("http_req_duration", "p(100)<=100", 100.0, Outcome::Passed),
            ("http_req_duration{name:home}", "max<=90", 90.0, Outcome::Passed),
        ] {
            let verdicts =
                thresholds(&[(selector, source)]).evaluate(&totals, Duration::from_secs(4));
            let expected = Verdict {
                selector: Selector::parse(selector).unwrap(),
                source: source.to_owned(),
                observed: Some(observed),
                outcome,
                silence: None,
                abort: false,
                is_fine: outcome == Outcome::Passed,
                course: None,
            };
            assert_eq!(verdicts, [expected]);
        }
        let percentiles =
            thresholds(&[("http_req_duration", "med<51"), ("http_req_duration", "p(90)<89.9")]);
        let outcomes: Vec<_> = percentiles
            .evaluate(&totals, Duration::ZERO)
            .into_iter()
            .map(|verdict| (verdict.outcome, verdict.observed.unwrap().round()))
            .collect();
        assert_eq!(outcomes, [(Outcome::Passed, 50.0), (Outcome::Crossed, 90.0)]);
    }

    #[test]
    fn silence_is_told_apart_and_says_why() {
        let totals = measured();
        let seconds = Duration::from_secs(4);
        for (selector, source, elapsed, silence, why) in [
            ("basket_size", "avg<1", seconds, Silence::UnknownMetric, "nobody defined it"),
            ("iteration_duration", "avg<1", seconds, Silence::NoSamples, "no iteration ended"),
            ("checks", "rate>0.9", seconds, Silence::NoSamples, "a share of nothing is no share"),
            ("http_req_duration{name:x}", "max<1", seconds, Silence::NoSamples, "no such page"),
            ("http_reqs", "rate>1", Duration::ZERO, Silence::NoTime, "not a moment has passed"),
            ("http_reqs", "avg>1", seconds, Silence::UnfitMethod, "a counter has no mean"),
        ] {
            let verdicts = thresholds(&[(selector, source)]).evaluate(&totals, elapsed);
            let found = (verdicts[0].outcome, verdicts[0].silence, verdicts[0].observed);
            assert_eq!(found, (Outcome::NoData, Some(silence), None), "{why}");
        }
    }

    #[test]
    fn a_counter_of_what_never_happened_is_zero() {
        let totals = measured();
        for (selector, source, outcome) in [
            ("dropped_iterations", "count<1", Outcome::Passed),
            ("dropped_iterations", "rate==0", Outcome::Passed),
            ("iterations", "count>0", Outcome::Crossed),
            ("http_reqs{status:500}", "count==0", Outcome::Passed),
        ] {
            let verdicts =
                thresholds(&[(selector, source)]).evaluate(&totals, Duration::from_secs(1));
            assert_eq!((verdicts[0].outcome, verdicts[0].observed), (outcome, Some(0.0)));
        }
    }

    #[test]
    fn only_a_crossed_threshold_with_samples_aborts() {
        let totals = measured();
        for (selector, source, abort, why) in [
            ("http_reqs", "count>99", true, "crossed"),
            ("http_reqs", "count<99", false, "passed"),
            ("checks", "rate>0.9", false, "no data"),
            ("iterations", "count>0", false, "crossed, but nothing has happened yet"),
        ] {
            let mut all = thresholds(&[(selector, source)]);
            all.all[0].1[0].abort_on_fail = true;
            assert_eq!(all.evaluate(&totals, Duration::from_secs(1))[0].abort, abort, "{why}");

            all.all[0].1[0].delay_abort_eval = Some(Duration::from_secs(10));
            assert!(!all.evaluate(&totals, Duration::from_secs(1))[0].abort, "{why}, too early");
        }
    }

    #[test]
    fn what_silence_is_worth_is_as_it_was_asked_for() {
        use OnNoData::*;
        for (selector, source, fine_in) in [
            ("http_req_duration", "max<=100", &[FailWhole, Fail, Pass][..]),
            ("http_req_duration", "max<1", &[]),
            ("http_req_duration{name:x}", "max<1", &[FailWhole, Pass]),
            ("iteration_duration", "avg<1", &[Pass]),
            ("iteration_duration", "avg<1 over 30s", &[Pass]),
        ] {
            for on_no_data in [FailWhole, Fail, Pass] {
                let all = thresholds(&[(selector, source)]).on_no_data(on_no_data);
                let verdicts = all.evaluate(&measured(), Duration::from_secs(4));
                let expected = fine_in.contains(&on_no_data);
                assert_eq!(verdicts[0].is_fine, expected, "{selector} {source} {on_no_data:?}");
            }
        }
    }

    #[test]
    fn all_problems_are_found_at_once() {
        let registry = Registry::new();
        let all = thresholds(&[
            ("http_reqs", "p(95)<1"),
            ("http_req_duration", "rate<1"),
            ("basket_size", "avg<1"),
            ("vus", "value<1"),
            ("http_req_failed{name:x}", "count<1"),
            ("vus", "max<1"),
        ]);
        let problems = all.check(&registry);
        let texts: Vec<_> = problems.iter().map(ToString::to_string).collect();
        let expected = [
            "`p(95)<1` does not fit `http_reqs`, which is a counter: expected `count` or `rate`",
            "`rate<1` does not fit `http_req_duration`, which is a trend: expected `avg`, `min`, \
             `max`, `med` or a percentile such as `p(95)`",
            "there is no metric `basket_size`",
            "`count<1` does not fit `http_req_failed`, which is a rate: expected `rate`",
            "`max<1` does not fit `vus`, which is a gauge: expected `value`",
        ];
        assert_eq!(texts, expected);
        assert_eq!(problems[3].selector().to_string(), "http_req_failed{name:x}");
        assert_eq!(problems[2].selector().metric, "basket_size");

        registry.define("basket_size", Kind::Trend, Contains::Default).unwrap();
        assert_eq!(all.check(&registry).len(), 4, "one was defined since");
    }

    #[test]
    fn every_threshold_has_a_verdict_in_the_plans_order() {
        let one = |text| Threshold::parse(text).unwrap();
        let all = Thresholds::new(vec![
            (Selector::parse("vus").unwrap(), vec![one("value>0"), one("value<9")]),
            (Selector::parse("checks").unwrap(), vec![]),
            (Selector::parse("http_reqs").unwrap(), vec![one("count>0")]),
        ]);
        let verdicts = all.evaluate(&measured(), Duration::from_secs(1));
        let sources: Vec<_> = verdicts.iter().map(|verdict| &*verdict.source).collect();
        assert_eq!(sources, ["value>0", "value<9", "count>0"]);
        assert!(!all.is_empty());
        assert!(Thresholds::new(vec![(Selector::parse("vus").unwrap(), vec![])]).is_empty());
    }
}
