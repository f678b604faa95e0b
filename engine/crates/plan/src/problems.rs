//! What is wrong with options: all of it at once, each with its place.
//!
//! Options may come from a script that nobody trusts, so what is said of them is bounded in number and
//! in length, and holds nothing that a terminal would act on.

use std::fmt::{self, Write};

/// How many problems are told; the rest is counted. Arbitrary: more than anyone reads.
const MOST: usize = 100;

/// How many characters of a value or a key are shown. Arbitrary: about a line.
const SHOWN: usize = 60;

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where, as in `scenarios.browse.rate` or `summaryTrendStats[1]`; empty for the whole.
    pub path: String,
    /// What, as in ``must be at least 1, but is 0``.
    pub message: String,
}

/// `scenarios.browse.rate: must be at least 1, but is 0`
impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(&self.message)
    }
}

/// Everything that is wrong. As a text, one line for each problem.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Problems {
    told: Vec<Problem>,
    untold: usize,
}

impl Problems {
    /// Returns one problem of the whole.
    pub(crate) fn of_all(message: impl Into<String>) -> Self {
        let mut problems = Self::default();
        problems.push("", message);
        problems
    }

    /// Adds a problem.
    pub fn push(&mut self, path: impl Into<String>, message: impl Into<String>) {
        if self.told.len() < MOST {
            self.told.push(Problem { path: path.into(), message: message.into() });
        } else {
            self.untold += 1;
        }
    }

    /// Adds the problems of a part, whose paths start at `path`.
    pub fn extend(&mut self, path: &str, part: Self) {
        for problem in part.told {
            let path = match (path, problem.path.as_str()) {
                ("", inner) => inner.to_owned(),
                (outer, "") => outer.to_owned(),
                (outer, inner) => format!("{outer}.{inner}"),
            };
            self.push(path, problem.message);
        }
        self.untold += part.untold;
    }

    /// Whether nothing is wrong.
    pub fn is_empty(&self) -> bool {
        self.told.is_empty()
    }

    /// Returns how many there are, those beyond the hundred that are told included.
    pub fn len(&self) -> usize {
        self.told.len() + self.untold
    }

    /// Returns those that are told, in the order they were found; a hundred at most.
    pub fn iter(&self) -> std::slice::Iter<'_, Problem> {
        self.told.iter()
    }

    /// Returns `value` if nothing is wrong.
    ///
    /// Fails with the problems if there are any.
    pub(crate) fn or<T>(self, value: T) -> Result<T, Self> {
        if self.is_empty() { Ok(value) } else { Err(self) }
    }
}

impl<'a> IntoIterator for &'a Problems {
    type Item = &'a Problem;
    type IntoIter = std::slice::Iter<'a, Problem>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, problem) in self.told.iter().enumerate() {
            let before = if place == 0 { "" } else { "\n" };
            write!(f, "{before}{problem}")?;
        }
        match self.untold {
            0 => Ok(()),
            untold => write!(f, "\nand {untold} more"),
        }
    }
}

impl std::error::Error for Problems {}

/// The path of a key of what is at `path`; a key that is no plain word is quoted, as in TOML.
pub(crate) fn key_of(path: &str, key: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '$');
    let key = if !key.is_empty() && key.len() <= SHOWN && key.chars().all(is_plain) {
        key.to_owned()
    } else {
        format!("\"{}\"", shown(key).replace('\\', "\\\\").replace('"', "\\\""))
    };
    if path.is_empty() { key } else { format!("{path}.{key}") }
}

/// The path of an element of the list at `path`, counted from 0.
pub(crate) fn element_of(path: &str, place: usize) -> String {
    format!("{path}[{place}]")
}

/// A foreign text as it can be shown to people: on one line, not too long, and without characters that
/// would move a terminal's cursor or turn its text around.
pub(crate) fn shown(text: &str) -> String {
    let mut shown = one_line(text.chars().take(SHOWN));
    if text.chars().nth(SHOWN).is_some() {
        shown.push('…');
    }
    shown
}

/// A message of another crate that quotes a foreign text, likewise; it may be a few lines' length.
pub(crate) fn message(text: &str) -> String {
    let most = SHOWN * 8;
    let mut message = one_line(text.chars().take(most));
    if text.chars().nth(most).is_some() {
        message.push('…');
    }
    message
}

fn one_line(text: impl Iterator<Item = char>) -> String {
    let mut line = String::new();
    for c in text {
        // Besides controls: marks that are not seen, and those that change the direction of text.
        let is_unseen = matches!(
            c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}'
        );
        if c.is_control() || is_unseen {
            // A `String` takes all that is written to it.
            let _ = write!(line, "{}", c.escape_unicode());
        } else {
            line.push(c);
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_reads_like_a_key_of_toml() {
        for (path, written, why) in [
            (key_of("", "vus"), "vus", "at the top"),
            (key_of("scenarios", "browse-all_2"), "scenarios.browse-all_2", "a plain key"),
            (key_of("", "$schema"), "$schema", "the editors' key"),
            (key_of("thresholds", "a{b:c}"), "thresholds.\"a{b:c}\"", "one that is not plain"),
            (key_of("tags", ""), "tags.\"\"", "an empty one"),
            (key_of("tags", "a\"b\\"), "tags.\"a\\\"b\\\\\"", "quotes and backslashes"),
            (element_of("stats", 3), "stats[3]", "an element of a list"),
        ] {
            assert_eq!(path, written, "{why}");
        }
    }

    #[test]
    fn foreign_text_cannot_reach_the_terminal() {
        assert_eq!(shown("a\u{1b}[31mb\nc\u{202e}d"), "a\\u{1b}[31mb\\u{a}c\\u{202e}d");
        assert_eq!(shown(&"é".repeat(SHOWN)), "é".repeat(SHOWN));
        assert_eq!(shown(&"é".repeat(SHOWN + 1)), format!("{}…", "é".repeat(SHOWN)));
        assert!(key_of("", &"a".repeat(1_000_000)).len() < 100);
    }

    #[test]
    fn problems_are_a_line_each_and_the_rest_a_number() {
        let mut part = Problems::default();
        part.push("rate", "is missing");
        part.push("", "is odd");
        let mut problems = Problems::default();
        problems.extend("scenarios.browse", part);
        assert_eq!(
            problems.to_string(),
            "scenarios.browse.rate: is missing\nscenarios.browse: is odd"
        );

        for _ in 0..MOST {
            problems.push("vus", "is missing");
        }
        assert_eq!(problems.len(), MOST + 2);
        assert_eq!(problems.iter().count(), MOST);
        assert!(problems.to_string().ends_with("\nand 2 more"));
    }
}
