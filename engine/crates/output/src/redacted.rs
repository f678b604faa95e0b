//! Values that whoever runs a script keeps secret, taken out of all that is shown and written.
//!
//! What a script does with a secret is the script's: it may log it, or make a tag of it. So each sink takes out whatever
//! stands for one on its way: the value itself, as JSON, URLs and forms write it, and as base64 has it, wherever in a
//! longer text it stands. A value that a script takes apart or disguises in another way is not recognised. What is only
//! *named* like a secret is `secrets`' affair.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt::{self, Write as _};
use std::io::{self, Write};
use std::sync::Arc;

use aho_corasick::{AhoCorasick, MatchKind};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use serde_json::Value;

use crate::secrets::REDACTED;

/// The shortest value that is taken out, in bytes: of shorter ones every text is full.
pub const SHORTEST_SECRET: usize = 4;

/// Takes values out of texts; none as it is by default.
#[derive(Clone, Default)]
pub struct Redactor(Option<Arc<Forms>>);

/// All ways in which the values are written.
struct Forms {
    search: AhoCorasick,
    /// The same, to tell what may be the beginning of one.
    texts: Vec<Vec<u8>>,
    longest: usize,
}

impl Redactor {
    /// Takes out these values. Those that are shorter than [`SHORTEST_SECRET`] are left.
    #[must_use]
    pub fn new<'a>(values: impl IntoIterator<Item = &'a str>) -> Self {
        let texts: BTreeSet<Vec<u8>> = values.into_iter().flat_map(forms).collect();
        let texts: Vec<_> = texts.into_iter().collect();
        let built = AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).build(&texts);
        match built {
            Ok(search) if !texts.is_empty() => {
                let longest = texts.iter().map(Vec::len).max().unwrap_or(0);
                Self(Some(Arc::new(Forms { search, texts, longest })))
            }
            // Too many bytes for one automaton: gibibytes of secrets.
            _ => Self(None),
        }
    }

    /// A text without them.
    #[must_use]
    pub fn redacted<'t>(&self, text: &'t [u8]) -> Cow<'t, [u8]> {
        match &self.0 {
            Some(forms) if forms.search.is_match(text) => {
                let mut shown = Vec::with_capacity(text.len());
                let mut end = 0;
                for found in forms.search.find_iter(text) {
                    shown.extend_from_slice(&text[end..found.start()]);
                    shown.extend_from_slice(REDACTED.as_bytes());
                    end = found.end();
                }
                shown.extend_from_slice(&text[end..]);
                shown.into()
            }
            _ => text.into(),
        }
    }

    /// Whether there are any.
    pub(crate) fn is_any(&self) -> bool {
        self.0.is_some()
    }

    /// A text without them. What is made of texts by escaping or quoting is to be made of this: escaped, a secret is not found.
    pub(crate) fn shown<'t>(&self, text: &'t str) -> Cow<'t, str> {
        match self.redacted(text.as_bytes()) {
            Cow::Borrowed(_) => text.into(),
            Cow::Owned(shown) => String::from_utf8_lossy(&shown).into_owned().into(),
        }
    }

    /// Takes them out of each text of a value but for those in the fields that are `spared`.
    pub(crate) fn clean(&self, value: &mut Value, spared: &[&str]) {
        match value {
            Value::String(text) => {
                if let Cow::Owned(shown) = self.shown(text) {
                    *text = shown;
                }
            }
            Value::Array(values) => values.iter_mut().for_each(|value| self.clean(value, spared)),
            Value::Object(fields) => {
                let others = fields.iter_mut().filter(|(name, _)| !spared.contains(&name.as_str()));
                others.for_each(|(_, value)| self.clean(value, spared));
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    /// Takes them out of the names of a value's fields.
    pub(crate) fn clean_names(&self, value: &mut Value) {
        match value {
            Value::Array(values) => values.iter_mut().for_each(|value| self.clean_names(value)),
            Value::Object(fields) => {
                let all = std::mem::take(fields).into_iter();
                *fields =
                    all.map(|(name, value)| (self.shown(&name).into_owned(), value)).collect();
                fields.values_mut().for_each(|value| self.clean_names(value));
            }
            _ => {}
        }
    }

    /// Where in a text begins what may go on as one of them; its length, if nothing does.
    fn unsettled(&self, text: &[u8]) -> usize {
        let Some(forms) = &self.0 else { return text.len() };
        let first = text.len().saturating_sub(forms.longest.saturating_sub(1));
        let begins = (first..text.len()).find(|&from| {
            let rest = &text[from..];
            forms.texts.iter().any(|form| form.len() > rest.len() && form.starts_with(rest))
        });
        let begins = begins.unwrap_or(text.len());
        // What is whole already is not torn apart for that.
        let mut found = forms.search.find_iter(text);
        let torn = found.find(|found| found.start() < begins && begins < found.end());
        torn.map_or(begins, |torn| torn.start())
    }
}

impl fmt::Debug for Redactor {
    /// Values are left out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Redactor").field(&self.0.as_ref().map(|forms| forms.texts.len())).finish()
    }
}

/// How a value may be written.
fn forms(value: &str) -> Vec<Vec<u8>> {
    // Where texts are shown line by line, so is a key of many lines.
    let lines = value.lines().map(str::trim).filter(|line| *line != value);
    std::iter::once(value)
        .chain(lines)
        .filter(|value| value.len() >= SHORTEST_SECRET)
        .flat_map(|value| {
            let json = serde_json::Value::from(value).to_string();
            let mut forms = vec![
                value.as_bytes().to_vec(),
                json.trim_matches('"').as_bytes().to_vec(),
                shown(value).into_bytes(),
            ];
            // Digits above nine in capitals or not; what JavaScript leaves as it is, or not.
            for (space, capitals, plain) in [
                ("%20", true, ""),
                ("+", true, ""),
                ("%20", false, ""),
                ("%20", true, "!'()*"),
                ("+", true, "*"),
            ] {
                forms.push(percent(value, space, capitals, plain));
            }
            forms.extend(base64(value.as_bytes()));
            forms
        })
        .collect()
}

/// As a line on the terminal has it, with what would act there escaped.
fn shown(value: &str) -> String {
    let mut shown = String::new();
    for c in value.chars() {
        if c.is_control() { shown.extend(c.escape_unicode()) } else { shown.push(c) }
    }
    shown
}

/// As URLs and forms have it (RFC 3986 §2, the URL Standard's form encoding, ECMAScript's `encodeURIComponent`).
fn percent(value: &str, space: &str, capitals: bool, plain: &str) -> Vec<u8> {
    let mut text = String::new();
    for byte in value.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                text.push(byte.into());
            }
            _ if plain.as_bytes().contains(&byte) => text.push(byte.into()),
            b' ' => text.push_str(space),
            // Writing to a string cannot fail.
            _ if capitals => drop(write!(text, "%{byte:02X}")),
            _ => drop(write!(text, "%{byte:02x}")),
        }
    }
    text.into_bytes()
}

/// The characters of base64 (RFC 4648 §4 and §5) that are the value's alone, wherever in a longer text it stands: after
/// a whole number of triples of bytes, one more, or two more.
fn base64(value: &[u8]) -> Vec<Vec<u8>> {
    let mut forms = Vec::new();
    for before in 0..3 {
        let mut bytes = vec![0; before];
        bytes.extend_from_slice(value);
        for engine in [STANDARD_NO_PAD, URL_SAFE_NO_PAD] {
            let text = engine.encode(&bytes).into_bytes();
            // Six bits a character: those with bits of what stands before or after are not the value's alone.
            let first = (before * 8).div_ceil(6);
            let last = bytes.len() * 8 / 6;
            if last.saturating_sub(first) >= SHORTEST_SECRET {
                forms.push(text[first..last].to_vec());
            }
        }
    }
    forms
}

/// A writer that the values do not pass.
///
/// What may be the beginning of one is held back until it is known; [`flush`](Write::flush) lets it go.
pub struct Redacting<W: Write> {
    writer: W,
    redactor: Redactor,
    held: Vec<u8>,
}

impl<W: Write> Redacting<W> {
    /// Writes there.
    pub fn new(writer: W, redactor: Redactor) -> Self {
        Self { writer, redactor, held: Vec::new() }
    }
}

impl<W: Write> Write for Redacting<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.redactor.0.is_none() {
            return self.writer.write(bytes);
        }
        self.held.extend_from_slice(bytes);
        let settled = self.redactor.unsettled(&self.held);
        let rest = self.held.split_off(settled);
        let settled = std::mem::replace(&mut self.held, rest);
        self.writer.write_all(&self.redactor.redacted(&settled))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let held = std::mem::take(&mut self.held);
        self.writer.write_all(&self.redactor.redacted(&held))?;
        self.writer.flush()
    }
}

impl<W: Write> Drop for Redacting<W> {
    fn drop(&mut self) {
        if !self.held.is_empty() {
            // Where it cannot be written there is nobody to tell.
            let _ = self.flush();
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shown(value: &str, text: &str) -> String {
        let redactor = Redactor::new([value]);
        String::from_utf8(redactor.redacted(text.as_bytes()).into_owned()).expect("it is text")
    }

    #[test]
    fn a_value_is_taken_out_in_each_form_that_it_is_written_in() {
        for (value, text, expected) in [
            ("hunter22", "it is hunter22!", "it is [redacted]!"),
            ("a\"b\\c\n1", r#"{"x":"a\"b\\c\n1"}"#, r#"{"x":"[redacted]"}"#),
            (
                "p@ss w/d",
                "?k=p%40ss%20w%2Fd&l=p%40ss+w%2Fd&m=p%40ss%20w%2fd",
                "?k=[redacted]&l=[redacted]&m=[redacted]",
            ),
            ("Pa$$w0rd!", "?a=Pa%24%24w0rd!", "?a=[redacted]"),
            ("s3cret\tx", "it is s3cret\\u{9}x", "it is [redacted]"),
            ("hunter2pw\nnext", "hunter2pw\n  next\n", "[redacted]\n  [redacted]\n"),
            ("hunter22", "hunter2", "hunter2"),
            ("abc", "abc", "abc"),
            ("", "nothing", "nothing"),
        ] {
            assert_eq!(shown(value, text), expected, "{value}");
        }
        for before in ["", "a", "ab", "abc", "ada:"] {
            for after in ["", "x", "xy"] {
                let text = STANDARD_NO_PAD.encode(format!("{before}hunter22{after}"));
                let shown = shown("hunter22", &text);
                assert!(shown.contains(REDACTED), "{before}, {after}: {shown}");
            }
        }
        let key = "-----BEGIN KEY-----\nMIIBVQIBADANBgkqhkiG9w0\nsecond line of it, long\n-----END KEY-----\n";
        let shown = shown(key, "VU 1: second line of it, long\n");
        assert_eq!(shown, "VU 1: [redacted]\n");
    }

    #[test]
    fn values_are_in_no_message_about_them() {
        assert!(!format!("{:?}", Redactor::new(["hunter22"])).contains("hunter"));
    }

    #[test]
    fn what_cannot_be_a_value_is_not_held_back() {
        let mut out = Vec::new();
        let mut writer = Redacting::new(&mut out, Redactor::new(["hunter22"]));
        writer.write_all(b"hello\n").unwrap();
        assert_eq!(writer.held, b"");
        writer.write_all(b"hunt").unwrap();
        assert_eq!(writer.held, b"hunt");
        writer.flush().unwrap();
        drop(writer);
        assert_eq!(out, b"hello\nhunt");
    }

    #[test]
    fn a_value_that_ends_as_it_begins_is_not_torn_apart() {
        for rest in ["", "bcda", "x"] {
            let mut out = Vec::new();
            {
                let mut writer = Redacting::new(&mut out, Redactor::new(["abcda"]));
                writer.write_all(b"it is abcda").unwrap();
                writer.write_all(rest.as_bytes()).unwrap();
            }
            let out = String::from_utf8(out).unwrap();
            assert!(out.starts_with("it is [redacted]") && !out.contains("abcd"), "{rest}: {out}");
        }
    }

    proptest! {
        #[test]
        fn however_a_text_is_cut_the_value_does_not_pass(
            before in "[a-h]{0,12}",
            after in "[a-h]{0,12}",
            cuts in proptest::collection::vec(0_usize..40, 0..8),
        ) {
            let text = format!("{before}hunter22{after}");
            let mut out = Vec::new();
            {
                let mut writer = Redacting::new(&mut out, Redactor::new(["hunter22"]));
                let mut cuts: Vec<_> = cuts.into_iter().map(|cut| cut.min(text.len())).collect();
                cuts.sort_unstable();
                let mut from = 0;
                for cut in cuts.into_iter().chain([text.len()]) {
                    writer.write_all(&text.as_bytes()[from..cut]).unwrap();
                    from = cut;
                }
            }
            prop_assert_eq!(String::from_utf8(out).unwrap(), format!("{before}{REDACTED}{after}"));
        }
    }
}
