//! A row in the hands of a script.

use std::sync::Arc;

use serde_json::Value;

use crate::{Dataset, RowFormat, csv, json_lines};

/// A row, as it stands in the file. It takes the room of its text, until it is dropped.
#[derive(Debug)]
pub struct Row {
    dataset: Arc<Dataset>,
    number: u32,
    text: String,
}

/// The row is not what it was when the run began.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("its file was changed during the run")]
pub struct Changed;

impl Row {
    pub(crate) fn new(dataset: Arc<Dataset>, number: u32, text: String) -> Self {
        Self { dataset, number, text }
    }

    /// Returns how many bytes it takes.
    pub fn size(&self) -> usize {
        self.text.len()
    }

    /// Returns its number in the file, from 0.
    pub fn number(&self) -> u32 {
        self.number
    }

    /// Returns what its field of this name says; none if it has no such field, or one that is `null`.
    ///
    /// In JSON Lines a text is given without its quotes and anything else as it stands.
    ///
    /// Fails with [`Changed`] if the row is not what it was found to be before the run.
    pub fn get(&self, name: &str) -> Result<Option<String>, Changed> {
        match self.dataset.format {
            RowFormat::Csv { delimiter } => {
                let column = self.dataset.columns.iter().position(|column| column == name);
                let field =
                    column.and_then(|column| csv::fields(&self.text, delimiter).nth(column));
                Ok(field.map(std::borrow::Cow::into_owned))
            }
            RowFormat::JsonLines => json_lines::field(&self.text, name).map_err(|_| Changed),
        }
    }

    /// Returns all of it as JSON text: a JSON Lines row as it stands, a CSV row as an object of texts.
    pub fn json(&self) -> String {
        match self.dataset.format {
            RowFormat::JsonLines => self.text.clone(),
            RowFormat::Csv { delimiter } => {
                let fields = csv::fields(&self.text, delimiter);
                let mut json = String::with_capacity(self.text.len() * 2);
                for (column, field) in self.dataset.columns.iter().zip(fields) {
                    json.push(if json.is_empty() { '{' } else { ',' });
                    json.push_str(&quoted(column));
                    json.push(':');
                    json.push_str(&quoted(&field));
                }
                json.push('}');
                json
            }
        }
    }
}

fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}
