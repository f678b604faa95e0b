//! Which samples a threshold is about.

use std::borrow::Cow;
use std::fmt;

use crate::registry::is_metric_name;

/// A metric, or the part of it whose series have some tags: `http_reqs` or `http_reqs{status:200}`.
///
/// ```text
/// selector -> metric ("{" tag ("," tag)* "}")?
/// tag      -> key ":" value
/// ```
///
/// It is k6's syntax: spaces around a key or a value are dropped, and so are quotes; a value may have
/// colons, but no comma. Unlike k6, a key cannot be given twice, for no series could have both values.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Selector {
    /// The metric's name.
    pub metric: String,
    /// The tags that series must have, in the order given; empty for all series.
    pub tags: Vec<(String, String)>,
}

/// Why a text is not a selector.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected {expected} at byte {offset} of `{text}`")]
pub struct SelectorError {
    /// The text that was to be read.
    pub text: String,
    /// The byte in it where it goes wrong.
    pub offset: usize,
    /// What should have been there.
    pub expected: String,
}

impl Selector {
    /// Reads a selector.
    ///
    /// Fails with [`SelectorError`] where the text is none.
    pub fn parse(text: &str) -> Result<Self, SelectorError> {
        let fail = |offset: usize, expected: &str| {
            Err(SelectorError { text: text.to_owned(), offset, expected: expected.to_owned() })
        };
        let (metric, braced) = match text.split_once('{') {
            Some((metric, braced)) => (metric, Some(braced)),
            None => (text, None),
        };
        let name = metric.trim();
        if !is_metric_name(name) {
            return fail(0, "a metric's name, such as `http_reqs` or `http_reqs{status:200}`,");
        }
        let mut selector = Self { metric: name.to_owned(), tags: Vec::new() };
        let Some(braced) = braced else { return Ok(selector) };
        let Some(inner) = braced.trim_end().strip_suffix('}') else {
            return fail(text.len(), "a `}` to end the tags");
        };

        let mut offset = metric.len() + 1;
        for tag in inner.split(',') {
            let Some((key, value)) = tag.split_once(':') else {
                return fail(offset, "a tag of the form `key:value`");
            };
            let (key, value_offset) = (unquoted(key), offset + key.len() + 1);
            let value = unquoted(value);
            if key.is_empty() {
                return fail(offset, "a tag's key before the `:`");
            }
            if value.is_empty() {
                return fail(value_offset, "a tag's value after the `:`");
            }
            if selector.tags.iter().any(|(earlier, _)| earlier == key) {
                return fail(offset, &format!("each tag once, but `{key}` is there again,"));
            }
            selector.tags.push((key.to_owned(), value.to_owned()));
            offset += tag.len() + 1;
        }
        Ok(selector)
    }
}

/// What k6 makes of a key or a value: no spaces around it, then no quotes.
fn unquoted(text: &str) -> &str {
    text.trim().trim_matches(['"', '\''])
}

/// What [`unquoted`] makes the same of.
fn quoted(text: &str) -> Cow<'_, str> {
    if text.trim() == text { text.into() } else { format!("\"{text}\"").into() }
}

/// Writes it as it is read.
impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.metric)?;
        for (place, (key, value)) in self.tags.iter().enumerate() {
            let before = if place == 0 { '{' } else { ',' };
            write!(f, "{before}{}:{}", quoted(key), quoted(value))?;
        }
        if self.tags.is_empty() { Ok(()) } else { f.write_str("}") }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_selector_is_a_metric_and_perhaps_tags() {
        for (text, metric, tags, why) in [
            ("http_reqs", "http_reqs", &[][..], "a whole metric"),
            ("http_reqs{status:200}", "http_reqs", &[("status", "200")], "a part of one"),
            ("ab{c:d,e:f}", "ab", &[("c", "d"), ("e", "f")], "two tags"),
            ("ab{ c : d , e: f }", "ab", &[("c", "d"), ("e", "f")], "spaces do not matter"),
            ("ab{c:\"d e\",'f':g}", "ab", &[("c", "d e"), ("f", "g")], "quotes are dropped"),
            ("ab{group:::outer::inner}", "ab", &[("group", "::outer::inner")], "k6's groups"),
            ("ab{url:http://x/}", "ab", &[("url", "http://x/")], "colons in a value"),
            ("ab{name:a{b}c}", "ab", &[("name", "a{b}c")], "braces in a value"),
            ("ab{c:\" d\"}", "ab", &[("c", " d")], "a space within quotes"),
        ] {
            let found = Selector::parse(text).unwrap();
            let tags = tags.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
            assert_eq!(found, Selector { metric: metric.to_owned(), tags }, "{why}");
            assert_eq!(Selector::parse(&found.to_string()), Ok(found), "{why}");
        }
    }

    #[test]
    fn what_is_no_selector_says_where_and_why() {
        for (text, offset, expected) in [
            ("", 0, "a metric's name"),
            ("http-reqs", 0, "a metric's name"),
            ("{a:b}", 0, "a metric's name"),
            ("http_reqs}", 0, "a metric's name"),
            ("ab{c:d", 6, "a `}`"),
            ("ab{c:d}x", 8, "a `}`"),
            ("ab{}", 3, "`key:value`"),
            ("ab{c}", 3, "`key:value`"),
            ("ab{c:d,}", 7, "`key:value`"),
            ("ab{c:d,e}", 7, "`key:value`"),
            ("ab{:d}", 3, "key before"),
            ("ab{c:}", 5, "value after"),
            ("ab{c:\"\"}", 5, "value after"),
            ("ab{c:d,c:e}", 7, "each tag once, but `c`"),
        ] {
            let error = Selector::parse(text).unwrap_err();
            assert_eq!(error.offset, offset, "{text}: {error}");
            assert!(error.expected.contains(expected), "{text}: {error}");
        }
        let error = Selector::parse("http_reqs{status}").unwrap_err();
        assert_eq!(
            error.to_string(),
            "expected a tag of the form `key:value` at byte 10 of `http_reqs{status}`"
        );
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(
            metric in "[a-z_][a-z0-9_]{1,10}",
            tags in proptest::collection::btree_map("[a-z]{1,5}", "[a-z:/.{}]{1,9}", 0..4),
        ) {
            let selector = Selector { metric, tags: tags.into_iter().collect() };
            prop_assert_eq!(Selector::parse(&selector.to_string()), Ok(selector));
        }

        #[test]
        fn no_text_breaks_the_parser(text in "\\PC{0,30}|ab[{]\\PC{0,20}[}]") {
            if let Err(error) = Selector::parse(&text) {
                prop_assert!(error.offset <= text.len());
            }
        }
    }
}
