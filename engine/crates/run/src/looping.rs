//! The closed model: a number of VUs that changes over time, each iterating while it is among them.

use std::collections::VecDeque;
use std::time::Duration;

use plan::VuStep;
use tokio::time::Instant;

use crate::rein::{Order, Rein};
use crate::source::{Look, Numbers, Source, Ticket};

/// Iterates as long as the VU is told to go.
pub(crate) struct Looping;

impl Source for Looping {
    const PAUSES: bool = true;

    fn look(&mut self, rein: &Rein, now: Instant) -> Look {
        match rein.order() {
            Order::Go if now < rein.until() => Look::Iterate,
            Order::Go | Order::Break => Look::Rest,
            Order::Leave | Order::Cut => Look::Leave,
        }
    }

    fn take(&mut self, numbers: &Numbers) -> Option<Ticket> {
        Some(Ticket { number: numbers.take(), due: None })
    }

    fn done(&mut self) {}
}

/// What is to be told to a VU, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cue {
    /// From the scenario's start.
    pub(crate) at: Duration,
    /// The VU's place in the scenario.
    pub(crate) vu: u32,
    pub(crate) order: CueOrder,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CueOrder {
    /// Iterate until this time from the scenario's start.
    Go(Duration),
    /// Drop an iteration that has run on since this time, when its VU was to rest.
    Break(Duration),
}

/// The cues for these VUs, in order of time.
///
/// VU `v` is at work while a step asks for more than `v`. The last step ends the scenario: what runs then is
/// the graceful stop's affair and has no cue.
///
/// `vus` are in ascending order. Those at work are always the first of them, so that each step touches
/// only the VUs it adds or takes away: a ramp to ten thousand has as many steps.
pub(crate) fn cues(steps: &[VuStep], graceful: Duration, vus: &[u32]) -> VecDeque<Cue> {
    let end = steps.last().map_or(Duration::ZERO, |step| step.at);
    let mut cues = Vec::new();
    // Since when each of the VUs at work has been there.
    let mut since: Vec<Duration> = Vec::new();
    let last = VuStep { at: end, vus: 0 };
    for step in steps.iter().chain([&last]) {
        let wanted = vus.partition_point(|vu| *vu < step.vus);
        for (vu, from) in vus.iter().zip(&since).skip(wanted) {
            cues.push(Cue { at: *from, vu: *vu, order: CueOrder::Go(step.at) });
            if step.at < end {
                let at = step.at.saturating_add(graceful);
                cues.push(Cue { at, vu: *vu, order: CueOrder::Break(step.at) });
            }
        }
        since.resize(wanted, step.at);
    }
    // Of one VU's cues at one time, that to break off comes before that to go again.
    cues.sort_by_key(|cue| (cue.at, cue.vu));
    cues.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(n: u64) -> Duration {
        Duration::from_secs(n)
    }

    #[test]
    fn a_vu_goes_while_a_step_asks_for_it_and_is_broken_off_when_a_ramp_has_left_it() {
        let steps = [(0, 1), (1, 2), (3, 1), (5, 2), (8, 0)]
            .map(|(at, vus)| VuStep { at: seconds(at), vus });
        let cue = |at, vu, order| Cue { at: seconds(at), vu, order };
        assert_eq!(
            cues(&steps, seconds(1), &[0, 1, 2]),
            [
                cue(0, 0, CueOrder::Go(seconds(8))),
                cue(1, 1, CueOrder::Go(seconds(3))),
                cue(4, 1, CueOrder::Break(seconds(3))),
                cue(5, 1, CueOrder::Go(seconds(8))),
            ]
        );
    }
}
