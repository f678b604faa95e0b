//! What somebody else is told when a threshold is crossed: which, by what, of which run, and when.
//!
//! Each is told once, as soon as it is certain: during the run those that are held each second (`over`, `for`), since what they
//! crossed they have crossed for good, and those that end it; the others, which may yet recover, when it is over. So are all
//! of a search, which crosses them on purpose. How somebody is told is the engine's affair.

use std::fmt;
use std::time::Duration;

use metrics::{Outcome, Verdict};
use plan::Schedule;
use run::{Event, EventKind};
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::redacted::Redactor;
use crate::stored::Setting;
use crate::summary_json::document::Threshold;
use crate::{Output, OutputError};

/// A threshold that was crossed, as others are told of it; without secrets.
#[derive(Clone, Debug, PartialEq)]
pub struct Notice {
    /// What it is about, as a selector: `http_req_duration`.
    pub metric: String,
    /// The threshold as it was given: `p(95)<500 over 30s`.
    pub threshold: String,
    /// What was observed, in the metric's unit.
    pub observed: f64,
    /// The script, as it was asked for.
    pub script: String,
    /// When, by RFC 3339.
    pub time: String,
    /// How long the load had lasted.
    pub elapsed: Duration,
    /// All of it and more, as others are told.
    pub document: Value,
}

impl Notice {
    /// All of it, as JSON in one line.
    #[must_use]
    pub fn json(&self) -> String {
        self.document.to_string()
    }
}

/// Listens to a run, and hands on each threshold that is crossed, once.
pub struct Crossings {
    setting: Setting,
    secrets: Redactor,
    tell: Box<dyn FnMut(Notice)>,
    started: String,
    elapsed: Duration,
    /// Whether thresholds are crossed to find out where.
    is_search: bool,
    /// Which were told, in the order of the plan.
    told: Vec<bool>,
}

impl Crossings {
    /// Of a run that takes place there, told without values of `secrets`. What is called must not wait.
    pub fn new(setting: Setting, secrets: Redactor, tell: impl FnMut(Notice) + 'static) -> Self {
        Self {
            setting,
            secrets,
            tell: Box::new(tell),
            started: String::new(),
            elapsed: Duration::ZERO,
            is_search: false,
            told: Vec::new(),
        }
    }

    fn hear(&mut self, verdicts: &[Verdict], over: bool) {
        self.told.resize(verdicts.len().max(self.told.len()), false);
        for (place, verdict) in verdicts.iter().enumerate() {
            let is_certain = over || verdict.abort || verdict.course.is_some();
            if verdict.outcome == Outcome::Crossed && is_certain && !self.told[place] {
                self.told[place] = true;
                let notice = self.notice(verdict, over);
                (self.tell)(notice);
            }
        }
    }

    fn notice(&self, verdict: &Verdict, over: bool) -> Notice {
        let shown = |text: &str| self.secrets.shown(text).into_owned();
        let time = now();
        // Every field's name is a string.
        let mut threshold = serde_json::to_value(Threshold::of(verdict)).unwrap_or_default();
        self.secrets.clean(&mut threshold, &["outcome"]);
        let document = json!({
            "event": "threshold_crossed",
            "script": shown(&self.setting.script),
            "digest": self.setting.digest,
            "startedAt": self.started,
            "time": time,
            "elapsedMs": self.elapsed.as_secs_f64() * 1e3,
            "over": over,
            "threshold": threshold,
        });
        Notice {
            metric: shown(&verdict.selector.to_string()),
            threshold: shown(&verdict.source),
            observed: verdict.observed.unwrap_or_default(),
            script: shown(&self.setting.script),
            time,
            elapsed: self.elapsed,
            document,
        }
    }
}

impl Output for Crossings {
    fn on_event(&mut self, event: &Event) {
        match &event.kind {
            EventKind::RunStarted { plan, .. } => {
                self.started = now();
                let mut schedules = plan.scenarios.iter().map(|scenario| &scenario.schedule);
                self.is_search = schedules.any(|it| matches!(it, Schedule::Search(_)));
            }
            EventKind::Tick(tick) if !self.is_search => {
                self.elapsed = tick.elapsed;
                self.hear(&tick.verdicts, false);
            }
            EventKind::RunFinished(finished) => {
                self.elapsed = finished.elapsed;
                self.hear(&finished.verdicts, true);
            }
            _ => {}
        }
    }

    fn finish(&mut self) -> Result<(), OutputError> {
        // Nobody else is told.
        self.tell = Box::new(|_| {});
        Ok(())
    }
}

impl fmt::Debug for Crossings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Crossings").field("told", &self.told).finish_non_exhaustive()
    }
}

/// The moment, by RFC 3339.
fn now() -> String {
    OffsetDateTime::now_utc().format(&Rfc3339).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::rc::Rc;
    use std::sync::Arc;

    use run::{Finished, Tick};

    use super::*;
    use crate::summary::tests::{ordinary, searched, windowed};
    use crate::terminal::tests::tick;

    /// What was told after each of some ticks, and at the end.
    fn told(ticks: &[&[Verdict]], finished: Finished, secrets: Redactor) -> Vec<Vec<Notice>> {
        let notices = Rc::new(RefCell::new(Vec::new()));
        let heard = Rc::clone(&notices);
        let setting = Setting { script: "shop hunter22.wasm".to_owned(), ..Setting::default() };
        let mut crossings =
            Crossings::new(setting, secrets, move |notice| heard.borrow_mut().push(notice));
        let mut say = |kind| crossings.on_event(&Event { elapsed: Duration::ZERO, kind });
        say(EventKind::RunStarted { plan: Arc::clone(&finished.plan), workers: 1 });
        let mut all = Vec::new();
        for (place, verdicts) in ticks.iter().enumerate() {
            let verdicts = Arc::from(*verdicts);
            say(EventKind::Tick(Tick { verdicts, ..tick(place as u64 + 1) }));
            all.push(notices.take());
        }
        say(EventKind::RunFinished(Box::new(finished)));
        all.push(notices.take());
        all
    }

    fn names(told: &[Vec<Notice>]) -> Vec<Vec<&str>> {
        told.iter().map(|all| all.iter().map(|notice| &*notice.threshold).collect()).collect()
    }

    #[test]
    fn each_is_told_once_and_as_soon_as_it_is_certain() {
        let mut finished = windowed();
        // One of the whole run that was crossed at first, and one that ends the run.
        let crossed = |verdict: &mut Verdict| {
            (verdict.outcome, verdict.is_fine) = (Outcome::Crossed, false);
        };
        crossed(&mut finished.verdicts[3]);
        let at_first = finished.verdicts.clone();
        crossed(&mut finished.verdicts[4]);
        let mut later = finished.verdicts.clone();
        later[4].abort = true;
        let told = told(&[&[], &at_first, &at_first, &later], finished, Redactor::default());
        assert_eq!(
            names(&told),
            [vec![], vec!["p(95)<150 over 5s"], vec![], vec!["rate>1"], vec!["rate<0.01"]]
        );
        let document: Value = serde_json::from_str(&told[1][0].json()).unwrap();
        assert_eq!((&document["over"], &document["elapsedMs"]), (&false.into(), &2_000.0.into()));
        assert_eq!(document["threshold"]["course"]["crossedAtMs"], 7_000);
        assert_eq!(document["threshold"]["observed"], 812.3);
        assert!(document["time"].as_str().unwrap() >= document["startedAt"].as_str().unwrap());
        let document: Value = serde_json::from_str(&told[4][0].json()).unwrap();
        assert_eq!((&document["over"], &document["elapsedMs"]), (&true.into(), &10_000.0.into()));
        assert_eq!(document["event"], "threshold_crossed");
    }

    #[test]
    fn what_holds_and_what_has_no_data_is_told_to_nobody() {
        let told = told(&[], ordinary(), Redactor::default());
        assert_eq!(names(&told), [Vec::<&str>::new()]);
    }

    #[test]
    fn a_search_is_told_of_when_it_is_over() {
        let mut finished = searched();
        finished.verdicts[0].outcome = Outcome::Crossed;
        let mut verdicts = finished.verdicts.clone();
        verdicts[0].abort = true;
        let told = told(&[&verdicts], finished, Redactor::default());
        assert_eq!(names(&told), [vec![], vec!["p(95)<200"]]);
    }

    #[test]
    fn no_secret_is_told() {
        let mut finished = ordinary();
        finished.verdicts[0].selector.tags = vec![("name".to_owned(), "hunter22".to_owned())];
        finished.verdicts[0].outcome = Outcome::Crossed;
        let told = told(&[], finished, Redactor::new(["hunter22", "crossed"]));
        let notice = &told[0][0];
        let texts = [notice.json(), notice.metric.clone(), notice.script.clone()];
        assert!(texts.iter().all(|text| !text.contains("hunter22")), "{texts:?}");
        assert_eq!(notice.script, "shop [redacted].wasm");
        let document: Value = serde_json::from_str(&notice.json()).unwrap();
        assert_eq!(document["threshold"]["outcome"], "crossed");
    }
}
