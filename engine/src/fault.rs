//! What can go wrong, and how it is said: what happened, to which thing, what to do.
//!
//! ```text
//! error: the options of `checkout.toml` are invalid
//!   scenarios.browse.rate: must be more than 0, but is 0
//!
//! hint: …
//! ```
//!
//! Messages may quote scripts, paths and tools: all of them pass through `printable`.

use std::error::Error;
use std::io::Write as _;

use anstyle::{AnsiColor, Style};

use crate::exit::ExitCode;
use crate::printable;

/// An error on its way to the person who typed the command.
#[derive(Debug)]
pub(crate) struct Fault {
    code: ExitCode,
    message: String,
    details: Vec<String>,
    hint: Option<String>,
}

impl Fault {
    /// What happened, to which thing. A message of several lines has its others below the first.
    pub(crate) fn new(code: ExitCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), details: Vec::new(), hint: None }
    }

    /// An error of a library, whose text fits "failed to …", with its causes.
    pub(crate) fn failed_to(code: ExitCode, error: &dyn Error) -> Self {
        let mut fault = Self::new(code, format!("failed to {error}"));
        let mut cause = error.source();
        while let Some(error) = cause {
            fault = fault.detail(error.to_string());
            cause = error.source();
        }
        fault
    }

    /// Adds a line, or several, below the message.
    pub(crate) fn detail(mut self, detail: impl Into<String>) -> Self {
        self.details.push(detail.into());
        self
    }

    /// Adds what another fault says in detail.
    pub(crate) fn and(mut self, other: Self) -> Self {
        self.details.extend(other.details);
        self
    }

    /// Says what to do about it; the last hint given stands.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    pub(crate) fn text(&self) -> String {
        let error = Style::new().bold().fg_color(Some(AnsiColor::Red.into()));
        let hint = Style::new().bold().fg_color(Some(AnsiColor::Cyan.into()));
        let mut lines = self.message.lines();
        let first = printable::line(lines.next().unwrap_or_default());
        let mut text = format!("{error}error:{error:#} {first}\n");
        for line in lines.chain(self.details.iter().flat_map(|detail| detail.lines())) {
            text.push_str(&format!("  {}\n", printable::line(line)));
        }
        if let Some(said) = &self.hint {
            text.push_str(&format!("\n{hint}hint:{hint:#} {}\n", printable::line(said)));
        }
        text
    }

    /// Says it on standard error; the code to end with.
    pub(crate) fn say(&self) -> ExitCode {
        // Where standard error is gone there is nobody to tell.
        let _ = anstream::stderr().write_all(self.text().as_bytes());
        self.code
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_says_what_happened_to_which_thing_and_what_to_do() {
        let fault = Fault::new(ExitCode::InvalidConfig, "the plan is invalid")
            .detail("vus: must be more than 0\nduration: is missing")
            .hint("see `wasmload schema options`");
        let plain = anstream::adapter::strip_str(&fault.text()).to_string();
        assert_eq!(
            plain,
            "error: the plan is invalid\n  vus: must be more than 0\n  duration: is missing\n\n\
             hint: see `wasmload schema options`\n"
        );
    }
    #[test]
    fn what_a_fault_quotes_cannot_act_on_the_terminal() {
        let fault = Fault::new(ExitCode::LoadFailed, "failed to load `\u{1b}]0;x\u{7}.wasm`\nmore")
            .detail("it exports `\u{9b}2J`\nand \u{202e}");
        let text = fault.text();
        let plain = text.rsplit_once("error:").expect("it begins so").1;
        let plain = plain.split_once(' ').expect("a space follows").1;
        assert_eq!(
            plain,
            "failed to load `\\u{1b}]0;x\\u{7}.wasm`\n  more\n  it exports `\\u{9b}2J`\n  and \\u{202e}\n"
        );
    }
}
