//! How numbers are shown: k6's rules, so that a reader of k6's screen reads ours.
//!
//! Precision is lost by cutting, not by rounding, wherever rounding could turn a value into a better
//! one (99.999 % is not 100 %). k6 cuts the binary fraction and so prints 0.29 ms as 0.28 ms; here
//! times are cut in whole nanoseconds, the resolution they are measured in. Nothing here is for
//! machines: files have the numbers themselves.

use std::time::Duration;

use metrics::{Contains, Kind};

/// A value of a metric, in the metric's unit.
pub(crate) fn value(value: f64, kind: Kind, contains: Contains) -> String {
    match (kind, contains) {
        (Kind::Rate, _) => percent(value),
        (_, Contains::Time) => milliseconds(value),
        (_, Contains::Data) => bytes(value),
        (_, Contains::Default) => number(value),
    }
}

/// At most six decimals, without trailing zeros: `90`, `13.122179`.
pub(crate) fn number(value: f64) -> String {
    // Beyond it every digit is one of the binary representation. JavaScript's limit, hence k6's.
    if value.abs() >= 1e21 {
        return format!("{value:e}");
    }
    trimmed(format!("{value:.6}"))
}

/// A plain number read from a histogram, to four significant digits: what it says beyond them is where
/// its bucket ends, and a median of 7 should not read 7.000063.
pub(crate) fn estimate(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return number(value);
    }
    let decimals = 3 - value.abs().log10().floor() as i32;
    if decimals >= 0 {
        // Six decimals are the most that is shown.
        return number(
            trimmed(format!("{value:.*}", decimals.min(17) as usize)).parse().unwrap_or(value),
        );
    }
    let unit = 10_f64.powi(-decimals);
    number((value / unit).round() * unit)
}

/// A share from 0 to 1 as a percentage cut to two decimals: `99.99%`.
pub(crate) fn percent(share: f64) -> String {
    // A share is a quotient of two counts: 57 of 100 times 10,000 is 5,699.999999999999, and means
    // 5,700. The nudge is far smaller than one count of any run.
    let hundredths = (share * 10_000.0 * (1.0 + 4.0 * f64::EPSILON)).trunc();
    format!("{:.2}%", hundredths / 100.0)
}

/// Bytes, in units of 1,000: `0 B`, `719 B`, `4.9 kB`, `76 kB`.
///
/// One decimal below 10 of a unit, else none. Rounded, as k6 does.
pub(crate) fn bytes(bytes: f64) -> String {
    const UNITS: [&str; 9] = ["B", "kB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB"];
    let sign = if bytes < 0.0 { "-" } else { "" };
    let mut scaled = bytes.abs();
    let mut unit = 0;
    // 999.5 and more would be printed as 1,000 of a unit.
    while scaled >= 999.5 && unit + 1 < UNITS.len() {
        scaled /= 1_000.0;
        unit += 1;
    }
    let tenths = (scaled * 10.0 + 0.5).floor() / 10.0;
    let shown = if tenths >= 10.0 {
        format!("{}", scaled.round())
    } else if unit == 0 {
        trimmed(format!("{tenths:.1}"))
    } else {
        format!("{tenths:.1}")
    };
    format!("{sign}{shown} {}", UNITS[unit])
}

/// A length of time given in milliseconds: `0s`, `850ns`, `12.5µs`, `148.21ms`, `1.5s`, `2m5s`,
/// `1h0m5s`.
///
/// Cut to two decimals below a minute, to seconds from there on.
pub(crate) fn milliseconds(milliseconds: f64) -> String {
    let sign = if milliseconds < 0.0 { "-" } else { "" };
    // The conversion saturates: no value overflows.
    let nanoseconds = (milliseconds.abs() * 1e6).round() as u128;
    let cut = |unit: u128| {
        let hundredths = nanoseconds * 100 / unit;
        trimmed(format!("{}.{:02}", hundredths / 100, hundredths % 100))
    };
    let shown = match nanoseconds {
        0 => return "0s".to_owned(),
        1..1_000 => format!("{nanoseconds}ns"),
        1_000..1_000_000 => format!("{}µs", cut(1_000)),
        1_000_000..1_000_000_000 => format!("{}ms", cut(1_000_000)),
        1_000_000_000..60_000_000_000 => format!("{}s", cut(1_000_000_000)),
        _ => {
            let seconds = nanoseconds / 1_000_000_000;
            let (hours, minutes) = (seconds / 3_600, seconds / 60 % 60);
            let hours = if hours > 0 { format!("{hours}h") } else { String::new() };
            format!("{hours}{minutes}m{}s", seconds % 60)
        }
    };
    format!("{sign}{shown}")
}

/// A planned length of time: `500ms`, `40s`, `1m30s`, `10m0s`, `1h0m0s`.
pub(crate) fn duration(duration: Duration) -> String {
    milliseconds(duration.as_secs_f64() * 1e3)
}

/// A length of time as wide as `longest` would be, for what changes in place: `03.0s` of `10s`,
/// `00m03.0s` of `10m0s`, `0h00m03.0s` of `1h0m0s`.
pub(crate) fn clock(elapsed: Duration, longest: Duration) -> String {
    let tenths = elapsed.as_millis() / 100;
    let (seconds, tenth) = (tenths / 10, tenths % 10);
    let (hours, minutes) = (seconds / 3_600, seconds / 60 % 60);
    let longest = longest.max(elapsed).as_secs();
    if longest >= 3_600 {
        let width = digits(longest / 3_600);
        format!("{hours:0width$}h{minutes:02}m{:02}.{tenth}s", seconds % 60)
    } else if longest >= 60 {
        let width = digits(longest / 60);
        format!("{minutes:0width$}m{:02}.{tenth}s", seconds % 60)
    } else {
        let width = digits(longest);
        format!("{seconds:0width$}.{tenth}s")
    }
}

/// How many digits a number has.
pub(crate) fn digits(number: u64) -> usize {
    number.checked_ilog10().map_or(1, |log| log as usize + 1)
}

/// `1 request`, `2 requests`.
pub(crate) fn counted(count: u64, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

/// A decimal number without the zeros at its end.
fn trimmed(decimal: String) -> String {
    let short = match decimal.contains('.') {
        true => decimal.trim_end_matches('0').trim_end_matches('.'),
        false => &decimal,
    };
    if short == "-0" { "0".to_owned() } else { short.to_owned() }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn times_are_shown_as_k6_shows_them() {
        for (given, shown, why) in [
            (0.0, "0s", "nothing has no unit of its own"),
            (0.000_000_4, "0s", "less than is measured"),
            (0.000_001, "1ns", "the smallest there is"),
            (0.000_999, "999ns", "nanoseconds are whole"),
            (0.001, "1µs", "no trailing zeros"),
            (0.0125, "12.5µs", "one decimal where one says it"),
            (0.012_999, "12.99µs", "cut, not rounded"),
            (0.29, "290µs", "decimal, not binary"),
            (0.999_999, "999.99µs", "never rounded up into the next unit"),
            (1.0, "1ms", "the next unit"),
            (1.29, "1.29ms", "k6 would say 1.28"),
            (148.219, "148.21ms", "cut"),
            (999.999, "999.99ms", "never rounded up into the next unit"),
            (1_000.0, "1s", "the next unit"),
            (1_500.0, "1.5s", "a second and a half"),
            (59_999.9, "59.99s", "almost a minute"),
            (60_000.0, "1m0s", "a minute"),
            (90_500.0, "1m30s", "seconds are whole from a minute on"),
            (3_599_999.0, "59m59s", "almost an hour"),
            (3_600_000.0, "1h0m0s", "an hour"),
            (7_384_000.0, "2h3m4s", "all three"),
            (360_000_000.0, "100h0m0s", "hours are not folded into days"),
            (-1.5, "-1.5ms", "a script may record what it likes"),
        ] {
            assert_eq!(milliseconds(given), shown, "{why}");
        }
        assert_eq!(duration(Duration::from_secs(600)), "10m0s");
        assert_eq!(duration(Duration::from_millis(500)), "500ms");
    }

    #[test]
    fn bytes_are_shown_as_k6_shows_them() {
        for (given, shown, why) in [
            (0.0, "0 B", "none"),
            (5.0, "5 B", "bytes are whole"),
            (3.571_428, "3.6 B", "unless they are a rate"),
            (9.96, "10 B", "rounded into two digits"),
            (719.0, "719 B", "below the first unit"),
            (999.6, "1.0 kB", "never 1,000 of a unit"),
            (1_000.0, "1.0 kB", "units of 1,000, and one decimal below 10"),
            (4_949.0, "4.9 kB", "rounded"),
            (9_960.0, "10 kB", "rounded into two digits"),
            (76_200.0, "76 kB", "no decimal from 10 on"),
            (519_000.0, "519 kB", "three digits"),
            (999_950.0, "1.0 MB", "never 1,000 of a unit"),
            (1e6, "1.0 MB", "exactly one"),
            (1.5e9, "1.5 GB", "and so on"),
            (2e12, "2.0 TB", "and so on"),
            (1e27, "1000 YB", "the last unit"),
            (-2_500.0, "-2.5 kB", "a script may record what it likes"),
        ] {
            assert_eq!(bytes(given), shown, "{why}");
        }
    }

    #[test]
    fn percentages_are_cut_to_two_decimals() {
        for (trues, total, shown, why) in [
            (0, 45, "0.00%", "none"),
            (90, 90, "100.00%", "all"),
            (99_999, 100_000, "99.99%", "almost all is not all"),
            (57, 100, "57.00%", "decimal, not binary"),
            (29, 100, "29.00%", "decimal, not binary"),
            (2, 3, "66.66%", "cut, not rounded"),
            (1, 1_000_000, "0.00%", "too little to show"),
        ] {
            assert_eq!(percent(f64::from(trues) / f64::from(total)), shown, "{why}");
        }
    }

    #[test]
    fn plain_numbers_have_at_most_six_decimals() {
        for (given, shown, why) in [
            (0.0, "0", "none"),
            (-0.0, "0", "no negative zero"),
            (-0.000_000_1, "0", "no negative zero"),
            (90.0, "90", "a count"),
            (13.122_179_4, "13.122179", "six decimals"),
            (6.561_090, "6.56109", "without trailing zeros"),
            (1_200.0, "1200", "zeros before the point stay"),
            (9_007_199_254_740_992.0, "9007199254740992", "a large count"),
            (1e21, "1e21", "digits that say nothing are left out"),
            (-2.5, "-2.5", "below zero"),
        ] {
            assert_eq!(number(given), shown, "{why}");
        }
    }

    #[test]
    fn what_a_histogram_says_has_four_digits() {
        for (given, shown) in [
            (0.0, "0"),
            (7.000_063, "7"),
            (12.500_991, "12.5"),
            (0.123_456, "0.1235"),
            (999.96, "1000"),
            (1_234.56, "1235"),
            (123_456.0, "123500"),
            (-12.344_9, "-12.34"),
            (0.000_000_1, "0"),
        ] {
            assert_eq!(estimate(given), shown);
        }
    }

    #[test]
    fn values_are_shown_by_what_they_stand_for() {
        for (kind, contains, shown) in [
            (Kind::Rate, Contains::Default, "1250.00%"),
            (Kind::Trend, Contains::Time, "12.5ms"),
            (Kind::Counter, Contains::Data, "13 B"),
            (Kind::Gauge, Contains::Default, "12.5"),
        ] {
            assert_eq!(value(12.5, kind, contains), shown);
        }
    }

    #[test]
    fn a_clock_is_as_wide_as_it_will_get() {
        let seconds = Duration::from_secs;
        for (elapsed, longest, shown) in [
            (seconds(3), seconds(5), "3.0s"),
            (seconds(3), seconds(10), "03.0s"),
            (Duration::from_millis(3_190), seconds(10), "03.1s"),
            (seconds(3), seconds(60), "0m03.0s"),
            (seconds(3), seconds(600), "00m03.0s"),
            (seconds(63), seconds(3_600), "0h01m03.0s"),
            (seconds(12), seconds(10), "12.0s"),
            (seconds(75), seconds(10), "1m15.0s"),
        ] {
            assert_eq!(clock(elapsed, longest), shown);
        }
    }

    #[test]
    fn one_has_no_plural() {
        assert_eq!(
            [0, 1, 2].map(|count| counted(count, "request")),
            ["0 requests", "1 request", "2 requests"]
        );
    }

    proptest! {
        #[test]
        fn any_number_can_be_shown(value in proptest::num::f64::ANY, seconds in any::<u32>()) {
            for shown in [number(value), estimate(value), percent(value), bytes(value), milliseconds(value)] {
                prop_assert!(!shown.is_empty());
            }
            let clock = clock(Duration::from_secs(u64::from(seconds)), Duration::from_secs(10));
            prop_assert!(clock.ends_with('s'));
        }

        #[test]
        fn a_clock_keeps_its_width(longest in 1_u64..1_000_000, parts in 0.0..1.0) {
            let longest = Duration::from_secs(longest);
            let (now, end) = (clock(longest.mul_f64(parts), longest), clock(longest, longest));
            prop_assert_eq!(now.len(), end.len());
        }
    }
}
