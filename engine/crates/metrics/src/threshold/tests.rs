use proptest::prelude::*;

use super::*;

#[test]
fn thresholds_are_read_as_k6_reads_them() {
    use Method::*;
    use Operator::*;
    for (text, method, operator, value, why) in [
        ("p(95)<500", Percentile(95.0), Less, 500.0, "the common one"),
        ("p(99.9) <= 1500.5", Percentile(99.9), LessOrEqual, 1500.5, "fractions"),
        ("p(0)>0", Percentile(0.0), Greater, 0.0, "the least percentile"),
        ("p(100)<1", Percentile(100.0), Less, 1.0, "the greatest"),
        ("p(1e1)<1", Percentile(10.0), Less, 1.0, "any form of number in it"),
        ("rate>=0.99", Rate, GreaterOrEqual, 0.99, "not `>`, then `=0.99`"),
        ("count==10", Count, Equal, 10.0, "equal"),
        ("count===10", Count, Equal, 10.0, "equal, as JavaScript has it"),
        ("count!=0", Count, NotEqual, 0.0, "not equal"),
        ("  avg \t<\n 20  ", Avg, Less, 20.0, "white space does not matter"),
        ("min>1", Min, Greater, 1.0, "a minimum"),
        ("max<1", Max, Less, 1.0, "a maximum"),
        ("med<1", Med, Less, 1.0, "a median"),
        ("value<-5", Value, Less, -5.0, "a negative number"),
        ("value<+5", Value, Less, 5.0, "a sign that says nothing"),
        ("value<1e3", Value, Less, 1000.0, "an exponent"),
        ("value<.5", Value, Less, 0.5, "no digit before the point"),
        ("value<5.", Value, Less, 5.0, "none after it"),
        ("value<Inf", Value, Less, f64::INFINITY, "k6 takes infinity"),
        ("value>-infinity", Value, Greater, f64::NEG_INFINITY, "the other one too"),
    ] {
        let found = Threshold::parse(text).unwrap_or_else(|error| panic!("{why}: {error}"));
        assert_eq!((found.method, found.operator, found.value), (method, operator, value), "{why}");
        assert_eq!((&*found.source, found.abort_on_fail), (text, false));
    }
}

#[test]
fn what_is_no_threshold_says_where_and_why() {
    for (text, offset, expected) in [
        ("", 0, "an operator"),
        ("p(95)", 5, "an operator"),
        ("p(95) 500 ", 9, "an operator"),
        ("p(95)=500", 9, "an operator"),
        ("<500", 0, "one of `count`"),
        ("  p95<500", 2, "instead of `p95`"),
        ("P(95)<500", 0, "instead of `P(95)`"),
        ("mean<500", 0, "instead of `mean`"),
        ("rate>1<=2", 0, "instead of `rate>1`"),
        ("p()<1", 2, "from 0 to 100 instead of ``"),
        (" p( 95 )<1", 3, "from 0 to 100 instead of ` 95 `"),
        ("p(101)<1", 2, "from 0 to 100 instead of `101`"),
        ("p(-1)<1", 2, "from 0 to 100"),
        ("p(NaN)<1", 2, "from 0 to 100"),
        ("p(95)<", 6, "a number after the `<`"),
        ("p(95)< 500ms", 7, "times are in milliseconds"),
        ("p(95)<=5s", 7, "times are in milliseconds"),
        ("avg<fast", 4, "a number instead of `fast`"),
        ("avg<NaN", 4, "a number in range instead of `NaN`"),
        ("avg<1e999", 4, "a number in range"),
        ("count====1", 8, "a number instead of `=1`"),
        ("avg<5 ms", 6, "without a unit) instead of `ms`"),
        ("avg<5 within 30s", 6, "`over` or `for`, as in `over 30s for 60s`, instead of `within`"),
        ("avg<5 30s", 6, "`over` or `for`"),
        ("avg<5over 30s", 4, "a plain number"),
        ("avg<over 30s", 4, "a number instead of `over`"),
        ("avg<5 over", 10, "up to `168h`, after `over`"),
        ("avg<5 for  ", 9, "up to `168h`, after `for`"),
        ("avg<5 over for 30s", 11, "instead of `for`"),
        (
            "avg<5 over 30",
            11,
            "whole seconds, such as `30s` or `1h30m`, up to `168h`, instead of `30`",
        ),
        ("avg<5 over 500ms", 11, "instead of `500ms`"),
        ("avg<5 over 1.5m", 11, "instead of `1.5m`"),
        ("avg<5 over 0s", 11, "instead of `0s`"),
        ("avg<5 over 30s1m", 11, "instead of `30s1m`"),
        ("avg<5 over -3s", 11, "instead of `-3s`"),
        ("avg<5 over 169h", 11, "up to `168h`"),
        ("avg<5 over 99999999999999999999s", 11, "up to `168h`"),
        ("avg<5 over 9999999999999999h", 11, "up to `168h`"),
        ("avg<5 over 30s over 1m", 15, "`over` once"),
        ("avg<5 over 30s for 1m and", 22, "`over` or `for`"),
    ] {
        let error = Threshold::parse(text).unwrap_err();
        assert_eq!(error.offset, offset, "{text}: {error}");
        assert!(error.expected.contains(expected), "{text}: {error}");
    }
    assert_eq!(
        Threshold::parse("p(95)<500ms").unwrap_err().to_string(),
        "expected a plain number (times are in milliseconds, without a unit) instead of `500ms` \
         at byte 6 of `p(95)<500ms`"
    );
}

#[test]
fn over_and_for_are_lengths_behind_the_number() {
    let seconds = |n: Option<u64>| n.map(Duration::from_secs);
    for (text, over, lasting, window, why) in [
        ("p(95)<500", None, None, 1, "neither, as k6's"),
        ("p(95)<500 over 30s", Some(30), None, 30, "a window"),
        ("rate<0.01 for 60s", None, Some(60), 1, "a time on end, each second by itself"),
        ("avg<5 over 30s for 1m", Some(30), Some(60), 30, "both"),
        ("avg<5 for 1m over 30s", Some(30), Some(60), 30, "the other way round"),
        (" avg < 5 \t over\n1h2m3s ", Some(3_723), None, 3_723, "white space does not matter"),
        ("avg<5 over 90m", Some(5_400), None, 5_400, "more minutes than an hour has"),
        ("avg<5 over 168h", Some(604_800), None, 604_800, "the longest"),
    ] {
        let found = Threshold::parse(text).unwrap_or_else(|error| panic!("{why}: {error}"));
        assert_eq!((found.over, found.lasting), (seconds(over), seconds(lasting)), "{why}");
        assert_eq!(found.window(), Duration::from_secs(window), "{why}");
        assert_eq!(found.is_windowed(), over.or(lasting).is_some(), "{why}");
        assert_eq!(found.source, text);
    }
}

#[test]
fn each_kind_has_its_methods() {
    use Kind::*;
    for (text, kinds) in [
        ("count<1", &[Counter][..]),
        ("rate<1", &[Counter, Rate]),
        ("value<1", &[Gauge]),
        ("avg<1", &[Trend]),
        ("min<1", &[Trend]),
        ("max<1", &[Trend]),
        ("med<1", &[Trend]),
        ("p(5)<1", &[Trend]),
    ] {
        let method = Threshold::parse(text).unwrap().method;
        for kind in [Counter, Gauge, Rate, Trend] {
            assert_eq!(method.fits(kind), kinds.contains(&kind), "{method} of a {kind}");
        }
    }
}

#[test]
fn operators_compare_as_they_are_written() {
    for (text, below, equal, above) in [
        ("value<2", true, false, false),
        ("value<=2", true, true, false),
        ("value>2", false, false, true),
        ("value>=2", false, true, true),
        ("value==2", false, true, false),
        ("value===2", false, true, false),
        ("value!=2", true, false, true),
    ] {
        let threshold = Threshold::parse(text).unwrap();
        let found = [1.0, 2.0, 3.0].map(|observed| threshold.holds(observed));
        assert_eq!(found, [below, equal, above], "{text}");
    }
}

#[test]
fn a_run_is_aborted_only_where_asked_and_after_the_delay() {
    let seconds = Duration::from_secs;
    for (abort_on_fail, delay, elapsed, aborts, why) in [
        (false, None, 9, false, "it was not asked for"),
        (true, None, 0, true, "at once"),
        (true, Some(10), 9, false, "too early"),
        (true, Some(10), 10, false, "k6: the delay is to be over"),
        (true, Some(10), 11, true, "it is over"),
        (false, Some(10), 11, false, "a delay asks for nothing"),
    ] {
        let mut threshold = Threshold::parse("rate<1").unwrap();
        threshold.abort_on_fail = abort_on_fail;
        threshold.delay_abort_eval = delay.map(seconds);
        assert_eq!(threshold.aborts(seconds(elapsed)), aborts, "{why}");
    }
}

fn method() -> impl Strategy<Value = Method> {
    prop_oneof![
        Just(Method::Count),
        Just(Method::Rate),
        Just(Method::Value),
        Just(Method::Avg),
        Just(Method::Min),
        Just(Method::Max),
        Just(Method::Med),
        (0.0..=100.0).prop_map(Method::Percentile),
    ]
}

proptest! {
    #[test]
    fn what_is_written_is_read_again(
        method in method(),
        operator in proptest::sample::select(OPERATORS.map(|(_, operator)| operator).to_vec()),
        value in proptest::num::f64::NORMAL | proptest::num::f64::ZERO | proptest::num::f64::INFINITE,
        space in "[ \t]{0,2}",
        over in proptest::option::of(1..604_800_u64),
        lasting in proptest::option::of(1..604_800_u64),
    ) {
        let clause = |name, length: Option<u64>| match length {
            Some(seconds) => format!(" {name}{space} {}m{}s", seconds / 60, seconds % 60),
            None => String::new(),
        };
        let clauses = clause("over", over) + &clause("for", lasting);
        let text = format!("{space}{method}{space}{operator}{space}{value}{clauses}{space}");
        let found = Threshold::parse(&text).unwrap();
        prop_assert_eq!(found.over.map(|length| length.as_secs()), over);
        prop_assert_eq!(found.lasting.map(|length| length.as_secs()), lasting);
        prop_assert_eq!((found.method, found.operator, found.value), (method, operator, value));
        prop_assert_eq!(found.source, text);
    }

    #[test]
    fn no_text_breaks_the_parser(
        text in "\\PC{0,20}|p\\(\\PC{0,5}\\)<\\PC{0,5}|avg<5 (over|for) [0-9hms\\PC]{0,9}",
    ) {
        if let Err(error) = Threshold::parse(&text) {
            prop_assert!(error.offset <= text.len());
            prop_assert!(text.is_char_boundary(error.offset));
        }
    }
}
