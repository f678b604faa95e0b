//! What the rows of a file are written in, and what can be wrong with how they are.

use crate::{csv, json_lines};

/// What the rows of a file are written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowFormat {
    /// Comma-separated values, as RFC 4180 has them; the first row is the names of the columns.
    Csv {
        /// What separates two fields: one byte that is no quote and ends no line.
        delimiter: u8,
    },
    /// A JSON object a line.
    JsonLines,
}

/// Where a row ends in the bytes that begin with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RowEnd {
    /// Its length without what ends it.
    pub(crate) length: usize,
    /// Where the next row begins.
    pub(crate) next: usize,
    /// How many fields it has; zero in formats whose rows need not have the same.
    pub(crate) fields: usize,
    /// Whether its end was seen, and not only the end of the bytes.
    pub(crate) whole: bool,
}

/// What keeps bytes from being rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The quote that opens a field is never closed.
    Unclosed {
        /// Which field, from 1.
        field: usize,
        /// Where it begins.
        at: usize,
    },
    /// A quoted field is followed by something else than the end of a field.
    AfterQuote {
        /// Which field, from 1.
        field: usize,
        /// Where that is.
        at: usize,
    },
}

impl RowFormat {
    /// Finds the end of the row that these bytes begin with.
    pub(crate) fn row(self, bytes: &[u8]) -> Result<RowEnd, Fault> {
        match self {
            Self::Csv { delimiter } => csv::row(bytes, delimiter),
            Self::JsonLines => Ok(json_lines::row(bytes)),
        }
    }
}
