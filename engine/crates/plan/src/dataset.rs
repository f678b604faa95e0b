//! Datasets: files whose rows scripts are handed, as options ask for them and as a plan has them.
//!
//! Only names and choices stand here. Reading a file, and saying what is wrong with it, is not this
//! crate's.

use std::collections::BTreeMap;
use std::path::Path;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::hosts::ScriptPlaces;
use crate::problems::{key_of, shown};
use crate::{MAX_ITERATIONS, Options, Problems, TraceFile, executor, hosts, pattern};

/// A file of rows that scripts open by its name in the options.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DatasetOptions {
    /// The file, from the folder of the options file that names it. A script's own options may not name
    /// one: whoever runs it does, here or with `--dataset NAME=FILE`.
    #[schemars(length(min = 1))]
    pub file: Option<String>,

    /// What the file is written in: `csv` as RFC 4180 has it, with the names of the columns in its first
    /// row, or `jsonl`, a JSON object a line. Where it is left out, the ending of the file's name says it:
    /// `.csv`, `.jsonl` or `.ndjson`.
    #[schemars(with = "Option<String>", extend("enum" = DatasetFormat::NAMES))]
    pub format: Option<DatasetFormat>,

    /// What separates the fields of a CSV row.
    #[schemars(extend("pattern" = pattern::DELIMITER.regex, "default" = ","))]
    pub delimiter: Option<String>,

    /// In which order rows are handed out: `sequential`, one after another and from the start again;
    /// `random`; `unique`, one after another and each only once in a run; `by-vu`, where VU 1 has the first
    /// row and every VU always its own.
    #[schemars(
        with = "Option<String>",
        extend("enum" = DatasetOrder::NAMES, "default" = "sequential")
    )]
    pub order: Option<DatasetOrder>,

    /// What `random` starts from: the same number gives the same rows in the same order. The run's `seed` if it is
    /// left out.
    #[schemars(range(min = 0, max = MAX_ITERATIONS))]
    pub seed: Option<u64>,

    /// What happens when all rows of a `unique` dataset have been handed out: `stop` lets running iterations
    /// finish and ends the run, `wrap` begins again, `fail` gives the script an error.
    #[schemars(
        with = "Option<String>",
        extend("enum" = OnExhausted::NAMES, "default" = "stop")
    )]
    pub on_exhausted: Option<OnExhausted>,

    /// The file that a script's own options name, which it may not; no option.
    #[serde(skip)]
    pub wished_for: Option<String>,
}

/// What a dataset's file is written in, as options have it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DatasetFormat {
    /// Comma-separated values, with a header.
    Csv,
    /// A JSON object a line.
    Jsonl,
}

/// In which order rows are handed out, as options have it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DatasetOrder {
    /// One after another, and from the start again.
    #[default]
    Sequential,
    /// By chance.
    Random,
    /// One after another, each only once.
    Unique,
    /// Each VU its own.
    ByVu,
}

/// What happens when each row of a `unique` dataset has been handed out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnExhausted {
    /// The run ends: iterations that are running may finish.
    #[default]
    Stop,
    /// The first row is handed out again, and so on.
    Wrap,
    /// The script is given an error.
    Fail,
}

impl DatasetFormat {
    const NAMES: [&str; 2] = ["csv", "jsonl"];

    /// What the ending of a file's name says.
    fn of(file: &str) -> Option<Self> {
        let name = file.rsplit(['/', '\\']).next()?;
        let (_, extension) = name.rsplit_once('.')?;
        match extension.to_ascii_lowercase().as_str() {
            "csv" => Some(Self::Csv),
            "jsonl" | "ndjson" => Some(Self::Jsonl),
            _ => None,
        }
    }
}

impl DatasetOrder {
    const NAMES: [&str; 4] = ["sequential", "random", "unique", "by-vu"];
}

impl OnExhausted {
    const NAMES: [&str; 3] = ["stop", "wrap", "fail"];
}

/// A file of rows, with nothing left open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatasetPlan {
    /// The file, from the folder that wasmload runs in.
    pub file: String,
    /// What it is written in.
    pub format: RowFormat,
    /// In which order its rows are handed out.
    pub order: RowOrder,
}

/// What the rows of a file are written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowFormat {
    /// Comma-separated values, with a header.
    Csv {
        /// What separates two fields.
        delimiter: u8,
    },
    /// A JSON object a line.
    JsonLines,
}

/// In which order rows are handed out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowOrder {
    /// One after another, and from the start again.
    Sequential,
    /// By chance.
    Random {
        /// What the chance starts from.
        seed: u64,
    },
    /// One after another, each only once.
    Unique {
        /// What happens then.
        on_exhausted: OnExhausted,
    },
    /// Each VU its own.
    ByVu,
}

impl Options {
    /// Returns these options as those of a script, which nobody needs to trust: without the files they name, with a
    /// note of the places that they have connections go to, and with limits that count only where they are narrower
    /// than what stands otherwise.
    ///
    /// What it wished for is kept for the problem that [`Options::plan`] makes of it, unless a layer above
    /// names a file.
    #[must_use]
    pub fn without_files(self) -> Self {
        self.without_files_but(&|_| None)
    }

    /// The same, but for files that it may name: `allowed` is given what it says, and returns where such a file is.
    #[must_use]
    pub fn without_files_but(mut self, allowed: &dyn Fn(&str) -> Option<String>) -> Self {
        for dataset in self.datasets.iter_mut().flat_map(BTreeMap::values_mut) {
            let Some(wish) = dataset.file.take() else { continue };
            match allowed(&wish) {
                Some(file) => {
                    // What the name says counts, and not that of the file it leads to.
                    dataset.format = dataset.format.or(DatasetFormat::of(&wish));
                    dataset.file = Some(file);
                }
                None => dataset.wished_for = Some(wish),
            }
        }
        for file in self.files.iter_mut().flat_map(BTreeMap::values_mut) {
            file.allow_or_refuse(allowed);
        }
        for trace in executor::traces(&mut self.scenarios) {
            match allowed(&trace.file) {
                Some(file) => trace.file = file,
                None => trace.read = TraceFile::Refused,
            }
        }
        hosts::take_sockets(&mut self);
        // Where it names no proxy of its own, it does not say what goes past those of others.
        if self.proxy.as_ref().is_none_or(|proxy| proxy.is_empty()) {
            (self.proxy, self.no_proxy) = (None, None);
        }
        if let Some(limits) = self.limits.take() {
            self.wished_limits = self.wished_limits.narrower(limits);
        }
        self.by_script = ScriptPlaces::of(&self);
        self
    }

    /// Returns these options with the files that they name as seen from elsewhere: where a name is not
    /// absolute, it begins at this folder.
    #[must_use]
    pub fn with_files_in(mut self, folder: &Path) -> Self {
        for dataset in self.datasets.iter_mut().flat_map(BTreeMap::values_mut) {
            // None is left as it is, and is told of as it was written.
            if let Some(file) = dataset.file.as_mut().filter(|file| !file.is_empty()) {
                *file = folder.join(&*file).to_string_lossy().into_owned();
            }
        }
        for file in self.files.iter_mut().flat_map(BTreeMap::values_mut) {
            file.seen_from(folder);
        }
        for trace in executor::traces(&mut self.scenarios) {
            trace.file = folder.join(&trace.file).to_string_lossy().into_owned();
        }
        hosts::sockets_in(&mut self, folder);
        self
    }
}

/// Both layers' datasets, combined option by option.
pub(crate) fn over(
    upper: Option<BTreeMap<String, DatasetOptions>>,
    lower: Option<BTreeMap<String, DatasetOptions>>,
) -> Option<BTreeMap<String, DatasetOptions>> {
    let (upper, mut all) = match (upper, lower) {
        (Some(upper), Some(lower)) => (upper, lower),
        (upper, lower) => return upper.or(lower),
    };
    for (name, upper) in upper {
        let lower = all.remove(&name).unwrap_or_default();
        let both = DatasetOptions {
            file: upper.file.or(lower.file),
            format: upper.format.or(lower.format),
            delimiter: upper.delimiter.or(lower.delimiter),
            order: upper.order.or(lower.order),
            seed: upper.seed.or(lower.seed),
            on_exhausted: upper.on_exhausted.or(lower.on_exhausted),
            wished_for: upper.wished_for.or(lower.wished_for),
        };
        all.insert(name, both);
    }
    Some(all)
}

/// What options of datasets come to; one without a seed has the run's.
pub(crate) fn plans(
    datasets: BTreeMap<String, DatasetOptions>,
    seed_of_run: Option<u64>,
    problems: &mut Problems,
    warnings: &mut Vec<String>,
) -> BTreeMap<String, DatasetPlan> {
    let mut plans = BTreeMap::new();
    for (name, options) in datasets {
        let path = key_of("datasets", &name);
        for useless in without_effect(&options) {
            warnings.push(format!("`{path}.{useless}"));
        }
        let Some(file) = &options.file else {
            let problem = match &options.wished_for {
                None => format!("is missing; name it with `--dataset {name}=FILE`"),
                // No command to be copied has a word of the script's in it.
                Some(file) => format!(
                    "a script may not name files itself, but names `{}`; if it may have the rows of that, \
                     say so with `--dataset {name}=FILE`, or allow the file with `--allow-read`",
                    shown(file)
                ),
            };
            problems.push(format!("{path}.file"), problem);
            continue;
        };
        let Some(format) = options.format.or_else(|| DatasetFormat::of(file)) else {
            let problem = format!(
                "is missing, and the name `{}` does not end in .csv, .jsonl or .ndjson",
                shown(file)
            );
            problems.push(format!("{path}.format"), problem);
            continue;
        };
        let format = match format {
            DatasetFormat::Csv => RowFormat::Csv { delimiter: delimiter(&options) },
            DatasetFormat::Jsonl => RowFormat::JsonLines,
        };
        let order = match options.order.unwrap_or_default() {
            DatasetOrder::Sequential => RowOrder::Sequential,
            DatasetOrder::Random => {
                RowOrder::Random { seed: options.seed.or(seed_of_run).unwrap_or_default() }
            }
            DatasetOrder::Unique => {
                RowOrder::Unique { on_exhausted: options.on_exhausted.unwrap_or_default() }
            }
            DatasetOrder::ByVu => RowOrder::ByVu,
        };
        plans.insert(name, DatasetPlan { file: file.clone(), format, order });
    }
    plans
}

/// One that is none has been told of by now.
fn delimiter(options: &DatasetOptions) -> u8 {
    options.delimiter.as_deref().and_then(|text| text.bytes().next()).unwrap_or(b',')
}

/// The options that change nothing, each with why not; what stands before is the path.
fn without_effect(options: &DatasetOptions) -> impl Iterator<Item = &'static str> {
    let order = options.order.unwrap_or_default();
    let is_jsonl = options.format.or_else(|| DatasetFormat::of(options.file.as_deref()?))
        == Some(DatasetFormat::Jsonl);
    [
        (
            options.seed.is_some() && order != DatasetOrder::Random,
            "seed` has no effect: the order is not `random`",
        ),
        (
            options.on_exhausted.is_some() && order != DatasetOrder::Unique,
            "onExhausted` has no effect: the order is not `unique`",
        ),
        (
            options.delimiter.is_some() && is_jsonl,
            "delimiter` has no effect: the rows are JSON Lines",
        ),
    ]
    .into_iter()
    .filter_map(|(holds, what)| holds.then_some(what))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Plan, parse_json};

    fn stands(upper: &str, script: &str) -> Result<Plan, Problems> {
        parse_json(upper).unwrap().over(parse_json(script).unwrap().without_files()).plan()
    }

    #[test]
    fn rows_at_random_without_a_seed_have_the_runs() {
        let options = r#"{"seed":7,"datasets":{
            "own": {"file":"a.csv","order":"random","seed":2},
            "none": {"file":"a.csv","order":"random"}
        }}"#;
        let plan = parse_json(options).unwrap().plan().unwrap();
        assert_eq!(plan.seed, Some(7));
        assert_eq!(plan.datasets["own"].order, RowOrder::Random { seed: 2 });
        assert_eq!(plan.datasets["none"].order, RowOrder::Random { seed: 7 });
    }

    #[test]
    fn a_dataset_comes_to_a_file_a_format_and_an_order() {
        let csv = RowFormat::Csv { delimiter: b',' };
        for (options, format, order, why) in [
            (r#"{"file":"a.csv"}"#, csv, RowOrder::Sequential, "the ending says it"),
            (r#"{"file":"A.CSV"}"#, csv, RowOrder::Sequential, "in any case"),
            (r#"{"file":"a.ndjson"}"#, RowFormat::JsonLines, RowOrder::Sequential, "another name"),
            (
                r#"{"file":"a","format":"jsonl","order":"by-vu"}"#,
                RowFormat::JsonLines,
                RowOrder::ByVu,
                "or it is said",
            ),
            (
                r#"{"file":"a.csv","format":"csv","delimiter":"\t","order":"random","seed":7}"#,
                RowFormat::Csv { delimiter: b'\t' },
                RowOrder::Random { seed: 7 },
                "with all that belongs to it",
            ),
            (
                r#"{"file":"a.csv","order":"unique"}"#,
                csv,
                RowOrder::Unique { on_exhausted: OnExhausted::Stop },
                "rows that run out end the run",
            ),
            (
                r#"{"file":"a.csv","order":"unique","onExhausted":"wrap"}"#,
                csv,
                RowOrder::Unique { on_exhausted: OnExhausted::Wrap },
                "unless they begin again",
            ),
        ] {
            let plan = stands(&format!(r#"{{"datasets":{{"users":{options}}}}}"#), "{}").unwrap();
            let dataset = &plan.datasets["users"];
            assert_eq!((dataset.format, dataset.order), (format, order), "{why}");
            assert_eq!(plan.warnings, [""; 0], "{why}");
        }
    }

    #[test]
    fn layers_are_combined_option_by_option() {
        let plan = stands(
            r#"{"datasets":{"users":{"file":"mine.csv","seed":2},"more":{"file":"b.jsonl"}}}"#,
            r#"{"datasets":{"users":{"file":"theirs.csv","order":"random","seed":1}}}"#,
        )
        .unwrap();
        assert_eq!(plan.datasets["users"].file, "mine.csv");
        assert_eq!(plan.datasets["users"].order, RowOrder::Random { seed: 2 });
        assert_eq!(plan.datasets["more"].format, RowFormat::JsonLines);
    }

    #[test]
    fn a_file_is_named_from_the_folder_of_the_options() {
        for (file, folder, expected) in [
            ("a.csv", "", "a.csv"),
            ("a.csv", "plans", "plans/a.csv"),
            ("../a.csv", "/plans", "/plans/../a.csv"),
            ("/a.csv", "plans", "/a.csv"),
        ] {
            let options = format!(r#"{{"datasets":{{"users":{{"file":"{file}"}}}}}}"#);
            let options = parse_json(&options).unwrap().with_files_in(Path::new(folder));
            assert_eq!(options.plan().unwrap().datasets["users"].file, expected);
        }
    }

    #[test]
    fn a_file_that_only_the_script_names_is_refused_with_how_to_allow_it() {
        for (script, said) in [
            (
                r#"{"file":"/etc/passwd","format":"csv"}"#,
                "datasets.users.file: a script may not name files itself, but names `/etc/passwd`; if it may \
                 have the rows of that, say so with `--dataset users=FILE`, or allow the file with `--allow-read`",
            ),
            (
                r#"{"order":"unique"}"#,
                "datasets.users.file: is missing; name it with `--dataset users=FILE`",
            ),
        ] {
            let script = format!(r#"{{"datasets":{{"users":{script}}}}}"#);
            assert_eq!(stands("{}", &script).unwrap_err().to_string(), said);
            let allowed = r#"{"datasets":{"users":{"file":"a.csv"}}}"#;
            assert!(stands(allowed, &script).is_ok());
        }
    }

    #[test]
    fn what_makes_no_sense_is_said_with_its_place() {
        let options = r#"{"datasets":{
            "a b": {"file":"a.csv"},
            "c": {"file":"","format":"xml","order":"shuffled","onExhausted":"panic"},
            "d": {"file":"d.csv","delimiter":"\"","seed":-1,"columns":2},
            "e": {"file":"e.csv","delimiter":"--"}
        }}"#;
        assert_eq!(
            parse_json(options).unwrap_err().to_string(),
            "datasets.\"a b\": must be a name of letters, digits, `_` and `-`\n\
             datasets.c.file: must not be empty, but is ``\n\
             datasets.c.format: must be `csv` or `jsonl`, but is `xml`\n\
             datasets.c.onExhausted: must be `stop`, `wrap` or `fail`, but is `panic`\n\
             datasets.c.order: must be `sequential`, `random`, `unique` or `by-vu`, but is `shuffled`\n\
             datasets.d: unknown key `columns`\n\
             datasets.d.delimiter: must be one ASCII character and no quote, but is `\"`\n\
             datasets.d.seed: must be at least 0, but is -1\n\
             datasets.e.delimiter: must be one ASCII character and no quote, but is `--`"
        );
        assert_eq!(
            stands(r#"{"datasets":{"a":{"file":"users.txt"}}}"#, "{}").unwrap_err().to_string(),
            "datasets.a.format: is missing, and the name `users.txt` does not end in .csv, .jsonl or .ndjson"
        );
    }

    #[test]
    fn what_has_no_effect_is_warned_of() {
        let plan = stands(
            r#"{"datasets":{"a":{"file":"a.jsonl","seed":1,"onExhausted":"fail","delimiter":";"}}}"#,
            "{}",
        );
        assert_eq!(
            plan.unwrap().warnings,
            [
                "`datasets.a.seed` has no effect: the order is not `random`",
                "`datasets.a.onExhausted` has no effect: the order is not `unique`",
                "`datasets.a.delimiter` has no effect: the rows are JSON Lines",
            ]
        );
    }
}
