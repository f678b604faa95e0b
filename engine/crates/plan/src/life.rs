//! What a VU does around its iterations: which flow it runs, how long it waits, how long it may take.

use std::collections::BTreeMap;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::problems::{key_of, shown};
use crate::random::SplitMix64;
use crate::{Length, Problems};

/// How long a VU waits between its iterations: exactly one of the keys.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(example = serde_json::json!({ "between": ["1s", "3s"] }))]
pub struct ThinkTimeOptions {
    /// Always so long.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub constant: Option<Length>,
    /// Any time from the first to the second, all alike.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub between: Option<Vec<Length>>,
    /// By the normal distribution, and never less than nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub normal: Option<NormalOptions>,
    /// By the exponential distribution with this mean.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exponential: Option<Length>,
}

/// A normal distribution.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NormalOptions {
    /// Its mean.
    pub mean: Length,
    /// Its standard deviation.
    pub deviation: Length,
}

/// How long a VU keeps an instance of its script.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Isolation {
    /// As long as it lives.
    #[default]
    Vu,
    /// For one iteration: nothing is remembered from one to the next, and `start` is called before each.
    Iteration,
}

/// How long a VU waits between its iterations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ThinkTime {
    /// Always so long.
    Constant(Duration),
    /// Any time from the first to the second, all alike.
    Between(Duration, Duration),
    /// By the normal distribution with this mean and standard deviation; less than nothing is nothing.
    Normal(Duration, Duration),
    /// By the exponential distribution with this mean.
    Exponential(Duration),
}

impl ThinkTime {
    /// Draws one wait.
    pub fn draw(&self, random: &mut SplitMix64) -> Duration {
        let seconds = |seconds: f64| Duration::try_from_secs_f64(seconds).unwrap_or_default();
        match *self {
            Self::Constant(length) => length,
            Self::Between(least, most) => least
                .saturating_add(seconds(most.saturating_sub(least).as_secs_f64() * random.unit())),
            Self::Normal(mean, deviation) => {
                seconds(mean.as_secs_f64() + deviation.as_secs_f64() * random.normal())
            }
            Self::Exponential(mean) => seconds(mean.as_secs_f64() * random.exponential()),
        }
    }
}

impl ThinkTimeOptions {
    /// What it comes to; none if it makes no sense, which is then a problem.
    pub(crate) fn plan(&self, path: &str, problems: &mut Problems) -> Option<ThinkTime> {
        let given: Vec<ThinkTime> = [
            self.constant.map(|length| ThinkTime::Constant(length.get())),
            self.between.as_ref().map(|ends| match ends.as_slice() {
                [least, most] if least <= most => ThinkTime::Between(least.get(), most.get()),
                _ => {
                    let message = "must be two durations, the shorter first";
                    problems.push(key_of(path, "between"), message);
                    ThinkTime::Constant(Duration::ZERO)
                }
            }),
            self.normal.as_ref().map(|n| ThinkTime::Normal(n.mean.get(), n.deviation.get())),
            self.exponential.map(|mean| ThinkTime::Exponential(mean.get())),
        ]
        .into_iter()
        .flatten()
        .collect();
        match given.as_slice() {
            [one] => Some(*one),
            _ => {
                let message = format!(
                    "must have one of `constant`, `between`, `normal` and `exponential`, but has {}",
                    given.len()
                );
                problems.push(path, message);
                None
            }
        }
    }
}

/// Which flow of the script an iteration runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flows {
    names: Vec<String>,
    /// For each flow, the sum of the weights up to it and with it.
    sums: Vec<u64>,
}

impl Flows {
    /// Always the same.
    pub fn one(name: impl Into<String>) -> Self {
        Self { names: vec![name.into()], sums: vec![1] }
    }

    /// By weight. A weight of zero leaves a flow out.
    pub(crate) fn weighted(
        weights: &BTreeMap<String, u32>,
        path: &str,
        problems: &mut Problems,
    ) -> Self {
        let mut sum = 0;
        let mut flows = Self { names: Vec::new(), sums: Vec::new() };
        for (name, weight) in weights.iter().filter(|(_, weight)| **weight > 0) {
            sum += u64::from(*weight);
            flows.names.push(name.clone());
            flows.sums.push(sum);
        }
        if sum == 0 {
            problems.push(path, "must not sum to zero: no flow would ever run");
            return Self::one("");
        }
        flows
    }

    /// The names of the flows, by place.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The names of the flows, each with the share of iterations that run it; all shares sum to 1.
    pub(crate) fn shares(&self) -> impl Iterator<Item = (&str, f64)> {
        let all = self.sums.last().copied().unwrap_or(1).max(1) as f64;
        let before = std::iter::once(0).chain(self.sums.iter().copied());
        let weights = self.sums.iter().zip(before).map(|(sum, before)| sum - before);
        let names = self.names.iter().map(String::as_str);
        names.zip(weights.map(move |weight| weight as f64 / all))
    }

    /// The place of the flow that an iteration of the scenario runs, by its number: the same in each run,
    /// whichever VU runs it, and each flow as often as its weight says.
    pub fn of(&self, number: u64) -> usize {
        if self.names.len() == 1 {
            return 0;
        }
        let sum = self.sums.last().copied().unwrap_or(1).max(1);
        let at = SplitMix64::new(number).next_u64() % sum;
        self.sums.partition_point(|up_to| *up_to <= at)
    }

    /// Adds the flows that a script does not have.
    pub(crate) fn check(&self, known: &[String], path: &str, problems: &mut Problems) {
        // One without a name is of weights that have been told of.
        let named = self.names.iter().filter(|name| !name.is_empty());
        for name in named.filter(|name| !known.contains(name)) {
            let known: Vec<_> = known.iter().map(|name| format!("`{}`", shown(name))).collect();
            let message =
                format!("the script has no flow `{}`; it has {}", shown(name), known.join(", "));
            problems.push(path, message);
        }
    }
}

/// What a VU does around its iterations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Life {
    /// How long it waits after each, if at all.
    pub think_time: Option<ThinkTime>,
    /// How long from the start of one to the start of the next at least.
    pub pace: Duration,
    /// How long one may take; without end if it is not given.
    pub iteration_timeout: Option<Duration>,
    /// How long it keeps an instance of its script.
    pub isolation: Isolation,
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn read(text: &str) -> Result<ThinkTime, String> {
        let options: ThinkTimeOptions = serde_json::from_str(text).unwrap();
        let mut problems = Problems::default();
        options
            .plan("thinkTime", &mut problems)
            .filter(|_| problems.is_empty())
            .ok_or(problems.to_string())
    }

    #[test]
    fn a_think_time_is_exactly_one_of_its_kinds() {
        for (text, expected) in [
            (r#"{"constant":"1s"}"#, Ok(ThinkTime::Constant(SECOND))),
            (r#"{"between":["1s","3s"]}"#, Ok(ThinkTime::Between(SECOND, SECOND * 3))),
            (
                r#"{"normal":{"mean":"2s","deviation":"1s"}}"#,
                Ok(ThinkTime::Normal(SECOND * 2, SECOND)),
            ),
            (r#"{"exponential":"1s"}"#, Ok(ThinkTime::Exponential(SECOND))),
            (
                "{}",
                Err(
                    "thinkTime: must have one of `constant`, `between`, `normal` and `exponential`, but has 0",
                ),
            ),
            (
                r#"{"constant":"1s","exponential":"1s"}"#,
                Err(
                    "thinkTime: must have one of `constant`, `between`, `normal` and `exponential`, but has 2",
                ),
            ),
            (
                r#"{"between":["3s","1s"]}"#,
                Err("thinkTime.between: must be two durations, the shorter first"),
            ),
        ] {
            assert_eq!(read(text), expected.map_err(ToOwned::to_owned), "{text}");
        }
    }

    #[test]
    fn waits_have_the_mean_of_their_distribution_and_are_never_negative() {
        for (think_time, mean) in [
            (ThinkTime::Constant(SECOND), 1.0),
            (ThinkTime::Between(SECOND, SECOND * 3), 2.0),
            (ThinkTime::Normal(SECOND * 5, SECOND), 5.0),
            (ThinkTime::Exponential(SECOND * 2), 2.0),
        ] {
            let mut random = SplitMix64::new(1);
            let sum: f64 = (0..10_000).map(|_| think_time.draw(&mut random).as_secs_f64()).sum();
            assert!((sum / 10_000.0 - mean).abs() < 0.1, "{think_time:?}: {}", sum / 10_000.0);
        }
        let mut random = SplitMix64::new(1);
        let wide = ThinkTime::Normal(Duration::ZERO, SECOND);
        assert!((0..100).any(|_| wide.draw(&mut random) == Duration::ZERO));
    }

    #[test]
    fn flows_are_run_as_often_as_their_weights_say() {
        let weights = [("browse", 50), ("buy", 20), ("never", 0), ("search", 30)];
        let weights = weights.map(|(name, weight)| (name.to_owned(), weight)).into();
        let flows = Flows::weighted(&weights, "weights", &mut Problems::default());
        assert_eq!(flows.names(), ["browse", "buy", "search"]);
        let shares: Vec<_> = flows.shares().collect();
        assert_eq!(shares, [("browse", 0.5), ("buy", 0.2), ("search", 0.3)]);
        let mut counts = [0_i64; 3];
        for number in 0..10_000 {
            counts[flows.of(number)] += 1;
        }
        for (count, expected) in counts.iter().zip([5_000, 2_000, 3_000]) {
            assert!((count - expected).abs() < 150, "{counts:?}");
        }
        assert_eq!(flows.of(77), flows.of(77), "a number's flow is always the same");
    }
}
