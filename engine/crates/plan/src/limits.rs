//! What a script may take of the machine that runs it, as options name it.
//!
//! Each limit is one line of the table below: an option of `limits`, a field of the plan, and `--max-` with its
//! name. What stands where nothing is said is here; what happens at a limit is the matter of those who hold it.
//! Whoever runs a script may set any of them to whatever they like; the script's own options can only make one
//! narrower ([`LimitOptions::narrower`]).

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Length, Size};

/// The largest number that a limit may be. Arbitrary: no limit at all.
const MOST: u32 = 1_000_000_000;

/// Says each limit once: the comment that editors show, its option, its form in a plan, and what it is where nothing is
/// said.
macro_rules! limits {
    ($(
        $(#[doc = $about:literal])* $(#[schemars $schema:tt])?
        $name:ident: $option:ty => $planned:ty, $default:expr;
    )*) => {
        /// What a script may take of the machine. The VU that takes more starts anew, and its iteration has failed.
        #[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
        #[serde(rename_all = "camelCase", deny_unknown_fields)]
        pub struct LimitOptions {
            $(
                $(#[doc = $about])* $(#[schemars $schema])?
                #[serde(skip_serializing_if = "Option::is_none")]
                pub $name: Option<$option>,
            )*
        }

        /// What a script may take of the machine, with nothing left open but what only the machine knows.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct Limits {
            $($(#[doc = $about])* pub $name: $planned,)*
        }

        impl LimitOptions {
            /// Lays these over `lower` ones, limit by limit.
            #[must_use]
            pub fn over(self, lower: Self) -> Self {
                Self { $($name: self.$name.or(lower.$name),)* }
            }

            /// Of both the narrower, limit by limit; one that only one of them has is that one's.
            #[must_use]
            pub fn narrower(self, other: Self) -> Self {
                Self { $($name: match (self.$name, other.$name) {
                    (Some(one), Some(other)) => Some(one.min(other)),
                    (one, other) => one.or(other),
                },)* }
            }

            /// With what stands where nothing is said.
            fn or_default(self) -> Self {
                Self { $($name: self.$name.or($default),)* }
            }

            /// What they come to, where nothing that the script `wished` for is more.
            pub(crate) fn plan(self, wished: Self) -> Limits {
                let all = self.or_default().narrower(wished);
                Limits { $($name: <$planned>::of(all.$name),)* }
            }
        }
    };
}

/// How the value of an option stands in a plan.
trait Planned<T> {
    fn of(given: Option<T>) -> Self;
}

impl Planned<Size> for u64 {
    fn of(given: Option<Size>) -> Self {
        given.map_or(Self::MAX, Size::bytes)
    }
}

impl Planned<Size> for Option<u64> {
    fn of(given: Option<Size>) -> Self {
        given.map(Size::bytes)
    }
}

impl Planned<Length> for Duration {
    fn of(given: Option<Length>) -> Self {
        given.map_or(Self::MAX, Length::get)
    }
}

impl Planned<Length> for Option<Duration> {
    fn of(given: Option<Length>) -> Self {
        given.map(Length::get)
    }
}

impl Planned<Self> for u32 {
    fn of(given: Option<Self>) -> Self {
        given.unwrap_or(Self::MAX)
    }
}

const fn mib(number: u64) -> Option<Size> {
    Some(Size::new(number << 20))
}

fn seconds(number: u64) -> Option<Length> {
    Some(Duration::from_secs(number).into())
}

limits! {
    /// The linear memory of a VU.
    #[schemars(extend("default" = "256MiB"))]
    memory_per_vu: Size => u64, mib(256);

    /// The linear memory of all VUs together, what is beyond the first 16 MiB of each. Half of it is shared out
    /// evenly among the VUs. Four fifths of what the machine has available when the run begins if it is left out.
    memory: Size => Option<u64>, None;

    /// Elements in all tables of a VU.
    #[schemars(range(min = 1, max = MOST), extend("default" = 100_000))]
    table_elements: u32 => u32, Some(100_000);

    /// Core instances in a VU's component, and as many memories and tables.
    #[schemars(range(min = 1, max = 100_000), extend("default" = 200))]
    instances: u32 => u32, Some(200);

    /// The stack of a VU's calls. A script's own options are asked for on it, so that they cannot make it smaller.
    #[schemars(extend("default" = "256KiB"))]
    stack: Size => u64, Some(Size::new(256 << 10));

    /// The time that a VU computes in one iteration, to some milliseconds.
    #[schemars(extend("exclusiveMinimum" = 0, "default" = "1m0s"))]
    cpu_time: Length => Duration, seconds(60);

    /// The time that a VU computes without asking the engine for anything, to some milliseconds.
    #[schemars(extend("exclusiveMinimum" = 0, "default" = "10s"))]
    cpu_between_calls: Length => Duration, seconds(10);

    /// The time that an iteration takes, waiting included. Without end if it is left out.
    #[schemars(extend("exclusiveMinimum" = 0))]
    iteration_time: Length => Option<Duration>, None;

    /// Calls of a VU into the engine in a second.
    #[schemars(range(min = 1, max = MOST), extend("default" = 1_000_000))]
    host_calls: u32 => u32, Some(1_000_000);

    /// Handles that a VU has at once: requests, responses, metrics, rows, streams.
    #[schemars(range(min = 1, max = MOST), extend("default" = 65_536))]
    handles: u32 => u32, Some(65_536);

    /// Bytes that a VU hands over in one call.
    #[schemars(extend("default" = "128MiB"))]
    call_bytes: Size => u64, mib(128);

    /// Messages of scripts that are shown in a second, of all VUs together. Those beyond it are left out and counted;
    /// no iteration fails for it.
    #[schemars(range(min = 1, max = MOST), extend("default" = 100))]
    log_lines: u32 => u32, Some(100);

    /// Bytes in the name or the value of a tag, in the name of a check and in that of a request.
    #[schemars(range(min = 16, max = 65_536), extend("default" = 1_024))]
    tag_length: u32 => u32, Some(1_024);

    /// Tags that a script gives one request or one sample.
    #[schemars(range(min = 1, max = 10_000), extend("default" = 50))]
    tags: u32 => u32, Some(50);

    /// Metrics of scripts' own, in all.
    #[schemars(range(min = 1, max = 100_000), extend("default" = 1_000))]
    metrics: u32 => u32, Some(1_000);

    /// Sets of tags that are told apart, in all metrics together. Samples beyond it are counted together; no iteration
    /// fails for it.
    #[schemars(range(min = 1, max = 1_000_000), extend("default" = 10_000))]
    series: u32 => u32, Some(10_000);

    /// Bytes of responses that a VU has at once.
    #[schemars(extend("default" = "256MiB"))]
    response_bytes: Size => u64, mib(256);

    /// Bytes of requests that a VU has at once: URLs, headers and bodies.
    #[schemars(extend("default" = "256MiB"))]
    request_bytes: Size => u64, mib(256);

    /// Bytes of datasets' rows that a VU has at once.
    #[schemars(extend("default" = "64MiB"))]
    row_bytes: Size => u64, mib(64);

    /// Bytes of WebSocket messages that a VU has at once.
    #[schemars(extend("default" = "256MiB"))]
    message_bytes: Size => u64, mib(256);

    /// WebSockets that a VU has open at once. One more is refused with an error that the script can handle.
    #[schemars(range(min = 1, max = 65_535), extend("default" = 255))]
    sockets: u32 => u32, Some(255);

    /// Requests that a VU has on their way at once. One more is refused with an error that the script can handle.
    #[schemars(range(min = 1, max = 100_000), extend("default" = 1_000))]
    requests_at_once: u32 => u32, Some(1_000);

    /// How often the script of a scenario may break, on all its VUs together: trap, or reach a limit. The scenario ends
    /// when it has done so once more, and the run has failed. Iterations that take too long do not count.
    #[schemars(range(min = 0, max = MOST), extend("default" = 10_000))]
    restarts: u32 => u32, Some(10_000);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Options, parse_json};

    fn limits(upper: &str, script: &str) -> Limits {
        let script = parse_json(script).expect("options").without_files();
        let options: Options = parse_json(upper).expect("options").over(script);
        options.plan().expect("a plan").limits
    }

    #[test]
    fn a_script_can_only_make_a_limit_narrower() {
        for (upper, script, expected, why) in [
            ("{}", "{}", 100_000, "the default"),
            ("{}", r#"{"limits":{"tableElements":7}}"#, 7, "narrower than the default"),
            ("{}", r#"{"limits":{"tableElements":200000}}"#, 100_000, "wider than the default"),
            (
                r#"{"limits":{"tableElements":300000}}"#,
                "{}",
                300_000,
                "whoever runs it may raise it",
            ),
            (
                r#"{"limits":{"tableElements":300000}}"#,
                r#"{"limits":{"tableElements":200000}}"#,
                200_000,
                "narrower than what whoever runs it allows",
            ),
            (
                r#"{"limits":{"tableElements":3}}"#,
                r#"{"limits":{"tableElements":200000}}"#,
                3,
                "wider than what whoever runs it allows",
            ),
        ] {
            assert_eq!(limits(upper, script).table_elements, expected, "{why}");
        }
        let both = limits(
            r#"{"limits":{"cpuTime":"2m"}}"#,
            r#"{"limits":{"memory":"1GiB","iterationTime":"5s"}}"#,
        );
        assert_eq!(both.cpu_time, Duration::from_secs(120));
        assert_eq!(both.memory, Some(1 << 30), "what nobody else limits");
        assert_eq!(both.iteration_time, Some(Duration::from_secs(5)));
    }

    #[test]
    fn the_limits_of_layers_are_combined_one_by_one() {
        let upper = parse_json(r#"{"limits":{"tags":3}}"#).expect("options");
        let lower = parse_json(r#"{"limits":{"tags":5,"handles":9}}"#).expect("options");
        let limits = upper.over(lower).limits.expect("limits");
        assert_eq!((limits.tags, limits.handles), (Some(3), Some(9)));
    }

    #[test]
    fn the_time_of_an_iteration_is_the_narrower_of_the_scenarios_and_the_limit() {
        let timeout = |options: &str| {
            let plan = parse_json(options).expect("options").plan().expect("a plan");
            plan.scenarios[0].life.iteration_timeout
        };
        let scenario = r#""scenarios":{"a":{"executor":"constant-vus","duration":"1m","iterationTimeout":"5s"}}"#;
        for (limit, expected) in [("3s", 3), ("9s", 5)] {
            let options = format!(r#"{{"limits":{{"iterationTime":"{limit}"}},{scenario}}}"#);
            assert_eq!(timeout(&options), Some(Duration::from_secs(expected)), "{limit}");
        }
        assert_eq!(timeout(r#"{"limits":{"iterationTime":"3s"}}"#), Some(Duration::from_secs(3)));
        assert_eq!(timeout("{}"), None);
    }

    #[test]
    fn a_script_that_wants_another_stack_is_told_that_it_has_no_say() {
        let script =
            parse_json(r#"{"limits":{"stack":"64KiB"}}"#).expect("options").without_files();
        let plan = Options::default().over(script).plan().expect("a plan");
        assert_eq!(plan.limits.stack, 256 << 10);
        assert_eq!(plan.warnings.len(), 1, "{:?}", plan.warnings);
    }

    #[test]
    fn what_is_no_limit_is_told_with_its_place() {
        let options = r#"{"limits":{"memoryPerVu":"lots","cpuTime":"0s","instances":0,"luck":1}}"#;
        let problems = parse_json(options).expect_err("it is wrong").to_string();
        for expected in [
            "limits.memoryPerVu: must be a number of bytes such as `64KiB`, `256MiB` or `2GiB`, but is `lots`",
            "limits.cpuTime: must be more than 0",
            "limits.instances: must be at least 1",
            "limits: unknown key `luck`",
        ] {
            assert!(problems.contains(expected), "{expected}: {problems}");
        }
    }
}
