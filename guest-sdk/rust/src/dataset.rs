//! Rows of files that whoever runs the script gave it: accounts, products, search terms.
//!
//! Whoever runs the script gives a file a name, with `--dataset users=users.csv` or in the options file; the
//! script opens it by that name and has no other files. All virtual users share the rows, which stay with
//! the engine. A script's own options name the datasets that it needs, so that one without a file is told of
//! before any load, and can say in which order their rows come:
//!
//! ```
//! use wasmload_sdk::prelude::*;
//!
//! script!(iterate, options = r#"{ "datasets": { "users": { "order": "random", "seed": 7 } } }"#);
//!
//! fn iterate() -> Result {
//!     let user = dataset::open("users")?.next()?;
//!     let login = Request::post(&base_url("/login"))
//!         .json(&json!({ "user": user.field("name")?, "password": user.field("password")? }))
//!         .send()?;
//!     check("logged in", login.status() == 200);
//!     Ok(())
//! }
//! # fn main() {}
//! ```
//!
//! | `"order"` | gives |
//! | --- | --- |
//! | `"sequential"` | one row after another, and from the start again |
//! | `"random"` | any row, by `"seed"`: the same seed gives the same rows in the same order |
//! | `"unique"` | each row once in a run; `"onExhausted"` says what then: `"stop"`, `"wrap"` or `"fail"` |
//! | `"by-vu"` | each virtual user its own, always the same |

use std::fmt;

use crate::Result;
use crate::bindings::wasmload::script::dataset as contract;

/// Opens the dataset of this name.
///
/// # Errors
///
/// Fails with [`ErrorKind::NotDeclared`] if the run has none of this name.
pub fn open(name: &str) -> Result<Dataset, Error> {
    contract::Dataset::open(name).map(Dataset).map_err(Error)
}

/// Rows that are handed out in the order that the options choose, to all virtual users together.
///
/// Opening it again does not begin anew.
#[derive(Debug)]
pub struct Dataset(contract::Dataset);

impl Dataset {
    /// The next row in the dataset's order.
    ///
    /// When each row of a `unique` dataset has been handed out and nothing else is asked for, it does not
    /// return: this user ends, and so does the run, as if its time had come. The iteration that asked is
    /// counted in `iterations_interrupted`.
    ///
    /// # Errors
    ///
    /// Fails with [`ErrorKind::Exhausted`] if each row has been handed out and the options ask for an error
    /// then (`"onExhausted": "fail"`); an iteration that returns it is counted in `iterations_failed`. Fails
    /// with [`ErrorKind::Unreadable`] if the row cannot be read; it counts as handed out all the same.
    pub fn next(&self) -> Result<Row, Error> {
        self.0.next().map(Row).map_err(Error)
    }

    /// The row of this number, from 0, whatever the order. It does not count as handed out.
    ///
    /// # Errors
    ///
    /// Fails with [`ErrorKind::NoSuchRow`] if there are not so many, and with [`ErrorKind::Unreadable`] if
    /// it cannot be read.
    pub fn row(&self, number: usize) -> Result<Row, Error> {
        let number = u32::try_from(number).map_err(|_| Error(contract::Error::NoSuchRow))?;
        self.0.row(number).map(Row).map_err(Error)
    }

    /// How many rows it has; at least one.
    #[expect(clippy::len_without_is_empty, reason = "the engine refuses a dataset without rows")]
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len() as usize
    }
}

/// One row. It stays with the engine until it is dropped, and its fields are copied when asked for.
#[derive(Debug)]
pub struct Row(contract::Row);

impl Row {
    /// Its number in the file, from 0.
    #[must_use]
    pub fn number(&self) -> usize {
        self.0.number() as usize
    }

    /// What the field of this name says: in CSV that of the column; in JSON Lines that of the object, a
    /// text without its quotes and anything else as it stands. None if there is no such field or it is `null`.
    #[must_use]
    pub fn get(&self, field: &str) -> Option<String> {
        self.0.get(field)
    }

    /// Likewise, where there must be one.
    ///
    /// # Errors
    ///
    /// Fails with a sentence that names the field and the row if there is no such field or it is `null`.
    pub fn field(&self, field: &str) -> Result<String> {
        let found = self.get(field);
        found.ok_or_else(|| format!("row {} has no field `{field}`", self.number()).into())
    }

    /// The whole row as JSON text: a JSON Lines row as it stands in the file, a CSV row as an object of
    /// texts.
    #[must_use]
    pub fn text(&self) -> String {
        self.0.json()
    }

    /// The whole row as a value of this type. Of a CSV row all fields are texts.
    ///
    /// # Errors
    ///
    /// Fails if the row is of another shape.
    #[cfg(feature = "json")]
    pub fn json<T: serde::de::DeserializeOwned>(&self) -> Result<T> {
        serde_json::from_str(&self.text())
            .map_err(|error| format!("row {} does not fit: {error}", self.number()).into())
    }
}

/// Why there is no dataset, or no row.
#[derive(Clone)]
pub struct Error(contract::Error);

impl Error {
    /// The case, to act on.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self.0 {
            contract::Error::NotDeclared(_) => ErrorKind::NotDeclared,
            contract::Error::Exhausted => ErrorKind::Exhausted,
            contract::Error::NoSuchRow => ErrorKind::NoSuchRow,
            contract::Error::Unreadable(_) => ErrorKind::Unreadable,
        }
    }
}

/// The cases of an [`Error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The run has no dataset of this name.
    NotDeclared,
    /// Each row of a `unique` dataset has been handed out.
    Exhausted,
    /// The dataset has no row of this number.
    NoSuchRow,
    /// The file can no longer be read, or was changed during the run.
    Unreadable,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            contract::Error::NotDeclared(what) => f.write_str(what),
            contract::Error::Exhausted => {
                f.write_str("each row of the dataset has been handed out")
            }
            contract::Error::NoSuchRow => f.write_str("the dataset has no such row"),
            contract::Error::Unreadable(why) => write!(f, "a row cannot be read: {why}"),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Error {}
