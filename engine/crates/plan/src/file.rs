//! Files that scripts may send, as options name them.
//!
//! Only names stand here; opening a file is not this crate's.

use std::collections::BTreeMap;
use std::path::Path;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Problems;
use crate::problems::{key_of, shown};

/// A file that scripts may send.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct FileOption {
    /// Where it is.
    #[schemars(length(min = 1))]
    path: String,
    /// Whether a script's own options name it, which they may not; no option.
    #[serde(skip)]
    is_wish: bool,
}

impl FileOption {
    /// The file at this path, from the folder that wasmload runs in.
    #[must_use]
    pub fn new(path: String) -> Self {
        Self { path, is_wish: false }
    }

    /// Takes it for what a script wishes for, unless that is allowed.
    pub(crate) fn allow_or_refuse(&mut self, allowed: &dyn Fn(&str) -> Option<String>) {
        match allowed(&self.path) {
            Some(path) => self.path = path,
            None => self.is_wish = true,
        }
    }

    /// Where its path is not absolute, it begins at this folder.
    pub(crate) fn seen_from(&mut self, folder: &Path) {
        if !self.path.is_empty() {
            self.path = folder.join(&self.path).to_string_lossy().into_owned();
        }
    }
}

/// The paths of all files, by their names.
pub(crate) fn paths(
    files: BTreeMap<String, FileOption>,
    problems: &mut Problems,
) -> BTreeMap<String, String> {
    for (name, file) in &files {
        if file.is_wish {
            let problem = format!(
                "a script may not name files itself, but names `{}`; if it may send that, say so with \
                 `--file {name}=FILE`, or allow the file with `--allow-read`",
                shown(&file.path)
            );
            problems.push(key_of("files", name), problem);
        }
    }
    files.into_iter().map(|(name, file)| (name, file.path)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Options, parse_json};

    fn options(json: &str) -> Options {
        parse_json(json).expect("options")
    }

    #[test]
    fn a_file_is_named_from_the_folder_of_the_options() {
        let options = options(r#"{"files":{"a":"a.bin","b":"/b.bin"}}"#);
        let plan = options.with_files_in(Path::new("plans")).plan().expect("a plan");
        assert_eq!(plan.files["a"], "plans/a.bin");
        assert_eq!(plan.files["b"], "/b.bin");
    }

    #[test]
    fn a_file_that_only_the_script_names_is_refused_with_how_to_allow_it() {
        let script = options(r#"{"files":{"video":"/etc/passwd"}}"#).without_files();
        let refused = script.clone().plan().expect_err("it is not allowed");
        assert_eq!(
            refused.to_string(),
            "files.video: a script may not name files itself, but names `/etc/passwd`; if it may send that, \
             say so with `--file video=FILE`, or allow the file with `--allow-read`"
        );
        let allowed = options(r#"{"files":{"video":"mine.mp4"}}"#).over(script);
        assert_eq!(allowed.plan().expect("a plan").files["video"], "mine.mp4");
    }

    #[test]
    fn what_makes_no_sense_is_said_with_its_place() {
        let options = r#"{"files":{"a b":"x","c":"","d":7}}"#;
        assert_eq!(
            parse_json(options).expect_err("nonsense").to_string(),
            "files.\"a b\": must be a name of letters, digits, `_` and `-`\n\
             files.c: must not be empty, but is ``\n\
             files.d: must be a text, but is 7"
        );
    }
}
