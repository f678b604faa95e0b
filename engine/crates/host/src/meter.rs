//! How much of its time, and how many calls into the host, a script has used.

use std::sync::Arc;
use std::time::Duration;

use crate::engine::EPOCH;
use crate::limits::{Limit, Limits, Reached};

/// What a script has used in the call that runs.
#[derive(Debug)]
pub(crate) struct Meter {
    limits: Arc<Limits>,
    /// Epochs in which it was seen to compute.
    computed: u64,
    /// Those of them since the last call into the host.
    since_call: u64,
    /// Calls into the host, in all.
    calls: u64,
    /// How many there were when it was looked at last.
    calls_seen: u64,
    /// The second that is counted: when it began, in epochs, and the calls there were then.
    second: u64,
    calls_then: u64,
}

impl Meter {
    pub(crate) fn new(limits: Arc<Limits>) -> Self {
        Self {
            limits,
            computed: 0,
            since_call: 0,
            calls: 0,
            calls_seen: 0,
            second: 0,
            calls_then: 0,
        }
    }

    /// The script is called.
    pub(crate) fn begin_call(&mut self) {
        (self.computed, self.since_call) = (0, 0);
    }

    /// The script calls into the host.
    pub(crate) fn has_called(&mut self) {
        self.calls += 1;
    }

    /// Looks how many calls there were, at this epoch.
    ///
    /// Fails with [`Reached`] if they are too many for a second.
    pub(crate) fn count_calls(&mut self, now: u64) -> Result<(), Reached> {
        let a_second = epochs(Duration::from_secs(1));
        let passed = now.saturating_sub(self.second);
        let most = self.limits.host_calls;
        // It is looked at when it happens to compute, which may be seldom.
        let allowed = u64::from(most).saturating_mul(passed.max(a_second)) / a_second;
        if self.calls - self.calls_then > allowed {
            let how =
                format!("the script makes more than {most} calls into the engine in a second");
            return Err(Limit::HostCalls.reached(how));
        }
        if passed >= a_second {
            (self.second, self.calls_then) = (now, self.calls);
        }
        Ok(())
    }

    /// The script has computed for so many epochs.
    ///
    /// Fails with [`Reached`] if that is too long.
    pub(crate) fn has_computed(&mut self, ticks: u64) -> Result<(), Reached> {
        self.computed += ticks;
        self.since_call = if self.calls == self.calls_seen { self.since_call + ticks } else { 0 };
        self.calls_seen = self.calls;
        let Limits { cpu_time, cpu_between_calls, .. } = *self.limits;
        if self.computed > epochs(cpu_time) {
            let how = format!("the script has computed for {cpu_time:?} in one call");
            return Err(Limit::CpuTime.reached(how));
        }
        if self.since_call > epochs(cpu_between_calls) {
            let how = format!(
                "the script has computed for {cpu_between_calls:?} without asking the engine for anything"
            );
            return Err(Limit::CpuBetweenCalls.reached(how));
        }
        Ok(())
    }
}

/// How many epochs a time has.
fn epochs(time: Duration) -> u64 {
    u64::try_from(time.as_nanos() / EPOCH.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meter() -> Meter {
        Meter::new(Arc::new(Limits {
            cpu_time: Duration::from_millis(100),
            cpu_between_calls: Duration::from_millis(50),
            host_calls: 10,
            ..Limits::default()
        }))
    }

    fn limit(result: Result<(), Reached>) -> Option<Limit> {
        result.err().map(|reached| reached.limit)
    }

    #[test]
    fn time_is_counted_by_the_call_and_since_the_last_call_into_the_host() {
        let mut meter = meter();
        assert_eq!(limit(meter.has_computed(50)), None);
        assert_eq!(limit(meter.has_computed(1)), Some(Limit::CpuBetweenCalls));
        meter.has_called();
        assert_eq!(limit(meter.has_computed(49)), None, "a hundred in all");
        meter.has_called();
        assert_eq!(limit(meter.has_computed(1)), Some(Limit::CpuTime));
        meter.begin_call();
        assert_eq!(limit(meter.has_computed(50)), None);
    }

    #[test]
    fn calls_are_counted_by_the_second() {
        let mut meter = meter();
        let mut call = |times: u32, now| {
            (0..times).for_each(|_| meter.has_called());
            limit(meter.count_calls(now))
        };
        assert_eq!(call(10, 1_000), None);
        assert_eq!(call(10, 2_000), None, "another second");
        assert_eq!(call(30, 5_000), None, "three of them");
        assert_eq!(call(10, 5_500), None);
        assert_eq!(call(1, 5_990), Some(Limit::HostCalls));
    }
}
