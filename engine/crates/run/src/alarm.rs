//! Waiting for a moment, more exactly than a runtime's timers do.
//!
//! tokio's timers fire on whole milliseconds. At 20,000 arrivals a second that would be a staircase: twenty
//! at once, then nothing. On Linux a timer of the system's own is used instead, which wakes the thread's
//! runtime like a socket, within some tens of microseconds and without spinning. Elsewhere, and where no
//! further file can be opened, tokio's timers have to do.

use tokio::time::Instant;

/// Waits for one moment after the other.
pub(crate) struct Alarm {
    #[cfg(target_os = "linux")]
    fine: Option<fine::Timer>,
}

impl Alarm {
    /// An alarm on the runtime's timers, which follow a paused clock.
    pub(crate) fn coarse() -> Self {
        Self {
            #[cfg(target_os = "linux")]
            fine: None,
        }
    }

    /// An alarm as exact as the system has one. To be made within a runtime.
    pub(crate) fn fine() -> Self {
        Self {
            #[cfg(target_os = "linux")]
            fine: fine::Timer::new().ok(),
        }
    }

    /// Waits until a moment; ready at once if it has passed.
    pub(crate) async fn until(&mut self, moment: Instant) {
        #[cfg(target_os = "linux")]
        if let Some(timer) = &mut self.fine
            && timer.until(moment).await.is_ok()
        {
            return;
        }
        tokio::time::sleep_until(moment).await;
    }
}

#[cfg(target_os = "linux")]
mod fine {
    use std::io;
    use std::os::fd::OwnedFd;

    use rustix::time::{
        Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
        timerfd_settime,
    };
    use tokio::io::Interest;
    use tokio::io::unix::AsyncFd;
    use tokio::time::Instant;

    /// A `timerfd(2)`.
    pub(super) struct Timer(AsyncFd<OwnedFd>);

    impl Timer {
        pub(super) fn new() -> io::Result<Self> {
            let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
            let timer = timerfd_create(TimerfdClockId::Monotonic, flags)?;
            #[expect(
                deprecated,
                reason = "unsound for types that misreport their file only, and its successor is unsafe; \
                          an `OwnedFd` reports the file that it owns"
            )]
            AsyncFd::with_interest(timer, Interest::READABLE).map(Self)
        }

        pub(super) async fn until(&mut self, moment: Instant) -> io::Result<()> {
            loop {
                let rest = moment.saturating_duration_since(Instant::now());
                if rest.is_zero() {
                    return Ok(());
                }
                // A length beyond what the system counts is as good as for ever.
                let spec = Itimerspec {
                    it_interval: Timespec::default(),
                    it_value: Timespec::try_from(rest)
                        .unwrap_or(Timespec { tv_sec: i64::MAX, tv_nsec: 0 }),
                };
                timerfd_settime(self.0.get_ref(), TimerfdTimerFlags::empty(), &spec)?;
                // Not read: setting it anew is what silences it. An earlier moment that nobody waited for
                // may have rung meanwhile, so the clock is looked at once more.
                self.0.readable().await?.clear_ready();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn no_alarm_rings_before_its_moment() {
        for mut alarm in [Alarm::coarse(), Alarm::fine()] {
            for micros in [0, 1, 300, 2_500] {
                let moment = Instant::now() + Duration::from_micros(micros);
                alarm.until(moment).await;
                assert!(Instant::now() >= moment, "{micros} µs");
            }
            // One that was not waited for does not ring for the next.
            let early = Instant::now() + Duration::from_micros(200);
            let _ = tokio::time::timeout(Duration::ZERO, alarm.until(early)).await;
            let late = Instant::now() + Duration::from_millis(5);
            alarm.until(late).await;
            assert!(Instant::now() >= late);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_coarse_alarm_follows_a_paused_clock() {
        let moment = Instant::now() + Duration::from_secs(3_600);
        Alarm::coarse().until(moment).await;
        assert_eq!(Instant::now(), moment);
    }
}
