//! The contract counts time in milliseconds, the engine in [`Duration`]s. Only this file knows both.

use std::time::Duration;

/// Longer than any run; keeps sums of times far from overflow.
const A_YEAR: Duration = Duration::from_secs(365 * 24 * 3600);

/// Milliseconds of the contract.
pub(crate) fn milliseconds(length: Duration) -> f64 {
    length.as_secs_f64() * 1e3
}

/// A length that a script asked for: zero if it is negative or not a number, a year if it is longer.
pub(crate) fn duration(milliseconds: f64) -> Duration {
    if milliseconds.is_nan() || milliseconds <= 0.0 {
        return Duration::ZERO;
    }
    Duration::try_from_secs_f64(milliseconds / 1e3).map_or(A_YEAR, |length| length.min(A_YEAR))
}

/// Waits at most so long, in the contract's unit; without a timeout, as long as it takes.
pub(crate) async fn within<T>(timeout: Option<f64>, wait: impl Future<Output = T>) -> Option<T> {
    match timeout {
        None => Some(wait.await),
        Some(timeout) => tokio::time::timeout(duration(timeout), wait).await.ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_is_a_thousand_of_the_contracts_units_both_ways() {
        assert_eq!(milliseconds(Duration::from_secs(1)), 1_000.0);
        assert_eq!(duration(1_000.0), Duration::from_secs(1));
    }

    #[test]
    fn a_length_no_clock_can_hold_is_brought_into_range() {
        for (asked, got) in [
            (-1.0, Duration::ZERO),
            (f64::NAN, Duration::ZERO),
            (f64::NEG_INFINITY, Duration::ZERO),
            (f64::INFINITY, A_YEAR),
            (1e300, A_YEAR),
            (0.5, Duration::from_micros(500)),
        ] {
            assert_eq!(duration(asked), got, "{asked} ms");
        }
    }
}
