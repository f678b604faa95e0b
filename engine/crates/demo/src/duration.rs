//! Reads and prints durations as people write them: `20ms`, `1.4s`, `2m`.

use std::time::Duration;

/// The longest duration a fault may have.
///
/// No client waits an hour; and a bound keeps every sum of durations here far from overflow.
pub(crate) const LONGEST: Duration = Duration::from_secs(3600);

/// Each unit and its length in seconds; `ms` stands before `m` and `s` so that it is found first.
const UNITS: [(&str, f64); 6] =
    [("ms", 1e-3), ("us", 1e-6), ("ns", 1e-9), ("s", 1.0), ("m", 60.0), ("h", 3600.0)];

/// Reads one number with its unit.
///
/// Fails with what is wrong, for people, if it is none, has no unit, is negative or is over [`LONGEST`].
pub(crate) fn parse(text: &str) -> Result<Duration, String> {
    let Some((number, unit)) =
        UNITS.iter().find_map(|&(name, unit)| Some((text.strip_suffix(name)?, unit)))
    else {
        return Err(match text.parse::<f64>() {
            Ok(_) => format!("`{text}` has no unit, as in `{text}ms`"),
            Err(_) => format!("`{text}` is not a duration such as `20ms` or `1.4s`"),
        });
    };
    let Some(number) = number.parse::<f64>().ok().filter(|number| number.is_finite()) else {
        return Err(format!("`{text}` is not a duration such as `20ms` or `1.4s`"));
    };
    match Duration::try_from_secs_f64(number * unit) {
        Ok(duration) if duration <= LONGEST => Ok(duration),
        Err(_) if number < 0.0 => Err(format!("`{text}` is negative")),
        Ok(_) | Err(_) => Err(format!("`{text}` is longer than an hour")),
    }
}

/// Prints a duration in the largest unit that leaves no fraction, as [`parse`] reads it.
pub(crate) fn print(duration: Duration) -> String {
    let nanoseconds = duration.as_nanos();
    for (unit, length) in [("s", 1_000_000_000), ("ms", 1_000_000), ("us", 1_000)] {
        if nanoseconds.is_multiple_of(length) {
            return format!("{}{unit}", nanoseconds / length);
        }
    }
    format!("{nanoseconds}ns")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn durations_are_read_as_people_write_them() {
        for (text, expected) in [
            ("5ms", Duration::from_millis(5)),
            ("1.4s", Duration::from_millis(1_400)),
            ("250us", Duration::from_micros(250)),
            ("2m", Duration::from_secs(120)),
            ("1h", LONGEST),
            ("0s", Duration::ZERO),
        ] {
            assert_eq!(parse(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_duration_is_refused_with_the_reason() {
        for (text, reason) in [
            ("20", "`20` has no unit, as in `20ms`"),
            ("soon", "`soon` is not a duration such as `20ms` or `1.4s`"),
            ("ms", "`ms` is not a duration such as `20ms` or `1.4s`"),
            ("-1s", "`-1s` is negative"),
            ("2h", "`2h` is longer than an hour"),
            ("NaNs", "`NaNs` is not a duration such as `20ms` or `1.4s`"),
        ] {
            assert_eq!(parse(text), Err(reason.to_owned()), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_printed_is_read_back(nanoseconds in 0..=3_600_000_000_000_u64) {
            let duration = Duration::from_nanos(nanoseconds);
            prop_assert_eq!(parse(&print(duration)), Ok(duration));
        }
    }
}
