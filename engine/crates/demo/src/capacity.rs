//! How many requests the shop can serve, and what becomes of the rest.
//!
//! A queue after Kendall's M/D/c, less the M: c workers, each of which needs the same time for any
//! request, and one line before them, first come, first served. Below `workers / service` requests a
//! second it is hardly noticed; from there on throughput is flat, the line grows, and once it is full
//! requests are turned away with 503. That bend is the knee which a breakpoint search looks for.

use std::collections::VecDeque;
use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;
use std::time::Duration;

use crate::duration;
use crate::faults::FaultError;

/// The most workers, and the longest line: beyond any load one machine makes, and 16 MiB of memory each.
const MOST: u32 = 1_000_000;

/// The line's length where none is given: arbitrary; a full one is a wait of some seconds at usual rates.
const USUAL_QUEUE: u32 = 1_000;

/// The most requests that are served at once, and how long each takes.
///
/// As text: `8 workers 20ms` or `8 workers 20ms queue 100`; here 400 requests a second. A request whose
/// client has gone is served all the same, as servers do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capacity {
    /// How many requests are served at once.
    pub workers: NonZeroU32,
    /// How long each takes a worker; more than zero.
    pub service: Duration,
    /// How many may wait for a worker; the next is answered with 503 at once.
    pub queue: u32,
}

impl Capacity {
    /// The most requests a second that it can serve.
    pub fn per_second(&self) -> f64 {
        f64::from(self.workers.get()) / self.service.as_secs_f64()
    }
}

impl FromStr for Capacity {
    type Err = FaultError;

    fn from_str(text: &str) -> Result<Self, FaultError> {
        let problem = |reason: String| FaultError::new("capacity", reason);
        let words: Vec<_> = text.split_whitespace().collect();
        let (workers, service, queue) = match words[..] {
            [workers, "worker" | "workers", service] => (workers, service, None),
            [workers, "worker" | "workers", service, "queue", queue] => {
                (workers, service, Some(queue))
            }
            _ => {
                return Err(problem(format!(
                    "`{text}` is not `8 workers 20ms` or `8 workers 20ms queue 100`"
                )));
            }
        };
        let count = |text: &str| text.parse().ok().filter(|&number: &u32| number <= MOST);
        Ok(Self {
            workers: count(workers).and_then(NonZeroU32::new).ok_or_else(|| {
                problem(format!("`{workers}` is not a number of workers, 1 to {MOST}"))
            })?,
            service: match duration::parse(service).map_err(problem)? {
                Duration::ZERO => {
                    return Err(problem(format!("`{service}` is no time to serve a request in")));
                }
                service => service,
            },
            queue: queue.map_or(Ok(USUAL_QUEUE), |queue| {
                count(queue)
                    .ok_or_else(|| problem(format!("`{queue}` is not a length, 0 to {MOST}")))
            })?,
        })
    }
}

impl fmt::Display for Capacity {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { workers, service, queue } = self;
        write!(out, "{workers} workers {} queue {queue}", duration::print(*service))
    }
}

/// The workers and the line before them, as a reckoning: nothing waits here.
///
/// That all need the same time makes it short. Requests end in the order in which they begin, so the
/// worker who is free first is always the one at the front.
#[derive(Debug)]
pub(crate) struct Line {
    capacity: Capacity,
    /// When each worker is free, earliest first; those who never worked are not in it.
    free: VecDeque<Duration>,
    /// When each request that has to wait begins, earliest first.
    waiting: VecDeque<Duration>,
}

impl Line {
    pub(crate) fn new(capacity: Capacity) -> Self {
        Self { capacity, free: VecDeque::new(), waiting: VecDeque::new() }
    }

    /// When a request that arrives now is served; nothing if the line is full.
    ///
    /// `now` must not decrease from one call to the next.
    pub(crate) fn admit(&mut self, now: Duration) -> Option<Duration> {
        while self.waiting.front().is_some_and(|&begin| begin <= now) {
            self.waiting.pop_front();
        }
        let all_have_worked = self.free.len() >= self.capacity.workers.get() as usize;
        let begin = match self.free.front() {
            Some(&free) if all_have_worked => now.max(free),
            _ => now,
        };
        if begin > now {
            if self.waiting.len() >= self.capacity.queue as usize {
                return None;
            }
            self.waiting.push_back(begin);
        }
        if all_have_worked {
            self.free.pop_front();
        }
        let end = begin + self.capacity.service;
        self.free.push_back(end);
        Some(end)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn line(text: &str) -> Line {
        Line::new(text.parse().unwrap())
    }

    fn admitted(line: &mut Line, milliseconds: u64) -> Option<u64> {
        let end = line.admit(Duration::from_millis(milliseconds))?;
        Some(end.as_millis().try_into().unwrap())
    }

    #[test]
    fn a_free_worker_serves_at_once_and_the_rest_wait_in_order() {
        let mut line = line("2 workers 10ms queue 3");
        let ends = [0, 0, 0, 1, 2].map(|now| admitted(&mut line, now));
        assert_eq!(ends, [Some(10), Some(10), Some(20), Some(20), Some(30)]);
        assert_eq!(admitted(&mut line, 3), None, "three wait, and the line holds three");
        assert_eq!(admitted(&mut line, 10), Some(30), "two have begun meanwhile");
        assert_eq!(admitted(&mut line, 100), Some(110), "all is over");
    }

    #[test]
    fn without_a_queue_the_request_over_the_workers_is_turned_away() {
        let mut line = line("1 worker 10ms queue 0");
        assert_eq!(admitted(&mut line, 0), Some(10));
        assert_eq!(admitted(&mut line, 9), None);
        assert_eq!(admitted(&mut line, 10), Some(20));
    }

    #[test]
    fn throughput_saturates_at_the_capacity() {
        // 4 workers of 20 ms: 200/s. Offered for 10 s, how many are served within them?
        for (offered_per_second, served) in
            [(100, 1_000), (199, 1_990), (400, 2_000), (5_000, 2_000)]
        {
            let mut line = line("4 workers 20ms queue 1000000");
            assert_eq!(line.capacity.per_second(), 200.0);
            let end = Duration::from_secs(10);
            let ends = (0..10 * offered_per_second)
                .filter_map(|n| line.admit(Duration::from_secs(1) * n / offered_per_second))
                .filter(|&served| served <= end + Duration::from_millis(20))
                .count();
            // Those that had begun when time was up, one a worker, may be beyond it.
            assert!(ends.abs_diff(served) <= 4, "{offered_per_second}/s: {ends}");
        }
    }

    proptest! {
        #[test]
        fn no_more_than_the_workers_are_ever_busy_and_no_more_than_the_queue_wait(
            workers in 1..5_u32, queue in 0..5_u32, gaps in prop::collection::vec(0..15_u64, 1..200),
        ) {
            let mut line = line(&format!("{workers} workers 10ms queue {queue}"));
            let service = line.capacity.service;
            let (mut now, mut served) = (Duration::ZERO, Vec::new());
            for gap in gaps {
                now += Duration::from_millis(gap);
                if let Some(end) = line.admit(now) {
                    prop_assert!(end >= now + service);
                    served.push(end);
                }
                let busy = served.iter().filter(|&&end| end - service <= now && now < end).count();
                let wait = served.iter().filter(|&&end| end - service > now).count();
                prop_assert!(busy <= workers as usize, "{busy} are busy");
                prop_assert!(wait <= queue as usize, "{wait} wait");
                prop_assert!(wait == 0 || busy == workers as usize, "one waits beside a free worker");
            }
        }
    }
}
