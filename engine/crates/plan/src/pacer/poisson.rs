//! Moments by chance: a Poisson process.

use std::time::Duration;

use super::{Curve, Pacer};
use crate::random::SplitMix64;

/// Iterations that come by chance, as of many people who know nothing of each other, at the rate that a
/// [`Curve`] says on average.
///
/// The distances between neighbours, measured in iterations that the curve asks for, are independent and
/// exponential with mean 1: their sums, put through the curve, are a Poisson process of its rate (the
/// time-change theorem; Devroye, "Non-Uniform Random Variate Generation", 1986, VI.1.3). The same seed gives
/// the same moments, on every machine.
#[derive(Clone, Debug)]
pub struct PoissonPacer<C> {
    curve: C,
    seed: u64,
}

impl<C: Curve> PoissonPacer<C> {
    /// Returns a pacer with the rate of `curve` and the chance of `seed`.
    pub fn new(curve: C, seed: u64) -> Self {
        Self { curve, seed }
    }

    fn moments(&self) -> impl Iterator<Item = Duration> {
        let mut random = SplitMix64::new(self.seed);
        let mut sum = 0.0;
        std::iter::from_fn(move || {
            sum += random.exponential();
            self.curve.reached(sum)
        })
    }
}

impl<C: Curve> Pacer for PoissonPacer<C> {
    /// Takes time in proportion to `n`; [`arrivals`](Pacer::arrivals) does not.
    fn due(&self, n: u64) -> Option<Duration> {
        self.moments().nth(usize::try_from(n).ok()?)
    }

    fn arrivals(&self, first: u64, step: u64) -> Box<dyn Iterator<Item = (u64, Duration)> + '_> {
        // Each agent makes the moments of all: a sum is what each of them is, and costs nanoseconds.
        let own = move |n: u64| n >= first && (n - first).is_multiple_of(step.max(1));
        Box::new((0_u64..).zip(self.moments()).filter(move |(n, _)| own(*n)))
    }

    fn rate(&self, elapsed: Duration) -> f64 {
        self.curve.rate(elapsed)
    }

    fn corners(&self) -> Vec<Duration> {
        self.curve.corners()
    }

    /// The mean; what comes of a seed differs by about its square root.
    fn total(&self) -> f64 {
        self.curve.total()
    }

    fn seed(&self) -> Option<u64> {
        Some(self.seed)
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::*;
    use crate::{ConstantPacer, RampingPacer};

    const SECOND: Duration = Duration::from_secs(1);

    fn constant(rate: u32, seconds: u32) -> ConstantPacer {
        ConstantPacer::new(NonZeroU32::new(rate).unwrap(), SECOND, SECOND * seconds)
    }

    fn all(pacer: &dyn Pacer) -> Vec<Duration> {
        pacer.arrivals(0, 1).map(|(_, due)| due).collect()
    }

    #[test]
    fn the_same_seed_gives_the_same_moments_and_another_others() {
        let of = |seed| all(&PoissonPacer::new(constant(100, 10), seed));
        assert_eq!(of(1), of(1));
        assert_ne!(of(1), of(2));
    }

    #[test]
    fn moments_are_in_order_within_the_time_and_as_many_as_the_rate_says() {
        let ramp = RampingPacer::new(0, [(SECOND * 100, 200)], SECOND);
        for (pacer, mean) in [
            (Box::new(PoissonPacer::new(constant(100, 100), 7)) as Box<dyn Pacer>, 10_000.0_f64),
            (Box::new(PoissonPacer::new(ramp, 7)), 10_000.0),
        ] {
            let all = all(&*pacer);
            assert!(all.is_sorted());
            assert!(all.last().is_some_and(|last| *last < SECOND * 100));
            // Six standard deviations: the seed is fixed, so this holds or does not, for ever.
            assert!((all.len() as f64 - mean).abs() < 6.0 * mean.sqrt(), "{}", all.len());
            assert_eq!(pacer.due(5), Some(all[5]));
        }
    }

    #[test]
    fn distances_are_exponential() {
        let moments = all(&PoissonPacer::new(constant(1_000, 100), 3));
        let distances: Vec<f64> =
            moments.windows(2).map(|two| (two[1] - two[0]).as_secs_f64() * 1_000.0).collect();
        // The share beyond each distance x is e^−x.
        for x in [0.1, 0.5, 1.0, 2.0, 4.0_f64] {
            let beyond = distances.iter().filter(|distance| **distance > x).count();
            let share = beyond as f64 / distances.len() as f64;
            assert!((share - (-x).exp()).abs() < 0.01, "{share} beyond {x}");
        }
    }

    #[test]
    fn agents_together_start_each_iteration_once() {
        let pacer = PoissonPacer::new(constant(50, 10), 9);
        for agents in 1..5 {
            let mut started: Vec<_> =
                (0..agents).flat_map(|agent| pacer.arrivals(agent, agents)).collect();
            started.sort_unstable();
            assert_eq!(started, pacer.arrivals(0, 1).collect::<Vec<_>>());
        }
    }
}
