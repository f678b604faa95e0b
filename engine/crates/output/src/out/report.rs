//! A file that is made of the whole result, at the end of a run.

use std::io;
use std::path::Path;

use run::Event;

use super::packed;
use crate::redacted::Redactor;
use crate::report_file::ReportFile;
use crate::stored::StoredResult;
use crate::{Output, OutputError};

/// Writes a report when the run is over.
///
/// The file is there before the run, with what a report says of a run that did not come to its end, so that a place that
/// cannot be written to is known beforehand and a run that was killed has not the figures of an earlier one.
#[derive(Debug)]
pub struct Report {
    file: ReportFile,
    report: fn(&StoredResult) -> String,
    /// What is not written to it; before it is packed.
    secrets: Redactor,
    packed: bool,
    content: Option<Vec<u8>>,
}

impl Report {
    pub(super) fn create(
        path: &Path,
        report: fn(&StoredResult) -> String,
        secrets: Redactor,
    ) -> io::Result<Self> {
        let is_packed = path.extension().is_some_and(|extension| extension == "gz");
        let mut first = report(&StoredResult::default()).into_bytes();
        if is_packed {
            first = packed(&first)?;
        }
        let file = ReportFile::create(path, &first)?;
        Ok(Self { file, report, secrets, packed: is_packed, content: None })
    }
}

impl Report {
    /// The result without secrets, if there are any. They are taken out of its texts and not out of the report: there they may
    /// be escaped, and digits of figures are none.
    fn cleaned(&self, result: &StoredResult) -> Option<StoredResult> {
        let mut cleaned = self.secrets.is_any().then(|| serde_json::to_value(result).ok())??;
        self.secrets.clean(&mut cleaned, &[]);
        let mut named = cleaned.clone();
        self.secrets.clean_names(&mut named);
        // One that is the name of a field of ours stays there.
        let read = serde_json::from_value(named).or_else(|_| serde_json::from_value(cleaned));
        Some(read.unwrap_or_default())
    }
}

impl Output for Report {
    fn on_event(&mut self, _event: &Event) {}

    fn wants_result(&self) -> bool {
        true
    }

    fn on_result(&mut self, result: &StoredResult) {
        let text = match self.cleaned(result) {
            Some(cleaned) => (self.report)(&cleaned),
            None => (self.report)(result),
        };
        let text = text.into_bytes();
        // Packing into memory cannot fail.
        self.content = if self.packed { packed(&text).ok() } else { Some(text) };
    }

    fn finish(&mut self) -> Result<(), OutputError> {
        match self.content.take() {
            Some(content) => self.file.write(&content),
            None => Ok(()),
        }
    }
}
