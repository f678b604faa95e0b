//! What componentize-py says of a script that cannot be loaded, as its author needs to be told.
//!
//! The tool loads the script to take a picture of it, and prints CPython's own traceback, with paths as they are in the
//! component, above a trace of itself. Here is read what CPython said.

use std::fs;
use std::path::{Path, PathBuf};

use crate::exit::ExitCode;
use crate::fault::Fault;

/// Modules of the standard library that need an operating system, and what is there instead.
const NOT_THERE: &[(&str, &str)] = &[
    ("_ctypes", "it calls code of this machine"),
    ("_curses", "a script has no terminal"),
    ("_multiprocessing", "a virtual user is one thread; `vus` says how many users there are"),
    ("_sqlite3", "a script has no files; rows of files are what `Dataset` is for"),
    ("_ssl", "the engine speaks TLS for the script: use `wasmload.http`"),
    ("_tkinter", "a script has no screen"),
    ("readline", "a script has no terminal"),
];

/// The error, of what the tool wrote to standard error. `mounted` are the folders that it was given, in order.
pub(super) fn told(
    script: &Path,
    mounted: &[PathBuf],
    packages: Option<&Path>,
    said: &str,
) -> Fault {
    let fault = |message: String| Fault::new(ExitCode::BuildFailed, message);
    let name = script.display();
    let Some(trace) = Trace::read(said, mounted) else {
        return fault(format!("componentize-py could not build `{name}`"))
            .detail(said.split("\nStack backtrace:").next().unwrap_or(said).trim());
    };
    let last = trace.last.as_str();
    if let Some(mistake) = last.strip_prefix("wasmload.script.Mistake: ") {
        let fault = fault(format!("`{name}` is not a script yet")).detail(mistake);
        return trace.place(&mounted[2..]).into_iter().fold(fault, Fault::detail);
    }
    if ["SyntaxError", "IndentationError", "TabError"].iter().any(|kind| last.starts_with(kind)) {
        let fault = fault(format!("`{name}` is not Python"));
        return trace.syntax().into_iter().fold(fault, Fault::detail).detail(last);
    }
    let place = trace.place(&mounted[2..]);
    let with_place = |fault: Fault| place.iter().cloned().fold(fault, Fault::detail);
    if last.starts_with("ModuleNotFoundError: ") || last.starts_with("ImportError: ") {
        return not_imported(&trace, packages, &fault, &with_place);
    }
    with_place(fault(format!("`{name}` cannot be loaded"))).detail(last)
}

fn not_imported(
    trace: &Trace,
    packages: Option<&Path>,
    fault: &dyn Fn(String) -> Fault,
    with_place: &dyn Fn(Fault) -> Fault,
) -> Fault {
    let last = trace.last.as_str();
    let named = last.split('\'').nth(1).unwrap_or_default();
    let missing = named.split('.').next().unwrap_or_default();
    if let Some((module, why)) = NOT_THERE.iter().find(|(module, _)| *module == missing) {
        let module = module.trim_start_matches('_');
        return with_place(fault(format!(
            "the module `{module}` of Python needs what a script has not"
        )))
        .hint(*why);
    }
    // The package that could not be imported, or of which a part could not.
    let candidates = trace.packages().into_iter().chain([missing.to_owned()]);
    if let Some(compiled) = packages.and_then(|packages| {
        candidates.into_iter().find(|name| !name.is_empty() && is_compiled(packages, name))
    }) {
        return with_place(fault(format!(
            "the package `{compiled}` has parts that are compiled for this machine"
        )))
        .detail(last)
        .hint("scripts run as WebAssembly and can import packages of pure Python only");
    }
    if last.starts_with("ImportError: ") {
        return with_place(fault("an import failed".to_owned())).detail(last);
    }
    with_place(fault(format!("there is no module `{named}` to import"))).hint(match packages {
        Some(packages) => format!(
            "packages of pure Python are imported from `{}`, and modules from the script's folder",
            packages.display()
        ),
        None => format!(
            "if it is a package of pure Python, `python3 -m venv .venv && .venv/bin/pip install {missing}` beside the script installs it"
        ),
    })
}

/// Whether a package of this name has parts in machine code.
fn is_compiled(packages: &Path, name: &str) -> bool {
    fn holds(folder: &Path, depth: usize) -> bool {
        fs::read_dir(folder).into_iter().flatten().flatten().any(|entry| {
            let path = entry.path();
            path.extension().is_some_and(|extension| extension == "so")
                || (depth > 0 && path.is_dir() && holds(&path, depth - 1))
        })
    }
    let of_one_file = || {
        fs::read_dir(packages).into_iter().flatten().flatten().any(|entry| {
            let file = entry.file_name().to_string_lossy().into_owned();
            file.starts_with(&format!("{name}.")) && file.ends_with(".so")
        })
    };
    holds(&packages.join(name), 4) || of_one_file()
}

/// A traceback of CPython's.
struct Trace {
    frames: Vec<Frame>,
    /// The exception, on one line.
    last: String,
    /// The folders of sources, in order, and what follows them in the component: the packages'.
    folders: usize,
}

struct Frame {
    /// Which of the folders the file is in, by its number.
    folder: Option<usize>,
    /// The file as it is on this machine, if it is known.
    file: PathBuf,
    line: usize,
    /// The line of the source, and what marks a part of it.
    shown: Vec<String>,
}

impl Trace {
    fn read(said: &str, mounted: &[PathBuf]) -> Option<Self> {
        let begin = said.rfind("Traceback (most recent call last):\n  File \"/")?;
        let text = said[begin..].split("\n\nCaused by:").next()?;
        let mut frames = Vec::<Frame>::new();
        let mut last = String::new();
        for line in text.lines().skip(1) {
            if let Some(rest) = line.strip_prefix("  File \"") {
                let (file, rest) = rest.split_once("\", line ")?;
                let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
                let (folder, file) = on_this_machine(file, mounted);
                frames.push(Frame { folder, file, line: digits.parse().ok()?, shown: Vec::new() });
            } else if let (Some(shown), Some(frame)) =
                (line.strip_prefix("    "), frames.last_mut())
            {
                frame.shown.push(shown.to_owned());
            } else if !line.trim().is_empty() && last.is_empty() {
                last = line.trim().to_owned();
            }
        }
        (!last.is_empty()).then_some(Self { frames, last, folders: mounted.len() })
    }

    /// The innermost line in these folders, as it is shown.
    fn place(&self, folders: &[PathBuf]) -> Vec<String> {
        let frame = self
            .frames
            .iter()
            .rev()
            .find(|frame| folders.iter().any(|folder| frame.file.starts_with(folder)));
        let Some(frame) = frame else { return Vec::new() };
        let mut lines = vec![format!("{}:{}", frame.file.display(), frame.line)];
        lines.extend(frame.shown.first().map(|line| format!("    {line}")));
        lines
    }

    /// The line that is no Python, with its column, and a caret below it.
    fn syntax(&self) -> Vec<String> {
        let Some(frame) = self.frames.last() else { return Vec::new() };
        let source = fs::read_to_string(&frame.file).unwrap_or_default();
        let line = source.lines().nth(frame.line.saturating_sub(1)).unwrap_or_default();
        let indent = line.chars().take_while(|one| one.is_whitespace()).count();
        let mark = frame.shown.get(1).and_then(|marks| marks.find('^'));
        let place = format!("{}:{}", frame.file.display(), frame.line);
        let mut lines = vec![match mark {
            Some(mark) => format!("{place}:{}", indent + mark + 1),
            None => place,
        }];
        lines.extend(frame.shown.iter().take(2).map(|line| format!("    {line}")));
        lines
    }

    /// The packages that the import went through.
    fn packages(&self) -> Vec<String> {
        let of = |frame: &Frame| {
            let file = frame.file.strip_prefix("/").ok()?;
            let mut parts = file.iter().map(|part| part.to_string_lossy().into_owned());
            let folder: usize = parts.next()?.parse().ok()?;
            (folder >= self.folders).then(|| parts.next()).flatten()
        };
        self.frames.iter().filter(|frame| frame.folder.is_none()).filter_map(of).collect()
    }
}

/// A file of the component's, `/2/shop.py`, on this machine, and the number of its folder.
fn on_this_machine(file: &str, mounted: &[PathBuf]) -> (Option<usize>, PathBuf) {
    let parts = file.strip_prefix('/').and_then(|rest| rest.split_once('/'));
    let found = parts.and_then(|(number, rest)| {
        let number: usize = number.parse().ok()?;
        Some((number, mounted.get(number)?.join(rest)))
    });
    match found {
        Some((number, path)) => (Some(number), path),
        None => (None, PathBuf::from(file)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(error: &str) -> String {
        format!(
            "Traceback (most recent call last):\n  File \"/usr/bin/componentize-py\", line 8, in <module>\n    \
             sys.exit(script())\nAssertionError: Traceback (most recent call last):\n  \
             File \"/0/wasmload_script.py\", line 2, in <module>\n    Script = exported(\"shop\")\n  \
             File \"/1/wasmload/component.py\", line 76, in _loaded\n    x()\n{error}\n\n\n\
             Caused by:\n    what it was\n\nStack backtrace:\n   0: <anyhow>\n"
        )
    }

    fn of(folder: &Path, packages: Option<&Path>, error: &str) -> String {
        let mounted = ["/tmp/entry", "/tmp/sdk"].map(PathBuf::from);
        let mounted: Vec<_> = mounted.into_iter().chain([folder.to_owned()]).collect();
        let fault = told(Path::new("shop.py"), &mounted, packages, &said(error));
        anstream::adapter::strip_str(&fault.text())
            .to_string()
            .replace(&*folder.to_string_lossy(), "FOLDER")
    }

    #[test]
    fn a_line_that_is_no_python_is_shown_with_its_column_and_a_caret() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("shop.py"), "def iterate():\n    x = (1,\n").unwrap();
        let error = "  File \"/2/shop.py\", line 2\n    x = (1,\n        ^\nSyntaxError: '(' was never closed";
        insta::assert_snapshot!(of(folder.path(), None, error), @r"
        error: `shop.py` is not Python
          FOLDER/shop.py:2:9
              x = (1,
                  ^
          SyntaxError: '(' was never closed
        ");
    }

    #[test]
    fn what_cannot_be_imported_is_named_with_the_reason() {
        let folder = tempfile::tempdir().unwrap();
        let packages = folder.path().join("site-packages");
        fs::create_dir_all(packages.join("numpy/_core")).unwrap();
        fs::write(packages.join("numpy/_core/_multiarray.x86_64.so"), "").unwrap();
        let import = "  File \"/2/shop.py\", line 1, in <module>\n    import numpy\n";
        for (packages, error, says) in [
            (
                None,
                "ModuleNotFoundError: No module named 'numpyx'",
                "there is no module `numpyx` to import",
            ),
            (
                None,
                "ModuleNotFoundError: No module named '_ssl'",
                "`ssl` of Python needs what a script has not",
            ),
            (
                Some(packages.as_path()),
                "  File \"/3/numpy/__init__.py\", line 9, in <module>\n    x\nImportError: Error importing numpy",
                "`numpy` has parts that are compiled for this machine",
            ),
            (
                None,
                "ImportError: cannot import name 'chek' from 'wasmload' (/1/wasmload/__init__.py)",
                "cannot import name 'chek'",
            ),
        ] {
            let told = of(folder.path(), packages, &format!("{import}{error}"));
            assert!(told.contains(says), "{told}");
            assert!(told.contains("FOLDER/shop.py:1\n      import numpy\n"), "{told}");
        }
    }

    #[test]
    fn what_the_module_raises_has_its_line() {
        let folder = tempfile::tempdir().unwrap();
        let frame = "  File \"/2/shop.py\", line 3, in <module>\n    1 / 0\n    ~~^~~\n";
        insta::assert_snapshot!(of(folder.path(), None, &format!("{frame}ZeroDivisionError: division by zero")), @r"
        error: `shop.py` cannot be loaded
          FOLDER/shop.py:3
              1 / 0
          ZeroDivisionError: division by zero
        ");
        let mistake = "wasmload.script.Mistake: `options` must be a dict, but is a list";
        insta::assert_snapshot!(of(folder.path(), None, mistake), @r"
        error: `shop.py` is not a script yet
          `options` must be a dict, but is a list
        ");
    }

    #[test]
    fn what_the_tool_says_of_itself_is_passed_on() {
        let fault = told(Path::new("shop.py"), &[], None, "error: no such option\n");
        assert!(fault.text().contains("no such option"), "{}", fault.text());
    }
}
