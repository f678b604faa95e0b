//! The report that people look at: one file, with charts, that asks the network for nothing.
//!
//! The page is its frame (`html/page.html`), its style, a library that draws (`html/vendor`, uPlot) and a script of ours, all as they
//! stand in `html/`, and the data of one run as JSON. What is in it is `html/view.rs`; the script shows it, and neither computes nor judges.
//!
//! The names in the data are a script's, a target's or a passer-by's. They are data all the way: in the file no `<` of theirs
//! stands as one, and the script of the page makes texts of them and never markup. The page's own policy
//! (`Content-Security-Policy`) lets it load nothing, whatever it says.

mod distribution;
mod live;
mod view;

use std::io;
use std::path::Path;

use run::Event;

pub use self::live::Live;
use self::view::View;
use crate::redacted::Redactor;
use crate::report_file::ReportFile;
use crate::stored::StoredResult;
use crate::{Output, OutputError};

const FRAME: &str = include_str!("html/page.html");

/// What is put into the frame, in the order in which it stands there.
const PARTS: [(&str, &str); 6] = [
    ("/* style of the library */", include_str!("html/vendor/uPlot.min.css")),
    ("/* style */", include_str!("html/style.css")),
    ("/* library */", include_str!("html/vendor/uPlot.iife.min.js")),
    ("/* figures */", include_str!("html/figures.js")),
    ("/* charts */", include_str!("html/charts.js")),
    ("/* sections */", include_str!("html/sections.js")),
];

/// The place of the data, in front of the library.
const DATA: &str = "/* data */";

/// A page of what is kept of a run, without these values.
#[must_use]
pub fn page(result: &StoredResult, secrets: &Redactor) -> String {
    framed(&data(result, false, secrets))
}

/// What a page of a run shows, as JSON that may stand in one.
///
/// `live` is whether the run goes on.
#[must_use]
pub fn data(result: &StoredResult, live: bool, secrets: &Redactor) -> String {
    embeddable(&View::of(result, live).json(secrets))
}

/// The page around its data.
fn framed(data: &str) -> String {
    let mut page = String::with_capacity(160 << 10);
    let mut rest = FRAME;
    let (style, scripts) = PARTS.split_at(2);
    for (place, content) in style.iter().chain(&[(DATA, data)]).chain(scripts) {
        // The frame has all of them in this order: a test looks.
        let (before, after) = rest.split_once(place).unwrap_or((rest, ""));
        page.push_str(before);
        page.push_str(content);
        rest = after;
    }
    page.push_str(rest);
    page
}

/// JSON that ends no element of a page and begins no comment in it (HTML Standard, "Restrictions for contents of `script`
/// elements"): there `<` stands in texts only, and an escape is the same to a reader of JSON.
fn embeddable(json: &str) -> String {
    json.replace('<', "\\u003c").replace('\u{2028}', "\\u2028").replace('\u{2029}', "\\u2029")
}

/// To four significant digits: more than a chart shows, and a sketch knows fewer.
fn rounded(value: f64) -> f64 {
    if value == 0.0 || !value.is_finite() {
        return value;
    }
    let scale = 10_f64.powi(3 - value.abs().log10().floor() as i32);
    let rounded = (value * scale).round() / scale;
    if rounded.is_finite() { rounded } else { value }
}

/// Writes the page when a run is over.
///
/// Like every report it is there before the run, and then says that the run has not come to its end.
#[derive(Debug)]
pub struct HtmlFile {
    file: ReportFile,
    /// Taken out of the data before it is put into the page: what happens to stand in the page's own script is left.
    secrets: Redactor,
    packed: bool,
    content: Option<Vec<u8>>,
}

impl HtmlFile {
    /// Makes the file, without these values in it; packed by gzip if its name ends with `.gz`.
    ///
    /// Fails if there is no such folder, no permission or no room.
    pub fn create(path: &Path, secrets: Redactor) -> io::Result<Self> {
        let packed = path.extension().is_some_and(|extension| extension == "gz");
        let first = bytes(&StoredResult::default(), &secrets, packed)?;
        let file = ReportFile::create(path, &first)?;
        Ok(Self { file, secrets, packed, content: None })
    }
}

fn bytes(result: &StoredResult, secrets: &Redactor, packed: bool) -> io::Result<Vec<u8>> {
    let page = page(result, secrets).into_bytes();
    if packed { crate::out::packed(&page) } else { Ok(page) }
}

impl Output for HtmlFile {
    fn on_event(&mut self, _event: &Event) {}

    fn wants_result(&self) -> bool {
        true
    }

    fn on_result(&mut self, result: &StoredResult) {
        // Packing into memory cannot fail.
        self.content = bytes(result, &self.secrets, self.packed).ok();
    }

    fn finish(&mut self) -> Result<(), OutputError> {
        match self.content.take() {
            Some(content) => self.file.write(&content),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
