//! The one scenario that options without scenarios stand for.

use std::num::{NonZeroU32, NonZeroU64};

use crate::executor::max_duration;
use crate::{
    AnyExecutor, Arrivals, ConstantArrivalRate, ConstantVus, Length, Problems, RampingVus,
    SharedIterations, Stage,
};

/// VUs made ahead and VUs at most, in tenths of a second and in seconds of a rate: an iteration that takes
/// a tenth of a second finds a VU at once, and one that takes a second finds one at all.
const AHEAD: u32 = 10;
/// The fewest VUs made ahead of a rate, and the most at all, where their number is not given. Arbitrary.
const FEW: u32 = 10;
const MANY: u32 = 10_000;

/// What stands at the top of the options instead of scenarios.
pub(crate) struct Shortcut {
    pub(crate) vus: Option<u32>,
    pub(crate) duration: Option<Length>,
    pub(crate) iterations: Option<u64>,
    pub(crate) stages: Option<Vec<Stage>>,
    pub(crate) rate: Option<u32>,
}

/// The executor that it stands for; what cannot stand together is a problem.
pub(crate) fn executor(shortcut: &Shortcut, problems: &mut Problems) -> AnyExecutor {
    let Shortcut { vus: given_vus, duration, iterations, stages, rate } = shortcut;
    // Zeros have been told of by now.
    let vus = given_vus.and_then(NonZeroU32::new).unwrap_or(NonZeroU32::MIN);
    let mut alone = |key: &str, others: &[(&str, bool)]| {
        for (other, _) in others.iter().filter(|(_, given)| *given) {
            problems.push(*other, format!("cannot be given together with `{key}`"));
        }
    };
    let (has_duration, has_iterations) = (duration.is_some(), iterations.is_some());
    if let Some(stages) = stages {
        let others =
            [("duration", has_duration), ("iterations", has_iterations), ("rate", rate.is_some())];
        alone("stages", &others);
        return AnyExecutor::RampingVus(RampingVus {
            start_vus: given_vus.unwrap_or(1),
            stages: stages.clone(),
            graceful_ramp_down: crate::options::graceful_stop(),
        });
    }
    if let Some(rate) = rate {
        alone("rate", &[("iterations", has_iterations)]);
        if duration.is_none() {
            problems.push("duration", "is missing: `rate` is asked for until then");
        }
        let rate = NonZeroU32::new(*rate).unwrap_or(NonZeroU32::MIN);
        let ahead = given_vus.unwrap_or((rate.get() / AHEAD).clamp(FEW, MANY));
        let most = ahead.max(rate.get().min(MANY));
        return AnyExecutor::ConstantArrivalRate(ConstantArrivalRate {
            rate,
            time_unit: std::time::Duration::from_secs(1).into(),
            duration: duration.unwrap_or_default(),
            arrivals: Arrivals::of(
                NonZeroU32::new(ahead).unwrap_or(NonZeroU32::MIN),
                NonZeroU32::new(most).unwrap_or(NonZeroU32::MIN),
            ),
        });
    }
    match (iterations, duration) {
        (None, Some(duration)) => {
            AnyExecutor::ConstantVus(ConstantVus { vus, duration: *duration })
        }
        (iterations, duration) => AnyExecutor::SharedIterations(SharedIterations {
            vus,
            iterations: match iterations {
                Some(given) => NonZeroU64::new(*given).unwrap_or(vus.into()),
                None => vus.into(),
            },
            max_duration: duration.unwrap_or_else(max_duration),
        }),
    }
}
