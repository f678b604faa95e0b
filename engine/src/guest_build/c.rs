//! Builds scripts in C, with clang and the libraries of wasi-libc.
//!
//! A script is one file, or all the `.c` files of a folder with a `Makefile`, but for those whose names begin with `test`.
//! The Makefile is the author's, for tests and the like: nothing in it is run or read. Flags of the author's are in
//! `CFLAGS`, and what the compiler says is passed on as it says it.

use std::env;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::kept::{self, Ingredients};
use super::tool::Tool;
use super::{Source, component, sources};
use crate::exit::ExitCode;
use crate::fault::Fault;
use crate::printable;
use crate::sdk;

const CLANG: Tool = Tool {
    name: "clang",
    beside: &[],
    install: "`apt-get install clang lld wasi-libc libclang-rt-14-dev-wasm32` installs it on Debian",
};

/// What every script is compiled with.
const FLAGS: [&str; 5] =
    ["--target=wasm32-wasi", "-O2", "-std=gnu11", "-mexec-model=reactor", "-Wl,--strip-all"];

/// What is said where the compiler is there and its linker or its libraries are not.
const LACKS: [&str; 5] = [
    "'stdint.h' file not found",
    "'stdlib.h' file not found",
    "cannot open crt1",
    "cannot open /usr/lib/llvm",
    "program not executable",
];

/// Builds the script of this source.
pub(super) fn build(source: &Source) -> Result<PathBuf, Fault> {
    let files = script(source)?;
    let folder = match source.path.is_dir() {
        true => source.path.as_path(),
        false => source.path.parent().unwrap_or(Path::new("/")),
    };
    let clang = CLANG.find(folder)?;
    let flags = env::var("CFLAGS").unwrap_or_default();

    let mut ingredients = Ingredients::new();
    ingredients.add("c");
    ingredients.add_program(&clang);
    ingredients.add(&flags);
    for file in sdk::C.iter().chain(sdk::WIT) {
        ingredients.add(file.0);
        ingredients.add(file.1);
    }
    for file in &files {
        ingredients.add(file.as_os_str().as_encoded_bytes());
    }
    match preprocessed(&files, folder, &flags)? {
        // All that it is made of, wherever its headers are.
        Some(text) => ingredients.add(text),
        // What is wrong is said when it is compiled.
        None => sources::add(&mut ingredients, folder, &["c", "h"]),
    }
    kept::or_make(ingredients, |component| make(&files, folder, &flags, component))
}

/// A script with all that it includes; none if the compiler has something against it.
fn preprocessed(files: &[PathBuf], folder: &Path, flags: &str) -> Result<Option<Vec<u8>>, Fault> {
    let work = tempfile::tempdir().map_err(|error| unwritten(&error))?;
    sdk::write(sdk::C, work.path()).map_err(|error| unwritten(&error))?;
    let mut command = CLANG.command(folder)?;
    // Without marks of where lines come from: the SDK is elsewhere each time.
    command.args(["-E", "-P", "-w"]).args(FLAGS).arg("-I").arg(work.path());
    command.args(flags.split_whitespace()).args(files);
    let output = CLANG.output(&mut command)?;
    Ok(output.status.success().then_some(output.stdout))
}

fn unwritten(error: &io::Error) -> Fault {
    Fault::new(ExitCode::BuildFailed, "failed to write what the script is built with")
        .detail(error.to_string())
}

fn make(files: &[PathBuf], folder: &Path, flags: &str, to: &Path) -> Result<(), Fault> {
    let unwritten = |error: io::Error| unwritten(&error);
    let work = tempfile::tempdir().map_err(unwritten)?;
    let sdk = work.path().join("sdk");
    sdk::write(sdk::C, &sdk).map_err(unwritten)?;
    let core = work.path().join("core.wasm");

    let mut command = CLANG.command(folder)?;
    command.args(FLAGS).arg("-I").arg(&sdk).args(flags.split_whitespace()).args(files);
    command.args(sdk::C.iter().map(|(file, _)| sdk.join(file)).filter(|file| is_c(file)));
    command.arg("-o").arg(&core);
    let output = CLANG.output(&mut command)?;
    let said = String::from_utf8_lossy(&output.stderr);
    if output.status.success() {
        // Warnings are the author's to see.
        let mut stderr = io::stderr().lock();
        for line in said.lines() {
            // Where nobody reads them, the script is built all the same.
            let _ = writeln!(stderr, "{}", printable::line(line));
        }
        let core = fs::read(&core).map_err(unwritten)?;
        return fs::write(to, component::of(core)?).map_err(unwritten);
    }
    let fault =
        Fault::new(ExitCode::BuildFailed, "the script does not compile").detail(said.trim());
    let lacks_a_part = LACKS.iter().any(|sign| said.contains(sign));
    Err(if lacks_a_part { fault.hint(CLANG.install) } else { fault })
}

/// The files of a script.
fn script(source: &Source) -> Result<Vec<PathBuf>, Fault> {
    if source.path.is_file() {
        return Ok(vec![source.path.clone()]);
    }
    let is_script = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        is_c(path) && !name.starts_with("test")
    };
    let files: Vec<_> =
        sources::files(&source.path, &["c"], 0).into_iter().filter(is_script).collect();
    if files.is_empty() {
        return Err(Fault::new(
            ExitCode::BuildFailed,
            format!("`{}` has no script", source.path.display()),
        )
        .detail("there is no .c file in it whose name does not begin with `test`"));
    }
    Ok(files)
}

fn is_c(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "c")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_all_its_files_but_for_tests() {
        let folder = tempfile::tempdir().unwrap();
        let source = |path: &Path| Source { path: path.to_owned(), project: None };
        let said = script(&source(folder.path())).unwrap_err().text();
        assert!(said.contains("has no script"), "{said}");
        for name in ["b.c", "a.c", "test_a.c", "a.h", "Makefile"] {
            fs::write(folder.path().join(name), "").unwrap();
        }
        let [a, b] = ["a.c", "b.c"].map(|name| folder.path().join(name));
        assert_eq!(script(&source(folder.path())).unwrap(), [a.clone(), b]);
        assert_eq!(script(&source(&a)).unwrap(), [a]);
    }
}
