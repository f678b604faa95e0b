//! Builds scripts in C, with clang and the libraries of wasi-libc.
//!
//! A script is one file, or all the `.c` files of a folder with a `Makefile`, but for those whose names begin with `test`.
//! The Makefile is the author's, for tests and the like: nothing in it is run or read. Flags of the author's are in
//! `CFLAGS`, and what the compiler says is passed on as it says it.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::kept::{self, Ingredients};
use super::tool::Tool;
use super::{Source, component, passed_on, sources, unwritten};
use crate::exit::ExitCode;
use crate::fault::Fault;
use crate::sdk;

const CLANG: Tool = Tool {
    name: "clang",
    beside: &[],
    install: "`apt-get install clang lld wasi-libc libclang-rt-14-dev-wasm32` installs it on Debian",
};

/// What every script is compiled with.
const FLAGS: [&str; 5] =
    ["--target=wasm32-wasi", "-O2", "-std=gnu11", "-mexec-model=reactor", "-Wl,--strip-all"];

/// How the names of what it is made of end.
const EXTENSIONS: &[&str] = &["c", "h"];

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

    let work = tempfile::tempdir().map_err(unwritten)?;
    let sdk = work.path().join("sdk");
    sdk::write(sdk::C, &sdk).map_err(unwritten)?;
    let command = || -> Result<Command, Fault> {
        let mut command = CLANG.command(folder)?;
        command.args(FLAGS).arg("-I").arg(&sdk).args(flags.split_whitespace()).args(&files);
        Ok(command)
    };

    let mut ingredients = Ingredients::new();
    ingredients.add("c");
    ingredients.add_program(&clang);
    ingredients.add(&flags);
    ingredients.add_files(sdk::C);
    ingredients.add_files(sdk::WIT);
    for file in &files {
        ingredients.add(file.as_os_str().as_encoded_bytes());
    }
    match preprocessed(command()?)? {
        // All that it is made of, wherever its headers are.
        Some(text) => ingredients.add(text),
        // What is wrong is said when it is compiled.
        None => sources::add(&mut ingredients, folder, EXTENSIONS),
    }
    kept::or_make(ingredients, |component| make(command()?, &sdk, component))
}

/// A script with all that it includes; none if the compiler has something against it.
fn preprocessed(mut command: Command) -> Result<Option<Vec<u8>>, Fault> {
    // Without marks of where lines come from: the SDK is elsewhere each time.
    let output = CLANG.output(command.args(["-E", "-P", "-w"]))?;
    Ok(output.status.success().then_some(output.stdout))
}

fn make(mut command: Command, sdk: &Path, to: &Path) -> Result<(), Fault> {
    let core = to.with_extension("core");
    command.args(sdk::C.iter().map(|(file, _)| sdk.join(file)).filter(|file| is_c(file)));
    command.arg("-o").arg(&core);
    let output = CLANG.output(&mut command)?;
    if output.status.success() {
        passed_on(&output.stderr);
        return component::write(&core, to);
    }
    let said = String::from_utf8_lossy(&output.stderr);
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
    sources::is_source(path, &["c"])
}

#[cfg(test)]
mod tests {
    use std::fs;

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
