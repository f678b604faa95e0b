//! What texts may look like.
//!
//! Each has a regular expression, for editors, and a function that says the same, for here: nothing
//! else in this crate would need an engine for regular expressions.

use crate::{Length, Size};

/// A way a text may look.
pub(crate) struct Pattern {
    /// As the schema has it.
    pub(crate) regex: &'static str,
    /// Whether a text looks so.
    pub(crate) matches: fn(&str) -> bool,
    /// What is demanded, after "must".
    pub(crate) demand: &'static str,
}

/// All there are, besides that of a [`Length`].
pub(crate) const ALL: [&Pattern; 7] =
    [&SCENARIO_NAME, &ENV_NAME, &HEADER_VALUE, &DELIMITER, &TTL, &SIZE, &METHOD];

/// The name of a scenario; k6's.
pub(crate) const SCENARIO_NAME: Pattern = Pattern {
    regex: "^[0-9a-zA-Z_-]+$",
    matches: |text| {
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
        !text.is_empty() && text.chars().all(fits)
    },
    demand: "be a name of letters, digits, `_` and `-`",
};

/// The name of an environment variable; k6's.
pub(crate) const ENV_NAME: Pattern = Pattern {
    regex: "^[a-zA-Z_][a-zA-Z0-9_]*$",
    matches: |text| {
        let fits = |c: char| c.is_ascii_alphanumeric() || c == '_';
        text.chars().all(fits) && text.starts_with(|c: char| !c.is_ascii_digit())
    },
    demand: "be a name of letters, digits and `_` that does not start with a digit",
};

/// What a header can carry without a question.
pub(crate) const HEADER_VALUE: Pattern = Pattern {
    regex: "^[ -~]+$",
    matches: |text| !text.is_empty() && text.chars().all(|c| matches!(c, ' '..='~')),
    demand: "be printable ASCII characters, at least one",
};

/// The name of a dataset looks as a scenario's.
pub(crate) const DATASET_NAME: Pattern = SCENARIO_NAME;

/// What may separate the fields of a CSV row: what is not part of the format otherwise.
pub(crate) const DELIMITER: Pattern = Pattern {
    regex: "^[\\t !#-~]$",
    matches: |text| matches!(text.as_bytes(), [b'\t' | b' ' | b'!' | b'#'..=b'~']),
    demand: "be one ASCII character and no quote",
};

/// A method of HTTP, as it is sent: methods in capitals are all that are used (RFC 9110 §16.1 has others, too).
pub(crate) const METHOD: Pattern = Pattern {
    regex: "^[A-Z][A-Z0-9_-]*$",
    matches: |text| {
        let fits = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || matches!(c, '_' | '-');
        text.starts_with(|c: char| c.is_ascii_uppercase()) && text.chars().all(fits)
    },
    demand: "be a method in capitals, such as `GET`",
};

/// How long an answer about a name is used; k6's.
pub(crate) const TTL: Pattern = Pattern {
    regex: r"^(inf|0|(([0-9]+\.?[0-9]*|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h|d))+)$",
    matches: |text| {
        // A number alone is milliseconds elsewhere, which nobody means here.
        let has_unit = text.ends_with(|c: char| c.is_ascii_alphabetic());
        matches!(text, "inf" | "0") || has_unit && text.parse::<Length>().is_ok()
    },
    demand: "be a duration such as `5m`, `0` or `inf`",
};

/// A number of bytes.
pub(crate) const SIZE: Pattern = Pattern {
    regex: "^[1-9][0-9]{0,11}(B|KiB|MiB|GiB)$",
    matches: |text| text.parse::<Size>().is_ok(),
    demand: "be a number of bytes such as `64KiB`, `256MiB` or `2GiB`",
};

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::LengthError;

    #[test]
    fn what_a_pattern_refuses_is_refused() {
        for (pattern, text) in [
            (&SCENARIO_NAME, ""),
            (&SCENARIO_NAME, "a b"),
            (&SCENARIO_NAME, "a.b"),
            (&SCENARIO_NAME, "é"),
            (&SCENARIO_NAME, "a\n"),
            (&ENV_NAME, ""),
            (&ENV_NAME, "1A"),
            (&ENV_NAME, "A-B"),
            (&ENV_NAME, "A=B"),
            (&ENV_NAME, "é"),
            (&HEADER_VALUE, ""),
            (&HEADER_VALUE, "a\r\nb: c"),
            (&HEADER_VALUE, "\u{7f}"),
            (&HEADER_VALUE, "é"),
            (&DELIMITER, ""),
            (&DELIMITER, ",,"),
            (&DELIMITER, "\""),
            (&DELIMITER, "\n"),
            (&DELIMITER, "é"),
            (&METHOD, ""),
            (&METHOD, "get"),
            (&METHOD, "GE T"),
            (&METHOD, "GET\r\n"),
            (&TTL, ""),
            (&TTL, "5"),
            (&TTL, "-5s"),
            (&TTL, "infinite"),
            (&SIZE, ""),
            (&SIZE, "64"),
            (&SIZE, "0MiB"),
            (&SIZE, "1.5GiB"),
        ] {
            assert!(!(pattern.matches)(text), "{} refuses {text:?}", pattern.regex);
        }
    }

    fn texts(pattern: &Pattern) -> impl Strategy<Value = String> + use<> {
        proptest::string::string_regex(pattern.regex.trim_matches(['^', '$'])).unwrap()
    }

    proptest! {
        #[test]
        fn what_a_pattern_allows_is_allowed(
            scenario in texts(&SCENARIO_NAME),
            variable in texts(&ENV_NAME),
            value in texts(&HEADER_VALUE),
            delimiter in texts(&DELIMITER),
            ttl in texts(&TTL),
            size in texts(&SIZE),
            method in texts(&METHOD),
        ) {
            prop_assert!((SCENARIO_NAME.matches)(&scenario), "{scenario:?}");
            prop_assert!((ENV_NAME.matches)(&variable), "{variable:?}");
            prop_assert!((HEADER_VALUE.matches)(&value), "{value:?}");
            prop_assert!((METHOD.matches)(&method), "{method:?}");
            prop_assert!((DELIMITER.matches)(&delimiter), "{delimiter:?}");
            prop_assert!((SIZE.matches)(&size), "{size:?}");
            // One may be too long to be held; that is another matter than what it looks like.
            let is_read = (TTL.matches)(&ttl) || ttl.parse::<Length>() == Err(LengthError::TooLong);
            prop_assert!(is_read, "{ttl:?}");
        }
    }
}
