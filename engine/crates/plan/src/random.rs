//! Chance that can be repeated.

/// Numbers that look like chance, the same for the same seed on every machine and in every version.
///
/// SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", 2014). Nothing that
/// must not be guessed may come from it.
#[derive(Clone, Debug)]
pub struct SplitMix64(u64);

impl SplitMix64 {
    /// Returns the numbers of a seed, from the first.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number.
    pub fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number from 0 to 1, without 1, all multiples of 2⁻⁵³ alike.
    pub fn unit(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// A number of the exponential distribution with mean 1, by inversion.
    pub fn exponential(&mut self) -> f64 {
        -(1.0 - self.unit()).ln()
    }

    /// A number of the normal distribution with mean 0 and deviation 1 (Box and Muller, 1958).
    pub fn normal(&mut self) -> f64 {
        let radius = (2.0 * self.exponential()).sqrt();
        radius * (std::f64::consts::TAU * self.unit()).cos()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_those_of_the_published_generator() {
        let mut random = SplitMix64::new(1_234_567);
        let expected = [6_457_827_717_110_365_317, 3_203_168_211_198_807_973];
        assert_eq!([random.next_u64(), random.next_u64()], expected);
    }

    #[test]
    fn numbers_have_the_mean_and_the_spread_of_their_distribution() {
        let mut random = SplitMix64::new(1);
        let mut of = |draw: fn(&mut SplitMix64) -> f64| {
            let all: Vec<f64> = (0..100_000).map(|_| draw(&mut random)).collect();
            let mean = all.iter().sum::<f64>() / all.len() as f64;
            let variance = all.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / all.len() as f64;
            (mean, variance)
        };
        // Standard errors are below 0.01; the seed is fixed, so this holds or does not, for ever.
        for (draw, mean, variance) in [
            (SplitMix64::unit as fn(&mut SplitMix64) -> f64, 0.5, 1.0 / 12.0),
            (SplitMix64::exponential, 1.0, 1.0),
            (SplitMix64::normal, 0.0, 1.0),
        ] {
            let found = of(draw);
            assert!(
                (found.0 - mean).abs() < 0.02 && (found.1 - variance).abs() < 0.03,
                "{found:?}"
            );
        }
    }
}
