//! Datasets: files whose rows are handed out to all virtual users together.
//!
//! A file is read through once before the run, which finds all that is wrong with it and remembers where
//! some of its rows begin; from then on rows are read where they stand. So a file costs the system's page
//! cache and an index of a three-hundredth of its size, however many users there are, and nothing is
//! copied but the row that is asked for. Start with [`Datasets::open`].
//!
//! * `format` is what rows are written in, `csv` and `json_lines` their grammars;
//! * `load` is the one pass before the run, `index` what is left of it;
//! * `order` is who gets which row, `share` which of them are one machine's;
//! * `row` is a row in the hands of a script.
//!
//! Nothing here knows WebAssembly, options or a runtime. Reading a row waits for the disk if the page cache
//! has lost it since the pass before the run; there is no other waiting.
//!
//! # Why rows are read and not mapped
//!
//! A mapping would hand out slices of a file that others may write to or cut short while the run goes on.
//! Reading beyond the new end of a mapped file is a SIGBUS, which ends the process and loses its results,
//! and text that changes under a `&str` is undefined behaviour: the `unsafe` would have no proof. A read at a
//! position copies a few KiB from the same page cache and makes an error of one row of such a change. A row
//! of 96 bytes, taken at random from 1 GiB, costs 3 µs more than from a file of one row, finding it included.

mod csv;
mod format;
mod index;
mod json_lines;
mod load;
mod order;
mod row;
mod share;

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

pub use format::RowFormat;
pub use load::DatasetProblem;
pub use order::{OnExhausted, RowOrder};
pub use row::{Changed, Row};
pub use share::Share;

use index::Index;
use order::Cursor;

/// A dataset as it is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatasetSpec {
    /// The file; a path that is not absolute begins at the folder that the process runs in.
    pub file: PathBuf,
    /// What its rows are written in.
    pub format: RowFormat,
    /// In which order they are handed out.
    pub order: RowOrder,
}

/// The datasets of a run, by name. Clones share everything, the order of rows included.
#[derive(Clone, Debug, Default)]
pub struct Datasets(Arc<BTreeMap<String, Arc<Dataset>>>);

impl Datasets {
    /// Reads all files through, for a machine with this share of the rows on which at least so many VUs take
    /// from each dataset.
    ///
    /// Fails with everything that is wrong with any of them; of one file at most ten places are named and
    /// the rest is counted. A `unique` dataset that does not begin again must have a row for each VU.
    pub fn open(
        specs: &BTreeMap<String, DatasetSpec>,
        vus: u32,
        share: Share,
    ) -> Result<Self, Vec<DatasetProblem>> {
        let mut problems = Vec::new();
        let mut datasets = BTreeMap::new();
        for (name, spec) in specs {
            match load::load(spec, vus, share) {
                Ok(dataset) => {
                    datasets.insert(name.clone(), Arc::new(dataset));
                }
                Err(faults) => problems.extend(faults.named(name, &spec.file)),
            }
        }
        if problems.is_empty() { Ok(Self(Arc::new(datasets))) } else { Err(problems) }
    }

    /// Returns the dataset of this name.
    ///
    /// Fails with [`NotDeclared`] if there is none.
    pub fn get(&self, name: &str) -> Result<Arc<Dataset>, NotDeclared> {
        self.0.get(name).map(Arc::clone).ok_or_else(|| NotDeclared {
            name: name.to_owned(),
            known: self.0.keys().cloned().collect(),
        })
    }
}

/// There is no dataset of this name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no dataset `{}`; the run has {}", name.escape_debug(), listed(known))]
pub struct NotDeclared {
    /// The name.
    pub name: String,
    /// The names that there are.
    pub known: Vec<String>,
}

fn listed(names: &[String]) -> String {
    if names.is_empty() { "none".to_owned() } else { format!("`{}`", names.join("`, `")) }
}

/// A file of rows, and whose turn it is.
#[derive(Debug)]
pub struct Dataset {
    file: File,
    format: RowFormat,
    /// The names of the columns, in formats that have them.
    columns: Vec<String>,
    index: Index,
    cursor: Cursor,
}

/// Why there is no row.
#[derive(Debug, thiserror::Error)]
pub enum NoRow {
    /// Each has been handed out; what is to happen then.
    #[error("each row has been handed out")]
    Exhausted(OnExhausted),
    /// There are not so many.
    #[error("there is no such row")]
    NoSuchRow,
    /// It is no longer there as it was when the file was read through.
    #[error(transparent)]
    Changed(#[from] Changed),
    /// Its file cannot be read.
    #[error(transparent)]
    Unreadable(io::Error),
}

impl Dataset {
    /// Returns how many rows it has, at least one.
    #[expect(clippy::len_without_is_empty, reason = "a file without rows is no dataset")]
    pub fn len(&self) -> u32 {
        self.index.rows()
    }

    /// Returns the next row for this VU; its number is from 1, and 0 where no VU asks.
    ///
    /// Fails with [`NoRow::Exhausted`] if none is left, and with [`NoRow::Changed`] or
    /// [`NoRow::Unreadable`] if it cannot be read; it counts as handed out all the same.
    pub fn next(self: &Arc<Self>, vu: u32) -> Result<Row, NoRow> {
        let number = self.cursor.next(self.len(), vu).map_err(NoRow::Exhausted)?;
        self.row(number)
    }

    /// Returns the row of this number, from 0, whoever had it.
    ///
    /// Fails with [`NoRow::NoSuchRow`] if there are not so many, and with [`NoRow::Changed`] or
    /// [`NoRow::Unreadable`] if it cannot be read.
    pub fn row(self: &Arc<Self>, number: u32) -> Result<Row, NoRow> {
        if number >= self.len() {
            return Err(NoRow::NoSuchRow);
        }
        let text = self.index.read(number, &self.file, self.format, self.columns.len())?;
        Ok(Row::new(Arc::clone(self), number, text))
    }
}

#[cfg(test)]
mod tests;
