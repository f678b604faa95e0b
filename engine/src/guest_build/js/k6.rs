//! Scripts written for k6: what of k6 they use, and what of that is not here.
//!
//! The modules that k6 has are in the SDK (`guest-sdk/js/k6`). What a script imports of them and uses by name is looked
//! up there before it is built, so that all of what is not supported is said at once, with its lines. Files that a
//! script opens by a text become part of it, since scripts have no files.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use super::imports::{Import, imports, is, members, name};
use super::libraries::{self, library};
use super::tokens::{Kind, Token, tokens};
use crate::exit::ExitCode;
use crate::fault::Fault;
use crate::sdk;

/// The modules that scripts may import by k6's names for them, and their files in the SDK. Longer names come first.
pub(super) const MODULES: [(&str, &str); 13] = [
    ("k6/experimental/timers", "k6/timers.js"),
    ("k6/experimental/websockets", "k6/websockets.js"),
    ("k6/crypto", "k6/crypto.js"),
    ("k6/data", "k6/data.js"),
    ("k6/encoding", "k6/encoding.js"),
    ("k6/execution", "k6/execution.js"),
    ("k6/http", "k6/http.js"),
    ("k6/metrics", "k6/metrics.js"),
    ("k6/secrets", "k6/secrets.js"),
    ("k6/timers", "k6/timers.js"),
    ("k6/websockets", "k6/websockets.js"),
    ("k6/ws", "k6/ws.js"),
    ("k6", "k6/index.js"),
];

/// The largest file that is made a part of a script.
const LARGEST: u64 = 64 << 20;
/// What is in the folder of a project. A script that is in none is one by itself, in its folder.
const PROJECTS: [&str; 2] = ["package.json", ".git"];
/// How the names of modules end that others import without it.
const ENDINGS: [&str; 7] = ["", ".js", ".ts", ".mjs", ".mts", "/index.js", "/index.ts"];

/// What a k6 script is built with besides.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct OfK6 {
    /// Files that it opens: whether as bytes, the name that it has for each, and what is in it.
    files: BTreeMap<(bool, String), Vec<u8>>,
    /// The libraries that it imports from the network, by their addresses.
    libraries: BTreeSet<String>,
}

impl OfK6 {
    /// The end of the module that a component is made of, behind the import of the SDK in this folder: `load` gives the
    /// script's own module.
    pub(super) fn main(&self, sdk: &Path, load: &str) -> String {
        let path = quoted(&sdk.join("k6/script.js").to_string_lossy());
        let mut whole = self.embedding(sdk) + &libraries::shelf(&self.libraries, sdk);
        whole.push_str(&format!(
            "import {{ k6 }} from {path};\nconst written = k6({load});\n\
             export const script = of(written.load);\nexport const summary = written.summary;\n"
        ));
        whole
    }

    /// The bundle with the libraries that are here in place of those of the network.
    pub(super) fn with_libraries(&self, bundle: &str) -> String {
        libraries::in_place(&self.libraries, bundle)
    }

    /// Whether it has what stands at an address.
    pub(super) fn has(&self, address: &str) -> bool {
        self.libraries.contains(address)
    }

    /// Statements that make the files part of the script.
    fn embedding(&self, sdk: &Path) -> String {
        if self.files.is_empty() {
            return String::new();
        }
        let globals = sdk.join("k6/globals.js");
        let mut whole =
            format!("import {{ embed }} from {};\n", quoted(&globals.to_string_lossy()));
        for ((is_binary, name), content) in &self.files {
            let value = if *is_binary {
                let hex: String = content.iter().map(|byte| format!("{byte:02x}")).collect();
                format!("Uint8Array.fromHex({})", quoted(&hex))
            } else {
                quoted(&String::from_utf8_lossy(content))
            };
            let key = format!("{}:{name}", if *is_binary { "b" } else { "" });
            whole.push_str(&format!("embed({}, {value});\n", quoted(&key)));
        }
        whole
    }
}

/// A text as JavaScript has it.
pub(super) fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// Looks through a script and what it imports by a path; none if nothing of it is of k6.
///
/// Fails with everything that it wants of k6 and is not here.
pub(super) fn of_k6(entry: &Path) -> Result<Option<OfK6>, Fault> {
    let mut look = Look::new(entry);
    let mut left = vec![entry.to_owned()];
    let mut seen = BTreeSet::new();
    while let Some(path) = left.pop() {
        if !seen.insert(path.clone()) {
            continue;
        }
        // What cannot be read is the bundler's to say.
        let Ok(source) = fs::read_to_string(&path) else { continue };
        left.extend(look.source(&path, &tokens(&source)));
    }
    if !look.is_of_k6 {
        return Ok(None);
    }
    look.open_files();
    if look.problems.is_empty() {
        return Ok(Some(look.found));
    }
    look.problems.sort();
    look.problems.dedup();
    let what = format!("`{}` uses what is not supported of k6", entry.display());
    let fault = Fault::new(ExitCode::BuildFailed, what);
    let fault = look.problems.iter().fold(fault, |fault, (path, line, problem)| {
        fault.detail(format!("{path}:{line}: {problem}"))
    });
    Err(fault.hint("guest-sdk/js/k6/README.md has a table of what is supported"))
}

/// What is found while one looks.
struct Look<'a> {
    folder: &'a Path,
    /// Where the files are that it may open.
    project: &'a Path,
    is_of_k6: bool,
    found: OfK6,
    /// Files to be opened: from which folder, by which name, whether as bytes, and where that is said.
    opened: Vec<(PathBuf, String, bool, (String, usize))>,
    /// Where, and what.
    problems: Vec<(String, usize, String)>,
}

impl<'a> Look<'a> {
    fn new(entry: &'a Path) -> Self {
        let folder = entry.parent().unwrap_or(entry);
        let is_project = |folder: &&Path| PROJECTS.iter().any(|mark| folder.join(mark).exists());
        let project = folder.ancestors().find(is_project).unwrap_or(folder);
        let (found, is_of_k6) = (OfK6::default(), false);
        Self { folder, project, is_of_k6, found, opened: Vec::new(), problems: Vec::new() }
    }

    /// Looks through a source, and gives the files that it imports.
    fn source(&mut self, path: &Path, tokens: &[Token]) -> Vec<PathBuf> {
        let shown = path.strip_prefix(self.folder).unwrap_or(path).display().to_string();
        let folder = path.parent().unwrap_or(path);
        let is_typed =
            path.extension().is_some_and(|end| ["ts", "mts", "cts"].iter().any(|ts| end == *ts));
        // What k6 has as a type only is gone when a script runs: `Options`, `http.RefinedResponse<…>`.
        let is_type = |name: &str| is_typed && name.starts_with(|first: char| first.is_uppercase());
        let mut imported = Vec::new();
        for import in imports(tokens) {
            let Import { module, line, names, whole } = import;
            let mut problem = |line: usize, what: String| {
                self.problems.push((shown.clone(), line, what));
            };
            if let Some((_, file)) = library(&module) {
                self.is_of_k6 = true;
                let exports = Exports::of_file(file);
                for (name, line) in names {
                    if !exports.as_ref().is_some_and(|exports| exports.has(&name)) {
                        problem(line, format!("`{name}` of `{module}` is not supported"));
                    }
                }
                self.found.libraries.insert(module);
            } else if module.starts_with("http:") || module.starts_with("https:") {
                problem(
                    line,
                    format!(
                        "`{module}`: modules are not loaded from the network; save it beside the script, and import it from there"
                    ),
                );
            } else if module == "k6/options" && names.iter().all(|(name, _)| is_type(name)) {
                self.is_of_k6 = true;
            } else if module == "k6" || module.starts_with("k6/") {
                self.is_of_k6 = true;
                let Some(exports) = Exports::of(&module) else {
                    problem(line, format!("`{module}` is not supported"));
                    continue;
                };
                let absent = |name: &str| !exports.has(name) && !is_type(name);
                for (name, line) in names.iter().filter(|(name, _)| absent(name)) {
                    problem(*line, format!("`{name}` of `{module}` is not supported"));
                }
                for (local, name, line) in members(tokens, &whole) {
                    if !exports.is_member(&name) && !is_type(&name) {
                        problem(line, format!("`{local}.{name}` of `{module}` is not supported"));
                    }
                }
            } else if module.starts_with('.') {
                let candidates = ENDINGS.iter().map(|end| folder.join(format!("{module}{end}")));
                imported.extend(candidates.into_iter().find(|path| path.is_file()));
            }
        }
        self.opens(folder, &shown, tokens);
        imported
    }

    /// Takes note of the files that a source opens.
    fn opens(&mut self, folder: &Path, shown: &str, tokens: &[Token]) {
        let is_its_own = tokens.windows(2).any(|two| {
            let declares = ["function", "const", "let", "var"].iter().any(|word| is(&two[0], word));
            declares && is(&two[1], "open")
        });
        if is_its_own {
            return;
        }
        for at in 0..tokens.len() {
            let is_member = at > 0 && tokens[at - 1].kind == Kind::Mark('.');
            let is_call = tokens.get(at + 1).is_some_and(|next| next.kind == Kind::Mark('('));
            if !is(&tokens[at], "open") || is_member || !is_call {
                continue;
            }
            let given: Vec<&Kind> =
                tokens[at + 2..].iter().take(4).map(|token| &token.kind).collect();
            let line = tokens[at].line;
            let place = (shown.to_owned(), line);
            match given.as_slice() {
                [Kind::Text(name), Kind::Mark(')'), ..] => {
                    self.opened.push((folder.to_owned(), name.clone(), false, place));
                }
                [Kind::Text(name), Kind::Mark(','), Kind::Text(mode), ..] if mode == "b" => {
                    self.opened.push((folder.to_owned(), name.clone(), true, place));
                }
                _ => self.problems.push((
                    shown.to_owned(),
                    line,
                    "`open` needs the file's path as a text, such as open('./users.json'), since the file becomes part \
                     of the script when it is built"
                        .to_owned(),
                )),
            }
        }
    }

    /// Reads the files that are opened. Only those of the script's project, which is what most mistakes and some tricks would
    /// not be. It is no wall: building a source needs trust, and its imports may name any file.
    fn open_files(&mut self) {
        for (folder, name, is_binary, (shown, line)) in std::mem::take(&mut self.opened) {
            let mut problem = |what: String| self.problems.push((shown.clone(), line, what));
            let path = folder.join(name.strip_prefix("file://").unwrap_or(&name));
            let real = match path.canonicalize() {
                Ok(real) => real,
                Err(error) => {
                    problem(format!("`open('{name}')`: {error}"));
                    continue;
                }
            };
            if !real.starts_with(self.project) {
                problem(format!(
                    "`open('{name}')`: the file is not in the script's project; copy it there, or give it to the script as a dataset"
                ));
                continue;
            }
            match fs::metadata(&real).map(|found| found.len()) {
                Ok(length) if length > LARGEST => problem(format!(
                    "`open('{name}')`: the file has more than 64 MiB, and each virtual user would hold it; give it to the \
                     script as a dataset"
                )),
                _ => match fs::read(&real) {
                    Ok(content) => {
                        let other = self.found.files.insert((is_binary, name.clone()), content);
                        let now = self.found.files.get(&(is_binary, name.clone()));
                        if other.is_some_and(|other| now != Some(&other)) {
                            problem(format!(
                                "`open('{name}')`: another module of the script opens another file by this name; give one of them \
                                 another name"
                            ));
                        }
                    }
                    Err(error) => problem(format!("`open('{name}')`: {error}")),
                },
            }
        }
    }
}

/// What a module of the SDK gives whoever imports it.
#[derive(Debug)]
struct Exports {
    named: BTreeSet<String>,
    /// Those of what it exports as a whole.
    members: BTreeSet<String>,
}

impl Exports {
    /// Those of a module by k6's name, if it is there.
    fn of(module: &str) -> Option<Self> {
        let (_, file) = MODULES.iter().find(|(name, _)| *name == module)?;
        Self::of_file(file)
    }

    /// Those of a file of the SDK.
    fn of_file(file: &str) -> Option<Self> {
        let (_, content) = sdk::JS.iter().find(|(name, _)| *name == file)?;
        Some(Self::in_source(content))
    }

    fn in_source(source: &str) -> Self {
        let tokens = tokens(source);
        let mut exports = Self { named: BTreeSet::new(), members: BTreeSet::new() };
        for (at, _) in tokens.iter().enumerate().filter(|(_, token)| is(token, "export")) {
            let rest = &tokens[at + 1..];
            let Some(first) = rest.first() else { continue };
            let listed = |rest: &[Token]| -> Vec<String> {
                let inside = rest.iter().take_while(|token| token.kind != Kind::Mark('}'));
                inside.filter_map(name).collect()
            };
            if is(first, "default") {
                exports.members.extend(listed(&rest[1..]));
            } else if first.kind == Kind::Mark('{') {
                exports.named.extend(listed(rest));
            } else {
                exports.named.extend(rest.get(1).and_then(name));
            }
        }
        exports
    }

    fn has(&self, name: &str) -> bool {
        name == "default" || self.named.contains(name)
    }

    fn is_member(&self, name: &str) -> bool {
        self.named.contains(name) || self.members.contains(name) || name == "default"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(files: &[(&str, &str)]) -> Result<Option<OfK6>, String> {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().canonicalize().unwrap();
        for (name, content) in files {
            let path = folder.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        of_k6(&folder.join("script.js")).map_err(|fault| {
            let text = anstream::adapter::strip_str(&fault.text()).to_string();
            text.replace(&format!("{}/", folder.display()), "")
        })
    }

    #[test]
    fn types_of_k6_are_left_to_typescript() {
        let script = "import http, { RefinedResponse } from 'k6/http';\n\
            import { Options } from 'k6/options';\n\
            let it: http.ResponseType;";
        let folder = tempfile::tempdir().unwrap();
        for (name, is_fine) in [("script.ts", true), ("script.js", false)] {
            let path = folder.path().join(name);
            fs::write(&path, script).unwrap();
            assert_eq!(of_k6(&path).is_ok(), is_fine, "{name}");
        }
    }

    #[test]
    fn two_files_of_one_name_are_not_taken_for_each_other() {
        let script = "import 'k6'; import './lib/l.js'; open('./u.json');";
        let lib = "open('./u.json');";
        let files = |other| {
            [("script.js", script), ("lib/l.js", lib), ("u.json", "[1]"), ("lib/u.json", other)]
        };
        assert!(said(&files("[1]")).is_ok(), "they hold the same");
        let text = said(&files("[2]")).unwrap_err();
        assert!(text.contains("opens another file by this name"), "{text}");
    }

    #[test]
    fn all_that_is_not_supported_is_said_at_once_with_its_lines() {
        let script = "import http, { get, ftp } from 'k6/http';\n\
            import { browser } from 'k6/browser';\n\
            import * as k6 from 'k6';\n\
            import x, { textSummary, jUnit } from 'https://jslib.k6.io/k6-summary/0.0.2/index.js';\n\
            import { URL } from 'https://jslib.k6.io/url/1.0.0/index.js';\n\
            import { login } from './lib/login';\n\
            export default function () {\n\
              // http.nothing\n\
              http.get(`${http.telepathy('a')}`);\n\
              k6.check(1, {});\n\
              k6.levitate();\n\
              open(name);\n\
              open('./missing.json');\n\
              open('../script.js');\n\
            }\n";
        let login = "import h from 'k6/http';\nexport const login = () => h.login('http.wrong');\n";
        let text = said(&[("script.js", script), ("lib/login.js", login)]).unwrap_err();
        let details: Vec<_> = text.lines().filter(|line| line.starts_with("  ")).collect();
        assert_eq!(
            details,
            [
                "  lib/login.js:2: `h.login` of `k6/http` is not supported",
                "  script.js:1: `ftp` of `k6/http` is not supported",
                "  script.js:2: `k6/browser` is not supported",
                "  script.js:4: `jUnit` of `https://jslib.k6.io/k6-summary/0.0.2/index.js` is not supported",
                "  script.js:5: `https://jslib.k6.io/url/1.0.0/index.js`: modules are not loaded from the network; save it beside the script, and import it from there",
                "  script.js:9: `http.telepathy` of `k6/http` is not supported",
                "  script.js:11: `k6.levitate` of `k6` is not supported",
                "  script.js:12: `open` needs the file's path as a text, such as open('./users.json'), since the file becomes part of the script when it is built",
                "  script.js:13: `open('./missing.json')`: No such file or directory (os error 2)",
                "  script.js:14: `open('../script.js')`: No such file or directory (os error 2)",
            ],
            "{text}"
        );
        assert!(text.starts_with("error: `script.js` uses what is not supported of k6"), "{text}");
    }

    #[test]
    fn a_script_without_k6_is_left_alone() {
        let script = "import { get } from 'wasmload';\nopen(get);\n";
        assert_eq!(said(&[("script.js", script)]), Ok(None));
        assert_eq!(said(&[]), Ok(None), "what is not there is not ours to say");
    }

    #[test]
    fn files_that_are_opened_by_a_text_become_part_of_the_script() {
        let script = "import { SharedArray } from 'k6/data';\n\
            const users = JSON.parse(open('./users.json'));\n\
            const bytes = open('data/image.bin', 'b');\n\
            file.open(name);\n";
        let files = [("script.js", script), ("users.json", "[]\n"), ("data/image.bin", "\u{1}")];
        let found = said(&files).unwrap().unwrap();
        assert_eq!(
            found.embedding(Path::new("/sdk")),
            "import { embed } from \"/sdk/k6/globals.js\";\n\
             embed(\":./users.json\", \"[]\\n\");\n\
             embed(\"b:data/image.bin\", Uint8Array.fromHex(\"01\"));\n"
        );
        assert_eq!(OfK6::default().embedding(Path::new("/sdk")), "");
    }

    #[cfg(unix)]
    #[test]
    fn no_file_from_elsewhere_becomes_part_of_a_script() {
        let folder = tempfile::tempdir().unwrap();
        let script = folder.path().join("scripts/script.js");
        fs::create_dir_all(script.parent().unwrap()).unwrap();
        fs::write(folder.path().join("secret"), "hunter2").unwrap();
        std::os::unix::fs::symlink("../secret", script.with_file_name("link")).unwrap();
        for path in ["../secret", "./link", "/etc/passwd"] {
            fs::write(&script, format!("import 'k6';\nopen('{path}');\n")).unwrap();
            let fault = of_k6(&script.canonicalize().unwrap()).unwrap_err().text();
            assert!(fault.contains("the file is not in the script's project"), "{path}: {fault}");
        }
        fs::write(folder.path().join("package.json"), "{}").unwrap();
        fs::write(&script, "import 'k6';\nopen('../secret');\n").unwrap();
        let found = of_k6(&script.canonicalize().unwrap()).unwrap().unwrap();
        assert_eq!(found.files.len(), 1, "it is one of the project's now");
    }

    #[test]
    fn every_module_is_in_the_sdk_and_exports_something() {
        for (module, file) in MODULES {
            let exports = Exports::of(module).unwrap_or_else(|| panic!("{file} is not in the SDK"));
            assert!(!exports.named.is_empty(), "{module}");
        }
        let http = Exports::of("k6/http").unwrap();
        assert!(http.has("get") && http.is_member("url") && http.has("default"));
        assert!(!http.has("CookieJar"));
    }

    #[test]
    fn the_table_of_what_is_supported_is_true() {
        let readme = include_str!("../../../../guest-sdk/js/k6/README.md");
        let rows = readme.lines().filter(|line| line.starts_with("| `k6"));
        let written: Vec<String> = rows.map(ToOwned::to_owned).collect();
        let mut modules = MODULES;
        modules.sort_unstable();
        let expected = modules.map(|(module, _)| {
            let Exports { named, mut members } = Exports::of(module).expect("it is there");
            members.extend(named.iter().cloned());
            assert_eq!(members, named, "{module}: each is exported by itself, and as one of all");
            let names: Vec<_> = named.iter().map(|name| format!("`{name}`")).collect();
            format!("| `{module}` | {} |", names.join(", "))
        });
        assert_eq!(written, expected);
    }
}
