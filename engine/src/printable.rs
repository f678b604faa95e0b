//! Foreign text as it can be shown: nothing in it moves a terminal's cursor or turns text around.
//!
//! A script may come from someone whom nobody trusts, and names, messages and options come with it.

use std::fmt::Write as _;

use output::acts;

/// One line of text. A line break in it is escaped like any other control: split before.
pub(crate) fn line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for c in text.chars() {
        if acts(c) {
            // Writing to a string cannot fail.
            let _ = write!(line, "{}", c.escape_unicode());
        } else {
            line.push(c);
        }
    }
    line
}

/// A JSON value on several lines, what acts escaped as JSON escapes it.
pub(crate) fn json(value: &serde_json::Value) -> String {
    let mut text = String::new();
    for c in format!("{value:#}").chars() {
        // Outside strings JSON has no control but the line break, and serde escapes those inside.
        if acts(c) && c != '\n' {
            for unit in c.encode_utf16(&mut [0; 2]) {
                let _ = write!(text, "\\u{unit:04x}");
            }
        } else {
            text.push(c);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_acts_on_a_terminal_is_shown_and_not_done() {
        for (text, shown, why) in [
            ("a b\tÜ 漢", "a b\tÜ 漢", "what everyone writes stays"),
            ("\u{1b}[2J", "\\u{1b}[2J", "a sequence that clears the screen"),
            ("\u{9b}2J", "\\u{9b}2J", "the same in one character"),
            ("a\r\nb", "a\\u{d}\\u{a}b", "line breaks"),
            ("a\u{202e}b", "a\\u{202e}b", "text turned around"),
        ] {
            assert_eq!(line(text), shown, "{why}");
        }
    }

    #[test]
    fn json_stays_the_same_value() {
        let value = serde_json::json!({ "a\u{9b}": "\u{1b}[2J\u{202e}\u{7f}\n" });
        let text = json(&value);
        assert!(text.chars().all(|c| c == '\n' || !acts(c)), "{text}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), value);
    }
}
