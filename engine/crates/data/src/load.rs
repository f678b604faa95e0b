//! The pass over a file before the run: what is wrong with it, and where its rows begin.

use std::collections::BTreeSet;
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::format::Fault;
use crate::{
    Cursor, Dataset, DatasetSpec, Index, OnExhausted, RowFormat, RowOrder, Share, csv, json_lines,
};

/// The longest row, in bytes. Arbitrary: a quote that is not closed shall not read a large file into memory.
pub(crate) const LONGEST: usize = 16 << 20;
/// How much is read at once.
const PIECE: usize = 256 << 10;
/// How many places of one file are named.
const PLACES: usize = 10;
/// How many characters of a column's name are shown. Arbitrary: about a line.
const SHOWN: usize = 60;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Something that is wrong with a dataset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatasetProblem {
    /// The dataset's name.
    pub dataset: String,
    /// Its file.
    pub file: PathBuf,
    /// The line of the file, from 1, if it is about one.
    pub line: Option<u64>,
    /// What is wrong.
    pub message: String,
}

/// ``datasets.users: `users.csv` line 3: has 3 fields, but the header has 2``
impl fmt::Display for DatasetProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "datasets.{}: `{}`", self.dataset, self.file.display())?;
        if let Some(line) = self.line {
            write!(f, " line {line}")?;
        }
        write!(f, ": {}", self.message)
    }
}

/// What is wrong with a file, each with its line if it has one.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    told: Vec<(Option<u64>, String)>,
    untold: u64,
}

impl Faults {
    fn push(&mut self, line: impl Into<Option<u64>>, message: impl Into<String>) {
        if self.told.len() < PLACES {
            self.told.push((line.into(), message.into()));
        } else {
            self.untold += 1;
        }
    }

    fn one(message: impl Into<String>) -> Self {
        let mut faults = Self::default();
        faults.push(None, message);
        faults
    }

    pub(crate) fn named(self, dataset: &str, file: &Path) -> Vec<DatasetProblem> {
        let more = (self.untold > 0).then(|| (None, format!("and {} more", self.untold)));
        let named = |(line, message)| DatasetProblem {
            dataset: dataset.to_owned(),
            file: file.to_owned(),
            line,
            message,
        };
        self.told.into_iter().chain(more).map(named).collect()
    }
}

/// Reads a file through, for a machine with this share on which at least so many VUs take from it.
pub(crate) fn load(spec: &DatasetSpec, vus: u32, share: Share) -> Result<Dataset, Faults> {
    let file = open(&spec.file).map_err(Faults::one)?;
    let Rows { columns, index } = rows(&file, spec.format)?;
    if let RowOrder::Unique { on_exhausted: OnExhausted::Stop | OnExhausted::Fail } = spec.order
        && share.of(index.rows()) < vus
    {
        return Err(Faults::one(format!(
            "has {} for {}, and `unique` gives each row away once: give it more rows, the run fewer VUs, \
             or let it begin again with `\"onExhausted\": \"wrap\"`",
            counted(share.of(index.rows()).into(), "row"),
            counted(vus.into(), "VU")
        )));
    }
    let cursor = Cursor::new(spec.order, share);
    Ok(Dataset { file, format: spec.format, columns, index, cursor })
}

fn open(path: &Path) -> Result<File, String> {
    let cannot = |error: io::Error| format!("cannot be read: {error}");
    // Looked at before it is opened: a pipe would wait for its writer.
    if !std::fs::metadata(path).map_err(cannot)?.is_file() {
        return Err("is not a regular file, which can be read from any place".to_owned());
    }
    File::open(path).map_err(cannot)
}

/// What a file has.
#[derive(Debug)]
struct Rows {
    columns: Vec<String>,
    index: Index,
}

fn rows(input: impl Read, format: RowFormat) -> Result<Rows, Faults> {
    let mut pieces = Pieces::new(input, format);
    let mut faults = Faults::default();
    let mut columns = None;
    let mut index = Index::default();
    loop {
        let found = match pieces.next() {
            Ok(Some(found)) => found,
            Ok(None) => break,
            // Nothing that comes after it can be told apart.
            Err((line, fault)) => {
                faults.push(line, fault);
                return Err(faults);
            }
        };
        let Ok(text) = str::from_utf8(pieces.bytes(&found)) else {
            faults.push(found.line, "is not UTF-8");
            // Without the names of its columns nothing can be said of a table.
            if let (RowFormat::Csv { .. }, None) = (format, &columns) {
                return Err(faults);
            }
            continue;
        };
        match (format, &columns) {
            (RowFormat::Csv { delimiter }, None) => {
                let header: Vec<String> =
                    csv::fields(text, delimiter).map(std::borrow::Cow::into_owned).collect();
                for name in twice(&header) {
                    faults.push(found.line, format!("has the column `{name}` twice"));
                }
                columns = Some(header);
                continue;
            }
            (RowFormat::Csv { .. }, Some(columns)) if found.fields != columns.len() => {
                let fields = counted(found.fields as u64, "field");
                faults.push(
                    found.line,
                    format!("has {fields}, but the header has {}", columns.len()),
                );
            }
            (RowFormat::Csv { .. }, Some(_)) => {}
            (RowFormat::JsonLines, _) => {
                if let Err(fault) = json_lines::check(text) {
                    faults.push(found.line, fault);
                }
            }
        }
        if !index.push(found.at, found.at + found.length as u64) {
            faults.push(found.line, format!("is one row too many: there may be {}", u32::MAX));
            return Err(faults);
        }
    }
    if index.rows() == 0 && faults.told.is_empty() {
        let is_header_alone = columns.is_some();
        faults.push(None, if is_header_alone { "has a header, but no rows" } else { "is empty" });
    }
    if faults.told.is_empty() {
        index.shrink();
        Ok(Rows { columns: columns.unwrap_or_default(), index })
    } else {
        Err(faults)
    }
}

/// The names that stand more than once, as they can be shown.
fn twice(names: &[String]) -> BTreeSet<String> {
    let mut seen = BTreeSet::new();
    let again = names.iter().filter(|name| !seen.insert(name.as_str()));
    again.map(|name| name.chars().take(SHOWN).collect()).collect()
}

/// `1 row`, `2 rows`.
fn counted(count: u64, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// A row that was found in a file.
struct Found {
    /// Where it begins in the file.
    at: u64,
    /// Its line, from 1.
    line: u64,
    /// Its length without what ends it.
    length: usize,
    fields: usize,
    /// Where it begins in the piece at hand.
    start: usize,
}

/// A file, a piece at a time, row after row.
struct Pieces<R> {
    input: R,
    format: RowFormat,
    buffer: Vec<u8>,
    /// The part of the buffer that has not been looked at yet.
    from: usize,
    to: usize,
    /// Where that is in the file.
    at: u64,
    line: u64,
    at_end: bool,
}

impl<R: Read> Pieces<R> {
    fn new(input: R, format: RowFormat) -> Self {
        Self {
            input,
            format,
            buffer: vec![0; PIECE],
            from: 0,
            to: 0,
            at: 0,
            line: 1,
            at_end: false,
        }
    }

    fn bytes(&self, found: &Found) -> &[u8] {
        &self.buffer[found.start..found.start + found.length]
    }

    /// Finds the next row; none at the end.
    ///
    /// Fails with a line and what is wrong there if the file cannot be read on.
    fn next(&mut self) -> Result<Option<Found>, (Option<u64>, String)> {
        if self.at == 0 {
            self.skip_mark()?;
        }
        loop {
            let rest = &self.buffer[self.from..self.to];
            match self.format.row(rest) {
                Ok(_) if rest.is_empty() && self.at_end => return Ok(None),
                Ok(end) if end.whole || self.at_end => {
                    let found = Found {
                        at: self.at,
                        line: self.line,
                        length: end.length,
                        fields: end.fields,
                        start: self.from,
                    };
                    self.line += lines(&rest[..end.next]);
                    self.from += end.next;
                    self.at += end.next as u64;
                    // An empty line is no row.
                    if end.length > 0 {
                        return Ok(Some(found));
                    }
                }
                Err(Fault::AfterQuote { field, at }) => {
                    let line = self.line + lines(&rest[..at]);
                    let what = format!(
                        "has something behind the closing quote of field {field}; a quote within quotes is \
                         written as two"
                    );
                    return Err((Some(line), what));
                }
                Err(Fault::Unclosed { field, at }) if self.at_end => {
                    let line = self.line + lines(&rest[..at]);
                    return Err((
                        Some(line),
                        format!("opens a quote in field {field} that is never closed"),
                    ));
                }
                Ok(_) | Err(Fault::Unclosed { .. }) => self.fill()?,
            }
        }
    }

    /// Passes over the mark that some programs write before the text.
    fn skip_mark(&mut self) -> Result<(), (Option<u64>, String)> {
        while self.to < BYTE_ORDER_MARK.len() && !self.at_end {
            self.fill()?;
        }
        if self.buffer[..self.to].starts_with(BYTE_ORDER_MARK) {
            self.from = BYTE_ORDER_MARK.len();
            self.at = self.from as u64;
        }
        Ok(())
    }

    /// Reads on, behind what has not been looked at yet.
    fn fill(&mut self) -> Result<(), (Option<u64>, String)> {
        self.buffer.copy_within(self.from..self.to, 0);
        (self.from, self.to) = (0, self.to - self.from);
        if self.to == self.buffer.len() {
            if self.to >= LONGEST {
                let what = format!(
                    "begins a row of more than {} MiB; is a quote not closed?",
                    LONGEST >> 20
                );
                return Err((Some(self.line), what));
            }
            self.buffer.resize(self.buffer.len() * 2, 0);
        }
        loop {
            match self.input.read(&mut self.buffer[self.to..]) {
                Ok(read) => {
                    self.to += read;
                    self.at_end = read == 0;
                    return Ok(());
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err((None, format!("cannot be read: {error}"))),
            }
        }
    }
}

/// How many lines end in these bytes.
fn lines(bytes: &[u8]) -> u64 {
    memchr::memchr_iter(b'\n', bytes).count() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    const CSV: RowFormat = RowFormat::Csv { delimiter: b',' };

    /// Hands out a few bytes at a time.
    struct Slow<'a>(&'a [u8]);

    impl Read for Slow<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let length = self.0.len().min(buffer.len()).min(3);
            buffer[..length].copy_from_slice(&self.0[..length]);
            self.0 = &self.0[length..];
            Ok(length)
        }
    }

    fn said(bytes: &[u8], format: RowFormat) -> Vec<String> {
        let found = [rows(bytes, format), rows(Slow(bytes), format)].map(|rows| match rows {
            Ok(_) => Vec::new(),
            Err(faults) => {
                let named = faults.named("users", Path::new("u"));
                named.iter().map(ToString::to_string).collect()
            }
        });
        assert_eq!(found[0], found[1], "in whatever pieces it is read");
        found[0].clone()
    }

    #[test]
    fn everything_that_is_wrong_with_a_csv_file_is_said_with_its_line() {
        for (text, expected) in [
            (&b""[..], &["datasets.users: `u`: is empty"][..]),
            (b"\xef\xbb\xbf\r\n\n", &["datasets.users: `u`: is empty"]),
            (b"name,age\n", &["datasets.users: `u`: has a header, but no rows"]),
            (
                b"name,age\nada,36,x\n\"al\nan\",41\n\nbob\n",
                &[
                    "datasets.users: `u` line 2: has 3 fields, but the header has 2",
                    "datasets.users: `u` line 6: has 1 field, but the header has 2",
                ],
            ),
            (
                b"a,b,a,b\n1,2,3\n",
                &[
                    "datasets.users: `u` line 1: has the column `a` twice",
                    "datasets.users: `u` line 1: has the column `b` twice",
                    "datasets.users: `u` line 2: has 3 fields, but the header has 4",
                ],
            ),
            (
                b"name\n\xff\nada\n\xe9\n",
                &[
                    "datasets.users: `u` line 2: is not UTF-8",
                    "datasets.users: `u` line 4: is not UTF-8",
                ],
            ),
            (
                b"a,b\n1,\"two\nlines\"x,\n",
                &[
                    "datasets.users: `u` line 3: has something behind the closing quote of field 2; a quote \
                   within quotes is written as two",
                ],
            ),
            (
                b"a,b\n1,2,3\n\"x\ny\",\"z\n1,2\n",
                &[
                    "datasets.users: `u` line 2: has 3 fields, but the header has 2",
                    "datasets.users: `u` line 4: opens a quote in field 2 that is never closed",
                ],
            ),
        ] {
            assert_eq!(said(text, CSV), expected, "{}", text.escape_ascii());
        }
    }

    #[test]
    fn everything_that_is_wrong_with_json_lines_is_said_with_its_line() {
        for (text, expected) in [
            (&b"\n \n"[..], &["datasets.users: `u`: is empty"][..]),
            (
                b"{\"a\":1}\n\n{\"a\":}\n[1]\n",
                &[
                    "datasets.users: `u` line 3: is not JSON: expected value at column 6",
                    "datasets.users: `u` line 4: is not a JSON object",
                ],
            ),
            (b"{}\n\"\xff\"\n", &["datasets.users: `u` line 2: is not UTF-8"]),
        ] {
            assert_eq!(said(text, RowFormat::JsonLines), expected, "{}", text.escape_ascii());
        }
    }

    #[test]
    fn many_problems_are_a_few_and_a_number() {
        let said = said(format!("a\n{}", "1,2\n".repeat(1_000)).as_bytes(), CSV);
        assert_eq!(said.len(), PLACES + 1);
        assert_eq!(said[PLACES], "datasets.users: `u`: and 990 more");
    }

    #[test]
    fn a_row_longer_than_any_should_be_is_not_read_to_its_end() {
        let mut text = b"a\n\"".to_vec();
        text.resize(LONGEST + PIECE, b'x');
        text.extend(b"\n".repeat(LONGEST));
        let faults = rows(&*text, CSV).expect_err("it is too long");
        let named = faults.named("users", Path::new("u"));
        assert_eq!(named[0].line, Some(2));
        assert_eq!(named[0].message, "begins a row of more than 16 MiB; is a quote not closed?");
    }
}
