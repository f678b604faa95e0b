//! The usual tests by their names, as options.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::time::Duration;

use crate::{
    AnyExecutor, Breakpoint, Executor, Length, Options, Problems, Raised, ScenarioOptions, Stage,
    ThresholdSpec,
};

/// One of the usual tests.
///
/// Each but the last is a shape of the number of VUs over time, stretched to a duration and up to a number
/// of VUs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Preset {
    /// A few users for a moment: does it work at all?
    Smoke,
    /// As many as on a usual day: is it fast enough?
    Load,
    /// More than on a usual day, for a while.
    Stress,
    /// Very many at once, soon gone again.
    Spike,
    /// As many as on a usual day, for hours: does anything leak or fill up?
    Soak,
    /// More and more, until it breaks: how many are too many?
    Breakpoint,
}

/// A shape: by parts of the duration, what share of the VUs is reached.
type Shape = &'static [(f64, f64)];

impl Preset {
    /// All of them, by name.
    pub const ALL: &[(&str, Self)] = &[
        ("smoke", Self::Smoke),
        ("load", Self::Load),
        ("stress", Self::Stress),
        ("spike", Self::Spike),
        ("soak", Self::Soak),
        ("breakpoint", Self::Breakpoint),
    ];

    /// Returns the preset of a name.
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(known, _)| *known == name).map(|(_, preset)| *preset)
    }

    /// Returns its name.
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, preset)| *preset == self).map_or("", |(name, _)| name)
    }

    /// VUs and duration where they are not given, and the shape; none for a search, which has no shape
    /// until it is over.
    ///
    /// The proportions are those that Grafana's k6 documentation suggests for tests of these names; the
    /// durations are shorter, for a first look.
    fn shape(self) -> Option<(u32, Duration, Shape)> {
        let minutes = Duration::from_mins;
        Some(match self {
            Self::Smoke => (3, minutes(1), &[(0.0, 1.0), (1.0, 1.0)]),
            Self::Load => (50, minutes(10), &[(0.125, 1.0), (0.75, 1.0), (0.125, 0.0)]),
            Self::Stress => (100, minutes(20), &[(0.22, 1.0), (0.67, 1.0), (0.11, 0.0)]),
            Self::Spike => (500, minutes(3), &[(2.0 / 3.0, 1.0), (1.0 / 3.0, 0.0)]),
            Self::Soak => (50, minutes(240), &[(0.02, 1.0), (0.96, 1.0), (0.02, 0.0)]),
            Self::Breakpoint => return None,
        })
    }

    /// Returns the options it stands for. VUs and duration given here take the place of its own; nothing
    /// else that says what runs can stand beside it.
    ///
    /// Fails with what cannot.
    pub fn options(self, given: Options) -> Result<Options, Problems> {
        let mut problems = Problems::default();
        for (key, is_given) in [
            ("iterations", given.iterations.is_some()),
            ("stages", given.stages.is_some()),
            ("rate", given.rate.is_some()),
            ("scenarios", given.scenarios.is_some()),
        ] {
            if is_given {
                problems.push(key, "cannot be given together with a preset");
            }
        }
        let Some((vus, duration, shape)) = self.shape() else {
            let options = breakpoint(given, &mut problems);
            return problems.or(options);
        };
        let vus = given.vus.unwrap_or(vus);
        let duration = given.duration.map_or(duration, Length::get);
        let stages = shape.iter().map(|(part, share)| Stage {
            // Whole milliseconds, so that people can read them.
            duration: Duration::from_millis((duration.as_millis() as f64 * part).round() as u64)
                .into(),
            target: (f64::from(vus) * share).round() as u32,
        });
        let options = Options {
            stages: Some(stages.collect()),
            vus: Some(1),
            duration: None,
            preset: Some(self),
            ..given
        };
        problems.or(options)
    }
}

/// The shortest step of a preset, in milliseconds: much shorter than iterations of an ordinary script, it would
/// say nothing.
const LEAST_STEP: u64 = 1_000;

/// A search by rate, from so few that anything holds to more than most hold.
///
/// `vus` is how many VUs there may be, `duration` how long it may take at most.
fn breakpoint(given: Options, problems: &mut Problems) -> Options {
    let vus = given.vus.and_then(NonZeroU32::new).unwrap_or(number(1_000));
    let mut search = Breakpoint {
        raise: Raised::Rate,
        start: number(10),
        max: number(20_000),
        multiply: Some(2.0),
        add: None,
        step_duration: Duration::from_secs(10).into(),
        tolerance: 0.05,
        pre_allocated_vus: Some(vus.min(number(100))),
        max_vus: Some(vus),
    };
    if let Some(most) = given.duration {
        let most = most.get().as_millis() as u64;
        let steps = search.schedule().duration().as_secs() / search.step_duration.get().as_secs();
        let millis = most / steps.max(1);
        if millis < LEAST_STEP {
            let least = Length::from(Duration::from_millis(steps * LEAST_STEP));
            problems.push(
                "duration",
                format!("must be at least {least} for a search, which may need so many steps"),
            );
        }
        search.step_duration = Duration::from_millis(millis.max(1)).into();
    }
    let scenario = ScenarioOptions::new(AnyExecutor::Breakpoint(search));
    Options {
        scenarios: Some(BTreeMap::from([("breakpoint".to_owned(), scenario)])),
        preset: Some(Preset::Breakpoint),
        vus: None,
        duration: None,
        ..given
    }
}

/// What holding is in a search where no threshold of anybody says it: few requests fail, and most are answered
/// within half a second.
pub(crate) fn holding() -> BTreeMap<String, Vec<ThresholdSpec>> {
    [("http_req_failed", "rate<0.01"), ("http_req_duration", "p(95)<500")]
        .map(|(metric, text)| (metric.into(), vec![ThresholdSpec::Expression(text.into())]))
        .into()
}

fn number(value: u32) -> NonZeroU32 {
    NonZeroU32::new(value).unwrap_or(NonZeroU32::MIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn described(preset: Preset, given: &str) -> String {
        let given = crate::parse_json(given).unwrap();
        let plan = preset.options(given).unwrap().plan().unwrap();
        plan.scenarios[0].executor.describe()
    }

    #[test]
    fn a_search_takes_no_longer_than_it_may_and_keeps_thresholds_that_are_given() {
        let given = r#"{ "vus": 8, "duration": "30s", "thresholds": { "checks": ["rate>0.9"] } }"#;
        let options = Preset::Breakpoint.options(crate::parse_json(given).unwrap()).unwrap();
        let plan = options.plan().unwrap();
        assert_eq!(plan.max_vus(), 8);
        assert!(plan.scenarios[0].schedule.duration() <= Duration::from_secs(30), "{plan:?}");
        let thresholds: Vec<_> = plan.thresholds.iter().map(|(on, _)| on.to_string()).collect();
        assert_eq!(thresholds, ["checks"]);
    }

    #[test]
    fn what_holds_is_said_by_the_script_or_else_by_the_preset() {
        let thresholds = |lower: &str| {
            let upper = Preset::Breakpoint.options(Options::default()).unwrap();
            let plan = upper.over(crate::parse_json(lower).unwrap()).plan().unwrap();
            plan.thresholds.iter().map(|(on, _)| on.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(thresholds("{}"), ["http_req_duration", "http_req_failed"]);
        assert_eq!(thresholds(r#"{ "thresholds": { "checks": ["rate>0.9"] } }"#), ["checks"]);
    }

    #[test]
    fn a_search_is_given_the_time_that_its_steps_need() {
        let given = crate::parse_json(r#"{ "duration": "6s" }"#).unwrap();
        let problems = Preset::Breakpoint.options(given).unwrap_err().to_string();
        assert_eq!(
            problems,
            "duration: must be at least 22s for a search, which may need so many steps"
        );
    }

    #[test]
    fn each_preset_is_a_test_of_its_own() {
        for ((name, preset), expected) in Preset::ALL.iter().zip([
            "Up to 3 looping VUs for 1m0s over 2 stages",
            "Up to 50 looping VUs for 10m0s over 3 stages",
            "Up to 100 looping VUs for 20m0s over 3 stages",
            "Up to 500 looping VUs for 3m0s over 2 stages",
            "Up to 50 looping VUs for 4h0m0s over 3 stages",
            "Search for the breakpoint from 10 to 20000 iterations/s (×2 every 10s)",
        ]) {
            assert_eq!(described(*preset, "{}"), expected, "{name}");
            assert_eq!(Preset::by_name(name), Some(*preset));
            assert_eq!(preset.name(), *name);
        }
        assert_eq!(Preset::by_name("smok"), None);
    }

    #[test]
    fn vus_and_duration_stretch_it() {
        let given = r#"{ "vus": 8, "duration": "8s" }"#;
        let load = Preset::Load.options(crate::parse_json(given).unwrap()).unwrap();
        let stage =
            |millis, target| Stage { duration: Duration::from_millis(millis).into(), target };
        assert_eq!(load.stages, Some(vec![stage(1_000, 8), stage(6_000, 8), stage(1_000, 0)]));
    }

    #[test]
    fn nothing_else_says_what_runs_beside_it() {
        let given = r#"{ "iterations": 8, "rate": 8 }"#;
        let problems = Preset::Smoke.options(crate::parse_json(given).unwrap()).unwrap_err();
        assert_eq!(
            problems.to_string(),
            "iterations: cannot be given together with a preset\n\
             rate: cannot be given together with a preset"
        );
    }
}
