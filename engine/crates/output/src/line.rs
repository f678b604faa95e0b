//! A line for people: text and styles, measured and cut before it is painted.
//!
//! Whatever a script, an options file or a target says ends up here before it reaches a terminal, and
//! is made harmless here: a script of a stranger cannot move the cursor, recolour the screen or hide
//! what stands before its words.

use std::borrow::Cow;

use anstyle::{AnsiColor, Style};

/// Values.
pub(crate) const VALUE: Style = AnsiColor::Cyan.on_default();
/// What explains a value.
pub(crate) const EXTRA: Style = AnsiColor::Cyan.on_default().dimmed();
/// What only leads the eye.
pub(crate) const FAINT: Style = Style::new().dimmed();
/// What is as it should be.
pub(crate) const GOOD: Style = AnsiColor::Green.on_default();
/// What is not.
pub(crate) const BAD: Style = AnsiColor::Red.on_default();
/// What nobody knows to be either.
pub(crate) const DOUBTFUL: Style = AnsiColor::Yellow.on_default();
/// Titles.
pub(crate) const TITLE: Style = Style::new().bold();

/// Text without line breaks, each part of it with a style.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Line(Vec<(Style, String)>);

impl Line {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Adds text with a style.
    #[must_use]
    pub(crate) fn styled(mut self, style: Style, text: impl AsRef<str>) -> Self {
        self.0.push((style, printable(text.as_ref()).into_owned()));
        self
    }

    /// Adds text as it is.
    #[must_use]
    pub(crate) fn plain(self, text: impl AsRef<str>) -> Self {
        self.styled(Style::new(), text)
    }

    /// Adds spaces up to a width, none where it is that wide already.
    #[must_use]
    pub(crate) fn pad(self, width: usize) -> Self {
        let missing = width.saturating_sub(self.width());
        self.plain(" ".repeat(missing))
    }

    /// How many columns it takes, counting each character as one.
    pub(crate) fn width(&self) -> usize {
        self.0.iter().map(|(_, text)| text.chars().count()).sum()
    }

    /// Its length in memory, roughly.
    pub(crate) fn bytes(&self) -> usize {
        self.0.iter().map(|(_, text)| text.len()).sum()
    }

    /// The part of it that fits a width, marked where it was cut.
    #[must_use]
    pub(crate) fn cropped(mut self, width: usize) -> Self {
        if self.width() <= width {
            return self;
        }
        let mut left = width.saturating_sub(1);
        self.0.retain_mut(|(_, text)| {
            let kept = left > 0;
            if let Some((end, _)) = text.char_indices().nth(left) {
                text.truncate(end);
            }
            left -= text.chars().count().min(left);
            kept
        });
        if width > 0 { self.plain("…") } else { self }
    }

    /// The text, with escape sequences only if `colour`, and no spaces at its end.
    pub(crate) fn paint(&self, colour: bool) -> String {
        let mut painted = String::new();
        for (style, text) in &self.0 {
            if colour && !style.is_plain() && !text.trim().is_empty() {
                painted.push_str(&format!("{style}{text}{style:#}"));
            } else {
                painted.push_str(text);
            }
        }
        painted.truncate(painted.trim_end().len());
        painted
    }
}

/// The text with escapes (`\u{1b}`, `\n`) for the characters that do something instead of being
/// something: control characters, line breaks, and marks that change the direction of writing.
pub(crate) fn printable(text: &str) -> Cow<'_, str> {
    let active = |c: char| {
        c.is_control()
            || matches!(c, '\u{2028}' | '\u{2029}' | '\u{200e}' | '\u{200f}')
            || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    if !text.contains(active) {
        return Cow::Borrowed(text);
    }
    let mut printable = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '\t' => printable.push_str("    "),
            c if active(c) => printable.extend(c.escape_default()),
            c => printable.push(c),
        }
    }
    Cow::Owned(printable)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_line_is_painted_only_where_colour_is_wanted() {
        let line = Line::new().styled(GOOD, "✓").plain(" all ").styled(VALUE, "well").plain("  ");
        assert_eq!(line.paint(false), "✓ all well");
        assert_eq!(line.paint(true), "\u{1b}[32m✓\u{1b}[0m all \u{1b}[36mwell\u{1b}[0m");
        assert_eq!(line.width(), 12);
    }

    #[test]
    fn a_line_is_cut_to_a_width_across_its_styles() {
        let line = || Line::new().styled(BAD, "✗ no").plain(" stock").styled(VALUE, " left");
        for (width, shown) in [
            (15, "✗ no stock left"),
            (14, "✗ no stock le…"),
            (6, "✗ no …"),
            (5, "✗ no…"),
            (4, "✗ n…"),
            (1, "…"),
            (0, ""),
        ] {
            let cut = line().cropped(width);
            assert!(cut.width() <= width);
            assert_eq!(cut.paint(false), shown.trim_end());
        }
    }

    #[test]
    fn a_line_is_filled_to_a_width() {
        assert_eq!(Line::new().plain("ab").pad(4).plain("c").paint(false), "ab  c");
        assert_eq!(Line::new().plain("abcde").pad(4).plain("f").paint(false), "abcdef");
    }

    #[test]
    fn text_from_outside_cannot_act_on_the_terminal() {
        for (given, shown, why) in [
            ("plain, naïve, 表", "plain, naïve, 表", "letters stay"),
            ("\u{1b}[2Jgone", "\\u{1b}[2Jgone", "an escape sequence"),
            ("\u{9b}2J", "\\u{9b}2J", "its one-byte form"),
            ("a\rb\nc", "a\\rb\\nc", "line breaks in a line"),
            ("a\tb", "a    b", "a tab has no width of its own"),
            ("\u{202e}evil", "\\u{202e}evil", "writing turned round"),
            ("\u{7}", "\\u{7}", "a bell"),
        ] {
            assert_eq!(printable(given), shown, "{why}");
            assert_eq!(Line::new().plain(given).paint(true), shown, "{why}");
        }
    }

    proptest! {
        #[test]
        fn no_line_is_wider_than_it_was_cut_to(
            parts in proptest::collection::vec(".{0,12}", 0..5),
            width in 0_usize..40,
        ) {
            let line = parts.iter().fold(Line::new(), |line, part| line.styled(VALUE, part));
            let cut = line.clone().cropped(width);
            prop_assert!(cut.width() <= width);
            prop_assert!(!cut.paint(false).chars().any(char::is_control));
            if line.width() <= width {
                prop_assert_eq!(line, cut);
            }
        }
    }
}
