//! How steeply something rises with time.

/// The line through points by least squares.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Slope {
    /// How much it rises by each unit.
    pub rise: f64,
    /// The standard error of that. Points that depend on those before them make it look smaller than it is.
    pub error: f64,
}

impl Slope {
    /// That of these points, each a place and a value; none if there are fewer than three, or all are at one place.
    pub fn of(points: &[(f64, f64)]) -> Option<Self> {
        let count = points.len() as f64;
        if points.len() < 3 {
            return None;
        }
        let mean = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / count;
        let (at, value) = (mean(|point| point.0), mean(|point| point.1));
        let spread: f64 = points.iter().map(|point| (point.0 - at).powi(2)).sum();
        if spread == 0.0 {
            return None;
        }
        let together: f64 = points.iter().map(|point| (point.0 - at) * (point.1 - value)).sum();
        let rise = together / spread;
        let left: f64 =
            points.iter().map(|point| (point.1 - value - rise * (point.0 - at)).powi(2)).sum();
        Some(Self { rise, error: (left / (count - 2.0) / spread).sqrt() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_its_rise_and_noise_has_an_error() {
        let line: Vec<_> = (0..10).map(f64::from).map(|at| (at, 3.0 + 2.0 * at)).collect();
        let slope = Slope::of(&line).expect("a slope");
        assert!((slope.rise - 2.0).abs() < 1e-9 && slope.error < 1e-9, "{slope:?}");
        // By hand: rise 0.2, residuals 0.2, -0.6, 0.6, -0.2; their squares 0.8 over 2 and a spread of 5.
        let noisy = Slope::of(&[(0.0, 0.0), (1.0, 1.0), (2.0, 0.0), (3.0, 1.0)]).expect("a slope");
        assert!((noisy.rise - 0.2).abs() < 1e-9, "{noisy:?}");
        assert!((noisy.error - (0.8_f64 / 2.0 / 5.0).sqrt()).abs() < 1e-9, "{noisy:?}");
        assert_eq!(Slope::of(&[(0.0, 1.0), (1.0, 1.0)]), None);
        assert_eq!(Slope::of(&[(1.0, 1.0); 5]), None);
    }
}
