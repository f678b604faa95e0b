//! How throughput grows with load: the Universal Scalability Law.
//!
//! It fits a handful of points that somebody measured; it measures nothing.

/// A fit of the Universal Scalability Law.
///
/// ```text
/// X(N) = λ N / (1 + σ (N − 1) + κ N (N − 1))
///
/// N   how many work at a time
/// X   their throughput together
/// λ   the throughput of one
/// σ   contention: the share of the work that only one can do at a time
/// κ   crosstalk: what each pays to agree with each other
/// ```
///
/// Source: N. J. Gunther, *Guerrilla Capacity Planning*, Springer 2007, ch. 5 and 6.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Usl {
    /// λ, per second.
    pub lambda: f64,
    /// σ, at least 0.
    pub sigma: f64,
    /// κ, at least 0.
    pub kappa: f64,
    /// R²: which share of the variance of the throughput the law explains; 1 where it meets every point, and
    /// negative where their mean says more.
    pub r_squared: f64,
}

/// What was measured at a load.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LoadPoint {
    /// N, how many work at a time: more than 0.
    pub concurrency: f64,
    /// X, their throughput per second: more than 0.
    pub throughput: f64,
}

impl Usl {
    /// Fits the law to what was measured; `None` where fewer than three loads differ.
    ///
    /// With `y = N / X` the law is a polynomial, `y = a + b (N − 1) + c N (N − 1)`, where `λ = 1/a`,
    /// `σ = b/a` and `κ = c/a`. It is fitted by least squares of relative errors, and where a coefficient
    /// would be negative, which no system can be, without it.
    pub fn fit(points: &[LoadPoint]) -> Option<Self> {
        let points: Vec<_> = points
            .iter()
            .copied()
            .filter(|point| is_positive(point.concurrency) && is_positive(point.throughput))
            .collect();
        let mut loads: Vec<_> = points.iter().map(|point| point.concurrency).collect();
        loads.sort_by(f64::total_cmp);
        loads.dedup();
        if loads.len() < 3 {
            return None;
        }
        let fitted = |used| {
            fit_with(&points, used)
                .filter(|[a, b, c]| *a > 0.0 && *b >= 0.0 && *c >= 0.0)
                .map(|coefficients| Self::of(coefficients, &points))
        };
        fitted([true, true]).or_else(|| {
            [[true, false], [false, true], [false, false]]
                .into_iter()
                .filter_map(fitted)
                .max_by(|one, other| one.r_squared.total_cmp(&other.r_squared))
        })
    }

    fn of([a, b, c]: [f64; 3], points: &[LoadPoint]) -> Self {
        let mut fit = Self { lambda: 1.0 / a, sigma: b / a, kappa: c / a, r_squared: 1.0 };
        let mean = points.iter().map(|point| point.throughput).sum::<f64>() / points.len() as f64;
        let squares = |of: &dyn Fn(&LoadPoint) -> f64| {
            points.iter().map(|point| (point.throughput - of(point)).powi(2)).sum::<f64>()
        };
        let (missed, spread) =
            (squares(&|point| fit.throughput(point.concurrency)), squares(&|_| mean));
        if spread > 0.0 {
            fit.r_squared = 1.0 - missed / spread;
        }
        fit
    }

    /// The throughput it predicts where so many work at a time.
    pub fn throughput(&self, concurrency: f64) -> f64 {
        let n = concurrency;
        self.lambda * n / (1.0 + self.sigma * (n - 1.0) + self.kappa * n * (n - 1.0))
    }

    /// Where throughput is highest, `N = √((1 − σ) / κ)`: more than so many at a time get less done. `None`
    /// where it predicts no such peak.
    pub fn peak(&self) -> Option<LoadPoint> {
        let concurrency = ((1.0 - self.sigma) / self.kappa).sqrt();
        (concurrency.is_finite() && concurrency >= 1.0)
            .then(|| LoadPoint { concurrency, throughput: self.throughput(concurrency) })
    }
}

fn is_positive(value: f64) -> bool {
    value.is_finite() && value > 0.0
}

/// `a`, `b` and `c` by weighted least squares, those of `b` and `c` that are not used being 0; `None` where
/// the points do not tell them apart.
fn fit_with(points: &[LoadPoint], used: [bool; 2]) -> Option<[f64; 3]> {
    // Larger loads would drown the others in rounding.
    let scale = points.iter().map(|point| point.concurrency).fold(1.0, f64::max);
    let mut normal = [[0.0; 4]; 3];
    for LoadPoint { concurrency: n, throughput } in points {
        let y = n / throughput;
        let row = [1.0, (n - 1.0) / scale, n * (n - 1.0) / (scale * scale)];
        for i in 0..3 {
            for j in 0..3 {
                normal[i][j] += row[i] * row[j] / (y * y);
            }
            normal[i][3] += row[i] / y;
        }
    }
    for (place, used) in (1..).zip(used) {
        if !used {
            normal[place] = [0.0; 4];
            for row in &mut normal {
                row[place] = 0.0;
            }
            normal[place][place] = 1.0;
        }
    }
    let [a, b, c] = solve(normal)?;
    Some([a, b / scale, c / (scale * scale)])
}

/// Solves three linear equations by elimination with pivots; `None` where they say too little.
fn solve(mut rows: [[f64; 4]; 3]) -> Option<[f64; 3]> {
    for column in 0..3 {
        let pivot = (column..3)
            .max_by(|a, b| rows[*a][column].abs().total_cmp(&rows[*b][column].abs()))
            .unwrap_or(column);
        rows.swap(column, pivot);
        let largest = rows[column].iter().fold(0.0_f64, |most, value| most.max(value.abs()));
        if rows[column][column].abs() <= largest * 1e-12 {
            return None;
        }
        for other in 0..3 {
            if other != column {
                let pivot = rows[column];
                let factor = rows[other][column] / pivot[column];
                for (value, above) in rows[other].iter_mut().zip(pivot) {
                    *value -= factor * above;
                }
            }
        }
    }
    Some([0, 1, 2].map(|place| rows[place][3] / rows[place][place]))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn points(law: Usl, loads: &[u32]) -> Vec<LoadPoint> {
        let point = |&load: &u32| LoadPoint {
            concurrency: load.into(),
            throughput: law.throughput(load.into()),
        };
        loads.iter().map(point).collect()
    }

    fn law(lambda: f64, sigma: f64, kappa: f64) -> Usl {
        Usl { lambda, sigma, kappa, r_squared: 1.0 }
    }

    #[test]
    fn the_peak_is_where_more_get_less_done() {
        let law = law(1_000.0, 0.02, 0.0005);
        let peak = law.peak().unwrap();
        assert_eq!(peak.concurrency.round(), 44.0, "√(0.98 / 0.0005)");
        assert!(law.throughput(43.0) < peak.throughput && law.throughput(46.0) < peak.throughput);
    }

    #[test]
    fn what_only_contends_has_no_peak() {
        let fit = Usl::fit(&points(law(50.0, 0.1, 0.0), &[1, 2, 4, 8, 16])).unwrap();
        assert!((fit.sigma - 0.1).abs() < 1e-6 && fit.kappa < 1e-9, "{fit:?}");
        assert_eq!(Usl { kappa: 0.0, ..fit }.peak(), None);
    }

    #[test]
    fn three_loads_are_the_least_that_say_anything() {
        let law = law(1_000.0, 0.02, 0.0005);
        assert!(Usl::fit(&points(law, &[1, 2, 4])).is_some());
        for (loads, why) in
            [(&[][..], "none"), (&[1, 2][..], "two"), (&[3, 3, 3, 3][..], "one, measured often")]
        {
            assert_eq!(Usl::fit(&points(law, loads)), None, "{why}");
        }
        let idle = LoadPoint { concurrency: 9.0, throughput: 0.0 };
        assert_eq!(Usl::fit(&[idle; 5]), None, "nothing was done");
    }

    #[test]
    fn better_than_linear_is_taken_for_linear() {
        let point = |n: f64| LoadPoint { concurrency: n, throughput: 10.0 * n.powf(1.1) };
        let fit = Usl::fit(&[point(1.0), point(2.0), point(4.0), point(8.0)]).unwrap();
        assert_eq!((fit.sigma, fit.kappa, fit.peak()), (0.0, 0.0, None));
        assert!(fit.r_squared > 0.9, "{fit:?}");
    }

    proptest! {
        #[test]
        fn it_finds_the_law_that_made_the_points(
            lambda in 0.1..100_000.0,
            sigma in 0.0..0.5,
            kappa in 0.0..0.01,
        ) {
            let made = law(lambda, sigma, kappa);
            let fit = Usl::fit(&points(made, &[1, 2, 4, 8, 16, 32, 64])).unwrap();
            prop_assert!((fit.lambda / lambda - 1.0).abs() < 1e-6, "{fit:?}");
            prop_assert!((fit.sigma - sigma).abs() < 1e-6, "{fit:?}");
            prop_assert!((fit.kappa - kappa).abs() < 1e-6, "{fit:?}");
            prop_assert!(fit.r_squared > 0.999_999);
        }

        #[test]
        fn no_points_make_it_say_nonsense(
            measured in prop::collection::vec((0.01..100_000.0, 0.01..100_000.0), 0..20),
        ) {
            let points: Vec<_> = measured
                .into_iter()
                .map(|(concurrency, throughput)| LoadPoint { concurrency, throughput })
                .collect();
            if let Some(fit) = Usl::fit(&points) {
                prop_assert!(fit.lambda > 0.0 && fit.sigma >= 0.0 && fit.kappa >= 0.0);
                if let Some(peak) = fit.peak() {
                    prop_assert!(peak.concurrency >= 1.0 && peak.throughput > 0.0);
                }
            }
        }
    }
}
