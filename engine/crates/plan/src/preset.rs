//! The usual tests by their names, as options.

use std::time::Duration;

use crate::{Length, Options, Problems, Stage};

/// One of the usual tests.
///
/// Each is a shape of the number of VUs over time, stretched to a duration and up to a number of VUs.
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
    ];

    /// Returns the preset of a name.
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(known, _)| *known == name).map(|(_, preset)| *preset)
    }

    /// VUs and duration where they are not given, and the shape.
    ///
    /// The proportions are those that Grafana's k6 documentation suggests for tests of these names; the
    /// durations are shorter, for a first look.
    fn shape(self) -> (u32, Duration, Shape) {
        let minutes = Duration::from_mins;
        match self {
            Self::Smoke => (3, minutes(1), &[(0.0, 1.0), (1.0, 1.0)]),
            Self::Load => (50, minutes(10), &[(0.125, 1.0), (0.75, 1.0), (0.125, 0.0)]),
            Self::Stress => (100, minutes(20), &[(0.22, 1.0), (0.67, 1.0), (0.11, 0.0)]),
            Self::Spike => (500, minutes(3), &[(2.0 / 3.0, 1.0), (1.0 / 3.0, 0.0)]),
            Self::Soak => (50, minutes(240), &[(0.02, 1.0), (0.96, 1.0), (0.02, 0.0)]),
        }
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
        let (vus, duration, shape) = self.shape();
        let vus = given.vus.unwrap_or(vus);
        let duration = given.duration.map_or(duration, Length::get);
        let stages = shape.iter().map(|(part, share)| Stage {
            // Whole milliseconds, so that people can read them.
            duration: Duration::from_millis((duration.as_millis() as f64 * part).round() as u64)
                .into(),
            target: (f64::from(vus) * share).round() as u32,
        });
        let options =
            Options { stages: Some(stages.collect()), vus: Some(1), duration: None, ..given };
        problems.or(options)
    }
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
    fn each_preset_is_a_ramp_of_its_own() {
        for ((name, preset), expected) in Preset::ALL.iter().zip([
            "Up to 3 looping VUs for 1m0s over 2 stages",
            "Up to 50 looping VUs for 10m0s over 3 stages",
            "Up to 100 looping VUs for 20m0s over 3 stages",
            "Up to 500 looping VUs for 3m0s over 2 stages",
            "Up to 50 looping VUs for 4h0m0s over 3 stages",
        ]) {
            assert_eq!(described(*preset, "{}"), expected, "{name}");
            assert_eq!(Preset::by_name(name), Some(*preset));
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
