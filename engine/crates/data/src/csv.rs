//! Comma-separated values as RFC 4180 has them: where fields and rows end, and what fields say.
//!
//! Rows end with a line feed, alone or after a carriage return. A field that begins with a quote ends with
//! one, may hold anything, and writes a quote as two; a quote anywhere else is a character like any other.
//!
//! Written here and not taken from a library: rows are found twice, in the pass before the run and again in
//! the few KiB that a row is read from, and both must place every byte alike. A reader that owns its input
//! and its buffer does neither.

use std::borrow::Cow;

use memchr::{memchr, memchr2};

use crate::format::{Fault, RowEnd};

const QUOTE: u8 = b'"';

/// What comes after a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum After {
    Field,
    Row,
    /// Nothing: the field may go on in bytes that are not here.
    Nothing,
}

/// Where a field ends.
struct FieldEnd {
    /// Its length, quotes included.
    length: usize,
    /// Where the next one begins.
    next: usize,
    after: After,
}

/// What a quoted field breaks, and where.
enum Broken {
    Unclosed,
    AfterQuote(usize),
}

/// Finds the end of the field that these bytes begin with.
fn field(bytes: &[u8], delimiter: u8) -> Result<FieldEnd, Broken> {
    let length = match bytes {
        [QUOTE, ..] => quoted(bytes)?,
        _ => {
            let length = memchr2(delimiter, b'\n', bytes).unwrap_or(bytes.len());
            // The carriage return belongs to the end of the row.
            match (bytes[..length].last(), bytes.get(length)) {
                (Some(b'\r'), Some(b'\n') | None) => length - 1,
                _ => length,
            }
        }
    };
    let (next, after) = match &bytes[length..] {
        [] => (length, After::Nothing),
        [b'\r'] => (length + 1, After::Nothing),
        [b'\n', ..] => (length + 1, After::Row),
        [b'\r', b'\n', ..] => (length + 2, After::Row),
        [byte, ..] if *byte == delimiter => (length + 1, After::Field),
        _ => return Err(Broken::AfterQuote(length)),
    };
    Ok(FieldEnd { length, next, after })
}

/// The length of a quoted field, both quotes included.
fn quoted(bytes: &[u8]) -> Result<usize, Broken> {
    let mut at = 1;
    loop {
        let quote = memchr(QUOTE, &bytes[at..]).ok_or(Broken::Unclosed)?;
        at += quote + 1;
        if bytes.get(at) != Some(&QUOTE) {
            return Ok(at);
        }
        at += 1;
    }
}

/// Finds the end of the row that these bytes begin with.
pub(crate) fn row(bytes: &[u8], delimiter: u8) -> Result<RowEnd, Fault> {
    let (mut fields, mut at) = (1, 0);
    loop {
        let end = field(&bytes[at..], delimiter).map_err(|broken| match broken {
            Broken::Unclosed => Fault::Unclosed { field: fields, at },
            Broken::AfterQuote(after) => Fault::AfterQuote { field: fields, at: at + after },
        })?;
        match end.after {
            After::Field => {
                fields += 1;
                at += end.next;
            }
            After::Row | After::Nothing => {
                let whole = end.after == After::Row;
                return Ok(RowEnd { length: at + end.length, next: at + end.next, fields, whole });
            }
        }
    }
}

/// The fields of a row that has been found to be one.
pub(crate) fn fields(row: &str, delimiter: u8) -> impl Iterator<Item = Cow<'_, str>> {
    let mut rest = Some(row);
    std::iter::from_fn(move || {
        let bytes = rest?;
        let end = field(bytes.as_bytes(), delimiter).ok()?;
        rest = (end.after == After::Field).then(|| &bytes[end.next..]);
        Some(value(&bytes[..end.length]))
    })
}

/// What a field says, without quotes.
fn value(field: &str) -> Cow<'_, str> {
    let inner = field.strip_prefix('"').and_then(|field| field.strip_suffix('"'));
    match inner {
        None => Cow::Borrowed(field),
        Some(inner) if inner.contains('"') => Cow::Owned(inner.replace("\"\"", "\"")),
        Some(inner) => Cow::Borrowed(inner),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// All rows of a text, each as its fields.
    fn rows(mut text: &str, delimiter: u8) -> Vec<Vec<String>> {
        let mut rows: Vec<Vec<String>> = Vec::new();
        while !text.is_empty() {
            let end = row(text.as_bytes(), delimiter).expect("it is a row");
            rows.push(fields(&text[..end.length], delimiter).map(Cow::into_owned).collect());
            assert_eq!(rows[rows.len() - 1].len(), end.fields);
            text = &text[end.next..];
        }
        rows
    }

    #[test]
    fn rows_and_fields_are_found_as_rfc_4180_has_them() {
        for (text, expected, why) in [
            ("a,b\nc,d\n", vec![vec!["a", "b"], vec!["c", "d"]], "plain"),
            ("a,b\r\nc,d\r\n", vec![vec!["a", "b"], vec!["c", "d"]], "both bytes of a line's end"),
            ("a,b\nc,d", vec![vec!["a", "b"], vec!["c", "d"]], "a last line that does not end"),
            ("a\rb,c\n", vec![vec!["a\rb", "c"]], "a carriage return alone ends nothing"),
            ("\"a,b\",c\n", vec![vec!["a,b", "c"]], "a delimiter in quotes"),
            ("\"a\nb\",c\n", vec![vec!["a\nb", "c"]], "a line's end in quotes"),
            ("\"a\r\nb\"\r\nc\n", vec![vec!["a\r\nb"], vec!["c"]], "and one of two bytes"),
            ("\"say \"\"hi\"\"\",x\n", vec![vec!["say \"hi\"", "x"]], "a quote is two in quotes"),
            ("\"\"\"\"\n", vec![vec!["\""]], "nothing but a quote"),
            ("\"\",\n", vec![vec!["", ""]], "two ways to say nothing"),
            (",,\n", vec![vec!["", "", ""]], "fields that say nothing"),
            ("a,\"b\"", vec![vec!["a", "b"]], "a quote is the last byte"),
            ("5\" pipe,x\n", vec![vec!["5\" pipe", "x"]], "a quote elsewhere is a character"),
            (" \"a\" ,x\n", vec![vec![" \"a\" ", "x"]], "spaces belong to the field"),
            ("é,\"ü\nß\"\n", vec![vec!["é", "ü\nß"]], "more than ASCII"),
            ("a,b\n\nc,d\n", vec![vec!["a", "b"], vec![""], vec!["c", "d"]], "an empty line"),
        ] {
            assert_eq!(rows(text, b','), expected, "{why}: {text:?}");
        }
        assert_eq!(rows("a;b,c\n", b';'), [["a", "b,c"]], "another delimiter");
        assert_eq!(rows("a\tb\n", b'\t'), [["a", "b"]], "a tab");
    }

    #[test]
    fn what_breaks_the_quoting_is_placed() {
        for (text, expected) in [
            ("a,\"b\nc,d\n", Fault::Unclosed { field: 2, at: 2 }),
            ("\"", Fault::Unclosed { field: 1, at: 0 }),
            ("\"a\"\"", Fault::Unclosed { field: 1, at: 0 }),
            ("\"a\"b,c\n", Fault::AfterQuote { field: 1, at: 3 }),
            ("x,\"a\" ,c\n", Fault::AfterQuote { field: 2, at: 5 }),
            ("\"a\"\rb\n", Fault::AfterQuote { field: 1, at: 3 }),
        ] {
            assert_eq!(row(text.as_bytes(), b',').err(), Some(expected), "{text:?}");
        }
    }

    #[test]
    fn a_row_whose_end_is_not_here_is_not_whole() {
        let whole = |text: &str| row(text.as_bytes(), b',').map(|end| end.whole);
        for text in ["", "a", "a,", "a\r", "\"a\"", "\"a\"\r", "\"a\",\"b\""] {
            assert_eq!(whole(text), Ok(false), "{text:?}");
        }
        for text in ["\n", "a\n", "\"a\"\r\n", "a,\r\n"] {
            assert_eq!(whole(text), Ok(true), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_quoted_is_read_again(
            table in proptest::collection::vec(
                proptest::collection::vec("[a,\"\r\n é]{0,6}", 1..4), 1..5
            ),
            line_end in prop_oneof![Just("\n"), Just("\r\n")],
        ) {
            let quote = |value: &String| format!("\"{}\"", value.replace('"', "\"\""));
            let line = |fields: &Vec<String>| {
                fields.iter().map(quote).collect::<Vec<_>>().join(",") + line_end
            };
            let text: String = table.iter().map(line).collect();
            prop_assert_eq!(rows(&text, b','), table);
        }

        #[test]
        fn no_bytes_break_the_reader(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            if let Ok(end) = row(&bytes, b',') {
                prop_assert!(end.length <= end.next && end.next <= bytes.len());
                prop_assert!(end.next > 0 || bytes.is_empty());
            }
        }
    }
}
